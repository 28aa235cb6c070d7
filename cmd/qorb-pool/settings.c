/* What the daemon is told to do; see settings.h. */

#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "core/dns_answer.h"

#define NAME_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

void
settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	policy_init(&s->policy);
	s->connector = connector_find("tcp");
}

void
settings_fini(struct settings *s)
{
	for (size_t i = 0; i < s->pool_count; i++) {
		free(s->pools[i].name);
		free(s->pools[i].service);
		free(s->pools[i].addrs);
	}
	free(s->pools);
	memset(s, 0, sizeof(*s));
}

static bool
is_name(const char *text, size_t len)
{
	if (len == 0 || len > POOL_NAME_MAX)
		return false;
	return strspn(text, NAME_CHARACTERS) >= len;
}

/* Adds one static backend; text is one address of a list. */
static bool
add_addr(struct pool_settings *ps, const char *text, struct text *why)
{
	struct addr addr;
	const char *reason = "";

	if (!addr_parse(text, &addr, &reason)) {
		text_addf(why, "'%s' is not an address: %s", text, reason);
		return false;
	}
	if (addr.kind != ADDR_UNIX && addr.port == 0) {
		text_addf(
		    why, "'%s' is not an address: port 0 is nobody's", text);
		return false;
	}
	for (size_t i = 0; i < ps->addr_count; i++) {
		if (addr_equal(&ps->addrs[i], &addr)) {
			text_addf(why, "address '%s' is named twice", text);
			return false;
		}
	}
	if (ps->addr_count == STATIC_ADDRS_MAX) {
		text_addf(why, "more than %d addresses", STATIC_ADDRS_MAX);
		return false;
	}
	ps->addrs = mem_grow(
	    ps->addrs, ps->addr_count, ps->addr_count + 1, sizeof(addr));
	ps->addrs[ps->addr_count++] = addr;
	return true;
}

/* Cuts a list at its commas and hands each piece to add. */
static bool
each_piece(const char *list, struct text *why, void *ctx,
    bool (*add)(void *ctx, const char *piece, struct text *why))
{
	char *copy = mem_strdup(list), *piece = copy;
	bool is_good = true;

	while (is_good && piece != NULL) {
		char *comma = strchr(piece, ',');

		if (comma != NULL)
			*comma++ = '\0';
		is_good = add(ctx, piece, why);
		piece = comma;
	}
	free(copy);
	return is_good;
}

static bool
add_addr_piece(void *ctx, const char *piece, struct text *why)
{
	return add_addr(ctx, piece, why);
}

/* A service has letters, digits, '-', '_' and dots; an address has a colon. */
static bool
looks_like_addresses(const char *text)
{
	return strpbrk(text, ":[,") != NULL;
}

static bool
set_source(struct pool_settings *ps, const char *text, struct text *why)
{
	char name[DNS_NAME_BYTES];
	const char *reason = "";

	if (looks_like_addresses(text))
		return each_piece(text, why, ps, add_addr_piece);
	if (strspn(text, NAME_CHARACTERS) != strlen(text))
		reason = "it has other characters than letters, digits, '-', "
			 "'_' and '.'";
	if (reason[0] != '\0' || !dns_name_normalize(text, name, &reason)) {
		text_addf(why,
		    "'%s' is neither a list of addresses "
		    "([::1]:6001,192.0.2.7:6001) nor a DNS service name "
		    "(_echo._tcp.example.com): %s",
		    text, reason);
		return false;
	}
	ps->service = mem_strdup(name);
	return true;
}

bool
settings_add_pool(struct settings *s, const char *text, struct text *why)
{
	const char *equals = strchr(text, '=');
	struct pool_settings *ps;

	if (equals == NULL || equals[1] == '\0') {
		text_addf(why,
		    "'%s' names no pool: POOL=SERVICE or POOL=ADDR,ADDR is "
		    "needed",
		    text);
		return false;
	}
	if (!is_name(text, (size_t)(equals - text))) {
		text_addf(why,
		    "'%.*s' cannot be a pool's name: 1 to %d letters, digits, "
		    "'-', '_' and '.' can",
		    (int)(equals - text), text, POOL_NAME_MAX);
		return false;
	}
	s->pools = mem_grow(
	    s->pools, s->pool_count, s->pool_count + 1, sizeof(s->pools[0]));
	ps = &s->pools[s->pool_count++];
	ps->name = mem_strdup(text);
	ps->name[equals - text] = '\0';
	for (size_t i = 0; i + 1 < s->pool_count; i++) {
		if (strcmp(s->pools[i].name, ps->name) == 0) {
			text_addf(why, "pool '%s' is named twice", ps->name);
			return false;
		}
	}
	if (s->pool_count > POOLS_MAX) {
		text_addf(why, "more than %d pools", POOLS_MAX);
		return false;
	}
	return set_source(ps, equals + 1, why);
}

static bool
set_connector(struct settings *s, const char *value, struct text *why)
{
	const struct connector *c = connector_find(value);

	if (c == NULL) {
		text_addf(why,
		    "connector=%s: there is no such connector; "
		    "these are there: %s",
		    value, connector_names());
		return false;
	}
	s->connector = c;
	return true;
}

static bool
set_policy(
    struct settings *s, const char *name, const char *value, struct text *why)
{
	const struct policy_row *row = policy_find(name);

	if (row == NULL) {
		text_addf(
		    why, "'%s' is no policy; qorb-pool(8) lists them", name);
		return false;
	}
	text_addf(why, "%s=%s: ", name, value);
	return policy_set(&s->policy, row, value, why);
}

bool
settings_set(struct settings *s, const char *text, struct text *why)
{
	char *name = mem_strdup(text), *equals = strchr(name, '=');
	bool is_good = false;

	if (equals == NULL)
		text_addf(why, "'%s' sets nothing: name=value is needed", text);
	else
		*equals = '\0';
	if (equals != NULL && strcmp(name, "connector") == 0)
		is_good = set_connector(s, equals + 1, why);
	else if (equals != NULL)
		is_good = set_policy(s, name, equals + 1, why);
	free(name);
	return is_good;
}

static bool
add_dns_piece(void *ctx, const char *piece, struct text *why)
{
	struct settings *s = ctx;
	const char *reason = "";

	if (s->dns_count == DNS_SERVERS_MAX) {
		text_addf(why, "more than %d DNS servers", DNS_SERVERS_MAX);
		return false;
	}
	if (!addr_parse(piece, &s->dns[s->dns_count], &reason)) {
		text_addf(why, "'%s' is not an address: %s", piece, reason);
		return false;
	}
	if (s->dns[s->dns_count].kind == ADDR_UNIX ||
	    s->dns[s->dns_count].port == 0) {
		text_addf(why, "'%s' cannot be a DNS server's address", piece);
		return false;
	}
	s->dns_count++;
	return true;
}

bool
settings_add_dns(struct settings *s, const char *text, struct text *why)
{
	return each_piece(text, why, s, add_dns_piece);
}
