#ifndef QORB_CORE_BACKEND_H
#define QORB_CORE_BACKEND_H

/*
 * A backend as a source names it: one address of one instance of a service.
 * Name and address together are its identity: a name with two addresses is two
 * backends, and so are two ports of one target. Sources hand arrays of these
 * to the pool, which copies what it keeps.
 */

#include <stdint.h>

#include "core/addr.h"

/* TARGET:PORT, a DNS name in presentation form (255 bytes, each at most four
 * characters when escaped, is refused above this) and its NUL. */
#define BACKEND_NAME_BYTES 320

/* Who names it; a backend may have several. */
enum backend_source {
	SOURCE_STATIC = 1 << 0,
	SOURCE_DNS = 1 << 1,
	SOURCE_ADVERTISED = 1 << 2,
	SOURCE_SAVED = 1 << 3, /* from the state file, until DNS has spoken */
};

struct backend_spec {
	const char *name;  /* borrowed for the call */
	struct addr addr;  /* never ADDR_NONE */
	uint16_t priority; /* SRV: the lowest is used first */
	uint16_t weight;   /* SRV: share inside a priority; 0 is a small one */
	uint32_t ttl_s;	   /* of its records, 0 for none or a static one */
	unsigned sources;  /* of enum backend_source */
};

#endif
