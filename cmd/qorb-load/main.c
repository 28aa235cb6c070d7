/*
 * qorb-load: puts a workload of claims on a pool and says how the pool did.
 * Here is the wiring; see settings.h for the command line, trial.h for a run,
 * compare.h for two of them in turns, interactive.h for the screen.
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
#include "backends.h"
#include "compare.h"
#include "interactive.h"
#include "progress.h"
#include "replay.h"
#include "report.h"
#include "settings.h"
#include "trial.h"

/* Descriptors for all that is neither a task's nor a link's. */
#define FDS_SPARE 32
#define WHY_BYTES 512

/* What SIGPIPE did when we began. */
static struct sigaction pipe_before;

/* Nobody who reads what we say of a run has a say in whether it goes on. */
static void
ignore_pipes(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, &pipe_before);
}

static void
check_fds(const struct workload *w)
{
	uint64_t limit = fd_raise_limit();
	uint64_t needed = w->tasks + w->links + FDS_SPARE;

	if (needed > limit)
		program_fail(1,
		    "%u task%s: %llu descriptors are needed, the limit is "
		    "%llu: use fewer tasks or raise it (ulimit -n)",
		    w->tasks, w->tasks == 1 ? "" : "s",
		    (unsigned long long)needed, (unsigned long long)limit);
}

static void
check_written(FILE *file, const char *name)
{
	if (fflush(file) != 0 || ferror(file))
		program_fail(
		    1, "%s: cannot be written: %s", name, strerror(errno));
}

/* A reader of the report who goes away ends us as it ends others. */
static void
begin_report(void)
{
	(void)sigaction(SIGPIPE, &pipe_before, NULL);
}

static void
end_report(void)
{
	check_written(stdout, "standard output");
	ignore_pipes();
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

/* Ends the program when the daemon is missing or does not know the pool. */
static void
ask_backends(struct backends *b, const struct workload *work)
{
	char buf[WHY_BYTES];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	if (!backends_ask(b, work, &why))
		program_fail(1, "%s", buf);
}

/* NULL when nobody would see it. */
static struct progress *
start_progress(struct progress *p, const struct settings *s)
{
	bool is_terminal = isatty(STDERR_FILENO) && !s->wants_progress;

	if (!is_terminal && !s->wants_progress)
		return NULL;
	progress_init(p, stderr, is_terminal);
	return p;
}

static void
print_report(const struct settings *s, const struct report *r)
{
	begin_report();
	if (s->is_json) {
		if (!report_json(r, stdout))
			program_fail(1, "out of memory");
	} else if (r->end != DRIVER_REFUSED || r->figures->granted > 0) {
		report_text(r, stdout);
	}
	end_report();
}

static int
load(const struct settings *s, const struct workload *work)
{
	FILE *histogram = open_output(s->histogram_path);
	FILE *record = open_output(s->record_path);
	struct workload w = *work;
	struct trial trial = { 0 };
	struct progress progress, *shown = start_progress(&progress, s);
	struct report report;
	int status;

	w.direct = s->direct;
	w.direct_count = s->direct_count;
	if (record != NULL)
		replay_write_head(record);
	if (!trial_run(&trial, &w, shown, record))
		program_fail(1, "%s", trial.why);
	trial_release_signals();
	progress_end(shown);
	report = trial_report(&trial, &w, s->fail_above_percent);
	print_report(s, &report);
	if (histogram != NULL)
		report_histograms(&report, histogram);
	close_output(histogram, s->histogram_path);
	close_output(record, s->record_path);
	status = report_status(&report);
	trial_fini(&trial);
	return status;
}

static void
print_compared(const struct settings *s, const struct compare_report *both)
{
	begin_report();
	if (!s->is_json)
		report_compare(both, stdout);
	else if (!report_compare_json(both, stdout))
		program_fail(1, "out of memory");
	end_report();
}

/* What both sides have shown, or the pool alone when it never came to the
 * other one. */
static int
report_compared(const struct settings *s, const struct compare *c)
{
	const struct trial *sides = c->sides;
	struct compare_report both = {
		.pool = trial_report(&sides[COMPARE_POOL],
		    &c->work[COMPARE_POOL], s->fail_above_percent),
		.direct = trial_report(&sides[COMPARE_DIRECT],
		    &c->work[COMPARE_DIRECT], s->fail_above_percent),
		.turns = c->turns,
	};

	if (sides[COMPARE_DIRECT].figures == NULL) {
		print_report(s, &both.pool);
		return report_status(&both.pool);
	}
	print_compared(s, &both);
	return report_status(&both.pool) | report_status(&both.direct);
}

/* Without --direct both sides use the backends that the pool uses now. */
static int
load_compared(const struct settings *s, const struct workload *work)
{
	struct backends backends = { 0 };
	struct progress progress, *shown = start_progress(&progress, s);
	struct compare compare;
	int status;

	if (s->direct != NULL)
		compare_init(&compare, work, s->direct, s->direct_count);
	else {
		ask_backends(&backends, work);
		if (backends.count == 0)
			program_fail(1,
			    "pool %s: no backend is online to compare with",
			    work->pool);
		compare_init(&compare, work, backends.addrs, backends.count);
	}
	compare_run(&compare, shown);
	trial_release_signals();
	progress_end(shown);
	status = report_compared(s, &compare);
	compare_fini(&compare);
	backends_fini(&backends);
	return status;
}

/* As many tasks as there can be descriptors for. */
static int
load_interactively(const struct workload *work)
{
	uint64_t most = fd_raise_limit() - work->links - FDS_SPARE;
	struct event_base *base = trial_base(work);
	struct backends backends;
	int status;

	/* The pool's name is checked while a plain line can still say so. */
	ask_backends(&backends, work);
	backends_fini(&backends);
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

	ignore_pipes();
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
