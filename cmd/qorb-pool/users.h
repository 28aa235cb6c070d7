#ifndef QORB_POOL_USERS_H
#define QORB_POOL_USERS_H

/*
 * The users who have clients connected, with what each has of what there is
 * only so much of, so that one of them cannot take it all. A user is known
 * while a client of theirs is.
 */

#include <stdint.h>
#include <sys/types.h>

#include "core/list.h"

struct user {
	struct list_node link;
	uid_t uid;
	uint32_t clients;
	uint32_t claims; /* waiting and held */
	uint32_t streams;
	uint64_t in_flight; /* descriptors sent and not known to be read */
};

/* Clients that this user has, 0 for one who is not known. */
uint32_t users_clients(const struct list *users, uid_t uid);

/* Counts a client of this user. */
struct user *users_add_client(struct list *users, uid_t uid);

/* A client of theirs, with no claim any more, goes; *user becomes NULL. */
void users_drop_client(struct list *users, struct user **user);

#endif
