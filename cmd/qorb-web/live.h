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
#include "picture.h"

bool live_is_path(const char *path);

/* A client wants to open one. NULL: it may; else why not, and *status. */
const char *live_check(struct conn *c, const char *path, unsigned *status);

/* It is open, and its kind is known. */
void live_begin(struct conn *c);

/* The connection takes more. */
int live_on_writeable(struct conn *c);

/* A round: what the clients of stats are to get, made once for all of a pool.
 */
struct live_round {
	const struct picture *picture; /* NULL: there is none */
	const char *why;	       /* then */
	const char *source;
	bool is_tick;
	bool is_news; /* the reason why is another one than last time */
	uint64_t now_us, every_us;
	struct live_made *made; /* owned; NULL at first */
};

void live_round_fini(struct live_round *r);

/* A message for a client of stats, when it is due. */
void live_on_round(struct conn *c, struct live_round *r);

/* An event for a client of events; message is made when it is first needed. */
void live_on_event(struct conn *c, const struct qorb_reply *row,
    struct blob **message, uint64_t now_us);

/* Once a second or so. */
void live_on_sweep(struct conn *c, uint64_t now_us);

#endif
