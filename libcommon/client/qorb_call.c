/*
 * Blocking calls: one request, its own tag, poll until its end or a deadline.
 * What comes for others meanwhile is copied and put aside, in order and with
 * its descriptors, until qorb_client_next asks for it.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/qorb_client_priv.h"

#define CLAIM_WORDS 5

/*
 * Replies put aside.
 */

static void
kept_free(struct qorb_kept **kept)
{
	if (*kept != NULL && (*kept)->fd >= 0)
		close((*kept)->fd);
	free(*kept);
	*kept = NULL;
}

void
qorb_kept_fini(struct qorb_client *client)
{
	kept_free(&client->served);
	while (client->kept_first != NULL) {
		struct qorb_kept *kept = client->kept_first;

		client->kept_first = kept->next;
		kept_free(&kept);
	}
}

static bool
keep(struct qorb_client *client, struct qorb_line *line)
{
	struct qorb_kept *kept;
	struct qorb_reply reply;

	if (client->kept_bytes + line->len > QORB_KEPT_MAX)
		return qorb_client_lose(client,
		    "16 MiB of replies to other requests were not taken");
	kept = malloc(sizeof(*kept) + line->len + 1);
	if (kept == NULL)
		return qorb_client_lose(client, "out of memory");
	kept->next = NULL;
	kept->fd = -1;
	kept->len = line->len;
	memcpy(kept->line, line->text, line->len + 1);
	/* Now, as descriptors are matched in the order of lines. */
	if (!qorb_client_parse(client, line, &reply)) {
		kept_free(&kept);
		return false;
	}
	kept->fd = reply.fd;
	if (client->kept_first == NULL)
		client->kept_first = kept;
	else
		client->kept_last->next = kept;
	client->kept_last = kept;
	client->kept_bytes += kept->len;
	return true;
}

bool
qorb_kept_next(struct qorb_client *client, struct qorb_reply *reply)
{
	struct qorb_kept *kept = client->kept_first;
	struct qorb_line line;

	kept_free(&client->served);
	if (kept == NULL)
		return false;
	line = (struct qorb_line){ .text = kept->line, .len = kept->len };
	client->kept_first = kept->next;
	client->kept_bytes -= kept->len;
	client->served = kept;
	if (!qorb_client_view(client, &line, reply))
		return false; /* never: it was taken apart before */
	reply->fd = kept->fd;
	kept->fd = -1;
	return true;
}

/*
 * Waiting.
 */

/* One blocking call on its way. */
struct call {
	struct qorb_client *client;
	char tag[QORB_TAG_BYTES];
	uint64_t end_ms; /* monotonic; UINT64_MAX for never */
	void (*each)(void *ctx, const struct qorb_reply *reply);
	void *ctx;
	enum { CALL_WAITS, CALL_OK, CALL_ERROR } state;
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int
remaining_ms(const struct call *call)
{
	uint64_t now;

	if (call->end_ms == UINT64_MAX)
		return -1;
	now = now_ms();
	return now < call->end_ms ? (int)(call->end_ms - now) : 0;
}

static void
on_error_reply(struct qorb_client *client, const struct qorb_reply *reply)
{
	qorb_client_fail(client, "%s",
	    *reply->message != '\0' ? reply->message : reply->code);
	(void)snprintf(client->code, sizeof(client->code), "%s", reply->code);
}

static void
on_own_reply(struct call *call, const struct qorb_reply *reply)
{
	if (call->state != CALL_WAITS || strcmp(reply->tag, call->tag) != 0) {
		qorb_client_drop(call->client, reply);
		return;
	}
	if (reply->kind == QORB_ERROR) {
		on_error_reply(call->client, reply);
		call->state = CALL_ERROR;
		return;
	}
	if (reply->kind == QORB_OK)
		call->state = CALL_OK;
	if (call->each != NULL)
		call->each(call->ctx, reply);
	else
		qorb_client_drop(call->client, reply);
}

/* Lines up to the call's end, or all there are. */
static void
take_lines(struct call *call)
{
	struct qorb_client *client = call->client;
	struct qorb_line line;
	struct qorb_reply reply;

	while (
	    call->state == CALL_WAITS && qorb_client_next_line(client, &line)) {
		if (strncmp(line.text, "#" QORB_OWN_PREFIX,
			sizeof("#" QORB_OWN_PREFIX) - 1) != 0) {
			if (!keep(client, &line))
				return;
		} else {
			if (!qorb_client_parse(client, &line, &reply))
				return;
			on_own_reply(call, &reply);
		}
	}
}

/* Waits until bytes may move; false at the deadline. */
static bool
wait_for_bytes(struct call *call)
{
	struct qorb_client *client = call->client;
	struct pollfd p = { .fd = client->fd, .events = POLLIN };
	int n;

	do {
		p.events = POLLIN;
		if (qorb_client_wants_write(client))
			p.events |= POLLOUT;
		n = poll(&p, 1, remaining_ms(call));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return false;
	if (n < 0)
		return qorb_client_lose(
		    client, "cannot wait for the daemon: %s", strerror(errno));
	if ((p.revents & POLLOUT) != 0)
		(void)qorb_client_on_writable(client);
	if ((p.revents & ~POLLOUT) != 0)
		(void)qorb_client_on_readable(client);
	return true;
}

/* Runs a call whose request has been sent; true for `ok`. */
static bool
run(struct call *call, int timeout_ms)
{
	struct qorb_client *client = call->client;

	call->end_ms =
	    timeout_ms < 0 ? UINT64_MAX : now_ms() + (uint64_t)timeout_ms;
	(void)qorb_client_on_writable(client);
	for (;;) {
		take_lines(call);
		if (call->state != CALL_WAITS || !client->is_up)
			break;
		if (!wait_for_bytes(call) && client->is_up)
			return qorb_client_fail(client,
			    "no answer from the daemon within %d ms",
			    timeout_ms);
	}
	return call->state == CALL_OK;
}

static bool
start(
    struct call *call, const char *verb, const char *const *words, size_t count)
{
	struct qorb_client *client = call->client;

	if (client->is_up) {
		client->error[0] = '\0';
		client->code[0] = '\0';
	}
	(void)snprintf(call->tag, sizeof(call->tag), "%s%" PRIu64,
	    QORB_OWN_PREFIX, ++client->calls);
	kept_free(&client->served);
	if (qorb_client_request(client, call->tag, verb, words, count))
		return true;
	take_lines(call); /* they may say why the connection was closed */
	return false;
}

bool
qorb_call(struct qorb_client *client, const struct qorb_request *request)
{
	struct call call = {
		.client = client, .each = request->each, .ctx = request->ctx
	};

	return start(&call, request->verb, request->words, request->count) &&
	       run(&call, request->timeout_ms);
}

/*
 * Claims.
 */

struct claiming {
	struct qorb_client *client;
	struct qorb_grant *grant;
	bool is_granted;
	bool is_lost; /* the kernel dropped the descriptor */
};

static void
on_grant(void *ctx, const struct qorb_reply *reply)
{
	struct claiming *c = ctx;

	if (reply->kind != QORB_OK)
		return;
	c->is_lost = reply->fd < 0 && qorb_reply_get(reply, "claim") != NULL;
	c->is_granted = qorb_reply_grant(reply, c->grant);
	if (!c->is_granted)
		qorb_client_drop(c->client, reply);
}

/* The words of a claim. */
struct claim_words {
	const char *words[CLAIM_WORDS];
	size_t count;
	char text[LINE_MAX_BYTES]; /* holds those that are key=value */
};

static bool
build_words(struct qorb_client *client, struct claim_words *w, const char *pool,
    const struct qorb_claim_options *o)
{
	const struct {
		const char *key;
		const char *value;
	} rows[CLAIM_WORDS - 1] = { { "wait", o->wait }, { "lease", o->lease },
		{ "backend", o->backend }, { "key", o->key } };
	size_t used = 0;

	w->words[0] = pool;
	w->count = 1;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t room = sizeof(w->text) - used;
		int n;

		if (rows[i].value == NULL)
			continue;
		n = snprintf(
		    w->text + used, room, "%s=%s", rows[i].key, rows[i].value);
		if (n < 0 || (size_t)n >= room)
			return client->is_up &&
			       qorb_client_fail(client,
				   "what a claim asks for is too long: its %s",
				   rows[i].key);
		w->words[w->count++] = w->text + used;
		used += (size_t)n + 1;
	}
	return true;
}

/* A claim that came to no good end must not stay in the queue. */
static bool
cancel(struct call *call)
{
	struct qorb_client *client = call->client;
	const char *words[] = { call->tag };
	char why[QORB_ERROR_BYTES];

	memcpy(why, client->error, sizeof(why));
	(void)qorb_client_request(client, QORB_DROP_TAG, "cancel", words, 1);
	if (client->is_up)
		memcpy(client->error, why, sizeof(why));
	return false;
}

bool
qorb_claim(struct qorb_client *client, const char *pool,
    const struct qorb_claim_options *options, struct qorb_grant *grant,
    int timeout_ms)
{
	static const struct qorb_claim_options none;
	struct claiming c = { .client = client, .grant = grant };
	struct call call = { .client = client, .each = on_grant, .ctx = &c };
	struct claim_words w;

	if (!build_words(client, &w, pool, options != NULL ? options : &none))
		return false;
	if (!start(&call, "claim", w.words, w.count))
		return false;
	if (!run(&call, timeout_ms))
		return call.state == CALL_WAITS && cancel(&call);
	if (c.is_granted)
		return true;
	return qorb_client_fail(client, "%s",
	    c.is_lost ? "this process may not open more descriptors"
		      : "the daemon's answer to a claim cannot be read");
}
