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
#include "io/fd.h"
#include "io/options.h"
#include "driver.h"
#include "interactive.h"
#include "progress.h"
#include "report.h"
#include "settings.h"

/* Descriptors for all that is neither a task's nor a link's. */
#define FDS_SPARE 32

/* Timers of the loop are good to a millisecond unless it is told otherwise,
 * which costs a system call a turn: only for those who use timers. */
static struct event_base *
new_base(const struct workload *w)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		program_fail(1, "out of memory");
	if (w->rate > 0 || w->hold_us > 0 || w->pause_us > 0)
		event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
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

static void
print_report(const struct settings *s, const struct report *r, FILE *histogram)
{
	if (s->is_json) {
		if (!report_json(r, stdout))
			program_fail(1, "out of memory");
	} else if (r->end != DRIVER_REFUSED || r->figures->granted > 0) {
		report_text(r, stdout);
	}
	check_written(stdout, "standard output");
	if (histogram == NULL)
		return;
	report_histograms(r, histogram);
	check_written(histogram, s->histogram_path);
}

/* Opened before the run, so that it is not all for nothing. */
static FILE *
open_histogram(const char *path)
{
	FILE *file;

	if (path == NULL)
		return NULL;
	file = fopen(path, "we");
	if (file == NULL)
		program_fail(1, "%s: %s", path, strerror(errno));
	return file;
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

static int
load(const struct settings *s, FILE *histogram)
{
	bool is_terminal = isatty(STDERR_FILENO) && !s->wants_progress;
	struct figures *figures = figures_new(s->work.rate > 0);
	struct event_base *base = new_base(&s->work);
	struct progress progress;
	struct driver_params params = {
		.work = &s->work,
		.figures = figures,
		.base = base,
		.ctx = &progress,
		.on_second =
		    is_terminal || s->wants_progress ? on_second : NULL,
	};
	struct driver *driver = driver_new(&params);
	struct report report = {
		.work = &s->work,
		.figures = figures,
		.fail_above_percent = s->fail_above_percent,
	};
	int status;

	progress_init(&progress, figures, stderr, is_terminal);
	if (!driver_connect(driver))
		program_fail(1, "%s", driver_why(driver));
	report.end = run(driver, base);
	progress_end(&progress);
	figures_sort_backends(figures);
	report.why = driver_why(driver);
	report.server = driver_server(driver);
	report.unanswered = driver_unanswered(driver);
	print_report(s, &report, histogram);
	status = report_status(&report);
	driver_free(&driver);
	event_base_free(base);
	figures_free(&figures);
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

int
main(int argc, char **argv)
{
	struct settings settings;
	FILE *histogram;
	int status;

	settings_read(&settings, argc, argv);
	check_fds(&settings.work);
	if (settings.is_interactive)
		return load_interactively(&settings.work);
	histogram = open_histogram(settings.histogram_path);
	status = load(&settings, histogram);
	if (histogram != NULL && fclose(histogram) != 0)
		program_fail(
		    1, "%s: %s", settings.histogram_path, strerror(errno));
	return status;
}
