#ifndef QORB_CLAIM_SIGNALS_H
#define QORB_CLAIM_SIGNALS_H

/*
 * Signals as something that poll can wait for: handlers write them into a pipe.
 * Caught are SIGINT, SIGTERM and SIGHUP, each unless it was ignored when the
 * program started (nohup, a shell's background job), and SIGCHLD.
 */

#include <stdbool.h>

#include "core/base.h"

struct caught {
	int signo;
	bool is_from_kernel; /* a terminal sent it, and to its whole
			      * foreground process group */
};

/* Starts catching; false with errno. */
bool signals_init(void) MUST_CHECK;

/* For poll, readable when one has come. */
int signals_fd(void);

/* The next one, without waiting. */
bool signals_next(struct caught *caught);

/* In a child before exec: as they were before. */
void signals_reset(void);

#endif
