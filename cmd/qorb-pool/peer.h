#ifndef QORB_POOL_PEER_H
#define QORB_POOL_PEER_H

/* Who is at the other end of a Unix socket, as the kernel knows it; never as
 * the peer says. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base.h"

struct peer {
	pid_t pid; /* 0 where the system does not tell */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned; supplementary ones, once asked for */
	size_t group_count;
	char program[16]; /* "": not asked for yet */
};

bool peer_of(int fd, struct peer *peer) MUST_CHECK;

/* Adds the supplementary groups: those of the process when it connected; where
 * the system does not tell, those that its user has. What cannot be found out
 * is left out, which can only take rights away. */
void peer_get_groups(int fd, struct peer *peer);
/* The name of its program when this was first asked, "?" where the system does
 * not tell. */
const char *peer_program(struct peer *peer);
void peer_fini(struct peer *peer);

bool peer_is_member(const struct peer *peer, gid_t gid);

#endif
