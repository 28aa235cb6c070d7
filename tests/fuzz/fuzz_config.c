/*
 * The configuration from any text, line by line: sections, keys with values,
 * and words of a command line. What is taken is within the limits; what is
 * refused says why, with file and line when it came from a file. Whatever
 * happened, nothing is left of it.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* '[' begins a section, '!' a pool of a command line, '+' a key of it. */
static bool
take(struct config *c, char *text, unsigned line, struct text *why)
{
	char *equals = strchr(text, '=');

	switch (text[0]) {
	case '[':
		return config_section(c, text + 1, line, why);
	case '!':
		return config_add_pool(c, text + 1, why);
	case '+':
		return config_set_pair(c, text + 1, why);
	default:
		if (equals == NULL)
			return config_set(c, text, "", line, why);
		*equals = '\0';
		return config_set(c, text, equals + 1, line, why);
	}
}

static void
check_pool(const struct config *c, const struct config_pool *p)
{
	char buf[256];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	ASSERT(config_pool(c, p->name) == p);
	ASSERT(strlen(p->name) >= 1 && strlen(p->name) <= POOL_NAME_MAX);
	ASSERT(p->has_source && p->connector != NULL);
	ASSERT(p->addr_count <= STATIC_ADDRS_MAX);
	ASSERT(p->allow_count <= ALLOW_MAX);
	ASSERT(p->dns.count <= DNS_SERVERS_MAX);
	ASSERT(policy_check(&p->policy, &why));
	ASSERT(config_same_policy(&p->policy, &p->policy));
	ASSERT(config_same_addrs(p, p) && config_same_dns(p, p));
	for (size_t i = 0; i < p->allow_count; i++)
		ASSERT(p->allow[i].name[0] != '\0');
}

static void
check_whole(const struct config *c)
{
	ASSERT(c->pool_count <= POOLS_MAX);
	ASSERT(c->socket_mode <= 0777);
	ASSERT(c->limits.max_clients >= 1 && c->limits.backlog >= 4096);
	for (size_t i = 0; i < c->pool_count; i++)
		check_pool(c, &c->pools[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buf[512], *copy = mem_new(size + 1, 1), *text = copy, *end;
	struct config *c = config_new("F");
	bool is_good = true;
	struct text why;
	unsigned line = 0;

	if (size > 0)
		memcpy(copy, data, size);
	text_init(&why, buf, sizeof(buf));
	while (is_good && text != NULL) {
		end = strchr(text, '\n');
		if (end != NULL)
			*end++ = '\0';
		is_good = take(c, text, ++line, &why);
		text = end;
	}
	is_good = is_good && config_check(c, &why);
	if (is_good)
		check_whole(c);
	ASSERT(is_good == (buf[0] == '\0'));
	config_free(&c);
	free(copy);
	return 0;
}
