#include "session.h"

#include <stdlib.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "core/base.h"
#include "core/rng.h"
#include "core/text.h"
#include "io/fd.h"
#include "failure.h"
#include "links.h"
#include "task.h"

#define WORKERS_FIRST 16
#define WHY_BYTES     512
/* How often overdue echoes are looked for. */
#define SWEEP_US (100 * US_PER_MS)
/* How often a daemon that is gone is looked for. */
#define RETRY_US US_PER_S

struct worker {
	struct task task;
	unsigned daemon; /* which of them, one after the other, lent to it */
};

struct session {
	const struct workload *work;
	struct figures *figures;
	struct board *board;
	struct crew crew;
	struct exchange_env exchange;
	struct worker **workers; /* owned, each too; those in sight first */
	size_t count;		 /* of workers, in sight or not */
	size_t cap;
	struct task **asked; /* owned; cap; claimed in this turn */
	size_t asked_count;
	struct links *links; /* owned; NULL while the daemon is gone */
	bool is_lost;	     /* the links are of no use any more */
	unsigned daemon;     /* the number of the one we talk to */
	char why[WHY_BYTES];
	struct rng keys;
	struct event sweep;
	struct event retry;
	struct event second;
};

static struct worker *
session_worker(struct task *t)
{
	return CONTAINER_OF(t, struct worker, task);
}

static bool
session_is_in_sight(const struct session *s, const struct task *t)
{
	return t->index < s->board->count;
}

/* ---- What tasks ask for ---- */

static void
session_claim(void *ctx, struct task *t)
{
	struct session *s = ctx;
	uint64_t key = UINT64_MAX;

	s->figures->asked++;
	if (s->links == NULL || s->is_lost) {
		task_on_refused(t, FAILURE_DAEMON_LOST);
		return;
	}
	if (s->work->key_space > 0)
		key = rng_below(&s->keys, s->work->key_space);
	s->asked[s->asked_count++] = t;
	links_claim(s->links, t->index, key);
}

static void
session_cancel(void *ctx, struct task *t)
{
	struct session *s = ctx;

	if (s->links != NULL && !s->is_lost)
		links_cancel(s->links, t->index);
}

static void
session_release(void *ctx, struct task *t, bool is_broken)
{
	struct session *s = ctx;

	/* Another daemon does not know of the claim. */
	if (s->links == NULL || s->is_lost ||
	    session_worker(t)->daemon != s->daemon)
		return;
	links_release(s->links, t->index, t->claim, is_broken);
}

static void
session_rest(struct task *t, unsigned failure)
{
	uint64_t rest_us = task_rest_us(t, failure);
	const struct timeval tv = {
		.tv_sec = (time_t)(rest_us / US_PER_S),
		.tv_usec = (suseconds_t)(rest_us % US_PER_S),
	};

	evtimer_add(&t->rest, &tv);
}

static void
session_on_idle(void *ctx, struct task *t, unsigned failure)
{
	struct session *s = ctx;

	if (!session_is_in_sight(s, t))
		return;
	if (!t->is_cut)
		board_on_outcome(s->board, t->index, failure);
	/* Cut before, and meanwhile added anew. */
	t->is_cut = false;
	session_rest(t, failure);
}

static void
session_on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct task *t = arg;
	struct session *s = t->crew->ops_ctx;

	(void)fd;
	(void)what;
	t->hold_us = s->board->tasks[t->index].hold_us;
	task_begin(t, 0);
}

static const struct task_ops session_task_ops = {
	.claim = session_claim,
	.cancel = session_cancel,
	.release = session_release,
	.on_idle = session_on_idle,
};

/* ---- What the daemon answers ---- */

static void
session_on_lost(void *ctx, const char *why)
{
	struct session *s = ctx;
	struct text text;

	s->is_lost = true;
	text_init(&text, s->why, sizeof(s->why));
	text_add(&text, why);
}

static struct task *
session_claiming(struct session *s, unsigned index)
{
	struct task *t = index < s->count ? &s->workers[index]->task : NULL;

	if (t != NULL && t->state == TASK_CLAIMING)
		return t;
	session_on_lost(s, "the daemon answered what was not asked");
	return NULL;
}

static void
session_on_granted(
    void *ctx, unsigned index, const struct lent *lent, uint64_t now_us)
{
	struct session *s = ctx;
	struct task *t = session_claiming(s, index);

	if (t == NULL) {
		close(lent->fd);
		return;
	}
	session_worker(t)->daemon = s->daemon;
	if (session_is_in_sight(s, t) && !t->is_cut)
		board_on_granted(
		    s->board, index, lent->backend, now_us - t->asked_us);
	task_on_granted(t, lent, now_us);
}

static void
session_on_refused(
    void *ctx, unsigned index, const char *code, const char *message)
{
	struct task *t = session_claiming(ctx, index);

	(void)message;
	if (t != NULL)
		task_on_refused(t, failure_of_code(code));
}

static void
session_on_release_refused(void *ctx, const char *code)
{
	struct session *s = ctx;

	figures_on_failure(s->figures, failure_of_code(code));
}

static const struct links_ops session_links_ops = {
	.on_granted = session_on_granted,
	.on_refused = session_on_refused,
	.on_release_refused = session_on_release_refused,
	.on_lost = session_on_lost,
};

/* ---- The daemon comes and goes ---- */

const char *
session_connect(struct session *s)
{
	const char *why;

	ASSERT(s->links == NULL);
	s->links =
	    links_new(s->work, s->crew.exchange->base, &session_links_ops, s);
	s->is_lost = false;
	s->daemon++;
	why = links_connect(s->links);
	if (why == NULL) {
		board_on_up(s->board, "");
		return NULL;
	}
	session_on_lost(s, why);
	links_free(&s->links);
	return s->why;
}

/* Claims without an answer have it now. */
static void
session_lose(struct session *s)
{
	const struct timeval soon = { .tv_sec = RETRY_US / US_PER_S };

	links_free(&s->links);
	s->asked_count = 0;
	board_on_down(s->board, s->why);
	for (size_t i = 0; i < s->count; i++) {
		struct task *t = &s->workers[i]->task;

		if (t->state == TASK_CLAIMING)
			task_on_refused(t, FAILURE_DAEMON_LOST);
	}
	evtimer_add(&s->retry, &soon);
}

static void
session_on_retry(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = { .tv_sec = RETRY_US / US_PER_S };
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (session_connect(s) == NULL)
		return;
	board_on_down(s->board, s->why);
	evtimer_add(&s->retry, &soon);
}

/* ---- Turns and timers ---- */

/* The claims of this turn are about to be written: their latency starts. */
static void
session_stamp(struct session *s)
{
	uint64_t now_us = clock_us();

	for (size_t i = 0; i < s->asked_count; i++) {
		s->asked[i]->asked_us = now_us;
		s->asked[i]->planned_us = now_us;
	}
	s->asked_count = 0;
}

void
session_turn(struct session *s)
{
	size_t in_sight = s->board->count;

	if (s->links != NULL && !s->is_lost) {
		session_stamp(s);
		links_flush(s->links);
		if (!s->is_lost && !s->board->note[0])
			board_on_up(s->board, links_server(s->links));
	}
	if (s->links != NULL && s->is_lost)
		session_lose(s);
	for (size_t i = 0; i < in_sight; i++)
		s->board->tasks[i].state = s->workers[i]->task.state;
}

static void
session_on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	uint64_t now_us = clock_us();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < s->count; i++)
		task_check_deadline(&s->workers[i]->task, now_us);
}

static void
session_on_second(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	board_on_second(s->board);
}

/* ---- Tasks come and go ---- */

static void
session_grow(struct session *s)
{
	size_t cap = s->cap > 0 ? 2 * s->cap : WORKERS_FIRST;

	s->workers = mem_grow(s->workers, s->cap, cap, sizeof(struct worker *));
	s->asked = mem_grow(s->asked, s->cap, cap, sizeof(struct task *));
	s->cap = cap;
}

bool
session_add(struct session *s)
{
	size_t index = s->board->count;
	struct task *t;

	if (index == s->work->tasks)
		return false;
	if (index == s->count) {
		if (s->count == s->cap)
			session_grow(s);
		s->workers[index] = mem_new(1, sizeof(struct worker));
		task_init(&s->workers[index]->task, &s->crew, (unsigned)index,
		    session_on_rest);
		s->count++;
	}
	board_add(s->board, s->work->hold_us);
	t = &s->workers[index]->task;
	if (t->state == TASK_IDLE) {
		t->is_cut = false;
		session_rest(t, 0);
	}
	return true;
}

bool
session_remove(struct session *s)
{
	if (s->board->count == 0)
		return false;
	board_remove(s->board);
	task_cut(&s->workers[s->board->count]->task);
	return true;
}

void
session_end(struct session *s)
{
	while (session_remove(s))
		;
	session_turn(s);
}

/* ---- Making and ending ---- */

static void
session_init_crew(struct session *s, const struct session_params *params)
{
	s->exchange.base = params->base;
	s->exchange.payload = s->work->payload;
	s->exchange.text = s->work->text;
	s->exchange.on_whole = task_on_whole;
	s->exchange.on_failed = task_on_failed;
	s->crew = (struct crew){
		.work = s->work,
		.figures = s->figures,
		.ops = &session_task_ops,
		.ops_ctx = s,
		.exchange = &s->exchange,
	};
}

struct session *
session_new(const struct session_params *params)
{
	const struct timeval second = { .tv_sec = 1 };
	const struct timeval sweep = { .tv_usec = SWEEP_US };
	struct session *s = mem_new(1, sizeof(*s));

	s->work = params->work;
	s->figures = params->figures;
	s->board = params->board;
	session_init_crew(s, params);
	rng_init(&s->keys, hash_mix(s->work->seed, 1));
	evtimer_assign(&s->retry, params->base, session_on_retry, s);
	event_assign(
	    &s->sweep, params->base, -1, EV_PERSIST, session_on_sweep, s);
	event_assign(
	    &s->second, params->base, -1, EV_PERSIST, session_on_second, s);
	event_add(&s->sweep, &sweep);
	event_add(&s->second, &second);
	return s;
}

void
session_free(struct session **session)
{
	struct session *s = *session;

	if (s == NULL)
		return;
	event_del(&s->sweep);
	event_del(&s->second);
	evtimer_del(&s->retry);
	for (size_t i = 0; i < s->count; i++) {
		task_fini(&s->workers[i]->task);
		free(s->workers[i]);
	}
	links_free(&s->links);
	free(s->workers);
	free(s->asked);
	free(s);
	*session = NULL;
}
