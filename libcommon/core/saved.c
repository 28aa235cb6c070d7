#include "core/saved.h"

#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/resolve.h"
#include "core/rng.h"
#include "core/text.h"

#define FIRST_LINE "qorb-state 1"

/* "end ", 16 digits and the line end. */
#define LAST_LINE_BYTES 21

/* Longest line but for its names: numbers, an address, spaces. */
#define LINE_ROOM 256

#define WORDS_MAX 5

static void
fini_pool(struct saved_pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		free((char *)pool->specs[i].name);
	free(pool->specs);
	free(pool->name);
	free(pool->service);
}

void
saved_fini(struct saved *saved)
{
	for (size_t i = 0; i < saved->count; i++)
		fini_pool(&saved->pools[i]);
	free(saved->pools);
	memset(saved, 0, sizeof(*saved));
}

static struct saved_pool *
find_pool(const struct saved *saved, const char *name)
{
	for (size_t i = 0; i < saved->count; i++) {
		if (strcmp(saved->pools[i].name, name) == 0)
			return &saved->pools[i];
	}
	return NULL;
}

const struct saved_pool *
saved_find(const struct saved *saved, const char *pool, const char *service)
{
	const struct saved_pool *found = find_pool(saved, pool);

	return found != NULL && strcmp(found->service, service) == 0 ? found
								     : NULL;
}

static struct saved_pool *
add_pool(
    struct saved *saved, const char *name, const char *service, size_t room)
{
	struct saved_pool *pool;

	saved->pools = mem_grow(saved->pools, saved->count, saved->count + 1,
	    sizeof(*saved->pools));
	pool = &saved->pools[saved->count++];
	pool->name = mem_strdup(name);
	pool->service = mem_strdup(service);
	pool->specs = mem_new(room, sizeof(*pool->specs));
	return pool;
}

static void
add_spec(struct saved_pool *pool, const struct backend_spec *spec)
{
	struct backend_spec *copy = &pool->specs[pool->count++];

	*copy = *spec;
	copy->name = mem_strdup(spec->name);
}

void
saved_put(struct saved *saved, const char *pool, const char *service,
    const struct backend_spec *specs, size_t count)
{
	struct saved_pool *old = find_pool(saved, pool);
	struct saved_pool *new;

	if (old != NULL) {
		fini_pool(old);
		*old = saved->pools[--saved->count];
	}
	if (count == 0)
		return;
	new = add_pool(saved, pool, service, count);
	for (size_t i = 0; i < count; i++)
		add_spec(new, &specs[i]);
}

static uint64_t
hash_bytes(const char *text, size_t len)
{
	uint64_t hash = len;

	for (size_t i = 0; i < len; i++)
		hash = hash_mix(hash, (uint8_t)text[i]);
	return hash;
}

static size_t
room_of(const struct saved *saved)
{
	size_t room = 2 * LINE_ROOM;

	for (size_t i = 0; i < saved->count; i++) {
		const struct saved_pool *p = &saved->pools[i];

		room += LINE_ROOM + strlen(p->name) + strlen(p->service);
		for (size_t k = 0; k < p->count; k++)
			room += LINE_ROOM + strlen(p->specs[k].name);
	}
	return room;
}

static void
write_pool(struct text *t, const struct saved_pool *pool)
{
	char addr[ADDR_TEXT_BYTES];

	text_addf(
	    t, "pool %s %s %zu\n", pool->name, pool->service, pool->count);
	for (size_t i = 0; i < pool->count; i++) {
		const struct backend_spec *spec = &pool->specs[i];

		text_addf(t, "%s %s %u %u %u\n", spec->name,
		    addr_text(&spec->addr, addr), spec->priority, spec->weight,
		    spec->ttl_s);
	}
}

char *
saved_write(const struct saved *saved, size_t *len)
{
	size_t room = room_of(saved);
	char *buf = mem_new(room, 1);
	struct text t;

	text_init(&t, buf, room);
	text_add(&t, FIRST_LINE "\n");
	for (size_t i = 0; i < saved->count; i++)
		write_pool(&t, &saved->pools[i]);
	text_addf(
	    &t, "end %016llx\n", (unsigned long long)hash_bytes(buf, t.len));
	ASSERT(!t.is_cut);
	*len = t.len;
	return buf;
}

/* A copy of the text under dissection: words get their NULs. */
struct reader {
	char *at;
	char *words[WORDS_MAX];
	size_t count;
};

/* Cuts the next line into words; false when it has too many, or is no line. */
static bool
next_line(struct reader *r)
{
	char *end = strchr(r->at, '\n');
	char *word = r->at;

	if (end == NULL)
		return false;
	*end = '\0';
	r->at = end + 1;
	for (r->count = 0; word != NULL; r->count++) {
		char *space = strchr(word, ' ');

		if (r->count == WORDS_MAX || *word == '\0' || *word == ' ')
			return false;
		if (space != NULL)
			*space++ = '\0';
		r->words[r->count] = word;
		word = space;
	}
	return true;
}

static bool
read_spec(struct reader *r, struct saved_pool *pool)
{
	struct backend_spec spec = { .sources = SOURCE_SAVED };
	uint64_t priority, weight, ttl;
	const char *why;

	if (!next_line(r) || r->count != 5 ||
	    strlen(r->words[0]) >= BACKEND_NAME_BYTES ||
	    !addr_parse(r->words[1], &spec.addr, &why) ||
	    !number_parse(r->words[2], 0, UINT16_MAX, &priority) ||
	    !number_parse(r->words[3], 0, UINT16_MAX, &weight) ||
	    !number_parse(r->words[4], 0, DNS_TTL_MAX, &ttl))
		return false;
	spec.name = r->words[0];
	spec.priority = (uint16_t)priority;
	spec.weight = (uint16_t)weight;
	spec.ttl_s = (uint32_t)ttl;
	add_spec(pool, &spec);
	return true;
}

/* All pools up to the end of the copy. */
static bool
read_pools(struct reader *r, struct saved *saved)
{
	struct saved_pool *pool;
	uint64_t count;

	if (!next_line(r))
		return false;
	while (*r->at != '\0') {
		if (!next_line(r) || r->count != 4 ||
		    strcmp(r->words[0], "pool") != 0 ||
		    !number_parse(
			r->words[3], 1, RESOLVE_BACKENDS_MAX, &count) ||
		    find_pool(saved, r->words[1]) != NULL ||
		    saved->count == SAVED_POOLS_MAX)
			return false;
		pool = add_pool(saved, r->words[1], r->words[2], (size_t)count);
		while (pool->count < count) {
			if (!read_spec(r, pool))
				return false;
		}
	}
	return true;
}

static bool
is_whole(const char *text, size_t len)
{
	char last[LAST_LINE_BYTES + 1];
	struct text t;

	text_init(&t, last, sizeof(last));
	text_addf(&t, "end %016llx\n",
	    (unsigned long long)hash_bytes(text, len - LAST_LINE_BYTES));
	return strcmp(text + len - LAST_LINE_BYTES, last) == 0;
}

bool
saved_read(struct saved *saved, const char *text, size_t len, const char **why)
{
	struct reader r = { 0 };
	bool is_good;
	char *copy;

	*why = "it is no state file of this version";
	if (len < sizeof(FIRST_LINE) ||
	    memcmp(text, FIRST_LINE "\n", sizeof(FIRST_LINE)) != 0)
		return false;
	*why = "it is damaged: cut short or changed";
	if (len < sizeof(FIRST_LINE) + LAST_LINE_BYTES ||
	    memchr(text, '\0', len) != NULL || !is_whole(text, len))
		return false;
	*why = "it holds what no daemon writes";
	copy = mem_strdup(text);
	copy[len - LAST_LINE_BYTES] = '\0';
	r.at = copy;
	is_good = read_pools(&r, saved);
	free(copy);
	if (!is_good)
		saved_fini(saved);
	return is_good;
}
