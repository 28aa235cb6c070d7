#ifndef QORB_POOL_PEER_H
#define QORB_POOL_PEER_H

/* Who is at the other end of a Unix socket, as the kernel knows it; never as
 * the peer says. */

#include <stdbool.h>
#include <sys/types.h>

#include "core/base.h"

struct peer {
	pid_t pid; /* 0 where the system does not tell */
	uid_t uid;
	gid_t gid;
};

bool peer_of(int fd, struct peer *peer) MUST_CHECK;

#endif
