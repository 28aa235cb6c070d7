#ifndef QORB_CORE_VERSION_H
#define QORB_CORE_VERSION_H

/* The one place where the version stands; `--version`, `hello` and the
 * installed header say it. */
#define QORB_VERSION "0.1.0"

/* Version of the line protocol, qorb-protocol(7). */
#define QORB_PROTOCOL 1

#endif
