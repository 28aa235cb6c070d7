#ifndef QORB_FDS_H
#define QORB_FDS_H

/*
 * Descriptors on their way from the daemon to the lines that they belong to.
 * The k-th `ok claim=` line of a connection belongs to the k-th descriptor
 * that came on it, so this is a FIFO; what makes it more than that is the
 * kernel, which drops descriptors for which the process has no room, and says
 * only that it dropped some (MSG_CTRUNC), not how many.
 *
 * So that no claim ever gets another's descriptor: a batch of descriptors
 * comes with the first byte of the first line that it is for. After a loss we
 * read single bytes until descriptors come again; then the position of that
 * byte is exactly where the lines of the new batch begin, and every claim line
 * that starts before it, and finds no descriptor of an older batch, has lost
 * its own. Slow for that moment, never wrong. That holds as long as a batch
 * travels in one message with the whole of its lines; one that begins in the
 * middle of a line shows that an earlier one did not, and ends the connection.
 *
 * Positions count the bytes of the connection from its start.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Most descriptors in one message, by the protocol. */
#define QORB_FDS_BATCH 64

/* Most descriptors that may wait for their lines; a daemon that sends more is
 * broken. 64 KiB of the shortest lines are fewer. */
#define QORB_FDS_MAX 8192

struct qorb_fd {
	int fd;		/* owned until taken */
	uint64_t start; /* lines before this position are not its own */
};

struct qorb_fds {
	struct qorb_fd *ring; /* owned, cap items */
	size_t cap;	      /* 0 or a power of two */
	size_t head;
	size_t count;
	bool is_lossy;	  /* some were dropped, and none has come since */
	bool is_mid_line; /* the last byte read was no LF */
};

enum qorb_fds_status {
	QORB_FDS_TAKEN,	  /* here it is */
	QORB_FDS_LOST,	  /* the kernel had to drop it */
	QORB_FDS_MISSING, /* none was sent */
};

void qorb_fds_fini(struct qorb_fds *fds);

/* recvmsg without blocking into buf, which receives the bytes from `position`
 * on; at most one byte after a loss. As recv otherwise; errno EOVERFLOW when
 * descriptors come that no line can be for, EPROTO when after a loss nobody can
 * tell which lines they are for. */
ssize_t qorb_fds_recv(
    struct qorb_fds *fds, int sock, char *buf, size_t room, uint64_t position);

/* The descriptor of the next `ok claim=` line, which starts at position; the
 * caller owns it then. *fd is -1 for the other two answers. */
enum qorb_fds_status qorb_fds_take(
    struct qorb_fds *fds, uint64_t position, int *fd);

#endif
