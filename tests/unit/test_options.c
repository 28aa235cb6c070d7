#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/version.h"
#include "io/options.h"

#define OUTPUT_BYTES 8192
#define ARGS_MAX     12
#define USAGE_STATUS 100

enum { OPT_DNS = 1, OPT_QUIET, OPT_WAIT, OPT_LONG };

static const struct option_row rows[] = {
	{ OPT_DNS, 'd', "dns", "ADDR", "ask this name server" },
	{ OPT_QUIET, 'q', "quiet", NULL, "say less" },
	{ OPT_WAIT, 0, "wait", "DURATION",
	    "This line ends in the very last column of a terminal "
	    "while the last word of this one would end 1 beyond it" },
	{ OPT_LONG, 0, "quit-when-it-is-done", "A-LONG-ARGUMENT", "end" },
	{ 0 },
};

static struct program program = {
	.name = "demo",
	.summary = "Shows what this does.",
	.usage = "[options] ADDR\n--quit-when-it-is-done X",
	.note = "A paragraph that is much longer than any line of a terminal "
		"is wide, so that it has to be broken.\n\nAnd one more.",
	.examples = "demo -q [::1]:1\ndemo --dns [::1]:53 [::1]:1",
	.rows = rows,
	.usage_status = USAGE_STATUS,
};

/* How a program ended, and what it said. */
struct outcome {
	int status; /* exit code, or -1 */
	char out[OUTPUT_BYTES];
	char err[OUTPUT_BYTES];
};

static void
read_file(FILE *f, char *buf)
{
	size_t n;

	rewind(f);
	n = fread(buf, 1, OUTPUT_BYTES - 1, f);
	buf[n] = '\0';
	fclose(f);
}

/* What a program does with its options: says them. */
static void
say_options(int argc, char **argv)
{
	struct options o;
	const char *arg;
	int id;

	options_init(&o, &program, argc, argv);
	while ((id = options_next(&o, &arg)) != 0)
		printf("%d:%s ", id, arg != NULL ? arg : "-");
	printf("|");
	for (int i = o.index; i < argc; i++)
		printf(" %s", argv[i]);
}

/* Runs body with the words of a command line in a process of its own. */
static struct outcome
run(void (*body)(int, char **), const char *words)
{
	char line[256], *argv[ARGS_MAX + 1] = { NULL };
	FILE *out = tmpfile(), *err = tmpfile();
	struct outcome r;
	int argc = 0, status;
	pid_t pid;

	assert_non_null(out);
	assert_non_null(err);
	strcpy(line, words);
	for (char *w = strtok(line, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		body(argc, argv);
		fflush(stdout);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	read_file(out, r.out);
	read_file(err, r.err);
	return r;
}

static void
parses(const char *words, const char *wanted)
{
	struct outcome r = run(say_options, words);

	assert_string_equal(r.err, "");
	assert_string_equal(r.out, wanted);
	assert_int_equal(r.status, 0);
}

static void
refuses(const char *words, const char *why)
{
	struct outcome r = run(say_options, words);
	char wanted[512];

	snprintf(wanted, sizeof(wanted), "demo: %s\ntry 'demo --help'\n", why);
	assert_string_equal(r.err, wanted);
	assert_int_equal(r.status, USAGE_STATUS);
}

static void
long_and_short_forms_are_the_same(void **state)
{
	(void)state;
	parses("demo", "|");
	parses("demo --dns A --quiet", "1:A 2:- |");
	parses("demo --dns=A -q", "1:A 2:- |");
	parses("demo -d A -q", "1:A 2:- |");
	parses("demo -dA", "1:A |");
	parses("demo -qdA", "2:- 1:A |");
	parses("demo --dns=", "1: |");
	parses("demo --wait 1s --wait 2s", "3:1s 3:2s |");
}

static void
a_long_form_may_be_shortened_while_it_is_the_only_one(void **state)
{
	(void)state;
	parses("demo --dn A --quie", "1:A 2:- |");
	refuses("demo --qui",
	    "option '--qui': may be --quiet or --quit-when-it-is-done");
	refuses("demo --qui=x",
	    "option '--qui': may be --quiet or --quit-when-it-is-done");
}

static void
options_and_operands_may_be_mixed(void **state)
{
	(void)state;
	parses("demo a -q b", "2:- | a b");
	parses("demo -q -- -d b", "2:- | -d b");
	parses("demo - -q", "2:- | -");
}

static void
options_may_end_at_the_first_operand(void **state)
{
	(void)state;
	program.stops_at_operand = 1;
	parses("demo -q a -q b", "2:- | a -q b");
	parses("demo -q -- a --help", "2:- | a --help");
	program.stops_at_operand = 0;
}

static void
an_unknown_option_is_named(void **state)
{
	(void)state;
	refuses("demo --foo", "unknown option '--foo'");
	refuses("demo --foo=bar", "unknown option '--foo'");
	refuses("demo -x", "unknown option '-x'");
	refuses("demo -qx", "unknown option '-x'");
	refuses("demo a --foo b", "unknown option '--foo'");
	refuses("demo --dnss A", "unknown option '--dnss'");
}

static void
a_missing_argument_is_named(void **state)
{
	(void)state;
	refuses("demo --dns", "option '--dns' needs ADDR");
	refuses("demo -d", "option '-d' needs ADDR");
	refuses("demo -q --wai", "option '--wait' needs DURATION");
}

static void
an_argument_too_many_is_named(void **state)
{
	(void)state;
	refuses("demo --quiet=3",
	    "option '--quiet' takes no argument: '--quiet=3'");
	refuses(
	    "demo --quie=3", "option '--quie' takes no argument: '--quie=3'");
	refuses(
	    "demo --help=x", "option '--help' takes no argument: '--help=x'");
}

static const char help[] =
    "usage: demo [options] ADDR\n"
    "       demo --quit-when-it-is-done X\n"
    "Shows what this does.\n"
    "\n"
    "Options:\n"
    "  -d, --dns ADDR            ask this name server\n"
    "  -q, --quiet               say less\n"
    "      --wait DURATION       This line ends in the very last column of a "
    "terminal\n"
    "                            while the last word of this one would end 1 "
    "beyond\n"
    "                            it\n"
    "      --quit-when-it-is-done A-LONG-ARGUMENT\n"
    "                            end\n"
    "      --help                print this text and exit\n"
    "      --version             print the version and exit\n"
    "\n"
    "A paragraph that is much longer than any line of a terminal is wide, so "
    "that it\n"
    "has to be broken.\n"
    "\n"
    "And one more.\n"
    "\n"
    "Examples:\n"
    "  demo -q [::1]:1\n"
    "  demo --dns [::1]:53 [::1]:1\n";

static void
help_fits_a_terminal_and_ends_with_the_examples(void **state)
{
	struct outcome r = run(say_options, "demo --help -q");

	(void)state;
	assert_int_equal(r.status, 0);
	assert_string_equal(r.err, "");
	assert_string_equal(r.out, help);
	for (char *l = strtok(r.out, "\n"); l != NULL; l = strtok(NULL, "\n"))
		assert_true(strlen(l) <= 80);
}

static void
version_is_one_line(void **state)
{
	struct outcome r = run(say_options, "demo --version");

	(void)state;
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "demo " QORB_VERSION "\n");
	assert_string_equal(r.err, "");
}

static void
print_help_to_a_full_disk(int argc, char **argv)
{
	assert_non_null(freopen("/dev/full", "w", stdout));
	say_options(argc, argv);
}

static void
help_that_cannot_be_written_is_a_failure(void **state)
{
	struct outcome r;

	(void)state;
	if (access("/dev/full", W_OK) != 0)
		skip();
	r = run(print_help_to_a_full_disk, "demo --help");
	assert_int_equal(r.status, 1);
	assert_string_equal(
	    r.err, "demo: standard output: cannot be written\n");
}

static void
allow_descriptors(rlim_t count)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A search for leaks, which comes last, needs some. */
static void
allow_some(void)
{
	allow_descriptors(64);
}

static void
begin_without_input(int argc, char **argv)
{
	struct options o;

	assert_int_equal(atexit(allow_some), 0);
	close(STDIN_FILENO);
	allow_descriptors(0);
	options_init(&o, &program, argc, argv);
}

static void
no_program_begins_with_a_stream_that_stays_closed(void **state)
{
	struct outcome r = run(begin_without_input, "x");

	(void)state;
	assert_int_equal(r.status, USAGE_STATUS);
	assert_string_equal(r.err,
	    "demo: a standard stream is closed, and /dev/null cannot be "
	    "opened in its place: Too many open files\n");
}

static void
warn_and_fail(int argc, char **argv)
{
	struct options o;

	options_init(&o, &program, argc, argv);
	assert_string_equal(program_name(), "demo");
	printf("before ");
	program_warn("%s: %d", "what", 3);
	program_fail(7, "why");
}

static void
messages_carry_the_name_of_the_program(void **state)
{
	struct outcome r = run(warn_and_fail, "x");

	(void)state;
	assert_int_equal(r.status, 7);
	assert_string_equal(r.out, "before ");
	assert_string_equal(r.err, "demo: what: 3\ndemo: why\n");
}

static void
print_and_warn(int argc, char **argv)
{
	struct options o;

	options_init(&o, &program, argc, argv);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	printf("first ");
	program_warn("then");
}

static void
messages_come_after_what_was_printed_before(void **state)
{
	struct outcome r = run(print_and_warn, "x");

	(void)state;
	assert_string_equal(r.err, "first demo: then\n");
}

static void
say_much(int argc, char **argv)
{
	char *much = malloc(10001);

	(void)argc;
	(void)argv;
	memset(much, 'x', 10000);
	much[10000] = '\0';
	program_warn("%s", much);
}

static void
a_message_that_is_too_long_is_cut_and_still_a_line(void **state)
{
	struct outcome r = run(say_much, "x");
	size_t n = strlen(r.err);

	(void)state;
	assert_in_range(n, 1000, 4096);
	assert_int_equal(r.err[n - 1], '\n');
	assert_ptr_equal(strchr(r.err, '\n'), r.err + n - 1);
}

static void
say_tricks(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	program_warn("%s: \xC3\xBC", "a\nb\x1B[1m\xFF");
	program_usage(&program, "'%s'", "\t");
}

static void
a_message_is_one_line_whatever_words_are_in_it(void **state)
{
	struct outcome r = run(say_tricks, "x");

	(void)state;
	assert_string_equal(r.err, "qorb: a\\x0Ab\\x1B[1m\\xFF: \xC3\xBC\n"
				   "qorb: '\\x09'\ntry 'demo --help'\n");
}

static void
break_an_assertion(int argc, char **argv)
{
	struct options o;

	options_init(&o, &program, argc, argv);
	ASSERT(argc == 77);
}

static void
a_failed_assertion_says_where(void **state)
{
	struct outcome r = run(break_an_assertion, "x");

	(void)state;
	assert_int_equal(r.status, -1);
	assert_int_equal(strncmp(r.err, "demo: ", 6), 0);
	assert_non_null(strstr(r.err, "test_options.c:"));
	assert_non_null(strstr(r.err, "argc == 77"));
}

static void
use_spans(int argc, char **argv)
{
	struct options o;

	ASSERT(argc == 2);
	options_init(&o, &program, argc, argv);
	printf("%llu ", (unsigned long long)option_span(&program, "-i", argv[0],
			    2 * US_PER_S, 3600 * US_PER_S));
	printf("%llu", (unsigned long long)option_span(
			   &program, "--hold", argv[1], 1, NEVER));
}

static void
spans_have_an_end_and_are_in_their_range(void **state)
{
	static const char *const good[][2] = {
		{ "2s 1us", "2000000 1" },
		{ "1h 876000h", "3600000000 3153600000000000" },
	};
	static const char *const bad[][2] = {
		{ "1999999us 1s", "-i '1999999us': not a time from 2s to 1h" },
		{ "3601s 1s", "-i '3601s': not a time from 2s to 1h" },
		{ "never 1s", "-i 'never': not a time from 2s to 1h" },
		{ "often 1s", "-i 'often': not a time from 2s to 1h" },
		{ "2s 0", "--hold '0': not a time from 1us up" },
		{ "2s never", "--hold 'never': not a time from 1us up" },
		{ "2s 1d", "--hold '1d': not a time from 1us up" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct outcome r = run(use_spans, good[i][0]);

		assert_int_equal(r.status, 0);
		assert_string_equal(r.out, good[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct outcome r = run(use_spans, bad[i][0]);
		char wanted[512];

		snprintf(wanted, sizeof(wanted),
		    "demo: %s, written as 250us, 250ms, 5s, 2m or 1h\n"
		    "try 'demo --help'\n",
		    bad[i][1]);
		assert_int_equal(r.status, USAGE_STATUS);
		assert_string_equal(r.err, wanted);
	}
}

static void
use_values(int argc, char **argv)
{
	char buf[ADDR_TEXT_BYTES];
	struct options o;
	struct addr addr;

	ASSERT(argc == 3);
	options_init(&o, &program, argc, argv);
	printf("%llu ",
	    (unsigned long long)option_number(&program, "--n", argv[0], 1, 10));
	printf("%llu ",
	    (unsigned long long)option_duration(&program, "--wait", argv[1]));
	option_addr(&program, "--dns", argv[2], &addr);
	printf("%s", addr_text(&addr, buf));
}

static void
values_are_parsed_or_told(void **state)
{
	static const struct {
		const char *words, *err;
	} bad[] = {
		{ "11 1s [::1]:1",
		    "--n '11': not a whole number from 1 to 10" },
		{ "x 1s [::1]:1", "--n 'x': not a whole number from 1 to 10" },
		{ "5 1d [::1]:1",
		    "--wait '1d': not a span of time: write 250us, 250ms, 5s, "
		    "2m, 1h or never" },
		{ "5 1s ::1",
		    "--dns '::1': not an address: an IPv6 address stands in "
		    "brackets: [IPV6]:PORT" },
	};
	struct outcome r = run(use_values, "5 1s [0::1]:53");

	(void)state;
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "5 1000000 [::1]:53");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char wanted[512];

		r = run(use_values, bad[i].words);
		snprintf(wanted, sizeof(wanted),
		    "demo: %s\ntry 'demo --help'\n", bad[i].err);
		assert_int_equal(r.status, USAGE_STATUS);
		assert_string_equal(r.err, wanted);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_and_short_forms_are_the_same),
		cmocka_unit_test(
		    a_long_form_may_be_shortened_while_it_is_the_only_one),
		cmocka_unit_test(options_and_operands_may_be_mixed),
		cmocka_unit_test(options_may_end_at_the_first_operand),
		cmocka_unit_test(an_unknown_option_is_named),
		cmocka_unit_test(a_missing_argument_is_named),
		cmocka_unit_test(an_argument_too_many_is_named),
		cmocka_unit_test(
		    help_fits_a_terminal_and_ends_with_the_examples),
		cmocka_unit_test(version_is_one_line),
		cmocka_unit_test(help_that_cannot_be_written_is_a_failure),
		cmocka_unit_test(
		    no_program_begins_with_a_stream_that_stays_closed),
		cmocka_unit_test(messages_carry_the_name_of_the_program),
		cmocka_unit_test(messages_come_after_what_was_printed_before),
		cmocka_unit_test(
		    a_message_that_is_too_long_is_cut_and_still_a_line),
		cmocka_unit_test(
		    a_message_is_one_line_whatever_words_are_in_it),
		cmocka_unit_test(a_failed_assertion_says_where),
		cmocka_unit_test(spans_have_an_end_and_are_in_their_range),
		cmocka_unit_test(values_are_parsed_or_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
