#ifndef QORB_LOAD_LINKS_H
#define QORB_LOAD_LINKS_H

/*
 * The connections to the daemon, few for many tasks. Requests of a task go
 * over the same link each time; what they ask for and for whom stands in their
 * tags (a letter and the task's number), so answers may come in any order.
 * Requests are only queued: links_flush writes each link once.
 *
 * Answers come as calls of ops from the event loop. After on_lost nothing
 * comes any more, and only links_free is left.
 */

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "lent.h"
#include "workload.h"

struct links;

struct links_ops {
	/* A claim's answer: one of these two. now_us: when it was read. */
	void (*on_granted)(
	    void *ctx, unsigned task, const struct lent *lent, uint64_t now_us);
	void (*on_refused)(
	    void *ctx, unsigned task, const char *code, const char *message);
	/* A release in good order was answered with an error. */
	void (*on_release_refused)(void *ctx, const char *code);
	/* why: one line, borrowed for the call. */
	void (*on_lost)(void *ctx, const char *why);
};

/* All arguments are borrowed for the life of the links. */
struct links *links_new(const struct workload *work, struct event_base *base,
    const struct links_ops *ops, void *ctx);

/* Claims that are not yet released end as broken. */
void links_free(struct links **links);

/* NULL when all are connected, else why one is not (until links_free). */
const char *links_connect(struct links *l) MUST_CHECK;

/* A code of on_refused that no daemon gives: the descriptor of a granted claim
 * did not arrive, and the claim was given back. */
#define LINKS_FD_LOST "fd-lost"

/* No key when it is UINT64_MAX. */
void links_claim(struct links *l, unsigned task, uint64_t key);
void links_cancel(struct links *l, unsigned task);
void links_release(
    struct links *l, unsigned task, uint64_t claim, bool is_broken);

/* A ping on each link, and whether all have come back: then the daemon has
 * read all that was sent before. */
void links_ping(struct links *l);
bool links_is_pinged(const struct links *l);

/* Sends what is queued, at the end of a turn of the loop. */
void links_flush(struct links *l);

/* What the daemon calls itself ("qorb-pool/1.0"), "" until it has said so. */
const char *links_server(const struct links *l);

#endif
