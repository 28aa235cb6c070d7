#ifndef QORB_CORE_RESOLVE_SET_H
#define QORB_CORE_RESOLVE_SET_H

/*
 * A set of backends that DNS has named, with what is known of each over time.
 * Part of core/resolve.h; not for others. Items are added, then the set is
 * sealed: sorted by priority, weight, name, address, and laid out as the array
 * of backend_spec that the pool takes. A name and address must not be in a
 * sealed set twice: where they may have been added twice, unite comes first.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/base.h"
#include "core/resolve.h"

struct resolve_item {
	struct backend_spec spec; /* its name is owned */
	uint64_t stale_since_us;  /* since when DNS does not confirm it; NEVER
				   * when the last look-up did */
	uint64_t seen_us;	  /* when an answer last named it; 0: none */
	uint32_t servers;	  /* bits of those that named it then; all of
				   * them for a saved one */
	enum resolve_rule rule;
};

/* Nobody said of a saved backend who named it: any server may have. */
#define RESOLVE_ALL_SERVERS UINT32_MAX

struct resolve_set {
	size_t count;
	size_t cap;
	struct resolve_item *items; /* owned */
	struct backend_spec *specs; /* owned; of a sealed set */
};

/* A zeroed set is empty. Leaves it so. */
void resolve_set_fini(struct resolve_set *set);

/* Adds a copy; false when RESOLVE_BACKENDS_MAX is reached. */
bool resolve_set_add(
    struct resolve_set *set, const struct resolve_item *item) MUST_CHECK;

/* Makes one of items with the same name and address: confirmed ones win over
 * stale ones, those from DNS over saved ones, then the lowest priority and the
 * highest weight. It was named by all who named one of them, and has the
 * smallest TTL of those that are as good. */
void resolve_set_unite(struct resolve_set *set);

void resolve_set_seal(struct resolve_set *set);

/* Do both hold the same backends with the same priorities, weights, TTLs and
 * sources?
 * Both are sealed. */
bool resolve_set_equal(
    const struct resolve_set *a, const struct resolve_set *b);

/* Items that were confirmed until now are stale from now on; rule says why all
 * of them are kept (saved ones are kept as such). */
void resolve_set_mark_stale(
    struct resolve_set *set, uint64_t now_us, enum resolve_rule rule);

/* Removes what has been stale for that long; the number removed. */
size_t resolve_set_expire(
    struct resolve_set *set, uint64_t now_us, uint64_t stale_for_us);

/* When resolve_set_expire has something to remove next. */
uint64_t resolve_set_next_expiry(
    const struct resolve_set *set, uint64_t stale_for_us);

bool resolve_set_has_stale(const struct resolve_set *set);
bool resolve_set_has_saved(const struct resolve_set *set);

#endif
