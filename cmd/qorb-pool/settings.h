#ifndef QORB_POOL_SETTINGS_H
#define QORB_POOL_SETTINGS_H

/*
 * What the daemon is told to do, before it does anything: the pools with their
 * sources, policies and connectors, the DNS servers, the socket. Read from the
 * command line, checked as a whole.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/connector.h"
#include "core/policy.h"
#include "core/text.h"

#define POOL_NAME_MAX	 64
#define POOLS_MAX	 1024
#define STATIC_ADDRS_MAX 4096
#define DNS_SERVERS_MAX	 8

struct pool_settings {
	char *name;	    /* owned */
	char *service;	    /* owned; NULL: static backends */
	struct addr *addrs; /* owned; static backends, addr_count of them */
	size_t addr_count;
};

struct settings {
	struct pool_settings *pools; /* owned */
	size_t pool_count;
	struct policy policy; /* of all pools */
	const struct connector *connector;
	struct addr dns[DNS_SERVERS_MAX];
	size_t dns_count;
	char socket[ADDR_PATH_BYTES];
};

void settings_init(struct settings *s);
void settings_fini(struct settings *s);

/* Each takes one piece of text; false: why says what is wrong with it, the
 * text itself included. */
bool settings_add_pool(
    struct settings *s, const char *text, struct text *why) MUST_CHECK;
bool settings_set(
    struct settings *s, const char *text, struct text *why) MUST_CHECK;
bool settings_add_dns(
    struct settings *s, const char *text, struct text *why) MUST_CHECK;

#endif
