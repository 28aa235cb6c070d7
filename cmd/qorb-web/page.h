#ifndef QORB_WEB_PAGE_H
#define QORB_WEB_PAGE_H

/*
 * The page that shows it all, as it was put into this program when that was
 * built (page/). It is one document; what of it is style and script bears a
 * nonce, and a browser runs and uses nothing else (Content-Security-Policy).
 */

#include <stdbool.h>
#include <stddef.h>

#include "blob.h"
#include "core/base.h"

/* Characters of a nonce, and their NUL. */
#define PAGE_NONCE_BYTES 25

/* Longest policy, for a host of 255 characters. */
#define PAGE_POLICY_BYTES 768

/* A nonce of 144 random bits; false when the system has none. */
bool page_nonce(char *nonce) MUST_CHECK;

/* The document with this nonce. */
struct blob *page_document(const char *nonce) MUST_CHECK;

/* The policy to be sent with it, into buf (PAGE_POLICY_BYTES). host is what
 * the browser calls us, and has passed rules_host: for older browsers, to which
 * a WebSocket is not 'self'. */
const char *page_policy(char *buf, const char *nonce, const char *host);

#endif
