#ifndef QORB_POOL_OUT_H
#define QORB_POOL_OUT_H

/*
 * What is to be sent to one client: bytes, and descriptors that go with some of
 * the lines. A descriptor leaves no later than the first byte of its line; up
 * to OUT_FDS_MAX go with one sendmsg.
 *
 * Room for OUT_BYTES and OUT_FDS_MAX descriptors is there from the beginning,
 * and what is full is sent (out_has_room, out_flush) before more is added: so
 * nothing is allocated for a client that reads. For one that does not, the
 * buffer grows, and stays.
 *
 * Descriptors that were sent and not read are in flight. The kernel allows a
 * user only so many of them (RLIMIT_NOFILE; ETOOMANYREFS), and those that lie
 * with one peer count until it reads or closes, whatever we do. Nothing tells
 * how many have been read, only whether all have: that is what in_flight goes
 * by.
 *
 * A descriptor belongs to its connection while the turn lasts; if it cannot be
 * sent by then, out_keep makes a duplicate that is owned here, since the
 * connection may be closed meanwhile.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "core/text.h"

#define OUT_FDS_MAX 64

/* The buffer at first: OUT_FDS_MAX lines of claims. */
#define OUT_BYTES ((size_t)8 * 1024)

/* Bytes of a message that has descriptors; a line is shorter. */
#define OUT_MESSAGE_MAX ((size_t)16 * 1024)

struct out_fd {
	int fd;
	bool is_owned; /* a duplicate, closed when it was sent */
	size_t at;     /* offset of its line in all bytes ever queued */
};

struct out {
	char *buf; /* owned */
	size_t cap, head, tail;
	size_t gone;	    /* bytes ever sent: offset of head */
	bool is_mid_line;   /* head is inside a line */
	struct out_fd *fds; /* owned ring */
	size_t fd_cap, fd_head, fd_count;
	size_t kept;	  /* fds that are owned */
	size_t in_flight; /* sent since all that was sent was seen to be read */
};

enum out_result {
	OUT_EMPTY,   /* all is sent */
	OUT_BLOCKED, /* the client does not read as fast */
	OUT_UNREAD,  /* as many descriptors as may be are in flight */
	OUT_NO_FDS,  /* the kernel takes no more descriptors just now */
	OUT_BROKEN,  /* the client is gone */
};

void out_init(struct out *o);
void out_fini(struct out *o);

static inline size_t
out_pending(const struct out *o)
{
	return o->tail - o->head;
}

/* Would a line of so many characters, with its descriptor, need no memory? */
static inline bool
out_has_room(const struct out *o, size_t room)
{
	return o->cap - out_pending(o) > room && o->fd_count < o->fd_cap;
}

/* Forgets all that is queued. */
void out_clear(struct out *o);

/* A text of at most `room` characters to be appended: out_begin, add to the
 * text, out_end. The text must not be cut. */
struct text out_begin(struct out *o, size_t room);
void out_end(struct out *o, const struct text *t);

/* The line that begins at the end of the queue comes with this descriptor. */
void out_attach(struct out *o, int fd);

/* Sends what the kernel takes, with at most so many descriptors in flight. */
enum out_result out_flush(struct out *o, int socket, size_t in_flight_max);

/* Counts again what is in flight: 0 when all that was sent has been read. */
void out_look(struct out *o, int socket);

/* Makes unsent descriptors its own. False: one could not be duplicated, and the
 * client cannot be given what it was promised. */
bool out_keep(struct out *o) MUST_CHECK;

#endif
