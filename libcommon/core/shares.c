/*
 * What share of its tier each backend has, and where it stands among the
 * others.
 *
 * With more backends than slots each host uses a part of them. The backends of
 * a tier stand on a ring, in the order of their hashes, the same on every host;
 * a host starts at a place of its own, and backends come the sooner the less
 * far round the ring from there they are (spread.c). So with equal weights a
 * host uses those that follow its start; with others, heavy ones from further
 * away; and over hosts that start evenly apart each backend gets its weight to
 * within a few connections. (docs/decisions/subset.md: why not rendezvous
 * hashing.)
 *
 * A backend that comes or goes shifts the places of others by one, and the
 * start of many a host with them, which by itself would move a connection of
 * each. So a host starts where it did, at the same backend or what follows it,
 * while that is at most STAY_PLACES from where it would start anew.
 */

#include <stdlib.h>
#include <string.h>

#include "core/pool_priv.h"

/* With more, less moves after many changes of backends and they are used less
 * evenly. */
#define STAY_PLACES 8

/* Numbers of the form h + n * phi are the evenest there are, for every run of n
 * (a Kronecker sequence; phi is the golden ratio's fraction, of 2^64). */
uint64_t
pool_host_position(const char *identity)
{
	const uint64_t phi = 0x9E3779B97F4A7C15ULL;
	size_t end = strcspn(identity, "."), digits = end;
	uint64_t number = 0, rest = hash_text(identity + end);

	while (digits > 0 && identity[digits - 1] >= '0' &&
	       identity[digits - 1] <= '9')
		digits--;
	if (digits == end)
		return hash_text(identity);
	for (size_t i = digits; i < end; i++)
		number = number * 10 + (uint64_t)(identity[i] - '0');
	for (size_t i = 0; i < digits; i++)
		rest = hash_mix(rest, (unsigned char)identity[i]);
	return rest + number * phi;
}

static int
compare_priorities(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* RFC 2782: a weight of 0 is a very small share beside others. */
static uint64_t
effective_weight(const struct slot_set *set)
{
	return set->weight == 0 ? 1 : (uint64_t)set->weight * 64;
}

static int
compare_places(const void *a, const void *b)
{
	const struct slot_set *x = *(struct slot_set *const *)a;
	const struct slot_set *y = *(struct slot_set *const *)b;

	if (x->place_hash != y->place_hash)
		return x->place_hash < y->place_hash ? -1 : 1;
	return x->id < y->id ? -1 : 1;
}

/* The first of the ring at or after a hash. */
static uint32_t
first_from(struct slot_set *const *ring, uint32_t n, uint64_t place_hash)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ring[middle]->place_hash < place_hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low == n ? 0 : low;
}

/* Where on a ring of n this host starts: where it did, or where its position
 * says when that is far off or it never started. Into kept, for the next time.
 */
static uint32_t
start_of(const struct pool *p, struct slot_set *const *ring, uint32_t n,
    struct tier_start *kept)
{
	uint32_t start = (uint32_t)((p->host >> 32) * n >> 32);

	kept->place_hash = ring[start]->place_hash;
	for (uint32_t i = 0; i < p->start_count; i++) {
		uint32_t old, off;

		if (p->starts[i].priority != kept->priority)
			continue;
		old = first_from(ring, n, p->starts[i].place_hash);
		off = old > start ? old - start : start - old;
		if (off > STAY_PLACES && off + STAY_PLACES < n)
			continue;
		kept->place_hash = p->starts[i].place_hash;
		return old;
	}
	return start;
}

/* Puts the n sets of a tier on its ring. */
static void
place_on_ring(
    struct pool *p, struct slot_set **ring, uint32_t n, struct tier_start *kept)
{
	uint32_t start;

	qsort(ring, n, sizeof(ring[0]), compare_places);
	start = start_of(p, ring, n, kept);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t ahead = i >= start ? i - start : i + n - start;

		ring[i]->ahead = (uint32_t)ahead;
		ring[i]->ring_part = (uint16_t)(((2 * ahead + 1) << 15) / n);
	}
}

/* ring: room for all sets. */
static void
weigh_tier(struct pool *p, struct slot_set **ring, uint32_t tier,
    struct tier_start *start)
{
	uint16_t priority = start->priority;
	uint64_t sum = 0, n = 0;

	for (size_t i = 0; i < p->set_count; i++) {
		if (p->sets[i]->is_named && p->sets[i]->priority == priority) {
			sum += effective_weight(p->sets[i]);
			ring[n++] = p->sets[i];
		}
	}
	for (uint64_t i = 0; i < n; i++) {
		struct slot_set *set = ring[i];
		uint64_t share = (effective_weight(set) << 16) * n / sum;

		set->share = share == 0 ? 1 : (uint32_t)share;
		set->stride = (1ULL << 32) / set->share;
		set->tier = tier;
	}
	place_on_ring(p, ring, (uint32_t)n, start);
}

/* Backends, priorities or weights changed: ranks the tiers, works out each
 * set's share of its tier, and puts all in their new places. */
void
shares_weigh(struct pool *p)
{
	uint16_t *priorities = mem_new(p->set_count + 1, sizeof(uint16_t));
	struct tier_start *starts = mem_new(p->set_count + 1, sizeof(*starts));
	struct slot_set **ring =
	    mem_new(p->set_count + 1, sizeof(struct slot_set *));
	size_t n = 0;
	uint32_t tier = 0;

	for (size_t i = 0; i < p->set_count; i++) {
		if (p->sets[i]->is_named)
			priorities[n++] = p->sets[i]->priority;
	}
	qsort(priorities, n, sizeof(uint16_t), compare_priorities);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && priorities[i] == priorities[i - 1])
			continue;
		starts[tier].priority = priorities[i];
		weigh_tier(p, ring, tier, &starts[tier]);
		tier++;
	}
	free(ring);
	free(priorities);
	free(p->starts);
	p->starts = starts;
	p->start_count = tier;
	p->is_subset = p->policy.subset && p->named > p->policy.max_slots;
	for (size_t i = 0; i < p->set_count; i++) {
		slot_set_rekey(p, p->sets[i]);
		spread_set_changed(p, p->sets[i]);
	}
}
