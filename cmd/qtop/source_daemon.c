/*
 * The daemon's socket as a source: asks for its figures once, or again and
 * again.
 */

#include "source_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/qorb_client.h"
#include "io/fd.h"

#define TAG "qtop"

#define WHY_BYTES 640

struct source_daemon {
	struct qorb_client *client; /* owned */
	struct loop_fd *socket;	    /* owned; NULL when not connected */
};

static void
lose(struct source *s, const char *why)
{
	loop_fd_free(&s->daemon->socket);
	source_tell_trouble(s, SOURCE_LOST, why);
}

static void
lose_error(struct source *s, const char *code, const char *message)
{
	char why[WHY_BYTES];

	(void)snprintf(why, sizeof(why), "%s: %s", code, message);
	lose(s, why);
}

static uint64_t
number(const struct qorb_reply *row, const char *key)
{
	uint64_t n = 0;

	(void)qorb_reply_number(row, key, &n);
	return n;
}

/* 12.5, or 0 when it is none. The locale is C's. */
static double
decimal(const struct qorb_reply *row, const char *key)
{
	const char *value = qorb_reply_get(row, key);

	return value == NULL ? 0 : strtod(value, NULL);
}

static bool
add_pool(struct source *s, const struct qorb_reply *row,
    const struct model_names *names)
{
	const struct pool_figures now = { .claims = number(row, "claims"),
		.waiting = number(row, "waiting"),
		.refused = number(row, "refused"),
		.slots = number(row, "slots"),
		.wait_p50_us = number(row, "wait_p50_us"),
		.wait_p99_us = number(row, "wait_p99_us"),
		.hold_p50_us = number(row, "hold_p50_us"),
		.hold_p99_us = number(row, "hold_p99_us"),
		.claims_per_s = decimal(row, "claims_per_s") };

	return model_add_pool(s->model, names, &now);
}

static bool
add_backend(struct source *s, const struct qorb_reply *row,
    const struct model_names *names)
{
	const struct backend_figures now = { .connecting =
						 number(row, "connecting"),
		.unclaimed = number(row, "unclaimed"),
		.claimed = number(row, "claimed"),
		.checking = number(row, "checking"),
		.total = number(row, "total"),
		.failures = number(row, "failures"),
		.connect_p50_us = number(row, "connect_p50_us"),
		.claims_per_s = decimal(row, "claims_per_s") };

	return model_add_backend(s->model, names, &now);
}

static void
on_row(struct source *s, const struct qorb_reply *row)
{
	const struct model_names names = { .pool = qorb_reply_get(row, "pool"),
		.resolver = qorb_reply_get(row, "resolver"),
		.backend = qorb_reply_get(row, "backend"),
		.addr = qorb_reply_get(row, "addr"),
		.state = qorb_reply_get(row, "state") };

	if (names.pool == NULL)
		return; /* a kind of row that is younger than we are */
	if (names.backend == NULL ? !add_pool(s, row, &names)
				  : !add_backend(s, row, &names))
		lose(s, "the daemon names more pools or backends than can be "
			"shown");
}

static void
end_round(struct source *s, uint64_t t_us)
{
	const struct model_time time = { .t_us = t_us, .clock_us = t_us };

	if (s->options.every_us > 0)
		loop_timer_start(
		    s->due, time_after(s->options.every_us, SOURCE_SILENCE_US));
	if (s->is_paused) {
		model_begin(s->model);
		return;
	}
	model_end(s->model, &time);
	source_tell_round(s);
	if (s->options.every_us == 0) {
		s->is_over = true;
		loop_timer_stop(s->due);
	}
}

/* The row that ends a round of `watch`: `* end t=...`. */
static bool
is_end(const struct qorb_reply *row)
{
	return row->argc > 0 && row->args[0].key == NULL &&
	       strcmp(row->args[0].value, "end") == 0;
}

static void
on_reply(struct source *s, const struct qorb_reply *reply)
{
	if (reply->tag == NULL || strcmp(reply->tag, TAG) != 0)
		return;
	switch (reply->kind) {
	case QORB_ERROR:
		lose_error(s, reply->code, reply->message);
		break;
	case QORB_ROW:
		if (is_end(reply))
			end_round(s, model_time_us(decimal(reply, "t")));
		else
			on_row(s, reply);
		break;
	case QORB_OK:
		/* The end of `stats`; of `watch` it is the start. */
		if (s->options.every_us == 0)
			end_round(s, clock_wall_us());
		else
			s->options.on_up(s->options.ctx);
		break;
	}
}

static void
take_replies(struct source *s)
{
	struct qorb_reply reply;

	while (!s->is_over && qorb_client_next(s->daemon->client, &reply))
		on_reply(s, &reply);
	if (!s->is_over && !qorb_client_is_up(s->daemon->client))
		lose(s, qorb_client_error(s->daemon->client));
}

static void
want_write(struct source *s)
{
	if (s->daemon->socket != NULL &&
	    qorb_client_wants_write(s->daemon->client))
		loop_fd_want_write(s->daemon->socket);
}

/* The daemon is gone, what it had sent is not: all of it, then the end. */
static void
take_rest(struct source *s)
{
	struct qorb_client *client = s->daemon->client;

	(void)shutdown(qorb_client_fd(client), SHUT_RD);
	while (!s->is_over) {
		(void)qorb_client_on_readable(client);
		take_replies(s);
	}
}

static void
on_ready(void *ctx, bool can_read, bool can_write)
{
	struct source *s = ctx;

	if (can_write)
		(void)qorb_client_on_writable(s->daemon->client);
	if (can_read)
		(void)qorb_client_on_readable(s->daemon->client);
	take_replies(s);
	if (s->daemon->socket != NULL && loop_fd_is_gone(s->daemon->socket))
		take_rest(s);
	else
		want_write(s);
}

/* Also how a source that could not connect or ask tells it from the loop. */
void
source_daemon_on_due(struct source *s)
{
	take_replies(s);
	lose(s, s->daemon->socket == NULL
		    ? "no descriptor is left to wait for the daemon"
		    : "no word from the daemon for 10 s more than it was asked "
		      "for");
}

static void
ask(struct source *s)
{
	struct qorb_client *client = s->daemon->client;
	char every[32];
	const char *words[2];
	size_t n = 0;

	if (s->options.pool != NULL)
		words[n++] = s->options.pool;
	if (s->options.every_us > 0) {
		(void)snprintf(every, sizeof(every), "every=%lluus",
		    (unsigned long long)s->options.every_us);
		words[n++] = every;
	}
	(void)qorb_client_send(
	    client, NULL, "hello", (const char *const[]){ "client=qtop" }, 1);
	(void)qorb_client_send(
	    client, TAG, s->options.every_us > 0 ? "watch" : "stats", words, n);
}

void
source_daemon_begin(struct source *s)
{
	struct source_daemon *d = mem_new(1, sizeof(*d));
	int fd;

	s->daemon = d;
	d->client = qorb_client_new(s->options.socket);
	ASSERT(d->client != NULL);
	fd = qorb_client_fd(d->client);
	if (fd >= 0)
		d->socket = loop_fd_new(s->loop, fd, on_ready, s);
	if (d->socket != NULL) {
		ask(s);
		want_write(s);
	}
	loop_timer_start(
	    s->due, d->socket != NULL && qorb_client_is_up(d->client)
			? SOURCE_SILENCE_US
			: 0);
}

void
source_daemon_end(struct source *s)
{
	loop_fd_free(&s->daemon->socket);
	qorb_client_free(&s->daemon->client);
	free(s->daemon);
	s->daemon = NULL;
}

const char *
source_daemon_name(const struct source *s)
{
	return qorb_client_path(s->daemon->client);
}
