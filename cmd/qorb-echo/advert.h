#ifndef QORB_ECHO_ADVERT_H
#define QORB_ECHO_ADVERT_H

/*
 * Announces this server to a pool of the daemon (client/qorb_feed.h) from the
 * event loop, until it is freed.
 */

#include <stddef.h>

#include "client/qorb_feed.h"
#include "core/backend.h"
#include "core/base.h"

struct event_base;
struct advert;

/* base is borrowed and outlives it. NULL: there is no room. */
struct advert *advert_new(
    struct event_base *base, const struct qorb_feed_params *params) MUST_CHECK;
void advert_free(struct advert **a);

/* All backends there are from now on; copied. */
void advert_set(
    struct advert *a, const struct backend_spec *specs, size_t count);

#endif
