#ifndef QORB_CORE_SOURCES_H
#define QORB_CORE_SOURCES_H

/*
 * Who names the backends of a pool: the configuration (static), DNS, and
 * clients that advertise. The pool gets the union. When it does is for the
 * caller to say: is_changed tells that there is something to hand over, so that
 * ten thousand lines of `advertise` need not cost ten thousand comparisons of
 * the whole set.
 *
 * An advertised backend lives as long as the client that named it, or, with a
 * ttl, until that has passed without a repeat, whoever repeats it. One that
 * several clients name lives until the last of them has gone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/backend.h"
#include "core/error.h"
#include "core/heap.h"
#include "core/list.h"

struct config_pool;

/* Backends that clients may advertise for one service. */
#define ADVERTS_MAX 20000

struct advert;
struct adverts_by;

/* Fields are to be read only. */
struct sources {
	struct backend_spec *fixed;	/* owned; static ones */
	char (*names)[ADDR_TEXT_BYTES]; /* owned; of the static ones */
	size_t fixed_count;
	struct list adverts;   /* owned; advert.link, the oldest first */
	struct adverts_by *by; /* owned; NULL: nobody has advertised yet */
	struct heap expiries;  /* advert.expiry */
	bool is_changed;       /* since sources_specs */
};

void sources_init(struct sources *s, const struct config_pool *config);
void sources_fini(struct sources *s);

/* The static backends become those of this configuration. */
void sources_set_fixed(struct sources *s, const struct config_pool *config);

struct advert_request {
	const char *name;
	struct addr addr;
	uint16_t priority, weight;
	bool has_ttl;	 /* else it lives as long as the client */
	uint64_t ttl_us; /* NEVER: until it is withdrawn */
};

/* holder: who advertises, any address that stands for it. ERR_OVERLOADED when
 * there are too many. */
enum error sources_advertise(struct sources *s, const void *holder,
    const struct advert_request *r, uint64_t now_us) MUST_CHECK;

/* False: nobody advertises that name. */
bool sources_withdraw(struct sources *s, const char *name) MUST_CHECK;

/* The same of one address (NULL: of any), and of what this holder advertised
 * without a ttl (NULL: of whatever anybody did). */
bool sources_withdraw_some(struct sources *s, const char *name,
    const struct addr *addr, const void *holder) MUST_CHECK;

/* What this holder advertised without a ttl ends. */
void sources_forget_client(struct sources *s, const void *holder);

/* The next moment at which an advertised backend ends, and its coming. */
uint64_t sources_deadline(const struct sources *s);
void sources_expire(struct sources *s, uint64_t now_us);

/* The union of these and of what DNS names (dns, dns_count; NULL, 0 for none),
 * whose priority and weight count before those of others.
 * *specs is owned by the caller (free), its strings are not. */
size_t sources_specs(struct sources *s, const struct backend_spec *dns,
    size_t dns_count, struct backend_spec **specs);

#endif
