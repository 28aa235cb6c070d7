/* Figures as Prometheus reads them. */

#include "picture_rig.h"

#include "core/version.h"
#include "metrics.h"

static bool
has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at += n) {
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
	}
	return false;
}

static void
must_have(const char *text, const char *line)
{
	if (!has_line(text, line))
		fail_msg("no line '%s' in\n%s", line, text);
}

static void
figures_are_there_with_their_labels(void **state)
{
	struct picture *p = example();
	char *m = metrics_text(p, 100);

	(void)state;
	must_have(m, "# HELP qorb_up 1 when the daemon answers, else 0.");
	must_have(m, "# TYPE qorb_up gauge");
	must_have(m, "qorb_up 1");
	must_have(m, "qorb_build_info{version=\"1.2.3\"} 1");
	must_have(m, "qorb_web_build_info{version=\"" QORB_VERSION "\"} 1");
	must_have(m, "qorb_claims_total{pool=\"a\"} 12");
	must_have(m, "qorb_claims_total{pool=\"b\"} 30");
	must_have(m, "qorb_claims_refused_total{pool=\"a\","
		     "code=\"overloaded\"} 3");
	must_have(m, "qorb_claims_refused_total{pool=\"a\","
		     "code=\"no-backends\"} 0");
	must_have(m, "qorb_claims_waiting{pool=\"a\"} 3");
	must_have(m, "qorb_slots_max{pool=\"a\"} 16");
	must_have(m, "qorb_failures_total{pool=\"a\"} 17");
	must_have(m, "qorb_claim_leaks_total{pool=\"a\"} 18");
	must_have(m, "qorb_backends{pool=\"a\",state=\"draining\"} 1");
	must_have(m, "qorb_backends{pool=\"b\",state=\"online\"} 0");
	must_have(m, "qorb_slots{pool=\"a\",backend=\"x\",addr=\"[::1]:2\","
		     "state=\"claimed\"} 4");
	must_have(m, "qorb_backend_up{pool=\"a\",backend=\"x\","
		     "addr=\"[::1]:1\"} 0");
	must_have(m, "qorb_backend_up{pool=\"a\",backend=\"w\","
		     "addr=\"[::1]:3\"} 1");
	must_have(m, "qorb_backend_failures_total{pool=\"a\",backend=\"x\","
		     "addr=\"[::1]:1\"} 24");
	must_have(m, "qorb_resolver_state{pool=\"a\",state=\"ok\"} 1");
	must_have(m, "qorb_resolver_state{pool=\"a\",state=\"stale\"} 0");
	free(m);
	picture_free(&p);
}

static void
histograms_are_in_seconds_and_end_with_all(void **state)
{
	struct picture *p = example();
	char *m = metrics_text(p, 100);

	(void)state;
	assert_non_null(
	    strstr(m, "# TYPE qorb_claim_wait_seconds histogram\n"
		      "qorb_claim_wait_seconds_bucket{pool=\"a\","
		      "le=\"0.00001\"} 4\n"
		      "qorb_claim_wait_seconds_bucket{pool=\"a\",le=\"1\"} 11\n"
		      "qorb_claim_wait_seconds_bucket{pool=\"a\","
		      "le=\"+Inf\"} 12\n"
		      "qorb_claim_wait_seconds_sum{pool=\"a\"} 1.50025\n"
		      "qorb_claim_wait_seconds_count{pool=\"a\"} 12\n"
		      "qorb_claim_wait_seconds_bucket{pool=\"b\","
		      "le=\"+Inf\"} 0\n"
		      "qorb_claim_wait_seconds_sum{pool=\"b\"} 0\n"));
	free(m);
	picture_free(&p);
}

static void
backends_beyond_the_cap_are_one(void **state)
{
	struct picture *p = example();
	char *m = metrics_text(p, 1);

	(void)state;
	must_have(m, "qorb_slots{pool=\"a\",backend=\"w\",addr=\"[::1]:3\","
		     "state=\"claimed\"} 1");
	must_have(m, "qorb_slots{pool=\"a\",backend=\"other\",addr=\"\","
		     "state=\"connecting\"} 2");
	must_have(m, "qorb_backend_claims_total{pool=\"a\",backend=\"other\","
		     "addr=\"\"} 25");
	must_have(m, "qorb_backend_connects_total{pool=\"a\","
		     "backend=\"other\",addr=\"\"} 44");
	assert_null(strstr(m, "backend=\"x\""));
	assert_null(strstr(m, "qorb_backend_up{pool=\"a\",backend=\"other\""));
	must_have(m, "qorb_backends{pool=\"a\",state=\"offline\"} 1");
	free(m);
	/* Where nobody is beyond it there is no such one. */
	m = metrics_text(p, 3);
	assert_null(strstr(m, "=\"other\""));
	free(m);
	picture_free(&p);
}

static void
labels_are_escaped(void **state)
{
	struct picture *p = picture_new("q");
	char *m;

	(void)state;
	POOL_ROW(p, "pool=a%22b%5Cc");
	STATS_ROW(p, "pool=a%22b%5Cc backend=%0Ad%FF%C3%A4 addr=x");
	picture_end(p, 1);
	m = metrics_text(p, 10);
	must_have(m, "qorb_claims_total{pool=\"a\\\"b\\\\c\"} 0");
	must_have(m, "qorb_backend_up{pool=\"a\\\"b\\\\c\","
		     "backend=\"\\\\x0Ad\\\\xFF\xC3\xA4\",addr=\"x\"} 1");
	free(m);
	picture_free(&p);
}

static void
without_a_daemon_only_that_is_said(void **state)
{
	char *m = metrics_text(NULL, 100);

	(void)state;
	must_have(m, "qorb_up 0");
	must_have(m, "qorb_web_build_info{version=\"" QORB_VERSION "\"} 1");
	assert_null(strstr(m, "qorb_build_info"));
	assert_null(strstr(m, "pool="));
	free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_there_with_their_labels),
		cmocka_unit_test(histograms_are_in_seconds_and_end_with_all),
		cmocka_unit_test(backends_beyond_the_cap_are_one),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(without_a_daemon_only_that_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
