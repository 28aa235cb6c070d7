/* Users who have clients connected; see users.h. */

#include "users.h"

#include <stdlib.h>

static struct user *
find(const struct list *users, uid_t uid)
{
	struct list_node *n = list_first(users);

	for (; n != NULL; n = list_after(users, n)) {
		struct user *u = CONTAINER_OF(n, struct user, link);

		if (u->uid == uid)
			return u;
	}
	return NULL;
}

uint32_t
users_clients(const struct list *users, uid_t uid)
{
	const struct user *u = find(users, uid);

	return u == NULL ? 0 : u->clients;
}

struct user *
users_add_client(struct list *users, uid_t uid)
{
	struct user *u = find(users, uid);

	if (u == NULL) {
		u = mem_new(1, sizeof(*u));
		u->uid = uid;
		list_push_front(users, &u->link);
	}
	u->clients++;
	return u;
}

void
users_drop_client(struct list *users, struct user **user)
{
	struct user *u = *user;

	*user = NULL;
	if (u == NULL)
		return;
	u->clients--;
	if (u->clients > 0)
		return;
	ASSERT(u->claims == 0 && u->streams == 0);
	list_remove(users, &u->link);
	free(u);
}
