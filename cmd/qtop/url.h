#ifndef QTOP_URL_H
#define QTOP_URL_H

/*
 * The URL of a WebSocket endpoint (RFC 6455, 3):
 * ws://HOST[:PORT][PATH][?QUERY]. What is not said is port 80 and the path
 * /qtop/stats. It goes into a request as it is, so nothing but the printing
 * ASCII characters of a URL may stand in it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"

#define URL_BYTES 1024
/* Of a host's name, 253 at most (RFC 1035). */
#define URL_HOST_BYTES 256

struct url {
	char host[URL_HOST_BYTES]; /* without brackets */
	bool is_ipv6;		   /* it needs them */
	uint16_t port;
	char target[URL_BYTES]; /* path and query */
};

/* False: *why says in words what is wrong with it. */
bool url_parse(struct url *url, const char *text, const char **why) MUST_CHECK;

/* Is it a URL at all, of whatever kind? */
bool url_is_one(const char *text);

/* Adds KEY=VALUE to the query unless that has the key. False: no room. */
bool url_add(struct url *url, const char *key, const char *value) MUST_CHECK;

/* HOST:PORT as a request names it; the URL without its query, for people. */
void url_add_authority(const struct url *url, struct text *out);
void url_add_text(const struct url *url, struct text *out);

#endif
