/* WebSockets; see live.h. */

#include "live.h"

#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "core/base.h"
#include "io/fd.h"
#include "message.h"
#include "server.h"

#define PATH_STATS  "/qtop/stats"
#define PATH_EVENTS "/events"

/* Why there are no figures is repeated at the client's own interval, within
 * these. */
#define REPEAT_LEAST_US (2 * US_PER_S)
#define REPEAT_MOST_US	(5 * US_PER_S)

bool
live_is_path(const char *path)
{
	return strcmp(path, PATH_STATS) == 0 || strcmp(path, PATH_EVENTS) == 0;
}

const char *
live_check(struct conn *c, const char *path, unsigned *status)
{
	if (c->is_excess) {
		*status = 503;
		return "as many clients as are served; try later";
	}
	if (!live_is_path(path)) {
		*status = 404;
		return "the WebSockets are /qtop/stats and /events";
	}
	c->upgrade = strcmp(path, PATH_STATS) == 0 ? CONN_STATS : CONN_EVENTS;
	return server_check(c, status);
}

void
live_begin(struct conn *c)
{
	if (c->kind == CONN_STATS) {
		c->is_first = true;
		source_ask(c->server->source);
	} else {
		feed_init(&c->feed);
	}
}

/* The next blob to be sent, when none is under way. */
static void
take_next(struct conn *c)
{
	if (c->out != NULL)
		return;
	c->sent = 0;
	if (c->kind == CONN_EVENTS) {
		c->out = feed_next(&c->feed);
	} else {
		c->out = c->next;
		c->next = NULL;
	}
}

int
live_on_writeable(struct conn *c)
{
	unsigned char *piece = c->server->piece + LWS_PRE;
	bool is_start, is_end;
	size_t n;

	take_next(c);
	if (c->out == NULL)
		return 0;
	n = c->out->len - c->sent;
	if (n > SERVER_PIECE)
		n = SERVER_PIECE;
	is_start = c->sent == 0;
	is_end = c->sent + n == c->out->len;
	memcpy(piece, c->out->bytes + c->sent, n);
	if (lws_write(c->wsi, piece, n,
		(enum lws_write_protocol)lws_write_ws_flags(
		    LWS_WRITE_TEXT, is_start, is_end)) < (int)n)
		return -1;
	c->sent += n;
	if (is_end)
		blob_drop(&c->out);
	if (c->out != NULL || c->next != NULL || feed_has(&c->feed))
		lws_callback_on_writable(c->wsi);
	return 0;
}

static uint64_t
repeat_us(const struct conn *c)
{
	if (c->query.every_us < REPEAT_LEAST_US)
		return REPEAT_LEAST_US;
	if (c->query.every_us > REPEAT_MOST_US)
		return REPEAT_MOST_US;
	return c->query.every_us;
}

/* It is told why it gets nothing, if it has not been, or not for a while. */
static bool
is_due_why(struct conn *c, const struct round *r)
{
	if (!r->is_news && (c->is_told ? r->now_us < c->due_us : !c->is_first))
		return false;
	c->due_us = r->now_us + repeat_us(c);
	return true;
}

/* Is it this client's turn? Rounds come at the least of all intervals, so one
 * that is less than half of that too early is the one. */
static bool
is_due(struct conn *c, const struct round *r)
{
	if (c->is_first) {
		c->due_us = r->now_us + c->query.every_us;
		return true;
	}
	if (!r->is_tick || r->now_us + r->every_us / 2 < c->due_us)
		return false;
	c->due_us += c->query.every_us;
	if (c->due_us < r->now_us) /* ticks were missed */
		c->due_us = r->now_us + c->query.every_us;
	return true;
}

void
live_on_round(struct conn *c, struct round *r)
{
	if (r->picture == NULL ? !is_due_why(c, r) : !is_due(c, r))
		return;
	c->is_told = c->is_first = r->picture == NULL;
	blob_drop(&c->next);
	c->next = blob_hold(round_body(r, ROUND_STATS, query_pool(&c->query)));
	lws_callback_on_writable(c->wsi);
}

/* Is a row about this client's pool? What is about none is for all. */
static bool
is_about(const struct conn *c, const struct qorb_reply *row)
{
	const char *pool = qorb_reply_get(row, "pool");

	return c->query.pool[0] == '\0' || pool == NULL ||
	       strcmp(pool, c->query.pool) == 0;
}

void
live_on_event(struct conn *c, const struct qorb_reply *row,
    struct blob **message, uint64_t now_us)
{
	const char *event = qorb_reply_get(row, "event");
	uint64_t lost;

	if (event == NULL || !is_about(c, row))
		return;
	if (strcmp(event, "lost") == 0) { /* on the way here */
		if (qorb_reply_number(row, "count", &lost))
			feed_lose(&c->feed, lost);
		return;
	}
	if (*message == NULL) {
		char *text = message_event(row);

		*message = blob_new(text, strlen(text), NULL);
	}
	feed_add(&c->feed, *message, now_us);
	lws_callback_on_writable(c->wsi);
}

void
live_on_sweep(struct conn *c, uint64_t now_us)
{
	feed_on_time(&c->feed, now_us);
	if (feed_has(&c->feed))
		lws_callback_on_writable(c->wsi);
}
