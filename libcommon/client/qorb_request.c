/*
 * Requests on their way out: a line is built, checked and encoded whole, then
 * waits in one growing buffer for the kernel to take it.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/qorb_client_priv.h"
#include "core/text.h"

#ifndef MSG_NOSIGNAL /* macOS: SO_NOSIGPIPE does it for the socket */
#define MSG_NOSIGNAL 0
#endif

#define OUT_FIRST 4096

bool
qorb_client_on_writable(struct qorb_client *client)
{
	while (qorb_client_queued(client) > 0) {
		ssize_t n = send(client->fd, client->out + client->out_head,
		    qorb_client_queued(client), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n < 0) {
			client->has_unread = client->is_up;
			return qorb_client_lose(client,
			    "the daemon closed the connection: %s",
			    strerror(errno));
		}
		client->out_head += (size_t)n;
	}
	client->out_head = client->out_tail = 0;
	return client->is_up;
}

void
qorb_client_cork(struct qorb_client *client, bool on)
{
	client->is_corked = on;
	if (!on)
		(void)qorb_client_on_writable(client);
}

/* Room for n bytes more at out_tail. */
static bool
out_reserve(struct qorb_client *client, size_t n)
{
	size_t queued = qorb_client_queued(client);
	size_t cap = client->out_cap;
	char *grown;

	if (client->out_tail + n <= cap)
		return true;
	if (queued + n > QORB_OUT_MAX)
		return qorb_client_fail(client,
		    "the daemon does not read: 16 MiB of requests wait");
	if (client->out_head > 0) {
		memmove(client->out, client->out + client->out_head, queued);
		client->out_head = 0;
		client->out_tail = queued;
	}
	while (cap < queued + n)
		cap = cap == 0 ? OUT_FIRST : cap * 2;
	if (cap == client->out_cap)
		return true;
	grown = realloc(client->out, cap);
	if (grown == NULL)
		return qorb_client_fail(client, "out of memory");
	client->out = grown;
	client->out_cap = cap;
	return true;
}

/* A key stands as it is: a byte that would need %XX may not be in it. */
static bool
is_key(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '%' || s[i] == '=')
			return false;
	}
	return n > 0;
}

/* key has n bytes and may be followed by others; NULL for a bare word. */
static bool
add_arg(struct qorb_client *client, struct text *line, const char *key,
    size_t n, const char *value)
{
	text_add_char(line, ' ');
	if (key == NULL && *value == '\0')
		return qorb_client_fail(
		    client, "an argument of a request is empty");
	if (key != NULL && !is_key(key, n))
		return qorb_client_fail(client,
		    "an argument of a request has a key that is none: %.40s",
		    key);
	if (key != NULL) {
		text_add_bytes(line, key, n);
		text_add_char(line, '=');
	}
	text_add_value(line, value);
	return true;
}

static bool
add_word(struct qorb_client *client, struct text *line, const char *word)
{
	const char *sign = strchr(word, '=');

	if (sign == NULL)
		return add_arg(client, line, NULL, 0, word);
	return add_arg(client, line, word, (size_t)(sign - word), sign + 1);
}

static bool
add_request(struct qorb_client *client, struct text *line, const char *tag,
    const char *verb)
{
	if (tag != NULL) {
		if (!line_is_tag(tag))
			return qorb_client_fail(client,
			    "a tag is 1 to 32 of A-Z a-z 0-9 . _ -: %.40s",
			    tag);
		text_add_char(line, '#');
		text_add(line, tag);
		text_add_char(line, ' ');
	}
	if (*verb == '\0')
		return qorb_client_fail(client, "a request without a verb");
	text_add_value(line, verb);
	return true;
}

/* A line that is built goes to the end of the queue. */
static bool
queue_line(struct qorb_client *client, const struct text *line)
{
	if (line->is_cut)
		return qorb_client_fail(
		    client, "a request of more than %d bytes", LINE_MAX_BYTES);
	if (!out_reserve(client, line->len + 1))
		return false;
	memcpy(client->out + client->out_tail, line->buf, line->len);
	client->out[client->out_tail + line->len] = '\n';
	client->out_tail += line->len + 1;
	return client->is_corked || qorb_client_on_writable(client);
}

bool
qorb_client_request(struct qorb_client *client, const char *tag,
    const char *verb, const char *const *words, size_t count)
{
	char buf[LINE_MAX_BYTES + 1];
	struct text line;

	if (!client->is_up)
		return false;
	text_init(&line, buf, sizeof(buf));
	if (!add_request(client, &line, tag, verb))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!add_word(client, &line, words[i]))
			return false;
	}
	return queue_line(client, &line);
}

bool
qorb_client_is_own(const char *tag)
{
	return tag != NULL &&
	       strncmp(tag, QORB_OWN_PREFIX, sizeof(QORB_OWN_PREFIX) - 1) == 0;
}

static bool
is_free_tag(struct qorb_client *client, const char *tag)
{
	if (qorb_client_is_own(tag))
		return qorb_client_fail(client,
		    "tags that begin with " QORB_OWN_PREFIX
		    " are the library's own: %.40s",
		    tag);
	return true;
}

bool
qorb_client_send(struct qorb_client *client, const char *tag, const char *verb,
    const char *const *words, size_t count)
{
	return is_free_tag(client, tag) &&
	       qorb_client_request(client, tag, verb, words, count);
}

bool
qorb_client_send_args(struct qorb_client *client, const char *tag,
    const char *verb, const struct qorb_arg *args, size_t count)
{
	char buf[LINE_MAX_BYTES + 1];
	struct text line;

	if (!client->is_up || !is_free_tag(client, tag))
		return false;
	text_init(&line, buf, sizeof(buf));
	if (!add_request(client, &line, tag, verb))
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *key = args[i].key;

		if (!add_arg(client, &line, key, key == NULL ? 0 : strlen(key),
			args[i].value))
			return false;
	}
	return queue_line(client, &line);
}

bool
qorb_release(struct qorb_client *client, uint64_t claim, bool is_broken)
{
	char id[24];
	const char *words[] = { id, "broken" };

	(void)snprintf(id, sizeof(id), "%" PRIu64, claim);
	return qorb_client_request(
	    client, QORB_DROP_TAG, "release", words, is_broken ? 2 : 1);
}
