#ifndef QORB_LOAD_SCHEDULE_H
#define QORB_LOAD_SCHEDULE_H

/*
 * When claims are due and which keys they name: drawn from the workload's seed,
 * or read from a file of arrivals; and that file, when one is written. Knows
 * neither tasks nor the daemon, nor a clock.
 *
 * Keys and moments are drawn from streams of their own, so that the one does
 * not shift the other: the same seed gives the same arrivals.
 */

#include <stdint.h>
#include <stdio.h>

#include "core/rng.h"
#include "arrivals.h"
#include "workload.h"

struct schedule {
	const struct workload *work; /* borrowed */
	FILE *record;		     /* borrowed; NULL for none */
	struct arrivals arrivals;
	struct rng keys;
	size_t replayed;   /* arrivals of the file so far */
	uint64_t begun_us; /* of the run; monotonic clock */
	/* Open model: the next arrival, NEVER when there is none. */
	uint64_t due_us;
	uint64_t due_key; /* REPLAY_NO_KEY for none */
};

void schedule_init(
    struct schedule *s, const struct workload *work, FILE *record);

/* The run begins now. */
void schedule_begin(struct schedule *s, uint64_t now_us);

/* Open model: the arrival that was due has been seen to; looks one further. */
void schedule_next(struct schedule *s);

/* Open model: records and passes over all that is due by now, at most this
 * many; how many those are. */
uint64_t schedule_skip(struct schedule *s, uint64_t now_us, uint64_t most);

/* Closed model: the key of a claim that is made now. */
uint64_t schedule_key(struct schedule *s);

/* A claim was made for this moment, with this key. */
void schedule_record(struct schedule *s, uint64_t at_us, uint64_t key);

#endif
