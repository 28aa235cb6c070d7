/*
 * qorb-web: what the daemon does, for browsers and for Prometheus.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/socket_path.h"
#include "io/fd.h"
#include "io/log.h"
#include "io/options.h"
#include "server.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

#define WHY_BYTES 512

enum {
	OPT_HOST = 1,
	OPT_LISTEN,
	OPT_LOG_LEVEL,
	OPT_MAX_BACKENDS,
	OPT_MAX_CLIENTS,
	OPT_SOCKET,
	OPT_TIMEOUT,
};

static const struct option_row rows[] = {
	{ OPT_HOST, 'H', "host", "NAME",
	    "a name that browsers may call this by; may be repeated" },
	{ OPT_LISTEN, 'l', "listen", "ADDR",
	    "address and port (default: 127.0.0.1:42069)" },
	{ OPT_LOG_LEVEL, 0, "log-level", "LEVEL",
	    "error, warn, info (default) or debug" },
	{ OPT_MAX_BACKENDS, 0, "max-backends", "N",
	    "backends of a pool that have figures of their own in /metrics "
	    "(100)" },
	{ OPT_MAX_CLIENTS, 0, "max-clients", "N",
	    "connections to serve at a time (default: 1000)" },
	{ OPT_SOCKET, 's', "socket", "PATH", "the daemon's socket" },
	{ OPT_TIMEOUT, 0, "timeout", "DURATION",
	    "close a client that is stuck for as long (default: 30s)" },
	{ 0 },
};

static const struct program program = {
	.name = "qorb-web",
	.summary = "Serves what qorb-pool is doing: a page, figures for "
		   "Prometheus, and a stream of them over WebSockets.",
	.usage = "[--listen ADDR] [--socket PATH] [OPTION]...",
	.note = "/ is the page, /metrics is for Prometheus, /stats.json and "
		"/healthz are for\nscripts, /qtop/stats and /events are "
		"WebSockets. It only reads.",
	.examples = "qorb-web\n"
		    "qorb-web --listen [::]:8080 --host pool1.example.com",
	.rows = rows,
	.usage_status = EXIT_USAGE,
};

static volatile sig_atomic_t is_told_to_end;
static struct server *server;

static void
on_signal(int number)
{
	(void)number;
	is_told_to_end = 1;
	server_wake(server);
}

static void
set_listen(struct server_options *o, const char *text)
{
	option_addr(&program, "--listen", text, &o->listen);
	if (o->listen.kind == ADDR_UNIX)
		program_usage(&program,
		    "--listen '%s': an address and a port are needed, such as "
		    "127.0.0.1:42069 or [::1]:42069",
		    text);
}

/* To one that cannot be it would try to connect for ever. */
static void
set_socket(struct server_options *o, const char *text)
{
	if (text[0] == '\0' || strlen(text) >= ADDR_PATH_BYTES)
		program_usage(&program,
		    "--socket '%s': a path of 1 to %d bytes is needed", text,
		    ADDR_PATH_BYTES - 1);
	o->socket = text;
}

static void
set_log_level(const char *text)
{
	enum log_level level;

	if (!log_level_parse(text, &level))
		program_usage(&program,
		    "--log-level '%s': one of error, warn, info and debug is "
		    "needed",
		    text);
	log_set_level(level);
}

static void
take_option(struct server_options *o, int id, const char *arg)
{
	switch (id) {
	case OPT_HOST:
		if (!rules_add(&o->rules, arg))
			program_usage(&program,
			    "--host '%s': not a name, or more than %d of them",
			    arg, RULES_NAMES_MAX);
		break;
	case OPT_LISTEN:
		set_listen(o, arg);
		break;
	case OPT_LOG_LEVEL:
		set_log_level(arg);
		break;
	case OPT_MAX_BACKENDS:
		o->max_backends = (uint32_t)option_number(
		    &program, "--max-backends", arg, 0, 100000);
		break;
	case OPT_MAX_CLIENTS:
		o->max_clients = (uint32_t)option_number(
		    &program, "--max-clients", arg, 1, 100000);
		break;
	case OPT_SOCKET:
		set_socket(o, arg);
		break;
	case OPT_TIMEOUT:
		o->timeout_us = option_span(
		    &program, "--timeout", arg, 2 * US_PER_S, 3600 * US_PER_S);
		break;
	}
}

/* In path, which has ADDR_PATH_BYTES. */
static const char *
default_socket(char *path)
{
	char buf[WHY_BYTES];
	struct text why;

	if (socket_path_default(path))
		return path;
	text_init(&why, buf, sizeof(buf));
	socket_path_complain(&why);
	program_fail(EXIT_USAGE, "%s", buf);
}

static void
read_command_line(struct server_options *o, int argc, char **argv)
{
	static char path[ADDR_PATH_BYTES];
	struct options options;
	const char *arg;
	int id;

	options_init(&options, &program, argc, argv);
	while ((id = options_next(&options, &arg)) != 0)
		take_option(o, id, arg);
	if (options.index < argc)
		program_usage(&program,
		    "'%s': qorb-web takes no argument; --listen and --socket "
		    "have the addresses",
		    argv[options.index]);
	if (o->listen.kind == ADDR_NONE)
		set_listen(o, "127.0.0.1:42069");
	if (o->socket == NULL)
		o->socket = default_socket(path);
}

/* Clients are served as far as there are descriptors. */
static void
check_limits(const struct server_options *o)
{
	uint64_t limit = fd_raise_limit();
	uint64_t needed = o->max_clients + SERVER_EXCESS + 64;

	if (needed > limit)
		program_fail(EXIT_FAILED,
		    "this process may have %llu descriptors, but --max-clients "
		    "lets it need %llu: raise its limit (ulimit -n) or lower "
		    "--max-clients",
		    (unsigned long long)limit, (unsigned long long)needed);
}

static void
set_signals(void (*handler)(int number))
{
	struct sigaction act = { .sa_handler = handler };

	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
}

int
main(int argc, char **argv)
{
	struct server_options options = { .max_clients = 1000,
		.max_backends = 100,
		.timeout_us = 30 * US_PER_S };
	char buf[WHY_BYTES], at[ADDR_TEXT_BYTES];
	struct addr bound;
	struct text why;

	read_command_line(&options, argc, argv);
	check_limits(&options);
	text_init(&why, buf, sizeof(buf));
	server = server_new(&options, &bound, &why);
	if (server == NULL)
		program_fail(EXIT_FAILED, "%s", buf);
	(void)signal(SIGPIPE, SIG_IGN);
	set_signals(on_signal);
	log_write(LOG_INFO, NULL, NULL, "ready on http://%s/ for %s",
	    addr_text(&bound, at), options.socket);
	server_run(server, &is_told_to_end);
	/* One more would wake what is being taken apart. */
	set_signals(SIG_IGN);
	server_free(&server);
	return 0;
}
