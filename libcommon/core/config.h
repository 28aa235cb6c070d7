#ifndef QORB_CORE_CONFIG_H
#define QORB_CORE_CONFIG_H

/*
 * What the daemon is told to do: its pools with their sources, policies and
 * connectors, and what holds for all of them. Built from text piece by piece,
 * whatever that is read from: sections with keys and values of a file, and the
 * words of a command line, which mean the same.
 *
 *	[daemon]	socket, limits, name servers for all pools
 *	[pool NAME]	service, backends, connector, allow, every policy
 *	[connector NAME]	on-connect, is-valid, on-acquire, on-recycle
 *
 * A section stands once, and a key once in its section. Each function that
 * takes text may fail: why then says what is wrong with it, after FILE:LINE:
 * for what came from a file (line 0 is not from the file). After config_check
 * the configuration is whole; before, and after a failure, it is only good for
 * config_free.
 *
 * Nothing is looked up here: users and groups stay names until the caller has
 * found their numbers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/base.h"
#include "core/connector.h"
#include "core/policy.h"
#include "core/text.h"

#define POOL_NAME_MAX	 64
#define POOLS_MAX	 1024
#define STATIC_ADDRS_MAX 20000
#define DNS_SERVERS_MAX	 8
#define ALLOW_MAX	 256
#define CONNECTORS_MAX	 256

/* Longest value of a key: room for that many addresses of any length but the
 * largest paths. */
#define CONFIG_VALUE_MAX ((size_t)1024 * 1024)

struct config_servers {
	struct addr addrs[DNS_SERVERS_MAX];
	size_t count; /* 0: those of the system, or of [daemon] */
};

/* A user, or a group when it was written @NAME. */
struct config_principal {
	char *name; /* owned */
	bool is_group;
	uint32_t id; /* for the caller to find; numbers are here already */
	bool has_id;
	unsigned line;
};

struct config_pool {
	char *name;	    /* owned */
	char *service;	    /* owned; NULL: not from DNS */
	struct addr *addrs; /* owned; static backends */
	size_t addr_count;
	size_t addr_room;
	bool has_source;	     /* one of service and backends was said */
	struct config_servers dns;   /* in the end those that hold for it */
	char *connector_name;	     /* owned; NULL: tcp */
	struct connector *connector; /* held; found by config_check */
	struct policy policy;
	struct config_principal *allow; /* owned; none: everybody */
	size_t allow_count;
	unsigned line; /* of its section */
	unsigned connector_line;
	uint8_t *seen; /* owned; keys that were said */
};

struct config_connector {
	struct connector *connector; /* held */
	unsigned line;		     /* 0: a ready-made one */
};

struct config_limits {
	uint32_t max_clients;
	uint32_t max_clients_per_user;
	uint32_t max_claims_per_client;
	uint32_t max_claims_per_user;
	uint32_t max_streams_per_client;
	uint32_t max_streams_per_user;
	uint32_t backlog; /* bytes of replies that a client leaves unread */
};

struct config {
	char *file;		   /* owned; NULL: only a command line */
	struct config_pool *pools; /* owned */
	size_t pool_count;
	struct config_connector *connectors; /* owned */
	size_t connector_count;
	struct config_servers dns;
	char socket[ADDR_PATH_BYTES]; /* "": the default one */
	unsigned socket_line;
	uint32_t socket_mode;
	const char *log_level; /* static: error, warn, info, debug */
	struct addr web;       /* where qorb-web listens; ADDR_NONE: it does
				* not run */
	struct config_principal admin_group; /* name NULL: none */
	struct config_limits limits;
	struct config_section *section; /* owned; what keys now belong to */
};

/* All defaults. file is for messages, copied; it may be NULL. */
struct config *config_new(const char *file) MUST_CHECK;
void config_free(struct config **c);

/* The text between [ and ]: keys that follow belong to it. */
bool config_section(struct config *c, const char *header, unsigned line,
    struct text *why) MUST_CHECK;

/* A key of the current section. */
bool config_set(struct config *c, const char *key, const char *value,
    unsigned line, struct text *why) MUST_CHECK;

/* POOL=SERVICE or POOL=ADDR,ADDR of a command line; the current section is then
 * that pool's. */
bool config_add_pool(
    struct config *c, const char *text, struct text *why) MUST_CHECK;

/* NAME=VALUE of a command line, for the current section. */
bool config_set_pair(
    struct config *c, const char *text, struct text *why) MUST_CHECK;

/* Whole, and usable together? Resolves what one section says of another. */
bool config_check(struct config *c, struct text *why) MUST_CHECK;

/* Writes "FILE:LINE: " and the message into why; false, to be returned. */
bool config_fail(const struct config *c, unsigned line, struct text *why,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The pool of this name, NULL when there is none. */
struct config_pool *config_pool(const struct config *c, const char *name);

/* Has a pool's policy, connector, source changed from a to b? */
bool config_same_policy(const struct policy *a, const struct policy *b);
bool config_same_addrs(
    const struct config_pool *a, const struct config_pool *b);
bool config_same_dns(const struct config_pool *a, const struct config_pool *b);

/* Applies to p what differs from a to b, and leaves the rest of it, which may
 * have been set by hand, alone. */
void config_merge_policy(
    struct policy *p, const struct policy *a, const struct policy *b);

/* The keys of [daemon] (is_pool false) and [pool], one after the other, for
 * checks of the manual; NULL at the end. Policies are not among them. */
const char *config_key_name(bool is_pool, size_t at);

#endif
