#ifndef QORB_WEB_SERVER_H
#define QORB_WEB_SERVER_H

/*
 * The server: it listens, keeps the connections of its clients, and hands what
 * the daemon says to those that wait for it. http.c answers requests, live.c
 * feeds WebSockets; this file has what they share, and the callback by which
 * libwebsockets tells us all.
 *
 * Limits: max_clients connections are served, SERVER_EXCESS more are told that
 * they are too many, and others are closed at once. A client that says nothing
 * before its request is whole, that does not answer pings, or takes nothing of
 * what is for it, is closed after a while. What slow readers make us keep of
 * former rounds is SERVER_HELD_MAX bytes in all; those who are furthest behind
 * are closed when it is more. Beside that a client costs at most a page and a
 * piece.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <libwebsockets.h>

#include "conn.h"
#include "core/addr.h"
#include "core/text.h"
#include "picture.h"
#include "rules.h"
#include "source.h"

#define SERVER_EXCESS 32

/* What is written at once: small enough that a slow reader costs little. A
 * message up to it is one frame. */
#define SERVER_PIECE 65536

/* Bodies that are being sent, bytes. */
#define SERVER_HELD_MAX (64U << 20)

struct server_options {
	struct addr listen;
	const char *socket; /* the daemon's; borrowed */
	uint32_t max_clients;
	uint32_t max_backends; /* that have labels of their own, a pool */
	uint64_t timeout_us;
	struct rules rules;
};

struct server {
	const struct server_options *options; /* borrowed */
	struct lws_context *context;	      /* owned */
	struct source *source;		      /* owned */
	struct list conns;
	uint32_t counts[CONN_KINDS];
	uint64_t every_us; /* the least interval that is asked for */
	bool is_over;
	bool is_down;	      /* no figures have come since it was so */
	struct blob_sum held; /* what rounds gave, and is being sent */
	unsigned char *piece; /* owned; LWS_PRE and SERVER_PIECE bytes */
	lws_sorted_usec_list_t sweep, repeat;
	struct lws_protocols protocols[2];
	lws_retry_bo_t liveness;
};

/* NULL: why says what is wrong. Listens when it returns, on *bound. */
struct server *server_new(
    const struct server_options *options, struct addr *bound, struct text *why);
void server_free(struct server **s);

/* Runs until *is_told_to_end, which a signal's handler sets; server_wake, which
 * it calls then, makes the loop look. */
void server_run(struct server *s, const volatile sig_atomic_t *is_told_to_end);
void server_wake(struct server *s);

/* For http.c and live.c. A connection is of this kind from now on. */
void server_set_kind(struct conn *c, enum conn_kind kind);

/* Copies a header of the request; NULL when there is none, "" when it is longer
 * than cap. token is an enum lws_token_indexes. */
const char *server_header(const struct conn *c, int token, char *buf, int cap);

/* May this client ask here? Fills its query. NULL: yes; else why not, and
 * *status. */
const char *server_check(struct conn *c, unsigned *status);

#endif
