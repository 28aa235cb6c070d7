#ifndef QORB_WEB_ROUND_H
#define QORB_WEB_ROUND_H

/*
 * A round: what came of asking the daemon once, a picture or why there is none,
 * for all who look. Each body that is sent because of it, by HTTP or over a
 * WebSocket, is made when the first one needs it, and shared by all: so a round
 * costs as many bodies as there are different ones, however many clients.
 */

#include <stdbool.h>
#include <stdint.h>

#include "blob.h"
#include "picture.h"

enum round_body {
	ROUND_STATS,   /* the message of /qtop/stats and /stats.json */
	ROUND_METRICS, /* /metrics */
};

struct round {
	const struct picture *picture; /* borrowed; NULL: there is none */
	const char *why;	       /* then; borrowed */
	const char *source;	       /* borrowed */
	uint32_t max_backends;	       /* of metrics */
	struct blob_sum *sum;	       /* borrowed; of the bodies */
	bool is_tick;		       /* of the interval, not asked for */
	bool is_news; /* why is another reason than the last time */
	uint64_t now_us, every_us;
	struct round_made *made; /* owned; NULL at first */
};

/* Lent until round_fini: who sends it holds it. pool: stats of this one alone,
 * NULL for all. */
struct blob *round_body(
    struct round *r, enum round_body body, const char *pool);

void round_fini(struct round *r);

#endif
