#ifndef QORB_WEB_BLOB_H
#define QORB_WEB_BLOB_H

/*
 * Bytes that several connections send, each at its own speed: counted, so that
 * a message is kept once, and as long as somebody still sends it.
 */

#include <stddef.h>

struct blob {
	unsigned refs;
	size_t len;
	char *bytes; /* owned */
};

/* Takes over bytes, which came from malloc; counts the caller's one. */
struct blob *blob_new(char *bytes, size_t len);

struct blob *blob_hold(struct blob *b);

/* Clears *b, which may be NULL already. */
void blob_drop(struct blob **b);

#endif
