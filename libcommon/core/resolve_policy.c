/* The words and settings of the resolver; see resolve.h. */

#include "core/resolve.h"

#include <string.h>

#include "core/text.h"

/* Where name servers are asked when nobody says. */
#define DNS_PORT ":53"

static const char *const family_names[] = {
	[RESOLVE_ANY] = "any",
	[RESOLVE_INET6] = "inet6",
	[RESOLVE_INET] = "inet",
};
const char *
resolve_family_name(enum resolve_family family)
{
	ASSERT(family < ARRAY_LEN(family_names));
	return family_names[family];
}

bool
resolve_family_parse(const char *text, enum resolve_family *family)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(family_names); i++) {
		if (strcmp(text, family_names[i]) == 0) {
			*family = (enum resolve_family)i;
			return true;
		}
	}
	return false;
}

const char *
resolve_rule_word(enum resolve_rule rule)
{
	static const char *const words[] = {
#define X(name, word, text) [RESOLVE_RULE_##name] = (word),
		RESOLVE_RULE_TABLE(X)
#undef X
	};

	ASSERT(rule < ARRAY_LEN(words));
	return words[rule];
}

const char *
resolve_rule_text(enum resolve_rule rule)
{
	static const char *const texts[] = {
#define X(name, word, text) [RESOLVE_RULE_##name] = (text),
		RESOLVE_RULE_TABLE(X)
#undef X
	};

	ASSERT(rule < ARRAY_LEN(texts));
	return texts[rule];
}

const char *
resolve_status_name(enum resolve_status status)
{
	static const char *const names[] = {
		[RESOLVE_STARTING] = "none",
		[RESOLVE_OK] = "ok",
		[RESOLVE_STALE] = "stale",
		[RESOLVE_FAILING] = "failing",
		[RESOLVE_EMPTY] = "none",
		[RESOLVE_SAVED] = "saved",
	};

	ASSERT(status < ARRAY_LEN(names));
	return names[status];
}

void
resolve_policy_default(struct resolve_policy *policy)
{
	memset(policy, 0, sizeof(*policy));
#define X(kind, field, name, value, min, max, help) policy->field = (value);
	RESOLVE_POLICY_TABLE(X)
#undef X
}

/* An address as given: a port of 53 is added where there is none. */
static bool
parse_server(const char *given, struct addr *server, const char **why)
{
	const char *host_end = given[0] == '[' ? strchr(given, ']') : given;
	char buf[ADDR_TEXT_BYTES + sizeof(DNS_PORT)];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_add(&t, given);
	if (t.len > 0 && host_end != NULL && strchr(host_end, ':') == NULL)
		text_add(&t, DNS_PORT);
	if (!addr_parse_fixed(buf, server, why))
		return false;
	*why = "a name server has an IP address";
	return server->kind != ADDR_UNIX;
}

bool
resolve_servers_parse(const char *text, struct addr *servers, size_t *count,
    char *bad, const char **why)
{
	struct text one;
	size_t len;

	for (*count = 0;; text += len + 1) {
		len = strcspn(text, ",");
		text_init(&one, bad, ADDR_TEXT_BYTES);
		text_add_bytes(&one, text, len);
		*why = "it is too long";
		if (one.is_cut)
			return false;
		*why = "there are more than 32 servers";
		if (*count >= RESOLVE_SERVERS_MAX)
			return false;
		if (!parse_server(bad, &servers[*count], why))
			return false;
		++*count;
		if (text[len] == '\0')
			return true;
	}
}
