#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/base.h"
#include "report.h"

struct fixture {
	struct workload work;
	struct figures *figures;
	struct report report;
	char *text; /* what was printed last */
	size_t len;
};

static void
grant(struct figures *f, const char *backend, uint64_t slot, uint64_t wait_us)
{
	const struct figures_grant g = {
		.backend = backend,
		.slot = slot,
		.connection = wait_us == 300 ? 6 : 5,
		.planned_us = 0,
		.asked_us = wait_us / 2,
		.now_us = wait_us,
	};

	f->asked++;
	figures_on_granted(f, &g);
	figures_on_cycle(f, 0, wait_us / 2, 2 * wait_us);
}

/* Four cycles over two backends in two seconds. */
static void
begin(struct fixture *x, uint64_t rate)
{
	memset(x, 0, sizeof(*x));
	x->work = (struct workload){
		.pool = "demo",
		.tasks = 3,
		.links = 1,
		.rate = rate,
		.payload = 64,
		.seed = 7,
	};
	x->figures = figures_new(rate > 0);
	grant(x->figures, "a.test:1", 1, 100);
	grant(x->figures, "b.test:1", 2, 200);
	grant(x->figures, "b.test:1", 2, 300);
	grant(x->figures, "b.test:1", 2, 400);
	figures_end(
	    x->figures, 2 * US_PER_S, &(struct cost){ .cpu_us = US_PER_S / 2 });
	figures_sort_backends(x->figures);
	x->report = (struct report){
		.work = &x->work,
		.figures = x->figures,
		.why = "",
		.server = "qorb-pool/1",
		.end = DRIVER_COMPLETE,
		.fail_above_percent = 100,
	};
}

static void
end(struct fixture *x)
{
	free(x->text);
	figures_free(&x->figures);
}

static void
print(struct fixture *x, void (*form)(const struct report *, FILE *))
{
	FILE *out;

	free(x->text);
	out = open_memstream(&x->text, &x->len);
	assert_non_null(out);
	form(&x->report, out);
	fclose(out);
}

static void
print_json(const struct report *r, FILE *out)
{
	assert_true(report_json(r, out));
}

static void
has(const struct fixture *x, const char *piece)
{
	if (strstr(x->text, piece) == NULL)
		fail_msg("no \"%s\" in:\n%s", piece, x->text);
}

static void
has_not(const struct fixture *x, const char *piece)
{
	if (strstr(x->text, piece) != NULL)
		fail_msg("\"%s\" in:\n%s", piece, x->text);
}

static void
the_text_has_counts_rates_latencies_and_shares(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	print(&x, report_text);
	has(&x,
	    "pool demo of qorb-pool/1, 3 tasks, closed model, 2.00s, seed 7\n");
	has(&x, "claims                    4              2\n");
	has(&x, "cycles                    4              2\n");
	has(&x, "errors                    0            0 %\n");
	has(&x, "claim            201us     400us     400us     400us     400us"
		"     400us\n");
	has(&x,
	    "b.test:1                                           3  75.0 %\n"
	    "a.test:1                                           1  25.0 %\n");
	has(&x, "4 connections in 2 slots seen, 1.0 claims on each connection "
		"(mean)\n");
	has(&x, "25 % of one processor, 125000.0 us a cycle\n");
	has_not(&x, "raw");
	has_not(&x, "arrivals");
	has_not(&x, "bottleneck");
	has_not(&x, "unfinished");
	end(&x);
}

static void
the_open_model_shows_raw_latencies_and_arrivals(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 2500);
	x.work.arrivals = ARRIVALS_EVEN;
	x.figures->planned = 6;
	print(&x, report_text);
	has(&x, "open model of 2,500 arrivals/s (even)");
	has(&x, "arrivals                  6  planned, 2 of them never begun");
	has(&x, "claim, raw       100us     200us     200us     200us     200us"
		"     200us\n");
	has(&x, "cycle, raw");
	end(&x);
}

static void
errors_are_listed_by_code_with_their_meaning(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	x.figures->failures[ERR_ALL_CLAIMS_USED] = 3;
	x.figures->failures[FAILURE_IO_CLOSED] = 1;
	x.figures->cut = 2;
	print(&x, report_text);
	has(&x, "errors                    4           50 %\n");
	has(&x, "unfinished                2  cut short by the end\n");
	has(&x,
	    "all-claims-used           3  backends are online, every slot is"
	    " claimed\n"
	    "io-closed                 1  the backend closed the lent"
	    " connection\n");
	end(&x);
}

static void
a_run_without_a_claim_has_no_figures_to_show(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	figures_free(&x.figures);
	x.figures = figures_new(false);
	x.report.figures = x.figures;
	x.report.end = DRIVER_INTERRUPTED;
	x.report.why = "ended by a signal";
	print(&x, report_text);
	has(&x, "ended early: ended by a signal\n");
	has(&x, "claim                -         -         -");
	has_not(&x, "backend ");
	print(&x, print_json);
	has(&x, "\"backends\": []");
	end(&x);
}

static void
it_says_when_it_was_the_bottleneck(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	x.figures->cost.cpu_us = x.figures->elapsed_us / 4;
	x.figures->cost.delayed_us = x.figures->elapsed_us / 5;
	print(&x, report_text);
	has(&x, "25 % of one processor, 125000.0 us a cycle; "
		"20 % waiting for one");
	has_not(&x, "bottleneck");
	/* Waiting for a processor is our own time as well. */
	x.figures->cost.delayed_us = x.figures->elapsed_us / 3;
	print(&x, report_text);
	has(&x, "qorb-load was the bottleneck itself");
	print(&x, print_json);
	has(&x, "\"is_bottleneck\": true");
	end(&x);
}

static void
a_backends_name_cannot_play_tricks_with_a_terminal(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	x.figures->is_ended = false;
	grant(x.figures, "a\033[2J:1", 1, 1);
	print(&x, report_text);
	has(&x, "a%1B[2J:1 ");
	end(&x);
}

static json_t *
must_load(const struct fixture *x)
{
	json_error_t error;
	json_t *o = json_loads(x->text, JSON_REJECT_DUPLICATES, &error);

	if (o == NULL)
		fail_msg("%s in: %s", error.text, x->text);
	return o;
}

static json_int_t
integer(json_t *o, const char *outer, const char *middle, const char *inner)
{
	json_t *v = json_object_get(o, outer);

	if (middle != NULL)
		v = json_object_get(v, middle);
	v = json_object_get(v, inner);
	if (!json_is_integer(v))
		fail_msg("%s.%s is no integer", outer, inner);
	return json_integer_value(v);
}

static void
the_object_holds_the_same_figures(void **state)
{
	struct fixture x;
	json_t *o;

	(void)state;
	begin(&x, 2500);
	x.figures->planned = 6;
	x.figures->failures[FAILURE_IO_RESET] = 1;
	print(&x, print_json);
	assert_int_equal(x.text[x.len - 1], '\n');
	o = must_load(&x);
	assert_int_equal(integer(o, "claims", NULL, "granted"), 4);
	assert_int_equal(integer(o, "claims", NULL, "never_begun"), 2);
	assert_int_equal(integer(o, "cycles", NULL, "whole"), 4);
	assert_int_equal(integer(o, "latency", "claim", "max_us"), 400);
	assert_int_equal(integer(o, "latency", "claim_raw", "max_us"), 200);
	assert_int_equal(integer(o, "latency", "cycle", "p99_99_us"), 800);
	assert_int_equal(integer(o, "errors", "by_code", "io-reset"), 1);
	assert_int_equal(integer(o, "work", NULL, "rate"), 2500);
	assert_int_equal(integer(o, "slots", NULL, "seen"), 2);
	assert_int_equal(integer(o, "connections", NULL, "seen"), 4);
	assert_int_equal(json_array_size(json_object_get(o, "backends")), 2);
	json_decref(o);
	end(&x);
}

static void
words_of_others_harm_no_terminal(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	x.work.pool = "de\nmo";
	x.report.server = "\x1B[1m";
	x.report.end = DRIVER_LOST;
	x.report.why = "a\nb";
	print(&x, report_text);
	has(&x, "pool de\\x0Amo of \\x1B[1m, 3 tasks");
	has(&x, "ended early: a\\x0Ab\n");
	end(&x);
}

static void
names_that_are_not_utf_8_do_not_spoil_the_object(void **state)
{
	struct fixture x;
	json_t *o, *work;

	(void)state;
	begin(&x, 0);
	x.work.pool = "d\xff\"m\\o";
	print(&x, print_json);
	o = must_load(&x);
	work = json_object_get(o, "work");
	assert_string_equal(
	    json_string_value(json_object_get(work, "pool")), "d?\"m\\o");
	json_decref(o);
	end(&x);
}

/* Each line's bucket must be the one that a histogram puts its edge into, and
 * the next microsecond not. */
static void
the_edges_in_the_file_are_those_of_the_histogram(void **state)
{
	struct fixture x;
	struct histogram h;
	unsigned lines = 0;

	(void)state;
	begin(&x, 0);
	x.figures->is_ended = false;
	for (uint64_t us = 1; us < HISTOGRAM_MAX_US; us = us * 9 / 8 + 1)
		histogram_record(&x.figures->spans.wait, us);
	print(&x, report_histograms);
	for (char *line = strstr(x.text, "\nclaim\t"); line != NULL;
	     line = strstr(line + 1, "\nclaim\t")) {
		uint64_t edge = strtoull(line + 7, NULL, 10);

		histogram_clear(&h);
		histogram_record(&h, edge);
		histogram_record(&h, edge + 1);
		histogram_record(&h, HISTOGRAM_MAX_US);
		assert_int_equal(histogram_quantile(&h, 3000), edge);
		lines++;
	}
	assert_true(lines > 100);
	has(&x, "\t1.00000000\ncycle\t");
	end(&x);
}

static void
the_status_is_0_for_a_run_as_it_should_be(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	assert_int_equal(report_status(&x.report), 0);
	x.figures->failures[FAILURE_IO_CLOSED] = 4;
	assert_int_equal(report_status(&x.report), 0);
	x.report.fail_above_percent = 50;
	assert_int_equal(report_status(&x.report), 0);
	x.report.end = DRIVER_INTERRUPTED;
	assert_int_equal(report_status(&x.report), 0);
	end(&x);
}

static void
the_status_is_1_for_each_thing_that_must_not_be(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	x.figures->failures[FAILURE_ECHO_WRONG] = 1;
	assert_int_equal(report_status(&x.report), 1);
	x.figures->failures[FAILURE_ECHO_WRONG] = 0;
	x.figures->failures[FAILURE_IO_CLOSED] = 4;
	x.report.fail_above_percent = 49.9;
	assert_int_equal(report_status(&x.report), 1);
	x.report.fail_above_percent = 100;
	x.report.unanswered = 1;
	assert_int_equal(report_status(&x.report), 1);
	x.report.unanswered = 0;
	x.report.end = DRIVER_LOST;
	assert_int_equal(report_status(&x.report), 1);
	x.report.end = DRIVER_REFUSED;
	assert_int_equal(report_status(&x.report), 1);
	x.report.end = DRIVER_COMPLETE;
	x.figures->granted = 0;
	assert_int_equal(report_status(&x.report), 1);
	end(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_text_has_counts_rates_latencies_and_shares),
		cmocka_unit_test(
		    the_open_model_shows_raw_latencies_and_arrivals),
		cmocka_unit_test(errors_are_listed_by_code_with_their_meaning),
		cmocka_unit_test(a_run_without_a_claim_has_no_figures_to_show),
		cmocka_unit_test(it_says_when_it_was_the_bottleneck),
		cmocka_unit_test(
		    a_backends_name_cannot_play_tricks_with_a_terminal),
		cmocka_unit_test(the_object_holds_the_same_figures),
		cmocka_unit_test(words_of_others_harm_no_terminal),
		cmocka_unit_test(
		    names_that_are_not_utf_8_do_not_spoil_the_object),
		cmocka_unit_test(
		    the_edges_in_the_file_are_those_of_the_histogram),
		cmocka_unit_test(the_status_is_0_for_a_run_as_it_should_be),
		cmocka_unit_test(
		    the_status_is_1_for_each_thing_that_must_not_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
