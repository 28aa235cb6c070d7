/* qorb-pool: options, and from them a daemon. */

#include <signal.h>
#include <string.h>

#include "client/socket_path.h"
#include "daemon.h"
#include "io/log.h"
#include "io/options.h"
#include "settings.h"

enum {
	OPT_DNS = 1,
	OPT_SOCKET,
	OPT_SET,
	OPT_LOG_LEVEL,
};

static const struct option_row rows[] = {
	{ OPT_DNS, 'd', "dns", "ADDR[,ADDR...]",
	    "DNS servers to ask, instead of the system's" },
	{ OPT_SOCKET, 's', "socket", "PATH", "socket that clients connect to" },
	{ OPT_SET, 'S', "set", "NAME=VALUE",
	    "a policy for all pools, or connector=NAME" },
	{ OPT_LOG_LEVEL, 'l', "log-level", "LEVEL",
	    "error, warn, info (default) or debug" },
	{ 0 },
};

static const struct program program = {
	.name = "qorb-pool",
	.summary = "keep warm connections to services and lend them to "
		   "whoever asks",
	.usage = "[options] POOL=SERVICE|ADDR[,ADDR...] ...",
	.note = "A SERVICE is found by DNS SRV records; an ADDR is "
		"192.0.2.7:6001,\n[2001:db8::1]:6001 or unix:/path. "
		"qorb-pool(8) lists the policies.",
	.examples = "qorb-pool --dns [::1]:5300 demo=_echo._tcp.test.com\n"
		    "qorb-pool --set max-slots=64 cache=[::1]:11211",
	.rows = rows,
	.usage_status = 2,
};

/* Hands an option's or an operand's text to a reader of settings. */
static void
take(struct settings *s, const char *text,
    bool (*read)(struct settings *, const char *, struct text *))
{
	char buf[512];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	if (!read(s, text, &why))
		program_usage(&program, "%s", buf);
}

static void
take_option(struct settings *s, int id, const char *arg)
{
	enum log_level level;

	switch (id) {
	case OPT_DNS:
		take(s, arg, settings_add_dns);
		break;
	case OPT_SOCKET:
		if (arg[0] == '\0' || strlen(arg) >= sizeof(s->socket))
			program_usage(&program,
			    "--socket: a path of 1 to %zu bytes is needed",
			    sizeof(s->socket) - 1);
		memcpy(s->socket, arg, strlen(arg) + 1);
		break;
	case OPT_SET:
		take(s, arg, settings_set);
		break;
	case OPT_LOG_LEVEL:
		if (!log_level_parse(arg, &level))
			program_usage(&program,
			    "--log-level '%s': one of error, warn, info and "
			    "debug is needed",
			    arg);
		log_set_level(level);
		break;
	default:
		break;
	}
}

static void
read_settings(struct settings *s, int argc, char **argv)
{
	struct options o;
	const char *arg;
	char buf[256];
	struct text why;
	int id;

	settings_init(s);
	options_init(&o, &program, argc, argv);
	while ((id = options_next(&o, &arg)) != 0)
		take_option(s, id, arg);
	for (int i = o.index; i < argc; i++)
		take(s, argv[i], settings_add_pool);
	if (s->pool_count == 0)
		program_usage(&program,
		    "no pool is named: POOL=SERVICE or POOL=ADDR,ADDR is "
		    "needed");
	text_init(&why, buf, sizeof(buf));
	if (!policy_check(&s->policy, &why))
		program_usage(&program, "--set: %s", buf);
	if (s->socket[0] == '\0' && !socket_path_default(s->socket))
		program_usage(&program,
		    "$QORB_SOCKET: a path of at most %d bytes is needed",
		    ADDR_PATH_BYTES - 1);
}

int
main(int argc, char **argv)
{
	struct settings settings;
	struct daemon *d;
	char buf[512];
	struct text why;
	int status;

	read_settings(&settings, argc, argv);
	(void)signal(SIGPIPE, SIG_IGN);
	text_init(&why, buf, sizeof(buf));
	d = daemon_new(&settings, &why);
	if (d == NULL)
		program_fail(1, "%s", buf);
	status = daemon_run(d);
	daemon_free(&d);
	settings_fini(&settings);
	return status;
}
