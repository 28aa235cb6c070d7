#ifndef QORB_CLIENT_SOCKET_PATH_H
#define QORB_CLIENT_SOCKET_PATH_H

/*
 * Where the daemon's socket is when nobody says: $QORB_SOCKET, else
 * /run/qorb/pool.sock for root, else $XDG_RUNTIME_DIR/qorb/pool.sock, else
 * /tmp/qorb-$UID/pool.sock. Daemon and clients use this one function.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/addr.h"
#include "core/text.h"

/* Writes the path into buf (ADDR_PATH_BYTES); false when the one that the
 * environment names is longer than a Unix socket's path can be. */
bool socket_path_default(char *buf) MUST_CHECK;

/* After false of that: which variable names too long a path, and how long one
 * may be. */
void socket_path_complain(struct text *why);

/* Anybody can make a folder in /tmp, and wait there for those who come. So each
 * folder of a path below it that exists has to be one of ours, or of root, that
 * not all may write to; else why says which is not. Other paths are good. */
bool socket_path_check(const char *path, struct text *why) MUST_CHECK;

/* Is it in the folder in /tmp that is the default one for this user? */
bool socket_path_is_ours(const char *path) MUST_CHECK;

#endif
