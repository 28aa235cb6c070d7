#ifndef QORB_LOAD_BACKENDS_H
#define QORB_LOAD_BACKENDS_H

/* The backends of a pool, as its daemon knows them at a moment. */

#include "core/addr.h"
#include "core/text.h"
#include "workload.h"

struct backends {
	struct addr *addrs; /* owned; of those that are online */
	unsigned count;	    /* at most WORKLOAD_DIRECT_MAX */
};

/* Asks the daemon for those of the workload's pool, and waits for the answer.
 * False when there is no daemon or no such pool: why says it in one line. */
bool backends_ask(struct backends *b, const struct workload *work,
    struct text *why) MUST_CHECK;
void backends_fini(struct backends *b);

#endif
