#include "report.h"

#include <string.h>

#include "core/backend.h"
#include "core/base.h"
#include "core/text.h"
#include "io/options.h"
#include "numbers.h"

/* Of a pool's name, or why a run ended, with all that is escaped in it. */
#define WORDS_BYTES 4096

const struct report_quantile report_quantiles[REPORT_QUANTILES] = {
	{ "p50", "p50_us", 5000 },
	{ "p90", "p90_us", 9000 },
	{ "p99", "p99_us", 9900 },
	{ "p99.9", "p99_9_us", 9990 },
	{ "p99.99", "p99_99_us", 9999 },
	{ "max", "max_us", 10000 },
};

unsigned
report_spans(
    const struct figures *f, struct report_spans spans[REPORT_SPANS_MAX])
{
	unsigned n = 0;

	spans[n++] = (struct report_spans){ "claim", "claim", &f->spans.wait };
	spans[n++] = (struct report_spans){ "cycle", "cycle", &f->spans.cycle };
	if (!f->is_open)
		return n;
	spans[n++] =
	    (struct report_spans){ "claim, raw", "claim_raw", &f->raw.wait };
	spans[n++] =
	    (struct report_spans){ "cycle, raw", "cycle_raw", &f->raw.cycle };
	return n;
}

bool
report_is_busy(const struct figures *f)
{
	return figures_cpu_share(f) + figures_delayed_share(f) >
	       REPORT_BUSY_SHARE;
}

/* ---- The exit status ---- */

int
report_status(const struct report *r)
{
	const struct figures *f = r->figures;
	uint64_t wrong = f->failures[FAILURE_ECHO_WRONG];
	double share = figures_failure_share(f);
	int status = 0;

	if (r->end == DRIVER_LOST || r->end == DRIVER_REFUSED) {
		program_warn("%s", r->why);
		status = 1;
	} else if (f->granted == 0) {
		if (r->work->direct == NULL)
			program_warn(
			    "pool %s: nothing could be claimed", r->work->pool);
		else
			program_warn("no connection could be made");
		status = 1;
	}
	if (r->unanswered > 0) {
		program_warn(
		    "claims that the daemon never answered: %u", r->unanswered);
		status = 1;
	}
	if (wrong > 0) {
		program_warn("echoes that were not what was sent: %llu",
		    (unsigned long long)wrong);
		status = 1;
	}
	if (share > r->fail_above_percent) {
		program_warn("%.4g %% of the cycles failed, more than the "
			     "%.4g %% allowed",
		    share, r->fail_above_percent);
		status = 1;
	}
	return status;
}

/* ---- For people ---- */

void
report_words(FILE *out, const char *before, const char *words)
{
	char buf[WORDS_BYTES];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_add_escaped(&t, words, strlen(words));
	fprintf(out, "%s%s", before, buf);
}

bool
report_end(const struct report *r, FILE *out)
{
	if (r->end == DRIVER_COMPLETE)
		return false;
	report_words(out, "ended early: ", r->why);
	fputc('\n', out);
	return true;
}

static void
report_head(const struct report *r, FILE *out)
{
	const struct workload *w = r->work;
	char span[NUMBERS_BYTES], rate[NUMBERS_BYTES];

	if (w->direct != NULL)
		fprintf(out, "a connection each claim");
	else
		report_words(out, "pool ", w->pool);
	if (r->server[0] != '\0')
		report_words(out, " of ", r->server);
	fprintf(out, ", %u task%s, ", w->tasks, w->tasks == 1 ? "" : "s");
	if (w->replay != NULL)
		fprintf(out, "%s arrivals replayed, ",
		    numbers_count(rate, w->replay->count));
	else if (w->rate > 0)
		fprintf(out, "open model of %s arrivals/s (%s), ",
		    numbers_count(rate, w->rate),
		    arrivals_kind_name(w->arrivals));
	else
		fprintf(out, "closed model, ");
	fprintf(out, "%s, seed %llu\n",
	    numbers_span(span, r->figures->elapsed_us),
	    (unsigned long long)w->seed);
	(void)report_end(r, out);
}

static void
report_count(const struct report *r, FILE *out, const char *name, uint64_t n)
{
	char count[NUMBERS_BYTES], rate[NUMBERS_BYTES];

	fprintf(out, "%-12s%15s%15s\n", name, numbers_count(count, n),
	    numbers_count(rate, (uint64_t)(figures_rate(r->figures, n) + 0.5)));
}

static void
report_counts(const struct report *r, FILE *out)
{
	const struct figures *f = r->figures;
	uint64_t failed = figures_failures(f);
	char a[NUMBERS_BYTES], b[NUMBERS_BYTES];

	fprintf(out, "\n%-12s%15s%15s\n", "", "total", "a second");
	report_count(r, out, "claims", f->granted);
	report_count(r, out, "cycles", f->cycles);
	fprintf(out, "%-12s%15s%13.4g %%\n", "errors", numbers_count(a, failed),
	    figures_failure_share(f));
	if (f->cut > 0)
		fprintf(out, "%-12s%15s  cut short by the end\n", "unfinished",
		    numbers_count(a, f->cut));
	if (f->is_open)
		fprintf(out, "%-12s%15s  planned, %s of them never begun\n",
		    "arrivals", numbers_count(a, f->planned),
		    numbers_count(b, f->planned - f->asked));
}

static void
report_latency(const struct report_spans *spans, FILE *out)
{
	char span[NUMBERS_BYTES];

	fprintf(out, "%-12s", spans->label);
	for (unsigned q = 0; q < REPORT_QUANTILES; q++) {
		uint64_t us =
		    histogram_quantile(spans->h, report_quantiles[q].per_10000);

		fprintf(out, "%10s",
		    spans->h->count > 0 ? numbers_span(span, us) : "-");
	}
	fputc('\n', out);
}

static void
report_latencies(const struct report *r, FILE *out)
{
	struct report_spans spans[REPORT_SPANS_MAX];
	unsigned n = report_spans(r->figures, spans);

	fprintf(out, "\n%-12s", "latency");
	for (unsigned q = 0; q < REPORT_QUANTILES; q++)
		fprintf(out, "%10s", report_quantiles[q].label);
	fputc('\n', out);
	for (unsigned i = 0; i < n; i++)
		report_latency(&spans[i], out);
}

static void
report_errors(const struct report *r, FILE *out)
{
	const struct figures *f = r->figures;
	char count[NUMBERS_BYTES];

	if (figures_failures(f) == 0)
		return;
	fprintf(out, "\n%-19s%8s\n", "errors", "count");
	for (unsigned i = 0; i < FAILURE_COUNT; i++) {
		if (f->failures[i] > 0)
			fprintf(out, "%-19s%8s  %s\n", failure_code(i),
			    numbers_count(count, f->failures[i]),
			    failure_text(i));
	}
}

/* A name is the daemon's word: as the protocol writes it, no byte of it can
 * play tricks with a terminal. */
static void
report_backend(
    const struct report *r, FILE *out, const struct figures_backend *b)
{
	char name_buf[3 * BACKEND_NAME_BYTES], count[NUMBERS_BYTES];
	struct text name;

	text_init(&name, name_buf, sizeof(name_buf));
	text_add_value(&name, b->name);
	fprintf(out, "%-37s%15s%6.1f %%\n", name_buf,
	    numbers_count(count, b->claims),
	    100.0 * (double)b->claims / (double)r->figures->granted);
}

static void
report_connections(const struct figures *f, FILE *out)
{
	const char *over = f->has_more_slots ? "over " : "";
	char count[NUMBERS_BYTES];

	fprintf(out,
	    "%s%s connection%s in %s%zu slot%s seen, "
	    "%.1f claims on each connection (mean)\n",
	    over, numbers_count(count, f->connections),
	    f->connections == 1 ? "" : "s", over, f->slot_count,
	    f->slot_count == 1 ? "" : "s", figures_claims_each(f));
}

static void
report_backends(const struct report *r, FILE *out)
{
	const struct figures *f = r->figures;

	if (f->granted == 0)
		return;
	fprintf(out, "\n%-37s%15s%8s\n", "backend", "claims", "share");
	for (size_t i = 0; i < f->backend_count; i++)
		report_backend(r, out, &f->backends[i]);
	fputc('\n', out);
	if (r->work->direct == NULL)
		report_connections(f, out);
}

static void
report_cost(const struct report *r, FILE *out)
{
	const struct figures *f = r->figures;

	fprintf(out, "%sqorb-load itself: %.0f %% of one processor",
	    f->granted > 0 ? "" : "\n", 100 * figures_cpu_share(f));
	if (f->cycles > 0)
		fprintf(out, ", %.1f us a cycle", figures_cycle_cpu_us(f));
	if (f->cost.delayed_us > 0)
		fprintf(out, "; %.0f %% waiting for one",
		    100 * figures_delayed_share(f));
	fputc('\n', out);
	if (report_is_busy(f))
		fprintf(out,
		    "note: together over %.0f %%: qorb-load was the "
		    "bottleneck itself or near it;\nthe daemon can do more, "
		    "and latencies include its own delay\n",
		    100 * REPORT_BUSY_SHARE);
}

void
report_text(const struct report *r, FILE *out)
{
	report_head(r, out);
	report_counts(r, out);
	report_latencies(r, out);
	report_errors(r, out);
	report_backends(r, out);
	report_cost(r, out);
}
