/* Who may do what; see rights.h. */

#include "rights.h"

#include <unistd.h>

#include "client.h"
#include "core/config.h"
#include "daemon.h"
#include "service.h"

static bool
is_named(const struct peer *peer, const struct config_principal *p)
{
	return p->is_group ? peer_is_member(peer, (gid_t)p->id)
			   : peer->uid == (uid_t)p->id;
}

static bool
is_allowed(const struct peer *peer, const struct config_pool *pool)
{
	if (pool->allow_count == 0)
		return true;
	for (size_t i = 0; i < pool->allow_count; i++) {
		if (is_named(peer, &pool->allow[i]))
			return true;
	}
	return false;
}

const char *
rights_refuse(
    const struct client *c, enum verb_right right, const struct service *s)
{
	const struct config_principal *admins = &c->daemon->config->admin_group;

	if (c->peer.uid == 0 || c->peer.uid == geteuid())
		return NULL;
	switch (right) {
	case RIGHT_ANY:
		return NULL;
	case RIGHT_POOL:
		return s == NULL || is_allowed(&c->peer, s->config)
			   ? NULL
			   : "the pool's allow does not name this user";
	case RIGHT_ADMIN:
		return admins->name != NULL && is_named(&c->peer, admins)
			   ? NULL
			   : "only root, the daemon's own user and members of "
			     "its admin-group may";
	}
	return "nobody may";
}
