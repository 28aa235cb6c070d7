/*
 * qorb-ctl: any verb of the line protocol, with its answer made for people or
 * for scripts. It knows next to nothing of the verbs: what it is given it
 * sends, and the daemon decides.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/qorb_client.h"
#include "core/number.h"
#include "core/verb.h"
#include "io/fd.h"
#include "io/options.h"
#include "view.h"

#define EXIT_FAILED 1

/* The one request that we make has it; streams need one. */
#define TAG "ctl"

#define WIDTH_UNKNOWN 80
#define WIDTH_LEAST   20

/* What one read gives is written before the next one. */
#define OUT_BYTES 65536

enum {
	OPT_JSON = 1,
	OPT_SOCKET,
	OPT_TIMEOUT,
};

static const struct option_row rows[] = {
	{ OPT_JSON, 'j', "json", NULL, "one JSON object a row and line" },
	{ OPT_SOCKET, 's', "socket", "PATH", "the daemon's socket" },
	{ OPT_TIMEOUT, 't', "timeout", "DURATION",
	    "how long to wait for the answer (default: never gives up)" },
	{ 0 },
};

static const struct program program = {
	.name = "qorb-ctl",
	.summary = "Says VERB with its arguments to qorb-pool and shows the "
		   "answer: as tables to a terminal, with tabs to a pipe. "
		   "Without VERB it asks the daemon which there are.",
	.usage = "[OPTION]... [VERB [ARGUMENT]...]",
	.note = "The verbs are in qorb-protocol(7). events and watch go on "
		"until Ctrl-C. A DURATION is 250ms, 5s, 2m or never. Exit "
		"code 1: the daemon's error, or no daemon; 2: wrong use.",
	.examples = "qorb-ctl drain demo echo001.test.com:6001\n"
		    "qorb-ctl --json events demo | jq -r .event",
	.rows = rows,
	.usage_status = 2,
};

struct command {
	const char *socket;
	uint64_t timeout_us; /* NEVER: no bound */
	const char *verb;
	char **words;
	size_t count;
	bool stays; /* there is more to come after the ok */
};

static volatile sig_atomic_t is_told_to_end;

static void
on_signal(int number)
{
	(void)number;
	is_told_to_end = 1;
}

static bool
has_key(const struct command *cmd, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < cmd->count; i++) {
		if (strncmp(cmd->words[i], key, n) == 0 &&
		    cmd->words[i][n] == '=')
			return true;
	}
	return false;
}

/* Streams go on, and what is advertised for as long as its connection lasts is
 * to be there for longer than a moment. */
static bool
does_stay(const struct command *cmd)
{
	enum verb v;

	if (verb_find(cmd->verb, &v) != ERR_NONE)
		return false;
	return verb_row(v)->needs_tag ||
	       (v == VERB_ADVERTISE && !has_key(cmd, "ttl"));
}

static void
read_command_line(struct command *cmd, struct view *view, int argc, char **argv)
{
	struct options o;
	const char *arg;
	int id;

	options_init(&o, &program, argc, argv);
	while ((id = options_next(&o, &arg)) != 0) {
		if (id == OPT_JSON)
			view->kind = VIEW_JSON;
		else if (id == OPT_SOCKET)
			cmd->socket = arg;
		else if (id == OPT_TIMEOUT)
			cmd->timeout_us =
			    option_duration(&program, "--timeout", arg);
	}
	cmd->verb = o.index < argc ? argv[o.index] : "help";
	cmd->words = argv + (o.index < argc ? o.index + 1 : argc);
	cmd->count = (size_t)(argv + argc - cmd->words);
	if (strcmp(cmd->verb, "claim") == 0)
		program_usage(&program,
		    "claim: the claim would end with this command, at once; "
		    "use qorb-claim, which gives the connection to a program");
	cmd->stays = does_stay(cmd);
	view->is_stream = cmd->stays;
}

static size_t
screen_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		n = size.ws_col;
	else if (columns == NULL || !number_parse(columns, 1, 10000, &n))
		n = WIDTH_UNKNOWN;
	return n < WIDTH_LEAST ? WIDTH_LEAST : (size_t)n;
}

/* Until they are waited for, signals that end us rest; then what was written
 * goes out whole. */
static void
catch_signals(sigset_t *waiting)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = on_signal }, old;
	sigset_t blocked;

	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (sigaction(numbers[i], NULL, &old) != 0 ||
		    old.sa_handler == SIG_IGN)
			continue;
		(void)sigaction(numbers[i], &act, NULL);
		(void)sigaddset(&blocked, numbers[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &blocked, waiting);
}

/* Exits when nobody reads any more, which is no error, or writing fails. */
static void
flush(FILE *out)
{
	if (fflush(out) == 0 && !ferror(out))
		return;
	if (errno == EPIPE)
		exit(0);
	program_fail(EXIT_FAILED, "standard output: %s", strerror(errno));
}

/* Moves bytes to and from the daemon; false when it is lost. Exits when it
 * takes too long, when we are told to end, when nobody reads what we write. */
static void
wait_for_daemon(
    struct qorb_client *client, uint64_t deadline_us, const sigset_t *waiting)
{
	struct pollfd fds[2] = { { .fd = qorb_client_fd(client),
				     .events = POLLIN },
		{ .fd = STDOUT_FILENO } };
	uint64_t now = clock_us();
	struct timespec left;

	if (deadline_us <= now)
		program_fail(EXIT_FAILED, "%s: no answer in time",
		    qorb_client_path(client));
	left.tv_sec = (time_t)((deadline_us - now) / US_PER_S);
	left.tv_nsec = (long)((deadline_us - now) % US_PER_S * 1000);
	if (qorb_client_wants_write(client))
		fds[0].events |= POLLOUT;
	if (ppoll(fds, ARRAY_LEN(fds), deadline_us == NEVER ? NULL : &left,
		waiting) == -1) {
		fds[0].revents = fds[1].revents = 0;
		if (errno != EINTR)
			program_fail(EXIT_FAILED, "poll: %s", strerror(errno));
	}
	if (is_told_to_end || (fds[1].revents & (POLLERR | POLLHUP)) != 0)
		exit(0);
	if ((fds[0].revents & POLLOUT) != 0)
		(void)qorb_client_on_writable(client);
	if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		(void)qorb_client_on_readable(client);
}

_Noreturn static void
fail_with(const struct qorb_reply *reply)
{
	char *message = table_escape(reply->message);

	program_fail(EXIT_FAILED, "%s: %s", reply->code, message);
}

/* True at the end of the answer. */
static bool
take_replies(struct qorb_client *client, struct view *view, bool *is_answered)
{
	struct qorb_reply reply;

	while (qorb_client_next(client, &reply)) {
		if (reply.fd != -1)
			(void)close(reply.fd);
		if (reply.kind == QORB_ERROR) {
			flush(view->out);
			fail_with(&reply);
		}
		view_reply(view, &reply);
		*is_answered |= reply.kind == QORB_OK;
		if (reply.kind == QORB_OK && !view->is_stream)
			return true;
	}
	return false;
}

/* Is a word that has a '=' a word as it stands? Of those that a verb that we
 * know needs, one is none of its keys: names of backends may hold the sign. A
 * newer daemon's keys, which we do not know, come after them. */
static bool
is_bare(const struct command *cmd, const char *word, size_t bare_before)
{
	enum verb v;

	return verb_find(cmd->verb, &v) == ERR_NONE &&
	       bare_before < verb_row(v)->words_min &&
	       !verb_takes_key(v, word, strcspn(word, "="));
}

/* Owned; the words are cut at the sign between key and value. */
static struct qorb_arg *
make_args(const struct command *cmd)
{
	struct qorb_arg *args = mem_new(cmd->count + 1, sizeof(*args));
	size_t bare = 0;

	for (size_t i = 0; i < cmd->count; i++) {
		char *word = cmd->words[i], *sign = strchr(word, '=');

		if (sign == NULL || is_bare(cmd, word, bare)) {
			args[i].value = word;
			bare++;
			continue;
		}
		*sign = '\0';
		args[i].key = word;
		args[i].value = sign + 1;
	}
	return args;
}

static void
run(struct qorb_client *client, const struct command *cmd, struct view *view)
{
	uint64_t deadline = time_after(clock_us(), cmd->timeout_us);
	struct qorb_arg *args = make_args(cmd);
	bool is_answered = false;
	sigset_t waiting;

	(void)sigprocmask(SIG_SETMASK, NULL, &waiting);
	if (cmd->stays)
		catch_signals(&waiting);
	if (!qorb_client_send_args(client, TAG, cmd->verb, args, cmd->count))
		program_fail(EXIT_FAILED, "%s", qorb_client_error(client));
	free(args);
	while (!take_replies(client, view, &is_answered)) {
		flush(view->out);
		if (!qorb_client_is_up(client))
			program_fail(
			    EXIT_FAILED, "%s", qorb_client_error(client));
		wait_for_daemon(
		    client, is_answered ? NEVER : deadline, &waiting);
	}
	view_end(view);
	flush(view->out);
}

int
main(int argc, char **argv)
{
	struct command cmd = { .timeout_us = NEVER };
	struct view view = { .kind = VIEW_TABS, .out = stdout };
	struct qorb_client *client;

	if (isatty(STDOUT_FILENO))
		view.kind = VIEW_SCREEN;
	read_command_line(&cmd, &view, argc, argv);
	view.width = screen_width();
	(void)setvbuf(stdout, NULL, _IOFBF, OUT_BYTES);
	(void)signal(SIGPIPE, SIG_IGN);
	client = qorb_client_new(cmd.socket);
	if (client == NULL)
		program_fail(EXIT_FAILED, "out of memory");
	if (!qorb_client_is_up(client))
		program_fail(EXIT_FAILED, "%s", qorb_client_error(client));
	run(client, &cmd, &view);
	qorb_client_free(&client);
	return 0;
}
