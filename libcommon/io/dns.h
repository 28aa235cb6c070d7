#ifndef QORB_IO_DNS_H
#define QORB_IO_DNS_H

/*
 * Queries to one name server: a c-ares channel (1.18 to 1.34) driven by
 * libevent. UDP with EDNS0, TCP after a truncated answer, tries repeated until
 * the time-out. Answers come as plain values (core/dns_answer.h).
 *
 * c-ares may call back from inside the call that asks, and must not be
 * cancelled or destroyed from its callbacks. So its callbacks only store what
 * came; a turn of the loop later it is given to on_answer, from where every
 * function here may be called, dns_free too.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/base.h"
#include "core/dns_answer.h"

struct event_base;
struct dns;

struct dns_params {
	struct event_base *base;   /* borrowed */
	const struct addr *server; /* NULL: as the system is set up */
	uint64_t timeout_us;	   /* usual time-out: sets the pace of tries */
	/* cookie: of dns_query. The answer lasts for the call. */
	void (*on_answer)(
	    void *ctx, uint64_t cookie, const struct dns_answer *answer);
	void *ctx;
};

/* NULL with *why (static) when it cannot be had. */
struct dns *dns_new(
    const struct dns_params *params, const char **why) MUST_CHECK;

/* Drops all queries and clears *d; never blocks. */
void dns_free(struct dns **d);

/* Asks for a name in the normal form; on_answer is called exactly once for it,
 * within timeout_us or a little more, unless dns_cancel or dns_free comes
 * first. Not every byte can be asked for: none can with \000, and c-ares 1.22
 * and later takes no more than hosts' names have. */
void dns_query(struct dns *d, uint64_t cookie, enum dns_type type,
    const char *name, uint64_t timeout_us);

/* Drops all queries of this server; on_answer is not called for them. */
void dns_cancel(struct dns *d);

/* The servers that the system is set up with, ip:port each; the number
 * written, at most max. 0 when they cannot be told (a server with a scope,
 * or no set-up): then one dns with server NULL does what the system would. */
size_t dns_system_servers(struct addr *servers, size_t max);

#endif
