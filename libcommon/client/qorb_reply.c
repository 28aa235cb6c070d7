/*
 * Replies on their way in: bytes are read, become lines, and are taken apart in
 * place; nothing is allocated for a reply.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/qorb_client_priv.h"
#include "core/number.h"
#include "core/text.h"

/* Bytes of a broken line that an error quotes. */
#define QUOTED_BYTES 60

static void
lose_reading(struct qorb_client *client, int e)
{
	switch (e) {
	case EOVERFLOW:
		qorb_client_lose(client, "the daemon sends descriptors that "
					 "belong to no answer");
		break;
	case EPROTO:
		qorb_client_lose(client,
		    "this process may not open more descriptors, and those "
		    "that come now cannot be told apart");
		break;
	default:
		qorb_client_lose(client, "lost the daemon: %s", strerror(e));
	}
}

/* One read; false when there is nothing more to read, now or ever. */
static bool
read_some(struct qorb_client *client)
{
	size_t room;
	char *space = line_in_space(&client->in, &room);
	ssize_t n;

	if (room == 0)
		return false;
	n = qorb_fds_recv(
	    &client->fds, client->fd, space, room, client->in_bytes);
	if (n > 0) {
		line_in_added(&client->in, (size_t)n);
		client->in_bytes += (uint64_t)n;
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	client->has_unread = false;
	if (n == 0)
		qorb_client_lose(client, "the daemon closed the connection");
	else
		lose_reading(client, errno);
	return false;
}

bool
qorb_client_on_readable(struct qorb_client *client)
{
	if (!client->is_up)
		return false;
	/* One read a call, as poll comes back anyway; after a loss of
	 * descriptors reads are of one byte each. */
	while (read_some(client) && client->fds.is_lossy)
		;
	return client->is_up;
}

/* Position of the next line in the connection's bytes. */
static uint64_t
next_position(const struct qorb_client *client)
{
	return client->in_bytes - (client->in.tail - client->in.head);
}

bool
qorb_client_next_line(struct qorb_client *client, struct qorb_line *line)
{
	for (;;) {
		line->position = next_position(client);
		switch (line_in_next(&client->in, &line->text, &line->len)) {
		case LINE_OK:
			return true;
		case LINE_TOO_LONG:
			return qorb_client_lose(client,
			    "the daemon sent a line of more than %d bytes",
			    LINE_MAX_BYTES);
		case LINE_NONE:
			break;
		}
		if (!client->has_unread || !read_some(client))
			return false;
	}
}

/* The daemon's own words say more than how the connection ended, which may have
 * been noticed before they were read. */
static bool
refuse_line(struct qorb_client *client, const char *start, size_t n)
{
	char buf[4 * QUOTED_BYTES + 1];
	struct text quoted;

	text_init(&quoted, buf, sizeof(buf));
	text_add_escaped(&quoted, start, n);
	client->has_unread = false;
	qorb_client_lose(client, "%s", buf);
	return qorb_client_fail(client,
	    "what answers is no qorb-pool, it says \"%s%s\"", buf,
	    n == QUOTED_BYTES ? "..." : "");
}

/* Some errors come just before the daemon closes the connection. */
static void
note_last_words(struct qorb_client *client, const struct qorb_reply *r)
{
	static const char *const fatal[] = { "line-too-long", "slow-client",
		"too-many-clients" };

	if (r->kind != QORB_ERROR || r->tag != NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
		if (strcmp(r->code, fatal[i]) != 0)
			continue;
		qorb_client_lose(client, "%s", r->message);
		qorb_client_fail(
		    client, "the daemon closed the connection: %s", r->message);
		memcpy(client->code, fatal[i], strlen(fatal[i]) + 1);
	}
}

/* Finds the descriptor of an `ok claim=`. */
static bool
match_fd(struct qorb_client *client, struct qorb_reply *r, uint64_t position)
{
	uint64_t claim;

	if (r->kind != QORB_OK || r->argc == 0 || r->args[0].key == NULL ||
	    strcmp(r->args[0].key, "claim") != 0)
		return true;
	switch (qorb_fds_take(&client->fds, position, &r->fd)) {
	case QORB_FDS_TAKEN:
		return true;
	case QORB_FDS_LOST:
		if (qorb_reply_number(r, "claim", &claim))
			(void)qorb_release(client, claim, true);
		return true;
	case QORB_FDS_MISSING:
		break;
	}
	client->has_unread = false;
	return qorb_client_lose(client,
	    "the daemon granted claim %.40s without a descriptor",
	    r->args[0].value);
}

static enum qorb_reply_kind
kind_of(const struct reply *r)
{
	switch (r->kind) {
	case REPLY_OK:
		return QORB_OK;
	case REPLY_ERROR:
		return QORB_ERROR;
	case REPLY_ROW:
		break;
	}
	return QORB_ROW;
}

bool
qorb_client_view(struct qorb_client *client, struct qorb_line *line,
    struct qorb_reply *reply)
{
	struct reply *r = &client->parsed;
	size_t quoted = line->len < QUOTED_BYTES ? line->len : QUOTED_BYTES;
	char start[QUOTED_BYTES];

	/* Taking it apart would leave nothing to quote. */
	memcpy(start, line->text, quoted);
	if (!reply_parse(line->text, line->len, r))
		return refuse_line(client, start, quoted);
	for (size_t i = 0; i < r->argc; i++)
		client->args[i] = (struct qorb_arg){ .key = r->args[i].key,
			.value = r->args[i].value };
	*reply = (struct qorb_reply){ .kind = kind_of(r),
		.tag = r->tag,
		.code = r->code,
		.message = r->message,
		.argc = r->argc,
		.args = client->args,
		.fd = -1 };
	return true;
}

bool
qorb_client_parse(struct qorb_client *client, struct qorb_line *line,
    struct qorb_reply *reply)
{
	if (!qorb_client_view(client, line, reply))
		return false;
	note_last_words(client, reply);
	return match_fd(client, reply, line->position);
}

void
qorb_client_drop(struct qorb_client *client, const struct qorb_reply *reply)
{
	uint64_t claim;

	if (reply->fd < 0)
		return;
	close(reply->fd);
	if (qorb_reply_number(reply, "claim", &claim))
		(void)qorb_release(client, claim, false);
}

bool
qorb_client_next(struct qorb_client *client, struct qorb_reply *reply)
{
	struct qorb_line line;

	if (qorb_kept_next(client, reply))
		return true;
	while (qorb_client_next_line(client, &line)) {
		if (!qorb_client_parse(client, &line, reply))
			return false;
		if (!qorb_client_is_own(reply->tag))
			return true;
		qorb_client_drop(client, reply);
	}
	return false;
}

const char *
qorb_reply_get(const struct qorb_reply *reply, const char *key)
{
	for (size_t i = 0; i < reply->argc; i++) {
		if (reply->args[i].key != NULL &&
		    strcmp(reply->args[i].key, key) == 0)
			return reply->args[i].value;
	}
	return NULL;
}

bool
qorb_reply_number(const struct qorb_reply *reply, const char *key, uint64_t *n)
{
	const char *value = qorb_reply_get(reply, key);

	return value != NULL && number_parse(value, 0, UINT64_MAX, n);
}

bool
qorb_reply_grant(const struct qorb_reply *reply, struct qorb_grant *grant)
{
	const char *backend = qorb_reply_get(reply, "backend");
	const char *addr = qorb_reply_get(reply, "addr");
	struct qorb_grant g = { .fd = reply->fd };

	if (reply->kind != QORB_OK || reply->fd < 0 || backend == NULL ||
	    addr == NULL || !qorb_reply_number(reply, "claim", &g.claim) ||
	    !qorb_reply_number(reply, "slot", &g.slot) ||
	    strlen(backend) >= sizeof(g.backend) ||
	    strlen(addr) >= sizeof(g.addr))
		return false;
	memcpy(g.backend, backend, strlen(backend) + 1);
	memcpy(g.addr, addr, strlen(addr) + 1);
	*grant = g;
	return true;
}
