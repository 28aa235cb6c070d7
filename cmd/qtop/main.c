/*
 * qtop: what the pools of a daemon are doing, on a screen, as tables or JSON.
 */

#include <stdio.h>
#include <unistd.h>

#include "io/options.h"
#include "live.h"
#include "plain.h"
#include "settings.h"

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
	    "time from one round to the next (default: 1)" },
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
	.usage = "[-i SECONDS] [-p POOL] [--socket PATH]\n"
		 "-b [--json] [-n N] [-i SECONDS] [-p POOL] [--socket PATH]\n"
		 "[OPTION ...] ws://HOST:PORT[/PATH]",
	.note =
	    "On a terminal: keys sort, filter and scroll, ? says which, q "
	    "quits. With -b or\n--json, or when the output goes elsewhere: "
	    "until N rounds, SIGINT or SIGTERM.\nInstead of a daemon it can "
	    "read ws://HOST:PORT/qtop/stats, as qorb-web has it.",
	.examples = "qtop\n"
		    "qtop --json -i 0.5 -p demo | jq .claims_per_s",
	.rows = rows,
	.usage_status = EXIT_USAGE,
};

static void
set_interval(struct settings *s, const char *text)
{
	s->every_us = option_span(
	    &program, "-i", text, LEAST_INTERVAL_US, MOST_INTERVAL_US);
	s->has_interval = true;
}

static void
read_options(struct settings *s, struct options *o)
{
	const char *arg;
	int id;

	while ((id = options_next(o, &arg)) != 0) {
		switch (id) {
		case OPT_BATCH:
			s->is_batch = true;
			break;
		case OPT_INTERVAL:
			set_interval(s, arg);
			break;
		case OPT_JSON:
			s->is_json = true;
			break;
		case OPT_ROUNDS:
			s->rounds =
			    option_number(&program, "-n", arg, 1, NEVER - 1);
			break;
		case OPT_POOL:
			if (*arg == '\0')
				program_usage(&program, "-p '': not a name");
			s->pool = arg;
			break;
		case OPT_SOCKET:
			s->socket = arg;
			break;
		}
	}
}

/* What the options ask of a server is asked in the URL, unless that has it. */
static void
set_url(struct settings *s, const char *text)
{
	const char *why;
	char every[32];
	bool is_good = true;

	if (s->socket != NULL)
		program_usage(
		    &program, "'%s': there is --socket already", text);
	if (!url_is_one(text))
		program_usage(
		    &program, "'%s': not a URL; --socket names a daemon", text);
	if (!url_parse(&s->url, text, &why))
		program_usage(&program, "'%s': %s", text, why);
	s->has_url = true;
	(void)snprintf(every, sizeof(every), "%llu.%06llu",
	    (unsigned long long)(s->every_us / US_PER_S),
	    (unsigned long long)(s->every_us % US_PER_S));
	if (s->has_interval)
		is_good = url_add(&s->url, "update_secs", every);
	if (s->pool != NULL)
		is_good = is_good && url_add(&s->url, "pool", s->pool);
	if (!is_good)
		program_usage(&program, "'%s': too long", text);
}

static void
read_command_line(struct settings *s, int argc, char **argv)
{
	struct options o;

	options_init(&o, &program, argc, argv);
	read_options(s, &o);
	if (o.index < argc)
		set_url(s, argv[o.index++]);
	if (o.index < argc)
		program_usage(
		    &program, "'%s': one source at a time", argv[o.index]);
}

int
main(int argc, char **argv)
{
	struct settings settings = { .every_us = US_PER_S, .rounds = NEVER };

	read_command_line(&settings, argc, argv);
	if (settings.is_batch || settings.is_json || !isatty(STDOUT_FILENO))
		return plain_run(&settings);
	return live_run(&settings);
}
