/* The queue of what a client is to get; see out.h. */

#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/socket_view.h"

void
out_init(struct out *o)
{
	memset(o, 0, sizeof(*o));
	o->cap = OUT_BYTES;
	o->buf = mem_new(o->cap, 1);
	o->fd_cap = OUT_FDS_MAX;
	o->fds = mem_new(o->fd_cap, sizeof(o->fds[0]));
}

static struct out_fd *
fd_at(const struct out *o, size_t i)
{
	return &o->fds[(o->fd_head + i) % o->fd_cap];
}

struct text
out_begin(struct out *o, size_t room)
{
	struct text t;

	if (o->head > 0 && o->cap - o->tail <= room) {
		memmove(o->buf, o->buf + o->head, o->tail - o->head);
		o->tail -= o->head;
		o->head = 0;
	}
	if (o->cap - o->tail <= room) {
		size_t cap = o->cap;

		while (cap - o->tail <= room)
			cap *= 2;
		o->buf = mem_grow(o->buf, o->cap, cap, 1);
		o->cap = cap;
	}
	text_init(&t, o->buf + o->tail, room + 1);
	return t;
}

void
out_end(struct out *o, const struct text *t)
{
	ASSERT(!t->is_cut && t->buf == o->buf + o->tail);
	o->tail += t->len;
}

void
out_attach(struct out *o, int fd)
{
	if (o->fd_count == o->fd_cap) {
		size_t cap = 2 * o->fd_cap;
		struct out_fd *fds = mem_new(cap, sizeof(*fds));

		for (size_t i = 0; i < o->fd_count; i++)
			fds[i] = *fd_at(o, i);
		free(o->fds);
		o->fds = fds;
		o->fd_cap = cap;
		o->fd_head = 0;
	}
	o->fd_count++;
	*fd_at(o, o->fd_count - 1) =
	    (struct out_fd){ fd, false, o->gone + out_pending(o) };
}

/* Bytes from head to the end of the line that begins at this offset. */
static size_t
span_of_line(const struct out *o, size_t at)
{
	size_t from = at - o->gone;
	const char *end =
	    memchr(o->buf + o->head + from, '\n', out_pending(o) - from);

	ASSERT(end != NULL);
	return (size_t)(end + 1 - (o->buf + o->head));
}

/*
 * How much goes with the next message, and how many descriptors, of which there
 * are to be at most so many; 0 when they are what is next. A message that
 * has descriptors begins with a line, ends with a line, holds all lines that
 * its descriptors are for, and is small enough that the kernel takes all of it
 * or nothing: so a client whose kernel dropped descriptors can still tell which
 * lines the next ones are for.
 */
static size_t
next_message(const struct out *o, size_t fds_max, size_t *fds)
{
	size_t len, next;

	if (fds_max > OUT_FDS_MAX)
		fds_max = OUT_FDS_MAX;
	*fds = 0;
	if (o->fd_count == 0)
		return out_pending(o);
	len = fd_at(o, 0)->at - o->gone;
	if (o->is_mid_line && len > 0)
		return len;
	while (*fds < o->fd_count && *fds < fds_max) {
		next = span_of_line(o, fd_at(o, *fds)->at);
		if (next > OUT_MESSAGE_MAX)
			break;
		len = next;
		++*fds;
	}
	return len;
}

static ssize_t
send_some(struct out *o, int socket, size_t len, size_t count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(OUT_FDS_MAX * sizeof(int))];
	} control;
	int fds[OUT_FDS_MAX];
	struct iovec iov = { o->buf + o->head, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	for (size_t i = 0; i < count; i++)
		fds[i] = fd_at(o, i)->fd;
	if (count > 0) {
		struct cmsghdr *c = &control.header;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* All descriptors of a message go with its first byte. */
static void
drop_fds(struct out *o, size_t count)
{
	while (count-- > 0) {
		struct out_fd *f = fd_at(o, 0);

		if (f->is_owned) {
			fd_close(&f->fd);
			o->kept--;
		}
		o->fd_head = (o->fd_head + 1) % o->fd_cap;
		o->fd_count--;
	}
}

void
out_clear(struct out *o)
{
	drop_fds(o, o->fd_count);
	o->gone += out_pending(o);
	o->head = o->tail = 0;
}

void
out_fini(struct out *o)
{
	out_clear(o);
	free(o->buf);
	free(o->fds);
	memset(o, 0, sizeof(*o));
}

void
out_look(struct out *o, int socket)
{
	if (o->in_flight > 0 && !socket_view_is_unsent(socket))
		o->in_flight = 0;
}

static enum out_result
why_unsent(void)
{
	switch (errno) {
	case EAGAIN:
		return OUT_BLOCKED;
	case ETOOMANYREFS:
	case ENOBUFS:
		return OUT_NO_FDS;
	default:
		return OUT_BROKEN;
	}
}

enum out_result
out_flush(struct out *o, int socket, size_t in_flight_max)
{
	/* One who asks again has most often read what came before: then it is
	 * seen, long before the limit is. */
	if (o->in_flight >= OUT_FDS_MAX || o->in_flight >= in_flight_max)
		out_look(o, socket);
	while (out_pending(o) > 0) {
		size_t fds = 0, room = 0, len;
		ssize_t n;

		if (o->in_flight < in_flight_max)
			room = in_flight_max - o->in_flight;
		len = next_message(o, room, &fds);
		if (len == 0) {
			out_look(o, socket);
			if (o->in_flight >= in_flight_max)
				return OUT_UNREAD;
			continue;
		}
		n = send_some(o, socket, len, fds);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return why_unsent();
		drop_fds(o, fds);
		o->in_flight += fds;
		o->head += (size_t)n;
		o->gone += (size_t)n;
		o->is_mid_line = o->buf[o->head - 1] != '\n';
	}
	o->head = o->tail = 0;
	return OUT_EMPTY;
}

bool
out_keep(struct out *o)
{
	for (size_t i = 0; i < o->fd_count; i++) {
		struct out_fd *f = fd_at(o, i);
		int copy;

		if (f->is_owned)
			continue;
		copy = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
		if (copy == -1)
			return false;
		f->fd = copy;
		f->is_owned = true;
		o->kept++;
	}
	return true;
}
