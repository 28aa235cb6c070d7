/*
 * A world of virtual time: carries out what the pools ask for, answers as
 * backends in their moods do, plays clients, and tells the models what it asks.
 */

#include <stdlib.h>
#include <string.h>

#include "model.h"

#define QUICK_US (3 * US_PER_MS) /* a good backend answers within */
#define SPINS	 20000		 /* events at one moment that prove a loop */
#define STALE	 64
#define START_US US_PER_S /* the clock at an operation's 0 */

enum conn_state { CONN_NONE, CONN_TRYING, CONN_OPEN };

/* What the world holds for a slot index. */
struct conn {
	enum conn_state state;
	struct slot_ref ref; /* the newest that we were told */
	uint64_t slot_id;
	uint32_t serial; /* new with each connect and each check */
	uint8_t backend;
	bool is_hanging; /* no answer is on its way */
	bool is_checking;
	enum check_kind check;
	uint64_t claim; /* that we were told has it */
};

struct place {		   /* a pool and what belongs to it */
	struct pool *pool; /* NULL: stopped and freed */
	struct model *model;
	struct conn *conns;
	uint32_t room, open;
	bool is_stopped;
	uint32_t epoch; /* another each time that it starts */
	uint64_t even[BACKENDS_MAX];
};

enum client_state { CLIENT_NONE, CLIENT_WAITING, CLIENT_HOLDING };

struct client {
	enum client_state state;
	uint8_t pool, fate;
	bool is_vanishing;
	uint32_t index; /* of its connection */
	uint64_t id, hold_us, lease_us, deadline_us;
};

enum due_kind {
	DUE_CONNECT,
	DUE_LOSE,
	DUE_CHECK,
	DUE_RELEASE,
	DUE_CANCEL,
	DUE_DEADLINE,
	DUE_LEASE,
};

struct due {
	uint64_t at_us, seq;
	enum due_kind kind;
	uint8_t pool;
	bool is_good;
	uint32_t epoch; /* of the place */
	uint32_t serial;
	uint64_t what; /* slot index, label, or claim id */
	struct slot_ref ref;
};

struct stale {
	uint8_t pool;
	uint32_t epoch;
	struct slot_ref ref;
};

struct world {
	const struct run *run;
	const struct spec *spec;
	struct watch watch;
	struct place places[POOLS_MAX];
	struct claim_table *table;
	uint64_t ids;
	struct backend_def backends[BACKENDS_MAX];
	uint8_t modes[BACKENDS_MAX], checks[BACKENDS_MAX];
	uint64_t drawn[BACKENDS_MAX]; /* connects so far */
	uint64_t checked;
	struct client *clients;
	size_t client_room;
	uint32_t clients_live;
	struct due *dues; /* a heap */
	size_t due_count, due_room;
	uint64_t due_seq, stall_until_us, calm_at_us;
	struct stale stale[STALE];
	uint32_t stale_count, undrained, serial;
	uint64_t spins, spin_at_us, claims;
	bool is_walk_due;
};

static uint64_t
draw(const struct world *w, uint64_t what, uint64_t n)
{
	return hash_mix(hash_mix(w->spec->seed, what), n);
}

static uint64_t
now(const struct world *w)
{
	return w->watch.now_us;
}

/* --- what is to come -------------------------------------------------------
 */

static bool
is_before(const struct due *a, const struct due *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->seq < b->seq;
}

static void
due_add(struct world *w, struct due d)
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
	due_add(w, (struct due){ .at_us = at_us,
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
	uint64_t r = draw(w, 1000 + c->backend, ++w->drawn[c->backend]);
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
	d.at_us = now(w) + 20 + (r >> 16) % (QUICK_US - 20);
	if (mode == MODE_SLOW)
		d.at_us += (r >> 24) % (p->connect_timeout + US_PER_MS);
	d.is_good = mode != MODE_REFUSE;
	due_add(w, d);
	if (mode == MODE_CLOSE)
		schedule_lose(w, pool, c, d.at_us + (r >> 32) % US_PER_MS);
}

static void
plan_check(struct world *w, uint8_t pool, struct conn *c)
{
	uint64_t r = draw(w, 2000, ++w->checked);
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
	d.at_us = now(w) + ((r >> 16) % 4 == 0 ? 0 : (r >> 20) % 500);
	d.is_good = how != CHECKS_BAD;
	due_add(w, d);
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
		.at_us = time_after(now(w), cl->hold_us) };

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
		due_add(w, d);
	d.kind = DUE_LEASE;
	d.what = a->claim;
	d.at_us = time_after(now(w) + 1, cl->lease_us);
	if (d.at_us != NEVER &&
	    (cl->lease_us < cl->hold_us || cl->fate == FATE_NEVER))
		due_add(w, d);
}

static void
end_client(struct world *w, struct client *cl)
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
	end_client(w, cl);
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
	end_client(w, cl);
}

static void
carry_out(struct world *w, uint8_t pool, const struct action *a)
{
	watch_mix(&w->watch, (uint64_t)a->kind << 56 ^ a->slot_id << 20 ^
				 a->claim ^ (uint64_t)a->check << 50);
	if (w->watch.trace != NULL) {
		static const char *const names[] = { "connect", "close",
			"check", "grant", "refuse", "revoke" };

		fprintf(w->watch.trace, "%llu   %s slot=%llu index=%u",
		    (unsigned long long)now(w), names[a->kind],
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

static void
drain(struct world *w)
{
	struct action a;

	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];

		if (pl->pool == NULL)
			continue;
		while (pool_next_action(pl->pool, &a))
			carry_out(w, i, &a);
		MUST(&w->watch, pl->open <= pl->model->total, "leak",
		    "%u connections for %u slots", pl->open, pl->model->total);
	}
	w->undrained = 0;
}

/* --- after each call into the core -----------------------------------------
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

static void
called(struct world *w, uint8_t pool)
{
	struct place *pl = &w->places[pool];

	w->watch.step++;
	w->run->outcome->steps_at_fail = w->watch.step;
	w->run->outcome->now_us = now(w);
	if (w->watch.step == w->run->trace_from)
		w->watch.trace = w->run->trace;
	check_all(w, pl);
	if (now(w) != w->spin_at_us) {
		w->spin_at_us = now(w);
		w->spins = 0;
	}
	MUST(&w->watch, ++w->spins < SPINS, "spin", "%d events at one moment",
	    SPINS);
	if (++w->undrained >= w->spec->batch ||
	    draw(w, 3000, w->watch.step) % w->spec->batch == 0)
		drain(w);
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
	} else if (!is_current && draw(w, 4000, d->seq) % 4 != 0) {
		return; /* the answer to what was closed comes now and then */
	}
	if (d->is_good)
		pool_on_connected(pl->pool, d->ref, now(w));
	else
		pool_on_connect_failed(pl->pool, d->ref, "refused", now(w));
	called(w, d->pool);
}

static void
lose(struct world *w, uint8_t pool, struct conn *c)
{
	pool_on_lost(w->places[pool].pool, c->ref, "closed", now(w));
	called(w, pool);
}

static void
on_due_lose(struct world *w, const struct due *d)
{
	struct conn *c = conn_at(w, &w->places[d->pool], (uint32_t)d->what);

	if (c->state != CONN_OPEN || c->serial < d->serial ||
	    w->calm_at_us != NEVER)
		return;
	lose(w, d->pool, c);
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
	pool_on_checked(pl->pool, d->ref, d->is_good ? NULL : "bad", now(w));
	called(w, d->pool);
}

/* A second release of the same claim is told that there is none. */
static void
release_again(struct world *w, uint8_t pool, uint64_t id)
{
	struct place *pl = &w->places[pool];

	pl->model->must_be_quiet = true;
	MUST(&w->watch, !pool_on_release(pl->pool, id, CLAIM_END_OK, now(w)),
	    "stale", "claim %llu is released twice", (unsigned long long)id);
	pl->model->must_be_quiet = false;
	called(w, pool);
}

static void
release(struct world *w, struct client *cl)
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
	end_client(w, cl);
	if (!pool_on_release(pl->pool, id,
		is_calm ? CLAIM_END_OK : ends[cl->fate], now(w))) {
		/* Its lease has ended, and we are about to be told. */
		pl->conns[cl->index].claim = id;
		cl->state = CLIENT_HOLDING;
		w->clients_live++;
		MUST(&w->watch, w->undrained > 0, "return",
		    "claim %llu cannot be released", (unsigned long long)id);
	}
	called(w, pool);
	if (draw(w, 5000, id) % 64 == 0 && pl->pool != NULL &&
	    cl->state == CLIENT_NONE)
		release_again(w, pool, id);
}

/* Does the model know the claim as one that waits? */
static bool
waits(const struct place *pl, uint64_t id)
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
		release(w, cl);
	if (cl->state != CLIENT_WAITING)
		return;
	was_waiting = waits(pl, cl->id);
	is_over = pool_on_cancel(pl->pool, cl->id, now(w));
	if (was_waiting)
		MUST(&w->watch, is_over, "cancel",
		    "claim %llu waits and cannot be cancelled",
		    (unsigned long long)cl->id);
	if (!is_over && cl->is_vanishing)
		is_over =
		    pool_on_release(pl->pool, cl->id, CLAIM_END_GONE, now(w));
	if (is_over)
		end_client(w, cl);
	else
		MUST(&w->watch, w->undrained > 0 && !cl->is_vanishing, "cancel",
		    "claim %llu can neither be cancelled nor released",
		    (unsigned long long)cl->id);
	called(w, cl->pool);
}

/* One moment after its time has come, a claim waits no more, and no lease is
 * still held. */
static void
on_due_end(struct world *w, const struct due *d)
{
	struct place *pl = &w->places[d->pool];
	const struct m_claim *c;

	if (pool_next_deadline(pl->pool) <= now(w)) {
		pool_on_time(pl->pool, now(w));
		called(w, d->pool);
	}
	c = model_claim(pl->model, d->what);
	if (c == NULL)
		return;
	if (d->kind == DUE_DEADLINE)
		MUST(&w->watch, c->state == M_HELD, "deadline",
		    "claim %llu has waited too long",
		    (unsigned long long)d->what);
	else
		watch_fail(&w->watch, "lease", "claim %llu outlives its lease",
		    (unsigned long long)d->what);
}

static void
on_due(struct world *w)
{
	struct due d = due_take(w);

	if (w->places[d.pool].pool == NULL ||
	    w->places[d.pool].epoch != d.epoch)
		return;
	switch (d.kind) {
	case DUE_CONNECT:
		on_due_connect(w, &d);
		break;
	case DUE_LOSE:
		on_due_lose(w, &d);
		break;
	case DUE_CHECK:
		on_due_check(w, &d);
		break;
	case DUE_RELEASE:
		release(w, &w->clients[d.what]);
		break;
	case DUE_CANCEL:
		on_due_cancel(w, &w->clients[d.what]);
		break;
	case DUE_DEADLINE:
	case DUE_LEASE:
		on_due_end(w, &d);
		break;
	}
}

/* --- operations ------------------------------------------------------------
 */

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
		.at_us = time_after(now(w), op->cancel_us) };

	if (op->cancel_us != NEVER)
		due_add(w, d);
	if (cl->deadline_us == NEVER || cl->deadline_us == now(w))
		return; /* one that would not wait may still be acquiring */
	d.kind = DUE_DEADLINE;
	d.what = cl->id;
	d.at_us = cl->deadline_us + 1;
	if (waits(pl, cl->id))
		due_add(w, d);
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
		.deadline_us = time_after(now(w), wait) };
	w->clients_live++;
	e = pool_on_claim(pl->pool, &r, &cl->id, now(w));
	w->claims++;
	if (e == ERR_NONE)
		plan_client(w, op, cl);
	else
		end_client(w, cl);
	called(w, op->pool);
}

static void
op_kill(struct world *w, const struct op *op)
{
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];

		for (uint32_t k = 0; pl->pool != NULL && k < pl->room; k++) {
			struct conn *c = &pl->conns[k];

			if (c->state == CONN_OPEN &&
			    c->backend == op->backend &&
			    draw(w, 6000 + c->serial, op->at_us) % 100 <
				op->percent)
				lose(w, i, c);
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
		uint64_t r = draw(w, 7000 + i, op->at_us);
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
	pool_on_backends(pl->pool, specs, n, now(w));
	called(w, op->pool);
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
	pool_on_policy(pl->pool, &p, now(w));
	called(w, op->pool);
}

static void
op_pause(struct world *w, uint8_t pool, bool is_paused)
{
	struct place *pl = &w->places[pool];

	pl->model->is_paused = is_paused;
	pool_on_pause(pl->pool, is_paused, now(w));
	called(w, pool);
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
		is_drained, now(w)) == is_known,
	    "drain", "backend %d is %sknown", backend, is_known ? "" : "not ");
	called(w, pool);
}

static void
op_revoke(struct world *w, const struct op *op)
{
	struct place *pl = &w->places[op->pool];
	struct client *cl = new_client(w, op);

	if (cl->state != CLIENT_HOLDING || cl->pool != op->pool)
		return;
	(void)pool_on_revoke(pl->pool, cl->id, now(w));
	called(w, op->pool);
}

/* Clients that keep what they have go away. */
static void
op_sweep(struct world *w, uint8_t pool)
{
	for (size_t i = 0; i < w->client_room; i++) {
		struct client *cl = &w->clients[i];

		if (cl->state == CLIENT_HOLDING && cl->pool == pool &&
		    cl->fate == FATE_NEVER)
			release(w, cl);
	}
}

static void
start_pool(struct world *w, uint8_t i)
{
	struct place *pl = &w->places[i];
	char name[8];
	struct pool_params params = { .name = name,
		.policy = &w->spec->pool[i].policy,
		.seed = draw(w, 8000, i),
		.host = draw(w, 9000, i),
		.has_acquire = w->spec->pool[i].has_acquire,
		.claims = w->table,
		.ids = &w->ids };

	snprintf(name, sizeof(name), "p%u", i);
	pl->model = model_new(&w->watch, params.policy, params.has_acquire);
	params.observer.on_event = model_on_event;
	params.observer.ctx = pl->model;
	pl->pool = pool_new(&params, now(w));
	pl->model->pool = pl->pool;
	pl->is_stopped = false;
	pl->epoch++;
}

/* Frees a pool that has stopped and is empty. */
static void
end_pool(struct world *w, struct place *pl)
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

static void
op_stop(struct world *w, uint8_t pool)
{
	struct place *pl = &w->places[pool];

	pl->is_stopped = pl->model->is_stopping = true;
	pool_on_stop(pl->pool, now(w));
	called(w, pool);
	op_sweep(w, pool);
}

static void
op_start(struct world *w, uint8_t pool)
{
	struct place *pl = &w->places[pool];

	drain(w);
	if (pl->pool == NULL || !pl->is_stopped || !pool_is_empty(pl->pool))
		return;
	end_pool(w, pl);
	start_pool(w, pool);
}

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
		due_add(w, (struct due){ .at_us = now(w) + 1,
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
	w->calm_at_us = now(w);
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
	drain(w);
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		struct place *pl = &w->places[i];

		if (pl->pool != NULL && w->calm_at_us != NEVER &&
		    settled_at(w, pl->model) <= now(w))
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
		       pool_next_backend(pl->pool, now(w), &at, &s))
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
		       pool_next_backend(pl->pool, now(w), &at, &s)) {
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
		op_stop(w, op->pool);
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

static void
do_op(struct world *w, const struct op *op)
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
		w->stall_until_us = now(w) + op->span_us;
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

/* --- time ------------------------------------------------------------------
 */

/* An answer for a connection or a check that is no more: nothing may come of
 * it. */
static void
deliver_stale(struct world *w)
{
	struct stale *s = &w->stale[draw(w, 10000, w->watch.step) % STALE];
	struct place *pl = &w->places[s->pool];
	uint64_t r = draw(w, 11000, w->watch.step);
	struct conn *c;

	if (s->ref.gen == 0 || pl->pool == NULL || s->epoch != pl->epoch ||
	    w->undrained > 0 || s->ref.index >= pl->room)
		return;
	c = &pl->conns[s->ref.index];
	if (c->state != CONN_NONE && c->ref.gen == s->ref.gen)
		return;
	pl->model->must_be_quiet = true;
	if (r % 4 == 0)
		pool_on_connected(pl->pool, s->ref, now(w));
	else if (r % 4 == 1)
		pool_on_connect_failed(pl->pool, s->ref, "late", now(w));
	else if (r % 4 == 2)
		pool_on_checked(
		    pl->pool, s->ref, r & 8 ? "late" : NULL, now(w));
	else
		pool_on_lost(pl->pool, s->ref, "late", now(w));
	pl->model->must_be_quiet = false;
	called(w, s->pool);
}

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
	if (at_us <= now(w))
		return;
	if (w->undrained > 0)
		drain(w);
	if (at_us > w->stall_until_us)
		w->watch.is_late = false;
	w->watch.now_us = at_us;
}

/* One thing happens: an operation, something due, or a pool's own time. */
static void
step(struct world *w, const struct op *op, bool *is_op_done)
{
	uint8_t pool = 0;
	uint64_t op_at = *is_op_done ? NEVER : op->at_us;
	uint64_t due_at = w->due_count == 0 ? NEVER : w->dues[0].at_us;
	uint64_t time_at, at;

	if (w->undrained > 0 && due_at > now(w) && op_at > now(w))
		drain(w); /* it may bring something that is due now */
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
		deliver_stale(w);
	if (time_at <= now(w) &&
	    (time_at < at + (draw(w, 12000, w->watch.step) & 1) ||
		(op_at > now(w) && due_at > now(w)))) {
		pool_on_time(w->places[pool].pool, now(w));
		called(w, pool);
	} else if (due_at <= now(w) && due_at <= op_at) {
		on_due(w);
	} else if (op_at <= now(w)) {
		*is_op_done = true;
		do_op(w, op);
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
			release(w, &w->clients[i]);
		drain(w);
	}
}

static void
finish(struct world *w)
{
	drain(w);
	w->is_walk_due = true;
	for (uint8_t i = 0; i < w->spec->pools; i++) {
		if (w->places[i].pool != NULL && !w->places[i].is_stopped)
			op_stop(w, i);
	}
	drain(w);
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
		end_pool(w, pl);
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
		start_pool(w, i);
	live(w);
	finish(w);
	run->outcome->hash = w->watch.hash;
	run->outcome->events += w->watch.step;
	run->outcome->claims += w->claims;
	run->outcome->is_done = true;
	free(w);
}
