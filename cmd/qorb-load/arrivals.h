#ifndef QORB_LOAD_ARRIVALS_H
#define QORB_LOAD_ARRIVALS_H

/*
 * The open model's schedule: when each cycle is meant to begin, whatever
 * became of those before it. Latency is counted from these moments, so a slow
 * pool cannot make the load gentler and its own figures better (coordinated
 * omission).
 *
 * RANDOM draws independent exponential gaps (a Poisson process, as requests of
 * many users come), EVEN makes all gaps alike. While the load ramps up, the
 * rate grows in a straight line from 0 to its full value: the k-th moment of a
 * process of rate 1 is mapped through the inverse of the rate's integral. The
 * same seed gives the same schedule.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"
#include "core/rng.h"

enum arrivals_kind {
	ARRIVALS_RANDOM,
	ARRIVALS_EVEN,
};

struct arrivals {
	enum arrivals_kind kind;
	double rate;   /* a second */
	double ramp_s; /* until the full rate is reached */
	double passed; /* moment of the latest one at rate 1 */
	struct rng rng;
};

/* rate: arrivals a second, above 0. */
void arrivals_init(struct arrivals *a, enum arrivals_kind kind, uint64_t rate,
    uint64_t ramp_us, uint64_t seed);

/* The next moment, in microseconds from the start; never before the one that
 * it gave last. */
uint64_t arrivals_next(struct arrivals *a);

/* The kind with this name ("random", "even"). */
bool arrivals_kind_parse(const char *text, enum arrivals_kind *kind) MUST_CHECK;
const char *arrivals_kind_name(enum arrivals_kind kind);

#endif
