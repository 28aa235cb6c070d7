#ifndef QORB_LOAD_COST_H
#define QORB_LOAD_COST_H

/*
 * What this process costs itself: the time that it was on a processor, and the
 * time that it could have gone on but waited for one. The second is as much a
 * part of what it measures as the first, since nobody else reads a clock for
 * it; it is 0 where the system does not tell it.
 */

#include <stdint.h>

struct cost {
	uint64_t cpu_us;
	uint64_t delayed_us;
};

/* Since the process began. */
struct cost cost_now(void);

/* What has been added since. */
struct cost cost_since(const struct cost *begun);

#endif
