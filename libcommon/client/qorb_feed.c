#include "client/qorb_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/qorb_client.h"

/* Waits before a new attempt to connect. */
#define FIRST_WAIT_MS 50
#define LAST_WAIT_MS  2000

/* Wait before what was refused is told again. */
#define AGAIN_MS 5000

#define TAG	 "feed"
#define TAG_GONE "gone" /* of what withdraws */

struct set {
	size_t count;
	struct qorb_feed_backend *items; /* owned, with their strings; sorted */
};

struct qorb_feed {
	struct qorb_feed_params params; /* strings owned */
	struct qorb_client *client;	/* owned; NULL: not connected */
	struct qorb_client *former; /* owned; NULL, or a connection whose end
				     * withdraws, once the next one has told
				     * what stays */
	struct set set;
	size_t unanswered; /* requests */
	bool has_trouble;  /* since all was taken the last time */
	char code[64];	   /* of the last trouble told */
	int wait_ms;
	uint64_t try_at_ms;   /* without a client */
	bool is_refused;      /* something of what was told last */
	bool has_to_renew;    /* withdrawing one's own is not known there */
	uint64_t again_at_ms; /* when to tell all again, 0: no need */
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
set_fini(struct set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free((char *)set->items[i].name);
		free((char *)set->items[i].addr);
	}
	free(set->items);
	memset(set, 0, sizeof(*set));
}

static int
compare(const void *a, const void *b)
{
	const struct qorb_feed_backend *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name != 0 ? by_name : strcmp(x->addr, y->addr);
}

static bool
set_init(struct set *set, const struct qorb_feed_backend *from, size_t count)
{
	set->count = 0;
	set->items = calloc(count + 1, sizeof(*set->items));
	if (set->items == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct qorb_feed_backend *to = &set->items[set->count++];

		*to = from[i];
		to->name = strdup(from[i].name);
		to->addr = strdup(from[i].addr);
		if (to->name == NULL || to->addr == NULL) {
			set_fini(set);
			return false;
		}
	}
	qsort(set->items, count, sizeof(*set->items), compare);
	return true;
}

struct qorb_feed *
qorb_feed_new(const struct qorb_feed_params *params)
{
	struct qorb_feed *feed = calloc(1, sizeof(*feed));

	if (feed == NULL)
		return NULL;
	feed->params = *params;
	feed->params.pool = strdup(params->pool);
	if (params->path != NULL)
		feed->params.path = strdup(params->path);
	if (feed->params.pool == NULL ||
	    (params->path != NULL && feed->params.path == NULL))
		qorb_feed_free(&feed);
	return feed;
}

void
qorb_feed_free(struct qorb_feed **feed)
{
	struct qorb_feed *f = *feed;

	if (f == NULL)
		return;
	*feed = NULL;
	qorb_client_free(&f->client);
	qorb_client_free(&f->former);
	set_fini(&f->set);
	free((char *)f->params.path);
	free((char *)f->params.pool);
	free(f);
}

/* The same trouble again and again is told once. */
static void
tell_trouble(struct qorb_feed *f, const char *code, const char *text)
{
	const char *kind = code != NULL ? code : "lost";

	if (f->has_trouble && strcmp(f->code, kind) == 0)
		return;
	f->has_trouble = true;
	(void)snprintf(f->code, sizeof(f->code), "%s", kind);
	if (f->params.on_trouble != NULL)
		f->params.on_trouble(f->params.ctx, code, text);
}

static void
drop_client(struct qorb_feed *f)
{
	qorb_client_free(&f->client);
	f->unanswered = 0;
	f->is_refused = false;
	f->has_to_renew = false;
	f->again_at_ms = 0;
	if (f->wait_ms < FIRST_WAIT_MS)
		f->wait_ms = FIRST_WAIT_MS;
	f->try_at_ms = now_ms() + (uint64_t)f->wait_ms;
	f->wait_ms =
	    f->wait_ms * 2 < LAST_WAIT_MS ? f->wait_ms * 2 : LAST_WAIT_MS;
}

static void
drop_if_lost(struct qorb_feed *f)
{
	if (f->client == NULL || qorb_client_is_up(f->client))
		return;
	tell_trouble(f, NULL, qorb_client_error(f->client));
	drop_client(f);
}

static void
request(struct qorb_feed *f, const char *tag, const char *verb,
    const struct qorb_arg *args, size_t count)
{
	if (qorb_client_send_args(f->client, tag, verb, args, count))
		f->unanswered++;
	else if (qorb_client_is_up(f->client))
		tell_trouble(f, "bad-value", qorb_client_error(f->client));
}

static void
advertise(struct qorb_feed *f, const struct qorb_feed_backend *b)
{
	char priority[16], weight[16];
	const struct qorb_arg args[] = {
		{ NULL, f->params.pool },
		{ NULL, b->name },
		{ NULL, b->addr },
		{ "priority", priority },
		{ "weight", weight },
	};

	(void)snprintf(priority, sizeof(priority), "%u", b->priority);
	(void)snprintf(weight, sizeof(weight), "%u", b->weight);
	request(f, TAG, "advertise", args, sizeof(args) / sizeof(args[0]));
}

/* Ours alone: others may advertise the same, and would not hear of it. */
static void
withdraw(struct qorb_feed *f, const struct qorb_feed_backend *b)
{
	const struct qorb_arg args[] = {
		{ NULL, f->params.pool },
		{ NULL, b->name },
		{ NULL, "own" },
		{ "addr", b->addr },
	};

	request(f, TAG_GONE, "withdraw", args, sizeof(args) / sizeof(args[0]));
}

static bool
has_addr(const struct set *set, const struct qorb_feed_backend *b)
{
	return set->count > 0 &&
	       bsearch(b, set->items, set->count, sizeof(*b), compare) != NULL;
}

static void
withdraw_gone(struct qorb_feed *f, const struct set *old)
{
	for (size_t i = 0; i < old->count; i++) {
		if (!has_addr(&f->set, &old->items[i]))
			withdraw(f, &old->items[i]);
	}
}

/* In one write, so that the daemon sees no state between. Advertising again
 * what is there already costs little and changes nothing. */
static void
tell(struct qorb_feed *f, const struct set *old)
{
	const struct qorb_arg pool = { NULL, f->params.pool };

	qorb_client_cork(f->client, true);
	/* With nothing to tell, is there such a pool at all? */
	if (f->set.count == 0)
		request(f, TAG, "policy", &pool, 1);
	withdraw_gone(f, old);
	for (size_t i = 0; i < f->set.count; i++)
		advertise(f, &f->set.items[i]);
	qorb_client_cork(f->client, false);
	drop_if_lost(f);
}

bool
qorb_feed_set(
    struct qorb_feed *f, const struct qorb_feed_backend *backends, size_t count)
{
	struct set old = f->set, new;

	if (!set_init(&new, backends, count))
		return false;
	f->set = new;
	if (f->client != NULL)
		tell(f, &old);
	set_fini(&old);
	return true;
}

int
qorb_feed_fd(const struct qorb_feed *f)
{
	return f->client == NULL ? -1 : qorb_client_fd(f->client);
}

bool
qorb_feed_wants_write(const struct qorb_feed *f)
{
	return f->client != NULL && qorb_client_wants_write(f->client);
}

int
qorb_feed_wait_ms(const struct qorb_feed *f)
{
	uint64_t now = now_ms();
	uint64_t at = f->client == NULL ? f->try_at_ms : f->again_at_ms;

	if (f->client != NULL && at == 0)
		return -1;
	return at > now ? (int)(at - now) : 0;
}

/* An older daemon withdraws whole names alone, whoever advertised them. */
static bool
is_unknown_there(const struct qorb_reply *reply)
{
	return strcmp(reply->code, "bad-argument") == 0 && reply->tag != NULL &&
	       strcmp(reply->tag, TAG_GONE) == 0;
}

/* One answer. That what is to be withdrawn is not there is no trouble. */
static void
on_reply(struct qorb_feed *f, const struct qorb_reply *reply)
{
	if (reply->kind == QORB_ROW || f->unanswered == 0)
		return;
	f->unanswered--;
	if (reply->kind == QORB_ERROR && is_unknown_there(reply)) {
		f->has_to_renew = true;
	} else if (reply->kind == QORB_ERROR &&
		   strcmp(reply->code, "no-such-backend") != 0) {
		f->is_refused = true;
		tell_trouble(f, reply->code, reply->message);
	} else if (reply->kind == QORB_OK)
		f->wait_ms = 0;
}

/* All that there is now is told on a new connection, and what there was ends
 * with this one. */
static void
renew(struct qorb_feed *f)
{
	f->former = f->client;
	f->client = NULL;
	f->is_refused = false;
	f->has_to_renew = false;
	f->again_at_ms = 0;
	f->try_at_ms = now_ms();
}

/* All requests are answered. */
static void
on_answered(struct qorb_feed *f)
{
	qorb_client_free(&f->former);
	if (f->has_to_renew) {
		renew(f);
		return;
	}
	if (f->is_refused) {
		f->is_refused = false;
		f->again_at_ms = now_ms() + AGAIN_MS;
		return;
	}
	/* Trouble that is over is told again when it comes again. */
	f->has_trouble = false;
	f->again_at_ms = 0;
	if (f->params.on_fed != NULL)
		f->params.on_fed(f->params.ctx);
}

void
qorb_feed_on_ready(struct qorb_feed *f, bool can_read, bool can_write)
{
	struct qorb_reply reply;
	bool was_busy = f->unanswered > 0;

	if (f->client == NULL)
		return;
	if (can_write)
		(void)qorb_client_on_writable(f->client);
	if (can_read)
		(void)qorb_client_on_readable(f->client);
	while (qorb_client_next(f->client, &reply))
		on_reply(f, &reply);
	if (was_busy && f->unanswered == 0 && qorb_client_is_up(f->client))
		on_answered(f);
	drop_if_lost(f);
}

void
qorb_feed_on_time(struct qorb_feed *f)
{
	static const struct set none;

	if (qorb_feed_wait_ms(f) != 0)
		return;
	if (f->client != NULL) {
		f->again_at_ms = 0;
		tell(f, &none);
		return;
	}
	f->client = qorb_client_new(f->params.path);
	if (f->client == NULL) {
		tell_trouble(f, NULL, "out of memory");
		drop_client(f);
		return;
	}
	drop_if_lost(f);
	if (f->client != NULL)
		tell(f, &none);
}
