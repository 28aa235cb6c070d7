#ifndef QORB_TESTS_POOL_RIG_H
#define QORB_TESTS_POOL_RIG_H

/*
 * A pool on a bench: time that the test moves, backends that do as the test
 * says, and what became of each claim. Backends are b0, b1, ... at 10.0.x.y; a
 * backend that is up is connected within the same moment, one that is down
 * refuses, one that is stuck never answers.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pool.h"

#define RIG_BACKENDS 1000
#define RIG_CLAIMS   5000
#define RIG_SLOTS    2048
#define MS(n)	     ((uint64_t)(n)*US_PER_MS)
#define SEC(n)	     ((uint64_t)(n)*US_PER_S)

enum rig_mood { RIG_UP, RIG_DOWN, RIG_STUCK };

/* The connection of a slot index. */
struct rig_conn {
	bool is_open, is_trying, is_checking;
	struct slot_ref ref;
	uint64_t slot, opened_us;
	enum check_kind check;
	int backend;
	uint64_t claim;
};

enum rig_answer { RIG_NONE, RIG_GRANTED, RIG_REFUSED, RIG_REVOKED };

struct rig_claim {
	enum rig_answer answer;
	enum error error;
	uint32_t index; /* of its connection */
	unsigned order; /* among all grants, from 1 */
	uint64_t answered_us;
	bool is_lease_end;
};

struct rig {
	struct pool *pool;
	struct claim_table *table;
	struct policy policy;
	uint64_t ids, now_us, seed, host;
	bool has_acquire;
	enum rig_mood moods[RIG_BACKENDS];
	enum rig_mood checks[RIG_BACKENDS];   /* DOWN: they fail */
	unsigned connects[RIG_BACKENDS];      /* attempts */
	uint64_t connect_at_us[RIG_BACKENDS]; /* the last of them */
	unsigned health_checks, all_connects, most_slots, most_open, open;
	struct rig_conn conns[RIG_SLOTS];
	struct rig_claim claims[RIG_CLAIMS]; /* by id */
	unsigned grants;
	struct pool_stats stats;
	unsigned events[EVENT_COUNT];
};

static inline void
rig_on_event(void *ctx, const struct event_record *e)
{
	((struct rig *)ctx)->events[e->kind]++;
}

/* The policy's defaults, but quick to connect many. The test changes it before
 * rig_start. */
static inline struct rig *
rig_new(void)
{
	struct rig *r = mem_new(1, sizeof(*r));

	policy_init(&r->policy);
	r->policy.connect_rate = 1000000;
	r->policy.isolation = ISOLATION_NONE;
	r->policy.max_slots = 16;
	r->now_us = SEC(1000);
	r->seed = 1;
	r->host = 7;
	return r;
}

static inline void
rig_start(struct rig *r)
{
	struct pool_params params = { .name = "p",
		.policy = &r->policy,
		.seed = r->seed,
		.host = r->host,
		.has_acquire = r->has_acquire,
		.ids = &r->ids,
		.observer = { .on_event = rig_on_event, .ctx = r } };

	r->table = claim_table_new(RIG_CLAIMS);
	params.claims = r->table;
	r->pool = pool_new(&params, r->now_us);
}

static inline int
rig_backend_of(const char *name)
{
	return atoi(name + 1);
}

static inline void
rig_connect(struct rig *r, const struct action *a)
{
	struct rig_conn *c = &r->conns[a->slot.index];

	assert_false(c->is_open || c->is_trying);
	memset(c, 0, sizeof(*c));
	c->ref = a->slot;
	c->slot = a->slot_id;
	c->backend = rig_backend_of(a->backend);
	c->is_trying = true;
	r->connects[c->backend]++;
	r->connect_at_us[c->backend] = r->now_us;
	r->all_connects++;
	if (r->moods[c->backend] == RIG_STUCK)
		return;
	c->is_trying = false;
	if (r->moods[c->backend] == RIG_DOWN) {
		pool_on_connect_failed(r->pool, a->slot, "refused", r->now_us);
		return;
	}
	c->is_open = true;
	c->opened_us = r->now_us;
	r->open++;
	pool_on_connected(r->pool, a->slot, r->now_us);
}

static inline void
rig_close(struct rig *r, const struct action *a)
{
	struct rig_conn *c = &r->conns[a->slot.index];

	r->open -= c->is_open;
	c->is_open = c->is_trying = c->is_checking = false;
}

static inline void
rig_check(struct rig *r, const struct action *a)
{
	struct rig_conn *c = &r->conns[a->slot.index];

	assert_true(c->is_open);
	c->ref = a->slot;
	c->check = a->check;
	r->health_checks += a->check == CHECK_HEALTH;
	c->is_checking = r->checks[c->backend] == RIG_STUCK;
	if (!c->is_checking)
		pool_on_checked(r->pool, a->slot,
		    r->checks[c->backend] == RIG_DOWN ? "bad" : NULL,
		    r->now_us);
}

static inline void
rig_grant(struct rig *r, const struct action *a)
{
	struct rig_claim *cl = &r->claims[a->claim];

	assert_int_equal(cl->answer, RIG_NONE);
	assert_true(r->conns[a->slot.index].is_open);
	assert_true(r->conns[a->slot.index].claim == 0);
	cl->answer = RIG_GRANTED;
	cl->order = ++r->grants;
	cl->index = a->slot.index;
	cl->answered_us = r->now_us;
	r->conns[a->slot.index].claim = a->claim;
}

static inline void
rig_act(struct rig *r, const struct action *a)
{
	struct rig_claim *cl = &r->claims[a->claim];

	switch (a->kind) {
	case ACTION_CONNECT:
		rig_connect(r, a);
		break;
	case ACTION_CLOSE:
		rig_close(r, a);
		break;
	case ACTION_CHECK:
		rig_check(r, a);
		break;
	case ACTION_GRANT:
		rig_grant(r, a);
		break;
	case ACTION_REFUSE:
		assert_int_equal(cl->answer, RIG_NONE);
		cl->answer = RIG_REFUSED;
		cl->error = a->error;
		cl->answered_us = r->now_us;
		break;
	case ACTION_REVOKE:
		assert_int_equal(cl->answer, RIG_GRANTED);
		cl->answer = RIG_REVOKED;
		cl->is_lease_end = a->is_lease_end;
		cl->answered_us = r->now_us;
		r->conns[a->slot.index].claim = 0;
		break;
	}
}

/* Carries out all that the pool wants, and looks at it. */
static inline void
rig_turn(struct rig *r)
{
	struct action a;

	while (pool_next_action(r->pool, &a)) {
		rig_act(r, &a);
		if (r->open > r->most_open)
			r->most_open = r->open;
	}
	pool_check(r->pool);
	pool_stats(r->pool, r->now_us, &r->stats);
	if (r->stats.slots > r->most_slots)
		r->most_slots = r->stats.slots;
}

/* Lives through so much time. */
static inline void
rig_pass(struct rig *r, uint64_t span_us)
{
	uint64_t end_us = r->now_us + span_us, at;

	rig_turn(r);
	while ((at = pool_next_deadline(r->pool)) <= end_us) {
		if (at > r->now_us)
			r->now_us = at;
		pool_on_time(r->pool, r->now_us);
		rig_turn(r);
	}
	r->now_us = end_us;
}

static inline struct backend_spec
rig_spec(int i, char *name)
{
	struct backend_spec s = {
		.name = name, .weight = 1, .sources = SOURCE_STATIC
	};

	snprintf(name, 8, "b%d", i);
	s.addr.kind = ADDR_INET;
	s.addr.port = 7000;
	s.addr.ip[0] = 10;
	s.addr.ip[2] = (uint8_t)(i / 256);
	s.addr.ip[3] = (uint8_t)(i % 256);
	return s;
}

/* Names the backends from first to first + count - 1, and no others. */
static inline void
rig_name(struct rig *r, int first, int count)
{
	struct backend_spec *specs = mem_new((size_t)count + 1, sizeof(*specs));
	char(*names)[8] = mem_new((size_t)count + 1, sizeof(*names));

	for (int i = 0; i < count; i++)
		specs[i] = rig_spec(first + i, names[i]);
	pool_on_backends(r->pool, specs, (size_t)count, r->now_us);
	free(specs);
	free(names);
	rig_turn(r);
}

static inline void
rig_set_moods(struct rig *r, enum rig_mood mood)
{
	for (int i = 0; i < RIG_BACKENDS; i++)
		r->moods[i] = mood;
}

/* Asks, and returns the claim's id, 0 when it was refused at once. */
static inline uint64_t
rig_ask(struct rig *r, const struct claim_request *request)
{
	uint64_t id;
	enum error e = pool_on_claim(r->pool, request, &id, r->now_us);

	assert_true(id < RIG_CLAIMS);
	r->claims[0].error = e;
	rig_turn(r);
	return e == ERR_NONE ? id : 0;
}

static inline uint64_t
rig_claim(struct rig *r)
{
	struct claim_request request = { .wait_us = POOL_WAIT_DEFAULT };

	return rig_ask(r, &request);
}

static inline uint64_t
rig_claim_as(struct rig *r, uint32_t uid)
{
	struct claim_request request = { .uid = uid,
		.wait_us = POOL_WAIT_DEFAULT };

	return rig_ask(r, &request);
}

static inline bool
rig_has(const struct rig *r, uint64_t claim)
{
	return claim != 0 && r->claims[claim].answer == RIG_GRANTED;
}

static inline bool
rig_waits(const struct rig *r, uint64_t claim)
{
	return claim != 0 && r->claims[claim].answer == RIG_NONE;
}

static inline struct rig_conn *
rig_conn_of(struct rig *r, uint64_t claim)
{
	assert_true(rig_has(r, claim));
	return &r->conns[r->claims[claim].index];
}

static inline void
rig_release(struct rig *r, uint64_t claim, enum claim_end how)
{
	struct rig_conn *c = rig_conn_of(r, claim);

	assert_true(c->claim == claim);
	c->claim = 0;
	assert_true(pool_on_release(r->pool, claim, how, r->now_us));
	rig_turn(r);
}

/* The backend closes one of its connections, or all of them. */
static inline void
rig_lose(struct rig *r, int backend)
{
	for (uint32_t i = 0; i < pool_slot_room(r->pool); i++) {
		struct rig_conn *c = &r->conns[i];

		if (c->is_open && c->backend == backend)
			pool_on_lost(r->pool, c->ref, "closed", r->now_us);
		rig_turn(r);
	}
}

/* The figures of one backend; false when the pool does not know it. */
static inline bool
rig_backend(struct rig *r, int backend, struct backend_stats *stats)
{
	size_t at = 0;

	while (pool_next_backend(r->pool, r->now_us, &at, stats)) {
		if (rig_backend_of(stats->name) == backend)
			return true;
	}
	return false;
}

static inline uint32_t
rig_slots(struct rig *r, int backend)
{
	struct backend_stats s;

	if (!rig_backend(r, backend, &s))
		return 0;
	return s.counts[SLOT_CONNECTING] + s.counts[SLOT_UNCLAIMED] +
	       s.counts[SLOT_CHECKING] + s.counts[SLOT_CLAIMED];
}

static inline void
rig_set_policy(struct rig *r)
{
	pool_on_policy(r->pool, &r->policy, r->now_us);
	rig_turn(r);
}

/* Stops the pool; everything that is held comes back; nothing is left. */
static inline void
rig_end(struct rig **rig)
{
	struct rig *r = *rig;

	*rig = NULL;
	pool_on_stop(r->pool, r->now_us);
	rig_turn(r);
	for (uint64_t id = 1; id < RIG_CLAIMS; id++) {
		if (r->claims[id].answer == RIG_GRANTED &&
		    r->conns[r->claims[id].index].claim == id)
			rig_release(r, id, CLAIM_END_OK);
	}
	assert_true(pool_is_empty(r->pool));
	assert_int_equal(r->open, 0);
	pool_free(&r->pool);
	claim_table_free(&r->table);
	free(r);
}

#endif
