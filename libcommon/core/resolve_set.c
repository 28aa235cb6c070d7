#include "core/resolve_set.h"

#include <stdlib.h>
#include <string.h>

#include "core/resolve.h"

static void
drop_specs(struct resolve_set *set)
{
	free(set->specs);
	set->specs = NULL;
}

void
resolve_set_fini(struct resolve_set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		free((char *)set->items[i].spec.name);
	free(set->items);
	drop_specs(set);
	memset(set, 0, sizeof(*set));
}

bool
resolve_set_add(struct resolve_set *set, const struct resolve_item *item)
{
	size_t cap = set->cap > 0 ? 2 * set->cap : 8;
	struct resolve_item *copy;

	if (set->count >= RESOLVE_BACKENDS_MAX)
		return false;
	if (set->count == set->cap) {
		set->items =
		    mem_grow(set->items, set->cap, cap, sizeof(*set->items));
		set->cap = cap;
	}
	copy = &set->items[set->count++];
	*copy = *item;
	copy->spec.name = mem_strdup(item->spec.name);
	drop_specs(set);
	return true;
}

static int
compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

int
resolve_spec_compare(const struct backend_spec *a, const struct backend_spec *b)
{
	int c = compare_numbers(a->priority, b->priority);

	if (c == 0)
		c = compare_numbers(a->weight, b->weight);
	if (c == 0)
		c = strcmp(a->name, b->name);
	return c != 0 ? c : addr_compare(&a->addr, &b->addr);
}

static int
compare_ids(const struct resolve_item *x, const struct resolve_item *y)
{
	int by_name = strcmp(x->spec.name, y->spec.name);

	return by_name != 0 ? by_name
			    : addr_compare(&x->spec.addr, &y->spec.addr);
}

/* How little an item counts beside others of its name and address. */
static uint32_t
doubt(const struct resolve_item *item)
{
	return 2 * (item->stale_since_us != NEVER) +
	       (item->rule == RESOLVE_RULE_SAVED);
}

static int
compare_for_union(const void *a, const void *b)
{
	const struct resolve_item *x = a;
	const struct resolve_item *y = b;
	int c = compare_ids(x, y);

	if (c == 0)
		c = compare_numbers(doubt(x), doubt(y));
	if (c == 0)
		c = compare_numbers(x->spec.priority, y->spec.priority);
	return c != 0 ? c : compare_numbers(y->spec.weight, x->spec.weight);
}

void
resolve_set_unite(struct resolve_set *set)
{
	struct resolve_item *items = set->items, *last;
	size_t kept = 0;
	size_t i;

	drop_specs(set);
	if (set->count == 0)
		return;
	qsort(items, set->count, sizeof(*items), compare_for_union);
	for (i = 0; i < set->count; i++) {
		last = kept > 0 ? &items[kept - 1] : NULL;
		if (last == NULL || compare_ids(last, &items[i]) != 0) {
			items[kept++] = items[i];
			continue;
		}
		last->servers |= items[i].servers;
		if (doubt(last) == doubt(&items[i]) &&
		    items[i].spec.ttl_s < last->spec.ttl_s)
			last->spec.ttl_s = items[i].spec.ttl_s;
		free((char *)items[i].spec.name);
	}
	set->count = kept;
}

static int
compare_items(const void *a, const void *b)
{
	const struct resolve_item *x = a;
	const struct resolve_item *y = b;

	return resolve_spec_compare(&x->spec, &y->spec);
}

void
resolve_set_seal(struct resolve_set *set)
{
	size_t i;

	drop_specs(set);
	if (set->count == 0)
		return;
	qsort(set->items, set->count, sizeof(*set->items), compare_items);
	set->specs = mem_new(set->count, sizeof(*set->specs));
	for (i = 0; i < set->count; i++)
		set->specs[i] = set->items[i].spec;
}

bool
resolve_set_equal(const struct resolve_set *a, const struct resolve_set *b)
{
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		if (resolve_spec_compare(&a->specs[i], &b->specs[i]) != 0 ||
		    a->specs[i].ttl_s != b->specs[i].ttl_s ||
		    a->specs[i].sources != b->specs[i].sources)
			return false;
	}
	return true;
}

void
resolve_set_mark_stale(
    struct resolve_set *set, uint64_t now_us, enum resolve_rule rule)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (set->items[i].rule != RESOLVE_RULE_SAVED)
			set->items[i].rule = rule;
		if (set->items[i].stale_since_us == NEVER)
			set->items[i].stale_since_us = now_us;
	}
}

static bool
is_expired(
    const struct resolve_item *item, uint64_t now_us, uint64_t stale_for_us)
{
	return item->stale_since_us != NEVER &&
	       time_after(item->stale_since_us, stale_for_us) <= now_us;
}

size_t
resolve_set_expire(
    struct resolve_set *set, uint64_t now_us, uint64_t stale_for_us)
{
	size_t kept = 0;
	size_t removed;
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (is_expired(&set->items[i], now_us, stale_for_us))
			free((char *)set->items[i].spec.name);
		else
			set->items[kept++] = set->items[i];
	}
	removed = set->count - kept;
	set->count = kept;
	if (removed > 0)
		resolve_set_seal(set);
	return removed;
}

uint64_t
resolve_set_next_expiry(const struct resolve_set *set, uint64_t stale_for_us)
{
	uint64_t first = NEVER;
	uint64_t at;
	size_t i;

	for (i = 0; i < set->count; i++) {
		at = time_after(set->items[i].stale_since_us, stale_for_us);
		if (at < first)
			first = at;
	}
	return first;
}

bool
resolve_set_has_stale(const struct resolve_set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (set->items[i].stale_since_us != NEVER)
			return true;
	}
	return false;
}

bool
resolve_set_has_saved(const struct resolve_set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (set->items[i].rule == RESOLVE_RULE_SAVED)
			return true;
	}
	return false;
}
