#ifndef QORB_LOAD_EXCHANGE_H
#define QORB_LOAD_EXCHANGE_H

/*
 * The exchange on one lent connection: writes the payload, reads it back at
 * the same time, compares. It never blocks: every call is MSG_DONTWAIT, and
 * O_NONBLOCK is left alone, because that flag belongs to the daemon's copy of
 * the connection too. Having the echo whole is not its end: until
 * exchange_close it goes on watching, so that a connection lost while the
 * claim is held, or a byte too many, is seen.
 *
 * One of the two callbacks may be called from within exchange_open and from
 * the event loop; it may close the exchange, and nothing touches the exchange
 * after a callback has returned. on_whole comes at most once; on_failed at
 * most once, also after on_whole, and then nothing more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#define EXCHANGE_CHUNK 65536

struct exchange;

/* What all exchanges of a run share. */
struct exchange_env {
	struct event_base *base; /* borrowed */
	uint32_t payload;	 /* bytes */
	const char *text;	 /* of that length, written instead of the
				  * pattern; borrowed; NULL for none */
	void (*on_whole)(struct exchange *x);
	void (*on_failed)(struct exchange *x, unsigned failure);
	unsigned char pattern[EXCHANGE_CHUNK]; /* scratch of one call */
	unsigned char read[EXCHANGE_CHUNK];    /* scratch of one call */
};

struct exchange {
	struct exchange_env *env; /* borrowed */
	struct event event;
	int fd;	       /* owned; -1 when closed */
	short watched; /* EV_READ, EV_WRITE: what the event waits for; 0 none */
	uint32_t sent;
	uint32_t received;
	uint64_t key; /* of the pattern */
	bool is_whole;
};

void exchange_init(struct exchange *x, struct exchange_env *env);

/* Starts on a descriptor, which it owns from now on. */
void exchange_open(struct exchange *x, int fd, uint64_t key);

/* Takes the event off, then closes our copy of the connection: in this order,
 * since the daemon's copy would keep the event alive. May be called again. */
void exchange_close(struct exchange *x);

#endif
