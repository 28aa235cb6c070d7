#ifndef QORB_TESTS_WORLD_H
#define QORB_TESTS_WORLD_H

/*
 * What the parts of a world share: world.c (its time, what is judged, the run),
 * world_peers.c (the backends and clients that pools deal with), world_ops.c
 * (the operations of a scenario). Not for others, who have world_run in sim.h.
 *
 * The core is called with the world's clock, and after each call comes
 * world_called. What the pools want done by then stays with them until
 * world_drain, so that more can happen before it is done.
 */

#include "model.h"

#define STALE 64

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

/* Decides a thing for the nth of its kind, by the seed alone. */
static inline uint64_t
world_draw(const struct world *w, uint64_t what, uint64_t n)
{
	return hash_mix(hash_mix(w->spec->seed, what), n);
}

static inline uint64_t
world_now(const struct world *w)
{
	return w->watch.now_us;
}

/* --- world.c */

/* It will come due at d.at_us, if the pool has not begun anew by then. */
void world_due_add(struct world *w, struct due d);

/* The pool was called: it is judged, and now and then all are drained. */
void world_called(struct world *w, uint8_t pool);

/* Carries out all that the pools want done. */
void world_drain(struct world *w);

/* --- world_peers.c */

/* Does what the pool wants done. */
void world_carry_out(struct world *w, uint8_t pool, const struct action *a);

/* What was planned has come due; its pool is still there. */
void world_on_due(struct world *w, const struct due *d);

/* An answer for a connection or a check that is no more: nothing may come of
 * it. */
void world_deliver_stale(struct world *w);

/* The backend closes the connection. */
void world_lose(struct world *w, uint8_t pool, struct conn *c);

/* The client gives back what it holds, if it does, as its fate has it. */
void world_release(struct world *w, struct client *cl);

/* Does the model know the claim as one that waits? */
bool world_waits(const struct place *pl, uint64_t id);

/* The client's claim is over: its label is free again. */
void world_end_client(struct world *w, struct client *cl);

/* --- world_ops.c */

/* Its time has come. */
void world_do_op(struct world *w, const struct op *op);

/* The pool with this index in the spec. */
void world_start_pool(struct world *w, uint8_t i);

/* Its clients that would keep what they have go away with it. */
void world_stop_pool(struct world *w, uint8_t pool);

/* Frees a pool that has stopped and is empty. */
void world_end_pool(struct world *w, struct place *pl);

#endif
