#ifndef QORB_CORE_RECENT_H
#define QORB_CORE_RECENT_H

/*
 * A histogram of everything since the start, that can also tell of the last
 * seconds alone: it remembers what it was when a period of RECENT_US began and
 * when the one before did. "The last seconds" are the period that is going on
 * and the one before it. Nothing has to be called while nothing is recorded,
 * and recording costs one comparison more than a histogram's.
 */

#include <stdint.h>

#include "core/base.h"
#include "core/histogram.h"

#define RECENT_US (10 * US_PER_S)

/* A zeroed one is empty. */
struct recent {
	struct histogram all;
	/* The rest is recent.c's. */
	uint64_t begun_us;	  /* the period in which it last recorded */
	struct histogram begin;	  /* what all was then */
	struct histogram earlier; /* and when the period before began */
};

/* now_us never goes back. */
void recent_record(struct recent *r, uint64_t span_us, uint64_t now_us);

/* What was recorded in the last RECENT_US to twice that. */
void recent_last(
    const struct recent *r, uint64_t now_us, struct histogram *last);

#endif
