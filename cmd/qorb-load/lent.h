#ifndef QORB_LOAD_LENT_H
#define QORB_LOAD_LENT_H

/* A connection lent to a task, as its grant says it. */

#include <stdint.h>

struct lent {
	int fd; /* owned by whoever is handed this */
	uint64_t claim;
	uint64_t slot;
	uint64_t connection; /* tells those of a slot apart; 0: it is of no
			      * pool */
	const char *backend; /* borrowed for the call */
};

#endif
