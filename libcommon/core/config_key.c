/* What each key of the configuration does, policies apart: two tables. */

#include <stdlib.h>
#include <string.h>

#include "core/config_priv.h"
#include "core/dns_answer.h"
#include "core/number.h"

#define BLANKS " \t"

#define SERVICE_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

bool
config_line_fail(const struct config_line *l, const char *fmt, ...)
{
	va_list ap;

	/* What is for the whole daemon is an option on the command line. */
	(void)config_fail(l->config, l->line, l->why,
	    "%s%s: ", l->line == 0 && l->pool == NULL ? "--" : "", l->key);
	va_start(ap, fmt);
	text_addv(l->why, fmt, ap);
	va_end(ap);
	return false;
}

void
config_principal_fini(struct config_principal *p)
{
	free(p->name);
	p->name = NULL;
}

/* Cuts a list at its commas and hands each piece, without the blanks around
 * it, to add. */
static bool
each_piece(const struct config_line *l,
    bool (*add)(const struct config_line *l, const char *piece))
{
	char *copy = mem_strdup(l->value), *piece = copy;
	bool is_good = true;

	while (is_good && piece != NULL) {
		char *comma = strchr(piece, ',');
		size_t n;

		if (comma != NULL)
			*comma++ = '\0';
		piece += strspn(piece, BLANKS);
		for (n = strlen(piece); n > 0; n--) {
			if (strchr(BLANKS, piece[n - 1]) == NULL)
				break;
		}
		piece[n] = '\0';
		is_good = add(l, piece);
		piece = comma;
	}
	free(copy);
	return is_good;
}

static bool
parse_addr(const struct config_line *l, const char *text, struct addr *addr)
{
	const char *reason = "";

	if (!addr_parse_fixed(text, addr, &reason))
		return config_line_fail(
		    l, "'%.200s' is not an address: %s", text, reason);
	return true;
}

static bool
add_backend(const struct config_line *l, const char *piece)
{
	struct config_pool *p = l->pool;
	struct addr addr;

	if (!parse_addr(l, piece, &addr))
		return false;
	if (p->addr_count == STATIC_ADDRS_MAX)
		return config_line_fail(
		    l, "more than %d addresses", STATIC_ADDRS_MAX);
	if (p->addr_count == p->addr_room) {
		p->addr_room = 2 * p->addr_room + 8;
		p->addrs = mem_grow(
		    p->addrs, p->addr_count, p->addr_room, sizeof(addr));
	}
	p->addrs[p->addr_count++] = addr;
	return true;
}

static int
compare_places(const void *a, const void *b)
{
	return addr_compare(
	    *(const struct addr *const *)a, *(const struct addr *const *)b);
}

/* All of them at once: a list may be long. */
static bool
are_all_different(const struct config_line *l)
{
	const struct config_pool *p = l->pool;
	const struct addr **sorted = mem_new(p->addr_count, sizeof(*sorted));
	char buf[ADDR_TEXT_BYTES];
	bool is_good = true;

	for (size_t i = 0; i < p->addr_count; i++)
		sorted[i] = &p->addrs[i];
	qsort(sorted, p->addr_count, sizeof(*sorted), compare_places);
	for (size_t i = 1; i < p->addr_count && is_good; i++) {
		if (addr_equal(sorted[i - 1], sorted[i]))
			is_good =
			    config_line_fail(l, "address '%s' is named twice",
				addr_text(sorted[i], buf));
	}
	free(sorted);
	return is_good;
}

/* "none" is for a pool whose backends are all advertised: to forget the
 * backends is a mistake, to say that there are none is not. */
static bool
set_backends(const struct config_line *l)
{
	l->pool->has_source = true;
	if (strcmp(l->value, "none") == 0)
		return true;
	return each_piece(l, add_backend) && are_all_different(l);
}

static bool
set_service(const struct config_line *l)
{
	char name[DNS_NAME_BYTES];
	const char *reason = "";

	if (strspn(l->value, SERVICE_CHARACTERS) != strlen(l->value))
		reason = "it has other characters than letters, digits, '-', "
			 "'_' and '.'";
	else if (addr_is_ip(l->value))
		reason = "it is an IP address, without a port";
	if (reason[0] != '\0' || !dns_name_normalize(l->value, name, &reason))
		return config_line_fail(l,
		    "'%.200s' is neither a list of addresses "
		    "([::1]:6001,192.0.2.7:6001) nor a DNS service name "
		    "(_echo._tcp.example.com): %s",
		    l->value, reason);
	free(l->pool->service);
	l->pool->service = mem_strdup(name);
	l->pool->has_source = true;
	return true;
}

static bool
set_connector(const struct config_line *l)
{
	free(l->pool->connector_name);
	l->pool->connector_name = mem_strdup(l->value);
	l->pool->connector_line = l->line;
	return true;
}

static bool
add_server(const struct config_line *l, const char *piece)
{
	struct config_servers *s =
	    l->pool == NULL ? &l->config->dns : &l->pool->dns;
	struct addr addr;

	if (s->count == DNS_SERVERS_MAX)
		return config_line_fail(
		    l, "more than %d DNS servers", DNS_SERVERS_MAX);
	if (!parse_addr(l, piece, &addr))
		return false;
	if (addr.kind == ADDR_UNIX)
		return config_line_fail(
		    l, "'%s' cannot be a DNS server's address", piece);
	s->addrs[s->count++] = addr;
	return true;
}

static bool
set_dns(const struct config_line *l)
{
	if (l->pool == NULL)
		l->config->dns.count = 0;
	else
		l->pool->dns.count = 0;
	return each_piece(l, add_server);
}

/* NAME or number; is_group: without its @. */
static bool
read_principal(const struct config_line *l, const char *text, bool is_group,
    struct config_principal *p)
{
	uint64_t id = 0;

	if (text[0] == '\0' || strpbrk(text, BLANKS "@") != NULL)
		return config_line_fail(l,
		    "'%.200s' is no %s: a name or a number is needed", text,
		    is_group ? "group" : "user (or @group)");
	p->is_group = is_group;
	p->line = l->line;
	/* The highest one means "no user" in system calls. */
	p->has_id = number_parse(text, 0, UINT32_MAX - 1, &id);
	if (!p->has_id && strspn(text, "0123456789") == strlen(text))
		return config_line_fail(
		    l, "'%.200s' is above the highest number", text);
	p->id = (uint32_t)id;
	free(p->name);
	p->name = mem_strdup(text);
	return true;
}

static bool
add_allowed(const struct config_line *l, const char *piece)
{
	struct config_pool *pool = l->pool;
	struct config_principal p = { 0 };
	bool is_group = piece[0] == '@';

	if (pool->allow_count == ALLOW_MAX)
		return config_line_fail(
		    l, "more than %d users and groups", ALLOW_MAX);
	if (!read_principal(l, piece + is_group, is_group, &p))
		return false;
	pool->allow = mem_grow(
	    pool->allow, pool->allow_count, pool->allow_count + 1, sizeof(p));
	pool->allow[pool->allow_count++] = p;
	return true;
}

static bool
set_allow(const struct config_line *l)
{
	for (size_t i = 0; i < l->pool->allow_count; i++)
		config_principal_fini(&l->pool->allow[i]);
	l->pool->allow_count = 0;
	return each_piece(l, add_allowed);
}

static bool
set_socket(const struct config_line *l)
{
	struct config *c = l->config;

	if (strlen(l->value) >= sizeof(c->socket))
		return config_line_fail(l,
		    "'%.200s': a path of 1 to %zu bytes is needed", l->value,
		    sizeof(c->socket) - 1);
	memcpy(c->socket, l->value, strlen(l->value) + 1);
	c->socket_line = l->line;
	return true;
}

static bool
set_socket_mode(const struct config_line *l)
{
	size_t len = strlen(l->value);

	if (len < 3 || len > 4 || strspn(l->value, "01234567") != len ||
	    (len == 4 && l->value[0] != '0'))
		return config_line_fail(l,
		    "'%.200s': an octal mode is needed, such as 0660",
		    l->value);
	l->config->socket_mode = (uint32_t)strtoul(l->value, NULL, 8);
	return true;
}

static bool
set_log_level(const struct config_line *l)
{
	static const char *const levels[] = { "error", "warn", "info",
		"debug" };

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(l->value, levels[i]) == 0) {
			l->config->log_level = levels[i];
			return true;
		}
	}
	return config_line_fail(l,
	    "'%.200s': one of error, warn, info and debug is needed", l->value);
}

/* "none" undoes what a file says, on the command line. */
static bool
set_web(const struct config_line *l)
{
	struct addr addr = { .kind = ADDR_NONE };
	const char *reason;

	if (strcmp(l->value, "none") != 0 &&
	    (!addr_parse_fixed(l->value, &addr, &reason) ||
		addr.kind == ADDR_UNIX))
		return config_line_fail(l,
		    "'%.200s': an IP address and a port are needed, such as "
		    "127.0.0.1:42069: %s",
		    l->value,
		    addr.kind == ADDR_UNIX ? "a browser finds no Unix socket"
					   : reason);
	l->config->web = addr;
	return true;
}

static bool
set_admin_group(const struct config_line *l)
{
	return read_principal(
	    l, l->value + (l->value[0] == '@'), true, &l->config->admin_group);
}

static bool
set_limit(
    const struct config_line *l, uint32_t *limit, uint32_t min, uint32_t max)
{
	uint64_t n;

	if (!number_parse(l->value, min, max, &n))
		return config_line_fail(l,
		    "'%.200s': a whole number from %u to %u is needed",
		    l->value, (unsigned)min, (unsigned)max);
	*limit = (uint32_t)n;
	return true;
}

/* X(field, default, least, most), in the order of the manual. */
#define LIMITS(X)                                  \
	X(max_clients, 4000, 1, 1000000)           \
	X(max_clients_per_user, 2000, 1, 1000000)  \
	X(max_claims_per_client, 4096, 1, 1000000) \
	X(max_claims_per_user, 16384, 1, 10000000) \
	X(max_streams_per_client, 32, 1, 1000000)  \
	X(max_streams_per_user, 256, 1, 1000000)   \
	X(backlog, 256 * 1024, 4096, 1024 * 1024 * 1024)

#define X(field, initial, least, most)                                      \
	static bool set_##field(const struct config_line *l)                \
	{                                                                   \
		return set_limit(l, &l->config->limits.field, least, most); \
	}
LIMITS(X)
#undef X

void
config_limits_init(struct config_limits *limits)
{
#define X(field, initial, least, most) limits->field = initial;
	LIMITS(X)
#undef X
}

static const struct config_key daemon_keys[] = {
	{ "socket", set_socket },
	{ "socket-mode", set_socket_mode },
	{ "admin-group", set_admin_group },
	{ "log-level", set_log_level },
	{ "web", set_web },
	{ "dns", set_dns },
	{ "max-clients", set_max_clients },
	{ "max-clients-per-user", set_max_clients_per_user },
	{ "max-claims-per-client", set_max_claims_per_client },
	{ "max-claims-per-user", set_max_claims_per_user },
	{ "max-streams-per-client", set_max_streams_per_client },
	{ "max-streams-per-user", set_max_streams_per_user },
	{ "backlog", set_backlog },
};

static const struct config_key pool_keys[] = {
	{ "service", set_service },
	{ "backends", set_backends },
	{ "dns", set_dns },
	{ "connector", set_connector },
	{ "allow", set_allow },
};

const struct config_key *
config_keys(bool is_pool, size_t *count)
{
	*count = is_pool ? ARRAY_LEN(pool_keys) : ARRAY_LEN(daemon_keys);
	return is_pool ? pool_keys : daemon_keys;
}

const char *
config_key_name(bool is_pool, size_t at)
{
	size_t count;
	const struct config_key *keys = config_keys(is_pool, &count);

	return at < count ? keys[at].name : NULL;
}
