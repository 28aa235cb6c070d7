#include "task.h"

#include <string.h>
#include <unistd.h>

#include "core/base.h"
#include "io/fd.h"
#include "pattern.h"

#define FAILURE_REST_US (10 * US_PER_MS)

#define TO(state) (1u << TASK_##state)

static const unsigned may_follow[TASK_STATES] = {
	[TASK_IDLE] = TO(CLAIMING),
	[TASK_CLAIMING] = TO(IDLE) | TO(ECHOING),
	[TASK_ECHOING] = TO(IDLE) | TO(HOLDING),
	[TASK_HOLDING] = TO(IDLE),
};

static void
task_set_state(struct task *t, enum task_state state)
{
	ASSERT(may_follow[t->state] & (1u << state));
	t->crew->in_state[t->state]--;
	t->crew->in_state[state]++;
	t->state = state;
}

static void task_on_held(evutil_socket_t fd, short what, void *arg);

void
task_init(struct task *t, struct crew *crew, unsigned index,
    event_callback_fn on_rest)
{
	memset(t, 0, sizeof(*t));
	t->crew = crew;
	t->index = index;
	t->state = TASK_IDLE;
	t->hold_us = crew->work->hold_us;
	crew->in_state[TASK_IDLE]++;
	exchange_init(&t->exchange, crew->exchange);
	evtimer_assign(&t->hold, crew->exchange->base, task_on_held, t);
	evtimer_assign(&t->rest, crew->exchange->base, on_rest, t);
}

static void
task_take_off(struct task *t)
{
	exchange_close(&t->exchange);
	if (t->is_held)
		evtimer_del(&t->hold);
	t->is_held = false;
}

void
task_fini(struct task *t)
{
	task_take_off(t);
	evtimer_del(&t->rest);
	if (t->state != TASK_IDLE)
		task_set_state(t, TASK_IDLE);
}

static void
task_become_idle(struct task *t, unsigned failure)
{
	t->cycle++;
	task_set_state(t, TASK_IDLE);
	t->crew->ops->on_idle(t->crew->ops_ctx, t, failure);
}

/* The descriptor is closed before the release is sent, so that the daemon
 * finds nobody else on the connection. */
static void
task_finish(struct task *t)
{
	figures_on_cycle(
	    t->crew->figures, t->planned_us, t->asked_us, clock_us());
	task_take_off(t);
	t->crew->ops->release(t->crew->ops_ctx, t, false);
	task_become_idle(t, 0);
}

static void
task_fail(struct task *t, unsigned failure)
{
	figures_on_failure(t->crew->figures, failure);
	task_take_off(t);
	t->crew->ops->release(t->crew->ops_ctx, t, true);
	task_become_idle(t, failure);
}

void
task_begin(struct task *t, uint64_t planned_us)
{
	t->planned_us = planned_us;
	t->asked_us = planned_us;
	task_set_state(t, TASK_CLAIMING);
	t->crew->ops->claim(t->crew->ops_ctx, t);
}

static void
task_start_hold(struct task *t)
{
	struct timeval tv = {
		.tv_sec = (time_t)(t->hold_us / US_PER_S),
		.tv_usec = (suseconds_t)(t->hold_us % US_PER_S),
	};

	t->is_held = t->hold_us > 0;
	if (t->is_held)
		evtimer_add(&t->hold, &tv);
}

/* It was cut while it waited: a connection that comes now goes back as it
 * came. */
static void
task_drop_claim(struct task *t)
{
	t->crew->figures->cut++;
	task_become_idle(t, 0);
}

void
task_on_granted(struct task *t, const struct lent *lent, uint64_t now_us)
{
	const struct figures_grant figures = {
		.backend = lent->backend,
		.slot = lent->slot,
		.connection = lent->connection,
		.planned_us = t->planned_us,
		.asked_us = t->asked_us,
		.now_us = now_us,
	};

	t->claim = lent->claim;
	if (t->is_cut) {
		close(lent->fd);
		t->crew->ops->release(t->crew->ops_ctx, t, false);
		task_drop_claim(t);
		return;
	}
	t->granted_us = now_us;
	figures_on_granted(t->crew->figures, &figures);
	task_set_state(t, TASK_ECHOING);
	task_start_hold(t);
	exchange_open(&t->exchange, lent->fd,
	    pattern_key(t->crew->work->seed, t->index, t->cycle));
}

void
task_on_refused(struct task *t, unsigned failure)
{
	if (t->is_cut) {
		task_drop_claim(t);
		return;
	}
	figures_on_failure(t->crew->figures, failure);
	task_become_idle(t, failure);
}

void
task_on_whole(struct exchange *x)
{
	struct task *t = CONTAINER_OF(x, struct task, exchange);

	if (t->is_held)
		task_set_state(t, TASK_HOLDING);
	else
		task_finish(t);
}

void
task_on_failed(struct exchange *x, unsigned failure)
{
	task_fail(CONTAINER_OF(x, struct task, exchange), failure);
}

static void
task_on_held(evutil_socket_t fd, short what, void *arg)
{
	struct task *t = arg;

	(void)fd;
	(void)what;
	t->is_held = false;
	if (t->state == TASK_HOLDING)
		task_finish(t);
}

void
task_check_deadline(struct task *t, uint64_t now_us)
{
	if (t->state != TASK_ECHOING)
		return;
	if (now_us < time_after(t->granted_us, t->crew->work->timeout_us))
		return;
	task_fail(t, FAILURE_ECHO_TIMEOUT);
}

uint64_t
task_rest_us(const struct task *t, unsigned failure)
{
	uint64_t pause_us = t->crew->work->pause_us;

	if (failure != 0 && pause_us < FAILURE_REST_US)
		return FAILURE_REST_US;
	return pause_us;
}

void
task_cut(struct task *t)
{
	t->is_cut = true;
	evtimer_del(&t->rest);
	switch (t->state) {
	case TASK_CLAIMING:
		t->crew->ops->cancel(t->crew->ops_ctx, t);
		break;
	case TASK_ECHOING:
		if (t->is_held)
			evtimer_del(&t->hold);
		t->is_held = false;
		break;
	case TASK_HOLDING:
		task_finish(t);
		break;
	case TASK_IDLE:
	case TASK_STATES:
		break;
	}
}
