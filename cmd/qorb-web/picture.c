/* A picture from rows; see picture.h. */

#include "picture.h"

#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/number.h"

const char *const picture_states[PICTURE_STATES] = { "connecting", "unclaimed",
	"checking", "claimed" };

static uint64_t
number(const struct qorb_reply *row, const char *key)
{
	uint64_t n = 0;

	(void)qorb_reply_number(row, key, &n);
	return n;
}

/* 12.5, or 0 when it is none. The locale is C's. */
static double
decimal(const struct qorb_reply *row, const char *key)
{
	const char *value = qorb_reply_get(row, key);
	double d = value == NULL ? 0 : strtod(value, NULL);

	/* Neither infinite nor not a number. */
	return d > -1e300 && d < 1e300 ? d : 0;
}

static char *
copy(const struct qorb_reply *row, const char *key)
{
	const char *value = qorb_reply_get(row, key);

	return mem_strdup(value == NULL ? "" : value);
}

struct picture *
picture_new(const char *server)
{
	struct picture *p = mem_new(1, sizeof(*p));

	p->server = mem_strdup(server);
	return p;
}

static void
pool_fini(struct picture_pool *pool)
{
	for (size_t i = 0; i < pool->set_count; i++) {
		free(pool->sets[i].name);
		free(pool->sets[i].addr);
		free(pool->sets[i].state);
	}
	for (size_t i = 0; i < pool->refusal_count; i++)
		free(pool->refusals[i].code);
	free(pool->sets);
	free(pool->refusals);
	free(pool->name);
	free(pool->service);
	free(pool->resolver);
}

void
picture_free(struct picture **picture)
{
	struct picture *p = *picture;

	*picture = NULL;
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->pool_count; i++)
		pool_fini(&p->pools[i]);
	free(p->pools);
	free(p->server);
	free(p);
}

/* The pool that a row is about; rows of one pool follow one another. */
static struct picture_pool *
pool_of(struct picture *p, const struct qorb_reply *row)
{
	const char *name = qorb_reply_get(row, "pool");

	for (size_t i = p->pool_count; name != NULL && i-- > 0;) {
		if (strcmp(p->pools[i].name, name) == 0)
			return &p->pools[i];
	}
	return NULL;
}

void
picture_add_pool(struct picture *p, const struct qorb_reply *row)
{
	struct picture_pool *pool;

	if (qorb_reply_get(row, "pool") == NULL || pool_of(p, row) != NULL)
		return;
	p->pools = mem_grow(
	    p->pools, p->pool_count, p->pool_count + 1, sizeof(*p->pools));
	pool = &p->pools[p->pool_count++];
	pool->name = copy(row, "pool");
	pool->service = copy(row, "service");
	pool->resolver = mem_strdup("");
	pool->backends = number(row, "backends");
	pool->online = number(row, "online");
}

static void
add_backend(struct picture_pool *pool, const struct qorb_reply *row)
{
	struct picture_backend *b;

	if (pool->set_count == pool->set_room) {
		size_t room = pool->set_room == 0 ? 8 : 2 * pool->set_room;

		pool->sets = mem_grow(
		    pool->sets, pool->set_room, room, sizeof(*pool->sets));
		pool->set_room = room;
	}
	b = &pool->sets[pool->set_count++];
	b->name = copy(row, "backend");
	b->addr = copy(row, "addr");
	b->state = copy(row, "state");
	for (int i = 0; i < PICTURE_STATES; i++)
		b->counts[i] = number(row, picture_states[i]);
	b->claims = number(row, "total");
	b->failures = number(row, "failures");
	b->claims_per_s = decimal(row, "claims_per_s");
	b->connect_p50_us = number(row, "connect_p50_us");
}

void
picture_add_stats(struct picture *p, const struct qorb_reply *row)
{
	struct picture_pool *pool = pool_of(p, row);

	if (pool == NULL) /* it has come since the rows of pools */
		return;
	if (qorb_reply_get(row, "backend") != NULL) {
		add_backend(pool, row);
		return;
	}
	free(pool->resolver);
	pool->resolver = copy(row, "resolver");
	pool->claims = number(row, "claims");
	pool->claims_per_s = decimal(row, "claims_per_s");
	pool->waiting = number(row, "waiting");
	pool->refused = number(row, "refused");
	pool->slots = number(row, "slots");
	pool->wait_p50_us = number(row, "wait_p50_us");
	pool->wait_p99_us = number(row, "wait_p99_us");
	pool->hold_p50_us = number(row, "hold_p50_us");
	pool->hold_p99_us = number(row, "hold_p99_us");
}

static void
add_refusal(struct picture_pool *pool, const struct qorb_reply *row)
{
	struct picture_refusal *r;

	pool->refusals = mem_grow(pool->refusals, pool->refusal_count,
	    pool->refusal_count + 1, sizeof(*pool->refusals));
	r = &pool->refusals[pool->refusal_count++];
	r->code = copy(row, "code");
	r->count = number(row, "value");
}

/* le_250us: the bound; false when the key is none. */
static bool
read_bound(const char *key, uint64_t *bound_us)
{
	size_t len = strlen(key);
	char digits[24];

	if (len < 6 || len - 5 >= sizeof(digits) ||
	    strncmp(key, "le_", 3) != 0 || strcmp(key + len - 2, "us") != 0)
		return false;
	memcpy(digits, key + 3, len - 5);
	digits[len - 5] = '\0';
	return number_parse(digits, 0, UINT64_MAX, bound_us);
}

/* A bound that is not above the last one, and its count, are left out. */
static void
add_histogram(struct picture_histogram *h, const struct qorb_reply *row)
{
	h->count = number(row, "count");
	h->sum_us = number(row, "sum_us");
	h->bucket_count = 0;
	for (size_t i = 0; i < row->argc; i++) {
		struct picture_bucket *b = &h->buckets[h->bucket_count];

		if (h->bucket_count == PICTURE_BUCKETS_MAX)
			return;
		if (row->args[i].key == NULL ||
		    !read_bound(row->args[i].key, &b->bound_us) ||
		    !number_parse(row->args[i].value, 0, UINT64_MAX, &b->count))
			continue;
		if (h->bucket_count == 0 || b[-1].bound_us < b->bound_us)
			h->bucket_count++;
	}
}

/* The rows of metrics have the backends in the order of those of stats, so the
 * one after the last is it, unless one came or went between. */
static void
add_lifetime(struct picture_pool *pool, const struct qorb_reply *row)
{
	const char *name = qorb_reply_get(row, "backend");
	const char *addr = qorb_reply_get(row, "addr");

	for (size_t i = 0; name != NULL && addr != NULL && i < pool->set_count;
	     i++) {
		size_t at = (pool->seen + i) % pool->set_count;
		struct picture_backend *b = &pool->sets[at];

		if (strcmp(b->name, name) != 0 || strcmp(b->addr, addr) != 0)
			continue;
		b->connects = number(row, "connects");
		b->failures_all = number(row, "failures");
		pool->seen = at + 1;
		return;
	}
}

void
picture_add_metrics(struct picture *p, const struct qorb_reply *row)
{
	struct picture_pool *pool = pool_of(p, row);
	const char *name = qorb_reply_get(row, "name");

	if (pool == NULL || name == NULL)
		return;
	if (strcmp(name, "refused") == 0) {
		add_refusal(pool, row);
	} else if (strcmp(name, "wait") == 0) {
		add_histogram(&pool->wait, row);
	} else if (strcmp(name, "hold") == 0) {
		add_histogram(&pool->hold, row);
	} else if (strcmp(name, "connect") == 0) {
		add_histogram(&pool->connect, row);
	} else if (strcmp(name, "limits") == 0) {
		pool->max_slots = number(row, "max_slots");
		pool->max_waiting = number(row, "max_waiting");
	} else if (strcmp(name, "failures") == 0) {
		pool->failures = number(row, "value");
	} else if (strcmp(name, "leaks") == 0) {
		pool->leaks = number(row, "value");
	} else if (strcmp(name, "backend") == 0) {
		add_lifetime(pool, row);
	}
}

static int
compare_backends(const void *a, const void *b)
{
	const struct picture_backend *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->addr, y->addr);
}

void
picture_end(struct picture *p, uint64_t t_us)
{
	p->t_us = t_us;
	for (size_t i = 0; i < p->pool_count; i++) {
		struct picture_pool *pool = &p->pools[i];
		struct picture_backend *sets = pool->sets;

		if (pool->set_count > 0)
			qsort(sets, pool->set_count, sizeof(*sets),
			    compare_backends);
		for (size_t j = 1; j < pool->set_count; j++) {
			if (strcmp(sets[j].name, sets[j - 1].name) == 0)
				sets[j].is_ambiguous =
				    sets[j - 1].is_ambiguous = true;
		}
	}
}

const struct picture_pool *
picture_pool(const struct picture *p, const char *name)
{
	for (size_t i = 0; i < p->pool_count; i++) {
		if (strcmp(p->pools[i].name, name) == 0)
			return &p->pools[i];
	}
	return NULL;
}
