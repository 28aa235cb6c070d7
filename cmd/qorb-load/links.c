#include "links.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <event2/event_struct.h>

#include "client/qorb_client.h"
#include "core/base.h"
#include "core/number.h"
#include "core/text.h"
#include "io/fd.h"

#define SERVER_BYTES 64
/* Room for any word and tag that is made here. */
#define WORD_BYTES 64

/* First letters of tags. */
enum asked {
	ASKED_CLAIM = 'c',
	ASKED_CANCEL = 'x',
	ASKED_RELEASE = 'r',
	ASKED_BREAK = 'b',
	ASKED_HELLO = 'h',
	ASKED_PING = 'p',
};

struct link {
	struct links *links;
	struct qorb_client *client; /* owned */
	struct event readable;
	struct event writable;
	bool is_watched; /* the events are assigned */
	bool is_pinged;	 /* the last ping came back */
};

struct links {
	const struct workload *work;
	struct event_base *base;
	const struct links_ops *ops;
	void *ctx;
	struct link *link; /* owned; work->links */
	bool is_lost;
	char wait_word[WORD_BYTES]; /* "wait=250ms", "" for none */
	char server[SERVER_BYTES];
};

static void
links_lose(struct links *l, const char *why)
{
	if (l->is_lost)
		return;
	l->is_lost = true;
	l->ops->on_lost(l->ctx, why);
}

/* ---- Requests ---- */

/* "c17" */
static const char *
links_word(char *buf, const char *before, uint64_t number)
{
	struct text t;

	text_init(&t, buf, WORD_BYTES);
	text_add(&t, before);
	text_add_u64(&t, number);
	return buf;
}

static void
links_send(struct links *l, unsigned task, enum asked asked, const char *verb,
    const char *const *words)
{
	const char letter[] = { (char)asked, '\0' };
	char tag[WORD_BYTES];
	size_t count = 0;

	links_word(tag, letter, task);
	while (words[count] != NULL)
		count++;
	/* A failure is found at the end of the turn. */
	(void)qorb_client_send(
	    l->link[task % l->work->links].client, tag, verb, words, count);
}

void
links_claim(struct links *l, unsigned task, uint64_t key)
{
	const char *words[4] = { l->work->pool };
	char key_buf[WORD_BYTES];
	unsigned n = 1;

	if (l->wait_word[0] != '\0')
		words[n++] = l->wait_word;
	if (key != UINT64_MAX)
		words[n++] = links_word(key_buf, "key=k", key);
	links_send(l, task, ASKED_CLAIM, "claim", words);
}

void
links_cancel(struct links *l, unsigned task)
{
	char buf[WORD_BYTES];
	const char letter[] = { ASKED_CLAIM, '\0' };
	const char *const words[] = { links_word(buf, letter, task), NULL };

	links_send(l, task, ASKED_CANCEL, "cancel", words);
}

void
links_release(struct links *l, unsigned task, uint64_t claim, bool is_broken)
{
	char buf[WORD_BYTES];
	const char *const words[] = { links_word(buf, "", claim),
		is_broken ? "broken" : NULL, NULL };

	links_send(
	    l, task, is_broken ? ASKED_BREAK : ASKED_RELEASE, "release", words);
}

void
links_ping(struct links *l)
{
	for (unsigned i = 0; i < l->work->links; i++)
		(void)qorb_client_send(l->link[i].client, "p", "ping", NULL, 0);
}

bool
links_is_pinged(const struct links *l)
{
	for (unsigned i = 0; i < l->work->links; i++) {
		if (!l->link[i].is_pinged)
			return false;
	}
	return true;
}

static void
links_flush_one(struct links *l, struct link *link)
{
	if (qorb_client_queued(link->client) > 0)
		(void)qorb_client_on_writable(link->client);
	if (!qorb_client_is_up(link->client))
		links_lose(l, qorb_client_error(link->client));
	else if (qorb_client_wants_write(link->client))
		event_add(&link->writable, NULL);
}

void
links_flush(struct links *l)
{
	for (unsigned i = 0; i < l->work->links && !l->is_lost; i++)
		links_flush_one(l, &l->link[i]);
}

/* ---- Answers ---- */

/* The number that the kernel gave this socket, for as long as anybody has it
 * open. Where it gives none, slots are all that can be told apart. */
static uint64_t
links_connection(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino != 0 ? (uint64_t)st.st_ino : 1;
}

static void
links_on_granted(struct links *l, unsigned task, const struct qorb_reply *reply,
    uint64_t now_us)
{
	struct lent lent = {
		.fd = reply->fd,
		.backend = qorb_reply_get(reply, "backend"),
	};

	if (lent.backend == NULL ||
	    !qorb_reply_number(reply, "claim", &lent.claim) ||
	    !qorb_reply_number(reply, "slot", &lent.slot)) {
		fd_close(&lent.fd);
		links_lose(l, "the daemon's answer to a claim is none");
	} else if (lent.fd < 0) {
		l->ops->on_refused(l->ctx, task, LINKS_FD_LOST, "");
	} else {
		lent.connection = links_connection(lent.fd);
		l->ops->on_granted(l->ctx, task, &lent, now_us);
	}
}

static void
links_on_claim(struct links *l, const struct qorb_reply *reply, uint64_t now_us)
{
	uint64_t task;
	int fd = reply->fd;

	if (!number_parse(reply->tag + 1, 0, l->work->tasks - 1, &task)) {
		fd_close(&fd);
		links_lose(l, "the daemon answered what was not asked");
	} else if (reply->kind == QORB_ERROR) {
		l->ops->on_refused(
		    l->ctx, (unsigned)task, reply->code, reply->message);
	} else {
		links_on_granted(l, (unsigned)task, reply, now_us);
	}
}

static void
links_on_hello(struct links *l, const struct qorb_reply *reply)
{
	const char *server = qorb_reply_get(reply, "server");
	struct text text;

	text_init(&text, l->server, sizeof(l->server));
	if (server != NULL)
		text_add(&text, server);
}

/* An error that answers no request is the daemon's last word. */
static void
links_on_untagged(struct links *l, const struct qorb_reply *reply)
{
	char buf[256];
	struct text why;

	if (reply->kind != QORB_ERROR)
		return;
	text_init(&why, buf, sizeof(buf));
	text_addf(&why, "the daemon ended the connection: %s: %s", reply->code,
	    reply->message);
	links_lose(l, buf);
}

static void
links_on_reply(
    struct link *link, const struct qorb_reply *reply, uint64_t now_us)
{
	struct links *l = link->links;

	if (reply->tag == NULL) {
		links_on_untagged(l, reply);
		return;
	}
	switch ((enum asked)reply->tag[0]) {
	case ASKED_CLAIM:
		links_on_claim(l, reply, now_us);
		break;
	case ASKED_RELEASE:
		if (reply->kind == QORB_ERROR)
			l->ops->on_release_refused(l->ctx, reply->code);
		break;
	case ASKED_HELLO:
		links_on_hello(l, reply);
		break;
	case ASKED_PING:
		link->is_pinged = true;
		break;
	case ASKED_BREAK:  /* what broke it was counted */
	case ASKED_CANCEL: /* the claim has an answer of its own */
		break;
	}
}

static void
links_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *link = arg;
	struct links *l = link->links;
	struct qorb_reply reply;
	uint64_t now_us;

	(void)fd;
	(void)what;
	/* The flush at the end of this turn finds a lost connection. */
	(void)qorb_client_on_readable(link->client);
	now_us = clock_us();
	while (!l->is_lost && qorb_client_next(link->client, &reply))
		links_on_reply(link, &reply, now_us);
}

/* It ends the wait: the flush at the end of this turn writes. */
static void
links_on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* ---- Making and ending ---- */

struct links *
links_new(const struct workload *work, struct event_base *base,
    const struct links_ops *ops, void *ctx)
{
	struct links *l = mem_new(1, sizeof(*l));
	struct text wait;

	l->work = work;
	l->base = base;
	l->ops = ops;
	l->ctx = ctx;
	l->link = mem_new(work->links, sizeof(*l->link));
	text_init(&wait, l->wait_word, sizeof(l->wait_word));
	if (work->has_wait) {
		text_add(&wait, "wait=");
		text_add_duration(&wait, work->wait_us);
	}
	return l;
}

void
links_free(struct links **links)
{
	struct links *l = *links;

	if (l == NULL)
		return;
	for (unsigned i = 0; i < l->work->links; i++) {
		struct link *link = &l->link[i];

		if (link->is_watched) {
			event_del(&link->readable);
			event_del(&link->writable);
		}
		if (link->client != NULL)
			qorb_client_free(&link->client);
	}
	free(l->link);
	free(l);
	*links = NULL;
}

static const char *
links_connect_one(struct links *l, struct link *link)
{
	const char *const words[] = { "client=qorb-load" };
	int fd;

	link->links = l;
	link->client = qorb_client_new(l->work->socket_path);
	if (link->client == NULL)
		return "out of memory";
	if (!qorb_client_is_up(link->client))
		return qorb_client_error(link->client);
	qorb_client_cork(link->client, true);
	fd = qorb_client_fd(link->client);
	event_assign(&link->readable, l->base, fd, EV_READ | EV_PERSIST,
	    links_on_readable, link);
	event_assign(
	    &link->writable, l->base, fd, EV_WRITE, links_on_writable, link);
	event_add(&link->readable, NULL);
	link->is_watched = true;
	(void)qorb_client_send(link->client, "h", "hello", words, 1);
	return NULL;
}

const char *
links_connect(struct links *l)
{
	const char *why = NULL;

	for (unsigned i = 0; i < l->work->links && why == NULL; i++)
		why = links_connect_one(l, &l->link[i]);
	return why;
}

const char *
links_server(const struct links *l)
{
	return l->server;
}
