#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base.h"
#include "core/rng.h"
#include "io/fd.h"
#include "io/options.h"

#define TASKS_DEFAULT	   8
#define PAYLOAD_DEFAULT	   64
#define TIMEOUT_DEFAULT_US (5 * US_PER_S)

/* Of the tasks on the screen. */
#define SCREEN_HOLD_US	US_PER_S
#define SCREEN_PAUSE_US US_PER_S
#define SCREEN_TEXT	"hello"

enum option_id {
	OPT_TASKS = 1,
	OPT_DURATION,
	OPT_CLAIMS,
	OPT_RATE,
	OPT_ARRIVALS,
	OPT_RAMP,
	OPT_HOLD,
	OPT_PAUSE,
	OPT_PAYLOAD,
	OPT_TIMEOUT,
	OPT_WAIT,
	OPT_KEY_SPACE,
	OPT_SEED,
	OPT_CONNECTIONS,
	OPT_PROGRESS,
	OPT_JSON,
	OPT_HISTOGRAM,
	OPT_FAIL_ABOVE,
	OPT_DIRECT,
	OPT_COMPARE,
	OPT_RECORD,
	OPT_REPLAY,
	OPT_SOCKET,
};

#define GIVEN(option) (1ULL << OPT_##option)

/* What has no meaning for tasks on a screen. */
#define HEADLESS_ONLY                                                    \
	(GIVEN(RATE) | GIVEN(ARRIVALS) | GIVEN(RAMP) | GIVEN(PROGRESS) | \
	    GIVEN(JSON) | GIVEN(HISTOGRAM) | GIVEN(FAIL_ABOVE) |         \
	    GIVEN(CONNECTIONS) | GIVEN(DIRECT) | GIVEN(COMPARE) |        \
	    GIVEN(RECORD))

/* What has no meaning where there is no daemon. */
#define DAEMON_ONLY (GIVEN(KEY_SPACE) | GIVEN(CONNECTIONS) | GIVEN(SOCKET))

/* What a file of arrivals says already. */
#define NOT_REPLAYED                                                      \
	(GIVEN(RATE) | GIVEN(ARRIVALS) | GIVEN(RAMP) | GIVEN(KEY_SPACE) | \
	    GIVEN(PAUSE))

/* What is of one run alone. */
#define NOT_COMPARED (GIVEN(RECORD) | GIVEN(HISTOGRAM))

static const struct option_row rows[] = {
	{ OPT_TASKS, 't', "tasks", "N", "tasks that claim at once (8)" },
	{ OPT_DURATION, 'd', "duration", "D", "end after this time" },
	{ OPT_CLAIMS, 'n', "claims", "N", "end after asking for N claims" },
	{ OPT_RATE, 'r', "rate", "N",
	    "open model: N claims arrive a second, however long they take" },
	{ OPT_ARRIVALS, 0, "arrivals", "KIND",
	    "gaps between them: random (exponential, the default) or even" },
	{ OPT_RAMP, 0, "ramp", "D", "reach all tasks, or the rate, after D" },
	{ OPT_HOLD, 0, "hold", "D", "hold each claim at least this long (0)" },
	{ OPT_PAUSE, 0, "pause", "D", "rest of a task between cycles (0)" },
	{ OPT_PAYLOAD, 0, "payload", "N",
	    "bytes to write and read back, 1 to 1048576 (64)" },
	{ OPT_TIMEOUT, 0, "timeout", "D",
	    "longest time from a grant to its whole echo (5s)" },
	{ OPT_WAIT, 0, "wait", "D",
	    "longest wait of a claim (the pool's claim-timeout)" },
	{ OPT_KEY_SPACE, 0, "key-space", "N",
	    "claim with a key= drawn from N keys" },
	{ OPT_SEED, 0, "seed", "N", "of arrivals and keys (drawn anew)" },
	{ OPT_CONNECTIONS, 0, "connections", "N",
	    "connections to the daemon (one for each 512 tasks)" },
	{ OPT_PROGRESS, 0, "progress", NULL,
	    "a line a second on stderr, even if that is no terminal" },
	{ OPT_JSON, 'j', "json", NULL, "print the report as a JSON object" },
	{ OPT_HISTOGRAM, 0, "histogram", "FILE",
	    "write all latencies to FILE, tab-separated" },
	{ OPT_FAIL_ABOVE, 0, "fail-above", "P",
	    "exit 1 when more than P percent of the cycles failed (100)" },
	{ OPT_DIRECT, 0, "direct", "ADDR[,ADDR...]",
	    "no pool: connect anew for each claim" },
	{ OPT_COMPARE, 0, "compare", NULL,
	    "with the pool and without, in turns, side by side" },
	{ OPT_RECORD, 0, "record", "FILE", "write all arrivals to FILE" },
	{ OPT_REPLAY, 0, "replay", "FILE",
	    "open model: the arrivals of FILE, to their end" },
	{ OPT_SOCKET, 's', "socket", "PATH", "the daemon's socket" },
	{ 0 },
};

static const struct program program = {
	.name = "qorb-load",
	.summary = "Claims connections from a pool of qorb-pool, writes to "
		   "them, checks the echo, gives them back, and reports how "
		   "the pool did.",
	.usage = "[options] POOL\n[options] --duration D POOL\n"
		 "[options] --claims N POOL\n"
		 "[options] --compare --duration D POOL\n"
		 "[options] --direct ADDR[,ADDR...] --duration D",
	.note = "Without --duration and --claims, on a terminal, tasks are "
		"added and changed by keys, each with a --hold and --pause "
		"of 1s at first. D is a span of time: 250us, "
		"250ms, 5s, 2m, 1h.",
	.examples = "qorb-load demo\n"
		    "qorb-load --tasks 64 --duration 10s demo\n"
		    "qorb-load --rate 5000 --hold 2ms --duration 1m --json "
		    "demo",
	.rows = rows,
	.usage_status = 2,
};

static uint64_t
parse_span(const char *option, const char *text, uint64_t min_us)
{
	return option_span(&program, option, text, min_us, NEVER);
}

static double
parse_percent(const char *option, const char *text)
{
	char *end;
	double percent = strtod(text, &end);

	if (end != text && *end == '%')
		end++;
	if (text[strspn(text, "0123456789.%")] != '\0' || end == text ||
	    *end != '\0' || percent > 100)
		program_usage(&program, "%s '%s': not a percentage, 0 to 100",
		    option, text);
	return percent;
}

static enum arrivals_kind
parse_arrivals(const char *text)
{
	enum arrivals_kind kind;

	if (!arrivals_kind_parse(text, &kind))
		program_usage(
		    &program, "--arrivals '%s': must be random or even", text);
	return kind;
}

/* A list between commas; a second one takes the place of the first. */
static void
parse_direct(struct settings *s, const char *text)
{
	char *copy = mem_strdup(text);
	char *item = copy;

	free(s->direct);
	s->direct = mem_new(WORKLOAD_DIRECT_MAX, sizeof(*s->direct));
	s->direct_count = 0;
	while (item != NULL) {
		char *comma = strchr(item, ',');
		struct addr *addr = &s->direct[s->direct_count];
		const char *why;

		if (comma != NULL)
			*comma++ = '\0';
		if (s->direct_count++ == WORKLOAD_DIRECT_MAX)
			program_usage(&program, "--direct: more than %u",
			    WORKLOAD_DIRECT_MAX);
		if (!addr_parse_fixed(item, addr, &why))
			program_usage(&program,
			    "--direct '%s': not an address: %s", item, why);
		item = comma;
	}
	free(copy);
}

static const char *
parse_path(const char *option, const char *text)
{
	if (text[0] == '\0')
		program_usage(&program, "%s '': a path is not empty", option);
	return text;
}

static void
set_output_option(struct settings *s, enum option_id id, const char *arg)
{
	if (id == OPT_PROGRESS)
		s->wants_progress = true;
	else if (id == OPT_JSON)
		s->is_json = true;
	else if (id == OPT_HISTOGRAM)
		s->histogram_path = parse_path("--histogram", arg);
	else if (id == OPT_FAIL_ABOVE)
		s->fail_above_percent = parse_percent("--fail-above", arg);
	else if (id == OPT_RECORD)
		s->record_path = parse_path("--record", arg);
	else if (id == OPT_REPLAY)
		s->replay_path = parse_path("--replay", arg);
	else if (id == OPT_COMPARE)
		s->is_compared = true;
	else if (id == OPT_SOCKET)
		s->work.socket_path = parse_path("--socket", arg);
}

static void
set_size_option(struct settings *s, enum option_id id, const char *arg)
{
	const struct program *p = &program;
	struct workload *w = &s->work;

	if (id == OPT_TASKS) {
		w->tasks = (unsigned)option_number(
		    p, "--tasks", arg, 1, WORKLOAD_TASKS_MAX);
	} else if (id == OPT_CLAIMS) {
		w->claims =
		    option_number(p, "--claims", arg, 1, UINT64_MAX - 1);
	} else if (id == OPT_RATE) {
		w->rate = option_number(p, "--rate", arg, 1, WORKLOAD_RATE_MAX);
	} else if (id == OPT_PAYLOAD) {
		w->payload = (uint32_t)option_number(
		    p, "--payload", arg, 1, WORKLOAD_PAYLOAD_MAX);
	} else if (id == OPT_KEY_SPACE) {
		w->key_space =
		    option_number(p, "--key-space", arg, 1, UINT64_MAX - 1);
	} else if (id == OPT_SEED) {
		w->seed = option_number(p, "--seed", arg, 0, INT64_MAX);
	} else if (id == OPT_CONNECTIONS) {
		w->links = (unsigned)option_number(
		    p, "--connections", arg, 1, WORKLOAD_CONNECTIONS_MAX);
	}
}

static void
set_option(struct settings *s, enum option_id id, const char *arg)
{
	struct workload *w = &s->work;

	switch (id) {
	case OPT_DURATION:
		w->duration_us = parse_span("--duration", arg, 1);
		break;
	case OPT_RAMP:
		w->ramp_us = parse_span("--ramp", arg, 0);
		break;
	case OPT_HOLD:
		w->hold_us = parse_span("--hold", arg, 0);
		break;
	case OPT_PAUSE:
		w->pause_us = parse_span("--pause", arg, 0);
		break;
	case OPT_TIMEOUT:
		w->timeout_us = parse_span("--timeout", arg, 1);
		break;
	case OPT_WAIT:
		w->wait_us = option_duration(&program, "--wait", arg);
		w->has_wait = true;
		break;
	case OPT_ARRIVALS:
		w->arrivals = parse_arrivals(arg);
		break;
	case OPT_TASKS:
	case OPT_CLAIMS:
	case OPT_RATE:
	case OPT_PAYLOAD:
	case OPT_KEY_SPACE:
	case OPT_SEED:
	case OPT_CONNECTIONS:
		set_size_option(s, id, arg);
		break;
	case OPT_DIRECT:
		parse_direct(s, arg);
		break;
	case OPT_COMPARE:
	case OPT_RECORD:
	case OPT_REPLAY:
	case OPT_PROGRESS:
	case OPT_JSON:
	case OPT_HISTOGRAM:
	case OPT_FAIL_ABOVE:
	case OPT_SOCKET:
		set_output_option(s, id, arg);
		break;
	}
}

static const char *
option_name(enum option_id id)
{
	for (const struct option_row *row = rows; row->id != 0; row++) {
		if (row->id == (int)id)
			return row->name;
	}
	return "";
}

static void
check_not_given(const struct settings *s, uint64_t not_wanted, const char *why)
{
	for (int id = OPT_TASKS; id <= OPT_SOCKET; id++) {
		if (s->given & not_wanted & (1ULL << id))
			program_usage(&program, "--%s: %s",
			    option_name((enum option_id)id), why);
	}
}

static void
check_interactive(struct settings *s)
{
	struct workload *w = &s->work;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		program_usage(&program,
		    "no end is set: give --duration D or --claims N (without "
		    "them it needs a terminal)");
	check_not_given(s, HEADLESS_ONLY, "needs --duration D or --claims N");
	s->is_interactive = true;
	w->links = 1;
	if (!(s->given & GIVEN(TASKS)))
		w->tasks = 0;
	if (!(s->given & GIVEN(HOLD)))
		w->hold_us = SCREEN_HOLD_US;
	if (!(s->given & GIVEN(PAUSE)))
		w->pause_us = SCREEN_PAUSE_US;
	if (!(s->given & GIVEN(PAYLOAD))) {
		w->text = SCREEN_TEXT;
		w->payload = sizeof(SCREEN_TEXT) - 1;
	}
}

static void
check_sources(struct settings *s)
{
	if (s->is_compared)
		check_not_given(s, NOT_COMPARED, "not with --compare");
	else if (s->direct != NULL)
		check_not_given(
		    s, DAEMON_ONLY, "with --direct there is no daemon");
	if (s->replay_path != NULL)
		check_not_given(
		    s, NOT_REPLAYED, "with --replay the file says this");
}

/* What one option says about another. */
static void
check_settings(struct settings *s)
{
	struct workload *w = &s->work;

	check_sources(s);
	if (w->duration_us == NEVER && w->claims == UINT64_MAX &&
	    s->replay_path == NULL)
		check_interactive(s);
	else if (!(s->given & GIVEN(CONNECTIONS)))
		w->links = (w->tasks + WORKLOAD_TASKS_A_LINK - 1) /
			   WORKLOAD_TASKS_A_LINK;
	if ((s->given & GIVEN(ARRIVALS)) && w->rate == 0)
		program_usage(&program, "--arrivals: needs --rate N");
	if (w->rate > 0 && w->pause_us > 0)
		program_usage(&program,
		    "--pause: with --rate the schedule says when a cycle "
		    "begins; leave one out");
	if ((s->given & GIVEN(CONNECTIONS)) && w->links > w->tasks)
		program_usage(&program,
		    "--connections %u: more than the %u tasks can use",
		    w->links, w->tasks);
	if (!(s->given & GIVEN(SEED)))
		w->seed = hash_mix(clock_wall_us(), (uint64_t)getpid()) >> 33;
}

static void
read_pool(struct settings *s, char **words, int count)
{
	if (s->direct != NULL && !s->is_compared) {
		if (count > 0)
			program_usage(&program,
			    "'%s': with --direct there is no pool, unless "
			    "--compare is given too",
			    words[0]);
		return;
	}
	if (count == 0)
		program_usage(&program, "no pool is named");
	if (count > 1)
		program_usage(&program, "'%s': one pool at a time", words[1]);
	s->work.pool = words[0];
	if (s->work.pool[0] == '\0')
		program_usage(&program, "the pool's name is empty");
}

void
settings_read(struct settings *s, int argc, char **argv)
{
	struct options o;
	const char *arg;
	int id;

	*s = (struct settings){
		.work = {
			.tasks = TASKS_DEFAULT,
			.claims = UINT64_MAX,
			.duration_us = NEVER,
			.timeout_us = TIMEOUT_DEFAULT_US,
			.payload = PAYLOAD_DEFAULT,
		},
		.fail_above_percent = 100,
	};
	options_init(&o, &program, argc, argv);
	while ((id = options_next(&o, &arg)) != 0) {
		s->given |= 1ULL << id;
		set_option(s, (enum option_id)id, arg);
	}
	read_pool(s, argv + o.index, argc - o.index);
	check_settings(s);
}

void
settings_fini(struct settings *s)
{
	free(s->direct);
	s->direct = NULL;
}
