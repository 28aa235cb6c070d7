#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

_Static_assert(ADDR_PATH_BYTES <= sizeof(((struct sockaddr_un *)0)->sun_path),
    "a path that parses must fit into a socket's address");

void
fd_close(int *fd)
{
	int saved = errno;

	/* Not again after EINTR: on Linux the number is free by then. */
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

bool
fd_set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;

	if (flags < 0)
		return false;
	return wanted == flags || fcntl(fd, F_SETFL, wanted) == 0;
}

bool
fd_set_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0;
}

bool
fd_fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* Those below are open: it becomes the lowest that is free. */
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", O_RDONLY | O_CLOEXEC) != fd)
			return false;
	}
	return true;
}

uint64_t
fd_raise_limit(void)
{
	struct rlimit old, raised;

	if (getrlimit(RLIMIT_NOFILE, &old) != 0)
		return 0;
	raised = old;
	raised.rlim_cur = old.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &raised) != 0)
		raised = old;
	return raised.rlim_cur == RLIM_INFINITY ? UINT64_MAX : raised.rlim_cur;
}

socklen_t
addr_to_sockaddr(const struct addr *addr, struct sockaddr_storage *sa)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memset(sa, 0, sizeof(*sa));
	switch (addr->kind) {
	case ADDR_INET:
		in.sin_port = htons(addr->port);
		memcpy(&in.sin_addr, addr->ip, 4);
		memcpy(sa, &in, sizeof(in));
		return sizeof(in);
	case ADDR_INET6:
		in6.sin6_port = htons(addr->port);
		memcpy(&in6.sin6_addr, addr->ip, 16);
		memcpy(sa, &in6, sizeof(in6));
		return sizeof(in6);
	case ADDR_UNIX:
		memcpy(un.sun_path, addr->path, strlen(addr->path) + 1);
		memcpy(sa, &un, sizeof(un));
		return sizeof(un);
	case ADDR_NONE:
		break;
	}
	ASSERT(addr->kind != ADDR_NONE);
	return 0;
}

void
addr_from_sockaddr(const struct sockaddr_storage *sa, struct addr *addr)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;

	memset(addr, 0, sizeof(*addr));
	switch (sa->ss_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		addr->kind = ADDR_INET;
		addr->port = ntohs(in.sin_port);
		memcpy(addr->ip, &in.sin_addr, 4);
		return;
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		addr->kind = ADDR_INET6;
		addr->port = ntohs(in6.sin6_port);
		memcpy(addr->ip, &in6.sin6_addr, 16);
		return;
	case AF_UNIX:
		memcpy(&un, sa, sizeof(un));
		addr->kind = ADDR_UNIX;
		memcpy(addr->path, un.sun_path, ADDR_PATH_BYTES - 1);
		return;
	default:
		return;
	}
}

/* Where a socket cannot be born close-on-exec and non-blocking. */
#if !defined(SOCK_CLOEXEC) || !defined(SOCK_NONBLOCK)
static int
prepared(int fd)
{
	if (fd >= 0 && (!fd_set_cloexec(fd) || !fd_set_nonblocking(fd, true)))
		fd_close(&fd);
	return fd;
}

#define socket_new(family)	prepared(socket(family, SOCK_STREAM, 0))
#define accept_new(fd, sa, len) prepared(accept(fd, sa, len))
#else
#define BORN			(SOCK_CLOEXEC | SOCK_NONBLOCK)
#define socket_new(family)	socket(family, SOCK_STREAM | BORN, 0)
#define accept_new(fd, sa, len) accept4(fd, sa, len, BORN)
#endif

int
fd_accept(int listener, struct addr *peer)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	int fd = accept_new(listener, (struct sockaddr *)&sa, &len);

	if (fd >= 0)
		addr_from_sockaddr(&sa, peer);
	return fd;
}

static bool
listen_on(int fd, const struct addr *addr, int backlog, struct addr *bound)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(addr, &sa);
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&sa, len) != 0 ||
	    listen(fd, backlog) != 0)
		return false;
	len = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		return false;
	addr_from_sockaddr(&sa, bound);
	return true;
}

int
fd_listen(const struct addr *addr, int backlog, struct addr *bound)
{
	int family = addr->kind == ADDR_INET6 ? AF_INET6 : AF_INET;
	int fd;

	ASSERT(addr->kind == ADDR_INET || addr->kind == ADDR_INET6);
	fd = socket_new(family);
	if (fd >= 0 && !listen_on(fd, addr, backlog, bound))
		fd_close(&fd);
	return fd;
}

static uint64_t
clock_read_us(clockid_t id)
{
	struct timespec ts;

	/* Fails for a clock that the system does not have alone. */
	if (clock_gettime(id, &ts) != 0)
		assert_failed(__FILE__, __LINE__, "no such clock");
	return (uint64_t)ts.tv_sec * US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
clock_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_us(void)
{
	return clock_read_us(CLOCK_REALTIME);
}
