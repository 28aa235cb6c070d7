/*
 * qorb-echo: an echo server to try out pools with, and their failures.
 */

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "glue/feed.h"
#include "io/fd.h"
#include "io/options.h"
#include "rate.h"
#include "server.h"

enum option {
	OPT_DELAY = 1,
	OPT_CLOSE_AFTER,
	OPT_FAIL_RATE,
	OPT_HANG_RATE,
	OPT_SEED,
	OPT_QUIET,
	OPT_ADVERTISE,
	OPT_NAME,
	OPT_SOCKET,
};

static const struct option_row rows[] = {
	{ OPT_DELAY, 0, "delay", "DURATION",
	    "wait before each answer (250ms, 5s)" },
	{ OPT_CLOSE_AFTER, 0, "close-after", "N",
	    "close a connection once N bytes went back" },
	{ OPT_FAIL_RATE, 0, "fail-rate", "P",
	    "drop this share of new connections (0.1 or 10%)" },
	{ OPT_HANG_RATE, 0, "hang-rate", "P",
	    "never answer this share of the other connections" },
	{ OPT_SEED, 0, "seed", "N",
	    "the same N, the same connections fail and hang" },
	{ OPT_QUIET, 'q', "quiet", NULL, "do not write a line a connection" },
	{ OPT_ADVERTISE, 'a', "advertise", "POOL",
	    "be a backend of this pool of qorb-pool" },
	{ OPT_NAME, 'n', "name", "NAME",
	    "name of that backend; without it, its address" },
	{ OPT_SOCKET, 's', "socket", "PATH", "the daemon's socket" },
	{ 0 },
};

static const struct program program = {
	.name = "qorb-echo",
	.summary = "Echo server: sends back what it gets.",
	.usage = "[options] [ADDR]",
	.note = "ADDR is 127.0.0.1:PORT or [::1]:PORT; without it, [::1]:0, a "
		"free port. The address is printed once connections are "
		"accepted. Each connection gives a line on standard error when "
		"it ends; SIGUSR1 and the end of the program give the counts. "
		"SIGINT and SIGTERM end it.",
	.examples = "qorb-echo --fail-rate 10% --delay 20ms 127.0.0.1:6002\n"
		    "qorb-echo --advertise demo --name echo001",
	.rows = rows,
	.usage_status = 2,
};

/* What the command line says beside the server's own settings. */
struct announcement {
	const char *pool; /* NULL: none */
	const char *name; /* NULL: the address */
	const char *socket;
};

static uint32_t
rate_option(const char *option, const char *text)
{
	uint32_t rate;

	if (!rate_parse(text, &rate))
		program_usage(&program,
		    "%s '%s': not a share: write 0 to 1, or 0%% to 100%%",
		    option, text);
	return rate;
}

/* A backend's name as the daemon takes it. */
static const char *
name_option(const char *text)
{
	if (text[0] == '\0' || strlen(text) >= BACKEND_NAME_BYTES)
		program_usage(&program, "--name '%s': 1 to %d bytes are needed",
		    text, BACKEND_NAME_BYTES - 1);
	return text;
}

static void
set_option(struct server_settings *s, struct announcement *a, enum option id,
    const char *arg)
{
	switch (id) {
	case OPT_DELAY:
		s->delay_us = option_span(&program, "--delay", arg, 0, NEVER);
		return;
	case OPT_CLOSE_AFTER:
		s->close_after = option_number(
		    &program, "--close-after", arg, 1, UINT64_MAX);
		return;
	case OPT_FAIL_RATE:
		s->fail_rate = rate_option("--fail-rate", arg);
		return;
	case OPT_HANG_RATE:
		s->hang_rate = rate_option("--hang-rate", arg);
		return;
	case OPT_SEED:
		s->seed = option_number(&program, "--seed", arg, 0, UINT64_MAX);
		return;
	case OPT_QUIET:
		s->is_quiet = true;
		return;
	case OPT_ADVERTISE:
		a->pool = arg;
		return;
	case OPT_NAME:
		a->name = name_option(arg);
		return;
	case OPT_SOCKET:
		a->socket = arg;
		return;
	}
}

static void
read_options(
    struct server_settings *s, struct announcement *a, int argc, char **argv)
{
	const char *addr = "[::1]:0", *arg;
	struct options o;
	int id;

	options_init(&o, &program, argc, argv);
	s->seed = clock_wall_us() ^ (uint64_t)getpid() << 40;
	while ((id = options_next(&o, &arg)) != 0)
		set_option(s, a, (enum option)id, arg);
	if (a->pool != NULL && a->pool[0] == '\0')
		program_usage(&program, "--advertise '': a pool is needed");
	if (a->pool == NULL && (a->name != NULL || a->socket != NULL))
		program_usage(&program, "%s is of no use without --advertise",
		    a->name != NULL ? "--name" : "--socket");
	if (o.index < argc)
		addr = argv[o.index++];
	if (o.index < argc)
		program_usage(
		    &program, "'%s': one ADDR is enough", argv[o.index]);
	option_addr(&program, "ADDR", addr, &s->addr);
	if (s->addr.kind == ADDR_UNIX)
		program_usage(
		    &program, "ADDR '%s': not an IP address and a port", addr);
}

static const char *
listen_advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program has this port: choose another one, "
		       "or 0 for any";
	case EADDRNOTAVAIL:
		return "no interface of this machine has this address";
	case EACCES:
		return "ports below 1024 are for root";
	default:
		return strerror(error);
	}
}

static void
on_stop(evutil_socket_t signal_no, short what, void *base)
{
	(void)signal_no;
	(void)what;
	event_base_loopbreak(base);
}

static void
on_usr1(evutil_socket_t signal_no, short what, void *server)
{
	(void)signal_no;
	(void)what;
	server_report(server);
}

static void
on_trouble(void *ctx, const char *code, const char *text)
{
	const struct announcement *a = ctx;

	(void)code;
	program_warn("pool %s: not advertised, trying on: %s", a->pool, text);
}

static void
on_fed(void *ctx)
{
	const struct announcement *a = ctx;

	program_warn("pool %s: advertised", a->pool);
}

/* NULL when nothing is to be announced. */
static struct feed *
announce(struct event_base *base, const struct server *server,
    struct announcement *a)
{
	char text[ADDR_TEXT_BYTES];
	struct backend_spec spec = { .addr = *server_addr(server) };
	struct qorb_feed_params params = {
		.path = a->socket,
		.pool = a->pool,
		.on_trouble = on_trouble,
		.on_fed = on_fed,
		.ctx = a,
	};
	struct feed *advert;

	if (a->pool == NULL)
		return NULL;
	spec.name =
	    a->name != NULL ? a->name : addr_text(server_addr(server), text);
	advert = feed_new(base, &params);
	if (advert == NULL)
		program_fail(1, "pool %s: no room to advertise", a->pool);
	feed_set(advert, &spec, 1);
	return advert;
}

/* A delay ends no sooner than it says: by default libevent reads a coarse
 * clock, which may be some milliseconds behind. */
static struct event_base *
loop_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL) {
		event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
		base = event_base_new_with_config(config);
		event_config_free(config);
	}
	return base;
}

static void
serve_until_stopped(struct event_base *base, struct server *server)
{
	struct event *events[] = {
		evsignal_new(base, SIGINT, on_stop, base),
		evsignal_new(base, SIGTERM, on_stop, base),
		evsignal_new(base, SIGUSR1, on_usr1, server),
	};
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		ASSERT(events[i] != NULL);
		event_add(events[i], NULL);
	}
	printf("listening started on %s, ready to accept\n",
	    addr_text(server_addr(server), text));
	if (fflush(stdout) != 0)
		program_fail(1, "standard output: %s", strerror(errno));
	event_base_dispatch(base);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		event_free(events[i]);
}

int
main(int argc, char **argv)
{
	struct server_settings settings = { 0 };
	struct announcement announcement = { 0 };
	struct feed *advert;
	struct event_base *base;
	struct server *server;
	char text[ADDR_TEXT_BYTES];

	read_options(&settings, &announcement, argc, argv);
	(void)fd_raise_limit();
	/* A reader of our messages that goes away is no reason to end. */
	signal(SIGPIPE, SIG_IGN);
	base = loop_new();
	if (base == NULL)
		program_fail(
		    1, "event loop: cannot be made: %s", strerror(errno));
	server = server_new(base, &settings);
	if (server == NULL)
		program_fail(1, "%s: cannot listen: %s",
		    addr_text(&settings.addr, text), listen_advice(errno));
	advert = announce(base, server, &announcement);
	serve_until_stopped(base, server);
	/* First it is no backend any more, then its connections end. */
	feed_free(&advert);
	server_stop(server);
	server_report(server);
	server_free(&server);
	event_base_free(base);
	return 0;
}
