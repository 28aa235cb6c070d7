/*
 * Runs worlds of the resolver from seeds.
 *
 *   qorb-sim-resolver [--seeds FIRST:LAST] [--events N] [--tap] [--first]
 *                     [--trace FILE]
 *
 * Each seed lives N events, twice: both must leave the same trace. (That they
 * leave no memory behind is for a sanitizer to see.) A failure is told with its
 * seed and step. --first ends at the first one. --trace writes all that
 * happens. Exit status: 0 when all is well, 1 on a failure, 2 on bad usage.
 */

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/number.h"
#include "sim.h"

#define SEEDS_A_BLOCK 10
#define SEED_SECONDS  120

struct options {
	uint64_t first, last, events;
	bool is_tap, is_first;
	const char *trace;
};

/* Where a failed ASSERT finds what to say: its hook is given no context. */
static const struct options *options;
static uint64_t running;

static void
say_broken(uint64_t step, uint64_t now_us, const char *check, const char *text)
{
	const char *mark = options->is_tap ? "# " : "";

	printf("%sseed %llu failed at step %llu, %llu us: %s: %s\n", mark,
	    (unsigned long long)running, (unsigned long long)step,
	    (unsigned long long)now_us, check, text);
	printf("%sreplay: make sim-resolver SEEDS=%llu:%llu EVENTS=%llu "
	       "SIM_FLAGS=--trace=FILE\n",
	    mark, (unsigned long long)running, (unsigned long long)running,
	    (unsigned long long)options->events);
	(void)fflush(stdout);
}

void
report(const struct world *w, const char *check, const char *text)
{
	say_broken(w->steps, w->now_us, check, text);
}

static void
on_assert(const char *file, int line, const char *what)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "%s:%d: %s", file, line, what);
	say_broken(0, 0, "assert", text);
	_exit(1);
}

static void
live(uint64_t seed)
{
	uint64_t hash = world_run(seed, options->events, NULL);

	if (world_run(seed, options->events, NULL) == hash)
		exit(0);
	say_broken(options->events, 0, "same-trace", "two runs differ");
	exit(1);
}

static void
trace(uint64_t seed)
{
	FILE *f = fopen(options->trace, "w");

	if (f == NULL) {
		perror(options->trace);
		exit(2);
	}
	setvbuf(f, NULL, _IOLBF, 0);
	(void)world_run(seed, options->events, f);
	(void)fclose(f);
	exit(0);
}

/* In a process of its own, which it may crash. True: all is well. */
static bool
run_apart(uint64_t seed)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	running = seed;
	pid = fork();
	if (pid == 0) {
		assert_hook = on_assert;
		(void)alarm(SEED_SECONDS);
		if (options->trace != NULL)
			trace(seed);
		live(seed);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid) {
		perror("qorb-sim-resolver");
		exit(2);
	}
	if (WIFSIGNALED(status))
		say_broken(0, 0, "crash", strsignal(WTERMSIG(status)));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int
run_all(void)
{
	const struct options *o = options;
	uint64_t blocks = (o->last - o->first) / SEEDS_A_BLOCK + 1;
	bool is_good = true, is_block_good;
	uint64_t seed = o->first, b, last;

	if (o->is_tap)
		printf("1..%llu\n", (unsigned long long)blocks);
	for (b = 1; b <= blocks; b++) {
		last = seed + SEEDS_A_BLOCK - 1;
		if (last > o->last)
			last = o->last;
		is_block_good = true;
		for (uint64_t s = seed; s <= last; s++) {
			is_block_good &= run_apart(s);
			if (!is_block_good && o->is_first)
				return 1;
		}
		if (o->is_tap)
			printf("%sok %llu - resolver: seeds %llu to %llu keep "
			       "every promise\n",
			    is_block_good ? "" : "not ", (unsigned long long)b,
			    (unsigned long long)seed, (unsigned long long)last);
		is_good &= is_block_good;
		seed = last + 1;
	}
	if (!o->is_tap && is_good)
		printf("resolver: seeds %llu to %llu keep every promise\n",
		    (unsigned long long)o->first, (unsigned long long)o->last);
	return is_good ? 0 : 1;
}

static void
usage(void)
{
	(void)fprintf(stderr,
	    "usage: qorb-sim-resolver [--seeds FIRST:LAST] [--events N]\n"
	    "           [--tap] [--first] [--trace=FILE]\n");
	exit(2);
}

static uint64_t
number(const char *text, uint64_t least)
{
	uint64_t n;

	if (!number_parse(text, least, UINT64_MAX / 4, &n))
		usage();
	return n;
}

int
main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seeds", required_argument, NULL, 's' },
		{ "events", required_argument, NULL, 'e' },
		{ "tap", no_argument, NULL, 't' },
		{ "first", no_argument, NULL, 'f' },
		{ "trace", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .first = 1, .last = 100, .events = 10000 };
	char *colon;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 's') {
			colon = strchr(optarg, ':');
			if (colon != NULL)
				*colon++ = '\0';
			o.first = number(optarg, 0);
			o.last =
			    colon == NULL ? o.first : number(colon, o.first);
		} else if (c == 'e') {
			o.events = number(optarg, 1);
		} else if (c == 't') {
			o.is_tap = true;
		} else if (c == 'f') {
			o.is_first = true;
		} else if (c == 'r') {
			o.trace = optarg;
		} else {
			usage();
		}
	}
	if (optind < argc)
		usage();
	options = &o;
	return run_all();
}
