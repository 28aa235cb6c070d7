#ifndef QORB_TESTS_SIM_H
#define QORB_TESTS_SIM_H

/*
 * The simulator of the pool core: a world of virtual time in which backends,
 * sources and clients misbehave, and a model of what the pool promised.
 *
 *   scenario.c      what a world is and what happens in it, as text and structs
 *   gen.c           draws one from a seed
 *   world.c         lives it: time, what comes due when, the run
 *   world_peers.c   backends and clients: carries out actions, answers them
 *   world_ops.c     what is asked of the pools, and what goes wrong around them
 *   model.c         what must hold, judged by what is seen from outside alone
 *                   (actions, return values, events, figures): backends, slots
 *   model_claims.c  the same of claims, and of who waits for what
 *   judge.c         the same between two events, and at rest
 *   shrink.c        makes a failing one short
 *   main.c          many seeds side by side, reports, options
 *
 * A world is a list of operations (struct op) at given moments, and everything
 * that they leave open (how long this connect takes, whether that check fails)
 * is drawn from a hash of the seed and of what it is about, never from one
 * stream of numbers: so the rest of a world stays as it is when an operation is
 * taken out, which is what shrinking needs.
 *
 * What is checked when. After every event: what the observer saw (caps, order,
 * counts in each state change, who may have which connection, backoff, rate)
 * and what must hold between two events (judge.c). Every struct spec.walk
 * events, and after every operation other than a claim: all figures of the pool
 * against the model's, and pool_check. At the moments themselves: deadlines,
 * leases, timeouts. At `settled` and `even`: the promises about the long run.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base.h"
#include "core/policy.h"
#include "core/pool.h"
#include "core/rng.h"

#define POOLS_MAX    3
#define BACKENDS_MAX 64
#define USERS_MAX    4
#define CHANGES_MAX  4
#define LABELS_MAX   2000000

/* X(NAME, "word") */
#define OP_TABLE(X)                 \
	X(CLAIM, "claim")           \
	X(MODE, "mode")             \
	X(CHECKS, "checks")         \
	X(KILL, "kill")             \
	X(WEIGH, "weigh")           \
	X(SOURCE, "source")         \
	X(POLICY, "policy")         \
	X(PAUSE, "pause")           \
	X(RESUME, "resume")         \
	X(DRAIN, "drain")           \
	X(UNDRAIN, "undrain")       \
	X(REVOKE, "revoke")         \
	X(STOP, "stop")             \
	X(START, "start")           \
	X(STALL, "stall")           \
	X(SWEEP, "sweep")           \
	X(CALM, "calm")             \
	X(SETTLED, "settled")       \
	X(EVEN_BEGIN, "even-begin") \
	X(EVEN_END, "even-end")

enum op_kind {
#define X(name, word) OP_##name,
	OP_TABLE(X)
#undef X
	    OP_COUNT,
};

/* How a backend answers a connect. */
enum mode {
	MODE_OK,
	MODE_SLOW,
	MODE_REFUSE,
	MODE_HANG,
	MODE_CLOSE, /* accepts, and closes soon after */
	MODE_FLAKY, /* any of these */
	MODE_COUNT,
};

/* How its connections answer a check. */
enum checks {
	CHECKS_GOOD,
	CHECKS_BAD,
	CHECKS_HANG,
	CHECKS_FLAKY, /* any of these */
	CHECKS_LIE,   /* good, and dead a moment later */
	CHECKS_COUNT,
};

/* What a client does with a connection in the end. */
enum claim_fate { FATE_OK, FATE_BROKEN, FATE_GONE, FATE_NEVER, FATE_COUNT };

extern const char *const op_names[OP_COUNT];
extern const char *const mode_names[MODE_COUNT];
extern const char *const checks_names[CHECKS_COUNT];
extern const char *const fate_names[FATE_COUNT];

struct change {	     /* of one setting */
	uint8_t row; /* of policy_rows */
	uint64_t value;
};

struct op {
	uint64_t at_us;
	enum op_kind kind;
	uint8_t pool;
	int8_t backend; /* -1: none */
	uint32_t uid;	/* CLAIM */
	uint32_t label; /* CLAIM, REVOKE: which claim */
	int32_t key;	/* CLAIM, -1: none */
	uint64_t wait_us;
	uint64_t lease_us;
	uint64_t hold_us;
	uint64_t cancel_us; /* after the asking; NEVER */
	bool is_vanishing;  /* it does not cancel but goes away */
	uint8_t fate;	    /* enum claim_fate */
	uint8_t mode;	    /* MODE, CHECKS */
	uint8_t percent;    /* KILL: of its connections */
	uint16_t priority, weight;
	uint64_t span_us; /* STALL */
	uint64_t mask;	  /* SOURCE: backends named */
	struct change changes[CHANGES_MAX];
	uint8_t change_count;
};

struct backend_def {
	uint8_t name; /* backends of one name differ in their address */
	uint16_t priority, weight;
};

/* A world before anything has happened. */
struct spec {
	uint64_t seed;
	uint32_t room;	/* of the claim table */
	uint32_t batch; /* most events before actions are carried out */
	uint32_t walk;	/* events between two full checks */
	unsigned pools, backends;
	struct backend_def backend[BACKENDS_MAX];
	struct {
		bool has_acquire;
		struct policy policy;
	} pool[POOLS_MAX];
};

/* Operations one after the other; false at the end. */
struct op_source {
	bool (*next)(void *ctx, struct op *op);
	void *ctx;
};

struct script { /* a whole scenario */
	struct spec spec;
	struct op *ops; /* owned */
	size_t count, room;
	size_t at; /* of a source that reads it */
};

/* How a run ended; lies in memory shared with the process that ran it. */
struct outcome {
	bool is_done, has_failed;
	uint64_t hash, events, claims, steps_at_fail, now_us, op_at_fail;
	uint64_t ops;
	char check[64];
	char text[512];
};

/* scenario.c */
void spec_init(struct spec *s);
void policy_put(struct policy *p, const struct change *c);
uint64_t policy_get(const struct policy *p, uint8_t row);
uint8_t policy_row_of(const char *name);
bool policy_is_number(uint8_t row);
void script_add(struct script *s, const struct op *op);
void script_free(struct script *s);
struct op_source script_source(struct script *s);
void script_write(FILE *f, const struct script *s, const char *head);
bool script_read(FILE *f, struct script *s, char *why, size_t cap) MUST_CHECK;

/* gen.c */
struct gen;
struct gen *gen_new(uint64_t seed, struct spec *spec);
void gen_free(struct gen **g);
struct op_source gen_source(struct gen *g);

/* world.c */
struct run {
	const struct spec *spec;
	struct op_source ops;
	uint64_t events_most; /* core events, then it ends */
	bool has_figures;     /* all figures are compared now and then */
	bool has_walks;	      /* and pool_check is called with them */
	FILE *trace;	      /* every event as text, or NULL */
	uint64_t trace_from;  /* from this step on */
	struct outcome *outcome;
};
void world_run(const struct run *run);

/* shrink.c */
struct shrink_params {
	uint64_t seed, events;
	const char *check; /* that failed */
	bool has_walks;
	FILE *out;
};
void shrink_seed(const struct shrink_params *p);

/* main.c: runs in a process of its own, which it may crash. */
void run_apart(const struct run *run, unsigned seconds);

#endif
