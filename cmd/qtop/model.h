#ifndef QTOP_MODEL_H
#define QTOP_MODEL_H

/*
 * What qtop knows: pools, their backends, and how fast each is claimed from.
 * Fed in rounds, each a whole picture, by whoever reads a source; read by
 * whoever shows it. Knows neither.
 *
 * A rate is what a total has grown by since the round before, per second of the
 * source's own clock, so that it is right whatever the interval was. Where that
 * cannot be said (the first round, a backend just seen, a total that fell, a
 * clock that stood still or went back) it is the rate that the source itself
 * gives. It is never negative.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

/* Most pools, and most backends of one of them. */
#define MODEL_POOLS_MAX	   4096
#define MODEL_BACKENDS_MAX 65536

struct backend_figures {
	uint64_t connecting;
	uint64_t unclaimed;
	uint64_t claimed;
	uint64_t checking;
	uint64_t total; /* claims since it appeared */
	uint64_t failures;
	uint64_t connect_p50_us;
	double claims_per_s;
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
};

/* Whether the round before had a total, and which. */
struct earlier {
	bool is_known;
	uint64_t total;
};

struct model_backend {
	char *name;  /* owned; name and address tell backends apart */
	char *addr;  /* owned */
	char *state; /* owned: online, offline, draining */
	struct backend_figures now;
	struct earlier earlier;
	bool is_named; /* by this round */
};

struct model_pool {
	char *name;	/* owned */
	char *resolver; /* owned: ok, stale, saved, failing, none */
	struct pool_figures now;
	struct earlier earlier;
	bool is_named;
	struct model_backend *backends; /* owned, by name and address */
	size_t count;
	size_t known; /* of them in order; the others are new in this round */
};

struct model {
	struct model_pool *pools; /* owned, by name */
	size_t count;
	size_t known;
	double claims_per_s; /* of all pools */
	uint64_t t_us;	     /* of the last round, since the epoch */
	uint64_t rounds;     /* ended so far */
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

/* A round begins: all that it does not name is gone at its end. */
void model_begin(struct model *model);

/* False when there are more of them than a model holds. A backend also names
 * its pool. */
bool model_add_pool(struct model *model, const struct model_names *names,
    const struct pool_figures *now) MUST_CHECK;
bool model_add_backend(struct model *model, const struct model_names *names,
    const struct backend_figures *now) MUST_CHECK;

/* The round was whole at t_us, by the source's clock since the epoch. */
void model_end(struct model *model, uint64_t t_us);

/* NULL when there is none. */
const struct model_pool *model_get_pool(
    const struct model *model, const char *name);
const struct model_backend *model_get_backend(
    const struct model_pool *pool, const char *name, const char *addr);

#endif
