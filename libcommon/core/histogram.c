#include "core/histogram.h"

#include <stdbool.h>
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

	if (h->count == 0 || v < h->min_us)
		h->min_us = v;
	if (v > h->max_us)
		h->max_us = v;
	h->count++;
	h->sum_us += v;
	h->buckets[index_of(v)]++;
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
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->buckets[i] += from->buckets[i];
}

void
histogram_since(struct histogram *since, const struct histogram *all,
    const struct histogram *before)
{
	bool is_first = true;

	since->count = all->count - before->count;
	since->sum_us = all->sum_us - before->sum_us;
	since->min_us = since->max_us = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		since->buckets[i] = all->buckets[i] - before->buckets[i];
		if (since->buckets[i] == 0)
			continue;
		if (is_first)
			since->min_us = i == 0 ? 0 : upper_edge(i - 1) + 1;
		is_first = false;
		since->max_us = upper_edge(i);
	}
	if (since->max_us > all->max_us)
		since->max_us = all->max_us;
}

uint64_t
histogram_quantile(const struct histogram *h, unsigned per_10000)
{
	uint64_t passed = 0, rank;
	unsigned i;

	if (per_10000 >= 10000 || h->count == 0)
		return h->max_us;
	if (per_10000 == 0)
		return h->min_us;
	rank = h->count / 10000 * per_10000 +
	       (h->count % 10000 * per_10000 + 9999) / 10000;
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
