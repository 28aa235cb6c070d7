/*
 * Runs worlds from seeds or scenario files and reports.
 *
 *   qorb-sim [--seeds FIRST:LAST] [--events N] [--jobs N] [--tap] [--once]
 *            [--first] [--no-walks] [--shrink FILE] [--trace FILE]
 *   qorb-sim [--trace FILE] SCENARIO ...
 *
 * Each seed runs N core events, twice unless --once: both must leave the same
 * trace. A failure is told with its seed and step and the end of its trace;
 * --shrink writes the first one, made short, as a scenario. --trace writes all
 * that happens. --first ends at the first failure, without its trace.
 * --no-walks leaves out pool_check, so that only the model judges. Exit status:
 * 0 when all is well, 1 on a failure, 2 on bad usage.
 */

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/number.h"
#include "sim.h"

#define JOBS_MAX      64
#define SEEDS_A_BLOCK 10
#define TAIL_STEPS    6
#define SEED_SECONDS  300

struct options {
	uint64_t first, last, events;
	unsigned jobs;
	bool is_tap, is_once, is_first, has_walks;
	const char *shrink, *trace;
};

struct totals {
	uint64_t events, claims, seeds, failures;
	uint64_t first_failed;
	char first_check[64];
};

/* Where a failed ASSERT leaves word: its hook is given no context. */
static struct outcome *running;

static void
on_assert(const char *file, int line, const char *what)
{
	snprintf(running->check, sizeof(running->check), "assert");
	snprintf(running->text, sizeof(running->text), "%s:%d: %s", file, line,
	    what);
	running->has_failed = true;
	_exit(1);
}

static struct outcome *
shared(size_t count)
{
	void *p = mmap(NULL, count * sizeof(struct outcome),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("qorb-sim: mmap");
		exit(2);
	}
	return p;
}

static void
judge_end(struct outcome *o, int status)
{
	if (o->has_failed || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return;
	o->has_failed = true;
	snprintf(o->check, sizeof(o->check), "crash");
	if (WIFSIGNALED(status))
		snprintf(o->text, sizeof(o->text), "ended by signal %d",
		    WTERMSIG(status));
	else
		snprintf(o->text, sizeof(o->text), "exit status %d",
		    WEXITSTATUS(status));
}

static pid_t
start_child(struct outcome *o, unsigned seconds)
{
	pid_t pid;

	memset(o, 0, sizeof(*o));
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("qorb-sim: fork");
		exit(2);
	}
	if (pid == 0) {
		running = o;
		assert_hook = on_assert;
		alarm(seconds);
	}
	return pid;
}

void
run_apart(const struct run *run, unsigned seconds)
{
	pid_t pid = start_child(run->outcome, seconds);
	int status = 0;

	if (pid == 0) {
		world_run(run);
		exit(0);
	}
	if (waitpid(pid, &status, 0) == pid)
		judge_end(run->outcome, status);
}

/* --- one seed --------------------------------------------------------------
 */

static void
live_seed(uint64_t seed, const struct options *o, struct run *run)
{
	struct spec spec;
	struct gen *g = gen_new(seed, &spec);

	run->spec = &spec;
	run->ops = gen_source(g);
	run->events_most = o->events;
	world_run(run);
	gen_free(&g);
}

static void
seed_in_child(uint64_t seed, const struct options *o, struct outcome *out)
{
	struct run run = {
		.has_figures = true, .has_walks = o->has_walks, .outcome = out
	};
	uint64_t hash;

	live_seed(seed, o, &run);
	hash = out->hash;
	if (o->is_once)
		return;
	run.has_figures = false;
	live_seed(seed, o, &run);
	if (out->hash == hash)
		return;
	out->has_failed = true;
	snprintf(out->check, sizeof(out->check), "same-trace");
	snprintf(out->text, sizeof(out->text),
	    "two runs left traces %016llx and %016llx",
	    (unsigned long long)hash, (unsigned long long)out->hash);
}

/* The last steps before the failure, by living it again. */
static void
show_tail(uint64_t seed, const struct options *o, const struct outcome *failed)
{
	struct outcome *out = shared(1);
	struct run run = { .has_figures = true,
		.has_walks = o->has_walks,
		.outcome = out,
		.trace = stdout };
	pid_t pid;

	run.trace_from = failed->steps_at_fail < TAIL_STEPS
			     ? 0
			     : failed->steps_at_fail - TAIL_STEPS;
	pid = start_child(out, SEED_SECONDS);
	if (pid == 0) {
		live_seed(seed, o, &run);
		exit(0);
	}
	waitpid(pid, NULL, 0);
	munmap(out, sizeof(*out));
}

static void
report(uint64_t seed, const struct options *o, const struct outcome *out)
{
	printf("%sseed %llu failed at step %llu, %llu us: %s: %s\n",
	    o->is_tap ? "# " : "", (unsigned long long)seed,
	    (unsigned long long)out->steps_at_fail,
	    (unsigned long long)out->now_us, out->check, out->text);
	printf("%sreplay: make sim SEEDS=%llu:%llu EVENTS=%llu "
	       "SIM_FLAGS=--trace=FILE\n",
	    o->is_tap ? "# " : "", (unsigned long long)seed,
	    (unsigned long long)seed, (unsigned long long)o->events);
	if (strcmp(out->check, "same-trace") != 0 && !o->is_first)
		show_tail(seed, o, out);
}

/* --- many seeds ------------------------------------------------------------
 */

struct worker {
	pid_t pid; /* 0: idle */
	uint64_t seed;
};

struct block { /* of seeds that are one TAP test */
	unsigned done, failed;
	uint64_t events;
};

struct jobs {
	const struct options *options;
	struct worker workers[JOBS_MAX];
	struct outcome *outcomes; /* one a worker */
	struct block *blocks;	  /* owned */
	struct totals totals;
};

static uint64_t
block_count(const struct options *o)
{
	return (o->last - o->first) / SEEDS_A_BLOCK + 1;
}

static void
end_of_seed(struct jobs *j, unsigned i, int status)
{
	struct worker *w = &j->workers[i];
	struct outcome *out = &j->outcomes[i];
	struct block *b =
	    &j->blocks[(w->seed - j->options->first) / SEEDS_A_BLOCK];

	judge_end(out, status);
	w->pid = 0;
	j->totals.seeds++;
	j->totals.events += out->events;
	j->totals.claims += out->claims;
	b->done++;
	b->events += out->events;
	if (!out->has_failed)
		return;
	b->failed++;
	if (j->totals.failures == 0 || w->seed < j->totals.first_failed) {
		j->totals.first_failed = w->seed;
		snprintf(j->totals.first_check, sizeof(j->totals.first_check),
		    "%s", out->check);
	}
	if (j->totals.failures++ < 5)
		report(w->seed, j->options, out);
}

static void
wait_for_one(struct jobs *j)
{
	int status;
	pid_t pid = wait(&status);

	for (unsigned i = 0; i < j->options->jobs; i++) {
		if (j->workers[i].pid == pid && pid > 0)
			end_of_seed(j, i, status);
	}
}

static void
start_seed(struct jobs *j, uint64_t seed)
{
	unsigned i = 0;
	pid_t pid;

	while (j->workers[i].pid != 0) {
		if (++i == j->options->jobs) {
			wait_for_one(j);
			i = 0;
		}
	}
	pid = start_child(&j->outcomes[i], SEED_SECONDS);
	if (pid == 0) {
		seed_in_child(seed, j->options, &j->outcomes[i]);
		exit(j->outcomes[i].has_failed);
	}
	j->workers[i] = (struct worker){ pid, seed };
}

static bool
is_busy(const struct jobs *j)
{
	for (unsigned i = 0; i < j->options->jobs; i++) {
		if (j->workers[i].pid != 0)
			return true;
	}
	return false;
}

static void
print_tap(const struct jobs *j)
{
	const struct options *o = j->options;

	printf("1..%llu\n", (unsigned long long)block_count(o));
	for (uint64_t b = 0; b < block_count(o); b++) {
		uint64_t first = o->first + b * SEEDS_A_BLOCK;
		uint64_t last = first + SEEDS_A_BLOCK - 1;

		printf("%sok %llu - seeds %llu to %llu keep every promise\n",
		    j->blocks[b].failed > 0 ? "not " : "",
		    (unsigned long long)b + 1, (unsigned long long)first,
		    (unsigned long long)(last < o->last ? last : o->last));
	}
}

static void
shrink_first(const struct jobs *j)
{
	const struct options *o = j->options;
	struct shrink_params p = { .seed = j->totals.first_failed,
		.events = o->events,
		.check = j->totals.first_check,
		.has_walks = o->has_walks };

	if (o->shrink == NULL || j->totals.failures == 0)
		return;
	p.out = fopen(o->shrink, "w");
	if (p.out == NULL) {
		perror(o->shrink);
		return;
	}
	shrink_seed(&p);
	fclose(p.out);
	printf("# seed %llu, made short, is in %s\n",
	    (unsigned long long)p.seed, o->shrink);
}

static double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
run_seeds(const struct options *o)
{
	struct jobs j = { .options = o, .outcomes = shared(o->jobs) };
	double start = seconds_now(), took;

	j.blocks = mem_new(block_count(o), sizeof(struct block));
	for (uint64_t seed = o->first; seed <= o->last; seed++) {
		start_seed(&j, seed);
		if (o->is_first && j.totals.failures > 0)
			break;
	}
	while (is_busy(&j))
		wait_for_one(&j);
	took = seconds_now() - start;
	if (o->is_tap)
		print_tap(&j);
	printf("# %llu seeds, %llu failed, %llu claims, %llu core events in "
	       "%.1f s, %.2f million a second\n",
	    (unsigned long long)j.totals.seeds,
	    (unsigned long long)j.totals.failures,
	    (unsigned long long)j.totals.claims,
	    (unsigned long long)j.totals.events, took,
	    (double)j.totals.events / took / 1e6);
	shrink_first(&j);
	free(j.blocks);
	return j.totals.failures > 0;
}

/* One seed, all of its trace into a file. */
static int
trace_seed(const struct options *o)
{
	struct outcome *out = shared(1);
	struct run run = { .has_figures = true,
		.has_walks = o->has_walks,
		.outcome = out,
		.trace = fopen(o->trace, "w") };
	int status = 0;
	pid_t pid;

	if (run.trace == NULL) {
		perror(o->trace);
		return 2;
	}
	pid = start_child(out, SEED_SECONDS);
	if (pid == 0) {
		live_seed(o->first, o, &run);
		exit(0);
	}
	waitpid(pid, &status, 0);
	judge_end(out, status);
	fclose(run.trace);
	if (out->has_failed)
		printf("seed %llu failed at step %llu: %s: %s\n",
		    (unsigned long long)o->first,
		    (unsigned long long)out->steps_at_fail, out->check,
		    out->text);
	return out->has_failed;
}

/* --- scenarios -------------------------------------------------------------
 */

static bool
run_scenario(const char *path, const struct options *o, char *said, size_t cap)
{
	struct outcome *out = shared(1);
	struct script script;
	FILE *f = fopen(path, "r");
	bool is_good;

	if (f == NULL || !script_read(f, &script, said, cap)) {
		if (f == NULL)
			snprintf(said, cap, "cannot be opened");
		else
			fclose(f);
		return false;
	}
	fclose(f);
	{
		struct run run = { .spec = &script.spec,
			.ops = script_source(&script),
			.events_most = 100000000,
			.has_figures = true,
			.has_walks = o->has_walks,
			.outcome = out };

		if (o->trace != NULL)
			run.trace = fopen(o->trace, "w");
		run_apart(&run, SEED_SECONDS);
		if (run.trace != NULL)
			fclose(run.trace);
	}
	is_good = !out->has_failed;
	snprintf(said, cap, "step %llu: %s: %s",
	    (unsigned long long)out->steps_at_fail, out->check, out->text);
	script_free(&script);
	munmap(out, sizeof(*out));
	return is_good;
}

static int
run_scenarios(char **paths, int count, const struct options *o)
{
	int failed = 0;
	char said[700];

	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		const char *name = strrchr(paths[i], '/');

		if (run_scenario(paths[i], o, said, sizeof(said))) {
			printf("ok %d - %s\n", i + 1,
			    name == NULL ? paths[i] : name + 1);
			continue;
		}
		failed = 1;
		printf("not ok %d - %s\n# %s\n", i + 1,
		    name == NULL ? paths[i] : name + 1, said);
	}
	return failed;
}

/* --- options ---------------------------------------------------------------
 */

static void
usage(void)
{
	fprintf(stderr,
	    "usage: qorb-sim [--seeds FIRST:LAST] [--events N] [--jobs N]\n"
	    "           [--tap] [--once] [--first] [--no-walks] "
	    "[--shrink=FILE] "
	    "[--trace=FILE]\n"
	    "           [SCENARIO ...]\n");
	exit(2);
}

static uint64_t
number(const char *text, uint64_t least, uint64_t most)
{
	uint64_t n;

	if (!number_parse(text, least, most, &n))
		usage();
	return n;
}

static void
read_seeds(char *text, struct options *o)
{
	char *colon = strchr(text, ':');

	if (colon != NULL)
		*colon++ = '\0';
	o->first = number(text, 0, UINT64_MAX / 4);
	o->last =
	    colon == NULL ? o->first : number(colon, o->first, UINT64_MAX / 4);
}

int
main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seeds", required_argument, NULL, 's' },
		{ "events", required_argument, NULL, 'e' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "tap", no_argument, NULL, 't' },
		{ "once", no_argument, NULL, 'o' },
		{ "first", no_argument, NULL, 'f' },
		{ "no-walks", no_argument, NULL, 'n' },
		{ "shrink", required_argument, NULL, 'k' },
		{ "trace", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .first = 1,
		.last = 20,
		.events = 100000,
		.jobs = 2,
		.has_walks = true };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 's')
			read_seeds(optarg, &o);
		else if (c == 'e')
			o.events = number(optarg, 1, UINT64_MAX / 4);
		else if (c == 'j')
			o.jobs = (unsigned)number(optarg, 1, JOBS_MAX);
		else if (c == 't')
			o.is_tap = true;
		else if (c == 'o')
			o.is_once = true;
		else if (c == 'f')
			o.is_first = true;
		else if (c == 'n')
			o.has_walks = false;
		else if (c == 'k')
			o.shrink = optarg;
		else if (c == 'r')
			o.trace = optarg;
		else
			usage();
	}
	if (optind < argc)
		return run_scenarios(&argv[optind], argc - optind, &o);
	if (o.trace != NULL)
		return trace_seed(&o);
	return run_seeds(&o);
}
