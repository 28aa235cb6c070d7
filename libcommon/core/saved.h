#ifndef QORB_CORE_SAVED_H
#define QORB_CORE_SAVED_H

/*
 * The last good set of each pool as a text that outlives the daemon:
 *
 *	qorb-state 1
 *	pool NAME SERVICE COUNT
 *	BACKEND ADDR PRIORITY WEIGHT TTL	(COUNT lines)
 *	...
 *	end HASH
 *
 * HASH is of all bytes before its line, so that a text that was cut, mixed or
 * changed is known as such: it is read whole or not at all. Names are in the
 * normal form of DNS, thus without spaces.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/backend.h"
#include "core/base.h"

/* Longest text that is read. */
#define SAVED_BYTES_MAX ((size_t)64 << 20)

#define SAVED_POOLS_MAX 4096

struct saved_pool {
	char *name;    /* owned */
	char *service; /* owned */
	size_t count;
	struct backend_spec *specs; /* owned, with their names */
};

struct saved {
	size_t count;
	struct saved_pool *pools; /* owned */
};

/* A zeroed one is empty. Leaves it so. */
void saved_fini(struct saved *saved);

/* The set of this pool, if it is of this service; else NULL. */
const struct saved_pool *saved_find(
    const struct saved *saved, const char *pool, const char *service);

/* Puts a copy of a set in the place of what there was of the pool; an empty
 * one takes it away. */
void saved_put(struct saved *saved, const char *pool, const char *service,
    const struct backend_spec *specs, size_t count);

/* The text, owned by the caller (free), and its length. */
char *saved_write(const struct saved *saved, size_t *len) MUST_CHECK;

/* Reads a text of len bytes with a NUL behind them into an empty saved. False
 * leaves it empty; *why (static) then says what is wrong. */
bool saved_read(struct saved *saved, const char *text, size_t len,
    const char **why) MUST_CHECK;

#endif
