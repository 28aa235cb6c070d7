#include "trial.h"

#include <signal.h>
#include <string.h>

#include <event2/event.h>

#include "core/base.h"
#include "core/text.h"
#include "io/fd.h"
#include "io/options.h"

/* Tasks up to which poll costs less than epoll. */
#define POLL_TASKS_MAX 1024

/* ---- The event loop ---- */

/* Timers of the loop are good to a millisecond unless it is told otherwise,
 * which costs a system call a turn: only for those who use timers. */
static bool
needs_timers(const struct workload *w)
{
	return workload_is_open(w) || w->hold_us > 0 || w->pause_us > 0;
}

/* A lent connection is watched for one echo and then closed: to begin and to
 * end that are two system calls with epoll, and none with poll. But poll looks
 * at all of them in each turn, and knows milliseconds only: so not for a great
 * many, and not where most of them just wait. */
static bool
suits_poll(const struct workload *w)
{
	return !needs_timers(w) && w->tasks <= POLL_TASKS_MAX;
}

struct event_base *
trial_base(const struct workload *w)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		program_fail(1, "out of memory");
	if (needs_timers(w))
		event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	if (suits_poll(w))
		event_config_avoid_method(config, "epoll");
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (base == NULL)
		program_fail(1, "the event loop cannot be made");
	return base;
}

/* ---- A run ---- */

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	driver_stop(arg);
}

static void
on_second(void *arg)
{
	progress_show(arg, clock_us());
}

static void
mask_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	(void)sigprocmask(how, &set, NULL);
}

/* A signal that comes while the events are not there waits for those of the
 * next run. */
static enum driver_end
run(struct driver *driver, struct event_base *base)
{
	struct event *on_int = evsignal_new(base, SIGINT, on_signal, driver);
	struct event *on_term = evsignal_new(base, SIGTERM, on_signal, driver);
	enum driver_end end;

	if (on_int == NULL || on_term == NULL)
		program_fail(1, "out of memory");
	event_add(on_int, NULL);
	event_add(on_term, NULL);
	mask_signals(SIG_UNBLOCK);
	end = driver_run(driver);
	mask_signals(SIG_BLOCK);
	event_free(on_int);
	event_free(on_term);
	return end;
}

static void
trial_copy(char *to, size_t size, const char *text)
{
	struct text t;

	text_init(&t, to, size);
	text_add(&t, text);
}

bool
trial_run(struct trial *t, const struct workload *work,
    struct progress *progress, FILE *record)
{
	struct driver_params params = {
		.work = work,
		.ctx = progress,
		.on_second = progress != NULL ? on_second : NULL,
		.record = record,
	};
	struct driver *driver;
	bool is_there;

	t->figures = figures_new(workload_is_open(work));
	params.figures = t->figures;
	params.base = trial_base(work);
	driver = driver_new(&params);
	if (progress != NULL)
		progress_follow(progress, t->figures, "");
	is_there = driver_connect(driver);
	t->end = is_there ? run(driver, params.base) : DRIVER_LOST;
	trial_copy(t->why, sizeof(t->why), driver_why(driver));
	trial_copy(t->server, sizeof(t->server), driver_server(driver));
	t->unanswered = driver_unanswered(driver);
	figures_sort_backends(t->figures);
	driver_free(&driver);
	event_base_free(params.base);
	return is_there;
}

void
trial_add(struct trial *t, const struct trial *later)
{
	if (t->figures == NULL)
		t->figures = figures_new(later->figures->is_open);
	figures_add(t->figures, later->figures);
	figures_sort_backends(t->figures);
	t->end = later->end;
	t->unanswered += later->unanswered;
	memcpy(t->why, later->why, sizeof(t->why));
	memcpy(t->server, later->server, sizeof(t->server));
}

void
trial_release_signals(void)
{
	mask_signals(SIG_UNBLOCK);
}

void
trial_fini(struct trial *t)
{
	if (t->figures != NULL)
		figures_free(&t->figures);
}

struct report
trial_report(
    const struct trial *t, const struct workload *work, double fail_above)
{
	return (struct report){
		.work = work,
		.figures = t->figures,
		.why = t->why,
		.server = t->server,
		.end = t->end,
		.unanswered = t->unanswered,
		.fail_above_percent = fail_above,
	};
}
