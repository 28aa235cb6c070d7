/* The kernel's view of a connection; see tcp_view.h. */

#include "io/tcp_view.h"

#include <netinet/in.h>
#include <stddef.h>
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

static bool
has_unsent_bytes(int fd)
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

void
tcp_view(int fd, struct tcp_view *view)
{
#if defined(__linux__)
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	    len > offsetof(struct tcp_info, tcpi_notsent_bytes)) {
		view->state = TCP_VIEW_OTHER;
		if (info.tcpi_state == ESTABLISHED)
			view->state = TCP_VIEW_OPEN;
		else if (info.tcpi_state == CLOSE_WAIT)
			view->state = TCP_VIEW_CLOSED_BY_PEER;
		else if (info.tcpi_state == CLOSE)
			view->state = TCP_VIEW_GONE;
		view->is_unsent =
		    info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0;
		return;
	}
#endif
	view->state = TCP_VIEW_UNKNOWN;
	view->is_unsent = has_unsent_bytes(fd);
}
