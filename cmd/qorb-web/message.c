/* Messages as JSON; see message.h. */

#include "message.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/base.h"
#include "core/text.h"

#define VERSION 1

/* A double has as many digits that can be relied on, and a time in microseconds
 * since the epoch needs them all. */
#define DIGITS 16

/* Arguments of events that are texts, also when they are made of digits. */
static const char *const texts[] = { "event", "pool", "addr", "name", "reason",
	"how", "old", "new", "service", "server", "program" };

static json_t *
text_value(const char *text)
{
	json_t *value = json_string(text);
	size_t cap;
	char *buf;
	struct text t;

	if (value != NULL)
		return value;
	cap = 4 * strlen(text) + 1;
	buf = mem_new(cap, 1);
	text_init(&t, buf, cap);
	text_add_escaped(&t, text, strlen(text));
	value = json_string(buf);
	free(buf);
	ASSERT(value != NULL);
	return value;
}

static void
put(json_t *object, const char *key, json_t *value)
{
	ASSERT(value != NULL);
	if (json_object_set_new(object, key, value) != 0)
		ASSERT(!"a key of ours");
}

static void
put_text(json_t *object, const char *key, const char *text)
{
	put(object, key, text_value(text));
}

/* What is above the largest integer of JSON's readers is cut down to it. */
static void
put_number(json_t *object, const char *key, uint64_t n)
{
	put(object, key,
	    json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

static void
put_real(json_t *object, const char *key, double value)
{
	put(object, key, json_real(value));
}

/* Under a name that came from elsewhere. */
static void
put_named(json_t *object, const char *name, json_t *value)
{
	json_t *key = text_value(name);

	put(object, json_string_value(key), value);
	json_decref(key);
}

static char *
dump(json_t *object)
{
	char *text = json_dumps(object,
	    JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DIGITS));

	ASSERT(text != NULL);
	json_decref(object);
	return text;
}

static json_t *
begin(void)
{
	json_t *m = json_object();

	put_number(m, "version", VERSION);
	return m;
}

static json_t *
refusals(const struct picture_pool *pool)
{
	json_t *o = json_object();

	for (size_t i = 0; i < pool->refusal_count; i++) {
		const struct picture_refusal *r = &pool->refusals[i];

		if (r->count > 0)
			put_named(
			    o, r->code, json_integer((json_int_t)r->count));
	}
	return o;
}

static json_t *
pool_object(const struct picture_pool *pool)
{
	json_t *o = json_object();

	put_text(o, "service", pool->service);
	put_number(o, "claims", pool->claims);
	put_real(o, "claims_per_s", pool->claims_per_s);
	put_number(o, "waiting", pool->waiting);
	put_number(o, "refused", pool->refused);
	put(o, "refusals", refusals(pool));
	put_number(o, "slots", pool->slots);
	put_number(o, "backends", pool->backends);
	put_number(o, "online", pool->online);
	put_text(o, "resolver", pool->resolver);
	put_number(o, "wait_p50_us", pool->wait_p50_us);
	put_number(o, "wait_p99_us", pool->wait_p99_us);
	put_number(o, "hold_p50_us", pool->hold_p50_us);
	put_number(o, "hold_p99_us", pool->hold_p99_us);
	return o;
}

static json_t *
set_object(const char *pool, const struct picture_backend *b)
{
	json_t *o = json_object();

	put_number(o, "connecting_slots", b->counts[PICTURE_CONNECTING]);
	put_number(o, "unclaimed_slots", b->counts[PICTURE_UNCLAIMED]);
	put_number(o, "checking_slots", b->counts[PICTURE_CHECKING]);
	put_number(o, "claimed_slots", b->counts[PICTURE_CLAIMED]);
	put_number(o, "total_claims", b->claims);
	put_text(o, "pool", pool);
	put_text(o, "name", b->name);
	put_text(o, "addr", b->addr);
	put_text(o, "state", b->state);
	put_number(o, "failures", b->failures);
	put_real(o, "claims_per_s", b->claims_per_s);
	put_number(o, "connect_p50_us", b->connect_p50_us);
	return o;
}

/* pool/name addr, the latter as often as is said; to be freed. */
static char *
set_key(const char *pool, const struct picture_backend *b, unsigned addrs)
{
	size_t cap =
	    strlen(pool) + strlen(b->name) + 2 + addrs * (strlen(b->addr) + 1);
	char *key = mem_new(cap, 1);
	struct text t;

	text_init(&t, key, cap);
	if (pool[0] != '\0')
		text_addf(&t, "%s/", pool);
	text_add(&t, b->name);
	while (addrs-- > 0)
		text_addf(&t, " %s", b->addr);
	return key;
}

/* A set's key tells it from all others of the message, also from one whose name
 * is made to look like it. */
static void
put_set(json_t *sets, const char *pool, const struct picture_backend *b,
    bool is_only)
{
	for (unsigned addrs = b->is_ambiguous;; addrs++) {
		char *text = set_key(is_only ? "" : pool, b, addrs);
		json_t *key = text_value(text);
		bool is_new =
		    json_object_get(sets, json_string_value(key)) == NULL;

		if (is_new)
			put(sets, json_string_value(key), set_object(pool, b));
		json_decref(key);
		free(text);
		if (is_new)
			return;
	}
}

char *
message_stats(const struct picture *p, const char *source, const char *name)
{
	const struct picture_pool *only =
	    name == NULL ? NULL : picture_pool(p, name);
	size_t count = only == NULL ? p->pool_count : 1;
	json_t *m, *pools, *sets;
	uint64_t claims = 0;

	if (name != NULL && only == NULL)
		return message_error("no-such-pool: no pool has this name");
	m = begin();
	pools = json_object();
	sets = json_object();
	for (size_t i = 0; i < count; i++) {
		const struct picture_pool *pool =
		    only == NULL ? &p->pools[i] : only;

		claims += pool->claims;
		put_named(pools, pool->name, pool_object(pool));
		for (size_t j = 0; j < pool->set_count; j++)
			put_set(sets, pool->name, &pool->sets[j], count == 1);
	}
	put_real(m, "t", (double)p->t_us / (double)US_PER_S);
	put_text(m, "server", p->server);
	put_text(m, "source", source);
	put_number(m, "claims", claims);
	put(m, "pools", pools);
	put(m, "sets", sets);
	return dump(m);
}

char *
message_error(const char *why)
{
	json_t *m = begin();

	put_text(m, "error", why);
	return dump(m);
}

static bool
is_text(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (strcmp(texts[i], key) == 0)
			return true;
	}
	return false;
}

/* A number of JSON as the daemon writes them: digits, and perhaps a point and
 * more of them. */
static bool
is_number(const char *value)
{
	size_t n = strspn(value, "0123456789");

	if (n == 0 || n > 18 || (n > 1 && value[0] == '0'))
		return false;
	value += n;
	if (*value == '.' && isdigit((unsigned char)value[1]))
		value += 1 + strspn(value + 1, "0123456789");
	return *value == '\0';
}

static json_t *
argument(const struct qorb_arg *arg)
{
	json_t *value = NULL;

	if (strcmp(arg->key, "stats") == 0)
		value = json_loads(arg->value, JSON_REJECT_DUPLICATES, NULL);
	else if (!is_text(arg->key) && is_number(arg->value))
		value = json_loads(arg->value, JSON_DECODE_ANY, NULL);
	return value == NULL ? text_value(arg->value) : value;
}

char *
message_event(const struct qorb_reply *row)
{
	json_t *m = json_object();

	for (size_t i = 0; i < row->argc; i++) {
		if (row->args[i].key != NULL)
			put_named(m, row->args[i].key, argument(&row->args[i]));
	}
	return dump(m);
}

char *
message_lost(uint64_t count)
{
	json_t *m = json_object();

	put_text(m, "event", "lost");
	put_number(m, "count", count);
	return dump(m);
}
