/*
 * Any bytes as the answer of a name server: what the parser takes is in the
 * normal form and within the limits; fed to a resolver as the answer to all it
 * asks, it leads to a set that holds together; in the end nothing is left.
 *
 * With an odd first byte, the second one is the number of answers, the third
 * that of additional records, and a header and a question are put in front, so
 * that the fuzzer need not find them.
 */

#include <stdlib.h>
#include <string.h>

#include "core/resolve.h"
#include "io/dns_parse.h"

#define SERVICE "_a._b.c"

/* Actions of one look-up: two queries for each record, and some. */
#define ACTIONS_MAX (2 * DNS_RECORDS_MAX + 100)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const char *name)
{
	char normal[DNS_NAME_BYTES];
	const char *why;

	ASSERT(name != NULL);
	ASSERT(dns_name_normalize(name, normal, &why));
	ASSERT(strcmp(name, normal) == 0);
	ASSERT(strpbrk(name, " \n\t\r") == NULL);
}

static void
check_answer(const struct dns_answer *answer)
{
	const struct dns_record *rec;
	size_t i;

	ASSERT(answer->outcome < DNS_OUTCOME_COUNT);
	ASSERT(answer->count <= DNS_RECORDS_MAX);
	ASSERT(answer->outcome == DNS_RECORDS || answer->count == 0);
	for (i = 0; i < answer->count; i++) {
		rec = &answer->records[i];
		ASSERT(rec->ttl_s <= DNS_TTL_MAX);
		check_name(rec->owner);
		if (rec->type == DNS_SRV || rec->type == DNS_CNAME)
			check_name(rec->target);
		else
			ASSERT(rec->target == NULL);
	}
}

static void
check_backends(const struct resolve *r)
{
	const struct backend_spec *specs;
	size_t count = resolve_backends(r, &specs);
	size_t i;

	for (i = 0; i < count; i++) {
		ASSERT(specs[i].addr.kind == ADDR_INET ||
		       specs[i].addr.kind == ADDR_INET6);
		ASSERT(specs[i].sources == SOURCE_DNS);
	}
}

/* A look-up in which everything is answered with this. */
static void
look_up(struct resolve *r, uint64_t now_us, const struct dns_answer *answer)
{
	struct resolve_action a;
	uint64_t ended = resolve_ended(r);
	size_t actions = 0;

	resolve_on_time(r, now_us);
	while (resolve_next_action(r, now_us, &a)) {
		ASSERT(actions++ < ACTIONS_MAX);
		if (a.kind == RESOLVE_QUERY)
			resolve_on_answer(r, now_us, a.handle, answer);
	}
	ASSERT(resolve_ended(r) == ended + 1);
	resolve_check(r);
	check_backends(r);
}

static void
use(const uint8_t *bytes, size_t len)
{
	struct resolve_policy policy;
	struct dns_answer answer;
	struct resolve *r;

	resolve_policy_default(&policy);
	r = resolve_new(SERVICE, 1, &policy, 1);
	dns_parse(bytes, len, &answer);
	check_answer(&answer);
	look_up(r, 0, &answer);
	look_up(r, 3600 * US_PER_S, &answer);
	dns_answer_fini(&answer);
	resolve_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t head[] = { 0x12, 0x34, 0x84, 0, 0, 1, 0, 0, 0, 0,
		0, 0, 2, '_', 'a', 2, '_', 'b', 1, 'c', 0, 0, 33, 0, 1 };
	uint8_t *message;

	if (size < 3)
		return 0;
	if (data[0] % 2 == 0) {
		use(data + 1, size - 1);
		return 0;
	}
	message = mem_new(sizeof(head) + size - 3, 1);
	memcpy(message, head, sizeof(head));
	memcpy(message + sizeof(head), data + 3, size - 3);
	message[7] = data[1];
	message[11] = data[2];
	use(message, sizeof(head) + size - 3);
	free(message);
	return 0;
}
