#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "core/base.h"
#include "io/fd.h"
#include "cost.h"
#include "direct.h"
#include "failure.h"
#include "links.h"
#include "schedule.h"
#include "task.h"

#define WHY_BYTES 512

/* How often overdue echoes are looked for: a tenth of the time-out, in these
 * bounds. */
#define SWEEP_MIN_US (1 * US_PER_MS)
#define SWEEP_MAX_US (100 * US_PER_MS)

/* What the end of the run waits for, beyond the echoes' own time-out, before
 * it gives up on a daemon that does not answer. */
#define ENDING_SPARE_US US_PER_S
#define ENDING_MAX_US	(10 * US_PER_S)

enum phase {
	PHASE_RUNNING,
	PHASE_ENDING,
	PHASE_CLOSING,
	PHASE_DONE,
};

struct driver {
	const struct workload *work;
	struct figures *figures;
	struct event_base *base;
	void *ctx;
	void (*on_second)(void *ctx);

	enum phase phase;
	enum driver_end end;
	char why[WHY_BYTES];
	unsigned unanswered;
	struct cost begun; /* the process before the run */

	struct crew crew;
	struct task *tasks;    /* owned; work->tasks */
	struct links *links;   /* owned; NULL without a daemon, then */
	struct direct *direct; /* owned; this */
	struct task **asked;   /* owned; claimed in this turn */
	unsigned asked_count;

	struct task **idle; /* owned; open model: free for an arrival */
	unsigned idle_count;
	struct schedule schedule;
	struct event arrival;

	struct event limit; /* the duration, then the end's own limit */
	struct event sweep;
	struct event second;
};

static struct timeval
driver_timeval(uint64_t span_us)
{
	return (struct timeval){
		.tv_sec = (time_t)(span_us / US_PER_S),
		.tv_usec = (suseconds_t)(span_us % US_PER_S),
	};
}

static void
driver_add_timer(struct event *timer, uint64_t span_us)
{
	const struct timeval tv = driver_timeval(span_us);

	evtimer_add(timer, &tv);
}

/* ---- The end of a run ---- */

static void
driver_set_end(struct driver *d, enum driver_end end, const char *why)
{
	d->end = end;
	(void)snprintf(d->why, sizeof(d->why), "%s", why);
}

static void
driver_end_figures(struct driver *d)
{
	struct cost cost = cost_since(&d->begun);
	struct figures *f = d->figures;
	uint64_t now_us = clock_us();

	/* Arrivals that nobody was free for belong to the report: leaving them
	 * out would hide just the moments when the pool was slowest. */
	if (workload_is_open(d->work))
		f->planned = f->asked + schedule_skip(&d->schedule, now_us,
					    d->work->claims - f->asked);
	figures_end(f, now_us, &cost);
}

static void
driver_finish(struct driver *d, enum driver_end end, const char *why)
{
	uint64_t limit_us = time_after(d->work->timeout_us, ENDING_SPARE_US);

	if (d->phase != PHASE_RUNNING)
		return;
	driver_set_end(d, end, why);
	driver_end_figures(d);
	d->phase = PHASE_ENDING;
	evtimer_del(&d->second);
	evtimer_del(&d->arrival);
	for (unsigned i = 0; i < d->work->tasks; i++)
		task_cut(&d->tasks[i]);
	driver_add_timer(
	    &d->limit, limit_us < ENDING_MAX_US ? limit_us : ENDING_MAX_US);
}

/* Nothing more can be asked of the daemon. */
static void
driver_lose(struct driver *d, const char *why)
{
	if (d->phase == PHASE_DONE)
		return;
	driver_set_end(d, DRIVER_LOST, why);
	if (d->phase == PHASE_RUNNING)
		driver_end_figures(d);
	for (unsigned i = 0; i < d->work->tasks; i++) {
		if (d->tasks[i].state == TASK_CLAIMING)
			figures_on_failure(d->figures, FAILURE_DAEMON_LOST);
		else if (d->tasks[i].state != TASK_IDLE)
			d->figures->cut++;
	}
	d->phase = PHASE_DONE;
}

/* Waits no longer for what is under way. */
static void
driver_give_up(struct driver *d)
{
	d->figures->cut += d->work->tasks - d->crew.in_state[TASK_IDLE];
	d->phase = PHASE_DONE;
}

static void
driver_on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	if (d->phase == PHASE_RUNNING) {
		driver_finish(d, DRIVER_COMPLETE, "");
		return;
	}
	d->unanswered = d->crew.in_state[TASK_CLAIMING];
	driver_give_up(d);
}

void
driver_stop(struct driver *d)
{
	if (d->phase == PHASE_RUNNING)
		driver_finish(d, DRIVER_INTERRUPTED, "ended by a signal");
	else if (d->phase != PHASE_DONE)
		driver_give_up(d);
}

/* ---- What tasks ask for ---- */

static void
driver_claim(void *ctx, struct task *t)
{
	struct driver *d = ctx;
	struct schedule *s = &d->schedule;
	bool is_open = workload_is_open(d->work);
	uint64_t key = is_open ? s->due_key : schedule_key(s);

	if (s->record != NULL)
		schedule_record(s, is_open ? t->planned_us : clock_us(), key);
	ASSERT(d->asked_count < d->work->tasks);
	d->figures->asked++;
	d->asked[d->asked_count++] = t;
	if (d->direct != NULL)
		direct_claim(d->direct, t->index);
	else
		links_claim(d->links, t->index, key);
}

static void
driver_cancel(void *ctx, struct task *t)
{
	struct driver *d = ctx;

	if (d->direct != NULL)
		direct_cancel(d->direct, t->index);
	else
		links_cancel(d->links, t->index);
}

static void
driver_release(void *ctx, struct task *t, bool is_broken)
{
	struct driver *d = ctx;

	if (d->links != NULL)
		links_release(d->links, t->index, t->claim, is_broken);
}

/* ---- When tasks begin ---- */

static bool
driver_may_ask(const struct driver *d)
{
	return d->phase == PHASE_RUNNING && d->figures->asked < d->work->claims;
}

static void
driver_on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct task *t = arg;
	struct driver *d = t->crew->ops_ctx;

	(void)fd;
	(void)what;
	if (driver_may_ask(d))
		task_begin(t, 0);
}

static void
driver_on_idle(void *ctx, struct task *t, unsigned failure)
{
	struct driver *d = ctx;
	uint64_t rest_us = task_rest_us(t, failure);

	if (workload_is_open(d->work)) {
		d->idle[d->idle_count++] = t;
		return;
	}
	if (!driver_may_ask(d))
		return;
	if (rest_us > 0)
		driver_add_timer(&t->rest, rest_us);
	else
		task_begin(t, 0);
}

/* Open model: begins the cycles that are due, as long as a task is free. The
 * others wait in the schedule itself; their latency counts from their moment
 * there. */
static void
driver_begin_due(struct driver *d)
{
	struct schedule *s = &d->schedule;
	uint64_t now_us = clock_us();

	while (d->idle_count > 0 && driver_may_ask(d)) {
		if (s->due_us > now_us) {
			driver_add_timer(&d->arrival, s->due_us - now_us);
			return;
		}
		task_begin(d->idle[--d->idle_count], s->due_us);
		schedule_next(s);
	}
}

/* The turn that follows does the work. */
static void
driver_on_arrival(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
driver_begin_all(struct driver *d)
{
	const struct workload *w = d->work;

	for (unsigned i = 0; i < w->tasks; i++) {
		struct task *t = &d->tasks[i];
		uint64_t after_us = w->ramp_us * i / w->tasks;

		if (workload_is_open(w))
			d->idle[d->idle_count++] = t;
		else if (after_us > 0)
			driver_add_timer(&t->rest, after_us);
		else if (driver_may_ask(d))
			task_begin(t, 0);
	}
}

/* ---- What the daemon answers ---- */

static void
driver_on_granted(
    void *ctx, unsigned task, const struct lent *lent, uint64_t now_us)
{
	struct driver *d = ctx;
	struct task *t = &d->tasks[task];

	if (t->state == TASK_CLAIMING) {
		task_on_granted(t, lent, now_us);
		return;
	}
	close(lent->fd);
	driver_lose(d, "the daemon answered a claim twice");
}

static void
driver_on_refused(
    void *ctx, unsigned task, const char *code, const char *message)
{
	struct driver *d = ctx;
	struct task *t = &d->tasks[task];
	unsigned failure = failure_of_code(code);
	char why[WHY_BYTES];

	if (t->state != TASK_CLAIMING) {
		driver_lose(d, "the daemon answered a claim twice");
		return;
	}
	task_on_refused(t, failure);
	if (!failure_is_final(failure))
		return;
	(void)snprintf(
	    why, sizeof(why), "pool %s: %s: %s", d->work->pool, code, message);
	driver_finish(d, DRIVER_REFUSED, why);
}

static void
driver_on_release_refused(void *ctx, const char *code)
{
	struct driver *d = ctx;

	figures_on_failure(d->figures, failure_of_code(code));
}

static void
driver_on_lost(void *ctx, const char *why)
{
	driver_lose(ctx, why);
}

/* ---- Timers of all tasks ---- */

static void
driver_on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;
	uint64_t now_us = clock_us();

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < d->work->tasks; i++)
		task_check_deadline(&d->tasks[i], now_us);
}

static void
driver_on_second(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	if (d->on_second != NULL)
		d->on_second(d->ctx);
}

static void
driver_add_timers(struct driver *d)
{
	const struct timeval second = { .tv_sec = 1 };
	uint64_t sweep_us = d->work->timeout_us / 10;
	struct timeval sweep;

	if (sweep_us < SWEEP_MIN_US)
		sweep_us = SWEEP_MIN_US;
	if (sweep_us > SWEEP_MAX_US)
		sweep_us = SWEEP_MAX_US;
	sweep = driver_timeval(sweep_us);
	event_add(&d->second, &second);
	if (d->work->timeout_us != NEVER)
		event_add(&d->sweep, &sweep);
	if (d->work->duration_us != NEVER)
		driver_add_timer(&d->limit, d->work->duration_us);
}

/* ---- Turns of the loop ---- */

/* The claims of this turn are about to be written: their latency starts. */
static void
driver_stamp(struct driver *d)
{
	uint64_t now_us;

	if (d->asked_count == 0)
		return;
	now_us = clock_us();
	for (unsigned i = 0; i < d->asked_count; i++) {
		struct task *t = d->asked[i];

		t->asked_us = now_us;
		if (!workload_is_open(d->work))
			t->planned_us = now_us;
	}
	d->asked_count = 0;
}

static void
driver_advance(struct driver *d)
{
	bool is_idle = d->crew.in_state[TASK_IDLE] == d->work->tasks;

	if (d->phase == PHASE_RUNNING && is_idle &&
	    d->figures->asked >= d->work->claims)
		driver_finish(d, DRIVER_COMPLETE, "");
	if (d->phase == PHASE_ENDING && is_idle) {
		if (d->links != NULL)
			links_ping(d->links);
		d->phase = PHASE_CLOSING;
	}
	if (d->phase == PHASE_CLOSING &&
	    (d->links == NULL || links_is_pinged(d->links)))
		d->phase = PHASE_DONE;
}

static void
driver_turn(struct driver *d)
{
	if (workload_is_open(d->work))
		driver_begin_due(d);
	driver_advance(d);
	driver_stamp(d);
	if (d->direct != NULL)
		direct_flush(d->direct);
	else
		links_flush(d->links);
}

enum driver_end
driver_run(struct driver *d)
{
	d->begun = cost_now();
	d->figures->begun_us = clock_us();
	schedule_begin(&d->schedule, d->figures->begun_us);
	driver_add_timers(d);
	driver_begin_all(d);
	driver_turn(d);
	while (d->phase != PHASE_DONE) {
		if (event_base_loop(d->base, EVLOOP_ONCE) != 0) {
			driver_lose(d, "the event loop failed");
			break;
		}
		driver_turn(d);
	}
	return d->end;
}

/* ---- Making and ending ---- */

static const struct task_ops driver_ops = {
	.claim = driver_claim,
	.cancel = driver_cancel,
	.release = driver_release,
	.on_idle = driver_on_idle,
};

static void
driver_init_crew(struct driver *d)
{
	struct exchange_env *env = mem_new(1, sizeof(*env));

	env->base = d->base;
	env->payload = d->work->payload;
	env->on_whole = task_on_whole;
	env->on_failed = task_on_failed;
	d->crew = (struct crew){
		.work = d->work,
		.figures = d->figures,
		.ops = &driver_ops,
		.ops_ctx = d,
		.exchange = env,
	};
	d->tasks = mem_new(d->work->tasks, sizeof(*d->tasks));
	d->asked = mem_new(d->work->tasks, sizeof(struct task *));
	d->idle = mem_new(d->work->tasks, sizeof(struct task *));
	for (unsigned i = 0; i < d->work->tasks; i++)
		task_init(&d->tasks[i], &d->crew, i, driver_on_rest);
}

static const struct links_ops links_ops = {
	.on_granted = driver_on_granted,
	.on_refused = driver_on_refused,
	.on_release_refused = driver_on_release_refused,
	.on_lost = driver_on_lost,
};

struct driver *
driver_new(const struct driver_params *params)
{
	struct driver *d = mem_new(1, sizeof(*d));

	d->work = params->work;
	d->figures = params->figures;
	d->base = params->base;
	d->ctx = params->ctx;
	d->on_second = params->on_second;
	driver_init_crew(d);
	schedule_init(&d->schedule, d->work, params->record);
	if (d->work->direct != NULL)
		d->direct = direct_new(d->work, d->base, &links_ops, d);
	else
		d->links = links_new(d->work, d->base, &links_ops, d);
	evtimer_assign(&d->arrival, d->base, driver_on_arrival, d);
	evtimer_assign(&d->limit, d->base, driver_on_limit, d);
	event_assign(&d->sweep, d->base, -1, EV_PERSIST, driver_on_sweep, d);
	event_assign(&d->second, d->base, -1, EV_PERSIST, driver_on_second, d);
	return d;
}

void
driver_free(struct driver **driver)
{
	struct driver *d = *driver;

	if (d == NULL)
		return;
	evtimer_del(&d->arrival);
	evtimer_del(&d->limit);
	event_del(&d->sweep);
	event_del(&d->second);
	for (unsigned i = 0; i < d->work->tasks; i++)
		task_fini(&d->tasks[i]);
	links_free(&d->links);
	direct_free(&d->direct);
	free(d->crew.exchange);
	free(d->tasks);
	free(d->asked);
	free(d->idle);
	free(d);
	*driver = NULL;
}

bool
driver_connect(struct driver *d)
{
	const char *why = NULL;

	if (d->links != NULL)
		why = links_connect(d->links);
	if (why != NULL)
		(void)snprintf(d->why, sizeof(d->why), "%s", why);
	return why == NULL;
}

const char *
driver_why(const struct driver *d)
{
	return d->why;
}

const char *
driver_server(const struct driver *d)
{
	return d->links != NULL ? links_server(d->links) : "";
}

unsigned
driver_unanswered(const struct driver *d)
{
	return d->unanswered;
}
