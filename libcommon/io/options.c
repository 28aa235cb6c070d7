#include "io/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/duration.h"
#include "core/number.h"
#include "core/text.h"
#include "core/version.h"
#include "io/fd.h"

/* Most rows of one program. */
#define ROWS_MAX 60

/* Longest message, with its end. */
#define MESSAGE_BYTES 2048
/* The same with each byte escaped. */
#define LINE_BYTES (4 * MESSAGE_BYTES)

/* Columns of a terminal that --help keeps to. */
#define HELP_COLS 80
/* Where the text of an option starts, and the widest option before it. */
#define HELP_TEXT_COL 28

/* What getopt_long returns for a row's long form: above any letter, so that a
 * long form and a letter at fault can be told apart. */
#define LONG_BASE    0x1000
#define LONG_HELP    (LONG_BASE + ROWS_MAX)
#define LONG_VERSION (LONG_BASE + ROWS_MAX + 1)

/* Messages are the process's own: there is one name. */
static const char *name = "qorb";

const char *
program_name(void)
{
	return name;
}

/* One write a message, so that those of several programs on one terminal or
 * file do not mix. One line, whatever the words in it are that a user or a peer
 * said: here, so that no caller has to think of it. */
static void
warn_v(const char *fmt, va_list ap)
{
	char raw[MESSAGE_BYTES], line[LINE_BYTES];
	struct text message, t;

	text_init(&message, raw, sizeof(raw));
	text_addv(&message, fmt, ap);
	text_init(&t, line, sizeof(line) - 1);
	text_addf(&t, "%s: ", name);
	text_add_escaped(&t, raw, message.len);
	line[t.len++] = '\n';
	fflush(stdout);
	fwrite(line, 1, t.len, stderr);
}

void
program_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn_v(fmt, ap);
	va_end(ap);
}

void
program_fail(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn_v(fmt, ap);
	va_end(ap);
	exit(status);
}

void
program_usage(const struct program *program, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn_v(fmt, ap);
	va_end(ap);
	fprintf(stderr, "try '%s --help'\n", program->name);
	exit(program->usage_status);
}

static void
say_assert(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s: %s:%d: assertion failed, a defect of ours: %s\n",
	    name, file, line, what);
}

void
options_init(
    struct options *o, const struct program *program, int argc, char **argv)
{
	*o = (struct options){ .program = program, .argc = argc, .argv = argv };
	name = program->name;
	assert_hook = say_assert;
	opterr = 0;
	optind = 1;
#ifdef __GLIBC__
	/* Forgets an earlier command line too. */
	optind = 0;
#endif
	if (!fd_fill_standard())
		program_fail(program->usage_status,
		    "a standard stream is closed, and /dev/null cannot be "
		    "opened in its place: %s",
		    strerror(errno));
}

/* Prints text in lines of at most HELP_COLS, broken at spaces. The first line
 * goes on at column col, the others start at indent. */
static void
print_wrapped(const char *text, size_t col, size_t indent)
{
	bool is_first = true;

	while (*text != '\0') {
		size_t n = strcspn(text, " \n");

		if (!is_first && col + 1 + n > HELP_COLS) {
			printf("\n%*s", (int)indent, "");
			col = indent;
		} else if (!is_first && col > indent) {
			putchar(' ');
			col++;
		}
		printf("%.*s", (int)n, text);
		col += n;
		text += n;
		is_first = false;
		if (*text == '\n') {
			printf("\n%*s", (int)indent, "");
			col = indent;
		}
		if (*text != '\0')
			text++;
	}
	putchar('\n');
}

static void
print_option(
    char letter, const char *long_name, const char *arg, const char *help)
{
	char buf[HELP_COLS];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	if (letter != 0)
		text_addf(&t, "  -%c, --%s", letter, long_name);
	else
		text_addf(&t, "      --%s", long_name);
	if (arg != NULL)
		text_addf(&t, " %s", arg);
	if (t.len + 2 > HELP_TEXT_COL)
		printf("%s\n%*s", buf, HELP_TEXT_COL, "");
	else
		printf("%-*s", HELP_TEXT_COL, buf);
	print_wrapped(help, HELP_TEXT_COL, HELP_TEXT_COL);
}

/* Each line of text after a start of its own. */
static void
print_lines(const char *text, const char *first, const char *next)
{
	const char *start = first;

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		printf("%s%.*s\n", start, (int)n, text);
		text += n + (text[n] == '\n');
		start = next;
	}
}

/* Ends the program after what it printed; a full disk is told. */
static _Noreturn void
end_output(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		program_fail(1, "standard output: cannot be written");
	exit(0);
}

static _Noreturn void
print_help(const struct program *p)
{
	char first[HELP_COLS], next[HELP_COLS];

	snprintf(first, sizeof(first), "usage: %s ", p->name);
	snprintf(next, sizeof(next), "       %s ", p->name);
	print_lines(p->usage, first, next);
	print_wrapped(p->summary, 0, 0);
	printf("\nOptions:\n");
	for (const struct option_row *r = p->rows; r->id != 0; r++)
		print_option(r->letter, r->name, r->arg, r->help);
	print_option(0, "help", NULL, "print this text and exit");
	print_option(0, "version", NULL, "print the version and exit");
	if (p->note != NULL) {
		putchar('\n');
		print_wrapped(p->note, 0, 0);
	}
	printf("\nExamples:\n");
	print_lines(p->examples, "  ", "  ");
	end_output();
}

static _Noreturn void
print_version(const struct program *p)
{
	printf("%s %s\n", p->name, QORB_VERSION);
	end_output();
}

/* The rows as getopt_long wants them. */
struct getopt_tables {
	struct option longs[ROWS_MAX + 3];
	char letters[2 * ROWS_MAX + 3];
};

static void
build_tables(const struct program *p, struct getopt_tables *tables)
{
	struct option *l = tables->longs;
	struct text t;

	text_init(&t, tables->letters, sizeof(tables->letters));
	/* "+": stop at the first operand; ":": tell a missing argument apart.
	 */
	text_add(&t, p->stops_at_operand ? "+:" : ":");
	for (const struct option_row *r = p->rows; r->id != 0; r++) {
		int i = (int)(r - p->rows);

		ASSERT(i < ROWS_MAX && r->id > 0);
		*l++ = (struct option){ r->name, r->arg != NULL, NULL,
			LONG_BASE + i };
		if (r->letter != 0) {
			text_add_char(&t, r->letter);
			text_add(&t, r->arg != NULL ? ":" : "");
		}
	}
	*l++ = (struct option){ "help", no_argument, NULL, LONG_HELP };
	*l++ = (struct option){ "version", no_argument, NULL, LONG_VERSION };
	*l = (struct option){ 0 };
}

/* The row behind a value of getopt_long, or NULL. */
static const struct option_row *
row_get(const struct program *p, int value)
{
	if (value >= LONG_HELP)
		return NULL;
	if (value >= LONG_BASE)
		return &p->rows[value - LONG_BASE];
	for (const struct option_row *r = p->rows; r->id != 0; r++) {
		if (r->letter != 0 && r->letter == value)
			return r;
	}
	return NULL;
}

/* Refuses a long form that is none, or the start of several. */
static _Noreturn void
refuse_long(
    const struct program *p, const struct option *longs, const char *word)
{
	size_t n = strcspn(word + 2, "=");
	const char *first = NULL;

	for (; longs->name != NULL; longs++) {
		if (strncmp(longs->name, word + 2, n) != 0)
			continue;
		if (first != NULL)
			program_usage(p, "option '%.*s': may be --%s or --%s",
			    (int)n + 2, word, first, longs->name);
		first = longs->name;
	}
	program_usage(p, "unknown option '%.*s'", (int)n + 2, word);
}

/* Says why getopt_long did not take what it stopped at. */
static _Noreturn void
refuse(const struct options *o, const struct option *longs, int value)
{
	const struct program *p = o->program;
	const char *word = o->argv[optind - 1];
	const struct option_row *row = row_get(p, optopt);

	if (value == ':') {
		ASSERT(row != NULL);
		if (optopt >= LONG_BASE)
			program_usage(
			    p, "option '--%s' needs %s", row->name, row->arg);
		program_usage(
		    p, "option '-%c' needs %s", row->letter, row->arg);
	}
	if (optopt >= LONG_BASE)
		program_usage(p, "option '%.*s' takes no argument: '%s'",
		    (int)strcspn(word, "="), word, word);
	if (optopt != 0)
		program_usage(p, "unknown option '-%c'", optopt);
	refuse_long(p, longs, word);
}

int
options_next(struct options *o, const char **arg)
{
	struct getopt_tables tables;
	int value;

	*arg = NULL;
	build_tables(o->program, &tables);
	value =
	    getopt_long(o->argc, o->argv, tables.letters, tables.longs, NULL);
	if (value == -1) {
		o->index = optind;
		return 0;
	}
	if (value == LONG_HELP)
		print_help(o->program);
	if (value == LONG_VERSION)
		print_version(o->program);
	if (value == '?' || value == ':')
		refuse(o, tables.longs, value);
	*arg = optarg;
	return row_get(o->program, value)->id;
}

uint64_t
option_number(const struct program *p, const char *option, const char *text,
    uint64_t min, uint64_t max)
{
	uint64_t n;

	if (!number_parse(text, min, max, &n))
		program_usage(p,
		    "%s '%s': not a whole number from %llu to %llu", option,
		    text, (unsigned long long)min, (unsigned long long)max);
	return n;
}

uint64_t
option_duration(const struct program *p, const char *option, const char *text)
{
	uint64_t span_us;

	if (!duration_parse(text, &span_us))
		program_usage(p,
		    "%s '%s': not a span of time: write 250us, 250ms, 5s, 2m, "
		    "1h or never",
		    option, text);
	return span_us;
}

uint64_t
option_span(const struct program *p, const char *option, const char *text,
    uint64_t min_us, uint64_t max_us)
{
	char range[64];
	uint64_t span_us;
	struct text t;

	if (duration_parse(text, &span_us) && span_us != NEVER &&
	    span_us >= min_us && span_us <= max_us)
		return span_us;
	text_init(&t, range, sizeof(range));
	text_add(&t, "from ");
	text_add_duration(&t, min_us);
	text_add(&t, max_us == NEVER ? " up" : " to ");
	if (max_us != NEVER)
		text_add_duration(&t, max_us);
	program_usage(p,
	    "%s '%s': not a time %s, written as 250us, 250ms, 5s, 2m or 1h",
	    option, text, range);
}

void
option_addr(const struct program *p, const char *option, const char *text,
    struct addr *addr)
{
	const char *why;

	if (!addr_parse(text, addr, &why))
		program_usage(
		    p, "%s '%s': not an address: %s", option, text, why);
}
