#ifndef QORB_LOAD_COMPARE_H
#define QORB_LOAD_COMPARE_H

/*
 * The same workload with the pool and with a connection each claim. The two
 * take turns, and turns about which of them goes first, so that neither has the
 * machine to itself when it is quiet: what else it does meanwhile changes their
 * figures, hardly their ratio.
 *
 * Each turn is a run of its own with its share of the bounds, and both sides
 * draw from the same seed in it. A workload that is about one stretch of time
 * (a ramp, a file of arrivals) is not cut into pieces: it has one turn.
 */

#include "progress.h"
#include "trial.h"
#include "workload.h"

enum compare_side {
	COMPARE_POOL,
	COMPARE_DIRECT,
	COMPARE_SIDES,
};

struct compare {
	struct workload work[COMPARE_SIDES];
	struct trial sides[COMPARE_SIDES]; /* owned; no figures: no turn yet */
	unsigned turns;			   /* of each side */
};

/* direct: where a side without a pool connects to; borrowed, as is what the
 * workload points to. */
void compare_init(struct compare *c, const struct workload *work,
    const struct addr *direct, unsigned direct_count);
void compare_fini(struct compare *c);

/* Runs until all turns are over, or one ends before its time. progress gets a
 * line each turn; NULL for none. Ends the program when there is no daemon from
 * the start. */
void compare_run(struct compare *c, struct progress *progress);

/* The workload of a turn, counted from 0. */
struct workload compare_turn(
    const struct compare *c, enum compare_side side, unsigned turn);

#endif
