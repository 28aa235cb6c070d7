#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/dns_parse.h"
#include "wire.h"

#define NAME "_echo._tcp.test.com"

static struct wire wire;

static void
begin(unsigned flags, unsigned an, unsigned ns, unsigned ar)
{
	const unsigned counts[3] = { an, ns, ar };

	wire_begin(&wire, flags, counts, NAME, WIRE_SRV);
}

/* Parses the message from a copy that ends where a sanitizer sees it. */
static struct dns_answer
parse_bytes(size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct dns_answer answer;

	memcpy(copy, wire.bytes, len);
	dns_parse(copy, len, &answer);
	free(copy);
	return answer;
}

static void
gives(enum dns_outcome outcome)
{
	struct dns_answer answer = parse_bytes(wire.len);

	assert_int_equal(answer.outcome, outcome);
	if (outcome != DNS_RECORDS)
		assert_int_equal(answer.count, 0);
	dns_answer_fini(&answer);
}

static void
records_of_all_sections_are_read(void **state)
{
	const struct dns_record *rec;
	struct dns_answer answer;

	(void)state;
	begin(WIRE_ANSWER, 2, 0, 2);
	wire_pointer(&wire, 12);
	wire_record(&wire, WIRE_CNAME, 7);
	wire_name(&wire, "real.test.com");
	wire_end(&wire);
	wire_srv(&wire, "Real.Test.com", 60, 6001, "Echo001.test.com");
	wire_aaaa(&wire, "echo001.test.com", 61, 9);
	wire_name(&wire, "echo001.test.com");
	wire_record(&wire, WIRE_A, 62);
	wire_bytes(&wire, "\x7F\0\0\1", 4);
	wire_end(&wire);
	answer = parse_bytes(wire.len);
	assert_int_equal(answer.outcome, DNS_RECORDS);
	assert_int_equal(answer.count, 4);
	rec = answer.records;
	assert_int_equal(rec[0].type, DNS_CNAME);
	assert_string_equal(rec[0].owner, NAME);
	assert_string_equal(rec[0].target, "real.test.com");
	assert_int_equal(rec[0].ttl_s, 7);
	assert_int_equal(rec[1].type, DNS_SRV);
	assert_string_equal(rec[1].owner, "real.test.com");
	assert_string_equal(rec[1].target, "echo001.test.com");
	assert_int_equal(rec[1].priority, 1);
	assert_int_equal(rec[1].weight, 2);
	assert_int_equal(rec[1].port, 6001);
	assert_false(rec[1].is_additional);
	assert_int_equal(rec[2].type, DNS_AAAA);
	assert_int_equal(rec[2].ip[15], 9);
	assert_true(rec[2].is_additional);
	assert_int_equal(rec[3].type, DNS_A);
	assert_memory_equal(rec[3].ip, "\x7F\0\0\1", 4);
	assert_int_equal(rec[3].ttl_s, 62);
	dns_answer_fini(&answer);
}

static void
compressed_targets_are_read(void **state)
{
	struct dns_answer answer;

	(void)state;
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_pointer(&wire, 12);
	wire_record(&wire, WIRE_SRV, 60);
	wire_bytes(&wire, "\0\1\0\2\x17\x71", 6);
	wire_bytes(&wire, "\4echo", 5);
	wire_pointer(&wire, 12 + 6 + 5); /* test.com */
	wire_end(&wire);
	answer = parse_bytes(wire.len);
	assert_int_equal(answer.outcome, DNS_RECORDS);
	assert_string_equal(answer.records[0].target, "echo.test.com");
	dns_answer_fini(&answer);
}

static void
the_target_dot_is_the_root(void **state)
{
	struct dns_answer answer;

	(void)state;
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_srv(&wire, NAME, 60, 0, "");
	answer = parse_bytes(wire.len);
	assert_int_equal(answer.outcome, DNS_RECORDS);
	assert_string_equal(answer.records[0].target, ".");
	dns_answer_fini(&answer);
}

static void
odd_bytes_in_names_are_escaped(void **state)
{
	struct dns_answer answer;

	(void)state;
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_pointer(&wire, 12);
	wire_record(&wire, WIRE_SRV, 60);
	wire_bytes(&wire, "\0\1\0\2\x17\x71", 6);
	wire_bytes(&wire, "\7A b.\n\"\xFF\0", 9);
	wire_end(&wire);
	answer = parse_bytes(wire.len);
	assert_int_equal(answer.outcome, DNS_RECORDS);
	assert_string_equal(
	    answer.records[0].target, "a\\032b\\.\\010\\\"\\255");
	dns_answer_fini(&answer);
}

static void
a_name_of_255_bytes_is_read(void **state)
{
	char name[256] = "";
	struct dns_answer answer;
	int i;

	(void)state;
	for (i = 0; i < 253; i++)
		name[i] = i % 64 == 63 ? '.' : '\1';
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_srv(&wire, NAME, 60, 1, name);
	answer = parse_bytes(wire.len);
	assert_int_equal(answer.outcome, DNS_RECORDS);
	assert_int_equal(strlen(answer.records[0].target), (253 - 3) * 4 + 3);
	dns_answer_fini(&answer);
	name[253] = 'x';
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_srv(&wire, NAME, 60, 1, name);
	gives(DNS_GARBAGE);
}

static void
codes_become_outcomes(void **state)
{
	static const struct {
		unsigned flags;
		enum dns_outcome outcome;
	} cases[] = {
		{ WIRE_ANSWER | 1, DNS_BAD_CODE },
		{ WIRE_ANSWER | 2, DNS_SERVFAIL },
		{ WIRE_ANSWER | 3, DNS_NO_NAME },
		{ WIRE_ANSWER | 4, DNS_BAD_CODE },
		{ WIRE_ANSWER | 5, DNS_REFUSED }, { WIRE_CUT, DNS_CUT_SHORT },
		{ WIRE_CUT | 3, DNS_NO_NAME }, { WIRE_AUTHORITY, DNS_NO_DATA },
		{ WIRE_ANSWER, DNS_NO_DATA },
		{ 0, DNS_GARBAGE },		       /* a question */
		{ WIRE_ANSWER | 0x2800, DNS_GARBAGE }, /* an update */
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		begin(cases[i].flags, 0, 0, 0);
		gives(cases[i].outcome);
	}
}

static void
write_soa(void)
{
	wire_name(&wire, "test.com");
	wire_record(&wire, WIRE_SOA, 60);
	wire_name(&wire, "ns");
	wire_name(&wire, "root");
	wire_bytes(&wire, "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1", 20);
	wire_end(&wire);
}

static void
write_ns(void)
{
	wire_name(&wire, "com");
	wire_record(&wire, WIRE_NS, 60);
	wire_name(&wire, "a.ns.com");
	wire_end(&wire);
}

static void
nothing_but_other_servers_is_a_referral(void **state)
{
	(void)state;
	begin(WIRE_ANSWER, 0, 1, 0);
	write_ns();
	gives(DNS_REFERRAL);
	begin(WIRE_AUTHORITY, 0, 1, 0);
	write_ns();
	gives(DNS_NO_DATA);
	begin(WIRE_ANSWER, 0, 2, 0);
	write_ns();
	write_soa();
	gives(DNS_NO_DATA);
}

static void
additional_records_alone_are_no_data(void **state)
{
	(void)state;
	begin(WIRE_ANSWER, 0, 0, 1);
	wire_aaaa(&wire, "echo001.test.com", 60, 1);
	gives(DNS_NO_DATA);
}

static void
other_types_and_classes_are_passed_over(void **state)
{
	struct dns_answer answer;

	(void)state;
	begin(WIRE_ANSWER, 3, 0, 0);
	wire_name(&wire, NAME);
	wire_record(&wire, WIRE_TXT, 60);
	wire_bytes(&wire, "\3abc", 4);
	wire_end(&wire);
	wire_srv(&wire, NAME, 60, 1, "a");
	wire.bytes[wire.rdata - 7] = 3; /* class CH */
	wire_srv(&wire, NAME, 60, 2, "b");
	answer = parse_bytes(wire.len);
	assert_int_equal(answer.count, 1);
	assert_string_equal(answer.records[0].target, "b");
	dns_answer_fini(&answer);
}

static void
high_ttls_are_clamped(void **state)
{
	struct dns_answer answer;

	(void)state;
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_srv(&wire, NAME, 0x80000001, 1, "a");
	answer = parse_bytes(wire.len);
	assert_int_equal(answer.records[0].ttl_s, DNS_TTL_MAX);
	dns_answer_fini(&answer);
}

static void
loops_of_compression_are_garbage(void **state)
{
	(void)state;
	/* A pointer to itself. */
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_pointer(&wire, wire.len);
	wire_record(&wire, WIRE_SRV, 60);
	wire_end(&wire);
	gives(DNS_GARBAGE);
	/* A target that points to itself. */
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_pointer(&wire, 12);
	wire_record(&wire, WIRE_SRV, 60);
	wire_bytes(&wire, "\0\1\0\2\x17\x71", 6);
	wire_pointer(&wire, wire.len);
	wire_end(&wire);
	gives(DNS_GARBAGE);
	/* One that points behind the end. */
	begin(WIRE_ANSWER, 1, 0, 0);
	wire_pointer(&wire, 12);
	wire_record(&wire, WIRE_SRV, 60);
	wire_bytes(&wire, "\0\1\0\2\x17\x71", 6);
	wire_pointer(&wire, 0x3FFF);
	wire_end(&wire);
	gives(DNS_GARBAGE);
}

static void
records_with_a_wrong_length_are_garbage(void **state)
{
	static const struct {
		enum wire_type type;
		size_t len;
	} cases[] = {
		{ WIRE_A, 0 },
		{ WIRE_A, 3 },
		{ WIRE_AAAA, 15 },
		{ WIRE_SRV, 0 },
		{ WIRE_SRV, 6 },
		{ WIRE_CNAME, 0 },
#if !DNS_PARSE_RECORDS /* c-ares passes over what follows */
		{ WIRE_A, 5 },
		{ WIRE_AAAA, 17 },
		{ WIRE_SRV, 8 },
		{ WIRE_CNAME, 2 },
#endif
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		begin(WIRE_ANSWER, 1, 0, 0);
		wire_pointer(&wire, 12);
		wire_record(&wire, cases[i].type, 60);
		for (k = 0; k < cases[i].len; k++)
			wire_u8(&wire, 0);
		wire_end(&wire);
		gives(DNS_GARBAGE);
	}
}

static void
one_bad_record_spoils_the_answer(void **state)
{
	(void)state;
	begin(WIRE_ANSWER, 1, 0, 1);
	wire_srv(&wire, NAME, 60, 6001, "a.test.com");
	wire_name(&wire, "a.test.com");
	wire_record(&wire, WIRE_A, 60);
	wire_bytes(&wire, "\1\2\3", 3);
	wire_end(&wire);
	gives(DNS_GARBAGE);
}

static void
an_answer_cut_anywhere_is_garbage(void **state)
{
	struct dns_answer answer;
	size_t len;

	(void)state;
	begin(WIRE_ANSWER, 1, 1, 1);
	wire_srv(&wire, NAME, 60, 6001, "a.test.com");
	write_soa();
	wire_aaaa(&wire, "a.test.com", 60, 1);
	gives(DNS_RECORDS);
	for (len = 0; len < wire.len; len++) {
		answer = parse_bytes(len);
		assert_int_equal(answer.outcome, DNS_GARBAGE);
		assert_int_equal(answer.count, 0);
		dns_answer_fini(&answer);
	}
}

static void
any_byte_may_be_wrong(void **state)
{
	struct dns_answer answer;
	size_t i;
	uint8_t keep;
	int byte;

	(void)state;
	begin(WIRE_ANSWER, 1, 1, 1);
	wire_srv(&wire, NAME, 60, 6001, "a.test.com");
	write_soa();
	wire_aaaa(&wire, "a.test.com", 60, 1);
	for (i = 0; i < wire.len; i++) {
		keep = wire.bytes[i];
		for (byte = 0; byte < 256; byte++) {
			wire.bytes[i] = (uint8_t)byte;
			answer = parse_bytes(wire.len);
			dns_answer_fini(&answer);
		}
		wire.bytes[i] = keep;
	}
	gives(DNS_RECORDS);
}

static void
a_full_message_is_read(void **state)
{
	struct dns_answer answer;
	size_t i, count = (65535 - 100) / (12 + 6 + 12);

	(void)state;
	begin(WIRE_ANSWER, (unsigned)count, 0, 0);
	for (i = 0; i < count; i++) {
		wire_pointer(&wire, 12);
		wire_record(&wire, WIRE_SRV, 60);
		wire_bytes(&wire, "\0\1\0\2\x17\x71", 6);
		wire_bytes(&wire, "\11", 1);
		for (size_t k = 0, n = i; k < 9; k++, n /= 10)
			wire_u8(&wire, '0' + (unsigned)(n % 10));
		wire_pointer(&wire, 12 + 6 + 5);
		wire_end(&wire);
	}
	answer = parse_bytes(wire.len);
	assert_int_equal(answer.outcome, DNS_RECORDS);
	assert_int_equal(answer.count, count);
	dns_answer_fini(&answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_all_sections_are_read),
		cmocka_unit_test(compressed_targets_are_read),
		cmocka_unit_test(the_target_dot_is_the_root),
		cmocka_unit_test(odd_bytes_in_names_are_escaped),
		cmocka_unit_test(a_name_of_255_bytes_is_read),
		cmocka_unit_test(codes_become_outcomes),
		cmocka_unit_test(nothing_but_other_servers_is_a_referral),
		cmocka_unit_test(additional_records_alone_are_no_data),
		cmocka_unit_test(other_types_and_classes_are_passed_over),
		cmocka_unit_test(high_ttls_are_clamped),
		cmocka_unit_test(loops_of_compression_are_garbage),
		cmocka_unit_test(records_with_a_wrong_length_are_garbage),
		cmocka_unit_test(one_bad_record_spoils_the_answer),
		cmocka_unit_test(an_answer_cut_anywhere_is_garbage),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(a_full_message_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
