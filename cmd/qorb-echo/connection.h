#ifndef QORB_ECHO_CONNECTION_H
#define QORB_ECHO_CONNECTION_H

/*
 * One client of the echo server: what it sends goes back to it. At most one
 * read's worth of bytes is held at a time and nothing is read while they wait
 * to be sent, so a client that only writes is slowed down by its own full
 * window and costs CONNECTION_BYTES at most; an idle one holds no buffer.
 *
 * SIGPIPE has to be ignored. A connection ends by itself, which its owner is
 * told, or is ended by its owner with connection_free.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/base.h"

struct event_base;
struct connection;

/* Most bytes held for a client, and the size of the owner's scratch space. */
#define CONNECTION_BYTES 16384

/* Why a connection has ended. */
enum connection_end {
	END_CLIENT,  /* the client closed it, and has all its bytes back */
	END_LIMIT,   /* close_after bytes went back */
	END_RESET,   /* the client closed it with bytes on their way */
	END_LOST,    /* another error, or no memory for its bytes */
	END_STOPPED, /* by its owner */
};

/* In a few words. */
const char *connection_end_text(enum connection_end how);

/* What all connections of a server have in common; outlives them. */
struct connection_owner {
	struct event_base *base; /* borrowed */
	char *scratch;		 /* borrowed, CONNECTION_BYTES to read into */
	uint64_t delay_us;	 /* from reading to answering */
	uint64_t close_after;	 /* bytes answered, then closed; 0: never */
	/* The connection has ended by itself and is to be freed now. */
	void (*on_end)(
	    void *ctx, struct connection *c, enum connection_end how);
	void *ctx;
};

/* Starts to serve a client. Owns fd (non-blocking) from then on; NULL when
 * memory is short, and fd is closed. A hung one reads and never answers. */
struct connection *connection_new(const struct connection_owner *owner, int fd,
    const struct addr *peer, bool is_hung) MUST_CHECK;

/* Closes and frees it, and clears *c. */
void connection_free(struct connection **c);

const struct addr *connection_peer(const struct connection *c);

/* Bytes sent back so far. */
uint64_t connection_bytes(const struct connection *c);

/* For its owner's list. */
struct connection_link {
	struct connection_link *next;
	struct connection_link *prev;
};

struct connection_link *connection_link(struct connection *c);
struct connection *connection_of_link(struct connection_link *link);

#endif
