/*
 * A world of virtual time: what happens when, from the first operation to the
 * end of every pool, and what is judged after each call.
 */

#include "world.h"

#include <stdlib.h>
#include <string.h>

#define SPINS	 20000	  /* events at one moment that prove a loop */
#define START_US US_PER_S /* the clock at an operation's 0 */

/* --- what is to come -------------------------------------------------------
 */

static bool
is_before(const struct due *a, const struct due *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->seq < b->seq;
}

void
world_due_add(struct world *w, struct due d)
{
	size_t i = w->due_count++;

	if (w->due_count > w->due_room) {
		size_t room = w->due_room == 0 ? 256 : w->due_room * 2;

		w->dues = mem_grow(w->dues, w->due_room, room, sizeof(d));
		w->due_room = room;
	}
	d.seq = ++w->due_seq;
	d.epoch = w->places[d.pool].epoch;
	while (i > 0 && is_before(&d, &w->dues[(i - 1) / 2])) {
		w->dues[i] = w->dues[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->dues[i] = d;
}

static struct due
due_take(struct world *w)
{
	struct due first = w->dues[0], last = w->dues[--w->due_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < w->due_count) {
		if (child + 1 < w->due_count &&
		    is_before(&w->dues[child + 1], &w->dues[child]))
			child++;
		if (!is_before(&w->dues[child], &last))
			break;
		w->dues[i] = w->dues[child];
		i = child;
	}
	w->dues[i] = last;
	return first;
}

/* --- after each call into the core -----------------------------------------
 */

void
world_drain(struct world *w)
{
	struct action a;

	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];

		if (pl->pool == NULL)
			continue;
		while (pool_next_action(pl->pool, &a))
			world_carry_out(w, i, &a);
		MUST(&w->watch, pl->open <= pl->model->total, "leak",
		    "%u connections for %u slots", pl->open, pl->model->total);
	}
	w->undrained = 0;
}

/* Claims whose backend is lost look for another, by what they know at that
 * very moment: which it is cannot be told from outside. */
static void
choose_again(struct model *m)
{
	m->wants_new_keys = false;
	for (int i = 0; i < BUCKETS; i++) {
		struct m_claim *c = m->claims[i];

		for (; c != NULL; c = c->next) {
			const struct m_set *set;

			if (c->want == WANT_ANY || c->want == WANT_UNKNOWN ||
			    c->state == M_HELD)
				continue;
			set = &m->sets[c->want - 1];
			if (c->key < 0 ? set->is_named
				       : m_set_is_usable(set) &&
					     set->health != M_OFFLINE)
				continue;
			model_rewant(m, c, WANT_UNKNOWN);
		}
	}
}

static void
check_all(struct world *w, struct place *pl)
{
	struct model *m = pl->model;

	if (m->wants_new_keys)
		choose_again(m);
	judge(m);
	if (w->run->has_figures &&
	    (w->is_walk_due || w->watch.step % w->spec->walk == 0))
		judge_figures(m, w->run->has_walks);
}

void
world_called(struct world *w, uint8_t pool)
{
	struct place *pl = &w->places[pool];

	w->watch.step++;
	w->run->outcome->steps_at_fail = w->watch.step;
	w->run->outcome->now_us = world_now(w);
	if (w->watch.step == w->run->trace_from)
		w->watch.trace = w->run->trace;
	check_all(w, pl);
	if (world_now(w) != w->spin_at_us) {
		w->spin_at_us = world_now(w);
		w->spins = 0;
	}
	MUST(&w->watch, ++w->spins < SPINS, "spin", "%d events at one moment",
	    SPINS);
	if (++w->undrained >= w->spec->batch ||
	    world_draw(w, 3000, w->watch.step) % w->spec->batch == 0)
		world_drain(w);
}

/* --- time ------------------------------------------------------------------
 */

static uint64_t
next_deadline(const struct world *w, uint8_t *pool)
{
	uint64_t at = NEVER;

	for (uint8_t i = 0; i < w->spec->pools; i++) {
		uint64_t t = w->places[i].pool == NULL
				 ? NEVER
				 : pool_next_deadline(w->places[i].pool);

		if (t < at) {
			at = t;
			*pool = i;
		}
	}
	return at;
}

/* The clock goes to that moment, once everything before has been done. */
static void
go_to(struct world *w, uint64_t at_us)
{
	if (at_us < w->stall_until_us) {
		at_us = w->stall_until_us;
		w->watch.is_late = true;
	}
	if (at_us <= world_now(w))
		return;
	if (w->undrained > 0)
		world_drain(w);
	if (at_us > w->stall_until_us)
		w->watch.is_late = false;
	w->watch.now_us = at_us;
}

static void
on_due(struct world *w)
{
	struct due d = due_take(w);

	if (w->places[d.pool].pool != NULL &&
	    w->places[d.pool].epoch == d.epoch)
		world_on_due(w, &d);
}

/* One thing happens: an operation, something due, or a pool's own time. */
static void
step(struct world *w, const struct op *op, bool *is_op_done)
{
	uint8_t pool = 0;
	uint64_t op_at = *is_op_done ? NEVER : op->at_us;
	uint64_t due_at = w->due_count == 0 ? NEVER : w->dues[0].at_us;
	uint64_t time_at, at;

	if (w->undrained > 0 && due_at > world_now(w) && op_at > world_now(w))
		world_drain(w); /* it may bring something that is due now */
	due_at = w->due_count == 0 ? NEVER : w->dues[0].at_us;
	time_at = next_deadline(w, &pool);
	at = op_at < due_at ? op_at : due_at;
	at = at < time_at ? at : time_at;
	if (at == NEVER) {
		*is_op_done = true;
		return;
	}
	go_to(w, at);
	if (w->watch.step % 32 == 0)
		world_deliver_stale(w);
	if (time_at <= world_now(w) &&
	    (time_at < at + (world_draw(w, 12000, w->watch.step) & 1) ||
		(op_at > world_now(w) && due_at > world_now(w)))) {
		pool_on_time(w->places[pool].pool, world_now(w));
		world_called(w, pool);
	} else if (due_at <= world_now(w) && due_at <= op_at) {
		on_due(w);
	} else if (op_at <= world_now(w)) {
		*is_op_done = true;
		world_do_op(w, op);
	}
}

static void
live(struct world *w)
{
	struct op op = { 0 };
	bool is_op_done = true, has_more = true;

	while (w->watch.step < w->run->events_most) {
		if (is_op_done && has_more) {
			has_more = w->run->ops.next(w->run->ops.ctx, &op);
			op.at_us += START_US;
			is_op_done = !has_more;
		}
		if (!has_more && is_op_done)
			return;
		step(w, &op, &is_op_done);
	}
}

/* --- the end ---------------------------------------------------------------
 */

static void
release_all(struct world *w)
{
	for (size_t i = 0; i < w->client_room; i++) {
		if (w->clients[i].state == CLIENT_HOLDING)
			world_release(w, &w->clients[i]);
		world_drain(w);
	}
}

static void
finish(struct world *w)
{
	world_drain(w);
	w->is_walk_due = true;
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		if (w->places[i].pool != NULL && !w->places[i].is_stopped)
			world_stop_pool(w, i);
	}
	world_drain(w);
	release_all(w);
	for (size_t i = 0; i < w->client_room; i++)
		MUST(&w->watch, w->clients[i].state == CLIENT_NONE,
		    "unanswered", "claim %llu was never answered",
		    (unsigned long long)w->clients[i].id);
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];

		if (pl->pool == NULL)
			continue;
		MUST(&w->watch, pool_is_empty(pl->pool), "stop",
		    "pool %u is not empty after its end", i);
		world_end_pool(w, pl);
	}
	claim_table_free(&w->table);
	free(w->clients);
	free(w->dues);
}

void
world_run(const struct run *run)
{
	struct world *w = mem_new(1, sizeof(*w));

	w->run = run;
	w->spec = run->spec;
	w->watch = (struct watch){ .outcome = run->outcome,
		.now_us = START_US,
		.trace = run->trace_from == 0 ? run->trace : NULL };
	w->calm_at_us = NEVER;
	w->table = claim_table_new(run->spec->room);
	memcpy(w->backends, run->spec->backend, sizeof(w->backends));
	for (uint8_t i = 0; i < run->spec->pools; i++)
		world_start_pool(w, i);
	live(w);
	finish(w);
	run->outcome->hash = w->watch.hash;
	run->outcome->events += w->watch.step;
	run->outcome->claims += w->claims;
	run->outcome->is_done = true;
	free(w);
}
