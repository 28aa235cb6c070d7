#ifndef QORB_WEB_PICTURE_H
#define QORB_WEB_PICTURE_H

/*
 * What the daemon says of itself at one moment: its pools, their backends, all
 * figures. Put together from the rows of `pools`, `stats` and `metrics`
 * (qorb-protocol(7)), in this order; then picture_end, and from then on it does
 * not change. Messages and metrics are written from it.
 *
 * A row or a figure that is not known is left out; one that is missing is 0. So
 * a daemon that is younger or older than we are is understood as far as it
 * goes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/qorb_client.h"

/* Bounds of a histogram; the daemon has 21. */
#define PICTURE_BUCKETS_MAX 64

enum picture_state {
	PICTURE_CONNECTING,
	PICTURE_UNCLAIMED,
	PICTURE_CHECKING,
	PICTURE_CLAIMED,
	PICTURE_STATES,
};

extern const char *const picture_states[PICTURE_STATES];

struct picture_backend {
	char *name, *addr, *state; /* owned */
	bool is_ambiguous;	   /* the pool has another one of this name */
	uint64_t counts[PICTURE_STATES];
	uint64_t claims;
	uint64_t failures; /* of late */
	double claims_per_s;
	uint64_t connect_p50_us;
	uint64_t connects, failures_all; /* since it appeared */
};

struct picture_bucket {
	uint64_t bound_us; /* values up to it */
	uint64_t count;	   /* of all of them */
};

struct picture_histogram {
	uint64_t count, sum_us;
	struct picture_bucket buckets[PICTURE_BUCKETS_MAX];
	size_t bucket_count;
};

struct picture_refusal {
	char *code; /* owned */
	uint64_t count;
};

struct picture_pool {
	char *name, *service, *resolver; /* owned */
	uint64_t backends, online;
	uint64_t claims, waiting, refused, slots;
	double claims_per_s;
	uint64_t wait_p50_us, wait_p99_us, hold_p50_us, hold_p99_us;
	uint64_t failures; /* of connections */
	uint64_t leaks;
	uint64_t max_slots, max_waiting;
	struct picture_histogram wait, hold, connect;
	struct picture_refusal *refusals; /* owned */
	size_t refusal_count;
	struct picture_backend *sets; /* owned; by name, then address */
	size_t set_count;
	size_t set_room;
	size_t seen; /* the set that a row of metrics was for last */
};

struct picture {
	uint64_t t_us;		    /* since the epoch */
	char *server;		    /* owned; as hello says */
	struct picture_pool *pools; /* owned; in the daemon's order */
	size_t pool_count;
};

/* server is copied. */
struct picture *picture_new(const char *server);
void picture_free(struct picture **p);

void picture_add_pool(struct picture *p, const struct qorb_reply *row);
void picture_add_stats(struct picture *p, const struct qorb_reply *row);
void picture_add_metrics(struct picture *p, const struct qorb_reply *row);
void picture_end(struct picture *p, uint64_t t_us);

/* NULL when there is none of this name. */
const struct picture_pool *picture_pool(
    const struct picture *p, const char *name);

#endif
