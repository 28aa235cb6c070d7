#ifndef QORB_LOAD_FAILURE_H
#define QORB_LOAD_FAILURE_H

/*
 * Why a cycle did not end well: the protocol's errors (core/error.h) and those
 * that only the holder of a connection can see, as one range of numbers, so
 * that one array counts them all.
 */

#include <stdbool.h>

#include "core/error.h"

/* X(NAME, "code", "meaning") */
#define FAILURE_TABLE(X)                                                       \
	X(IO_CLOSED, "io-closed", "the backend closed the lent connection")    \
	X(IO_RESET, "io-reset", "the lent connection was reset")               \
	X(IO_FAILED, "io-failed", "the lent connection failed in another way") \
	X(ECHO_WRONG, "echo-wrong", "what came back is not what was sent")     \
	X(ECHO_TIMEOUT, "echo-timeout", "the echo was not back in time")       \
	X(FD_LOST, "fd-lost", "the lent descriptor could not be received")     \
	X(CONNECT_FAILED, "connect-failed", "no connection could be made")     \
	X(CONNECT_TIMEOUT, "connect-timeout", "no connection in time")         \
	X(NO_LOCAL_PORT, "no-local-port",                                      \
	    "all local ports are in use or rest after a close")                \
	X(DAEMON_LOST, "daemon-lost", "the daemon went away")                  \
	X(UNKNOWN, "unknown-error", "the daemon gave a code not known here")

/* A failure is an enum error but ERR_NONE, or one of these. */
enum failure {
	FAILURE_BEFORE_OWN = ERROR_COUNT - 1,
#define X(name, code, text) FAILURE_##name,
	FAILURE_TABLE(X)
#undef X
	    FAILURE_COUNT,
};

/* Static strings. */
const char *failure_code(unsigned failure);
const char *failure_text(unsigned failure);

/* The failure with this code; FAILURE_UNKNOWN when there is none. */
unsigned failure_of_code(const char *code);

/* Did it happen on a connection that was had? Else no connection was had. */
bool failure_is_server(unsigned failure);

/* Would every further claim fail the same way, so that trying on makes no
 * sense? */
bool failure_is_final(unsigned failure);

#endif
