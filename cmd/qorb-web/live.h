#ifndef QORB_WEB_LIVE_H
#define QORB_WEB_LIVE_H

/*
 * The WebSockets: /qtop/stats, a message each update_secs, and /events, one an
 * event. What clients send is not looked at.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/qorb_client.h"
#include "conn.h"
#include "round.h"

bool live_is_path(const char *path);

/* A client wants to open one. NULL: it may; else why not, and *status. */
const char *live_check(struct conn *c, const char *path, unsigned *status);

/* It is open, and its kind is known. */
void live_begin(struct conn *c);

/* The connection takes more. */
int live_on_writeable(struct conn *c);

/* A message for a client of stats, when it is due: figures at its interval;
 * why there are none at once, and then again and again, so that it knows that
 * we are there. */
void live_on_round(struct conn *c, struct round *r);

/* An event for a client of events; message is made when it is first needed. */
void live_on_event(struct conn *c, const struct qorb_reply *row,
    struct blob **message, uint64_t now_us);

/* Once a second or so. */
void live_on_sweep(struct conn *c, uint64_t now_us);

#endif
