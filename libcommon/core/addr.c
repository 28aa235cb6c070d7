#include "core/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/number.h"
#include "core/text.h"

/* Longest text of an IP address alone, with its NUL. */
#define HOST_BYTES 46

static bool
parse_unix(const char *path, struct addr *addr, const char **why)
{
	struct addr a = { .kind = ADDR_UNIX };

	*why = "the path of a Unix socket starts with '/'";
	if (path[0] != '/')
		return false;
	*why = "the path of a Unix socket has at most 103 bytes";
	if (strlen(path) >= sizeof(a.path))
		return false;
	strcpy(a.path, path);
	*addr = a;
	return true;
}

static bool
parse_port(const char *text, bool is_fixed, uint16_t *port, const char **why)
{
	uint64_t n;

	*why = is_fixed ? "the port is not a number from 1 to 65535"
			: "the port is not a number from 0 to 65535";
	if (!number_parse(text, is_fixed ? 1 : 0, UINT16_MAX, &n))
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool
copy_host(const char *start, const char *end, char *host)
{
	size_t n = (size_t)(end - start);

	if (n >= HOST_BYTES)
		return false;
	memcpy(host, start, n);
	host[n] = '\0';
	return true;
}

static bool
parse_inet6(
    const char *text, bool is_fixed, struct addr *addr, const char **why)
{
	struct addr a = { .kind = ADDR_INET6 };
	const char *end = strchr(text, ']');
	char host[HOST_BYTES];

	*why = "the ']' after an IPv6 address is missing";
	if (end == NULL)
		return false;
	*why = "a scope (%eth0) cannot be given";
	if (memchr(text, '%', (size_t)(end - text)) != NULL)
		return false;
	*why = "what stands in [ ] is not an IPv6 address";
	if (!copy_host(text + 1, end, host) ||
	    inet_pton(AF_INET6, host, a.ip) != 1)
		return false;
	*why = "a port is missing: [IPV6]:PORT";
	if (end[1] != ':' || end[2] == '\0')
		return false;
	if (!parse_port(end + 2, is_fixed, &a.port, why))
		return false;
	*addr = a;
	return true;
}

static bool
parse_inet(const char *text, bool is_fixed, struct addr *addr, const char **why)
{
	struct addr a = { .kind = ADDR_INET };
	const char *end = strchr(text, ':');
	char host[HOST_BYTES];

	*why = "an IPv6 address stands in brackets: [IPV6]:PORT";
	if (end != NULL && strchr(end + 1, ':') != NULL)
		return false;
	*why = "a port is missing: ADDRESS:PORT";
	if (end == NULL || end[1] == '\0')
		return false;
	*why = "what stands before the port is not an IP address";
	if (!copy_host(text, end, host) || inet_pton(AF_INET, host, a.ip) != 1)
		return false;
	if (!parse_port(end + 1, is_fixed, &a.port, why))
		return false;
	*addr = a;
	return true;
}

static bool
parse(const char *text, bool is_fixed, struct addr *addr, const char **why)
{
	*why = "it is empty";
	if (text[0] == '\0')
		return false;
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, addr, why);
	*why = "it holds a blank";
	if (strpbrk(text, " \t\n") != NULL)
		return false;
	if (text[0] == '[')
		return parse_inet6(text, is_fixed, addr, why);
	return parse_inet(text, is_fixed, addr, why);
}

bool
addr_parse(const char *text, struct addr *addr, const char **why)
{
	return parse(text, false, addr, why);
}

bool
addr_parse_fixed(const char *text, struct addr *addr, const char **why)
{
	return parse(text, true, addr, why);
}

bool
addr_is_ip(const char *text)
{
	uint8_t ip[16];

	return inet_pton(AF_INET, text, ip) == 1 ||
	       inet_pton(AF_INET6, text, ip) == 1;
}

const char *
addr_text(const struct addr *addr, char *buf)
{
	bool is_inet6 = addr->kind == ADDR_INET6;
	char host[HOST_BYTES];
	struct text t;

	text_init(&t, buf, ADDR_TEXT_BYTES);
	if (addr->kind == ADDR_NONE) {
		text_add(&t, "-");
		return buf;
	}
	if (addr->kind == ADDR_UNIX) {
		text_add(&t, "unix:");
		text_add(&t, addr->path);
		return buf;
	}
	inet_ntop(is_inet6 ? AF_INET6 : AF_INET, addr->ip, host, sizeof(host));
	if (is_inet6)
		text_add_char(&t, '[');
	text_add(&t, host);
	text_add(&t, is_inet6 ? "]:" : ":");
	text_add_u64(&t, addr->port);
	return buf;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

static int
kind_rank(const struct addr *addr)
{
	static const int ranks[] = {
		[ADDR_INET6] = 0,
		[ADDR_INET] = 1,
		[ADDR_UNIX] = 2,
		[ADDR_NONE] = 3,
	};

	return ranks[addr->kind];
}

int
addr_compare(const struct addr *a, const struct addr *b)
{
	int c = kind_rank(a) - kind_rank(b);

	if (c != 0 || a->kind == ADDR_NONE)
		return c;
	if (a->kind == ADDR_UNIX)
		return strcmp(a->path, b->path);
	c = memcmp(a->ip, b->ip, a->kind == ADDR_INET6 ? 16 : 4);
	return c != 0 ? c : (a->port > b->port) - (a->port < b->port);
}
