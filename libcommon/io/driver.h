#ifndef QORB_IO_DRIVER_H
#define QORB_IO_DRIVER_H

/*
 * Runs in an event loop what knows no event loop: something that has at most
 * one descriptor, wants to read from it always and to write now and then, and
 * has a next moment at which it wants to be called.
 */

#include <stdbool.h>

#include "core/base.h"

struct event_base;
struct driver;

struct driver_ops {
	int (*fd)(void *ctx); /* -1: none now */
	bool (*wants_write)(void *ctx);
	int (*wait_ms)(void *ctx); /* until on_time, -1: for ever */
	void (*on_ready)(void *ctx, bool can_read, bool can_write);
	void (*on_time)(void *ctx);
};

/* base, ops and ctx are borrowed and outlive the driver. NULL: the event loop
 * has no room. */
struct driver *driver_new(struct event_base *base, const struct driver_ops *ops,
    void *ctx) MUST_CHECK;

/* Before what it drives goes. Not from its callbacks. */
void driver_free(struct driver **driver);

/* What it drives was changed from elsewhere: looks at it again. */
void driver_update(struct driver *driver);

#endif
