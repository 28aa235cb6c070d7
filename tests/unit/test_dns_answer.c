#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/dns_answer.h"

static void
becomes(const char *text, const char *normal)
{
	char out[DNS_NAME_BYTES];
	char again[DNS_NAME_BYTES];
	const char *why;

	assert_true(dns_name_normalize(text, out, &why));
	assert_string_equal(out, normal);
	assert_true(dns_name_normalize(out, again, &why));
	assert_string_equal(again, normal);
}

static void
is_refused(const char *text, const char *reason)
{
	char out[DNS_NAME_BYTES];
	const char *why = NULL;

	assert_false(dns_name_normalize(text, out, &why));
	assert_non_null(why);
	assert_non_null(strstr(why, reason));
}

static void
names_get_lower_case_and_lose_their_last_dot(void **state)
{
	(void)state;
	becomes("_Echo._TCP.Test.Com.", "_echo._tcp.test.com");
	becomes("a", "a");
	becomes(".", ".");
}

static void
bytes_have_one_way_to_be_written(void **state)
{
	(void)state;
	becomes("a b", "a\\032b");
	becomes("a\\032b", "a\\032b");
	becomes("\\065\\097", "aa");
	becomes("\\a\\-", "a-");
	becomes("x\\.y", "x\\.y");
	becomes("\\046", "\\.");
	becomes("x\\\\y\"z", "x\\\\y\\\"z");
	becomes("(a;b)@$", "\\(a\\;b\\)\\@\\$");
	becomes("\n\x7F\xFF\xC3\xA4", "\\010\\127\\255\\195\\164");
	becomes("a\\000", "a\\000");
}

static void
names_that_are_none_are_refused(void **state)
{
	(void)state;
	is_refused("", "empty");
	is_refused("..", "empty label");
	is_refused("a..b", "empty label");
	is_refused(".a", "empty label");
	is_refused("a..", "empty label");
	is_refused("a\\", "'\\'");
	is_refused("a\\25", "'\\'");
	is_refused("a\\2x5", "'\\'");
	is_refused("a\\256", "'\\'");
}

static void
labels_have_63_bytes_and_names_255(void **state)
{
	char label[64 + 1];
	char name[400];

	(void)state;
	memset(label, 'x', sizeof(label));
	label[64] = '\0';
	is_refused(label, "63");
	label[63] = '\0';
	becomes(label, label);
	/* 3 * 64 + 62 and the root's byte are 255. */
	snprintf(
	    name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
	becomes(name, name);
	snprintf(
	    name, sizeof(name), "%s.%s.%s.%.62s", label, label, label, label);
	is_refused(name, "255");
}

static void
the_longest_name_fits_when_all_is_escaped(void **state)
{
	char name[DNS_NAME_BYTES] = "";
	size_t i;

	(void)state;
	for (i = 0; i < 250; i++)
		strcat(name, i % 63 == 62 ? "\\000." : "\\000");
	assert_true(strlen(name) < DNS_NAME_BYTES);
	becomes(name, name);
}

static void
records_are_copied_in_normal_form(void **state)
{
	char owner[] = "A.Test.", target[] = "B.TEST";
	struct dns_record rec = { .type = DNS_SRV,
		.owner = owner,
		.target = target,
		.ttl_s = UINT32_MAX,
		.port = 7 };
	struct dns_answer answer;

	(void)state;
	dns_answer_init(&answer, DNS_RECORDS);
	assert_true(dns_answer_add(&answer, &rec));
	memset(owner, 'x', sizeof(owner) - 1);
	assert_int_equal(answer.count, 1);
	assert_string_equal(answer.records[0].owner, "a.test");
	assert_string_equal(answer.records[0].target, "b.test");
	assert_int_equal(answer.records[0].ttl_s, DNS_TTL_MAX);
	rec.target = "b..test";
	assert_false(dns_answer_add(&answer, &rec));
	rec.owner = "";
	assert_false(dns_answer_add(&answer, &rec));
	assert_int_equal(answer.count, 1);
	dns_answer_fini(&answer);
	assert_int_equal(answer.count, 0);
}

static void
an_answer_has_a_limit(void **state)
{
	struct dns_record rec = { .type = DNS_A, .owner = "a" };
	struct dns_answer answer;
	size_t i;

	(void)state;
	dns_answer_init(&answer, DNS_RECORDS);
	for (i = 0; i < DNS_RECORDS_MAX; i++)
		assert_true(dns_answer_add(&answer, &rec));
	assert_false(dns_answer_add(&answer, &rec));
	assert_int_equal(answer.count, DNS_RECORDS_MAX);
	dns_answer_fini(&answer);
}

static void
add_cname(struct dns_answer *answer, const char *owner, const char *target,
    uint32_t ttl_s, bool is_additional)
{
	struct dns_record rec = { .type = DNS_CNAME,
		.owner = owner,
		.target = target,
		.ttl_s = ttl_s,
		.is_additional = is_additional };

	assert_true(dns_answer_add(answer, &rec));
}

static void
cnames_lead_to_the_end_of_their_chain(void **state)
{
	struct dns_answer answer;
	uint32_t ttl_s = 100;

	(void)state;
	dns_answer_init(&answer, DNS_RECORDS);
	add_cname(&answer, "b", "c", 20, false);
	add_cname(&answer, "A", "B", 30, false);
	add_cname(&answer, "c", "d", 1, true);
	assert_string_equal(dns_answer_follow(&answer, "a", &ttl_s), "c");
	assert_int_equal(ttl_s, 20);
	ttl_s = 100;
	assert_string_equal(dns_answer_follow(&answer, "x", &ttl_s), "x");
	assert_int_equal(ttl_s, 100);
	add_cname(&answer, "c", "a", 9, false);
	assert_null(dns_answer_follow(&answer, "a", &ttl_s));
	dns_answer_fini(&answer);
}

static void
a_chain_of_cnames_has_a_limit(void **state)
{
	struct dns_answer answer;
	char from[16], to[16];
	uint32_t ttl_s = 100;
	int i;

	(void)state;
	dns_answer_init(&answer, DNS_RECORDS);
	for (i = 0; i < DNS_CNAMES_MAX; i++) {
		snprintf(from, sizeof(from), "n%d", i);
		snprintf(to, sizeof(to), "n%d", i + 1);
		add_cname(&answer, from, to, 60, false);
	}
	assert_string_equal(dns_answer_follow(&answer, "n0", &ttl_s), to);
	add_cname(&answer, to, "n99", 60, false);
	assert_null(dns_answer_follow(&answer, "n0", &ttl_s));
	assert_string_equal(dns_answer_follow(&answer, "n1", &ttl_s), "n99");
	dns_answer_fini(&answer);
}

static void
outcomes_and_types_have_words(void **state)
{
	(void)state;
	assert_string_equal(dns_outcome_word(DNS_TIME_OUT), "time-out");
	assert_string_equal(
	    dns_outcome_text(DNS_NO_NAME), "there is no such name");
	assert_string_equal(dns_type_name(DNS_AAAA), "AAAA");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_get_lower_case_and_lose_their_last_dot),
		cmocka_unit_test(bytes_have_one_way_to_be_written),
		cmocka_unit_test(names_that_are_none_are_refused),
		cmocka_unit_test(labels_have_63_bytes_and_names_255),
		cmocka_unit_test(the_longest_name_fits_when_all_is_escaped),
		cmocka_unit_test(records_are_copied_in_normal_form),
		cmocka_unit_test(an_answer_has_a_limit),
		cmocka_unit_test(cnames_lead_to_the_end_of_their_chain),
		cmocka_unit_test(a_chain_of_cnames_has_a_limit),
		cmocka_unit_test(outcomes_and_types_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
