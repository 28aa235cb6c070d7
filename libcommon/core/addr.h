#ifndef QORB_CORE_ADDR_H
#define QORB_CORE_ADDR_H

/*
 * Addresses of backends, servers and sockets as values and as text:
 * 192.0.2.7:6001, [2001:db8::1]:6001, unix:/path. The text form is canonical
 * (RFC 5952 for IPv6), so two equal addresses print alike. Names are not
 * looked up here; scopes (%eth0) are not known. A Unix socket's path is
 * absolute. Port 0 means that the system chooses one, which makes sense for who
 * listens only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

enum addr_kind {
	ADDR_NONE,
	ADDR_INET,  /* ip holds 4 bytes, network order */
	ADDR_INET6, /* ip holds 16 bytes */
	ADDR_UNIX,  /* path holds it */
};

/* Longest path of a Unix socket, with its NUL (the smallest sun_path in use
 * is 104 bytes). */
#define ADDR_PATH_BYTES 104

/* Room for the longest text form and its NUL. */
#define ADDR_TEXT_BYTES (ADDR_PATH_BYTES + 8)

struct addr {
	enum addr_kind kind;
	uint16_t port; /* host order; 0 for unix */
	union {
		uint8_t ip[16];
		char path[ADDR_PATH_BYTES];
	};
};

/* Parses one of the three forms, all of it. False leaves *addr alone and
 * *why (a static string) says what is wrong, to follow "not an address: ". */
bool addr_parse(
    const char *text, struct addr *addr, const char **why) MUST_CHECK;

/* Likewise, where the port has to be known: port 0 is refused. */
bool addr_parse_fixed(
    const char *text, struct addr *addr, const char **why) MUST_CHECK;

/* Is it an IP address alone, without a port and brackets? */
bool addr_is_ip(const char *text);

/* Writes the text form into buf (ADDR_TEXT_BYTES) and returns buf; "-" for
 * ADDR_NONE. */
const char *addr_text(const struct addr *addr, char *buf);

bool addr_equal(const struct addr *a, const struct addr *b);

/* For sorting: IPv6, then IPv4, each by its bytes and then its port, then Unix
 * sockets by path. 0 for what addr_equal calls equal. */
int addr_compare(const struct addr *a, const struct addr *b);

#endif
