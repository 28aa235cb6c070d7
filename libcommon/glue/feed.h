#ifndef QORB_GLUE_FEED_H
#define QORB_GLUE_FEED_H

/*
 * Tells a pool of the daemon its backends (client/qorb_feed.h) from an event
 * loop, until it is freed.
 */

#include <stddef.h>

#include "client/qorb_feed.h"
#include "core/backend.h"
#include "core/base.h"

struct event_base;
struct feed;

/* base is borrowed and outlives it. NULL: there is no room. */
struct feed *feed_new(
    struct event_base *base, const struct qorb_feed_params *params) MUST_CHECK;
void feed_free(struct feed **f);

/* All backends there are from now on; copied. */
void feed_set(struct feed *f, const struct backend_spec *specs, size_t count);

#endif
