#ifndef QORB_RESOLVE_ROWS_H
#define QORB_RESOLVE_ROWS_H

/*
 * A set of backends as lines of output, and what has changed from one set to
 * the next. Two rows are of one backend when name and address are the same; it
 * has changed when priority or weight differ. A TTL that counts down on its way
 * through a cache is no change.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/backend.h"
#include "core/base.h"

struct rows {
	size_t count;
	struct backend_spec *specs; /* owned, with their names */
};

/* A copy; zeroed rows are none. */
void rows_init(
    struct rows *rows, const struct backend_spec *specs, size_t count);
void rows_fini(struct rows *rows);

/* All of a set, a line each: NAME ADDR priority=N weight=N ttl=N, or an object
 * of JSON. */
void rows_print(const struct rows *rows, bool is_json, FILE *out);

/* What leads from old to new: lines that are gone (-), then new (+) and
 * changed (~) ones. As JSON, a field "change" says it: removed, added, changed.
 * Nothing when they are the same. */
void rows_print_changes(
    const struct rows *old, const struct rows *new, bool is_json, FILE *out);

#endif
