/* Whom we answer, and what they may ask; see rules.h. */

#include "rules.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include "core/number.h"

#define HOST_MAX 255

/* A host without its port. */
struct host {
	char name[HOST_MAX + 1];
	bool is_bracketed;
};

static bool
is_port(const char *text)
{
	uint64_t n;

	return number_parse(text, 0, 65535, &n);
}

/* NAME, NAME:PORT, [ADDRESS], [ADDRESS]:PORT. */
static bool
split(const char *text, struct host *host)
{
	const char *end;
	size_t len;

	host->is_bracketed = *text == '[';
	text += host->is_bracketed;
	end = strchr(text, host->is_bracketed ? ']' : ':');
	len = end == NULL ? strlen(text) : (size_t)(end - text);
	if (len == 0 || len > HOST_MAX || (host->is_bracketed && end == NULL))
		return false;
	memcpy(host->name, text, len);
	host->name[len] = '\0';
	text += len + host->is_bracketed;
	return *text == '\0' || (*text == ':' && is_port(text + 1));
}

static bool
is_address(const struct host *host)
{
	unsigned char ip[16];

	return inet_pton(host->is_bracketed ? AF_INET6 : AF_INET, host->name,
		   ip) == 1;
}

bool
rules_add(struct rules *r, const char *name)
{
	struct host host;

	if (r->count == RULES_NAMES_MAX || !split(name, &host) ||
	    host.is_bracketed || strcmp(host.name, name) != 0)
		return false;
	r->names[r->count++] = name;
	return true;
}

const char *
rules_host(const struct rules *r, const char *text)
{
	struct host host;

	if (text == NULL)
		return "a Host header is needed";
	if (!split(text, &host))
		return "this Host is no name and no address";
	if (is_address(&host) ||
	    (!host.is_bracketed && strcasecmp(host.name, "localhost") == 0))
		return NULL;
	for (size_t i = 0; i < r->count; i++) {
		if (!host.is_bracketed &&
		    strcasecmp(host.name, r->names[i]) == 0)
			return NULL;
	}
	return "this Host is not known here; qorb-web --host NAME makes a "
	       "name known";
}

const char *
rules_origin(const char *origin, const char *host)
{
	static const char *const schemes[] = { "http://", "https://" };

	if (origin == NULL)
		return NULL;
	for (size_t i = 0; host != NULL && i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i]);

		if (strncasecmp(origin, schemes[i], n) == 0 &&
		    strcasecmp(origin + n, host) == 0)
			return NULL;
	}
	return "a page from elsewhere (Origin) may not ask here";
}

void
query_init(struct query *q)
{
	memset(q, 0, sizeof(*q));
	q->every_us = US_PER_S;
}

/* Digits, perhaps with a sign and a point; what is out of range is clamped. */
static const char *
take_seconds(struct query *q, const char *text)
{
	bool is_negative = *text == '-';
	const char *digits = text + is_negative;
	size_t whole = strspn(digits, "0123456789");
	const char *rest = digits + whole;
	size_t part = 0;
	double s;

	if (*rest == '.') {
		part = strspn(rest + 1, "0123456789");
		rest += 1 + part;
	}
	if (whole + part == 0 || *rest != '\0')
		return "update_secs: a number of seconds is needed, such as "
		       "0.5";
	s = is_negative ? 0 : strtod(digits, NULL);
	if (s >= (double)QUERY_MOST_US / (double)US_PER_S)
		q->every_us = QUERY_MOST_US;
	else
		q->every_us = (uint64_t)(s * (double)US_PER_S);
	if (q->every_us < QUERY_LEAST_US)
		q->every_us = QUERY_LEAST_US;
	return NULL;
}

const char *
query_take(struct query *q, const char *pair)
{
	static const char seconds[] = "update_secs=", pool[] = "pool=";

	if (strncmp(pair, seconds, strlen(seconds)) == 0)
		return take_seconds(q, pair + strlen(seconds));
	if (strncmp(pair, pool, strlen(pool)) != 0)
		return NULL;
	pair += strlen(pool);
	if (*pair == '\0' || strlen(pair) > QUERY_POOL_MAX)
		return "pool: a name of 1 to 64 bytes is needed";
	memcpy(q->pool, pair, strlen(pair) + 1);
	return NULL;
}

const char *
query_pool(const struct query *q)
{
	return q->pool[0] == '\0' ? NULL : q->pool;
}
