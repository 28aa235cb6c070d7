#ifndef QORB_WEB_CONN_H
#define QORB_WEB_CONN_H

/*
 * One connection of a client: a request of HTTP that is being answered, or one
 * of the two kinds of WebSocket. It lives as long as its TCP connection.
 *
 * What goes out is one blob at a time, from `sent` on, a piece whenever the
 * connection takes one. So a reader that is slow costs a few kilobytes and the
 * holding of a message, and misses those that come meanwhile. When such readers
 * hold too much together, those with the oldest messages are closed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob.h"
#include "core/list.h"
#include "feed.h"
#include "rules.h"

struct lws;
struct server;

enum conn_kind {
	CONN_REST,   /* has asked for nothing yet, or was answered */
	CONN_HTTP,   /* is being answered, or waits for the daemon */
	CONN_STATS,  /* WebSocket of /qtop/stats */
	CONN_EVENTS, /* WebSocket of /events */
	CONN_KINDS,
};

struct conn {
	struct list_node link; /* server.conns */
	struct server *server; /* borrowed */
	struct lws *wsi;       /* borrowed */
	enum conn_kind kind;
	enum conn_kind upgrade; /* what it is to become */
	bool is_excess;		/* one more than are served */
	struct query query;

	struct blob *out; /* held; NULL: nothing is being sent */
	size_t sent;

	/* Of HTTP: what is asked for, and the answer's head. */
	const struct http_path *path;
	bool is_head;
	bool has_body; /* of its own: no further request can be read */
	bool has_head; /* it was sent */
	unsigned status;
	const char *type; /* static */
	char *nonce;	  /* owned; of a page, else NULL */

	/* Of /qtop/stats. */
	struct blob *next; /* held; what there is now, to be sent next */
	bool is_first;	   /* gets what comes, whenever that is */
	bool is_told;	   /* why nothing comes */
	uint64_t due_us;

	struct feed feed; /* of /events */
};

/* Lets go of all that it holds; it rests then. */
void conn_reset(struct conn *c);

#endif
