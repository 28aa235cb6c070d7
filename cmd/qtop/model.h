#ifndef QTOP_MODEL_H
#define QTOP_MODEL_H

/*
 * What qtop knows: pools, their backends, and how fast each is claimed from.
 * Fed in rounds, each a whole picture, by whoever reads a source; read by
 * whoever shows it. Knows neither. A round that is not over is not seen.
 *
 * A rate is what a total has grown by since the round before, per second of the
 * round's clock, so that it is right whatever the interval was. Where that
 * cannot be said (the first round, a backend just seen, a total that fell or
 * is not given, a clock that went back) it is the rate that the source itself
 * gives. It is never negative.
 *
 * Rounds whose clock is the moment of their arrival can come in a heap after a
 * stall: those that are less than MODEL_ARRIVAL_US apart count as one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "tui/sparkline.h"

/* Most pools, and most backends of all of them in a round. */
#define MODEL_POOLS_MAX	   4096
#define MODEL_BACKENDS_MAX 65536

#define MODEL_ARRIVAL_US (100 * US_PER_MS)

/* What stands for a name that the source does not say. */
#define MODEL_UNKNOWN "-"

/* In the history of rates a claim a second counts this much. */
#define MODEL_RATE_UNIT 10

struct backend_figures {
	uint64_t connecting;
	uint64_t unclaimed;
	uint64_t claimed;
	uint64_t checking;
	uint64_t total; /* claims since it appeared */
	uint64_t failures;
	uint64_t connect_p50_us;
	double claims_per_s;
	bool lacks_total; /* the source did not say it */
};

struct pool_figures {
	uint64_t claims; /* since the daemon started */
	uint64_t waiting;
	uint64_t refused;
	uint64_t slots;
	uint64_t wait_p50_us;
	uint64_t wait_p99_us;
	uint64_t hold_p50_us;
	uint64_t hold_p99_us;
	double claims_per_s;
	bool lacks_claims; /* the source did not say them: the rate is that of
			    * the backends together */
	bool is_bare;	   /* it says nothing but claims and their rate */
};

/* A total of rounds before; the model has their times. */
struct earlier {
	bool has_last;
	bool has_base;
	uint64_t last; /* of the last round */
	uint64_t base; /* of the one that rates count from */
};

struct model_backend {
	char *name;  /* owned; name and address tell backends apart */
	char *addr;  /* owned */
	char *state; /* owned: online, offline, untried, draining */
	struct backend_figures now;
	struct earlier earlier;
	struct sparkline *rates; /* owned; NULL when no history is kept */
};

struct model_pool {
	char *name;	/* owned */
	char *resolver; /* owned: ok, stale, saved, failing, none */
	struct pool_figures now;
	struct earlier earlier;
	uint64_t newly_refused;		/* since the round before */
	struct model_backend *backends; /* in the model, by name and address */
	size_t count;
};

/* A whole picture. */
struct model_round {
	struct model_pool *pools; /* owned, by name */
	size_t count;
	struct model_backend *backends; /* owned; those of a pool together */
	uint32_t *owners; /* owned; of a round that comes: their pools */
	size_t backend_count;
};

/* When a round was whole. */
struct model_time {
	uint64_t t_us;	   /* since the epoch */
	uint64_t clock_us; /* what rates are per second of */
	bool is_arrival;   /* that clock is ours, not the source's */
};

struct model {
	struct model_round now;
	struct model_round next; /* the one that comes */
	size_t last_pool;	 /* of next: where its last backend went */
	bool keeps_history;	 /* set by its user after model_init */
	double claims_per_s;	 /* of all pools */
	uint64_t rounds;	 /* ended so far */
	struct model_time time;	 /* of the last round */
	uint64_t base_us;	 /* clock that rates count from */
	uint64_t step_us;	 /* clock of the first round of a heap */
	bool is_anew;		 /* the next round has no round before it */
};

/* Whose figures these are; NULL for what the source does not say. Borrowed for
 * a call. */
struct model_names {
	const char *pool; /* never NULL */
	const char *resolver;
	const char *backend; /* never NULL for a backend */
	const char *addr;
	const char *state;
};

void model_init(struct model *model);
void model_fini(struct model *model);

/* A round begins: all that it does not name is gone at its end. One that had
 * begun is forgotten. */
void model_begin(struct model *model);

/* False when there are more of them than a model holds. A backend also names
 * its pool. Of two of the same name one counts. */
bool model_add_pool(struct model *model, const struct model_names *names,
    const struct pool_figures *now) MUST_CHECK;
bool model_add_backend(struct model *model, const struct model_names *names,
    const struct backend_figures *now) MUST_CHECK;

/* The round is whole: it is what the model shows from now on. Pointers into
 * the one before end here. */
void model_end(struct model *model, const struct model_time *time);

/* Seconds since the epoch, as a source writes them, in microseconds; 0 when
 * they are no such moment. */
uint64_t model_time_us(double t);

/* The source is another one, or was away: totals of before say nothing. */
void model_start_anew(struct model *model);

/* NULL when there is none. */
const struct model_pool *model_get_pool(
    const struct model *model, const char *name);
const struct model_backend *model_get_backend(
    const struct model_pool *pool, const char *name, const char *addr);

#endif
