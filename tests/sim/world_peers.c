/*
 * Those that pools deal with. Backends answer connects and checks in their
 * moods, clients hold what they are granted and give it back; both as an action
 * comes, or later, when it is due.
 */

#include "world.h"

#define QUICK_US (3 * US_PER_MS) /* a good backend answers within */

/* --- connections -----------------------------------------------------------
 */

static struct conn *
conn_at(struct world *w, struct place *pl, uint32_t index)
{
	MUST(&w->watch, index < pool_slot_room(pl->pool), "slot-index",
	    "index %u is beyond the pool's room", index);
	if (index >= pl->room) {
		uint32_t room = pool_slot_room(pl->pool);

		pl->conns =
		    mem_grow(pl->conns, pl->room, room, sizeof(struct conn));
		pl->room = room;
	}
	return &pl->conns[index];
}

static void
schedule_lose(struct world *w, uint8_t pool, struct conn *c, uint64_t at_us)
{
	world_due_add(w, (struct due){ .at_us = at_us,
			     .kind = DUE_LOSE,
			     .pool = pool,
			     .serial = c->serial,
			     .what = c->ref.index,
			     .ref = c->ref });
}

/* How the backend takes this connect. */
static void
plan_connect(struct world *w, uint8_t pool, struct conn *c)
{
	const struct policy *p = pool_policy(w->places[pool].pool);
	uint64_t r = world_draw(w, 1000 + c->backend, ++w->drawn[c->backend]);
	uint8_t mode = w->modes[c->backend];
	struct due d = { .kind = DUE_CONNECT,
		.pool = pool,
		.serial = c->serial,
		.what = c->ref.index,
		.ref = c->ref };

	if (mode == MODE_FLAKY)
		mode = (r >> 8) % MODE_FLAKY;
	c->is_hanging = mode == MODE_HANG;
	if (mode == MODE_HANG)
		return;
	d.at_us = world_now(w) + 20 + (r >> 16) % (QUICK_US - 20);
	if (mode == MODE_SLOW)
		d.at_us += (r >> 24) % (p->connect_timeout + US_PER_MS);
	d.is_good = mode != MODE_REFUSE;
	world_due_add(w, d);
	if (mode == MODE_CLOSE)
		schedule_lose(w, pool, c, d.at_us + (r >> 32) % US_PER_MS);
}

static void
plan_check(struct world *w, uint8_t pool, struct conn *c)
{
	uint64_t r = world_draw(w, 2000, ++w->checked);
	uint8_t how = w->checks[c->backend];
	bool is_lie = how == CHECKS_LIE;
	struct due d = { .kind = DUE_CHECK,
		.pool = pool,
		.serial = c->serial,
		.what = c->ref.index,
		.ref = c->ref };

	if (how == CHECKS_FLAKY)
		how = r % 8 < 5	  ? CHECKS_GOOD
		      : r % 8 < 7 ? CHECKS_BAD
				  : CHECKS_HANG;
	c->is_hanging = how == CHECKS_HANG;
	if (c->is_hanging)
		return;
	d.at_us = world_now(w) + ((r >> 16) % 4 == 0 ? 0 : (r >> 20) % 500);
	d.is_good = how != CHECKS_BAD;
	world_due_add(w, d);
	if (is_lie)
		schedule_lose(w, pool, c, d.at_us + 1 + (r >> 32) % 100);
}

static void
remember_stale(struct world *w, uint8_t pool, struct slot_ref ref)
{
	w->stale[w->stale_count++ % STALE] =
	    (struct stale){ pool, w->places[pool].epoch, ref };
}

/* --- actions ---------------------------------------------------------------
 */

static struct client *
client_of(struct world *w, const struct action *a)
{
	size_t label = (size_t)(uintptr_t)a->owner;

	MUST(&w->watch, label > 0 && label <= w->client_room, "owner",
	    "claim %llu has an unknown owner", (unsigned long long)a->claim);
	MUST(&w->watch, w->clients[label - 1].id == a->claim, "owner",
	    "claim %llu comes with another's owner",
	    (unsigned long long)a->claim);
	return &w->clients[label - 1];
}

static void
do_connect(struct world *w, uint8_t pool, const struct action *a)
{
	struct place *pl = &w->places[pool];
	struct conn *c = conn_at(w, pl, a->slot.index);

	MUST(&w->watch, c->state == CONN_NONE, "connect",
	    "index %u connects and has a connection", a->slot.index);
	c->state = CONN_TRYING;
	c->ref = a->slot;
	c->slot_id = a->slot_id;
	c->serial = ++w->serial;
	c->backend = (uint8_t)model_backend_of(a->addr_text);
	c->claim = 0;
	c->is_checking = false;
	pl->open++;
	plan_connect(w, pool, c);
}

static void
do_close(struct world *w, uint8_t pool, const struct action *a)
{
	struct place *pl = &w->places[pool];
	struct conn *c = conn_at(w, pl, a->slot.index);

	MUST(&w->watch, c->state != CONN_NONE && c->slot_id == a->slot_id,
	    "close", "index %u closes what it has not", a->slot.index);
	MUST(&w->watch, c->claim == 0, "close",
	    "claim %llu has the connection that closes",
	    (unsigned long long)c->claim);
	remember_stale(w, pool, c->ref);
	c->state = CONN_NONE;
	pl->open--;
}

static void
do_check(struct world *w, uint8_t pool, const struct action *a)
{
	struct conn *c = conn_at(w, &w->places[pool], a->slot.index);

	MUST(&w->watch, c->state == CONN_OPEN && c->slot_id == a->slot_id,
	    "check", "index %u checks what it has not", a->slot.index);
	MUST(&w->watch, c->claim == 0, "check",
	    "claim %llu has the connection that is checked",
	    (unsigned long long)c->claim);
	remember_stale(w, pool, c->ref);
	c->ref = a->slot;
	c->serial = ++w->serial;
	c->is_checking = true;
	c->check = a->check;
	plan_check(w, pool, c);
}

static void
do_grant(struct world *w, uint8_t pool, const struct action *a)
{
	struct conn *c = conn_at(w, &w->places[pool], a->slot.index);
	struct client *cl = client_of(w, a);
	struct due d = { .kind = DUE_RELEASE,
		.pool = pool,
		.what = (size_t)(uintptr_t)a->owner - 1,
		.at_us = time_after(world_now(w), cl->hold_us) };

	MUST(&w->watch, cl->state == CLIENT_WAITING && cl->pool == pool,
	    "double-grant", "claim %llu is granted and does not wait",
	    (unsigned long long)a->claim);
	MUST(&w->watch,
	    c->state == CONN_OPEN && c->slot_id == a->slot_id &&
		c->ref.gen == a->slot.gen && !c->is_checking,
	    "grant", "claim %llu is granted what is not ready",
	    (unsigned long long)a->claim);
	MUST(&w->watch, c->claim == 0, "double-grant",
	    "claims %llu and %llu have one connection",
	    (unsigned long long)c->claim, (unsigned long long)a->claim);
	c->claim = a->claim;
	cl->state = CLIENT_HOLDING;
	cl->index = a->slot.index;
	if (cl->fate != FATE_NEVER && d.at_us != NEVER)
		world_due_add(w, d);
	d.kind = DUE_LEASE;
	d.what = a->claim;
	d.at_us = time_after(world_now(w) + 1, cl->lease_us);
	if (d.at_us != NEVER &&
	    (cl->lease_us < cl->hold_us || cl->fate == FATE_NEVER))
		world_due_add(w, d);
}

void
world_end_client(struct world *w, struct client *cl)
{
	cl->state = CLIENT_NONE;
	w->clients_live--;
}

static void
do_refuse(struct world *w, uint8_t pool, const struct action *a)
{
	struct client *cl = client_of(w, a);

	MUST(&w->watch, cl->state == CLIENT_WAITING && cl->pool == pool,
	    "answered-twice", "claim %llu is refused and does not wait",
	    (unsigned long long)a->claim);
	world_end_client(w, cl);
}

static void
do_revoke(struct world *w, uint8_t pool, const struct action *a)
{
	struct conn *c = conn_at(w, &w->places[pool], a->slot.index);
	struct client *cl = client_of(w, a);

	MUST(&w->watch, cl->state == CLIENT_HOLDING && cl->pool == pool,
	    "revoke", "claim %llu is revoked and was not granted",
	    (unsigned long long)a->claim);
	MUST(&w->watch, c->claim == a->claim, "revoke",
	    "claim %llu is revoked and has another connection",
	    (unsigned long long)a->claim);
	c->claim = 0;
	world_end_client(w, cl);
}

void
world_carry_out(struct world *w, uint8_t pool, const struct action *a)
{
	watch_mix(&w->watch, (uint64_t)a->kind << 56 ^ a->slot_id << 20 ^
				 a->claim ^ (uint64_t)a->check << 50);
	if (w->watch.trace != NULL) {
		static const char *const names[] = { "connect", "close",
			"check", "grant", "refuse", "revoke" };

		fprintf(w->watch.trace, "%llu   %s slot=%llu index=%u",
		    (unsigned long long)world_now(w), names[a->kind],
		    (unsigned long long)a->slot_id, a->slot.index);
		fprintf(w->watch.trace, " claim=%llu\n",
		    (unsigned long long)a->claim);
	}
	switch (a->kind) {
	case ACTION_CONNECT:
		do_connect(w, pool, a);
		break;
	case ACTION_CLOSE:
		do_close(w, pool, a);
		break;
	case ACTION_CHECK:
		do_check(w, pool, a);
		break;
	case ACTION_GRANT:
		do_grant(w, pool, a);
		break;
	case ACTION_REFUSE:
		do_refuse(w, pool, a);
		break;
	case ACTION_REVOKE:
		do_revoke(w, pool, a);
		break;
	}
}

/* --- what comes due --------------------------------------------------------
 */

static void
on_due_connect(struct world *w, const struct due *d)
{
	struct place *pl = &w->places[d->pool];
	struct conn *c = conn_at(w, pl, (uint32_t)d->what);
	bool is_current = c->serial == d->serial && c->state == CONN_TRYING;

	if (is_current && d->is_good) {
		c->state = CONN_OPEN;
		c->is_hanging = false;
	} else if (!is_current && world_draw(w, 4000, d->seq) % 4 != 0) {
		return; /* the answer to what was closed comes now and then */
	}
	if (d->is_good)
		pool_on_connected(pl->pool, d->ref, world_now(w));
	else
		pool_on_connect_failed(
		    pl->pool, d->ref, "refused", world_now(w));
	world_called(w, d->pool);
}

void
world_lose(struct world *w, uint8_t pool, struct conn *c)
{
	pool_on_lost(w->places[pool].pool, c->ref, "closed", world_now(w));
	world_called(w, pool);
}

static void
on_due_lose(struct world *w, const struct due *d)
{
	struct conn *c = conn_at(w, &w->places[d->pool], (uint32_t)d->what);

	if (c->state != CONN_OPEN || c->serial < d->serial ||
	    w->calm_at_us != NEVER)
		return;
	world_lose(w, d->pool, c);
}

static void
on_due_check(struct world *w, const struct due *d)
{
	struct place *pl = &w->places[d->pool];
	struct conn *c = conn_at(w, pl, (uint32_t)d->what);
	bool is_current = c->serial == d->serial && c->state == CONN_OPEN;

	if (!is_current)
		return;
	c->is_checking = false;
	if (c->check == CHECK_ACQUIRE && d->is_good)
		model_on_acquired(pl->model, c->slot_id);
	pool_on_checked(
	    pl->pool, d->ref, d->is_good ? NULL : "bad", world_now(w));
	world_called(w, d->pool);
}

/* A second release of the same claim is told that there is none. */
static void
release_again(struct world *w, uint8_t pool, uint64_t id)
{
	struct place *pl = &w->places[pool];

	pl->model->must_be_quiet = true;
	MUST(&w->watch,
	    !pool_on_release(pl->pool, id, CLAIM_END_OK, world_now(w)), "stale",
	    "claim %llu is released twice", (unsigned long long)id);
	pl->model->must_be_quiet = false;
	world_called(w, pool);
}

void
world_release(struct world *w, struct client *cl)
{
	static const enum claim_end ends[] = { CLAIM_END_OK, CLAIM_END_BROKEN,
		CLAIM_END_GONE, CLAIM_END_GONE };
	struct place *pl = &w->places[cl->pool];
	bool is_calm = w->calm_at_us != NEVER;
	uint64_t id = cl->id;
	uint8_t pool = cl->pool;

	if (cl->state != CLIENT_HOLDING)
		return;
	pl->conns[cl->index].claim = 0;
	world_end_client(w, cl);
	if (!pool_on_release(pl->pool, id,
		is_calm ? CLAIM_END_OK : ends[cl->fate], world_now(w))) {
		/* Its lease has ended, and we are about to be told. */
		pl->conns[cl->index].claim = id;
		cl->state = CLIENT_HOLDING;
		w->clients_live++;
		MUST(&w->watch, w->undrained > 0, "return",
		    "claim %llu cannot be released", (unsigned long long)id);
	}
	world_called(w, pool);
	if (world_draw(w, 5000, id) % 64 == 0 && pl->pool != NULL &&
	    cl->state == CLIENT_NONE)
		release_again(w, pool, id);
}

bool
world_waits(const struct place *pl, uint64_t id)
{
	const struct m_claim *c = model_claim(pl->model, id);

	return c != NULL && c->state != M_HELD;
}

/* The client does not want to wait any longer, or is no more. */
static void
on_due_cancel(struct world *w, struct client *cl)
{
	struct place *pl = &w->places[cl->pool];
	bool was_waiting, is_over;

	if (cl->state == CLIENT_HOLDING && cl->is_vanishing)
		world_release(w, cl);
	if (cl->state != CLIENT_WAITING)
		return;
	was_waiting = world_waits(pl, cl->id);
	is_over = pool_on_cancel(pl->pool, cl->id, world_now(w));
	if (was_waiting)
		MUST(&w->watch, is_over, "cancel",
		    "claim %llu waits and cannot be cancelled",
		    (unsigned long long)cl->id);
	if (!is_over && cl->is_vanishing)
		is_over = pool_on_release(
		    pl->pool, cl->id, CLAIM_END_GONE, world_now(w));
	if (is_over)
		world_end_client(w, cl);
	else
		MUST(&w->watch, w->undrained > 0 && !cl->is_vanishing, "cancel",
		    "claim %llu can neither be cancelled nor released",
		    (unsigned long long)cl->id);
	world_called(w, cl->pool);
}

/* One moment after its time has come, a claim waits no more (unless a policy
 * has lengthened that), and no lease is still held. */
static void
on_due_end(struct world *w, const struct due *d)
{
	struct place *pl = &w->places[d->pool];
	const struct m_claim *c;

	if (pool_next_deadline(pl->pool) <= world_now(w)) {
		pool_on_time(pl->pool, world_now(w));
		world_called(w, d->pool);
	}
	c = model_claim(pl->model, d->what);
	if (c == NULL)
		return;
	if (d->kind == DUE_DEADLINE)
		MUST(&w->watch,
		    c->state == M_HELD ||
			world_now(w) <= model_claim_end_us(pl->model, c),
		    "deadline", "claim %llu has waited too long",
		    (unsigned long long)d->what);
	else
		watch_fail(&w->watch, "lease", "claim %llu outlives its lease",
		    (unsigned long long)d->what);
}

void
world_on_due(struct world *w, const struct due *d)
{
	switch (d->kind) {
	case DUE_CONNECT:
		on_due_connect(w, d);
		break;
	case DUE_LOSE:
		on_due_lose(w, d);
		break;
	case DUE_CHECK:
		on_due_check(w, d);
		break;
	case DUE_RELEASE:
		world_release(w, &w->clients[d->what]);
		break;
	case DUE_CANCEL:
		on_due_cancel(w, &w->clients[d->what]);
		break;
	case DUE_DEADLINE:
	case DUE_LEASE:
		on_due_end(w, d);
		break;
	}
}

void
world_deliver_stale(struct world *w)
{
	struct stale *s =
	    &w->stale[world_draw(w, 10000, w->watch.step) % STALE];
	struct place *pl = &w->places[s->pool];
	uint64_t r = world_draw(w, 11000, w->watch.step);
	struct conn *c;

	if (s->ref.gen == 0 || pl->pool == NULL || s->epoch != pl->epoch ||
	    w->undrained > 0 || s->ref.index >= pl->room)
		return;
	c = &pl->conns[s->ref.index];
	if (c->state != CONN_NONE && c->ref.gen == s->ref.gen)
		return;
	pl->model->must_be_quiet = true;
	if (r % 4 == 0)
		pool_on_connected(pl->pool, s->ref, world_now(w));
	else if (r % 4 == 1)
		pool_on_connect_failed(pl->pool, s->ref, "late", world_now(w));
	else if (r % 4 == 2)
		pool_on_checked(
		    pl->pool, s->ref, r & 8 ? "late" : NULL, world_now(w));
	else
		pool_on_lost(pl->pool, s->ref, "late", world_now(w));
	pl->model->must_be_quiet = false;
	world_called(w, s->pool);
}
