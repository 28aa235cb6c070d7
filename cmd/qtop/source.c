#include "source.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/qorb_client.h"
#include "io/fd.h"

#define TAG "qtop"

#define WHY_BYTES 640

struct source {
	struct source_options options;
	struct model *model;	    /* borrowed */
	struct qorb_client *client; /* owned */
	struct event *readable;	    /* owned; NULL when not connected */
	struct event *writable;	    /* owned; NULL when not connected */
	struct event *silence;	    /* owned */
	bool is_over;		    /* on_lost was called, or the one round
				     * that was asked for has come */
};

static void
lose(struct source *s, const char *why)
{
	if (s->is_over)
		return;
	s->is_over = true;
	if (s->readable != NULL) {
		(void)event_del(s->readable);
		(void)event_del(s->writable);
	}
	(void)event_del(s->silence);
	s->options.on_lost(s->options.ctx, why);
}

static void
lose_error(struct source *s, const char *code, const char *message)
{
	char why[WHY_BYTES];

	(void)snprintf(why, sizeof(why), "%s: %s", code, message);
	lose(s, why);
}

/* Within this time something has to come. */
static void
expect_word(struct source *s, uint64_t span_us)
{
	const struct timeval tv = { .tv_sec = (time_t)(span_us / US_PER_S),
		.tv_usec = (suseconds_t)(span_us % US_PER_S) };

	(void)event_add(s->silence, &tv);
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

	model_end(s->model, &time);
	model_begin(s->model);
	if (s->options.every_us == 0) {
		s->is_over = true;
		(void)event_del(s->silence);
	} else {
		expect_word(
		    s, time_after(s->options.every_us, SOURCE_SILENCE_US));
	}
	s->options.on_round(s->options.ctx);
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
		break;
	}
}

static void
take_replies(struct source *s)
{
	struct qorb_reply reply;

	while (!s->is_over && qorb_client_next(s->client, &reply))
		on_reply(s, &reply);
	if (!qorb_client_is_up(s->client))
		lose(s, qorb_client_error(s->client));
}

static void
on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct source *s = ctx;

	(void)fd;
	(void)what;
	(void)qorb_client_on_readable(s->client);
	take_replies(s);
}

static void
on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct source *s = ctx;

	(void)fd;
	(void)what;
	(void)qorb_client_on_writable(s->client);
	if (qorb_client_wants_write(s->client))
		(void)event_add(s->writable, NULL);
	take_replies(s);
}

/* Also how a source that could not connect or ask tells it from the loop. */
static void
on_silence(evutil_socket_t fd, short what, void *ctx)
{
	struct source *s = ctx;

	(void)fd;
	(void)what;
	take_replies(s);
	lose(s, "no word from the daemon for 10 s more than it was asked for");
}

static void
ask(struct source *s)
{
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
	(void)qorb_client_send(s->client, NULL, "hello",
	    (const char *const[]){ "client=qtop" }, 1);
	(void)qorb_client_send(s->client, TAG,
	    s->options.every_us > 0 ? "watch" : "stats", words, n);
}

struct source *
source_new(struct event_base *base, struct model *model,
    const struct source_options *options)
{
	struct source *s = mem_new(1, sizeof(*s));
	int fd;

	s->options = *options;
	s->model = model;
	s->silence = evtimer_new(base, on_silence, s);
	s->client = qorb_client_new(options->socket);
	ASSERT(s->silence != NULL && s->client != NULL);
	model_begin(model);
	fd = qorb_client_fd(s->client);
	if (fd < 0) {
		expect_word(s, 0);
		return s;
	}
	s->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(base, fd, EV_WRITE, on_writable, s);
	ASSERT(s->readable != NULL && s->writable != NULL);
	ask(s);
	(void)event_add(s->readable, NULL);
	if (qorb_client_wants_write(s->client))
		(void)event_add(s->writable, NULL);
	expect_word(s, qorb_client_is_up(s->client) ? SOURCE_SILENCE_US : 0);
	return s;
}

void
source_free(struct source **source)
{
	struct source *s = *source;

	*source = NULL;
	if (s == NULL)
		return;
	if (s->readable != NULL) {
		event_free(s->readable);
		event_free(s->writable);
	}
	event_free(s->silence);
	qorb_client_free(&s->client);
	free(s);
}

const char *
source_name(const struct source *source)
{
	return qorb_client_path(source->client);
}
