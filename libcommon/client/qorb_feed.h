#ifndef QORB_FEED_H
#define QORB_FEED_H

/*
 * Tells a daemon the backends of a pool (advertise, withdraw) and goes on doing
 * so: the caller says what there is, this keeps the daemon in step, connects
 * again when the connection is lost, and then tells all of it anew. Backends
 * live with the connection: qorb_feed_free ends them. It withdraws what it told
 * itself and nothing else, so that several may feed one pool.
 *
 * To be driven from an event loop: poll qorb_feed_fd for reading, and for
 * writing while qorb_feed_wants_write; call qorb_feed_on_ready then, and
 * qorb_feed_on_time after qorb_feed_wait_ms. All three may change with every
 * call. For one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qorb_feed;

struct qorb_feed_backend {
	const char *name;
	const char *addr; /* 192.0.2.7:6001, [2001:db8::1]:6001, unix:/path */
	uint16_t priority;
	uint16_t weight;
};

struct qorb_feed_params {
	const char *path; /* the daemon's socket, copied; NULL: the default */
	const char *pool; /* copied */

	/* What goes wrong, once for each kind in a row: the daemon cannot be
	 * reached (code NULL), or refuses (code of its error). May be NULL. */
	void (*on_trouble)(void *ctx, const char *code, const char *text);
	/* The daemon has taken all of what there is. May be NULL. */
	void (*on_fed)(void *ctx);
	void *ctx;
};

/* Connects at the first qorb_feed_on_time, which is due at once. NULL: out of
 * memory. */
struct qorb_feed *qorb_feed_new(const struct qorb_feed_params *params);
void qorb_feed_free(struct qorb_feed **feed);

/* All backends there are from now on; copied. A name and address stand once.
 * False: out of memory, and nothing has changed. */
bool qorb_feed_set(struct qorb_feed *feed,
    const struct qorb_feed_backend *backends, size_t count);

int qorb_feed_fd(const struct qorb_feed *feed); /* -1: not connected */
bool qorb_feed_wants_write(const struct qorb_feed *feed);
int qorb_feed_wait_ms(const struct qorb_feed *feed); /* -1: for ever */

void qorb_feed_on_ready(struct qorb_feed *feed, bool can_read, bool can_write);
void qorb_feed_on_time(struct qorb_feed *feed);

#endif
