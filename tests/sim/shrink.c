/*
 * Makes a failing world short: what happened up to the failure is written down
 * as a script, then whatever can go without the failure going too is taken out
 * (delta debugging, Zeller and Hildebrandt 2002): operations, backends,
 * settings and what claims ask for. Each try runs in a process of its own.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim.h"

#define TRIES_MOST 4000

struct shrinker {
	const struct shrink_params *params;
	struct script best;
	struct outcome *outcome; /* shared with the tries */
	unsigned tries;
};

/* Does the script fail as the seed did? */
static bool
fails(struct shrinker *s, struct script *script)
{
	struct run run = { .spec = &script->spec,
		.ops = script_source(script),
		.events_most = s->params->events,
		.has_figures = true,
		.has_walks = s->params->has_walks,
		.outcome = s->outcome };

	s->tries++;
	run_apart(&run, 20);
	return s->outcome->has_failed &&
	       strcmp(s->outcome->check, s->params->check) == 0;
}

/* Keeps the candidate when it fails; takes it over either way. */
static bool
try_script(struct shrinker *s, struct script *candidate)
{
	if (s->tries < TRIES_MOST && fails(s, candidate)) {
		script_free(&s->best);
		s->best = *candidate;
		return true;
	}
	script_free(candidate);
	return false;
}

static struct script
copy_but(const struct script *from, size_t first, size_t count)
{
	struct script to = { .spec = from->spec };

	for (size_t i = 0; i < from->count; i++) {
		if (i < first || i >= first + count)
			script_add(&to, &from->ops[i]);
	}
	return to;
}

static void
drop_operations(struct shrinker *s)
{
	size_t chunk = s->best.count / 2;

	while (chunk > 0 && s->tries < TRIES_MOST) {
		bool has_dropped = false;

		for (size_t at = 0; at < s->best.count;) {
			struct script c = copy_but(&s->best, at, chunk);

			if (try_script(s, &c))
				has_dropped = true;
			else
				at += chunk;
		}
		if (!has_dropped || chunk > s->best.count)
			chunk /= 2;
	}
}

static void
drop_backends(struct shrinker *s)
{
	for (unsigned b = 0; b < s->best.spec.backends; b++) {
		struct script c = copy_but(&s->best, 0, 0);

		for (size_t i = 0; i < c.count; i++)
			c.ops[i].mask &= ~(1ULL << b);
		(void)try_script(s, &c);
	}
	while (s->best.spec.backends > 1) {
		struct script c = copy_but(&s->best, 0, 0);
		unsigned last = --c.spec.backends;

		for (size_t i = 0; i < c.count; i++) {
			c.ops[i].mask &= ~(1ULL << last);
			if (c.ops[i].backend >= (int)last)
				c.ops[i].backend = (int8_t)last - 1;
		}
		if (!try_script(s, &c))
			break;
	}
}

static void
drop_pools(struct shrinker *s)
{
	while (s->best.spec.pools > 1) {
		struct script c = copy_but(&s->best, 0, 0);

		c.spec.pools--;
		if (!try_script(s, &c))
			break;
	}
}

static void
plain_settings(struct shrinker *s)
{
	struct policy initial;

	policy_init(&initial);
	for (unsigned p = 0; p < s->best.spec.pools; p++) {
		struct script c = copy_but(&s->best, 0, 0);

		c.spec.pool[p].has_acquire = false;
		(void)try_script(s, &c);
		for (uint8_t r = 0; r < policy_row_count; r++) {
			struct change change = { r, 0 };

			if (!policy_is_number(r))
				continue;
			change.value = policy_get(&initial, r);
			if (policy_get(&s->best.spec.pool[p].policy, r) ==
			    change.value)
				continue;
			c = copy_but(&s->best, 0, 0);
			policy_put(&c.spec.pool[p].policy, &change);
			(void)try_script(s, &c);
		}
	}
}

static void
plain_world(struct shrinker *s)
{
	struct script c = copy_but(&s->best, 0, 0);

	c.spec.walk = 1;
	(void)try_script(s, &c);
	c = copy_but(&s->best, 0, 0);
	c.spec.batch = 1;
	(void)try_script(s, &c);
	c = copy_but(&s->best, 0, 0);
	c.spec.room = 1024;
	(void)try_script(s, &c);
	c = copy_but(&s->best, 0, 0);
	for (unsigned b = 0; b < BACKENDS_MAX; b++)
		c.spec.backend[b] = (struct backend_def){ (uint8_t)b, 0, 1 };
	(void)try_script(s, &c);
}

/* Makes one operation plainer in one way; false when there is no such way. */
static bool
plainer(struct op *op, unsigned way)
{
	switch (way) {
	case 0:
		op->cancel_us = NEVER;
		op->is_vanishing = false;
		return op->kind == OP_CLAIM;
	case 1:
		op->key = op->backend = -1;
		return op->kind == OP_CLAIM;
	case 2:
		op->wait_us = POOL_WAIT_DEFAULT;
		op->lease_us = 0;
		return op->kind == OP_CLAIM;
	case 3:
		op->fate = FATE_OK;
		return op->kind == OP_CLAIM;
	case 4:
		op->uid = 0;
		return op->kind == OP_CLAIM;
	default:
		if (op->kind != OP_POLICY || op->change_count < 2)
			return false;
		op->change_count--;
		return true;
	}
}

static void
plain_operations(struct shrinker *s)
{
	for (size_t i = 0; i < s->best.count; i++) {
		for (unsigned way = 0; way < 6; way++) {
			struct script c = copy_but(&s->best, 0, 0);

			if (plainer(&c.ops[i], way) &&
			    memcmp(&c.ops[i], &s->best.ops[i],
				sizeof(struct op)) != 0)
				(void)try_script(s, &c);
			else
				script_free(&c);
		}
	}
}

/* All that happened until the seed failed. */
static bool
record(struct shrinker *s)
{
	struct gen *g = gen_new(s->params->seed, &s->best.spec);
	struct op_source source = gen_source(g);
	struct run run = { .spec = &s->best.spec,
		.ops = source,
		.events_most = s->params->events,
		.has_figures = true,
		.has_walks = s->params->has_walks,
		.outcome = s->outcome };
	struct op op;

	run_apart(&run, 120);
	gen_free(&g);
	g = gen_new(s->params->seed, &s->best.spec);
	source = gen_source(g);
	for (uint64_t i = 0; i <= s->outcome->ops; i++) {
		if (source.next(source.ctx, &op))
			script_add(&s->best, &op);
	}
	gen_free(&g);
	return fails(s, &s->best);
}

void
shrink_seed(const struct shrink_params *params)
{
	struct shrinker s = { .params = params };
	char head[256];
	size_t before = SIZE_MAX;

	s.outcome = mmap(NULL, sizeof(*s.outcome), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(s.outcome != MAP_FAILED);
	if (!record(&s)) {
		fprintf(params->out, "# seed %llu does not fail as a script\n",
		    (unsigned long long)params->seed);
	}
	while (s.best.count < before && s.tries < TRIES_MOST) {
		before = s.best.count;
		drop_operations(&s);
		drop_pools(&s);
		drop_backends(&s);
		plain_world(&s);
		plain_settings(&s);
		plain_operations(&s);
	}
	(void)fails(&s, &s.best);
	snprintf(
	    head, sizeof(head), "%s: %.200s", params->check, s.outcome->text);
	script_write(params->out, &s.best, head);
	script_free(&s.best);
	munmap(s.outcome, sizeof(*s.outcome));
}
