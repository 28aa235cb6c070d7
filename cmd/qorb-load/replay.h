#ifndef QORB_LOAD_REPLAY_H
#define QORB_LOAD_REPLAY_H

/*
 * A run's arrivals as a file, to be had again: when each claim was due, from
 * the start of the run, and the key that it named. Text, a line each:
 *
 *     # qorb-load arrivals 1
 *     1204 -
 *     1377 42
 *
 * Microseconds that never go back, a space, a key's number or "-" for none.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/text.h"

#define REPLAY_ARRIVALS_MAX 10000000
/* The key of an arrival that names none. */
#define REPLAY_NO_KEY UINT64_MAX

struct replay_arrival {
	uint64_t at_us;
	uint64_t key;
};

struct replay {
	struct replay_arrival *arrivals; /* owned */
	size_t count;			 /* at least 1, once read */
};

void replay_write_head(FILE *out);
void replay_write(FILE *out, uint64_t at_us, uint64_t key);

/* False when the file is not one of these: why says it, with the line. */
bool replay_read(struct replay *r, FILE *in, struct text *why) MUST_CHECK;
void replay_fini(struct replay *r);

#endif
