#ifndef QORB_IO_SOCKET_VIEW_H
#define QORB_IO_SOCKET_VIEW_H

/*
 * What the kernel knows of a connection that others use: whether it is open
 * both ways, where it tells (Linux, TCP_INFO, which costs a microsecond),
 * whether it is over, and whether bytes are still unsent or unacknowledged. A
 * module of its own, since the C library's header of TCP knows less than the
 * kernel's and the two cannot be included together.
 */

#include <stdbool.h>

enum socket_view_state {
	SOCKET_VIEW_UNKNOWN,	    /* the system does not tell more */
	SOCKET_VIEW_OPEN,	    /* in both directions */
	SOCKET_VIEW_CLOSED_BY_PEER, /* the other side has sent its end */
	SOCKET_VIEW_GONE,	    /* reset, timed out, or ended by both; all
				     * that a Unix socket says of its end */
	SOCKET_VIEW_OTHER,	    /* shut down by us, or on the way there */
};

enum socket_view_state socket_view(int fd);

/* The peer has not acknowledged everything, or, of a Unix socket, not read it.
 */
bool socket_view_is_unsent(int fd);

#endif
