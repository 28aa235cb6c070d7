#ifndef QORB_LOAD_WORKLOAD_H
#define QORB_LOAD_WORKLOAD_H

/*
 * What a run is to do, as the command line says it: nothing here changes while
 * it runs. All spans are microseconds.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"
#include "core/addr.h"
#include "arrivals.h"
#include "replay.h"

#define WORKLOAD_TASKS_MAX	 10000
#define WORKLOAD_CONNECTIONS_MAX 64
#define WORKLOAD_PAYLOAD_MAX	 1048576
#define WORKLOAD_RATE_MAX	 1000000
#define WORKLOAD_DIRECT_MAX	 1024

/* Tasks that share a connection to the daemon unless the user says how many
 * connections there are. */
#define WORKLOAD_TASKS_A_LINK 512

struct workload {
	const char *pool;	 /* borrowed; NULL when there is none */
	const char *socket_path; /* borrowed; NULL for the default one */
	unsigned tasks;		 /* at least 1 */
	unsigned links;		 /* connections to the daemon, 1 to tasks */
	uint64_t claims;	 /* claims to ask for, UINT64_MAX: no bound */
	uint64_t duration_us;	 /* NEVER: no bound */
	uint64_t rate;		 /* arrivals a second; 0: closed model, or */
	const struct replay *replay; /* borrowed; these, NULL for none */
	enum arrivals_kind arrivals;
	uint64_t ramp_us;
	uint64_t hold_us;
	uint64_t pause_us;
	uint64_t timeout_us; /* for an echo, from its claim's grant */
	bool has_wait;	     /* else the pool's own claim-timeout */
	uint64_t wait_us;    /* NEVER: no bound */
	uint32_t payload;    /* bytes, at least 1 */
	const char *text;    /* of that length, to write; NULL: a pattern that
			      * differs from cycle to cycle */
	uint64_t key_space;  /* keys; 0: claims name none */
	uint64_t seed;
	const struct addr *direct; /* borrowed; NULL: ask the daemon */
	unsigned direct_count;
};

/* Do cycles begin at planned moments, whatever became of those before? */
static inline bool
workload_is_open(const struct workload *w)
{
	return w->rate > 0 || w->replay != NULL;
}

#endif
