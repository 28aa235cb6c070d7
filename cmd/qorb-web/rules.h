#ifndef QORB_WEB_RULES_H
#define QORB_WEB_RULES_H

/*
 * Whom we answer. A page from elsewhere must not read from here with the help
 * of a browser on this host:
 *
 *  - Host has to be an IP address, localhost, or a name that we were told, with
 *    or without a port. A page whose name was made to point here (DNS
 *    rebinding) still says its own name.
 *  - Origin, when there is one, has to be http:// or https:// and the very
 *    Host: browsers let any page open a WebSocket to any place, and say which
 *    page it was.
 *
 * And what may be asked for with a question mark.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

#define RULES_NAMES_MAX 32

struct rules {
	const char *names[RULES_NAMES_MAX]; /* borrowed */
	size_t count;
};

/* A name that Host may have; false when it cannot be one, or is one too many.
 */
bool rules_add(struct rules *r, const char *name) MUST_CHECK;

/* NULL: fine; else why not, a static string. host is NULL when none was said.
 */
const char *rules_host(const struct rules *r, const char *host);
const char *rules_origin(const char *origin, const char *host);

/* Longest name of a pool. */
#define QUERY_POOL_MAX 64

#define QUERY_LEAST_US (100 * US_PER_MS)
#define QUERY_MOST_US  (3600 * US_PER_S)

struct query {
	uint64_t every_us;
	char pool[QUERY_POOL_MAX + 1]; /* "": all */
};

void query_init(struct query *q);

/* One NAME=VALUE, already decoded. Others than update_secs and pool are left
 * alone. NULL: fine; else what is wrong, a static string. */
const char *query_take(struct query *q, const char *pair);

/* NULL: all. */
const char *query_pool(const struct query *q);

#endif
