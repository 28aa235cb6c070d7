#include "client/qorb_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_CMSG_CLOEXEC /* macOS and older systems: see keep_cloexec */
#define MSG_CMSG_CLOEXEC 0
#endif

#define FIRST_CAP 16

void
qorb_fds_fini(struct qorb_fds *fds)
{
	while (fds->count > 0) {
		close(fds->ring[fds->head].fd);
		fds->head = (fds->head + 1) & (fds->cap - 1);
		fds->count--;
	}
	free(fds->ring);
	*fds = (struct qorb_fds){ 0 };
}

static bool
grow(struct qorb_fds *fds)
{
	size_t cap = fds->cap == 0 ? FIRST_CAP : fds->cap * 2;
	struct qorb_fd *ring;

	if (cap > QORB_FDS_MAX)
		return false;
	ring = calloc(cap, sizeof(*ring));
	if (ring == NULL)
		return false;
	for (size_t i = 0; i < fds->count; i++)
		ring[i] = fds->ring[(fds->head + i) & (fds->cap - 1)];
	free(fds->ring);
	fds->ring = ring;
	fds->cap = cap;
	fds->head = 0;
	return true;
}

static bool
push(struct qorb_fds *fds, int fd, uint64_t start)
{
	if (fds->count == fds->cap && !grow(fds))
		return false;
	fds->ring[(fds->head + fds->count++) & (fds->cap - 1)] =
	    (struct qorb_fd){ .fd = fd, .start = start };
	return true;
}

static void
keep_cloexec(int fd)
{
	if (MSG_CMSG_CLOEXEC == 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Takes over the descriptors of one control message; 0, or the errno that says
 * why they cannot be kept. */
static int
take_in(struct qorb_fds *fds, struct cmsghdr *control, uint64_t position)
{
	size_t n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	uint64_t start = fds->is_lossy ? position : 0;
	int e = fds->is_lossy && fds->is_mid_line ? EPROTO : 0;

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
		keep_cloexec(fd);
		if (e == 0 && !push(fds, fd, start))
			e = EOVERFLOW;
		if (e != 0)
			close(fd);
	}
	return e;
}

static int
take_in_all(struct qorb_fds *fds, struct msghdr *message, uint64_t position)
{
	bool is_lossy = (message->msg_flags & MSG_CTRUNC) != 0;
	bool has_any = false;
	int e = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
	     c = CMSG_NXTHDR(message, c)) {
		int bad;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		has_any = true;
		bad = take_in(fds, c, position);
		e = e == 0 ? bad : e;
	}
	fds->is_lossy = is_lossy || (fds->is_lossy && !has_any);
	return e;
}

ssize_t
qorb_fds_recv(
    struct qorb_fds *fds, int sock, char *buf, size_t room, uint64_t position)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(QORB_FDS_BATCH * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buf,
		.iov_len = fds->is_lossy && room > 1 ? 1 : room };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;
	int e;

	do {
		n = recvmsg(sock, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return n;
	e = take_in_all(fds, &message, position);
	if (n > 0)
		fds->is_mid_line = buf[n - 1] != '\n';
	errno = e;
	return e == 0 ? n : -1;
}

enum qorb_fds_status
qorb_fds_take(struct qorb_fds *fds, uint64_t position, int *fd)
{
	struct qorb_fd *first;

	*fd = -1;
	if (fds->count == 0)
		return fds->is_lossy ? QORB_FDS_LOST : QORB_FDS_MISSING;
	first = &fds->ring[fds->head];
	if (position < first->start)
		return QORB_FDS_LOST;
	*fd = first->fd;
	fds->head = (fds->head + 1) & (fds->cap - 1);
	fds->count--;
	return QORB_FDS_TAKEN;
}
