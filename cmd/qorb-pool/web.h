#ifndef QORB_POOL_WEB_H
#define QORB_POOL_WEB_H

/*
 * qorb-web beside the daemon: a child process that reads the daemon's socket
 * like any client. It is started again when it ends, after a wait that grows
 * while that goes on, and it ends with the daemon, where the system can see to
 * that also when the daemon crashes (Linux, FreeBSD). It gets no descriptor but
 * the standard ones; what it has to say goes to the daemon's standard error.
 *
 * The daemon never waits for it but in web_free, a second at most.
 */

#include "core/addr.h"

struct event_base;
struct web;

/* socket: of the daemon, borrowed. */
struct web *web_new(struct event_base *base, const char *socket);

/* Ends it, and clears *web, which may be NULL already. */
void web_free(struct web **web);

/* It is to listen there; ADDR_NONE: it is not to run. log_level is static. */
void web_set(struct web *web, const struct addr *listen, const char *log_level);

/* The daemon is about to stop: what ends now is not started again. */
void web_let_end(struct web *web);

#endif
