#ifndef QORB_WEB_FEED_H
#define QORB_WEB_FEED_H

/*
 * The events that are for one browser: which of all that happens are for
 * browsers at all, how many a second, and what is lost when that is too much.
 * What waits to be sent is bounded; a reader that is too slow for it loses
 * events and is told how many.
 */

#include <stdbool.h>
#include <stdint.h>

#include "blob.h"
#include "core/base.h"

/* Of one second, and what may wait. */
#define FEED_PER_S 20
#define FEED_ROOM  64

struct feed {
	struct blob *waiting[FEED_ROOM]; /* held */
	unsigned first, count;
	uint64_t lost;	    /* since the reader was last told */
	uint64_t second_us; /* when the present second began */
	unsigned taken;	    /* in it */
};

/* The kinds of events that are for browsers, as the daemon is asked for them:
 * not what is part of every claim's life. */
extern const char feed_kinds[];

void feed_init(struct feed *f);
void feed_fini(struct feed *f);

/* One more event; held when there is room for it. */
void feed_add(struct feed *f, struct blob *event, uint64_t now_us);

/* As many more were lost before they came here. */
void feed_lose(struct feed *f, uint64_t count);

/* Now and then: what was lost is told when its second is over, or with the next
 * event that is not. */
void feed_on_time(struct feed *f, uint64_t now_us);

/* The next to be sent, for the caller to drop; NULL when there is none. */
struct blob *feed_next(struct feed *f) MUST_CHECK;

bool feed_has(const struct feed *f);

#endif
