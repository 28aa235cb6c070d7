#ifndef QORB_CLAIM_PIPE_H
#define QORB_CLAIM_PIPE_H

/*
 * A lent connection as part of a pipeline: standard input to it, its answer to
 * standard output, both at once, until the answer has ended. The end of the
 * input does not close the connection's other direction, as it could not be
 * used again then.
 */

#include <stdbool.h>
#include <stdint.h>

#include "answer.h"

struct pipe_job {
	int conn; /* borrowed */
	struct answer *answer;
	uint64_t timeout_us; /* for all of it, or NEVER */
	const char *pool;    /* for messages */
	const char *backend;
};

/* Returns the exit code; anything but 0 (said on stderr) means that the
 * connection must not be used again. Closes nothing. signals_init has been
 * called, and SIGPIPE is ignored. */
int pipe_run(const struct pipe_job *job);

#endif
