/*
 * A slot and its claim: on-acquire, the lending itself, the lease, and how the
 * connection comes back.
 */

#include "core/pool_priv.h"

/* Where the holder's time ends next: its lease, or the leak report. */
void
lend_set_timer(struct pool *p, struct slot *s)
{
	const struct claim *c = s->claim;
	uint64_t at = time_after(c->granted_at_us, c->lease_us);
	uint64_t leak = time_after(c->granted_at_us, p->policy.leak_after);

	if (!s->is_leak_told && leak < at)
		at = leak;
	slot_set_timer(p, s, at);
}

/* From now on the connection is this user's. */
static void
settle_down(struct pool *p, struct slot *s, uint32_t uid)
{
	struct user *u = user_get(p, uid);

	slot_set_home(p, s, shelf_get(p, s->set, u));
	user_put(p, u); /* the shelf holds it */
}

/* The claim has it: counts, marks and tells, and has the grant answered. */
static void
lend(struct pool *p, struct slot *s, struct claim *c)
{
	struct slot_set *set = s->set;

	set->pass += set->stride;
	s->claim = c;
	if (p->policy.isolation == ISOLATION_NONE)
		s->was_shared = true;
	else if (shelf_is_fresh(s->home))
		settle_down(p, s, c->uid);
	s->claims++;
	s->is_leak_told = false;
	slot_set_phase(p, s, PHASE_LENT);
	pairing_remove(&p->deadlines, &c->due);
	c->state = CLAIM_HELD;
	c->slot = s;
	c->granted_at_us = p->now_us;
	list_push_back(&p->answers, &c->answer);
	lend_set_timer(p, s);
	recent_record(&p->wait, p->now_us - c->asked_at_us, p->now_us);
	p->granted++;
	p->held++;
	set->claims++;
	rate_count(&p->rate, p->now_us);
	rate_count(&set->rate, p->now_us);
	pool_tell_claim(p, EVENT_SLOT_SET_CLAIM_DONE, c, s, NULL);
	pool_tell_claim(p, EVENT_POOL_CLAIM_DONE, c, s, NULL);
	pool_tell_claim(p, EVENT_HANDLE_CLAIMED, c, s, NULL);
	pool_tell_claim(p, EVENT_CLAIM_DONE, c, s, NULL);
	if (s->claims >= p->policy.max_claims_per_connection)
		(void)slot_begin_heir(p, s);
}

/* Gives an idle slot to a claim that is on no queue. */
void
lend_start(struct pool *p, struct slot *s, struct claim *c)
{
	pool_tell_claim(p, EVENT_SLOT_SET_CLAIM_START, c, s, NULL);
	if (!p->has_acquire) {
		lend(p, s, c);
		return;
	}
	slot_start_check(p, s, PHASE_ACQUIRE);
	s->claim = c;
	c->state = CLAIM_ACQUIRING;
	c->slot = s;
	claim_set_due(p, c, claim_end_us(p, c));
}

/* Sends the claim whose on-acquire ran, if it still wants, back to its place.
 */
static void
part_from_claim(struct pool *p, struct slot *s, const char *reason)
{
	struct claim *c = s->claim;

	s->claim = NULL;
	if (c == NULL)
		return;
	pool_tell_claim(p, EVENT_SLOT_SET_CLAIM_FAILED, c, s, reason);
	pool_tell_claim(p, EVENT_POOL_CLAIM_FAILED, c, NULL, NULL);
	c->slot = NULL;
	claim_place(p, c);
}

static void
acquire_failed(struct pool *p, struct slot *s, const char *reason)
{
	if (s->claim != NULL)
		pool_tell_claim(
		    p, EVENT_CLAIM_ACQUIRE_FAILED, s->claim, s, reason);
	/* Before others leave the set, should it go offline now. */
	part_from_claim(p, s, reason);
	slot_fail(p, s, reason);
}

/* There is no place any more for a slot whose on-acquire runs, through no fault
 * of its backend. */
void
lend_withdraw(struct pool *p, struct slot *s)
{
	part_from_claim(p, s, "withdrawn");
	slot_remove(p, s);
}

/* Has the connection been used by another user than the claim's, while that
 * was allowed? */
static bool
is_of_another(const struct pool *p, const struct slot *s, const struct claim *c)
{
	if (p->policy.isolation == ISOLATION_NONE)
		return false;
	return s->was_shared ||
	       (!shelf_is_fresh(s->home) && s->home->user->uid != c->uid);
}

/* While on-acquire ran, the pool was paused or users were isolated: the claim
 * goes back to its place, and the connection to the others. */
static void
acquired_in_vain(struct pool *p, struct slot *s, const char *reason)
{
	part_from_claim(p, s, reason);
	slot_ready(p, s);
}

static void
acquired(struct pool *p, struct slot *s)
{
	struct claim *c = s->claim;

	if (c == NULL) { /* it was cancelled, or its time ran out */
		slot_ready(p, s);
	} else if (spread_is_over(p, s->set)) {
		lend_withdraw(p, s);
	} else if (p->is_paused) {
		acquired_in_vain(p, s, "paused");
	} else if (is_of_another(p, s, c)) {
		acquired_in_vain(p, s, "isolation");
	} else {
		lend(p, s, c);
	}
}

/* Its on-acquire ran; reason: why it failed, or NULL. */
void
lend_on_checked(struct pool *p, struct slot *s, const char *reason)
{
	if (reason == NULL)
		acquired(p, s);
	else
		acquire_failed(p, s, reason);
}

/* A claim's connection has come back, in whatever state. */
void
lend_end(struct pool *p, struct slot *s, enum claim_end how)
{
	bool is_dead = s->is_dead;

	ASSERT(s->phase == PHASE_LENT);
	s->claim = NULL;
	if (s->is_worn || spread_is_over(p, s->set) ||
	    s->set->health == HEALTH_OFFLINE) {
		slot_remove(p, s); /* an offline set has its one probe */
	} else if (how == CLAIM_END_CLOSED || how == CLAIM_END_GONE_CLOSED ||
		   is_dead) {
		slot_renew(p, s);
	} else if (how != CLAIM_END_OK) {
		slot_replace(p, s);
	} else {
		slot_recycle(p, s);
	}
}

/* Ends the claim that holds the slot, and its connection with it. */
void
lend_revoke(struct pool *p, struct slot *s, bool is_lease_end)
{
	struct claim *c = s->claim;

	s->is_revoke_due = true;
	s->revoke_claim = c->id;
	s->revoke_owner = c->owner;
	s->is_lease_end = is_lease_end;
	pool_todo(p, s);
	pool_tell_claim(
	    p, EVENT_LEASE_ENDED, c, s, is_lease_end ? "lease" : "revoked");
	(void)pool_on_release(p, c->id, CLAIM_END_BROKEN, p->now_us);
}

void
lend_on_timer(struct pool *p, struct slot *s)
{
	struct claim *c = s->claim;

	if (p->now_us >= time_after(c->granted_at_us, c->lease_us)) {
		lend_revoke(p, s, true);
		return;
	}
	s->is_leak_told = true;
	p->leaks++;
	pool_tell_claim(p, EVENT_CLAIM_LEAK, c, s, NULL);
	lend_set_timer(p, s);
}
