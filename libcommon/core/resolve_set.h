#ifndef QORB_CORE_RESOLVE_SET_H
#define QORB_CORE_RESOLVE_SET_H

/*
 * A set of backends that DNS has named, with what is known of each over time.
 * Part of core/resolve.h; not for others. Items are added, then the set is
 * sealed: sorted by priority, weight, name, address, and laid out as the array
 * of backend_spec that the pool takes. A name and address must not be added
 * twice.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/base.h"

struct resolve_item {
	struct backend_spec spec; /* its name is owned */
	uint64_t stale_since_us;  /* since when DNS does not confirm it; NEVER
				   * when the last look-up did */
};

struct resolve_set {
	size_t count;
	size_t cap;
	struct resolve_item *items; /* owned */
	struct backend_spec *specs; /* owned; of a sealed set */
};

/* A zeroed set is empty. Leaves it so. */
void resolve_set_fini(struct resolve_set *set);

/* Adds a copy; false when RESOLVE_BACKENDS_MAX is reached. */
bool resolve_set_add(struct resolve_set *set, const struct backend_spec *spec,
    uint64_t stale_since_us) MUST_CHECK;

void resolve_set_seal(struct resolve_set *set);

/* Do both hold the same backends with the same priorities, weights and TTLs?
 * Both are sealed. */
bool resolve_set_equal(
    const struct resolve_set *a, const struct resolve_set *b);

/* Items that were confirmed until now are stale from now on. */
void resolve_set_mark_stale(struct resolve_set *set, uint64_t now_us);

/* Removes what has been stale for that long; the number removed. */
size_t resolve_set_expire(
    struct resolve_set *set, uint64_t now_us, uint64_t stale_for_us);

/* When resolve_set_expire has something to remove next. */
uint64_t resolve_set_next_expiry(
    const struct resolve_set *set, uint64_t stale_for_us);

bool resolve_set_has_stale(const struct resolve_set *set);

/* Order of a sealed set. */
int resolve_spec_compare(
    const struct backend_spec *a, const struct backend_spec *b);

#endif
