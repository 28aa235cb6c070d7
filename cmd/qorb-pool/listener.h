#ifndef QORB_POOL_LISTENER_H
#define QORB_POOL_LISTENER_H

/*
 * The Unix socket that clients connect to. A file left over from a daemon that
 * died is replaced; one that somebody answers on is an error. When descriptors
 * run out, or so few are left that they are kept for slots, it stops accepting
 * for a while and says so.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "core/addr.h"
#include "core/text.h"

struct event;
struct event_base;

struct listener {
	int fd; /* owned */
	char path[ADDR_PATH_BYTES];
	dev_t dev; /* of the socket's file, to remove only ours */
	ino_t ino;
	struct event *event; /* owned */
	struct event *retry; /* owned; accepts again after a pause */
	bool is_paused;
	bool (*may_accept)(void *ctx);	     /* is a descriptor to spare? */
	void (*accepted)(void *ctx, int fd); /* takes over fd */
	void *ctx;
};

/* False: why says what is wrong; nothing is kept. */
bool listener_open(struct listener *l, struct event_base *base,
    const char *path, mode_t mode, struct text *why) MUST_CHECK;

void listener_set_mode(struct listener *l, mode_t mode);

/* Takes the file away too when it is still ours. */
void listener_close(struct listener *l);

#endif
