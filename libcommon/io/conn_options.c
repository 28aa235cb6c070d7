/* Socket options of a pooled connection; see conn_options.h. */

#include "io/conn_options.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* Of Linux 5.15, where the C library's headers may be older. */
#if defined(__linux__) && !defined(SO_BUF_LOCK)
#define SO_BUF_LOCK 72
#endif

void
conn_options_init(
    struct conn_options *o, const struct policy *policy, bool is_tcp)
{
	const struct policy_keepalive *k = &policy->tcp_keepalive;

	memset(o, 0, sizeof(*o));
	o->is_tcp = is_tcp;
	o->is_nodelay = policy->tcp_nodelay;
	o->is_keepalive = k->idle_us != NEVER;
	if (o->is_keepalive) {
		o->keep_idle_s = (int)(k->idle_us / US_PER_S);
		o->keep_interval_s = (int)(k->interval_us / US_PER_S);
		o->keep_count = (int)k->count;
	}
	if (policy->tcp_user_timeout != NEVER)
		o->user_timeout_ms =
		    (int)(policy->tcp_user_timeout / US_PER_MS);
}

/* An option that this kernel or family does not have was not changed either. */
static void
set_int(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* For those whose setting does more than to store the value. */
static void
correct_int(int fd, int level, int name, int value)
{
	int is = value;
	socklen_t len = sizeof(is);

	if (getsockopt(fd, level, name, &is, &len) == 0 && is != value)
		set_int(fd, level, name, value);
}

static void
set_keepalive(const struct conn_options *o, int fd)
{
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, o->is_keepalive);
	if (!o->is_keepalive)
		return;
#if defined(TCP_KEEPIDLE)
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, o->keep_idle_s);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, o->keep_interval_s);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, o->keep_count);
#endif
}

static void
set_tcp(const struct conn_options *o, int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, o->is_nodelay);
	set_keepalive(o, fd);
#if defined(TCP_USER_TIMEOUT)
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->user_timeout_ms);
#endif
}

void
conn_options_set(const struct conn_options *o, int fd)
{
	if (o->is_tcp)
		set_tcp(o, fd);
}

bool
conn_options_clean(int fd)
{
	int flags = fcntl(fd, F_GETFL), wanted;

	if (flags == -1)
		return false;
	wanted = flags & ~(O_NONBLOCK | O_ASYNC);
	if (flags != wanted && fcntl(fd, F_SETFL, wanted) == -1)
		return false;
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	return true;
}

static void
restore_tcp(const struct conn_options *o, int fd)
{
	set_tcp(o, fd);
	set_int(fd, SOL_SOCKET, SO_OOBINLINE, 0);
	set_int(fd, SOL_SOCKET, SO_DONTROUTE, 0);
	correct_int(fd, IPPROTO_IP, IP_TOS, 0);
	set_int(fd, IPPROTO_IP, IP_TTL, -1);
#if defined(IPV6_TCLASS)
	correct_int(fd, IPPROTO_IPV6, IPV6_TCLASS, 0);
	set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1);
#endif
#if defined(TCP_CORK)
	set_int(fd, IPPROTO_TCP, TCP_CORK, 0);
#endif
#if defined(TCP_NOTSENT_LOWAT)
	correct_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0);
#endif
#if defined(SO_MAX_PACING_RATE)
	correct_int(fd, SOL_SOCKET, SO_MAX_PACING_RATE, -1);
#endif
}

void
conn_options_restore(const struct conn_options *o, int fd)
{
	static const struct linger none = { 0, 0 };
	static const struct timeval never = { 0, 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &never, sizeof(never));
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
#if defined(SO_PEEK_OFF)
	set_int(fd, SOL_SOCKET, SO_PEEK_OFF, -1);
#endif
#if defined(SO_DETACH_FILTER)
	set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
#endif
#if defined(SO_BUF_LOCK)
	set_int(fd, SOL_SOCKET, SO_BUF_LOCK, 0);
#endif
	(void)fcntl(fd, F_SETOWN, 0);
	if (o->is_tcp)
		restore_tcp(o, fd);
#if defined(SO_PRIORITY)
	/* After IP_TOS, which sets it too. */
	set_int(fd, SOL_SOCKET, SO_PRIORITY, 0);
#endif
}
