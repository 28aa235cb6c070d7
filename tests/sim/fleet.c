/*
 * A fleet of hosts, each with a pool of the real core, that share backends:
 * how evenly their connections fall on the backends, and how many move when a
 * backend goes. Everything connects; time is virtual.
 *
 *     fleet [--tap] [HOSTS [BACKENDS [SLOTS]]]
 *
 * Prints a table and exits 1 when a promise is not kept; with --tap each
 * promise is a test. Promises are made for hosts with numbered names alone:
 * the other rows show what comes of other names and of another way.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pool.h"
#include "core/rng.h"

#define SETTLE_US    (100 * US_PER_MS)
#define MOST_TO_MEAN 1.35
#define MOVED_MOST   2.0 /* means of connections */
#define WEIGHT_ERROR 0.10
#define RACK	     25 /* hosts of one rack */

enum way {
	WAY_NUMBERED,	/* web001, web002 ... */
	WAY_LATER,	/* the same, from 5001 on */
	WAY_RACKS,	/* rack1-node1 ... */
	WAY_RANDOM,	/* names without a number */
	WAY_RENDEZVOUS, /* not ours: worked out here for comparison */
};

static const char *const way_names[] = {
	[WAY_NUMBERED] = "web001 ...",
	[WAY_LATER] = "web5001 ...",
	[WAY_RACKS] = "rack1-node1 ...",
	[WAY_RANDOM] = "random names",
	[WAY_RENDEZVOUS] = "(rendezvous hashing)",
};

struct fleet {
	enum way way;
	uint32_t hosts, backends, slots;
	uint32_t changes;	    /* before it is looked at */
	bool has_weights;	    /* 1 and 3 by turns, not all 1 */
	uint32_t *load;		    /* owned: connections of each backend */
	uint64_t moved;		    /* see remove_one */
	struct backend_spec *specs; /* owned */
	char (*names)[24];	    /* owned: of the backends */
};

struct host {
	struct pool *pool;
	struct claim_table *claims;
	uint64_t ids, now_us;
};

struct verdict {
	double most_to_mean; /* of a backend, of its weight */
	double moved;	     /* in means */
	uint32_t least;
	double heavy_to_light;
};

static void
on_assert(const char *file, int line, const char *what)
{
	fprintf(stderr, "fleet: %s:%d: %s\n", file, line, what);
}

static void
name_host(enum way way, uint32_t i, char *name, size_t size)
{
	switch (way) {
	case WAY_NUMBERED:
		(void)snprintf(name, size, "web%03u.example.com", i + 1);
		break;
	case WAY_LATER:
		(void)snprintf(name, size, "web%03u.example.com", i + 5001);
		break;
	case WAY_RACKS:
		(void)snprintf(name, size, "rack%u-node%u.example.com",
		    i / RACK + 1, i % RACK + 1);
		break;
	case WAY_RANDOM:
	case WAY_RENDEZVOUS:
		(void)snprintf(name, size, "%llx-host.example.com",
		    (unsigned long long)hash_mix(i, 1));
		break;
	}
}

static void
name_backends(struct fleet *f)
{
	f->specs = mem_new(f->backends, sizeof(*f->specs));
	f->names = mem_new(f->backends, sizeof(*f->names));
	for (uint32_t i = 0; i < f->backends; i++) {
		struct backend_spec *spec = &f->specs[i];

		(void)snprintf(
		    f->names[i], sizeof(f->names[i]), "backend-%u", i);
		spec->name = f->names[i];
		spec->addr.kind = ADDR_INET;
		spec->addr.port = 80;
		memcpy(spec->addr.ip, &i, sizeof(i));
		spec->weight = f->has_weights && i % 2 == 1 ? 3 : 1;
		spec->sources = SOURCE_STATIC;
	}
}

static void
carry_out(struct host *h)
{
	struct action a;

	while (pool_next_action(h->pool, &a)) {
		if (a.kind == ACTION_CONNECT)
			pool_on_connected(h->pool, a.slot, h->now_us);
	}
}

/* Lets the host do all that follows from what it was told. */
static void
settle(struct host *h)
{
	uint64_t until = h->now_us + SETTLE_US;

	carry_out(h);
	while (pool_next_deadline(h->pool) <= until) {
		if (pool_next_deadline(h->pool) > h->now_us)
			h->now_us = pool_next_deadline(h->pool);
		pool_on_time(h->pool, h->now_us);
		carry_out(h);
	}
	h->now_us = until;
}

/* Adds the host's connections to load, by backend. */
static void
count(const struct host *h, uint32_t *load)
{
	struct slot_stats s;
	uint32_t at = 0;

	while (pool_next_slot(h->pool, h->now_us, &at, &s))
		load[strtoul(s.backend + strlen("backend-"), NULL, 10)]++;
}

static void
host_init(struct host *h, const struct fleet *f, uint32_t i)
{
	struct policy policy;
	char name[64];

	name_host(f->way, i, name, sizeof(name));
	policy_init(&policy);
	policy.max_slots = policy.spares_wanted = f->slots;
	h->ids = 0;
	h->now_us = US_PER_S;
	h->claims = claim_table_new(f->slots);
	h->pool = pool_new(&(struct pool_params){ .name = "fleet",
			       .policy = &policy,
			       .seed = i,
			       .host = pool_host_position(name),
			       .claims = h->claims,
			       .ids = &h->ids },
	    h->now_us);
}

static void
host_fini(struct host *h)
{
	pool_on_stop(h->pool, h->now_us);
	carry_out(h);
	pool_free(&h->pool);
	claim_table_free(&h->claims);
}

/* The backends but the one at `without`; none is left out when that is their
 * number. */
static void
tell_backends(const struct fleet *f, struct host *h, uint32_t without)
{
	struct backend_spec *some = mem_new(f->backends, sizeof(*some));
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->backends; i++) {
		if (i != without)
			some[n++] = f->specs[i];
	}
	pool_on_backends(h->pool, some, n, h->now_us);
	settle(h);
	free(some);
}

/* A backend goes: how many connections move to others beyond those that it
 * had itself. */
static uint64_t
remove_one(const struct fleet *f, struct host *h, uint32_t gone)
{
	uint32_t *before = mem_new(f->backends, sizeof(*before));
	uint32_t *after = mem_new(f->backends, sizeof(*after));
	uint64_t opened = 0, own;

	count(h, before);
	tell_backends(f, h, gone);
	count(h, after);
	for (uint32_t i = 0; i < f->backends; i++)
		opened += after[i] > before[i] ? after[i] - before[i] : 0;
	own = before[gone];
	free(before);
	free(after);
	return opened > own ? opened - own : 0;
}

static void
run_host(struct fleet *f, uint32_t i)
{
	struct host h;

	host_init(&h, f, i);
	tell_backends(f, &h, f->backends);
	for (uint32_t k = 0; k < f->changes; k++) {
		tell_backends(f, &h, (uint32_t)(hash_mix(k, 2) % f->backends));
		tell_backends(f, &h, f->backends);
	}
	count(&h, f->load);
	f->moved += remove_one(f, &h, f->backends / 3);
	host_fini(&h);
}

/* The same by rendezvous hashing (Thaler and Ravishankar 1998): the backends
 * with the lowest hashes together with the host. None moves beyond the removed
 * one's own. */
static void
run_rendezvous(struct fleet *f, uint32_t host)
{
	bool *is_taken = mem_new(f->backends, sizeof(*is_taken));

	for (uint32_t n = 0; n < f->slots; n++) {
		uint32_t best = 0;
		uint64_t best_hash = UINT64_MAX;

		for (uint32_t i = 0; i < f->backends; i++) {
			uint64_t hash = hash_mix(hash_mix(host, 3), i);

			if (!is_taken[i] && hash < best_hash) {
				best = i;
				best_hash = hash;
			}
		}
		is_taken[best] = true;
		f->load[best]++;
	}
	free(is_taken);
}

static struct verdict
judge(const struct fleet *f)
{
	double mean = (double)f->hosts * f->slots / f->backends;
	struct verdict v = { .least = UINT32_MAX };
	uint64_t sums[2] = { 0, 0 };

	for (uint32_t i = 0; i < f->backends; i++) {
		double due =
		    f->has_weights ? mean * f->specs[i].weight / 2 : mean;

		if (f->load[i] / due > v.most_to_mean)
			v.most_to_mean = f->load[i] / due;
		v.least = f->load[i] < v.least ? f->load[i] : v.least;
		sums[i % 2] += f->load[i];
	}
	v.moved = (double)f->moved / mean;
	v.heavy_to_light = (double)sums[1] / (double)sums[0];
	return v;
}

/* Runs a fleet, which is params with nothing in it yet, and says how it went;
 * as a comment when the output is TAP. */
static struct verdict
run(struct fleet f, bool is_tap)
{
	struct verdict v;

	f.load = mem_new(f.backends, sizeof(*f.load));
	name_backends(&f);
	for (uint32_t i = 0; i < f.hosts; i++) {
		if (f.way == WAY_RENDEZVOUS)
			run_rendezvous(&f, i);
		else
			run_host(&f, i);
	}
	v = judge(&f);
	printf("%s%-21s %-7s %7u %8u %10.2f %9.2f %12.2f\n", is_tap ? "# " : "",
	    way_names[f.way], f.has_weights ? "1 and 3" : "1", f.changes,
	    v.least, v.most_to_mean, v.heavy_to_light, v.moved);
	(void)fflush(stdout);
	free(f.load);
	free(f.specs);
	free(f.names);
	return v;
}

/* One promise and whether it was kept. */
static bool
tell(bool is_kept, int number, bool is_tap, const char *what)
{
	if (is_tap)
		printf("%s %d - %s\n", is_kept ? "ok" : "not ok", number, what);
	else
		printf("%-6s %s\n", is_kept ? "kept" : "BROKEN", what);
	return is_kept;
}

/* The heavy backends have three times the share, within the error. */
static bool
follows_weights(const struct verdict *v)
{
	return v->heavy_to_light >= 3 * (1 - WEIGHT_ERROR) &&
	       v->heavy_to_light <= 3 * (1 + WEIGHT_ERROR);
}

static bool
run_all(const struct fleet *size, bool is_tap)
{
	struct fleet f = *size;
	struct verdict even[3], weighted;
	bool is_even = true, has_all = true, is_still = true, ok;

	printf("%s%-21s %-7s %7s %8s %10s %9s %12s\n", is_tap ? "# " : "",
	    "hosts", "weights", "changes", "least", "most:mean", "odd:even",
	    "moved:mean");
	for (int i = 0; i < 3; i++) {
		f.way = i == 1 ? WAY_LATER : WAY_NUMBERED;
		f.changes = i == 2 ? 10 : 0;
		even[i] = run(f, is_tap);
		is_even &= even[i].most_to_mean <= MOST_TO_MEAN;
		has_all &= even[i].least > 0;
		is_still &= even[i].moved <= MOVED_MOST;
	}
	f.has_weights = true;
	f.changes = 0;
	weighted = run(f, is_tap);
	f.has_weights = false;
	f.way = WAY_RACKS;
	(void)run(f, is_tap);
	f.way = WAY_RANDOM;
	(void)run(f, is_tap);
	f.way = WAY_RENDEZVOUS;
	(void)run(f, is_tap);
	ok = tell(is_even, 1, is_tap,
	    "no backend has over 1.35 times the mean of connections");
	ok &= tell(has_all, 2, is_tap, "no backend is without");
	ok &= tell(is_still, 3, is_tap,
	    "a backend that goes moves at most two means beyond its own");
	ok &= tell(follows_weights(&weighted), 4, is_tap,
	    "backends of weight 3 have 3 times what those of 1 have");
	return ok;
}

static int
usage(void)
{
	fprintf(stderr, "usage: fleet [--tap] [HOSTS [BACKENDS [SLOTS]]]\n");
	return 2;
}

int
main(int argc, char **argv)
{
	struct fleet f = { .hosts = 1000, .backends = 500, .slots = 16 };
	uint32_t *const sizes[] = { &f.hosts, &f.backends, &f.slots };
	bool is_tap = argc > 1 && strcmp(argv[1], "--tap") == 0;

	assert_hook = on_assert;
	for (int i = 1 + is_tap; i < argc; i++) {
		int n = atoi(argv[i]);

		if (i - is_tap > (int)ARRAY_LEN(sizes) || n < 1 || n > 100000)
			return usage();
		*sizes[i - is_tap - 1] = (uint32_t)n;
	}
	if (is_tap)
		printf("1..4\n");
	printf("%s%u hosts of %u slots, %u backends: %.1f connections to each "
	       "in the mean\n",
	    is_tap ? "# " : "", f.hosts, f.slots, f.backends,
	    (double)f.hosts * f.slots / f.backends);
	return run_all(&f, is_tap) ? 0 : 1;
}
