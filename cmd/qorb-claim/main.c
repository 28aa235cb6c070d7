/*
 * qorb-claim: a pooled connection for a command or a pipeline. It claims one,
 * lends it on to a program or copies between it and its own standard input and
 * output, and gives it back: in good order when all went well, else as broken.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "client/qorb_client.h"
#include "io/fd.h"
#include "io/options.h"
#include "pipe.h"
#include "run.h"
#include "signals.h"

#define EXIT_FAILED   1
#define EXIT_USAGE    100
#define EXIT_NO_CLAIM 111

/* A daemon that answers a claim so much later than it was told to has
 * stopped. */
#define GRACE_US (5 * US_PER_S)

/* The daemon answers at once; if not, our end of the socket says it all. */
#define RELEASE_MS 1000

enum {
	OPT_ADDR = 1,
	OPT_BACKEND,
	OPT_BYTES,
	OPT_KEY,
	OPT_LEASE,
	OPT_LINES,
	OPT_SOCKET,
	OPT_STDIO,
	OPT_TIMEOUT,
	OPT_UNTIL,
	OPT_WAIT,
};

static const struct option_row rows[] = {
	{ OPT_ADDR, 0, "addr", NULL,
	    "only say which backend it would be: name and address" },
	{ OPT_BACKEND, 0, "backend", "NAME", "from this backend alone" },
	{ OPT_BYTES, 'b', "bytes", "N", "the answer ends after N bytes" },
	{ OPT_KEY, 'k', "key", "STRING",
	    "from the same backend each time that STRING is given" },
	{ OPT_LEASE, 0, "lease", "DURATION",
	    "how long we may have it (default: the pool's max-hold)" },
	{ OPT_LINES, 'l', "lines", "N", "the answer ends after N lines" },
	{ OPT_SOCKET, 's', "socket", "PATH", "the daemon's socket" },
	{ OPT_STDIO, 0, "stdio", NULL,
	    "the connection as PROGRAM's descriptors 0 and 1" },
	{ OPT_TIMEOUT, 't', "timeout", "DURATION",
	    "how long the answer may take in all (default: never)" },
	{ OPT_UNTIL, 'u', "until", "STRING",
	    "the answer ends after the first STRING in it" },
	{ OPT_WAIT, 'w', "wait", "DURATION",
	    "how long to wait for a connection (default: the pool's "
	    "claim-timeout); 0 for not at all" },
	{ 0 },
};

static const struct program program = {
	.name = "qorb-claim",
	.summary = "Borrows a warm connection from qorb-pool: for PROGRAM, "
		   "which gets it as descriptors 6 and 7 (UCSPI), or, without "
		   "one, for standard input and output until the answer has "
		   "ended.",
	.usage = "[OPTION]... POOL [--] PROGRAM [ARG]...\n"
		 "[OPTION]... --stdio POOL [--] PROGRAM [ARG]...\n"
		 "[OPTION]... --bytes N|--lines N|--until STRING POOL\n"
		 "[OPTION]... --addr POOL",
	.note = "A DURATION is 250us, 250ms, 5s, 2m, 1h or never. PROGRAM's "
		"exit code is passed on, and any but 0 closes the connection; "
		"111: no connection was to be had, 100: wrong use.",
	.examples = "echo hello | qorb-claim --lines 1 demo\n"
		    "qorb-claim demo sh -c 'echo hello >&7; head -n 1 <&6'",
	.rows = rows,
	.usage_status = EXIT_USAGE,
	.stops_at_operand = 1,
};

/* What the command line asks for. */
struct request {
	const char *socket;
	const char *pool;
	struct qorb_claim_options options;
	uint64_t wait_us; /* NEVER when the pool says */
	uint64_t timeout_us;
	bool has_timeout;
	bool is_addr;
	bool is_stdio;
	struct answer answer;
	const char *end; /* the option that named the answer's end */
	char **argv;	 /* PROGRAM, or NULL */
};

static void
set_end(struct request *r, const char *option)
{
	if (r->end != NULL && strcmp(r->end, option) != 0)
		program_usage(&program, "%s and %s: an answer has one end",
		    r->end, option);
	r->end = option;
}

static void
set_count(struct request *r, enum answer_kind kind, const char *option,
    const char *text)
{
	set_end(r, option);
	answer_init_count(&r->answer, kind,
	    option_number(&program, option, text, 1, UINT64_MAX - 1));
}

static void
set_until(struct request *r, const char *text)
{
	set_end(r, "--until");
	if (!answer_init_string(&r->answer, text))
		program_usage(&program,
		    "--until: not a string of 1 to %d bytes",
		    ANSWER_STRING_MAX);
}

static void
set_option(struct request *r, int id, const char *arg)
{
	switch (id) {
	case OPT_ADDR:
		r->is_addr = true;
		break;
	case OPT_BACKEND:
		r->options.backend = arg;
		break;
	case OPT_BYTES:
		set_count(r, ANSWER_BYTES, "--bytes", arg);
		break;
	case OPT_KEY:
		r->options.key = arg;
		break;
	case OPT_LEASE:
		(void)option_duration(&program, "--lease", arg);
		r->options.lease = arg;
		break;
	case OPT_LINES:
		set_count(r, ANSWER_LINES, "--lines", arg);
		break;
	case OPT_SOCKET:
		r->socket = arg;
		break;
	case OPT_STDIO:
		r->is_stdio = true;
		break;
	case OPT_TIMEOUT:
		r->timeout_us = option_duration(&program, "--timeout", arg);
		r->has_timeout = true;
		break;
	case OPT_UNTIL:
		set_until(r, arg);
		break;
	case OPT_WAIT:
		r->wait_us = option_duration(&program, "--wait", arg);
		r->options.wait = arg;
		break;
	}
}

/* The options at argv[1] and after, up to the first operand: its index. */
static int
read_options(struct request *r, int argc, char **argv)
{
	struct options o;
	const char *arg;
	int id;

	options_init(&o, &program, argc, argv);
	while ((id = options_next(&o, &arg)) != 0)
		set_option(r, id, arg);
	return o.index;
}

static void
check_program_form(const struct request *r)
{
	if (r->is_addr)
		program_usage(&program,
		    "--addr and PROGRAM '%s': one of the two", r->argv[0]);
	if (r->end != NULL)
		program_usage(&program,
		    "%s and PROGRAM '%s': the end of an answer is for "
		    "standard output, without PROGRAM",
		    r->end, r->argv[0]);
	if (r->has_timeout)
		program_usage(&program,
		    "--timeout and PROGRAM '%s': bound it with --lease, or "
		    "run it by timeout(1)",
		    r->argv[0]);
}

static void
check_other_forms(const struct request *r)
{
	if (r->is_stdio)
		program_usage(
		    &program, "--stdio: no PROGRAM to give the connection to");
	if (r->is_addr && r->end != NULL)
		program_usage(
		    &program, "--addr and %s: one of the two", r->end);
	if (r->is_addr && r->has_timeout)
		program_usage(&program,
		    "--addr and --timeout: nothing is sent that could be "
		    "answered; --wait bounds the claim");
	if (!r->is_addr && r->end == NULL)
		program_usage(&program,
		    "no PROGRAM, and no end of the answer: name one by "
		    "--bytes N, --lines N or --until STRING");
}

/* Options may stand before POOL and after it, up to PROGRAM. */
static void
read_command_line(struct request *r, int argc, char **argv)
{
	int i = read_options(r, argc, argv);

	if (i >= argc || *argv[i] == '\0')
		program_usage(&program, "no POOL: name the pool to claim from");
	r->pool = argv[i];
	i += read_options(r, argc - i, argv + i);
	if (r->options.backend != NULL && r->options.key != NULL)
		program_usage(&program,
		    "--backend and --key: one of the two, since each says "
		    "which backend it is to be");
	if (i < argc) {
		r->argv = argv + i;
		check_program_form(r);
	} else {
		check_other_forms(r);
	}
}

static void
say_hello(struct qorb_client *client)
{
	const char *words[] = { "client=qorb-claim" };

	(void)qorb_client_send(client, "hello", "hello", words, 1);
}

static int
claim_ms(const struct request *r)
{
	uint64_t limit_us = time_after(r->wait_us, GRACE_US);

	return limit_us < (uint64_t)INT32_MAX * US_PER_MS
		   ? (int)(limit_us / US_PER_MS)
		   : -1;
}

static struct qorb_client *
claim(const struct request *r, struct qorb_grant *grant)
{
	struct qorb_client *client = qorb_client_new(r->socket);

	if (client == NULL)
		program_fail(EXIT_NO_CLAIM, "out of memory");
	if (!qorb_client_is_up(client))
		program_fail(EXIT_NO_CLAIM, "%s", qorb_client_error(client));
	say_hello(client);
	if (qorb_claim(client, r->pool, &r->options, grant, claim_ms(r)))
		return client;
	if (qorb_client_code(client) == NULL)
		program_fail(EXIT_NO_CLAIM, "%s: %s", r->pool,
		    qorb_client_error(client));
	program_fail(EXIT_NO_CLAIM, "%s: %s: %s", r->pool,
	    qorb_client_code(client), qorb_client_error(client));
}

/* Waits for the answer, so that whoever comes after us finds the connection in
 * the pool. That it fails is no matter: the claim had ended by its lease, or
 * ends with our connection to the daemon. */
static void
release(struct qorb_client *client, uint64_t id, bool is_broken)
{
	char text[24];
	const char *words[] = { text, "broken" };
	const struct qorb_request request = { .verb = "release",
		.words = words,
		.count = is_broken ? 2 : 1,
		.timeout_ms = RELEASE_MS };

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	(void)qorb_call(client, &request);
}

static int
print_addr(const struct qorb_grant *grant)
{
	printf("%s %s\n", grant->backend, grant->addr);
	if (fflush(stdout) == 0)
		return 0;
	program_warn("standard output: %s", strerror(errno));
	return EXIT_FAILED;
}

static int
copy_answer(struct request *r, const struct qorb_grant *grant)
{
	const struct pipe_job job = { .conn = grant->fd,
		.answer = &r->answer,
		.timeout_us = r->timeout_us,
		.pool = r->pool,
		.backend = grant->backend };

	return pipe_run(&job);
}

/* Does what the claim is for; the exit code. */
static int
use(struct request *r, struct qorb_grant *grant, bool *is_broken)
{
	const struct run run = {
		.argv = r->argv, .is_stdio = r->is_stdio, .pool = r->pool
	};
	int status;

	if (r->argv != NULL)
		return run_program(&run, grant, is_broken);
	/* Output that nobody reads is an error like others. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (r->is_addr) {
		*is_broken = false;
		return print_addr(grant);
	}
	status = copy_answer(r, grant);
	*is_broken = status != 0;
	return status;
}

int
main(int argc, char **argv)
{
	struct request request = { .wait_us = NEVER, .timeout_us = NEVER };
	struct qorb_client *client;
	struct qorb_grant grant;
	bool is_broken;
	int status;

	read_command_line(&request, argc, argv);
	client = claim(&request, &grant);
	if (!signals_init())
		program_fail(
		    EXIT_NO_CLAIM, "cannot catch signals: %s", strerror(errno));
	status = use(&request, &grant, &is_broken);
	fd_close(&grant.fd);
	release(client, grant.claim, is_broken);
	qorb_client_free(&client);
	return status;
}
