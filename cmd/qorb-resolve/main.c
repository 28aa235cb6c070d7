/*
 * qorb-resolve: looks up SRV records and the addresses of their targets, once
 * or over and over. The same resolver as in the daemon.
 */

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "glue/feed.h"
#include "io/fd.h"
#include "io/options.h"
#include "io/resolver.h"
#include "rows.h"

enum {
	EXIT_FOUND = 0,
	EXIT_LOOKUP_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
};

enum option {
	OPT_DNS = 1,
	OPT_EXPLAIN,
	OPT_FAMILY,
	OPT_FEED,
	OPT_JSON,
	OPT_SOCKET,
	OPT_TIMEOUT,
	OPT_WATCH,
};

static const struct option_row rows_of_options[] = {
	{ OPT_DNS, 'd', "dns", "ADDR[,ADDR...]",
	    "name servers to ask; without it, the system's" },
	{ OPT_EXPLAIN, 'e', "explain", NULL,
	    "say of each who named it, when, and why it stays" },
	{ OPT_FAMILY, 'f', "family", "FAMILY",
	    "addresses to look for: any, inet6 or inet" },
	{ OPT_FEED, 'F', "feed", "POOL",
	    "go on, and keep this pool of qorb-pool fed" },
	{ OPT_JSON, 'j', "json", NULL, "one object of JSON a line" },
	{ OPT_SOCKET, 's', "socket", "PATH",
	    "the daemon's socket, for --feed" },
	{ OPT_TIMEOUT, 't', "timeout", "DURATION",
	    "longest time of a look-up (10s)" },
	{ OPT_WATCH, 'w', "watch", NULL,
	    "go on, and print what changes: + - ~" },
	{ 0 },
};

static const struct program program = {
	.name = "qorb-resolve",
	.summary = "Look up the backends of a service in DNS (SRV, AAAA, A).",
	.usage = "[options] NAME",
	.note =
	    "NAME is an SRV name, _SERVICE._PROTOCOL.DOMAIN. It is asked for "
	    "as it is: no search domain is added. Prints a line for each "
	    "backend, the lowest priority first: NAME:PORT ADDR priority=N "
	    "weight=N ttl=N. ADDR of --dns is IP or IP:PORT, IPv6 in "
	    "brackets. Exit status: 0 found, 1 the look-up failed, 2 wrong "
	    "usage, 3 no such name or no records.",
	.examples = "qorb-resolve --dns [::1]:5353 _echo._tcp.test.com\n"
		    "qorb-resolve --feed demo _echo._tcp.test.com",
	.rows = rows_of_options,
	.usage_status = EXIT_USAGE,
};

struct settings {
	const char *name;
	struct addr servers[RESOLVE_SERVERS_MAX];
	size_t server_count;
	struct resolve_policy policy;
	bool is_json;
	bool is_watch;
	bool is_explain;
	const char *feed; /* a pool, or NULL */
	const char *socket;
};

/* The one look-up of this process, in all its callbacks. */
struct run {
	struct settings settings;
	struct event_base *base;
	struct resolver *resolver;
	struct feed *feed;	    /* NULL: none is wanted */
	struct rows rows;	    /* last printed */
	enum dns_outcome outcome;   /* of the last failure */
	enum resolve_status status; /* last one told */
	uint32_t failures;	    /* outcomes of the look-up under way, one
				     * bit each; of all servers, which fail in
				     * no certain order */
	uint32_t told_failures;	    /* of the look-up that was told last */
	uint64_t lookup;	    /* that failures are of */
	int exit_status;
};

_Static_assert(DNS_OUTCOME_COUNT <= 32, "a bit for each in run.failures");

static bool
goes_on(const struct settings *s)
{
	return s->is_watch || s->feed != NULL;
}

static void
dns_option(struct settings *s, const char *text)
{
	struct addr servers[RESOLVE_SERVERS_MAX];
	char bad[ADDR_TEXT_BYTES];
	const char *why;
	size_t count, i;

	if (!resolve_servers_parse(text, servers, &count, bad, &why))
		program_usage(&program,
		    "--dns '%s': not a name server: %s; write 127.0.0.1:53 or "
		    "[::1]:53",
		    bad, why);
	for (i = 0; i < count; i++) {
		if (s->server_count == RESOLVE_SERVERS_MAX)
			program_usage(&program,
			    "--dns '%s': more than %d name servers", text,
			    RESOLVE_SERVERS_MAX);
		s->servers[s->server_count++] = servers[i];
	}
}

/* Bounds of query-timeout, which this option sets. */
static void
timeout_option(struct settings *s, const char *text)
{
	uint64_t min_us = 0;
	uint64_t max_us = 0;

#define X(kind, field, name, value, min, max, help) \
	if (strcmp(name, "query-timeout") == 0) {   \
		min_us = (min);                     \
		max_us = (max);                     \
	}
	RESOLVE_POLICY_TABLE(X)
#undef X
	s->policy.query_timeout_us =
	    option_span(&program, "--timeout", text, min_us, max_us);
}

static void
set_option(struct settings *s, enum option id, const char *arg)
{
	switch (id) {
	case OPT_DNS:
		dns_option(s, arg);
		return;
	case OPT_EXPLAIN:
		s->is_explain = true;
		return;
	case OPT_FEED:
		if (arg[0] == '\0')
			program_usage(&program, "--feed '': a pool is needed");
		s->feed = arg;
		return;
	case OPT_SOCKET:
		s->socket = arg;
		return;
	case OPT_FAMILY:
		if (!resolve_family_parse(arg, &s->policy.family))
			program_usage(&program,
			    "--family '%s': not one of any, inet6, inet", arg);
		return;
	case OPT_JSON:
		s->is_json = true;
		return;
	case OPT_TIMEOUT:
		timeout_option(s, arg);
		return;
	case OPT_WATCH:
		s->is_watch = true;
		return;
	}
}

/* It would do as a DNS name, but nobody means one. */
static bool
is_address(const char *text)
{
	struct addr addr;
	const char *why;

	return addr_is_ip(text) || addr_parse(text, &addr, &why);
}

static void
read_options(struct settings *s, int argc, char **argv)
{
	char normal[DNS_NAME_BYTES];
	struct options o;
	const char *arg;
	const char *why;
	int id;

	resolve_policy_default(&s->policy);
	options_init(&o, &program, argc, argv);
	while ((id = options_next(&o, &arg)) != 0)
		set_option(s, (enum option)id, arg);
	if (s->socket != NULL && s->feed == NULL)
		program_usage(&program, "--socket is of no use without --feed");
	if (o.index >= argc)
		program_usage(&program,
		    "NAME is missing: an SRV name, as _echo._tcp.test.com");
	if (o.index + 1 < argc)
		program_usage(
		    &program, "'%s': one NAME is enough", argv[o.index + 1]);
	s->name = argv[o.index];
	if (is_address(s->name))
		program_usage(&program,
		    "'%s' is an address: NAME is an SRV name, as "
		    "_echo._tcp.test.com; name servers are given by --dns",
		    s->name);
	if (!dns_name_normalize(s->name, normal, &why))
		program_usage(
		    &program, "'%s': not a DNS name: %s", s->name, why);
}

/* What to do about an outcome, or NULL. */
static const char *
hint_of(const struct run *run)
{
	const char *name = run->settings.name;

	switch (run->outcome) {
	case DNS_NO_NAME:
	case DNS_NO_DATA:
		if (name[0] != '_')
			return "an SRV name looks like "
			       "_SERVICE._PROTOCOL.DOMAIN, as "
			       "_echo._tcp.test.com";
		if (strchr(name, '.') == NULL)
			return "write the whole name: no search domain is "
			       "added";
		return NULL;
	case DNS_TIME_OUT:
		return "--timeout waits longer, --dns asks another server";
	case DNS_UNREACHABLE:
		return "is the port right? --dns asks another server";
	case DNS_REFUSED:
		return "it may not be in charge of this domain; --dns asks "
		       "another server";
	case DNS_UNUSABLE:
		return "is its port 0, or its target's name too long?";
	case DNS_NOT_ASKED:
		return "has a name an odd byte? None can be asked for with "
		       "\\000";
	case DNS_RECORDS:
	case DNS_SERVFAIL:
	case DNS_GARBAGE:
	case DNS_CUT_SHORT:
	case DNS_REFERRAL:
	case DNS_BAD_CODE:
	case DNS_DROPPED:
	case DNS_OUTCOME_COUNT:
		break;
	}
	return NULL;
}

static void
say_trouble(const struct run *run)
{
	const char *hint = hint_of(run);

	program_warn("%s: %s%s%s%s%s", run->settings.name,
	    run->status == RESOLVE_STALE ? "the last answer stays: " : "",
	    resolver_error(run->resolver), hint != NULL ? " (" : "",
	    hint != NULL ? hint : "", hint != NULL ? ")" : "");
}

static void
flush_output(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		program_fail(
		    EXIT_LOOKUP_FAILED, "standard output: %s", strerror(errno));
}

static void
explain(const struct run *run, struct rows *rows)
{
	/* From the resolver's clock to that of the day. */
	uint64_t ahead_us = clock_wall_us() - clock_us();
	struct resolver_origin from;
	struct row_origin *to;
	struct text server;
	size_t i;

	rows_explain(rows);
	for (i = 0; i < rows->count; i++) {
		to = &rows->origins[i];
		resolver_origin(run->resolver, i, &from);
		to->rule = resolve_rule_word(from.rule);
		to->why = resolve_rule_text(from.rule);
		to->seen_us = from.seen_us + ahead_us;
		if (from.absent_since_us != NEVER)
			to->absent_us = from.absent_since_us + ahead_us;
		text_init(&server, to->server, sizeof(to->server));
		text_add(&server, from.server);
	}
}

static void
feed_set_of(struct run *run)
{
	const struct backend_spec *specs;
	size_t count = resolver_backends(run->resolver, &specs);

	feed_set(run->feed, specs, count);
}

static void
print_set(struct run *run)
{
	const struct backend_spec *specs;
	size_t count = resolver_backends(run->resolver, &specs);
	bool is_json = run->settings.is_json;
	struct rows rows;

	rows_init(&rows, specs, count);
	if (run->settings.is_explain)
		explain(run, &rows);
	if (run->settings.is_watch)
		rows_print_changes(
		    &run->rows, &rows, clock_wall_us(), is_json, stdout);
	else
		rows_print(&rows, is_json, stdout);
	rows_fini(&run->rows);
	run->rows = rows;
	flush_output();
}

/* When a backend was last seen is said again only once it is gone. */
static void
see_set(struct run *run)
{
	const struct backend_spec *specs;
	size_t count = resolver_backends(run->resolver, &specs);
	struct rows rows;

	rows_init(&rows, specs, count);
	explain(run, &rows);
	rows_see(&run->rows, &rows);
	rows_fini(&rows);
}

/* Trouble of another kind in the same status: no change will tell of it. */
static void
on_end(void *ctx, struct resolver *r)
{
	struct run *run = ctx;
	enum resolve_status status = resolver_status(r);

	if (status == run->status && status != RESOLVE_OK &&
	    run->failures != 0 && run->failures != run->told_failures)
		say_trouble(run);
	run->told_failures = run->failures;
	if (run->settings.is_explain && run->settings.is_watch)
		see_set(run);
}

static bool
is_trouble(enum resolve_status status)
{
	return status != RESOLVE_OK && status != RESOLVE_STARTING;
}

static void
on_change(void *ctx, struct resolver *r)
{
	struct run *run = ctx;
	enum resolve_status status = resolver_status(r);
	bool is_new = status != run->status;
	bool is_over = status == RESOLVE_OK && is_trouble(run->status);

	run->status = status;
	if (run->feed != NULL)
		feed_set_of(run);
	if (run->feed == NULL || run->settings.is_watch)
		print_set(run);
	if (is_trouble(status) && is_new)
		say_trouble(run);
	if (is_over)
		program_warn("%s: resolved again", run->settings.name);
	if (goes_on(&run->settings))
		return;
	if (status == RESOLVE_FAILING)
		run->exit_status = EXIT_LOOKUP_FAILED;
	if (status == RESOLVE_EMPTY)
		run->exit_status = EXIT_NOT_FOUND;
	event_base_loopbreak(run->base);
}

static void
on_trace(void *ctx, struct resolver *r, const struct resolver_trace *t)
{
	struct run *run = ctx;

	(void)r;
	if (t->kind == RESOLVER_START)
		run->outcome = DNS_RECORDS;
	if (t->id != run->lookup)
		run->failures = 0;
	run->lookup = t->id;
	if (t->kind == RESOLVER_FAILED && t->outcome != DNS_DROPPED) {
		run->outcome = t->outcome;
		run->failures |= UINT32_C(1) << t->outcome;
	}
	/* Part of the answer: worth a word, since the rest is shown. */
	if (t->kind == RESOLVER_DONE && t->count > 0 && t->reason[0] != '\0')
		program_warn("%s: not all: %s: %s", run->settings.name,
		    t->server, t->reason);
}

static void
on_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct run *run = ctx;

	(void)sig;
	(void)what;
	event_base_loopbreak(run->base);
}

static void
watch_signal(struct run *run, int sig, struct event **event)
{
	*event = evsignal_new(run->base, sig, on_signal, run);
	if (*event == NULL || event_add(*event, NULL) != 0)
		program_fail(
		    EXIT_LOOKUP_FAILED, "signals: %s", strerror(errno));
}

static void
start(struct run *run)
{
	struct resolver_params params = {
		.base = run->base,
		.service = run->settings.name,
		.servers = run->settings.servers,
		.server_count = run->settings.server_count,
		.policy = run->settings.policy,
		.seed = clock_wall_us() ^ (uint64_t)getpid() << 40,
		.on_change = on_change,
		.on_end = on_end,
		.on_trace = on_trace,
		.ctx = run,
	};
	const char *why;

	run->resolver = resolver_new(&params, &why);
	if (run->resolver == NULL)
		program_fail(
		    EXIT_LOOKUP_FAILED, "%s: %s", run->settings.name, why);
}

/* What cannot get better by waiting ends it; all else is tried on. */
static void
on_feed_trouble(void *ctx, const char *code, const char *text)
{
	struct run *run = ctx;
	const char *pool = run->settings.feed;
	bool is_final = code != NULL && (strcmp(code, "no-such-pool") == 0 ||
					    strcmp(code, "denied") == 0);

	program_warn("pool %s: %s%s", pool,
	    is_final ? "cannot be fed: " : "not fed, trying on: ", text);
	if (!is_final)
		return;
	run->exit_status = EXIT_LOOKUP_FAILED;
	event_base_loopbreak(run->base);
}

static void
start_feed(struct run *run)
{
	struct qorb_feed_params params = {
		.path = run->settings.socket,
		.pool = run->settings.feed,
		.on_trouble = on_feed_trouble,
		.ctx = run,
	};

	signal(SIGPIPE, SIG_IGN);
	run->feed = feed_new(run->base, &params);
	if (run->feed == NULL)
		program_fail(EXIT_LOOKUP_FAILED, "pool %s: no room to feed it",
		    run->settings.feed);
}

int
main(int argc, char **argv)
{
	struct event *signals[2] = { NULL, NULL };
	struct run *run = mem_new(1, sizeof(*run));
	int status;

	read_options(&run->settings, argc, argv);
	run->base = event_base_new();
	if (run->base == NULL)
		program_fail(
		    EXIT_LOOKUP_FAILED, "event loop: %s", strerror(errno));
	/* A look-up that is to be broken off has nothing to clean up. */
	if (goes_on(&run->settings)) {
		watch_signal(run, SIGINT, &signals[0]);
		watch_signal(run, SIGTERM, &signals[1]);
	}
	if (run->settings.feed != NULL)
		start_feed(run);
	start(run);
	event_base_dispatch(run->base);

	status = run->exit_status;
	resolver_free(&run->resolver);
	feed_free(&run->feed);
	rows_fini(&run->rows);
	if (signals[0] != NULL) {
		event_free(signals[0]);
		event_free(signals[1]);
	}
	event_base_free(run->base);
	free(run);
	return status;
}
