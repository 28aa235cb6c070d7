/* The report's latencies bucket by bucket, for plotting and adding up. */

#include "report.h"

#include "core/base.h"

/* The largest value that bucket i counts: single values below SUB, then SUB
 * buckets for each power of two (core/histogram.h). */
static uint64_t
report_bucket_edge(unsigned i)
{
	unsigned shift;

	if (i < HISTOGRAM_SUB)
		return i;
	shift = i / HISTOGRAM_SUB - 1;
	return ((uint64_t)(HISTOGRAM_SUB + i % HISTOGRAM_SUB + 1) << shift) - 1;
}

static void
report_histogram(const struct report_spans *spans, FILE *out)
{
	const struct histogram *h = spans->h;
	uint64_t sum = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->buckets[i] == 0)
			continue;
		sum += h->buckets[i];
		fprintf(out, "%s\t%llu\t%llu\t%.8f\n", spans->name,
		    (unsigned long long)report_bucket_edge(i),
		    (unsigned long long)h->buckets[i],
		    (double)sum / (double)h->count);
	}
}

void
report_histograms(const struct report *r, FILE *out)
{
	struct report_spans spans[REPORT_SPANS_MAX];
	unsigned n = report_spans(r->figures, spans);

	fprintf(out, "latency\tup_to_us\tcount\tshare\n");
	for (unsigned i = 0; i < n; i++)
		report_histogram(&spans[i], out);
}
