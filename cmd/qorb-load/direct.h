#ifndef QORB_LOAD_DIRECT_H
#define QORB_LOAD_DIRECT_H

/*
 * What a program does that has no pool: a connection of its own for each
 * claim, made anew and closed after it. It stands in for the links, with the
 * same callbacks, so that the same workload measures both. Addresses take
 * turns.
 *
 * Claims are only queued: direct_flush begins to connect, and answers come as
 * calls of ops from the event loop; but a claim that is cancelled is refused
 * at once.
 */

#include <event2/event.h>

#include "links.h"
#include "workload.h"

struct direct;

/* All arguments are borrowed for the life of it. */
struct direct *direct_new(const struct workload *work, struct event_base *base,
    const struct links_ops *ops, void *ctx);
void direct_free(struct direct **direct);

void direct_claim(struct direct *d, unsigned task);
void direct_cancel(struct direct *d, unsigned task);
void direct_flush(struct direct *d);

#endif
