#ifndef QORB_IO_CONN_OPTIONS_H
#define QORB_IO_CONN_OPTIONS_H

/*
 * The options of a pooled connection's socket, which all share who hold a
 * duplicate of its descriptor: what one client sets, the next one would find.
 *
 * Put back whenever a connection comes back (conn_options_clean), since they
 * change what reading and writing mean, or hide from poll what is there:
 * O_NONBLOCK, O_ASYNC, SO_RCVLOWAT.
 *
 * Put back before anybody but the same client, in the same turn, has it again
 * (conn_options_restore): TCP_NODELAY, keepalive and its times and
 * TCP_USER_TIMEOUT, to what the policy says; SO_RCVTIMEO, SO_SNDTIMEO,
 * SO_PEEK_OFF, SO_LINGER, SO_OOBINLINE, SO_DONTROUTE, TCP_CORK,
 * TCP_NOTSENT_LOWAT, SO_MAX_PACING_RATE, IP_TOS, IP_TTL, IPV6_TCLASS,
 * IPV6_UNICAST_HOPS, SO_PRIORITY, the lock on the sizes of SO_RCVBUF and
 * SO_SNDBUF, a filter, F_SETOWN, to what a new socket has.
 *
 * Left: TCP_QUICKACK, which the kernel itself forgets; TCP_CONGESTION,
 * TCP_WINDOW_CLAMP, TCP_TX_DELAY, TCP_LINGER2, IP_MTU_DISCOVER, SO_BUSY_POLL,
 * SO_ZEROCOPY and the sizes of buffers, which cost speed at most and whose
 * value before nobody knows; O_APPEND, which a socket does not know; what is
 * told with bytes (time stamps, IP_RECVTOS, TCP_INQ, SO_RXQ_OVFL), which only
 * who looks for it sees; the times of keepalive where the policy has none,
 * which are idle then; SO_MARK and others that take a privilege; and what
 * cannot be undone: a TCP_ULP such as the kernel's TLS and a locked filter,
 * which a connector's on-recycle finds. Whoever does that has to release the
 * claim as broken.
 *
 * One call of the system each, which is why the second list has to wait:
 * docs/decisions/lending.md.
 */

#include <stdbool.h>

#include "core/base.h"
#include "core/policy.h"

/* What the policy said when the connection was made. */
struct conn_options {
	bool is_tcp, is_nodelay, is_keepalive;
	int keep_idle_s, keep_interval_s, keep_count;
	int user_timeout_ms; /* 0: the system's */
};

void conn_options_init(
    struct conn_options *o, const struct policy *policy, bool is_tcp);

/* Of a new socket. */
void conn_options_set(const struct conn_options *o, int fd);

/* False: the descriptor is not usable. */
bool conn_options_clean(int fd) MUST_CHECK;

void conn_options_restore(const struct conn_options *o, int fd);

#endif
