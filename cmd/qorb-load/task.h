#ifndef QORB_LOAD_TASK_H
#define QORB_LOAD_TASK_H

/*
 * One task: claims a connection, exchanges the payload and its echo over it,
 * holds it, gives it back. A task knows its own cycle and the lent connection;
 * when it may begin one, and how claims and releases reach the daemon, is the
 * driver's business, which hears of it through the crew's ops.
 *
 *     idle --begin--> claiming --granted--> echoing --whole--> holding
 *      ^                 |                     |                  |
 *      +-----refused-----+----failed, done-----+------------------+
 *
 * A cycle ends when the echo is whole and the hold is over, whichever comes
 * last, or with the first failure; the connection then goes back as broken.
 */

#include <stdbool.h>
#include <stdint.h>

#include "exchange.h"
#include "figures.h"
#include "lent.h"
#include "workload.h"

enum task_state {
	TASK_IDLE,     /* waits for the moment of its next cycle */
	TASK_CLAIMING, /* asked for a connection, waits for it */
	TASK_ECHOING,  /* has one; the echo is not yet whole */
	TASK_HOLDING,  /* has the whole echo; the hold is not yet over */
	TASK_STATES,
};

struct task;

struct task_ops {
	/* Ask for a connection: answered by task_on_granted or _refused. */
	void (*claim)(void *ctx, struct task *t);
	void (*cancel)(void *ctx, struct task *t);
	/* Give t->claim back; no answer is waited for. */
	void (*release)(void *ctx, struct task *t, bool is_broken);
	/* Its cycle is over and it is idle again. failure: why it went wrong,
	 * 0 when it did not. */
	void (*on_idle)(void *ctx, struct task *t, unsigned failure);
};

/* What all tasks of a run share; all pointers are borrowed. */
struct crew {
	const struct workload *work;
	struct figures *figures;
	const struct task_ops *ops;
	void *ops_ctx;
	struct exchange_env *exchange;
	unsigned in_state[TASK_STATES]; /* tasks */
};

struct task {
	struct exchange exchange;
	struct event hold; /* timer */
	struct event rest; /* timer, of the driver: begin then */
	struct crew *crew;
	unsigned index;
	enum task_state state;
	bool is_cut;	     /* by task_cut: holds are not sat out any more */
	bool is_held;	     /* the hold is not over */
	uint64_t hold_us;    /* from the next grant on; the workload's first */
	uint64_t cycle;	     /* number of this or the next cycle */
	uint64_t claim;	     /* id, while echoing or holding */
	uint64_t planned_us; /* moments of this cycle, monotonic clock */
	uint64_t asked_us;   /* set by the driver when it sends the claim */
	uint64_t granted_us;
};

/* on_rest: what the rest timer calls with the task. */
void task_init(struct task *t, struct crew *crew, unsigned index,
    event_callback_fn on_rest);

/* Takes timers and events off and closes; the task is idle after it and its
 * claim, if any, forgotten. Calls nobody. */
void task_fini(struct task *t);

void task_begin(struct task *t, uint64_t planned_us);

/* A claim's answer. */
void task_on_granted(struct task *t, const struct lent *lent, uint64_t now_us);
void task_on_refused(struct task *t, unsigned failure);

/* Fails the cycle when its echo is overdue. */
void task_check_deadline(struct task *t, uint64_t now_us);

/* This cycle is its last one: a waiting claim is cancelled, a hold ends now, an
 * echo under way is still waited for. To use it again once it is idle, clear
 * is_cut. */
void task_cut(struct task *t);

/* How long it is to rest after a cycle that ended so (failure: as for on_idle)
 * where its next cycle is not planned: the workload's pause, and after a
 * failure 10 ms at least, so that a pool with nothing to give is asked, not
 * hammered. */
uint64_t task_rest_us(const struct task *t, unsigned failure);

/* The exchange's callbacks, for the environment that the driver makes. */
void task_on_whole(struct exchange *x);
void task_on_failed(struct exchange *x, unsigned failure);

#endif
