/*
 * What a claim costs in the core alone: no socket, no system call, no other
 * process. Prints a table of nanoseconds of CPU time, each the median of
 * several runs, and how they grow with the number of backends.
 *
 *     bench_core [RUNS]
 *     bench_core --rounds BACKENDS HELD
 *
 * The second form does rounds and prints how many, for a tool that counts the
 * instructions of one_round (core.sh): time steps up where a cache is full,
 * instructions only grow with the work.
 *
 * One round is what a daemon asks of the core for one client: the claim, its
 * grant taken as an action, the release, the recycle check taken as an action,
 * and its good result, with the look for one more action that finds none after
 * each of the three. With claims waiting, a released connection goes to the
 * oldest of them and a new claim takes its place at the end.
 *
 * Policies are the defaults but for the sizes. Before measuring, every backend
 * has been used, so that connections are partly new and partly of the user who
 * claims, as in a daemon that has run for a while.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/pool.h"

#define RUNS_MOST 101
#define ROUNDS	  100000
#define UID	  1000

struct setup {
	uint32_t backends, slots; /* slots of each backend */
	uint32_t held;		  /* claims that stay out all the time */
	uint32_t waiting;	  /* claims that wait all the time */
	enum isolation isolation;
	enum balance balance;
};

struct world {
	struct pool *pool;
	struct claim_table *claims;
	uint64_t ids, now_us;
	uint64_t *held; /* owned: ids of granted claims, a ring */
	uint32_t held_at, held_count, held_room;
};

static const char *const isolation_names[] = {
	[ISOLATION_UID] = "uid",
	[ISOLATION_NONE] = "none",
};

static const char *const balance_names[] = {
	[BALANCE_LEAST_CLAIMED] = "least-claimed",
	[BALANCE_P2C] = "p2c",
	[BALANCE_ROUND_ROBIN] = "round-robin",
};

static void
on_assert(const char *file, int line, const char *what)
{
	fprintf(stderr, "bench_core: %s:%d: %s\n", file, line, what);
}

static void
must(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "bench_core: %s\n", what);
	exit(1);
}

static void
keep(struct world *w, uint64_t claim)
{
	uint32_t at = w->held_at + w->held_count++;

	w->held[at < w->held_room ? at : at - w->held_room] = claim;
}

static uint64_t
oldest(struct world *w)
{
	uint64_t claim = w->held[w->held_at];

	w->held_at = w->held_at + 1 == w->held_room ? 0 : w->held_at + 1;
	w->held_count--;
	return claim;
}

/* All that is to be done, done at once and well. */
static void
settle(struct world *w)
{
	struct action a;

	while (pool_next_action(w->pool, &a)) {
		switch (a.kind) {
		case ACTION_CONNECT:
			pool_on_connected(w->pool, a.slot, w->now_us);
			break;
		case ACTION_CHECK:
			pool_on_checked(w->pool, a.slot, NULL, w->now_us);
			break;
		case ACTION_GRANT:
			keep(w, a.claim);
			break;
		case ACTION_CLOSE:
		case ACTION_REVOKE:
			break;
		case ACTION_REFUSE:
			must(false, "a claim was refused");
		}
	}
}

static void
ask(struct world *w)
{
	const struct claim_request r = { .uid = UID, .wait_us = NEVER };
	uint64_t id;

	must(pool_on_claim(w->pool, &r, &id, w->now_us) == ERR_NONE,
	    "a claim was refused at once");
}

static void
give_back(struct world *w)
{
	must(pool_on_release(w->pool, oldest(w), CLAIM_END_OK, w->now_us),
	    "a release failed");
}

static void
name_backends(struct world *w, uint32_t count)
{
	struct backend_spec *specs = mem_new(count, sizeof(*specs));
	char(*names)[24] = mem_new(count, sizeof(*names));

	for (uint32_t i = 0; i < count; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "backend-%u", i);
		specs[i].name = names[i];
		specs[i].addr.kind = ADDR_INET;
		specs[i].addr.port = 80;
		memcpy(specs[i].addr.ip, &i, sizeof(i));
		specs[i].weight = 1;
		specs[i].sources = SOURCE_STATIC;
	}
	pool_on_backends(w->pool, specs, count, w->now_us);
	free(names);
	free(specs);
}

static void
connect_all(struct world *w, uint32_t slots)
{
	struct pool_stats stats;

	do {
		settle(w);
		w->now_us += US_PER_S / 10;
		pool_on_time(w->pool, w->now_us);
		settle(w);
		pool_stats(w->pool, w->now_us, &stats);
	} while (stats.counts[SLOT_UNCLAIMED] < slots);
}

static struct world *
world_new(const struct setup *s)
{
	struct world *w = mem_new(1, sizeof(*w));
	uint32_t slots = s->backends * s->slots;
	struct policy policy;

	policy_init(&policy);
	policy.max_slots = policy.spares_wanted = slots;
	policy.max_count = s->slots;
	policy.max_waiting = s->waiting + 1;
	policy.connect_rate = US_PER_S;
	policy.isolation = s->isolation;
	policy.balance = s->balance;
	w->now_us = US_PER_S;
	w->held_room = slots + 1;
	w->held = mem_new(w->held_room, sizeof(*w->held));
	w->claims = claim_table_new(slots + s->waiting + 1);
	w->pool = pool_new(&(struct pool_params){ .name = "bench",
			       .policy = &policy,
			       .seed = 1,
			       .host = 1,
			       .claims = w->claims,
			       .ids = &w->ids },
	    w->now_us);
	name_backends(w, s->backends);
	connect_all(w, slots);
	return w;
}

static void
world_free(struct world *w)
{
	pool_on_stop(w->pool, w->now_us);
	while (w->held_count > 0)
		give_back(w);
	for (struct action a; pool_next_action(w->pool, &a);)
		continue;
	pool_free(&w->pool);
	claim_table_free(&w->claims);
	free(w->held);
	free(w);
}

/* By this name it is found from outside. */
__attribute__((noinline)) static void
one_round(struct world *w, bool is_queued)
{
	w->now_us++;
	if (is_queued) {
		give_back(w);
		settle(w);
		ask(w);
	} else {
		ask(w);
		settle(w);
		give_back(w);
	}
	settle(w);
}

/* A world in which everybody has what is to be held, and has had his turn. */
static struct world *
world_warm(const struct setup *s, uint32_t rounds)
{
	struct world *w = world_new(s);

	for (uint32_t i = 0; i < s->held + s->waiting; i++)
		ask(w);
	settle(w);
	for (uint32_t i = 0; i < rounds; i++)
		one_round(w, s->waiting > 0);
	return w;
}

static double
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds of one round. */
struct figure {
	double median, best;
};

static struct figure
measure(const struct setup *s, int runs)
{
	struct world *w = world_warm(s, 4 * s->backends + ROUNDS / 10);
	double times[RUNS_MOST];

	for (int k = 0; k < runs; k++) {
		double start = cpu_ns();

		for (int i = 0; i < ROUNDS; i++)
			one_round(w, s->waiting > 0);
		times[k] = (cpu_ns() - start) / ROUNDS;
	}
	pool_check(w->pool);
	world_free(w);
	qsort(times, (size_t)runs, sizeof(times[0]), compare_doubles);
	return (struct figure){ times[runs / 2], times[0] };
}

static double
print_row(const struct setup *s, int runs)
{
	struct figure ns = measure(s, runs);

	printf("%8u %6u %8u %8u  %-9s  %-13s %7.0f %7.0f\n", s->backends,
	    s->slots, s->held, s->waiting, isolation_names[s->isolation],
	    balance_names[s->balance], ns.median, ns.best);
	(void)fflush(stdout);
	return ns.median;
}

static void
print_head(void)
{
	printf("%8s %6s %8s %8s  %-9s  %-13s %7s %7s\n", "backends", "slots",
	    "held", "waiting", "isolation", "balance", "median", "best");
}

/* The loads of one size, under every policy that matters to the core. */
static void
print_policies(uint32_t backends, uint32_t held, uint32_t waiting, int runs)
{
	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t k = 0; k < 3; k++) {
			struct setup s = { backends, 16, held, waiting,
				(enum isolation)i, (enum balance)k };

			(void)print_row(&s, runs);
		}
	}
}

/* Least squares of y = a + b x; returns b, and how much of the spread of y it
 * explains (1: all). */
static double
fit(const double *x, const double *y, int n, double *explained)
{
	double mx = 0, my = 0, xx = 0, xy = 0, yy = 0;

	for (int i = 0; i < n; i++) {
		mx += x[i] / n;
		my += y[i] / n;
	}
	for (int i = 0; i < n; i++) {
		xx += (x[i] - mx) * (x[i] - mx);
		xy += (x[i] - mx) * (y[i] - my);
		yy += (y[i] - my) * (y[i] - my);
	}
	*explained = yy > 0 ? xy * xy / (xx * yy) : 1;
	return xy / xx;
}

/* O(log n) is a straight line over log n. O(n) would be one over n, and a
 * power of n with exponent 1. */
static void
print_growth(uint32_t held_of_16, int runs)
{
	static const uint32_t sizes[] = { 1, 3, 10, 32, 100, 316, 1000, 3162,
		10000 };
	enum { SIZES = ARRAY_LEN(sizes) };
	double logs[SIZES], n[SIZES], ns[SIZES], log_ns[SIZES], r_log, r_lin;
	double per_doubling, exponent, r_exp;

	for (int i = 0; i < SIZES; i++) {
		struct setup s = { .backends = sizes[i], .slots = 16 };

		s.held = held_of_16 * sizes[i];
		ns[i] = print_row(&s, runs);
		n[i] = sizes[i];
		logs[i] = log2(sizes[i]);
		log_ns[i] = log2(ns[i]);
	}
	per_doubling = fit(logs, ns, SIZES, &r_log);
	(void)fit(n, ns, SIZES, &r_lin);
	exponent = fit(logs, log_ns, SIZES, &r_exp);
	printf("fit: %.1f ns for each doubling of the backends, a line over "
	       "log n explains\n     %.0f %% (over n: %.0f %%); as a power: "
	       "n^%.2f (1 would be linear); 10,000 : 1 is %.1f\n\n",
	    per_doubling, 100 * r_log, 100 * r_lin, exponent,
	    ns[SIZES - 1] / ns[0]);
}

static void
print_goal(int runs)
{
	struct setup s = { .backends = 1, .slots = 16 };
	double one = measure(&s, runs).median, many;

	s.backends = 1000;
	many = measure(&s, runs).median;
	printf("goal: 1,000 x 16 in at most 120 ns: %.0f, %s; at most 2 times "
	       "1 x 16: %.1f, %s\n",
	    many, many <= 120 ? "met" : "missed", many / one,
	    many <= 2 * one ? "met" : "missed");
}

static int
only_rounds(const char *backends, const char *held)
{
	struct setup s = { .backends = (uint32_t)atoi(backends),
		.slots = 16,
		.held = (uint32_t)atoi(held) };
	uint32_t rounds = s.backends + ROUNDS / 10;
	struct world *w = world_warm(&s, rounds);

	world_free(w);
	printf("%u\n", rounds);
	return 0;
}

int
main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 7;

	assert_hook = on_assert;
	if (argc == 4 && strcmp(argv[1], "--rounds") == 0)
		return only_rounds(argv[2], argv[3]);
	if (runs < 1 || runs > RUNS_MOST) {
		fprintf(
		    stderr, "usage: bench_core [RUNS], 1 to %d\n", RUNS_MOST);
		return 2;
	}
	printf("claim + release, nanoseconds of CPU time: median and best of "
	       "%d runs of %d rounds\n\n",
	    runs, ROUNDS);
	print_head();
	print_policies(1, 0, 0, runs);
	print_policies(1000, 0, 0, runs);
	print_policies(1000, 8000, 0, runs);
	print_policies(1, 16, 100000, runs);
	print_policies(1000, 16000, 100000, runs);
	printf("\ngrowth with the backends, nothing else held\n\n");
	print_head();
	print_growth(0, runs);
	printf("growth with the backends, half of the slots held\n\n");
	print_head();
	print_growth(8, runs);
	print_goal(runs);
	return 0;
}
