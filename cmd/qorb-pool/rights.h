#ifndef QORB_POOL_RIGHTS_H
#define QORB_POOL_RIGHTS_H

/*
 * Who may do what, from what the kernel says of the peer, the table of verbs
 * and the configuration. Root and the daemon's own user may do all. Beside
 * them, members of the admin-group may change the daemon, and a pool's allow
 * names who may claim from it; without it that is everybody who may open the
 * socket.
 */

#include "core/verb.h"

struct client;
struct service;

/* NULL when this client may say a verb of this right, of a pool when it names
 * one (else NULL); or why it may not. */
const char *rights_refuse(
    const struct client *c, enum verb_right right, const struct service *s);

#endif
