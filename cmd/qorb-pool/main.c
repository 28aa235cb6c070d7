/* qorb-pool: options, and from them a daemon. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"
#include "io/options.h"
#include "settings.h"

/* Room for an error with the path of a file in it. */
#define WHY_BYTES 1024

enum {
	OPT_CONFIG = 1,
	OPT_CHECK_CONFIG,
	OPT_DNS,
	OPT_SOCKET,
	OPT_SET,
	OPT_LOG_LEVEL,
	OPT_WEB,
};

static const struct option_row rows[] = {
	{ OPT_CONFIG, 'c', "config", "FILE",
	    "read the configuration file; qorb.conf(5)" },
	{ OPT_CHECK_CONFIG, 0, "check-config", NULL,
	    "say whether the configuration is good, and exit" },
	{ OPT_DNS, 'd', "dns", "ADDR[,ADDR...]",
	    "DNS servers to ask, instead of the system's" },
	{ OPT_SOCKET, 's', "socket", "PATH", "socket that clients connect to" },
	{ OPT_SET, 'S', "set", "NAME=VALUE",
	    "a policy or other key for the pools named here" },
	{ OPT_LOG_LEVEL, 'l', "log-level", "LEVEL",
	    "error, warn, info (default) or debug" },
	{ OPT_WEB, 'w', "web", "ADDR",
	    "run qorb-web beside it, listening there; qorb-web(8)" },
	{ 0 },
};

static const struct program program = {
	.name = "qorb-pool",
	.summary = "keep warm connections to services and lend them to "
		   "whoever asks",
	.usage = "[options] POOL=SERVICE|ADDR[,ADDR...] ...\n"
		 "[options] -c FILE",
	.note = "A SERVICE is found by DNS SRV records; an ADDR is "
		"192.0.2.7:6001,\n[2001:db8::1]:6001 or unix:/path. "
		"qorb-pool(8) lists the policies.",
	.examples = "qorb-pool -c /etc/qorb/pool.conf\n"
		    "qorb-pool --set max-slots=64 demo=_echo._tcp.test.com",
	.rows = rows,
	.usage_status = 2,
};

static void
take_option(struct settings *s, int id, const char *arg)
{
	switch (id) {
	case OPT_CONFIG:
		s->file = arg;
		break;
	case OPT_DNS:
		settings_add(&s->dns, arg);
		break;
	case OPT_SOCKET:
		s->socket = arg;
		break;
	case OPT_SET:
		settings_add(&s->sets, arg);
		break;
	case OPT_LOG_LEVEL:
		s->log_level = arg;
		break;
	case OPT_WEB:
		s->web = arg;
		break;
	default:
		break;
	}
}

/* True when only a check was asked for. */
static bool
read_options(struct settings *s, int argc, char **argv)
{
	struct options o;
	const char *arg;
	bool is_check = false;
	int id;

	options_init(&o, &program, argc, argv);
	while ((id = options_next(&o, &arg)) != 0) {
		is_check |= id == OPT_CHECK_CONFIG;
		take_option(s, id, arg);
	}
	for (int i = o.index; i < argc; i++)
		settings_add(&s->pools, argv[i]);
	return is_check;
}

static struct config *
read_config(const struct settings *s)
{
	char buf[WHY_BYTES];
	struct text why;
	bool is_usage;
	struct config *c;

	text_init(&why, buf, sizeof(buf));
	c = settings_read(s, &why, &is_usage);
	if (c == NULL && is_usage)
		program_usage(&program, "%s", buf);
	if (c == NULL)
		program_fail(program.usage_status, "%s", buf);
	return c;
}

/* What would end us though nobody has told us to end: a signal that strays
 * here, a reader or a file that takes no more of what we write. */
static void
ignore_signals(void)
{
	static const int numbers[] = { SIGPIPE, SIGUSR1, SIGUSR2, SIGXFSZ };

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		(void)signal(numbers[i], SIG_IGN);
}

static int
run(const struct settings *s, struct config *config)
{
	char buf[WHY_BYTES];
	struct text why;
	struct daemon *d;
	int status;

	ignore_signals();
	text_init(&why, buf, sizeof(buf));
	d = daemon_new(s, config, &why);
	if (d == NULL)
		program_fail(1, "%s", buf);
	status = daemon_run(d);
	daemon_free(&d);
	return status;
}

static void
say_good(const struct config *c)
{
	printf(
	    "OK: %zu pool%s\n", c->pool_count, c->pool_count == 1 ? "" : "s");
	if (fflush(stdout) != 0)
		program_fail(1, "standard output: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	struct settings settings = { 0 };
	bool is_check = read_options(&settings, argc, argv);
	struct config *config = read_config(&settings);
	int status = 0;

	if (is_check) {
		say_good(config);
		config_free(&config);
	} else {
		status = run(&settings, config);
	}
	settings_fini(&settings);
	return status;
}
