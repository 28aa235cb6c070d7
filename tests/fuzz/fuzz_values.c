/*
 * Values as people and peers write them, from any text: what addr_parse,
 * duration_parse and number_parse take is within their limits, and printed and
 * parsed again it is the same; what they refuse leaves their result alone and,
 * for an address, says why. Any bytes escaped for a log are printing UTF-8.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"
#include "core/base.h"
#include "core/duration.h"
#include "core/number.h"
#include "core/text.h"

#define CENTURY_US (100ULL * 365 * 24 * 3600 * US_PER_S)
#define UNTOUCHED  0x5A5A5A5A5A5A5A5AULL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_addr(const char *text)
{
	struct addr a, untouched, again;
	char buf[ADDR_TEXT_BYTES], buf2[ADDR_TEXT_BYTES];
	const char *why = NULL;

	memset(&a, 0x5A, sizeof(a));
	untouched = a;
	if (!addr_parse(text, &a, &why)) {
		ASSERT(why != NULL && *why != '\0');
		ASSERT(memcmp(&a, &untouched, sizeof(a)) == 0);
		return;
	}
	ASSERT(
	    a.kind == ADDR_INET || a.kind == ADDR_INET6 || a.kind == ADDR_UNIX);
	addr_text(&a, buf);
	ASSERT(addr_parse(buf, &again, &why));
	ASSERT(addr_equal(&a, &again));
	ASSERT(strcmp(addr_text(&again, buf2), buf) == 0);
	if (a.kind == ADDR_UNIX)
		ASSERT(a.path[0] == '/' && strcmp(text, buf) == 0);
}

static void
check_duration(const char *text)
{
	uint64_t span = UNTOUCHED, again;
	char buf[64];
	struct text t;

	if (!duration_parse(text, &span)) {
		ASSERT(span == UNTOUCHED);
		return;
	}
	ASSERT(span <= CENTURY_US || span == NEVER);
	ASSERT((span == NEVER) == (strcmp(text, "never") == 0));
	text_init(&t, buf, sizeof(buf));
	text_add_duration(&t, span);
	ASSERT(!t.is_cut);
	ASSERT(duration_parse(buf, &again) && again == span);
}

static void
check_number(const char *text)
{
	uint64_t n = UNTOUCHED, again;
	char buf[32];
	struct text t;

	if (!number_parse(text, 0, UINT64_MAX, &n)) {
		ASSERT(n == UNTOUCHED);
		return;
	}
	text_init(&t, buf, sizeof(buf));
	text_add_u64(&t, n);
	ASSERT(strcmp(buf, text + strspn(text, "0")) == 0 ||
	       (n == 0 && strspn(text, "0") == strlen(text)));
	ASSERT(number_parse(buf, n, n, &again) && again == n);
	if (n < UINT64_MAX)
		ASSERT(!number_parse(buf, n + 1, UINT64_MAX, &again));
}

static void
check_escaped(const char *bytes, size_t n)
{
	size_t cap = 4 * n + 1;
	char *buf = mem_new(cap, 1);
	struct text t;

	text_init(&t, buf, cap);
	text_add_escaped(&t, bytes, n);
	ASSERT(!t.is_cut && t.len >= n);
	for (size_t at = 0, len; at < t.len; at += len) {
		len = text_utf8_len(buf + at, t.len - at);
		ASSERT(len > 0);
		ASSERT(len > 1 || (buf[at] >= ' ' && buf[at] <= '~'));
	}
	/* With half the room, what fits of the same. */
	cap = t.len / 2 + 1;
	if (t.len > 0) {
		char *half = mem_new(cap, 1);

		text_init(&t, half, cap);
		text_add_escaped(&t, bytes, n);
		ASSERT(t.is_cut && t.len < cap);
		ASSERT(memcmp(half, buf, t.len) == 0);
		free(half);
	}
	free(buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_new(size + 1, 1);

	if (size > 0)
		memcpy(text, data, size);
	check_addr(text);
	check_duration(text);
	check_number(text);
	check_escaped(text, size);
	free(text);
	return 0;
}
