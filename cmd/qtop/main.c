/*
 * qtop: what the pools of a daemon are doing, as tables or JSON.
 */

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "io/options.h"
#include "source.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

/* As the daemon has it. */
#define LEAST_INTERVAL_US (10 * US_PER_MS)
#define MOST_INTERVAL_US  (86400 * US_PER_S)

enum {
	OPT_BATCH = 1,
	OPT_INTERVAL,
	OPT_JSON,
	OPT_POOL,
	OPT_ROUNDS,
	OPT_SOCKET,
};

static const struct option_row rows[] = {
	{ OPT_BATCH, 'b', "batch", NULL, "plain tables, one after another" },
	{ OPT_INTERVAL, 'i', "interval", "SECONDS",
	    "time from one to the next (default: 1)" },
	{ OPT_JSON, 0, "json", NULL, "one JSON object a line instead" },
	{ OPT_ROUNDS, 'n', "rounds", "N",
	    "stop after N of them (default: when told to)" },
	{ OPT_POOL, 'p', "pool", "NAME", "only this pool" },
	{ OPT_SOCKET, 's', "socket", "PATH", "the daemon's socket" },
	{ 0 },
};

static const struct program program = {
	.name = "qtop",
	.summary = "Shows what qorb-pool is doing: claims a second, and what "
		   "state the connections to each backend are in.",
	.usage = "-b [-n N] [-i SECONDS] [-p POOL] [--json] [--socket PATH]",
	.note = "-b may be left out with --json and when the output is not a "
		"terminal. SIGINT and SIGTERM end it.",
	.examples = "qtop -b -n 1\n"
		    "qtop --json -i 0.5 -p demo | jq .claims_per_s",
	.rows = rows,
	.usage_status = EXIT_USAGE,
};

struct qtop {
	struct source_options source_options;
	bool is_batch;
	bool is_json;
	uint64_t rounds; /* still to be shown; NEVER for no end */

	struct event_base *base; /* owned */
	struct source *source;	 /* owned */
	struct model model;
	int status;
};

static void
set_interval(struct qtop *q, const char *text)
{
	uint64_t us = option_duration(&program, "-i", text);

	if (us < LEAST_INTERVAL_US || us > MOST_INTERVAL_US)
		program_usage(
		    &program, "-i '%s': not a time from 10ms to 24h", text);
	q->source_options.every_us = us;
}

static void
read_command_line(struct qtop *q, int argc, char **argv)
{
	struct options o;
	const char *arg;
	int id;

	options_init(&o, &program, argc, argv);
	while ((id = options_next(&o, &arg)) != 0) {
		switch (id) {
		case OPT_BATCH:
			q->is_batch = true;
			break;
		case OPT_INTERVAL:
			set_interval(q, arg);
			break;
		case OPT_JSON:
			q->is_json = true;
			break;
		case OPT_ROUNDS:
			q->rounds =
			    option_number(&program, "-n", arg, 1, NEVER - 1);
			break;
		case OPT_POOL:
			if (*arg == '\0')
				program_usage(&program, "-p '': not a name");
			q->source_options.pool = arg;
			break;
		case OPT_SOCKET:
			q->source_options.socket = arg;
			break;
		}
	}
	if (o.index < argc)
		program_usage(&program,
		    "'%s': qtop takes no argument; "
		    "--socket names a daemon",
		    argv[o.index]);
	if (!q->is_batch && !q->is_json && isatty(STDOUT_FILENO))
		program_usage(&program,
		    "standard output is a terminal: use -b for plain tables, "
		    "or --json");
}

/* The first end counts: what else had been read then is not shown, nor how the
 * daemon went. */
static bool
has_ended(const struct qtop *q)
{
	return event_base_got_break(q->base);
}

static void
end(struct qtop *q, int status)
{
	q->status = status;
	(void)event_base_loopbreak(q->base);
}

static void
on_round(void *ctx)
{
	struct qtop *q = ctx;
	const char *name = source_name(q->source);

	if (has_ended(q))
		return;
	if (q->is_json)
		batch_json(stdout, &q->model, name);
	else
		batch_table(stdout, &q->model, name);
	if (fflush(stdout) != 0) {
		program_warn("standard output: %s", strerror(errno));
		end(q, EXIT_FAILED);
		return;
	}
	if (q->rounds != NEVER && --q->rounds == 0)
		end(q, 0);
}

static void
on_lost(void *ctx, const char *why)
{
	struct qtop *q = ctx;

	if (has_ended(q))
		return;
	program_warn("%s", why);
	end(q, EXIT_FAILED);
}

static void
on_signal(evutil_socket_t signo, short what, void *ctx)
{
	(void)signo;
	(void)what;
	end(ctx, 0);
}

static void
run(struct qtop *q)
{
	struct event *on_int, *on_term;

	q->base = event_base_new();
	if (q->base == NULL)
		program_fail(EXIT_FAILED, "cannot start an event loop: %s",
		    strerror(errno));
	on_int = evsignal_new(q->base, SIGINT, on_signal, q);
	on_term = evsignal_new(q->base, SIGTERM, on_signal, q);
	if (on_int == NULL || on_term == NULL || event_add(on_int, NULL) != 0 ||
	    event_add(on_term, NULL) != 0)
		program_fail(EXIT_FAILED, "cannot catch signals");
	q->source = source_new(q->base, &q->model, &q->source_options);
	(void)event_base_dispatch(q->base);
	source_free(&q->source);
	event_free(on_int);
	event_free(on_term);
	event_base_free(q->base);
}

int
main(int argc, char **argv)
{
	struct qtop q = { .rounds = NEVER,
		.source_options = { .every_us = US_PER_S,
		    .on_round = on_round,
		    .on_lost = on_lost } };

	q.source_options.ctx = &q;
	model_init(&q.model);
	read_command_line(&q, argc, argv);
	if (q.rounds == 1)
		q.source_options.every_us = 0;
	run(&q);
	model_fini(&q.model);
	return q.status;
}
