#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/log.h"

#define OUTPUT_BYTES 65536
/* 2026-01-31T12:00:00.123456Z */
#define WALL_US 1769860800123456ULL
#define TIME	"2026-01-31T12:00:00.123Z"

/* The clock of these tests; the log takes these functions for those of
 * io/fd.c. Every test begins long after the one before. */
static uint64_t now_us = 1000 * US_PER_S;

uint64_t
clock_us(void)
{
	return now_us;
}

uint64_t
clock_wall_us(void)
{
	return WALL_US;
}

static FILE *capture;
static int real_stderr;
static char said[OUTPUT_BYTES];

static int
begin_capture(void **state)
{
	(void)state;
	now_us += 1000 * US_PER_S;
	log_set_level(LOG_INFO);
	capture = tmpfile();
	real_stderr = dup(STDERR_FILENO);
	return capture == NULL || dup2(fileno(capture), STDERR_FILENO) < 0;
}

static int
end_capture(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	return fclose(capture);
}

/* What was written since the last call. */
static const char *
take(void)
{
	size_t n;

	rewind(capture);
	n = fread(said, 1, sizeof(said) - 1, capture);
	said[n] = '\0';
	rewind(capture);
	assert_int_equal(ftruncate(fileno(capture), 0), 0);
	return said;
}

static size_t
lines_taken(void)
{
	size_t n = 0;

	for (const char *s = take(); *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

static void
a_line_is_level_time_pool_backend_and_text(void **state)
{
	(void)state;
	log_write(
	    LOG_INFO, "demo", "echo001.test.com:6001", "%d of %s", 2, "three");
	assert_string_equal(
	    take(), "info " TIME " demo echo001.test.com:6001: 2 of three\n");
	log_write(LOG_ERROR, NULL, NULL, "x");
	assert_string_equal(take(), "error " TIME " - -: x\n");
	log_write(LOG_WARN, "demo", NULL, "x");
	assert_string_equal(take(), "warn " TIME " demo -: x\n");
}

static void
what_a_peer_sent_cannot_forge_a_line(void **state)
{
	(void)state;
	log_write(LOG_INFO, "a\nb", "c\rd", "%s", "e\nerror: f\x1B[2J\xFF");
	assert_string_equal(take(),
	    "info " TIME " a\\x0Ab c\\x0Dd: e\\x0Aerror: f\\x1B[2J\\xFF\n");
	log_write(LOG_INFO, NULL, NULL, "gr\xC3\xBC\xC3\x9F");
	assert_string_equal(take(), "info " TIME " - -: gr\xC3\xBC\xC3\x9F\n");
}

static void
a_line_that_is_too_long_is_cut_and_still_a_line(void **state)
{
	char much[20000], worst[20000];

	(void)state;
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	memset(worst, '\n', sizeof(worst) - 1);
	worst[sizeof(worst) - 1] = '\0';
	log_write(LOG_INFO, NULL, NULL, "%s", much);
	assert_int_equal(lines_taken(), 1);
	log_write(LOG_INFO, worst, worst, "%s", worst);
	assert_int_equal(lines_taken(), 1);
	log_write(LOG_INFO, much, much, "%s", much);
	assert_int_equal(lines_taken(), 1);
}

static void
levels_are_chosen_and_have_names(void **state)
{
	enum log_level level = LOG_ERROR;

	(void)state;
	log_write(LOG_DEBUG, NULL, NULL, "x");
	assert_string_equal(take(), "");
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_DEBUG);
	log_set_level(level);
	log_write(LOG_DEBUG, NULL, NULL, "x");
	assert_string_equal(take(), "debug " TIME " - -: x\n");
	assert_true(log_level_parse("error", &level));
	log_set_level(level);
	log_write(LOG_WARN, NULL, NULL, "x");
	assert_string_equal(take(), "");
	assert_true(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_WARN);
	assert_true(log_level_parse("info", &level));
	assert_int_equal(level, LOG_INFO);
	assert_false(log_level_parse("", &level));
	assert_false(log_level_parse("Info", &level));
	assert_false(log_level_parse("all", &level));
	assert_int_equal(level, LOG_INFO);
}

/* One call site. */
static void
complain(const char *pool, const char *backend)
{
	log_write(LOG_WARN, pool, backend, "again");
}

static void
repeats_are_left_out_and_counted(void **state)
{
	(void)state;
	for (int i = 0; i < LOG_BURST; i++)
		complain("demo", "a");
	assert_int_equal(lines_taken(), LOG_BURST);
	for (int i = 0; i < 12; i++)
		complain("demo", "a");
	assert_string_equal(take(), "");
	now_us += LOG_WINDOW_S * US_PER_S - 1;
	complain("demo", "a");
	assert_string_equal(take(), "");
	now_us++;
	complain("demo", "a");
	assert_string_equal(
	    take(), "warn " TIME " demo a: again (13 more like it left out)\n");
	complain("demo", "a");
	assert_string_equal(take(), "warn " TIME " demo a: again\n");
}

static void
another_backend_pool_or_place_is_no_repeat(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * LOG_BURST; i++)
		complain("demo", "a");
	assert_int_equal(lines_taken(), LOG_BURST);
	complain("demo", "b");
	complain("other", "a");
	complain("demo", NULL);
	complain(NULL, "a");
	log_write(LOG_WARN, "demo", "a", "again");
	assert_int_equal(lines_taken(), 5);
}

static void
more_kinds_than_are_remembered_are_all_written(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		complain("demo", name);
		if (i % 100 == 99)
			assert_int_equal(lines_taken(), 100);
	}
}

#define log_test(name) \
	cmocka_unit_test_setup_teardown(name, begin_capture, end_capture)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(a_line_is_level_time_pool_backend_and_text),
		log_test(what_a_peer_sent_cannot_forge_a_line),
		log_test(a_line_that_is_too_long_is_cut_and_still_a_line),
		log_test(levels_are_chosen_and_have_names),
		log_test(repeats_are_left_out_and_counted),
		log_test(another_backend_pool_or_place_is_no_repeat),
		log_test(more_kinds_than_are_remembered_are_all_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
