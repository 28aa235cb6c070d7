/*
 * Draws worlds from seeds. A world goes in rounds: a while in which things go
 * wrong, then a calm one at whose end every pool must be as it is wanted. Most
 * worlds are small, where few slots and few backends meet in every way; some
 * have more backends than slots; some are without any fault and only for the
 * promise that claims spread evenly.
 */

#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum phase { PHASE_SOURCES, PHASE_CHAOS, PHASE_CALM, PHASE_SETTLED };

enum size { SIZE_TINY, SIZE_SMALL, SIZE_LARGE, SIZE_EVEN };

struct gen {
	struct rng rng;
	struct spec *spec;
	enum size size;
	enum phase phase;
	uint64_t at_us, phase_ends_us;
	uint64_t gap_us, hold_us; /* claims of this round, on average */
	unsigned faults;	  /* in a thousand operations */
	unsigned sources_due;
	uint32_t labels, burst;
	unsigned down_due; /* backends that may begin the round down */
	uint64_t most_backoff_us, most_timeout_us;
	uint32_t least_rate;
	bool has_begun_even, has_own_users;
};

static uint64_t
below(struct gen *g, uint64_t n)
{
	return rng_below(&g->rng, n);
}

static bool
one_in(struct gen *g, uint64_t n)
{
	return below(g, n) == 0;
}

/* From least to most, small ones as likely as large ones. */
static uint64_t
span(struct gen *g, uint64_t least, uint64_t most)
{
	uint64_t n = least;

	while (n < most && !one_in(g, 4))
		n *= 2;
	n += below(g, n / 2 + 1);
	return n < most ? n : most;
}

static uint64_t
or_never(struct gen *g, uint64_t n, uint64_t value)
{
	return one_in(g, n) ? value : NEVER;
}

/* --- policies --------------------------------------------------------------
 */

static void
put(struct policy *p, const char *name, uint64_t value)
{
	struct change c = { policy_row_of(name), value };

	policy_put(p, &c);
}

/* One setting, anew. */
static struct change
draw_change(struct gen *g, unsigned which)
{
	uint64_t most = g->size == SIZE_TINY	? 6
			: g->size == SIZE_SMALL ? 24
						: 48;
	const struct {
		const char *name;
		uint64_t value;
	} draws[] = {
		{ "max-slots", 1 + below(g, most) },
		{ "max-count", 1 + below(g, most) },
		{ "spares-wanted", below(g, most) },
		{ "isolation", below(g, 2) },
		{ "balance", below(g, 3) },
		{ "when-offline", one_in(g, 4) },
		{ "claim-timeout", or_never(g, 12, 0) == 0
				       ? 0
				       : span(g, US_PER_MS, US_PER_S) },
		{ "max-waiting", one_in(g, 4) ? below(g, 8) : 1000 },
		{ "codel-target", or_never(g, 4, span(g, US_PER_MS, 20000)) },
		{ "codel-interval", span(g, 2000, 100000) },
		{ "rebalance-interval", span(g, 20000, US_PER_S) },
		{ "connect-timeout", span(g, 100000, 400000) },
		{ "connect-rate", one_in(g, 6) ? 100 + below(g, 400)
					       : 1000 + below(g, 100000) },
		{ "min-uptime", span(g, US_PER_MS, 500000) },
		{ "min-connection-backoff", span(g, US_PER_MS, 20000) },
		{ "max-connection-backoff", span(g, 20000, 500000) },
		{ "spread", one_in(g, 3) ? 0 : span(g, US_PER_MS, 20000) },
		{ "health-interval", or_never(g, 2, span(g, 10000, 500000)) },
		{ "health-check-timeout", span(g, US_PER_MS, 50000) },
		{ "max-lifetime", or_never(g, 3, span(g, 100000, US_PER_S)) },
		{ "max-claims-per-connection",
		    or_never(g, 3, 1 + below(g, 20)) },
		{ "leak-after", or_never(g, 2, span(g, US_PER_MS, US_PER_S)) },
		{ "max-hold", or_never(g, 3, span(g, 2000, US_PER_S)) },
		{ "subset", below(g, 4) > 0 },
	};
	unsigned i = which % ARRAY_LEN(draws);

	return (struct change){ policy_row_of(draws[i].name), draws[i].value };
}

#define SETTINGS 24

static void
note_policy(struct gen *g, const struct policy *p)
{
	uint64_t backoff = p->max_connection_backoff + p->spread;

	if (backoff > g->most_backoff_us)
		g->most_backoff_us = backoff;
	if (p->connect_timeout > g->most_timeout_us)
		g->most_timeout_us = p->connect_timeout;
	if (p->connect_rate < g->least_rate)
		g->least_rate = p->connect_rate;
}

static void
draw_policy(struct gen *g, struct policy *p)
{
	for (unsigned i = 0; i < SETTINGS; i++) {
		struct change c = draw_change(g, i);

		policy_put(p, &c);
	}
	note_policy(g, p);
}

/* --- worlds ----------------------------------------------------------------
 */

static void
draw_backends(struct gen *g)
{
	struct spec *s = g->spec;
	bool has_weights = one_in(g, 3), has_tiers = one_in(g, 3);

	for (unsigned i = 0; i < s->backends; i++) {
		s->backend[i] = (struct backend_def){
			.name = (uint8_t)(i > 0 && i % 4 == 3 ? i - 1 : i),
			.priority = has_tiers ? (uint16_t)below(g, 2) : 0,
			.weight = has_weights ? (uint16_t)below(g, 5) : 1,
		};
	}
}

/* No fault, one user, less load than slots: what `even` is about. */
static void
draw_even(struct gen *g)
{
	struct spec *s = g->spec;
	struct policy *p = &s->pool[0].policy;
	bool has_weights = one_in(g, 3);
	unsigned sum = 0;

	s->pools = 1;
	s->backends = 2 + (unsigned)below(g, 7);
	for (unsigned i = 0; i < s->backends; i++) {
		s->backend[i].weight =
		    has_weights ? (uint16_t)(1 + below(g, 4)) : 1;
		sum += s->backend[i].weight;
	}
	put(p, "max-slots", sum * (2 + below(g, 5)));
	put(p, "max-count", p->max_slots);
	put(p, "spares-wanted", p->max_slots);
	put(p, "isolation", below(g, 2));
	put(p, "balance", has_weights ? 2 * below(g, 2) : below(g, 3));
	put(p, "connect-rate", 100000);
	s->pool[0].has_acquire = one_in(g, 3);
	note_policy(g, p);
	g->hold_us = 200 + below(g, 5000);
	g->gap_us = 1 + g->hold_us * 2 / p->max_slots;
}

static void
draw_world(struct gen *g, uint64_t seed)
{
	struct spec *s = g->spec;
	static const enum size sizes[] = { SIZE_TINY, SIZE_SMALL, SIZE_TINY,
		SIZE_SMALL, SIZE_LARGE, SIZE_SMALL, SIZE_TINY, SIZE_EVEN };

	spec_init(s);
	s->seed = seed;
	g->size = sizes[seed % ARRAY_LEN(sizes)];
	s->room = one_in(g, 6) ? 4 + (uint32_t)below(g, 60) : 4096;
	s->batch = one_in(g, 2) ? 1 : 1 + (uint32_t)below(g, 8);
	s->walk = g->size == SIZE_TINY ? 16 : 64;
	if (g->size == SIZE_EVEN) {
		s->room = 4096;
		draw_even(g);
		return;
	}
	s->pools = one_in(g, 4) ? 1 + (unsigned)below(g, POOLS_MAX) : 1;
	if (g->size == SIZE_LARGE)
		s->backends = 10 + (unsigned)below(g, 50);
	else
		s->backends =
		    1 + (unsigned)below(g, g->size == SIZE_TINY ? 4 : 10);
	draw_backends(g);
	for (unsigned i = 0; i < s->pools; i++) {
		s->pool[i].has_acquire = one_in(g, 3);
		draw_policy(g, &s->pool[i].policy);
	}
}

struct gen *
gen_new(uint64_t seed, struct spec *spec)
{
	struct gen *g = mem_new(1, sizeof(*g));

	rng_init(&g->rng, hash_mix(seed, 1));
	g->spec = spec;
	g->least_rate = UINT32_MAX;
	draw_world(g, seed);
	g->has_own_users = one_in(g, 2);
	g->sources_due = spec->pools;
	return g;
}

void
gen_free(struct gen **g)
{
	free(*g);
	*g = NULL;
}

/* --- operations ------------------------------------------------------------
 */

static uint64_t
all_backends(const struct gen *g)
{
	return g->spec->backends == 64 ? UINT64_MAX
				       : (1ULL << g->spec->backends) - 1;
}

static void
draw_source(struct gen *g, struct op *op)
{
	op->kind = OP_SOURCE;
	op->mask = all_backends(g);
	if (g->size == SIZE_EVEN || one_in(g, 3))
		return;
	op->mask &= rng_next(&g->rng) | rng_next(&g->rng);
	if (one_in(g, 8))
		op->mask = 0;
}

static void
draw_claim(struct gen *g, struct op *op)
{
	bool is_even = g->size == SIZE_EVEN;

	op->kind = OP_CLAIM;
	op->label = g->labels++ % (LABELS_MAX / 2);
	op->uid =
	    is_even || !g->has_own_users ? 0 : (uint32_t)below(g, USERS_MAX);
	op->hold_us = is_even ? g->hold_us : 1 + below(g, 2 * g->hold_us);
	if (is_even)
		return;
	if (one_in(g, 6))
		op->wait_us = one_in(g, 3) ? 0 : span(g, 100, US_PER_S);
	if (one_in(g, 10))
		op->lease_us = span(g, 500, 200000);
	if (one_in(g, 10)) {
		op->cancel_us = below(g, 20 * g->hold_us);
		op->is_vanishing = one_in(g, 2);
	}
	if (one_in(g, 10))
		op->fate = (uint8_t)below(g, FATE_COUNT);
	if (one_in(g, 10))
		op->backend = (int8_t)below(g, g->spec->backends);
	else if (one_in(g, 10))
		op->key = (int32_t)below(g, 20);
}

static void
draw_policy_op(struct gen *g, struct op *op)
{
	struct policy p;

	op->kind = OP_POLICY;
	op->change_count = (uint8_t)(1 + below(g, CHANGES_MAX));
	policy_init(&p);
	for (int i = 0; i < op->change_count; i++) {
		/* Half of them are about the caps. */
		op->changes[i] = draw_change(
		    g, (unsigned)below(g, one_in(g, 2) ? 4 : SETTINGS));
		policy_put(&p, &op->changes[i]);
	}
	/* What stays the same was noted before. */
	for (int i = 0; i < op->change_count; i++) {
		struct policy q = g->spec->pool[op->pool].policy;

		policy_put(&q, &op->changes[i]);
		note_policy(g, &q);
	}
}

static void
draw_fault(struct gen *g, struct op *op)
{
	uint64_t what = below(g, 100);

	op->backend = (int8_t)below(g, g->spec->backends);
	if (what < 35) {
		op->kind = OP_MODE;
		op->mode =
		    one_in(g, 2) ? MODE_OK : (uint8_t)below(g, MODE_COUNT);
	} else if (what < 45) {
		op->kind = OP_CHECKS;
		op->mode = one_in(g, 2) ? CHECKS_GOOD
					: (uint8_t)below(g, CHECKS_COUNT);
	} else if (what < 58) {
		op->kind = OP_KILL;
		op->percent = (uint8_t)(one_in(g, 2) ? 100 : below(g, 101));
	} else if (what < 61) {
		op->kind = OP_WEIGH;
		op->priority = (uint16_t)below(g, 3);
		op->weight = (uint16_t)below(g, 5);
	} else if (what < 71) {
		draw_source(g, op);
	} else if (what < 80) {
		draw_policy_op(g, op);
	} else if (what < 84) {
		op->kind = one_in(g, 3) ? OP_PAUSE : OP_RESUME;
	} else if (what < 88) {
		op->kind = one_in(g, 2) ? OP_DRAIN : OP_UNDRAIN;
	} else if (what < 93) {
		op->kind = OP_REVOKE;
		op->label = g->labels -
			    (uint32_t)below(g, g->labels < 20 ? g->labels : 20);
		op->label = op->label % (LABELS_MAX / 2);
	} else if (what < 95) {
		op->kind = OP_STALL;
		op->span_us = span(g, US_PER_MS, 50000);
	} else if (what < 98) {
		op->kind = OP_SWEEP;
	} else {
		op->kind = one_in(g, 4) ? OP_STOP : OP_START;
	}
}

static void
begin_chaos(struct gen *g)
{
	g->phase = PHASE_CHAOS;
	g->phase_ends_us = g->at_us + span(g, 20000, 2 * US_PER_S);
	g->gap_us = span(g, 20, 5000);
	g->hold_us = span(g, 10, 20000);
	g->faults = (unsigned)span(g, 1, 100);
	if (!one_in(g, 4))
		return;
	/* Long enough for each of them to have its turn. */
	g->down_due = g->spec->backends;
	g->gap_us = span(g, 500, 5000);
	g->faults = (unsigned)below(g, 4);
	g->phase_ends_us = g->at_us + span(g, US_PER_S, 8 * US_PER_S);
}

/* Now and then a round begins with most backends down. */
static void
draw_down(struct gen *g, struct op *op)
{
	static const uint8_t modes[] = { MODE_REFUSE, MODE_REFUSE, MODE_HANG,
		MODE_CLOSE, MODE_FLAKY, MODE_OK };

	op->backend = (int8_t)--g->down_due;
	op->kind = one_in(g, 2) ? OP_MODE : OP_KILL;
	op->percent = 100;
	if (op->kind == OP_MODE)
		op->mode = modes[below(g, ARRAY_LEN(modes))];
}

static void
draw_chaos(struct gen *g, struct op *op)
{
	if (g->burst > 0)
		g->burst--;
	else
		g->at_us += below(g, 2 * g->gap_us);
	op->at_us = g->at_us;
	if (g->down_due > 0) {
		draw_down(g, op);
		return;
	}
	if (one_in(g, 200))
		g->burst = (uint32_t)below(g, 60);
	if (below(g, 1000) < g->faults)
		draw_fault(g, op);
	else
		draw_claim(g, op);
}

static void
draw_even_op(struct gen *g, struct op *op)
{
	/* All is connected after a tenth of a second. */
	if (g->at_us < US_PER_S)
		g->at_us = US_PER_S;
	g->at_us += g->gap_us / 2 + below(g, g->gap_us + 1);
	op->at_us = g->at_us;
	if (!g->has_begun_even) {
		g->has_begun_even = true;
		op->kind = OP_EVEN_BEGIN;
	} else if (g->labels % 8000 == 7999) {
		op->kind = OP_EVEN_END;
		g->labels++;
	} else {
		draw_claim(g, op);
	}
}

static uint64_t
settle_span(const struct gen *g)
{
	return g->most_backoff_us + g->most_timeout_us +
	       (uint64_t)(48 + BACKENDS_MAX + 2) * US_PER_S / g->least_rate;
}

static bool
next(void *ctx, struct op *op)
{
	struct gen *g = ctx;

	*op = (struct op){ .backend = -1,
		.key = -1,
		.wait_us = POOL_WAIT_DEFAULT,
		.cancel_us = NEVER,
		.pool = (uint8_t)below(g, g->spec->pools) };
	op->at_us = g->at_us;
	if (g->sources_due > 0) {
		op->pool = (uint8_t)--g->sources_due;
		draw_source(g, op);
		if (g->sources_due == 0 && g->size != SIZE_EVEN)
			begin_chaos(g);
		return true;
	}
	if (g->size == SIZE_EVEN) {
		draw_even_op(g, op);
		return true;
	}
	if (g->phase == PHASE_CHAOS) {
		draw_chaos(g, op);
		if (g->at_us >= g->phase_ends_us)
			g->phase = PHASE_CALM;
	} else if (g->phase == PHASE_CALM) {
		op->kind = OP_CALM;
		g->at_us += settle_span(g);
		g->phase = PHASE_SETTLED;
	} else {
		op->kind = OP_SETTLED;
		begin_chaos(g);
	}
	return true;
}

struct op_source
gen_source(struct gen *g)
{
	return (struct op_source){ next, g };
}
