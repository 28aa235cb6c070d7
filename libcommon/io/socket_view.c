/* The kernel's view of a connection; see socket_view.h. */

#include "io/socket_view.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#if defined(__linux__)
#include <linux/sockios.h>
#include <linux/tcp.h>

/* RFC 9293, numbered as the kernel does. */
#define ESTABLISHED 1
#define CLOSE	    7
#define CLOSE_WAIT  8
#endif

bool
socket_view_is_unsent(int fd)
{
	int n = 0;

#if defined(SIOCOUTQ)
	if (ioctl(fd, SIOCOUTQ, &n) == -1)
		return false;
#elif defined(FIONWRITE)
	if (ioctl(fd, FIONWRITE, &n) == -1)
		return false;
#else
	(void)fd;
#endif
	return n > 0;
}

/* In both directions: what poll tells of any socket, without asking. */
static bool
is_over(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

enum socket_view_state
socket_view(int fd)
{
#if defined(__linux__)
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
		switch (info.tcpi_state) {
		case ESTABLISHED:
			return SOCKET_VIEW_OPEN;
		case CLOSE_WAIT:
			return SOCKET_VIEW_CLOSED_BY_PEER;
		case CLOSE:
			return SOCKET_VIEW_GONE;
		default:
			return SOCKET_VIEW_OTHER;
		}
	}
#endif
	return is_over(fd) ? SOCKET_VIEW_GONE : SOCKET_VIEW_UNKNOWN;
}
