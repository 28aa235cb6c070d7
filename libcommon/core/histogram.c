#include "core/histogram.h"

#include <string.h>

/*
 * Below SUB a value is its own bucket. Above, shift says by how many bits the
 * value is too long for SUB_BITS + 1 of them; its upper bits (SUB to 2 SUB - 1)
 * choose the bucket inside its power of two. The two ranges meet without a gap:
 * index = shift * SUB + (value >> shift) is the value itself for shift 0.
 */

static unsigned
index_of(uint64_t v)
{
	unsigned shift;

	if (v < HISTOGRAM_SUB)
		return (unsigned)v;
	shift = 63 - (unsigned)__builtin_clzll(v) - HISTOGRAM_SUB_BITS;
	return shift * HISTOGRAM_SUB + (unsigned)(v >> shift);
}

/* The largest value that goes into a bucket. */
static uint64_t
upper_edge(unsigned index)
{
	unsigned shift;
	uint64_t mantissa;

	if (index < 2 * HISTOGRAM_SUB)
		return index;
	shift = index / HISTOGRAM_SUB - 1;
	mantissa = index - shift * HISTOGRAM_SUB;
	return ((mantissa + 1) << shift) - 1;
}

void
histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

void
histogram_record(struct histogram *h, uint64_t span_us)
{
	uint64_t v = span_us < HISTOGRAM_MAX_US ? span_us : HISTOGRAM_MAX_US;
	uint32_t *bucket = &h->buckets[index_of(v)];

	if (h->count == 0 || v < h->min_us)
		h->min_us = v;
	if (v > h->max_us)
		h->max_us = v;
	h->count++;
	h->sum_us += v;
	*bucket += *bucket < UINT32_MAX;
}

void
histogram_add(struct histogram *to, const struct histogram *from)
{
	if (from->count == 0)
		return;
	if (to->count == 0 || from->min_us < to->min_us)
		to->min_us = from->min_us;
	if (from->max_us > to->max_us)
		to->max_us = from->max_us;
	to->count += from->count;
	to->sum_us += from->sum_us;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint32_t room = UINT32_MAX - to->buckets[i];
		uint32_t n = from->buckets[i];

		to->buckets[i] += n < room ? n : room;
	}
}

uint64_t
histogram_quantile(const struct histogram *h, unsigned per_10000)
{
	uint64_t total = 0, passed = 0, rank;
	unsigned i;

	if (per_10000 >= 10000 || h->count == 0)
		return h->max_us;
	if (per_10000 == 0)
		return h->min_us;
	/* Not h->count: a full bucket has stopped counting. */
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += h->buckets[i];
	rank = total / 10000 * per_10000 +
	       (total % 10000 * per_10000 + 9999) / 10000;
	for (i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		passed += h->buckets[i];
		if (passed >= rank)
			break;
	}
	return upper_edge(i) < h->max_us ? upper_edge(i) : h->max_us;
}

void
histogram_cumulate(const struct histogram *h, const uint64_t *bounds_us,
    unsigned bound_count, uint64_t *counts)
{
	uint64_t passed = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < bound_count; i++) {
		uint64_t v = bounds_us[i] < HISTOGRAM_MAX_US ? bounds_us[i]
							     : HISTOGRAM_MAX_US;
		unsigned end = index_of(v);

		for (; at <= end; at++)
			passed += h->buckets[at];
		counts[i] = passed;
	}
}
