#ifndef QORB_ECHO_SERVER_H
#define QORB_ECHO_SERVER_H

/*
 * The echo server: accepts, lets a share of the clients fail if asked to, and
 * keeps the others until they end. When the process is out of descriptors it
 * stops accepting, so that new clients wait in the kernel's queue, and goes on
 * when a client has gone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/base.h"

struct event_base;
struct server;

struct server_settings {
	struct addr addr;     /* not ADDR_UNIX */
	uint64_t delay_us;    /* before each answer */
	uint64_t close_after; /* bytes, 0: never */
	uint32_t fail_rate;   /* of RATE_ALL */
	uint32_t hang_rate;   /* of RATE_ALL, of those that do not fail */
	uint64_t seed;	      /* for the rates */
	bool is_quiet;	      /* no line a connection */
};

/* Listens; NULL with errno when that cannot be. The settings are copied. */
struct server *server_new(
    struct event_base *base, const struct server_settings *settings) MUST_CHECK;

/* Ends all connections and clears *s. */
void server_free(struct server **s);

/* What it listens on, with the port that it got. */
const struct addr *server_addr(const struct server *s);

/* Ends all connections, each with its line. */
void server_stop(struct server *s);

/* Writes the counts to stderr, in one line. */
void server_report(const struct server *s);

#endif
