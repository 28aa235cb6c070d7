#include "message.h"

#include <string.h>

#include <jansson.h>

/* Counts above it are somebody's mistake, and not exact in every JSON. */
#define MOST_COUNT (1ULL << 62)

/* ---- Values ---- */

static bool
get_count(const json_t *object, const char *key, uint64_t *n)
{
	const json_t *value = json_object_get(object, key);
	double real;

	*n = 0;
	if (json_is_integer(value)) {
		json_int_t i = json_integer_value(value);

		if (i >= 0 && (uint64_t)i <= MOST_COUNT)
			*n = (uint64_t)i;
		return i >= 0 && (uint64_t)i <= MOST_COUNT;
	}
	if (!json_is_real(value))
		return false;
	real = json_real_value(value);
	if (!(real >= 0 && real <= (double)MOST_COUNT))
		return false;
	*n = (uint64_t)real;
	return true;
}

static uint64_t
count(const json_t *object, const char *key)
{
	uint64_t n;

	(void)get_count(object, key, &n);
	return n;
}

static double
decimal(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* A rate that somebody measured; 0 is as good as none. */
static double
rate(const json_t *object)
{
	double per_s = decimal(object, "claims_per_s");

	return per_s >= 0 && per_s <= (double)MOST_COUNT ? per_s : 0;
}

static const char *
string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* ---- Parts of a message ---- */

static bool
add_pool(struct model *model, const char *name, const json_t *pool)
{
	const struct model_names names = { .pool = name,
		.resolver = string(pool, "resolver") };
	struct pool_figures now = { .waiting = count(pool, "waiting"),
		.refused = count(pool, "refused"),
		.slots = count(pool, "slots"),
		.wait_p50_us = count(pool, "wait_p50_us"),
		.wait_p99_us = count(pool, "wait_p99_us"),
		.hold_p50_us = count(pool, "hold_p50_us"),
		.hold_p99_us = count(pool, "hold_p99_us"),
		.claims_per_s = rate(pool) };

	now.lacks_claims = !get_count(pool, "claims", &now.claims);
	return model_add_pool(model, &names, &now);
}

static bool
add_set(struct model *model, const char *key, const json_t *set)
{
	const char *pool = string(set, "pool"), *name = string(set, "name");
	const struct model_names names = {
		.pool = pool != NULL ? pool : MODEL_UNKNOWN,
		.backend = name != NULL ? name : key,
		.addr = string(set, "addr"),
		.state = string(set, "state"),
	};
	struct backend_figures now = {
		.connecting = count(set, "connecting_slots"),
		.unclaimed = count(set, "unclaimed_slots"),
		.claimed = count(set, "claimed_slots"),
		.checking = count(set, "checking_slots"),
		.failures = count(set, "failures"),
		.connect_p50_us = count(set, "connect_p50_us"),
		.claims_per_s = rate(set),
	};

	now.lacks_total = !get_count(set, "total_claims", &now.total);
	return model_add_backend(model, &names, &now);
}

/* What other servers say stands for one pool without a name. */
static bool
add_bare_pool(struct model *model, const json_t *message)
{
	const struct model_names names = { .pool = MODEL_UNKNOWN };
	struct pool_figures now = { .is_bare = true };

	now.lacks_claims = !get_count(message, "claims", &now.claims);
	return model_add_pool(model, &names, &now);
}

/* False: more than a model holds. */
static bool
add_all(struct model *model, json_t *message)
{
	json_t *pools = json_object_get(message, "pools");
	json_t *sets = json_object_get(message, "sets"), *value;
	const char *key;

	if (!json_is_object(pools) && !add_bare_pool(model, message))
		return false;
	json_object_foreach(pools, key, value)
	{
		if (json_is_object(value) && !add_pool(model, key, value))
			return false;
	}
	json_object_foreach(sets, key, value)
	{
		if (json_is_object(value) && !add_set(model, key, value))
			return false;
	}
	return true;
}

/* ---- A message ---- */

/* A whole number too large for the reader is read anew as any other one. A NUL
 * in a text, be it one that is not looked at, ends it and is no error. */
static json_t *
load(const struct message *m, json_error_t *error)
{
	json_t *json = json_loadb(m->bytes, m->len, JSON_ALLOW_NUL, error);

	if (json == NULL &&
	    json_error_code(error) == json_error_numeric_overflow)
		json = json_loadb(m->bytes, m->len,
		    JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, error);
	return json;
}

static void
end_round(struct model *model, const struct message *m, const json_t *json)
{
	uint64_t t_us = model_time_us(decimal(json, "t"));
	struct model_time time = { .t_us = t_us, .clock_us = t_us };

	if (t_us == 0)
		time = (struct model_time){ .t_us = m->wall_us,
			.clock_us = m->clock_us,
			.is_arrival = true };
	model_end(model, &time);
}

static enum message_kind
read_object(const struct message *m, json_t *json, struct model *model,
    struct text *why)
{
	const char *error = string(json, "error");

	if (error != NULL) {
		text_add(why, error);
		return MESSAGE_ERROR;
	}
	if (!json_is_object(json_object_get(json, "sets"))) {
		text_add(why, "a message without \"sets\"");
		return MESSAGE_ODD;
	}
	if (model == NULL)
		return MESSAGE_ROUND;
	model_begin(model);
	if (!add_all(model, json)) {
		model_begin(model);
		text_add(why, "a message with more pools or backends than can "
			      "be shown");
		return MESSAGE_ODD;
	}
	end_round(model, m, json);
	return MESSAGE_ROUND;
}

enum message_kind
message_read(
    const struct message *message, struct model *model, struct text *why)
{
	enum message_kind kind = MESSAGE_ODD;
	json_error_t error;
	json_t *json = load(message, &error);

	if (json == NULL)
		text_addf(why, "a message that is no JSON: %s (byte %d)",
		    error.text, error.position);
	else if (!json_is_object(json))
		text_add(why, "a message that is no JSON object");
	else
		kind = read_object(message, json, model, why);
	json_decref(json);
	return kind;
}
