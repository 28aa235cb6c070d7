#ifndef QORB_IO_FD_H
#define QORB_IO_FD_H

/*
 * Descriptors as things with owners, and addresses as sockets understand them.
 * Whoever holds an int in a field owns it until fd_close sets it to -1.
 */

#include <stdbool.h>
#include <sys/socket.h>

#include "core/addr.h"
#include "core/base.h"

/* Closes *fd when it is one, and sets it to -1. Keeps errno. */
void fd_close(int *fd);

/* False with errno set. */
bool fd_set_nonblocking(int fd, bool on) MUST_CHECK;
bool fd_set_cloexec(int fd) MUST_CHECK;

/* Opens each of the descriptors 0, 1 and 2 that is closed, since what is made
 * next would become it, and output end up there: on /dev/null, close-on-exec
 * and for reading only, so that an input that is not there has ended and output
 * that goes nowhere fails with EBADF. False with errno set. */
bool fd_fill_standard(void) MUST_CHECK;

/* Raises the soft limit of descriptors to the hard one; the limit in force. */
uint64_t fd_raise_limit(void);

/* struct addr to struct sockaddr; returns the length used. */
socklen_t addr_to_sockaddr(
    const struct addr *addr, struct sockaddr_storage *sa);

/* The other way; ADDR_NONE for a family that we do not know. */
void addr_from_sockaddr(const struct sockaddr_storage *sa, struct addr *addr);

/* A listening stream socket, close-on-exec and non-blocking, SO_REUSEADDR;
 * -1 with errno. *bound is what it listens on (port 0 made real). Not for
 * Unix sockets. Whether [::] takes IPv4 clients too is the system's choice. */
int fd_listen(
    const struct addr *addr, int backlog, struct addr *bound) MUST_CHECK;

/* The next client of a listening socket, close-on-exec and non-blocking, and
 * its address; -1 with errno. */
int fd_accept(int listener, struct addr *peer) MUST_CHECK;

/* Monotonic clock in microseconds, and the time of day in microseconds since
 * the epoch. */
uint64_t clock_us(void);
uint64_t clock_wall_us(void);

#endif
