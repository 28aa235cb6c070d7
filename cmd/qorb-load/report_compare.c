/* The workload with the pool and without one, side by side. */

#include "report.h"

#include "core/base.h"
#include "numbers.h"

static const struct report_quantile *const shown[] = {
	&report_quantiles[0],
	&report_quantiles[2],
	&report_quantiles[3],
	&report_quantiles[5],
};

static void
compare_line(FILE *out, const char *name, const char *pool, const char *direct)
{
	fprintf(out, "%-18s%15s%15s", name, pool, direct);
}

/* How many times as much the first one is. */
static void
compare_ratio(FILE *out, double pool, double direct)
{
	if (pool > 0 && direct > 0)
		fprintf(out, "%15.2f\n", pool / direct);
	else
		fprintf(out, "%15s\n", "-");
}

static void
compare_rate(FILE *out, const char *name, double pool, double direct)
{
	char a[NUMBERS_BYTES], b[NUMBERS_BYTES];

	compare_line(out, name, numbers_count(a, (uint64_t)(pool + 0.5)),
	    numbers_count(b, (uint64_t)(direct + 0.5)));
	compare_ratio(out, pool, direct);
}

static void
compare_spans(FILE *out, const struct report_spans *pool,
    const struct report_spans *direct, const struct report_quantile *q)
{
	uint64_t x = histogram_quantile(pool->h, q->per_10000);
	uint64_t y = histogram_quantile(direct->h, q->per_10000);
	char name_buf[NUMBERS_BYTES], a[NUMBERS_BYTES], b[NUMBERS_BYTES];
	struct text name;

	text_init(&name, name_buf, sizeof(name_buf));
	text_addf(&name, "%s %s", pool->label, q->label);
	compare_line(out, name_buf,
	    pool->h->count > 0 ? numbers_span(a, x) : "-",
	    direct->h->count > 0 ? numbers_span(b, y) : "-");
	compare_ratio(out, (double)x, (double)y);
}

static void
compare_latencies(
    const struct report *pool, const struct report *direct, FILE *out)
{
	struct report_spans a[REPORT_SPANS_MAX];
	struct report_spans b[REPORT_SPANS_MAX];
	unsigned n = report_spans(pool->figures, a);

	(void)report_spans(direct->figures, b);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned q = 0; q < ARRAY_LEN(shown); q++)
			compare_spans(out, &a[i], &b[i], shown[q]);
	}
}

static void
compare_errors(
    const struct report *pool, const struct report *direct, FILE *out)
{
	char a[NUMBERS_BYTES], b[NUMBERS_BYTES];

	compare_line(out, "errors",
	    numbers_count(a, figures_failures(pool->figures)),
	    numbers_count(b, figures_failures(direct->figures)));
	fputc('\n', out);
	for (unsigned i = 0; i < FAILURE_COUNT; i++) {
		uint64_t x = pool->figures->failures[i];
		uint64_t y = direct->figures->failures[i];

		if (x == 0 && y == 0)
			continue;
		compare_line(out, failure_code(i), numbers_count(a, x),
		    numbers_count(b, y));
		fputc('\n', out);
	}
}

static void
compare_costs(const struct report *pool, const struct report *direct, FILE *out)
{
	const struct figures *f[] = { pool->figures, direct->figures };
	char cycle[2][NUMBERS_BYTES], share[2][NUMBERS_BYTES];

	for (unsigned i = 0; i < ARRAY_LEN(f); i++) {
		(void)snprintf(cycle[i], NUMBERS_BYTES, "%.1fus",
		    figures_cycle_cpu_us(f[i]));
		(void)snprintf(share[i], NUMBERS_BYTES, "%.0f %%",
		    100 * figures_cpu_share(f[i]));
	}
	compare_line(out, "own cpu a cycle", cycle[0], cycle[1]);
	compare_ratio(
	    out, figures_cycle_cpu_us(f[0]), figures_cycle_cpu_us(f[1]));
	compare_line(out, "own share of time", share[0], share[1]);
	compare_ratio(out, figures_cpu_share(f[0]), figures_cpu_share(f[1]));
}

static void
compare_head(const struct compare_report *r, FILE *out)
{
	const struct report *pool = &r->pool;
	const struct workload *w = pool->work;
	char span[NUMBERS_BYTES];

	report_words(out, "pool ", w->pool);
	report_words(out, " of ", pool->server);
	fprintf(out,
	    ", and the same %u task%s with a connection each "
	    "claim;\n%s each in %u turn%s, seed %llu\n",
	    w->tasks, w->tasks == 1 ? "" : "s",
	    numbers_span(span, pool->figures->elapsed_us), r->turns,
	    r->turns == 1 ? "" : "s", (unsigned long long)w->seed);
	if (!report_end(pool, out))
		(void)report_end(&r->direct, out);
	fputc('\n', out);
}

void
report_compare(const struct compare_report *r, FILE *out)
{
	const struct figures *a = r->pool.figures;
	const struct figures *b = r->direct.figures;

	compare_head(r, out);
	fprintf(
	    out, "%-18s%15s%15s%15s\n", "", "pool", "direct", "pool / direct");
	compare_rate(out, "claims a second", figures_rate(a, a->granted),
	    figures_rate(b, b->granted));
	compare_rate(out, "cycles a second", figures_rate(a, a->cycles),
	    figures_rate(b, b->cycles));
	compare_latencies(&r->pool, &r->direct, out);
	compare_costs(&r->pool, &r->direct, out);
	compare_errors(&r->pool, &r->direct, out);
	if (report_is_busy(a) || report_is_busy(b))
		fprintf(out,
		    "note: qorb-load itself was the bottleneck or near it: "
		    "over %.0f %% of the time\n",
		    100 * REPORT_BUSY_SHARE);
}
