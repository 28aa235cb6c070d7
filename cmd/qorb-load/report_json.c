/* The report as one JSON object: keys and units are in qorb-load(1). */

#include "report.h"

#include <ctype.h>
#include <stdlib.h>

#include <jansson.h>

#include "core/base.h"
#include "core/version.h"

#define REAL_DIGITS 6

static const char *const end_names[] = {
	[DRIVER_COMPLETE] = "complete",
	[DRIVER_INTERRUPTED] = "interrupted",
	[DRIVER_REFUSED] = "refused",
	[DRIVER_LOST] = "lost",
};

/* JSON is UTF-8; a name that is not keeps its ASCII and its length. */
static json_t *
json_text(const char *text)
{
	json_t *o = json_string(text);
	char *ascii;

	if (o != NULL)
		return o;
	ascii = mem_strdup(text);
	for (char *c = ascii; *c != '\0'; c++) {
		if (!isascii((unsigned char)*c))
			*c = '?';
	}
	o = json_string(ascii);
	free(ascii);
	return o;
}

static json_t *
json_count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
json_spans(const struct histogram *h)
{
	json_t *o = json_object();
	double mean = h->count > 0 ? (double)h->sum_us / (double)h->count : 0;

	json_object_set_new(o, "count", json_count(h->count));
	json_object_set_new(o, "min_us", json_count(h->min_us));
	json_object_set_new(o, "mean_us", json_real(mean));
	for (unsigned i = 0; i < REPORT_QUANTILES; i++)
		json_object_set_new(o, report_quantiles[i].name,
		    json_count(
			histogram_quantile(h, report_quantiles[i].per_10000)));
	return o;
}

static json_t *
json_latencies(const struct figures *f)
{
	struct report_spans spans[REPORT_SPANS_MAX];
	unsigned n = report_spans(f, spans);
	json_t *o = json_object();

	for (unsigned i = 0; i < n; i++)
		json_object_set_new(o, spans[i].name, json_spans(spans[i].h));
	return o;
}

static json_t *
json_errors(const struct figures *f)
{
	json_t *by_code = json_object();

	for (unsigned i = 0; i < FAILURE_COUNT; i++) {
		if (f->failures[i] > 0)
			json_object_set_new(by_code, failure_code(i),
			    json_count(f->failures[i]));
	}
	return json_pack("{s:o, s:f, s:o}", "total",
	    json_count(figures_failures(f)), "percent",
	    figures_failure_share(f), "by_code", by_code);
}

static json_t *
json_backends(const struct figures *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->backend_count; i++) {
		const struct figures_backend *b = &f->backends[i];

		json_array_append_new(list,
		    json_pack("{s:o, s:o, s:f}", "name", json_text(b->name),
			"claims", json_count(b->claims), "percent",
			100.0 * (double)b->claims / (double)f->granted));
	}
	return list;
}

static json_t *
json_direct(const struct workload *w)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < w->direct_count; i++) {
		char buf[ADDR_TEXT_BYTES];

		json_array_append_new(
		    list, json_string(addr_text(&w->direct[i], buf)));
	}
	return list;
}

/* NEVER, which no count reaches either: there is none. */
static json_t *
json_bound(uint64_t bound)
{
	return bound == NEVER ? json_null() : json_count(bound);
}

static json_t *
json_work(const struct workload *w)
{
	json_t *o = json_pack("{s:o, s:s, s:i, s:i, s:o}", "pool",
	    w->direct == NULL ? json_text(w->pool) : json_null(), "model",
	    workload_is_open(w) ? "open" : "closed", "tasks", (int)w->tasks,
	    "payload", (int)w->payload, "seed", json_count(w->seed));

	if (o == NULL)
		return NULL;
	if (w->direct == NULL)
		json_object_set_new(o, "connections", json_count(w->links));
	json_object_set_new(o, "claims", json_bound(w->claims));
	json_object_set_new(o, "duration_us", json_bound(w->duration_us));
	if (w->has_wait)
		json_object_set_new(o, "wait_us", json_bound(w->wait_us));
	json_object_set_new(o, "hold_us", json_count(w->hold_us));
	json_object_set_new(o, "pause_us", json_count(w->pause_us));
	json_object_set_new(o, "ramp_us", json_count(w->ramp_us));
	json_object_set_new(o, "timeout_us", json_count(w->timeout_us));
	json_object_set_new(o, "key_space", json_count(w->key_space));
	if (w->direct != NULL)
		json_object_set_new(o, "direct", json_direct(w));
	if (w->replay != NULL)
		json_object_set_new(
		    o, "replayed", json_count(w->replay->count));
	if (w->rate == 0)
		return o;
	json_object_set_new(o, "rate", json_count(w->rate));
	json_object_set_new(
	    o, "arrivals", json_string(arrivals_kind_name(w->arrivals)));
	return o;
}

static json_t *
json_cpu(const struct figures *f)
{
	return json_pack("{s:o, s:f, s:f, s:o, s:f, s:b}", "used_us",
	    json_count(f->cost.cpu_us), "percent", 100 * figures_cpu_share(f),
	    "cycle_us", figures_cycle_cpu_us(f), "delayed_us",
	    json_count(f->cost.delayed_us), "delayed_percent",
	    100 * figures_delayed_share(f), "is_bottleneck", report_is_busy(f));
}

static json_t *
json_claims(const struct report *r)
{
	const struct figures *f = r->figures;
	json_t *o =
	    json_pack("{s:o, s:o, s:f, s:i}", "asked", json_count(f->asked),
		"granted", json_count(f->granted), "per_second",
		figures_rate(f, f->granted), "unanswered", (int)r->unanswered);

	if (o == NULL || !f->is_open)
		return o;
	json_object_set_new(o, "planned", json_count(f->planned));
	json_object_set_new(
	    o, "never_begun", json_count(f->planned - f->asked));
	return o;
}

/* Without a pool there is one for each claim, and no slot. */
static json_t *
json_connections(const struct report *r)
{
	const struct figures *f = r->figures;

	if (r->work->direct != NULL)
		return json_pack("{s:o}", "seen", json_count(f->granted));
	return json_pack("{s:o, s:b, s:f}", "seen", json_count(f->connections),
	    "is_more", f->has_more_slots, "claims_each",
	    figures_claims_each(f));
}

static json_t *
json_slots(const struct figures *f)
{
	return json_pack("{s:i, s:b}", "seen", (int)f->slot_count, "is_more",
	    f->has_more_slots);
}

static json_t *
json_report(const struct report *r)
{
	const struct figures *f = r->figures;
	json_t *cycles = json_pack("{s:o, s:o, s:f}", "whole",
	    json_count(f->cycles), "unfinished", json_count(f->cut),
	    "per_second", figures_rate(f, f->cycles));
	json_t *o;

	o = json_pack("{s:s, s:o, s:s, s:o, s:o, s:o,"
		      " s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "qorb_load", QORB_VERSION, "server", json_text(r->server), "end",
	    end_names[r->end], "why", json_text(r->why), "work",
	    json_work(r->work), "elapsed_us", json_count(f->elapsed_us),
	    "claims", json_claims(r), "cycles", cycles, "latency",
	    json_latencies(f), "errors", json_errors(f), "backends",
	    json_backends(f), "connections", json_connections(r), "cpu",
	    json_cpu(f));
	if (o != NULL && r->work->direct == NULL)
		json_object_set_new(o, "slots", json_slots(f));
	return o;
}

static bool
json_print(json_t *o, FILE *out)
{
	int failed;

	if (o == NULL)
		return false;
	failed = json_dumpf(o, out, JSON_REAL_PRECISION(REAL_DIGITS));
	json_decref(o);
	fputc('\n', out);
	return failed == 0;
}

bool
report_json(const struct report *r, FILE *out)
{
	return json_print(json_report(r), out);
}

bool
report_compare_json(const struct compare_report *r, FILE *out)
{
	return json_print(
	    json_pack("{s:o, s:o, s:i}", "pool", json_report(&r->pool),
		"direct", json_report(&r->direct), "turns", (int)r->turns),
	    out);
}
