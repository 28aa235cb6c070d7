#ifndef QORB_CLAIM_RUN_H
#define QORB_CLAIM_RUN_H

/*
 * Runs a program with a lent connection: as descriptors 6 and 7 (UCSPI), or as
 * 0 and 1, and with what UCSPI says of it in the environment. We stay as the
 * claim's owner until it has ended, and pass SIGINT, SIGTERM and SIGHUP on to
 * it, but for those that a terminal has sent to both of us.
 */

#include <stdbool.h>

#include "client/qorb_client.h"

struct run {
	char **argv;	  /* the program and its arguments, NULL at the end */
	bool is_stdio;	  /* descriptors 0 and 1 instead of 6 and 7 */
	const char *pool; /* for QORB_POOL */
};

/* Closes grant->fd as soon as the program has it, and returns the program's
 * exit code: 128 + n when signal n ended it, 127 or 126 when it could not be
 * started. *is_broken: the connection must not be used again. signals_init has
 * been called. */
int run_program(
    const struct run *run, struct qorb_grant *grant, bool *is_broken);

#endif
