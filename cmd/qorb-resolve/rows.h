#ifndef QORB_RESOLVE_ROWS_H
#define QORB_RESOLVE_ROWS_H

/*
 * A set of backends as lines of output, and what has changed from one set to
 * the next. Two rows are of one backend when name and address are the same; it
 * has changed when priority or weight differ, or, where origins are shown, the
 * rule that keeps it. A TTL that counts down on its way
 * through a cache is no change.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/addr.h"
#include "core/backend.h"
#include "core/base.h"

/* Where a row comes from. Times are microseconds since the epoch. */
struct row_origin {
	const char *rule; /* static */
	const char *why;  /* static: the rule for people */
	uint64_t seen_us;
	uint64_t absent_us; /* since when no answer names it; 0: one does */
	char server[ADDR_TEXT_BYTES]; /* "" for none */
};

struct rows {
	size_t count;
	struct backend_spec *specs; /* owned, with their names */
	struct row_origin *origins; /* owned; NULL: not to be shown */
};

/* A copy; zeroed rows are none. */
void rows_init(
    struct rows *rows, const struct backend_spec *specs, size_t count);
void rows_fini(struct rows *rows);

/* Has origins shown too: count zeroed ones, for the caller to fill. */
void rows_explain(struct rows *rows);

/* Brings up to date when those were last seen that are in now too: a set that
 * does not change is not printed, but it is seen each time. */
void rows_see(struct rows *rows, const struct rows *now);

/* All of a set, a line each: NAME ADDR priority=N weight=N ttl=N, with origins
 * source=dns server=ADDR seen=T absent=T rule=WORD behind it; or an object of
 * JSON. */
void rows_print(const struct rows *rows, bool is_json, FILE *out);

/* What leads from old to new: lines that are gone (-), then new (+) and
 * changed (~) ones. As JSON, a field "change" says it: removed, added, changed.
 * Nothing when they are the same. What is gone has no rule, and is absent since
 * now_us where it was still there in old. */
void rows_print_changes(struct rows *old, const struct rows *new,
    uint64_t now_us, bool is_json, FILE *out);

#endif
