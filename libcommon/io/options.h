#ifndef QORB_IO_OPTIONS_H
#define QORB_IO_OPTIONS_H

/*
 * Command lines of all programs, from one table a program: parsing (on
 * getopt_long), --help, --version and the error for a wrong use all come from
 * it, so that they cannot differ. tests/lint reads --help and checks that the
 * manual page and the completions name every option.
 *
 * --help and --version are added to every program; they print to stdout and
 * exit 0. A wrong use prints `PROGRAM: what: why` and the line "try 'PROGRAM
 * --help'" to stderr and exits with usage_status.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/base.h"

struct option_row {
	int id;		  /* what options_next returns; > 0, unique */
	char letter;	  /* one-letter form, 0 for none */
	const char *name; /* long form without "--" */
	const char *arg;  /* its argument's name in the help, NULL for none */
	const char *help; /* one line, without a full stop */
};

struct program {
	const char *name;
	const char *summary;  /* one line: what it does */
	const char *usage;    /* lines after the program's name, LF between */
	const char *note;     /* paragraph after the options, or NULL */
	const char *examples; /* two lines or more, LF between */
	const struct option_row *rows; /* ended by a row of zeros */
	int usage_status;	       /* exit code of a wrong use: 2, or 100 */
	int stops_at_operand;	       /* 1: options end at the first operand */
};

struct options {
	const struct program *program;
	int argc;
	char **argv;
	int index; /* first operand, once options_next returned 0 */
};

/* To be called before any descriptor is made: standard streams that are closed
 * are filled (fd_fill_standard), or the program ends with usage_status. */
void options_init(
    struct options *o, const struct program *program, int argc, char **argv);

/* The id of the next option, *arg its argument (borrowed from argv) or NULL;
 * 0 at the end. Does not return after --help, --version or a wrong use. */
int options_next(struct options *o, const char **arg);

/* Name of the running program for messages; set by options_init. */
const char *program_name(void);

/* `PROGRAM: ` and the message, to stderr: one line, in which what is no
 * printing text is escaped (text_add_escaped). */
void program_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* program_warn and exit. */
_Noreturn void program_fail(int status, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A wrong use: the message, the hint at --help, exit usage_status. */
_Noreturn void program_usage(
    const struct program *program, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Arguments of options, or program_usage with a message that says the option,
 * the text, why it cannot be and what would do. */
uint64_t option_number(const struct program *p, const char *option,
    const char *text, uint64_t min, uint64_t max);
uint64_t option_duration(
    const struct program *p, const char *option, const char *text);
/* A duration that ends: `never` is refused, also with NEVER for max_us, which
 * means that any other will do. */
uint64_t option_span(const struct program *p, const char *option,
    const char *text, uint64_t min_us, uint64_t max_us);
void option_addr(const struct program *p, const char *option, const char *text,
    struct addr *addr);

#endif
