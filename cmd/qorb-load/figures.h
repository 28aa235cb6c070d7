#ifndef QORB_LOAD_FIGURES_H
#define QORB_LOAD_FIGURES_H

/*
 * What a run has shown so far: counts, latencies, who served. Only recorded
 * here; progress, report and screens read it. Nothing is allocated for a
 * cycle, only for a backend or a slot that was not seen before.
 *
 * The figures stand still once the end of the run is marked: cycles that are
 * then finished or cut short are counted as `cut` and go into nothing else.
 * Failures still count, since a wrong echo is one at any time.
 *
 * Latencies, in microseconds:
 *  wait   from the claim's planned moment (open model) or its request (closed
 *         model, where it equals the raw one) to its grant
 *  cycle  from the same moment to the echo's end and the hold's end
 *  raw    the same from the moment the request was sent, whatever was planned
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/histogram.h"
#include "cost.h"
#include "failure.h"

/* Slots told apart; what further ones serve is in none of the counts of slots
 * and connections. */
#define FIGURES_SLOTS_MAX 65536
/* Backends told apart; claims on further ones count under one name. */
#define FIGURES_BACKENDS_MAX 32768

struct figures_backend {
	char *name; /* owned */
	uint64_t hash;
	uint64_t claims;
};

/* A slot has one connection after the other. Two runs that follow each other
 * may share one: the last of the first run and the first of the second. */
struct figures_slot {
	uint64_t id;	      /* UINT64_MAX: none */
	uint64_t first, last; /* connections */
	uint64_t connections; /* how many */
	uint64_t claims;      /* on all of them */
};

/* Latencies of one kind, from the plan and from the request. */
struct figures_spans {
	struct histogram wait;
	struct histogram cycle;
};

struct figures {
	uint64_t asked;	  /* claims requested */
	uint64_t granted; /* claims that got a connection */
	uint64_t cycles;  /* whole ones, the echo right */
	uint64_t cut;	  /* not whole when the run ended */
	uint64_t planned; /* arrivals due by the end (open model) */
	uint64_t failures[FAILURE_COUNT];
	struct figures_spans spans;
	struct figures_spans raw; /* filled in the open model alone */
	struct histogram lately;  /* waits since the last progress line */
	struct figures_backend *backends; /* owned */
	size_t backend_count;
	size_t backend_cap;	    /* of backends; a power of two */
	uint32_t *backend_index;    /* owned; 2 * cap; 0 none, else 1 + index */
	struct figures_slot *slots; /* owned; hash table */
	size_t slot_count;
	size_t slot_cap;	    /* a power of two, over 2 * slot_count */
	uint64_t connections;	    /* of all slots together */
	uint64_t connection_claims; /* on these */
	bool has_more_slots;
	bool is_open; /* the open model */
	bool is_ended;
	uint64_t begun_us;   /* of the monotonic clock */
	uint64_t elapsed_us; /* once ended */
	struct cost cost;    /* of this process, once ended */
};

struct figures *figures_new(bool is_open);
void figures_free(struct figures **figures);

/* A grant: when it was planned, sent and had. */
struct figures_grant {
	const char *backend; /* borrowed for the call */
	uint64_t slot;
	uint64_t connection; /* as for struct lent */
	uint64_t planned_us;
	uint64_t asked_us;
	uint64_t now_us;
};

void figures_on_granted(struct figures *f, const struct figures_grant *grant);
void figures_on_cycle(
    struct figures *f, uint64_t planned_us, uint64_t asked_us, uint64_t now_us);
void figures_on_failure(struct figures *f, unsigned failure);

/* The run ends here: from now on nothing but failures is counted. */
void figures_end(struct figures *f, uint64_t now_us, const struct cost *cost);

/* Adds the figures of a run that has ended, of the same model. */
void figures_add(struct figures *to, const struct figures *from);

/* Of all codes together. */
uint64_t figures_failures(const struct figures *f);

/* Failed cycles in percent of all that came to an end; 0 when none has. */
double figures_failure_share(const struct figures *f);

/* Claims on each connection in the mean; 0 when none was seen. */
double figures_claims_each(const struct figures *f);

/* Events a second of the time until the end; 0 for no time. */
double figures_rate(const struct figures *f, uint64_t count);

/* The shares of the run, 0 to 1, in which this process was on a processor, and
 * in which it waited for one though it had something to do. */
double figures_cpu_share(const struct figures *f);
double figures_delayed_share(const struct figures *f);

/* Time on a processor for each whole cycle; 0 when there is none. */
double figures_cycle_cpu_us(const struct figures *f);

/* Backends by claims, most first, then by name. */
void figures_sort_backends(struct figures *f);

#endif
