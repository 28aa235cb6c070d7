#ifndef QORB_CORE_HISTOGRAM_H
#define QORB_CORE_HISTOGRAM_H

/*
 * Log-linear histogram of spans in microseconds, after HdrHistogram (Tene):
 * every power of two is cut into HISTOGRAM_SUB equal buckets, so a value read
 * back is at most 1/64 = 1.6 % off. Values from 0 us to 1 h; longer ones count
 * as 1 h. Minimum and maximum are exact. Recording costs a few instructions and
 * never allocates; histograms add up bucket by bucket.
 */

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_SUB	   (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_MAX_US   3600000000ULL
/* 3.6e9 < 2^32: values below SUB are exact, then SUB buckets for each of the
 * 32 - SUB_BITS higher powers of two. */
#define HISTOGRAM_BUCKETS ((32 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
	uint64_t count;
	uint64_t sum_us; /* of the values as recorded */
	uint64_t min_us; /* 0 when count is 0 */
	uint64_t max_us;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *h);
void histogram_record(struct histogram *h, uint64_t span_us);
void histogram_add(struct histogram *to, const struct histogram *from);

/* What `all` has recorded since it was as `before`. Its minimum and maximum are
 * the edges of buckets. */
void histogram_since(struct histogram *since, const struct histogram *all,
    const struct histogram *before);

/* The value below or at which `per_10000` of 10000 of the values lie:
 * 5000 is the median, 9990 is p99.9, 9999 is p99.99, 10000 the maximum. The
 * upper edge of its bucket, never above max_us. 0 asks for the minimum. The
 * result is 0 when the histogram is empty. */
uint64_t histogram_quantile(const struct histogram *h, unsigned per_10000);

/* For each of the bounds, which ascend, how many values are not above it. The
 * values of a bound's own bucket all count as not above: so one that equals it
 * does, and so may one that is up to 1/64 longer. Beyond the last bound there
 * are h->count in all. */
void histogram_cumulate(const struct histogram *h, const uint64_t *bounds_us,
    unsigned bound_count, uint64_t *counts);

#endif
