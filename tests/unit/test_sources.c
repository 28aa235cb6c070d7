#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/sources.h"
#include "core/text.h"

#define S US_PER_S

/* Holders are told apart by their addresses alone. */
static char joe, sue, tim;

static struct addr
addr_of(const char *text)
{
	struct addr a;
	const char *why;

	if (!addr_parse(text, &a, &why))
		fail_msg("%s: %s", text, why);
	return a;
}

static struct advert_request
request(const char *name, const char *addr)
{
	return (struct advert_request){ .name = name, .addr = addr_of(addr) };
}

static void
advertise(
    struct sources *s, const void *holder, const char *name, const char *addr)
{
	struct advert_request r = request(name, addr);

	assert_int_equal(sources_advertise(s, holder, &r, 0), ERR_NONE);
}

static void
advertise_for(struct sources *s, const void *holder, const char *name,
    uint64_t now_us, uint64_t ttl_us)
{
	struct advert_request r = request(name, "127.0.0.1:1");

	r.has_ttl = true;
	r.ttl_us = ttl_us;
	assert_int_equal(sources_advertise(s, holder, &r, now_us), ERR_NONE);
}

static void
open_empty(struct sources *s)
{
	struct config_pool none = { 0 };

	sources_init(s, &none);
	s->is_changed = false;
}

/* "NAME ADDR;" of all, in their order. */
static void
holds(struct sources *s, const char *want)
{
	struct backend_spec *specs;
	size_t count = sources_specs(s, NULL, 0, &specs);
	char buf[1000], addr[ADDR_TEXT_BYTES];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < count; i++)
		text_addf(&t, "%s %s;", specs[i].name,
		    addr_text(&specs[i].addr, addr));
	assert_string_equal(buf, want);
	free(specs);
	assert_false(s->is_changed);
}

static void
the_union_has_what_dns_the_file_and_clients_name(void **state)
{
	struct addr addrs[] = { addr_of("[::1]:1"), addr_of("unix:/a") };
	struct config_pool config = { .addrs = addrs, .addr_count = 2 };
	struct backend_spec dns = { .name = "d:1", .sources = SOURCE_DNS };
	struct backend_spec *specs;
	struct sources s;

	(void)state;
	sources_init(&s, &config);
	assert_true(s.is_changed);
	advertise(&s, &joe, "a", "127.0.0.1:1");
	assert_int_equal(sources_specs(&s, &dns, 1, &specs), 4);
	assert_string_equal(specs[0].name, "d:1");
	assert_string_equal(specs[1].name, "[::1]:1");
	assert_int_equal(specs[1].sources, SOURCE_STATIC);
	assert_string_equal(specs[2].name, "unix:/a");
	assert_string_equal(specs[3].name, "a");
	assert_int_equal(specs[3].sources, SOURCE_ADVERTISED);
	free(specs);
	config.addr_count = 1;
	sources_set_fixed(&s, &config);
	assert_true(s.is_changed);
	holds(&s, "[::1]:1 [::1]:1;a 127.0.0.1:1;");
	sources_fini(&s);
}

static void
a_backend_lives_until_the_last_who_named_it_has_gone(void **state)
{
	struct sources s;

	(void)state;
	open_empty(&s);
	sources_forget_client(&s, &joe); /* of nothing */
	advertise(&s, &joe, "a", "127.0.0.1:1");
	advertise(&s, &sue, "a", "127.0.0.1:1");
	advertise(&s, &joe, "b", "127.0.0.1:2");
	holds(&s, "a 127.0.0.1:1;a 127.0.0.1:1;b 127.0.0.1:2;");
	sources_forget_client(&s, &joe);
	assert_true(s.is_changed);
	holds(&s, "a 127.0.0.1:1;");
	sources_forget_client(&s, &joe);
	assert_false(s.is_changed);
	sources_forget_client(&s, &sue);
	holds(&s, "");
	sources_fini(&s);
}

static void
a_repeat_changes_only_what_it_says_otherwise(void **state)
{
	struct advert_request r = request("a", "127.0.0.1:1");
	struct backend_spec *specs;
	struct sources s;

	(void)state;
	open_empty(&s);
	advertise(&s, &joe, "a", "127.0.0.1:1");
	holds(&s, "a 127.0.0.1:1;");
	advertise(&s, &joe, "a", "127.0.0.1:1");
	assert_false(s.is_changed);
	r.weight = 7;
	assert_int_equal(sources_advertise(&s, &joe, &r, 0), ERR_NONE);
	assert_true(s.is_changed);
	assert_int_equal(sources_specs(&s, NULL, 0, &specs), 1);
	assert_int_equal(specs[0].weight, 7);
	free(specs);
	sources_fini(&s);
}

static void
a_name_is_withdrawn_whoever_named_it_with_all_its_addresses(void **state)
{
	struct sources s;

	(void)state;
	open_empty(&s);
	assert_false(sources_withdraw(&s, "a"));
	advertise(&s, &joe, "a", "127.0.0.1:1");
	advertise(&s, &sue, "a", "127.0.0.1:2");
	advertise(&s, &sue, "b", "127.0.0.1:1");
	advertise_for(&s, &joe, "a", 0, S);
	assert_true(sources_withdraw(&s, "a"));
	assert_false(sources_withdraw(&s, "a"));
	assert_int_equal(sources_deadline(&s), NEVER);
	holds(&s, "b 127.0.0.1:1;");
	sources_fini(&s);
}

static void
one_address_is_withdrawn_whoever_named_it(void **state)
{
	struct addr second = addr_of("127.0.0.1:2");
	struct sources s;

	(void)state;
	open_empty(&s);
	assert_false(sources_withdraw_some(&s, "a", &second, NULL));
	advertise(&s, &joe, "a", "127.0.0.1:1");
	advertise(&s, &joe, "a", "127.0.0.1:2");
	advertise(&s, &sue, "a", "127.0.0.1:2");
	advertise(&s, &sue, "b", "127.0.0.1:2");
	s.is_changed = false;
	assert_true(sources_withdraw_some(&s, "a", &second, NULL));
	assert_true(s.is_changed);
	assert_false(sources_withdraw_some(&s, "a", &second, NULL));
	holds(&s, "a 127.0.0.1:1;b 127.0.0.1:2;");
	sources_fini(&s);
}

static void
a_client_withdraws_its_own_and_no_others(void **state)
{
	struct addr first = addr_of("127.0.0.1:1");
	struct sources s;

	(void)state;
	open_empty(&s);
	advertise(&s, &joe, "a", "127.0.0.1:1");
	advertise(&s, &joe, "a", "127.0.0.1:2");
	advertise(&s, &sue, "a", "127.0.0.1:1");
	advertise_for(&s, &tim, "a", 0, S);
	assert_true(sources_withdraw_some(&s, "a", &first, &joe));
	assert_false(sources_withdraw_some(&s, "a", &first, &joe));
	holds(&s, "a 127.0.0.1:2;a 127.0.0.1:1;a 127.0.0.1:1;");
	assert_true(sources_withdraw_some(&s, "a", NULL, &joe));
	holds(&s, "a 127.0.0.1:1;a 127.0.0.1:1;");
	sources_forget_client(&s, &sue);
	holds(&s, "a 127.0.0.1:1;"); /* which has a ttl */
	sources_fini(&s);
}

static void
a_ttl_of_less_than_a_second_is_told_as_one(void **state)
{
	static const struct {
		uint64_t ttl_us;
		uint32_t told_s;
	} rows[] = { { S / 4, 1 }, { S, 1 }, { S + 1, 2 }, { NEVER, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct backend_spec *specs;
		struct sources s;

		open_empty(&s);
		advertise_for(&s, &joe, "a", 0, rows[i].ttl_us);
		assert_int_equal(sources_specs(&s, NULL, 0, &specs), 1);
		assert_int_equal(specs[0].ttl_s, rows[i].told_s);
		free(specs);
		sources_fini(&s);
	}
}

static void
with_a_ttl_it_outlives_its_client_and_ends_without_a_repeat(void **state)
{
	struct sources s;

	(void)state;
	open_empty(&s);
	advertise(&s, &joe, "a", "127.0.0.1:1");
	advertise_for(&s, &joe, "a", 0, 5 * S);
	holds(&s, "a 127.0.0.1:1;");
	sources_forget_client(&s, &joe);
	holds(&s, "a 127.0.0.1:1;");
	assert_int_equal(sources_deadline(&s), 5 * S);
	advertise_for(&s, &sue, "a", 4 * S, 5 * S);
	assert_false(s.is_changed);
	assert_int_equal(sources_deadline(&s), 9 * S);
	sources_expire(&s, 9 * S - 1);
	holds(&s, "a 127.0.0.1:1;");
	sources_expire(&s, 9 * S);
	assert_true(s.is_changed);
	holds(&s, "");
	advertise_for(&s, &joe, "b", 0, NEVER);
	assert_int_equal(sources_deadline(&s), NEVER);
	holds(&s, "b 127.0.0.1:1;");
	sources_fini(&s);
}

static void
more_than_there_may_be_are_refused(void **state)
{
	struct advert_request r = request("x", "127.0.0.1:1");
	struct sources s;
	char name[32];

	(void)state;
	open_empty(&s);
	for (unsigned i = 0; i < ADVERTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%u", i);
		advertise(&s, i % 2 == 0 ? &joe : &sue, name, "127.0.0.1:1");
	}
	assert_int_equal(sources_advertise(&s, &joe, &r, 0), ERR_OVERLOADED);
	advertise(&s, &joe, "n0", "127.0.0.1:1");
	sources_forget_client(&s, &joe);
	assert_int_equal(s.adverts.count, ADVERTS_MAX / 2);
	assert_int_equal(sources_advertise(&s, &joe, &r, 0), ERR_NONE);
	sources_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_union_has_what_dns_the_file_and_clients_name),
		cmocka_unit_test(
		    a_backend_lives_until_the_last_who_named_it_has_gone),
		cmocka_unit_test(a_repeat_changes_only_what_it_says_otherwise),
		cmocka_unit_test(
		    a_name_is_withdrawn_whoever_named_it_with_all_its_addresses),
		cmocka_unit_test(one_address_is_withdrawn_whoever_named_it),
		cmocka_unit_test(a_client_withdraws_its_own_and_no_others),
		cmocka_unit_test(a_ttl_of_less_than_a_second_is_told_as_one),
		cmocka_unit_test(
		    with_a_ttl_it_outlives_its_client_and_ends_without_a_repeat),
		cmocka_unit_test(more_than_there_may_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
