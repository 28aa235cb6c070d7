/*
 * qorb-load: puts a workload of claims on a pool and says how the pool did.
 * Here is the wiring; see settings.h for the command line, driver.h for a run,
 * interactive.h for the screen.
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/base.h"
#include "core/text.h"
#include "io/fd.h"
#include "io/options.h"
#include "driver.h"
#include "interactive.h"
#include "progress.h"
#include "replay.h"
#include "report.h"
#include "settings.h"

/* Descriptors for all that is neither a task's nor a link's. */
#define FDS_SPARE 32
#define WHY_BYTES 256
/* Tasks up to which poll costs less than epoll. */
#define POLL_TASKS_MAX 1024

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

static struct event_base *
new_base(const struct workload *w)
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

static void
check_fds(const struct workload *w)
{
	uint64_t limit = fd_raise_limit();
	uint64_t needed = w->tasks + w->links + FDS_SPARE;

	if (needed > limit)
		program_fail(1,
		    "%u tasks: need %llu descriptors, the limit is %llu: use "
		    "fewer tasks or raise it (ulimit -n)",
		    w->tasks, (unsigned long long)needed,
		    (unsigned long long)limit);
}

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
check_written(FILE *file, const char *name)
{
	if (fflush(file) != 0 || ferror(file))
		program_fail(
		    1, "%s: cannot be written: %s", name, strerror(errno));
}

/* Opened before the run, so that it is not all for nothing. */
static FILE *
open_output(const char *path)
{
	FILE *file;

	if (path == NULL)
		return NULL;
	file = fopen(path, "we");
	if (file == NULL)
		program_fail(1, "%s: %s", path, strerror(errno));
	return file;
}

static void
close_output(FILE *file, const char *path)
{
	if (file == NULL)
		return;
	check_written(file, path);
	if (fclose(file) != 0)
		program_fail(1, "%s: %s", path, strerror(errno));
}

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
	end = driver_run(driver);
	event_free(on_int);
	event_free(on_term);
	return end;
}

/* One run of the workload, with the pool or without. */
struct trial {
	struct workload work;
	struct figures *figures;
	struct event_base *base;
	struct driver *driver;
	struct report report;
};

static void
trial_run(struct trial *t, const struct settings *s, FILE *record)
{
	bool is_terminal = isatty(STDERR_FILENO) && !s->wants_progress;
	struct progress progress;
	struct driver_params params = {
		.work = &t->work,
		.ctx = &progress,
		.on_second =
		    is_terminal || s->wants_progress ? on_second : NULL,
		.record = record,
	};

	t->figures = figures_new(workload_is_open(&t->work));
	t->base = new_base(&t->work);
	params.figures = t->figures;
	params.base = t->base;
	t->driver = driver_new(&params);
	progress_init(&progress, t->figures, stderr, is_terminal);
	if (!driver_connect(t->driver))
		program_fail(1, "%s", driver_why(t->driver));
	t->report.end = run(t->driver, t->base);
	progress_end(&progress);
	figures_sort_backends(t->figures);
	t->report.work = &t->work;
	t->report.figures = t->figures;
	t->report.fail_above_percent = s->fail_above_percent;
	t->report.why = driver_why(t->driver);
	t->report.server = driver_server(t->driver);
	t->report.unanswered = driver_unanswered(t->driver);
}

static void
trial_fini(struct trial *t)
{
	driver_free(&t->driver);
	if (t->base != NULL)
		event_base_free(t->base);
	figures_free(&t->figures);
}

static void
print_report(const struct settings *s, const struct report *r)
{
	if (s->is_json) {
		if (!report_json(r, stdout))
			program_fail(1, "out of memory");
	} else if (r->end != DRIVER_REFUSED || r->figures->granted > 0) {
		report_text(r, stdout);
	}
	check_written(stdout, "standard output");
}

static int
load(const struct settings *s, const struct workload *work)
{
	FILE *histogram = open_output(s->histogram_path);
	FILE *record = open_output(s->record_path);
	struct trial trial = { .work = *work };
	int status;

	trial.work.direct = s->direct;
	trial.work.direct_count = s->direct_count;
	if (record != NULL)
		replay_write_head(record);
	trial_run(&trial, s, record);
	print_report(s, &trial.report);
	if (histogram != NULL)
		report_histograms(&trial.report, histogram);
	close_output(histogram, s->histogram_path);
	close_output(record, s->record_path);
	status = report_status(&trial.report);
	trial_fini(&trial);
	return status;
}

/* The second run begins with what the first one left behind: the pool goes
 * first, since connections without it leave local ports resting. */
static int
load_compared(const struct settings *s, const struct workload *work)
{
	struct trial pool = { .work = *work };
	struct trial direct = { .work = *work };
	int status;

	direct.work.direct = s->direct;
	direct.work.direct_count = s->direct_count;
	trial_run(&pool, s, NULL);
	if (pool.report.end != DRIVER_COMPLETE) {
		print_report(s, &pool.report);
		status = report_status(&pool.report);
		trial_fini(&pool);
		return status;
	}
	trial_run(&direct, s, NULL);
	if (!s->is_json)
		report_compare(&pool.report, &direct.report, stdout);
	else if (!report_compare_json(&pool.report, &direct.report, stdout))
		program_fail(1, "out of memory");
	check_written(stdout, "standard output");
	status = report_status(&pool.report);
	status |= report_status(&direct.report);
	trial_fini(&pool);
	trial_fini(&direct);
	return status;
}

/* As many tasks as there can be descriptors for. */
static int
load_interactively(const struct workload *work)
{
	uint64_t most = fd_raise_limit() - work->links - FDS_SPARE;
	struct event_base *base = new_base(work);
	int status;

	if (most > WORKLOAD_TASKS_MAX)
		most = WORKLOAD_TASKS_MAX;
	status = interactive_run(work, base, (unsigned)most);
	event_base_free(base);
	return status;
}

static void
read_replay(struct replay *replay, const char *path)
{
	FILE *file = fopen(path, "re");
	char buf[WHY_BYTES];
	struct text why;

	if (file == NULL)
		program_fail(1, "%s: %s", path, strerror(errno));
	text_init(&why, buf, sizeof(buf));
	if (!replay_read(replay, file, &why))
		program_fail(1, "%s: %s", path, buf);
	(void)fclose(file);
}

/* A replay ends with its arrivals, when nothing ends it before. */
static int
load_to_an_end(const struct settings *s)
{
	struct workload work = s->work;
	struct replay replay = { 0 };
	int status;

	if (s->replay_path != NULL) {
		read_replay(&replay, s->replay_path);
		work.replay = &replay;
		if (work.claims > replay.count)
			work.claims = replay.count;
	}
	status = s->is_compared ? load_compared(s, &work) : load(s, &work);
	replay_fini(&replay);
	return status;
}

int
main(int argc, char **argv)
{
	struct settings settings;
	int status;

	settings_read(&settings, argc, argv);
	check_fds(&settings.work);
	if (settings.is_interactive)
		status = load_interactively(&settings.work);
	else
		status = load_to_an_end(&settings);
	settings_fini(&settings);
	return status;
}
