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

/* Writes the path into buf (ADDR_PATH_BYTES); false when the one that the
 * environment names is longer than a Unix socket's path can be. */
bool socket_path_default(char *buf) MUST_CHECK;

#endif
