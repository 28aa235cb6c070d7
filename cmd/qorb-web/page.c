/* The page and the policy that goes with it; see page.h. */

#include "page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base.h"
#include "core/text.h"

#define TOKEN "@NONCE@"

static const unsigned char page[] = {
#include <page_bytes.h>
};

bool
page_nonce(char *nonce)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t random[PAGE_NONCE_BYTES - 1];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		nonce[i] = digits[random[i] % 64];
	nonce[PAGE_NONCE_BYTES - 1] = '\0';
	return true;
}

/* A nonce is longer than its token: room for as many as there are. */
static size_t
count_tokens(void)
{
	const unsigned char *at = page;
	size_t left = sizeof(page), count = 0;

	while ((at = memmem(at, left, TOKEN, strlen(TOKEN))) != NULL) {
		at += strlen(TOKEN);
		left = sizeof(page) - (size_t)(at - page);
		count++;
	}
	return count;
}

struct blob *
page_document(const char *nonce)
{
	size_t cap = sizeof(page) + count_tokens() * strlen(nonce) + 1;
	char *document = mem_new(cap, 1);
	size_t from = 0;
	struct text t;

	text_init(&t, document, cap);
	while (from < sizeof(page)) {
		const unsigned char *at = memmem(
		    page + from, sizeof(page) - from, TOKEN, strlen(TOKEN));
		size_t to = at == NULL ? sizeof(page) : (size_t)(at - page);

		text_add_bytes(&t, (const char *)page + from, to - from);
		if (at != NULL) {
			text_add(&t, nonce);
			to += strlen(TOKEN);
		}
		from = to;
	}
	return blob_new(document, t.len, NULL);
}

const char *
page_policy(char *buf, const char *nonce, const char *host)
{
	struct text t;

	text_init(&t, buf, PAGE_POLICY_BYTES);
	text_add(&t, "default-src 'none'; connect-src 'self'");
	/* The policy's grammar has no place for [::1]. */
	if (host[0] != '[')
		text_addf(&t, " ws://%s wss://%s", host, host);
	text_addf(&t,
	    "; style-src 'nonce-%s'; script-src 'nonce-%s'; img-src data:; "
	    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	    nonce, nonce);
	ASSERT(!t.is_cut);
	return buf;
}
