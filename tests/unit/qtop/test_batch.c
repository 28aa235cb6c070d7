#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"

static struct model model;

static int
setup(void **state)
{
	const struct model_names pool = { .pool = "demo", .resolver = "ok" };
	const struct model_names backend = { .pool = "demo",
		.backend = "echo001.test.com:6001",
		.addr = "[::1]:6001",
		.state = "online" };
	const struct model_names evil = { .pool = "demo",
		.backend = "evil\x1b[2J\"\\\n\xff\xc3\xa4",
		.state = "offline" };
	const struct pool_figures p = { .claims = 15,
		.waiting = 2,
		.refused = 3,
		.slots = 4,
		.wait_p50_us = 999,
		.wait_p99_us = 1500,
		.hold_p50_us = 999949,
		.hold_p99_us = 12345678,
		.claims_per_s = 12.75 };
	const struct backend_figures silent = { .lacks_total = true };
	const struct backend_figures b = { .connecting = 1,
		.unclaimed = 2,
		.claimed = 3,
		.checking = 4,
		.total = 123456,
		.failures = 5,
		.connect_p50_us = 6,
		.claims_per_s = 7.25 };

	(void)state;
	model_init(&model);
	model_begin(&model);
	assert_true(model_add_pool(&model, &pool, &p));
	assert_true(model_add_backend(&model, &backend, &b));
	assert_true(model_add_backend(&model, &evil, &silent));
	model_end(&model, &(struct model_time){ .t_us = 1795388400000123 });
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	model_fini(&model);
	return 0;
}

static char *
print(void (*batch)(FILE *, const struct model *, const char *))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	batch(out, &model, "/run/s");
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
a_table_has_a_title_and_aligned_columns(void **state)
{
	char *text = print(batch_table);

	(void)state;
	assert_string_equal(text,
	    "QTOP - /run/s - 13 claims/s\n"
	    "\n"
	    "pool demo: 12.8 claims/s, slots 4, waiting 2, refused 3, "
	    "resolver ok\n"
	    "wait p50 999us p99 1.5ms, hold p50 999.9ms p99 12.3s\n"
	    "NAME                   CLAIMS/s CONNECTING UNCLAIMED CLAIMED "
	    "CHECKING  TOTAL STATE   FAILURES ADDRESS\n"
	    "echo001.test.com:6001       7.2          1         2       3 "
	    "       4 123456 online         5 [::1]:6001\n"
	    "evil\\x1B[2J\"\\\\x0A\\xFF\xc3\xa4      0.0          0         0  "
	    "     0 "
	    "       0      - offline        0 -\n");
	free(text);
}

static void
rounds_are_set_apart_by_an_empty_line(void **state)
{
	char *text;

	(void)state;
	model_begin(&model);
	model_end(&model, &(struct model_time){ 0 });
	text = print(batch_table);
	assert_string_equal(text, "\nQTOP - /run/s - 0 claims/s\n\nno pools\n");
	free(text);
}

static void
json_is_one_line_and_escaped(void **state)
{
	char *text = print(batch_json);

	(void)state;
	assert_string_equal(text,
	    "{\"t\":1795388400.000123,\"source\":\"/run/s\","
	    "\"claims_per_s\":12.8,\"pools\":[{\"pool\":\"demo\","
	    "\"resolver\":\"ok\",\"claims_per_s\":12.8,\"claims\":15,"
	    "\"waiting\":2,\"refused\":3,\"slots\":4,\"wait_p50_us\":999,"
	    "\"wait_p99_us\":1500,\"hold_p50_us\":999949,"
	    "\"hold_p99_us\":12345678,\"backends\":["
	    "{\"backend\":\"echo001.test.com:6001\","
	    "\"addr\":\"[::1]:6001\",\"state\":\"online\","
	    "\"claims_per_s\":7.2,\"connecting\":1,\"unclaimed\":2,"
	    "\"claimed\":3,\"checking\":4,\"total\":123456,"
	    "\"failures\":5,\"connect_p50_us\":6},"
	    "{\"backend\":\"evil\\u001b[2J\\\"\\\\\\u000a\\ufffd\xc3\xa4\","
	    "\"addr\":\"-\",\"state\":\"offline\",\"claims_per_s\":0.0,"
	    "\"connecting\":0,\"unclaimed\":0,\"claimed\":0,"
	    "\"checking\":0,\"total\":null,\"failures\":0,"
	    "\"connect_p50_us\":0}]}]}\n");
	free(text);
}

static void
what_another_server_does_not_say_is_left_out_or_null(void **state)
{
	const struct model_names names = { .pool = "-", .backend = "b" };
	const struct backend_figures b = { .total = 7 };
	char *text;

	(void)state;
	model_begin(&model);
	assert_true(model_add_backend(&model, &names, &b));
	model_end(&model, &(struct model_time){ 0 });
	text = print(batch_table);
	assert_string_equal(text,
	    "\nQTOP - /run/s - 0 claims/s\n\npool -: 0.0 claims/s\n"
	    "NAME CLAIMS/s CONNECTING UNCLAIMED CLAIMED CHECKING TOTAL STATE "
	    "FAILURES ADDRESS\n"
	    "b         0.0          0         0       0        0     7 -     "
	    "       0 -\n");
	free(text);
	text = print(batch_json);
	assert_non_null(strstr(text,
	    "\"claims\":null,\"waiting\":null,\"refused\":null,"
	    "\"slots\":null,\"wait_p50_us\":null,\"wait_p99_us\":null,"
	    "\"hold_p50_us\":null,\"hold_p99_us\":null,"));
	free(text);
}

#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PLAY(a_table_has_a_title_and_aligned_columns),
		PLAY(rounds_are_set_apart_by_an_empty_line),
		PLAY(json_is_one_line_and_escaped),
		PLAY(what_another_server_does_not_say_is_left_out_or_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
