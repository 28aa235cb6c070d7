/*
 * Any bytes as a state file: what is taken is within the limits, can be
 * restored, and is written as it was read; in the end nothing is left.
 *
 * With an odd first byte, a first line is put in front of the others, and an
 * end with the right hash behind them, which the fuzzer would not find.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/resolve.h"
#include "core/rng.h"
#include "core/saved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_pool(const struct saved_pool *pool)
{
	struct resolve_policy policy;
	struct resolve *r;

	ASSERT(pool->count >= 1 && pool->count <= RESOLVE_BACKENDS_MAX);
	for (size_t i = 0; i < pool->count; i++) {
		ASSERT(strlen(pool->specs[i].name) < BACKEND_NAME_BYTES);
		ASSERT(strpbrk(pool->specs[i].name, " \n") == NULL);
		ASSERT(pool->specs[i].addr.kind != ADDR_NONE);
	}
	resolve_policy_default(&policy);
	r = resolve_new("_a._b.c", 1, &policy, 1);
	resolve_restore(r, pool->specs, pool->count);
	resolve_check(r);
	resolve_free(&r);
}

static void
use(const char *text, size_t len)
{
	struct saved saved = { 0 };
	const char *why = NULL;
	char *again;
	size_t again_len;

	if (!saved_read(&saved, text, len, &why)) {
		ASSERT(why != NULL && saved.count == 0 && saved.pools == NULL);
		return;
	}
	for (size_t i = 0; i < saved.count; i++)
		check_pool(&saved.pools[i]);
	again = saved_write(&saved, &again_len);
	saved_fini(&saved);
	ASSERT(saved_read(&saved, again, again_len, &why));
	saved_fini(&saved);
	free(again);
}

/* head and end as core/saved.h has them. */
static void
use_within(const uint8_t *data, size_t size)
{
	static const char head[] = "qorb-state 1\n";
	size_t len = sizeof(head) - 1 + size;
	char *text = mem_new(len + 32, 1);
	uint64_t hash = len;

	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + sizeof(head) - 1, data, size);
	for (size_t i = 0; i < len; i++)
		hash = hash_mix(hash, (uint8_t)text[i]);
	len += (size_t)snprintf(
	    text + len, 32, "end %016llx\n", (unsigned long long)hash);
	use(text, len);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	if (data[0] % 2 == 1) {
		use_within(data + 1, size - 1);
		return 0;
	}
	text = mem_new(size, 1);
	memcpy(text, data + 1, size - 1);
	use(text, size - 1);
	free(text);
	return 0;
}
