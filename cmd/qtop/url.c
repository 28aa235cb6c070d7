#include "url.h"

#include <string.h>
#include <strings.h>

#include "core/number.h"

#define SCHEME	     "ws://"
#define DEFAULT_PORT 80
#define DEFAULT_PATH "/qtop/stats"

bool
url_is_one(const char *text)
{
	return strstr(text, "://") != NULL;
}

static bool
is_url_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL;
}

/* The host from the n characters at text, which may stand in brackets. */
static bool
set_host(struct url *url, const char *text, size_t n)
{
	url->is_ipv6 = n > 2 && text[0] == '[' && text[n - 1] == ']';
	if (url->is_ipv6) {
		text++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(url->host) || memchr(text, '[', n) != NULL ||
	    memchr(text, ']', n) != NULL ||
	    (memchr(text, ':', n) != NULL) != url->is_ipv6)
		return false;
	memcpy(url->host, text, n);
	url->host[n] = '\0';
	return true;
}

/* HOST[:PORT], n characters of it. */
static bool
set_authority(struct url *url, const char *text, size_t n)
{
	size_t host = n;
	uint64_t port = DEFAULT_PORT;
	char digits[8] = "";

	while (host > 0 && text[host - 1] >= '0' && text[host - 1] <= '9')
		host--;
	if (host > 0 && text[host - 1] == ':') {
		if (n - host >= sizeof(digits))
			return false;
		memcpy(digits, text + host, n - host);
		if (!number_parse(digits, 1, UINT16_MAX, &port))
			return false;
		n = host - 1;
	}
	url->port = (uint16_t)port;
	return set_host(url, text, n);
}

static bool
set_target(struct url *url, const char *text)
{
	struct text t;
	bool is_default =
	    *text == '\0' || *text == '?' || strcmp(text, "/") == 0;

	text_init(&t, url->target, sizeof(url->target));
	if (is_default)
		text_add(&t, DEFAULT_PATH);
	if (!is_default || *text == '?')
		text_add(&t, text);
	return !t.is_cut;
}

bool
url_parse(struct url *url, const char *text, const char **why)
{
	const char *authority = text + strlen(SCHEME);
	size_t n;

	*why = "only ws://HOST:PORT is understood";
	if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
		return false;
	*why = "a URL has no such character";
	for (const char *s = text; *s != '\0'; s++) {
		if (!is_url_char(*s))
			return false;
	}
	*why = "what follows # is nothing for a server";
	if (strchr(text, '#') != NULL)
		return false;
	n = strcspn(authority, "/?");
	*why = "names and passwords are not sent";
	if (memchr(authority, '@', n) != NULL)
		return false;
	*why = "not HOST:PORT, with [ ] around an IPv6 address";
	if (!set_authority(url, authority, n))
		return false;
	*why = "too long";
	return set_target(url, authority + n);
}

static bool
has_key(const char *query, const char *key)
{
	size_t n = strlen(key);

	while (query != NULL) {
		query++;
		if (strncmp(query, key, n) == 0 &&
		    (query[n] == '=' || query[n] == '&' || query[n] == '\0'))
			return true;
		query = strchr(query, '&');
	}
	return false;
}

bool
url_add(struct url *url, const char *key, const char *value)
{
	const char *query = strchr(url->target, '?');
	struct text t = { .buf = url->target,
		.cap = sizeof(url->target),
		.len = strlen(url->target) };

	if (has_key(query, key))
		return true;
	text_add_char(&t, query == NULL ? '?' : '&');
	text_add(&t, key);
	text_add_char(&t, '=');
	for (; *value != '\0'; value++) {
		bool is_plain = (*value >= '0' && *value <= '9') ||
				(*value >= 'A' && *value <= 'Z') ||
				(*value >= 'a' && *value <= 'z') ||
				strchr("-._~", *value) != NULL;

		if (is_plain)
			text_add_char(&t, *value);
		else
			text_addf(&t, "%%%02X", (unsigned char)*value);
	}
	return !t.is_cut;
}

void
url_add_authority(const struct url *url, struct text *out)
{
	text_addf(out, url->is_ipv6 ? "[%s]:%u" : "%s:%u", url->host,
	    (unsigned)url->port);
}

void
url_add_text(const struct url *url, struct text *out)
{
	text_add(out, SCHEME);
	url_add_authority(url, out);
	text_add_bytes(out, url->target, strcspn(url->target, "?"));
}
