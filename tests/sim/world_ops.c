/*
 * The operations of a scenario: what is asked of the pools, and what goes wrong
 * around them. The model is told first what its pool will be asked.
 */

#include <stdlib.h>
#include <string.h>

#include "world.h"

/* --- claims ----------------------------------------------------------------
 */

static const char *
name_of(const struct world *w, int backend, char *buf, size_t cap)
{
	snprintf(buf, cap, "b%u", w->backends[backend].name);
	return buf;
}

/* Which backend a claim by name will go to, as far as can be told. */
static unsigned
want_named(struct world *w, struct place *pl, int backend)
{
	const struct model *m = pl->model;
	unsigned count = 0, last = 0;
	const char *name, *addr;
	char buf[16];

	for (unsigned b = 0; b < m->sets_known; b++) {
		if (!m->sets[b].is_named ||
		    w->backends[b].name != w->backends[backend].name)
			continue;
		count++;
		last = b;
	}
	if (count == 1)
		return 1 + last;
	if (count > 1 &&
	    pool_pick(pl->pool, name_of(w, backend, buf, sizeof(buf)), NULL,
		&name, &addr) == ERR_NONE)
		return 1 + model_backend_of(addr);
	return WANT_UNKNOWN;
}

static unsigned
want_of(struct world *w, struct place *pl, const struct op *op, const char *key)
{
	const char *name, *addr;

	if (op->backend >= 0)
		return want_named(w, pl, op->backend);
	if (op->key < 0)
		return WANT_ANY;
	if (pool_pick(pl->pool, NULL, key, &name, &addr) != ERR_NONE)
		return WANT_ANY;
	return 1 + model_backend_of(addr);
}

static struct client *
new_client(struct world *w, const struct op *op)
{
	if (op->label >= w->client_room) {
		size_t room = w->client_room == 0 ? 1024 : w->client_room * 2;

		while (room <= op->label)
			room *= 2;
		w->clients = mem_grow(
		    w->clients, w->client_room, room, sizeof(struct client));
		w->client_room = room;
	}
	return &w->clients[op->label];
}

static void
tell_model(struct world *w, const struct op *op, const char *key)
{
	struct place *pl = &w->places[op->pool];
	const struct policy *p = pool_policy(pl->pool);

	pl->model->request = (struct m_request){
		.uid = op->uid,
		.want = want_of(w, pl, op, key),
		.key = op->backend >= 0 ? -1 : op->key,
		.wait_us = op->wait_us == POOL_WAIT_DEFAULT ? p->claim_timeout
							    : op->wait_us,
		.lease_us = op->lease_us == 0 ? p->max_hold : op->lease_us,
		.is_table_full = w->clients_live >= w->spec->room,
	};
}

static void
plan_client(struct world *w, const struct op *op, struct client *cl)
{
	struct place *pl = &w->places[op->pool];
	struct due d = { .pool = op->pool,
		.kind = DUE_CANCEL,
		.what = op->label,
		.at_us = time_after(world_now(w), op->cancel_us) };

	if (op->cancel_us != NEVER)
		world_due_add(w, d);
	if (cl->deadline_us == NEVER || !world_waits(pl, cl->id))
		return;
	d.kind = DUE_DEADLINE;
	d.what = cl->id;
	d.at_us =
	    1 + model_claim_end_us(pl->model, model_claim(pl->model, cl->id));
	world_due_add(w, d);
}

static void
op_claim(struct world *w, const struct op *op)
{
	struct place *pl = &w->places[op->pool];
	const struct policy *p = pool_policy(pl->pool);
	struct client *cl = new_client(w, op);
	uint64_t wait =
	    op->wait_us == POOL_WAIT_DEFAULT ? p->claim_timeout : op->wait_us;
	char key[16], name[16];
	struct claim_request r = { .uid = op->uid,
		.wait_us = op->wait_us,
		.lease_us = op->lease_us,
		.owner = (void *)((uintptr_t)op->label + 1) };
	enum error e;

	if (cl->state != CLIENT_NONE)
		return;
	snprintf(key, sizeof(key), "k%d", op->key);
	r.key = op->key >= 0 ? key : NULL;
	if (op->backend >= 0)
		r.backend = name_of(w, op->backend, name, sizeof(name));
	tell_model(w, op, key);
	*cl = (struct client){ .state = CLIENT_WAITING,
		.pool = op->pool,
		.fate = op->fate,
		.is_vanishing = op->is_vanishing,
		.hold_us = op->hold_us,
		.lease_us = op->lease_us == 0 ? p->max_hold : op->lease_us,
		.deadline_us = time_after(world_now(w), wait) };
	w->clients_live++;
	e = pool_on_claim(pl->pool, &r, &cl->id, world_now(w));
	w->claims++;
	if (e == ERR_NONE)
		plan_client(w, op, cl);
	else
		world_end_client(w, cl);
	world_called(w, op->pool);
}

static void
op_revoke(struct world *w, const struct op *op)
{
	struct place *pl = &w->places[op->pool];
	struct client *cl = new_client(w, op);

	if (cl->state != CLIENT_HOLDING || cl->pool != op->pool)
		return;
	(void)pool_on_revoke(pl->pool, cl->id, world_now(w));
	world_called(w, op->pool);
}

/* Clients that keep what they have go away. */
static void
op_sweep(struct world *w, uint8_t pool)
{
	for (size_t i = 0; i < w->client_room; i++) {
		struct client *cl = &w->clients[i];

		if (cl->state == CLIENT_HOLDING && cl->pool == pool &&
		    cl->fate == FATE_NEVER)
			world_release(w, cl);
	}
}

/* --- backends and settings -------------------------------------------------
 */

static void
op_kill(struct world *w, const struct op *op)
{
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];

		for (uint32_t k = 0; pl->pool != NULL && k < pl->room; k++) {
			struct conn *c = &pl->conns[k];

			if (c->state == CONN_OPEN &&
			    c->backend == op->backend &&
			    world_draw(w, 6000 + c->serial, op->at_us) % 100 <
				op->percent)
				world_lose(w, i, c);
		}
	}
}

static struct backend_spec
spec_of(const struct world *w, unsigned b, char *name, size_t cap)
{
	struct backend_spec s = { .name = name_of(w, (int)b, name, cap),
		.addr = { .kind = ADDR_INET, .port = 7000 },
		.priority = w->backends[b].priority,
		.weight = w->backends[b].weight,
		.sources = SOURCE_STATIC };

	s.addr.ip[0] = 10;
	s.addr.ip[3] = (uint8_t)b;
	return s;
}

/* Tells the pool in some order, some of them twice. */
static void
op_source(struct world *w, const struct op *op)
{
	struct place *pl = &w->places[op->pool];
	struct backend_spec specs[2 * BACKENDS_MAX];
	char names[BACKENDS_MAX][16];
	size_t n = 0;

	for (unsigned i = 0; i < w->spec->backends; i++) {
		uint64_t r = world_draw(w, 7000 + i, op->at_us);
		size_t at = n == 0 ? 0 : r % (n + 1);

		if ((op->mask >> i & 1) == 0)
			continue;
		specs[n] = specs[at];
		specs[at] = spec_of(w, i, names[i], sizeof(names[i]));
		n++;
		if (r >> 32 & 1) {
			specs[n] = specs[at];
			n++;
		}
	}
	for (unsigned i = 0; i < BACKENDS_MAX; i++)
		pl->model->sets[i].is_doomed = !pl->is_stopped &&
					       pl->model->sets[i].is_named &&
					       (op->mask >> i & 1) == 0;
	pool_on_backends(pl->pool, specs, n, world_now(w));
	world_called(w, op->pool);
	for (unsigned i = 0; !pl->is_stopped && i < w->spec->backends; i++)
		MUST(&w->watch,
		    pl->model->sets[i].is_named == (op->mask >> i & 1),
		    "backend", "backend %u is not as its source says", i);
}

static void
op_policy(struct world *w, const struct op *op)
{
	struct place *pl = &w->places[op->pool];
	struct policy p = *pool_policy(pl->pool);

	for (int i = 0; i < op->change_count; i++)
		policy_put(&p, &op->changes[i]);
	if (p.min_connection_backoff > p.max_connection_backoff)
		return;
	model_set_policy(pl->model, &p);
	pool_on_policy(pl->pool, &p, world_now(w));
	world_called(w, op->pool);
}

static void
op_pause(struct world *w, uint8_t pool, bool is_paused)
{
	struct place *pl = &w->places[pool];

	pl->model->is_paused = is_paused;
	pool_on_pause(pl->pool, is_paused, world_now(w));
	world_called(w, pool);
}

static void
op_drain(struct world *w, uint8_t pool, int backend, bool is_drained)
{
	struct place *pl = &w->places[pool];
	bool is_known = false;
	char name[16];

	for (unsigned b = 0; b < pl->model->sets_known; b++) {
		struct m_set *set = &pl->model->sets[b];

		if (!set->is_named ||
		    w->backends[b].name != w->backends[backend].name)
			continue;
		model_drain(pl->model, set, is_drained);
		pl->model->wants_new_keys = true;
		is_known = true;
	}
	MUST(&w->watch,
	    pool_on_drain(pl->pool, name_of(w, backend, name, sizeof(name)),
		is_drained, world_now(w)) == is_known,
	    "drain", "backend %d is %sknown", backend, is_known ? "" : "not ");
	world_called(w, pool);
}

/* --- the life of a pool ----------------------------------------------------
 */

void
world_start_pool(struct world *w, uint8_t i)
{
	struct place *pl = &w->places[i];
	char name[8];
	struct pool_params params = { .name = name,
		.policy = &w->spec->pool[i].policy,
		.seed = world_draw(w, 8000, i),
		.host = world_draw(w, 9000, i),
		.has_acquire = w->spec->pool[i].has_acquire,
		.claims = w->table,
		.ids = &w->ids };

	snprintf(name, sizeof(name), "p%u", i);
	pl->model = model_new(&w->watch, params.policy, params.has_acquire);
	params.observer.on_event = model_on_event;
	params.observer.ctx = pl->model;
	pl->pool = pool_new(&params, world_now(w));
	pl->model->pool = pl->pool;
	pl->is_stopped = false;
	pl->epoch++;
}

void
world_end_pool(struct world *w, struct place *pl)
{
	MUST(&w->watch, pool_next_deadline(pl->pool) == NEVER, "stop",
	    "a timer is left, for %llu",
	    (unsigned long long)pool_next_deadline(pl->pool));
	MUST(&w->watch, pl->open == 0, "stop", "%u connections are left",
	    pl->open);
	pool_free(&pl->pool);
	model_free(&pl->model);
	free(pl->conns);
	pl->conns = NULL;
	pl->room = 0;
}

void
world_stop_pool(struct world *w, uint8_t pool)
{
	struct place *pl = &w->places[pool];

	pl->is_stopped = pl->model->is_stopping = true;
	pool_on_stop(pl->pool, world_now(w));
	world_called(w, pool);
	op_sweep(w, pool);
}

static void
op_start(struct world *w, uint8_t pool)
{
	struct place *pl = &w->places[pool];

	world_drain(w);
	if (pl->pool == NULL || !pl->is_stopped || !pool_is_empty(pl->pool))
		return;
	world_end_pool(w, pl);
	world_start_pool(w, pool);
}

/* --- rest, and what holds then ---------------------------------------------
 */

/* What hung is let go on. */
static void
calm_conns(struct world *w, uint8_t pool)
{
	struct place *pl = &w->places[pool];

	for (uint32_t k = 0; k < pl->room; k++) {
		struct conn *c = &pl->conns[k];

		if (c->state == CONN_NONE || !c->is_hanging)
			continue;
		c->is_hanging = false;
		world_due_add(
		    w, (struct due){ .at_us = world_now(w) + 1,
			   .kind = c->state == CONN_TRYING ? DUE_CONNECT
							   : DUE_CHECK,
			   .pool = pool,
			   .is_good = true,
			   .serial = c->serial,
			   .what = k,
			   .ref = c->ref });
	}
}

static void
op_calm(struct world *w)
{
	memset(w->modes, MODE_OK, sizeof(w->modes));
	memset(w->checks, CHECKS_GOOD, sizeof(w->checks));
	w->calm_at_us = world_now(w);
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];

		if (pl->pool == NULL)
			continue;
		calm_conns(w, i);
		if (pl->model->is_paused)
			op_pause(w, i, false);
		for (unsigned b = 0; b < pl->model->sets_known; b++) {
			if (pl->model->sets[b].is_drained)
				op_drain(w, i, (int)b, false);
		}
	}
}

/* When a pool that has been calm since then must be as it is wanted. */
static uint64_t
settled_at(const struct world *w, const struct model *m)
{
	uint64_t connects = m->policy.max_slots + m->sets_known + 1;

	uint64_t since_us =
	    m->policy_at_us > w->calm_at_us ? m->policy_at_us : w->calm_at_us;

	return since_us + m->most_backoff_us + m->policy.connect_timeout +
	       connects * US_PER_S / m->policy.connect_rate;
}

static void
op_settled(struct world *w)
{
	world_drain(w);
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];

		if (pl->pool != NULL && w->calm_at_us != NEVER &&
		    settled_at(w, pl->model) <= world_now(w))
			judge_settled(pl->model);
	}
}

static void
op_even_begin(struct world *w)
{
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];
		struct backend_stats s;
		size_t at = 0;

		while (pl->pool != NULL &&
		       pool_next_backend(pl->pool, world_now(w), &at, &s))
			pl->even[model_backend_of(s.addr_text)] = s.claims;
	}
}

/* Claims since have gone to the backends by their weights. */
static void
op_even_end(struct world *w)
{
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];
		uint64_t claims[BACKENDS_MAX] = { 0 }, all = 0, weights = 0;
		struct backend_stats s;
		size_t at = 0;

		while (pl->pool != NULL &&
		       pool_next_backend(pl->pool, world_now(w), &at, &s)) {
			unsigned b = model_backend_of(s.addr_text);

			claims[b] = s.claims - pl->even[b];
			all += claims[b];
			weights += s.weight;
		}
		for (unsigned b = 0; all >= 1000 && b < w->spec->backends;
		     b++) {
			double fair = (double)all * w->backends[b].weight /
				      (double)weights;
			double off = ((double)claims[b] - fair) / fair;

			MUST(&w->watch, off <= 0.05 && off >= -0.05, "even",
			    "backend %u has %llu of %llu claims, %.0f is fair",
			    b, (unsigned long long)claims[b],
			    (unsigned long long)all, fair);
		}
	}
}

/* --- all operations --------------------------------------------------------
 */

static void
do_pool_op(struct world *w, const struct op *op)
{
	enum op_kind kind = op->kind;

	if (kind == OP_CLAIM)
		op_claim(w, op);
	else if (kind == OP_SOURCE)
		op_source(w, op);
	else if (kind == OP_POLICY)
		op_policy(w, op);
	else if (kind == OP_PAUSE || kind == OP_RESUME)
		op_pause(w, op->pool, kind == OP_PAUSE);
	else if (kind == OP_DRAIN || kind == OP_UNDRAIN)
		op_drain(w, op->pool, op->backend, kind == OP_DRAIN);
	else if (kind == OP_REVOKE)
		op_revoke(w, op);
	else if (kind == OP_STOP)
		world_stop_pool(w, op->pool);
	else if (kind == OP_START)
		op_start(w, op->pool);
	else
		op_sweep(w, op->pool);
}

static bool
is_of_pool(enum op_kind kind)
{
	return kind == OP_CLAIM || (kind >= OP_SOURCE && kind <= OP_START) ||
	       kind == OP_SWEEP;
}

void
world_do_op(struct world *w, const struct op *op)
{
	bool is_quiet =
	    op->kind == OP_CLAIM || op->kind == OP_SWEEP || op->kind >= OP_CALM;

	w->run->outcome->ops++;
	w->is_walk_due = op->kind != OP_CLAIM;
	if (!is_quiet)
		w->calm_at_us = NEVER;
	if (is_of_pool(op->kind)) {
		if (op->pool < w->spec->pools &&
		    w->places[op->pool].pool != NULL)
			do_pool_op(w, op);
	} else if (op->kind == OP_MODE) {
		w->modes[op->backend] = op->mode;
	} else if (op->kind == OP_CHECKS) {
		w->checks[op->backend] = op->mode;
	} else if (op->kind == OP_KILL) {
		op_kill(w, op);
	} else if (op->kind == OP_WEIGH) {
		w->backends[op->backend].priority = op->priority;
		w->backends[op->backend].weight = op->weight;
	} else if (op->kind == OP_STALL) {
		w->stall_until_us = world_now(w) + op->span_us;
	} else if (op->kind == OP_CALM) {
		op_calm(w);
	} else if (op->kind == OP_SETTLED) {
		op_settled(w);
	} else if (op->kind == OP_EVEN_BEGIN) {
		op_even_begin(w);
	} else {
		op_even_end(w);
	}
	w->is_walk_due = false;
}
