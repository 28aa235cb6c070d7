/* The table of a pool's settings, and reading and writing them as text. */

#include "core/policy.h"

#include <stdlib.h>
#include <string.h>

#include "core/dns_answer.h"
#include "core/duration.h"
#include "core/number.h"

#define MS(n)	   ((n)*US_PER_MS)
#define S(n)	   ((n)*US_PER_S)
#define SPAN_MOST  S(86400ULL * 366)
#define SLOTS_MOST 1000000
#define AT(field)  offsetof(struct policy, field)

const struct policy_row policy_rows[] = {
	{ "spares-wanted", POLICY_COUNT, AT(spares_wanted), "8", 0, SLOTS_MOST,
	    NULL, "unclaimed connections to keep, over all backends" },
	{ "max-slots", POLICY_COUNT, AT(max_slots), "16", 1, SLOTS_MOST, NULL,
	    "most slots in the pool, at every instant" },
	{ "max-count", POLICY_COUNT, AT(max_count), "16", 1, SLOTS_MOST, NULL,
	    "most slots of one backend" },
	{ "rebalance-interval", POLICY_SPAN, AT(rebalance_interval), "60s",
	    MS(10), SPAN_MOST, NULL,
	    "how often slots are spread anew without another reason" },
	{ "claim-timeout", POLICY_SPAN_OR_NEVER, AT(claim_timeout), "30s", 0,
	    SPAN_MOST, NULL, "how long a claim waits" },
	{ "max-waiting", POLICY_COUNT, AT(max_waiting), "4096", 0, SLOTS_MOST,
	    NULL, "longest claim queue" },
	{ "codel-target", POLICY_SPAN_OR_NEVER, AT(codel_target), "never",
	    MS(1), SPAN_MOST, NULL,
	    "wait that the queue is held to by dropping claims (CoDel)" },
	{ "codel-interval", POLICY_SPAN, AT(codel_interval), "100ms", MS(1),
	    SPAN_MOST, NULL, "how long waits may be longer before it drops" },
	{ "when-offline", POLICY_CHOICE, AT(when_offline), "wait", 0, 0,
	    "wait fail",
	    "what claims do while every backend is down or drained" },
	{ "connect-timeout", POLICY_SPAN, AT(connect_timeout), "3s", MS(1),
	    SPAN_MOST, NULL, "bound on one attempt to connect" },
	{ "connect-rate", POLICY_COUNT, AT(connect_rate), "1000", 1, SLOTS_MOST,
	    NULL, "new connections a second; a tenth of it may come at once" },
	{ "min-uptime", POLICY_SPAN, AT(min_uptime), "1s", 0, SPAN_MOST, NULL,
	    "age at which a connection counts as a success for backoff" },
	{ "min-connection-backoff", POLICY_SPAN, AT(min_connection_backoff),
	    "20ms", MS(1), SPAN_MOST, NULL,
	    "first wait after a failed attempt" },
	{ "max-connection-backoff", POLICY_SPAN, AT(max_connection_backoff),
	    "30s", MS(1), SPAN_MOST, NULL, "longest such wait" },
	{ "spread", POLICY_SPAN, AT(spread), "20ms", 0, SPAN_MOST, NULL,
	    "random part added to backoffs and health intervals" },
	{ "health-interval", POLICY_SPAN_OR_NEVER, AT(health_interval), "30s",
	    MS(10), SPAN_MOST, NULL,
	    "how often an idle connection is checked" },
	{ "health-check-timeout", POLICY_SPAN, AT(health_check_timeout), "3s",
	    MS(1), SPAN_MOST, NULL, "bound on one check" },
	{ "max-lifetime", POLICY_SPAN_OR_NEVER, AT(max_lifetime), "never",
	    MS(100), SPAN_MOST, NULL,
	    "age at which a connection is retired, 10 % more or less" },
	{ "max-claims-per-connection", POLICY_COUNT_OR_NEVER,
	    AT(max_claims_per_connection), "never", 1, UINT32_MAX, NULL,
	    "claims after which a connection is retired" },
	{ "leak-after", POLICY_SPAN_OR_NEVER, AT(leak_after), "5m", MS(1),
	    SPAN_MOST, NULL, "a claim held longer is reported" },
	{ "max-hold", POLICY_SPAN_OR_NEVER, AT(max_hold), "never", MS(1),
	    SPAN_MOST, NULL, "lease of a claim that asks for none" },
	{ "tcp-keepalive", POLICY_KEEPALIVE, AT(tcp_keepalive), "30s,10s,3", 0,
	    0, NULL, "idle time, interval and count of keepalive probes" },
	{ "tcp-user-timeout", POLICY_SPAN_OR_NEVER, AT(tcp_user_timeout), "60s",
	    MS(1), S(4294967), NULL,
	    "unacknowledged data older than this ends the connection" },
	{ "tcp-nodelay", POLICY_CHOICE, AT(tcp_nodelay), "on", 0, 0, "off on",
	    "send small segments at once" },
	{ "isolation", POLICY_CHOICE, AT(isolation), "uid", 0, 0, "uid none",
	    "lend a connection only to the user who first had it" },
	{ "balance", POLICY_CHOICE, AT(balance), "least-claimed", 0, 0,
	    "least-claimed p2c round-robin",
	    "how the best backend is chosen for a claim" },
	{ "subset", POLICY_CHOICE, AT(subset), "on", 0, 0, "off on",
	    "with fewer slots than backends, use this host's own choice" },
	{ "resolver-service", POLICY_NAME, AT(dns.resolver_service), "none", 0,
	    RESOLVE_NAME_BYTES, NULL,
	    "SRV name under which further name servers are found, or none" },
	{ "state-file", POLICY_PATH, AT(state_file), "none", 0,
	    POLICY_PATH_BYTES, NULL,
	    "file that keeps the last good set of DNS over restarts" },
#define SPAN(field, name, least, most, help)                          \
	{ name, (most) == NEVER ? POLICY_SPAN_OR_NEVER : POLICY_SPAN, \
		AT(dns.field), NULL, least,                           \
		(most) == NEVER ? SPAN_MOST : (most), NULL, help },
#define COUNT(field, name, least, most, help) \
	{ name, POLICY_COUNT, AT(dns.field), NULL, least, most, NULL, help },
#define FAMILY(field, name, least, most, help)                              \
	{ name, POLICY_CHOICE, AT(dns.field), NULL, 0, 0, "any inet6 inet", \
		help },
#define ANSWERS(field, name, least, most, help) \
	{ name, POLICY_CHOICE, AT(dns.field), NULL, 0, 0, "first merge", help },
#define X(kind, field, name, initial, least, most, help) \
	kind(field, name, least, most, help)
	RESOLVE_POLICY_TABLE(X)
#undef X
};

const size_t policy_row_count = ARRAY_LEN(policy_rows);

static void *
field(struct policy *p, const struct policy_row *row)
{
	return (char *)p + row->offset;
}

static uint32_t
get_u32(const struct policy *p, const struct policy_row *row)
{
	uint32_t n;

	memcpy(&n, (const char *)p + row->offset, sizeof(n));
	return n;
}

static uint64_t
get_u64(const struct policy *p, const struct policy_row *row)
{
	uint64_t n;

	memcpy(&n, (const char *)p + row->offset, sizeof(n));
	return n;
}

void
policy_init(struct policy *p)
{
	char buf[128];
	struct text why;

	memset(p, 0, sizeof(*p));
	resolve_policy_default(&p->dns);
	for (size_t i = 0; i < policy_row_count; i++) {
		if (policy_rows[i].initial == NULL)
			continue;
		text_init(&why, buf, sizeof(buf));
		ASSERT(policy_set(
		    p, &policy_rows[i], policy_rows[i].initial, &why));
	}
}

const struct policy_row *
policy_find(const char *name)
{
	for (size_t i = 0; i < policy_row_count; i++) {
		if (strcmp(policy_rows[i].name, name) == 0)
			return &policy_rows[i];
	}
	return NULL;
}

static bool
set_count(struct policy *p, const struct policy_row *row, const char *value,
    struct text *why)
{
	bool may_be_never = row->kind == POLICY_COUNT_OR_NEVER;
	uint64_t n;
	uint32_t n32;

	if (may_be_never && strcmp(value, "never") == 0) {
		n = NEVER;
	} else if (!number_parse(value, row->min, row->max, &n)) {
		text_addf(why, "a whole number from %llu to %llu%s is needed",
		    (unsigned long long)row->min, (unsigned long long)row->max,
		    may_be_never ? ", or never," : "");
		return false;
	}
	n32 = (uint32_t)n;
	if (may_be_never)
		memcpy(field(p, row), &n, sizeof(n));
	else
		memcpy(field(p, row), &n32, sizeof(n32));
	return true;
}

static bool
set_span(struct policy *p, const struct policy_row *row, const char *value,
    struct text *why)
{
	bool may_be_never = row->kind == POLICY_SPAN_OR_NEVER;
	uint64_t n;

	if (duration_parse(value, &n) &&
	    (n == NEVER ? may_be_never : n >= row->min && n <= row->max)) {
		memcpy(field(p, row), &n, sizeof(n));
		return true;
	}
	text_add(why, "a time from ");
	text_add_duration(why, row->min);
	text_add(why, " to ");
	text_add_duration(why, row->max);
	text_addf(why, " (250ms, 5s, 2m)%s is needed",
	    may_be_never ? ", or never," : "");
	return false;
}

static bool
set_choice(struct policy *p, const struct policy_row *row, const char *value,
    struct text *why)
{
	const char *word = row->choices;
	size_t len = strlen(value);

	for (uint32_t i = 0; *word != '\0'; i++) {
		size_t n = strcspn(word, " ");

		if (n == len && memcmp(word, value, n) == 0) {
			memcpy(field(p, row), &i, sizeof(i));
			return true;
		}
		word += n;
		word += *word == ' ';
	}
	text_addf(why, "one of these is needed: %s", row->choices);
	return false;
}

static bool
set_keepalive(struct policy *p, const struct policy_row *row, const char *value,
    struct text *why)
{
	struct policy_keepalive k = { NEVER, 0, 0 };
	char copy[64], *interval = NULL, *count = NULL;
	uint64_t n = 0;
	bool is_good = strcmp(value, "never") == 0;

	if (!is_good && strlen(value) < sizeof(copy)) {
		memcpy(copy, value, strlen(value) + 1);
		interval = strchr(copy, ',');
		count = interval == NULL ? NULL : strchr(interval + 1, ',');
	}
	if (count != NULL) {
		*interval++ = '\0';
		*count++ = '\0';
		is_good = duration_parse(copy, &k.idle_us) &&
			  duration_parse(interval, &k.interval_us) &&
			  k.idle_us >= S(1) && k.idle_us <= S(32767) &&
			  k.interval_us >= S(1) && k.interval_us <= S(32767) &&
			  number_parse(count, 1, 127, &n);
		k.count = (uint32_t)n;
	}
	if (!is_good) {
		text_add(why,
		    "IDLE,INTERVAL,COUNT (30s,10s,3) or never is "
		    "needed, times from 1s to 32767s, count 1 to 127");
		return false;
	}
	memcpy(field(p, row), &k, sizeof(k));
	return true;
}

static bool
set_text(struct policy *p, const struct policy_row *row, const char *value)
{
	if (strlen(value) >= row->max)
		return false;
	memcpy(field(p, row), value, strlen(value) + 1);
	return true;
}

static bool
set_name(struct policy *p, const struct policy_row *row, const char *value,
    struct text *why)
{
	const char *reason = "it is too long";
	char name[DNS_NAME_BYTES];

	if (strcmp(value, "none") == 0)
		return set_text(p, row, "");
	if (dns_name_normalize(value, name, &reason) && set_text(p, row, name))
		return true;
	text_addf(why, "a DNS name or none is needed: %s", reason);
	return false;
}

static bool
set_path(struct policy *p, const struct policy_row *row, const char *value,
    struct text *why)
{
	if (strcmp(value, "none") == 0)
		return set_text(p, row, "");
	if (value[0] == '/' && value[strlen(value) - 1] != '/' &&
	    set_text(p, row, value))
		return true;
	text_addf(why,
	    "an absolute path of at most %llu bytes, or none, is needed",
	    (unsigned long long)row->max - 1);
	return false;
}

bool
policy_set(struct policy *p, const struct policy_row *row, const char *value,
    struct text *why)
{
	switch (row->kind) {
	case POLICY_COUNT:
	case POLICY_COUNT_OR_NEVER:
		return set_count(p, row, value, why);
	case POLICY_SPAN:
	case POLICY_SPAN_OR_NEVER:
		return set_span(p, row, value, why);
	case POLICY_CHOICE:
		return set_choice(p, row, value, why);
	case POLICY_KEEPALIVE:
		return set_keepalive(p, row, value, why);
	case POLICY_NAME:
		return set_name(p, row, value, why);
	case POLICY_PATH:
		return set_path(p, row, value, why);
	}
	return false;
}

bool
policy_check(const struct policy *p, struct text *why)
{
	if (p->min_connection_backoff > p->max_connection_backoff) {
		text_add(why, "min-connection-backoff is above "
			      "max-connection-backoff");
		return false;
	}
	return true;
}

static void
add_choice(struct text *t, const char *choices, uint32_t index)
{
	while (index-- > 0)
		choices += strcspn(choices, " ") + 1;
	text_add_bytes(t, choices, strcspn(choices, " "));
}

void
policy_add_value(
    struct text *t, const struct policy *p, const struct policy_row *row)
{
	struct policy_keepalive k;
	const char *word;
	uint64_t n;

	switch (row->kind) {
	case POLICY_COUNT:
		text_add_u64(t, get_u32(p, row));
		break;
	case POLICY_COUNT_OR_NEVER:
		n = get_u64(p, row);
		if (n == NEVER)
			text_add(t, "never");
		else
			text_add_u64(t, n);
		break;
	case POLICY_SPAN:
	case POLICY_SPAN_OR_NEVER:
		text_add_duration(t, get_u64(p, row));
		break;
	case POLICY_CHOICE:
		add_choice(t, row->choices, get_u32(p, row));
		break;
	case POLICY_KEEPALIVE:
		memcpy(&k, (const char *)p + row->offset, sizeof(k));
		text_add_duration(t, k.idle_us);
		if (k.idle_us == NEVER)
			break;
		text_add_char(t, ',');
		text_add_duration(t, k.interval_us);
		text_add_char(t, ',');
		text_add_u64(t, k.count);
		break;
	case POLICY_NAME:
	case POLICY_PATH:
		word = (const char *)p + row->offset;
		text_add(t, *word == '\0' ? "none" : word);
		break;
	}
}
