#ifndef QORB_WEB_BLOB_H
#define QORB_WEB_BLOB_H

/*
 * Bytes that several connections send, each at its own speed: counted, so that
 * a message is kept once, and as long as somebody still sends it. Readers that
 * are slow can keep many old ones all the same: a sum says how many bytes they
 * are in all, and the serial numbers which are the oldest.
 */

#include <stddef.h>
#include <stdint.h>

/* Of blobs that count on it; it outlives them. Begins as 0. */
struct blob_sum {
	size_t bytes;	/* that are kept now */
	uint64_t count; /* of blobs that there have been */
};

struct blob {
	unsigned refs;
	size_t len;
	char *bytes;	      /* owned */
	uint64_t serial;      /* in its sum, from 1 on; 0 without one */
	struct blob_sum *sum; /* borrowed, or NULL */
};

/* Takes over bytes, which came from malloc; counts the caller's one. sum may be
 * NULL. */
struct blob *blob_new(char *bytes, size_t len, struct blob_sum *sum);

struct blob *blob_hold(struct blob *b);

/* Clears *b, which may be NULL already. */
void blob_drop(struct blob **b);

#endif
