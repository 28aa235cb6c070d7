/* The table of verbs; see verb.h. */

#include "core/verb.h"

#include <string.h>

static const struct verb_row rows[VERB_COUNT] = {
	[VERB_HELLO] = { "hello", "[protocol=1] [client=NAME]", RIGHT_ANY, 0, 0,
	    false, { "protocol", "client" }, "greet, and say who is calling" },
	[VERB_PING] = { "ping", "", RIGHT_ANY, 0, 0, false, { NULL },
	    "answer ok" },
	[VERB_HELP] = { "help", "[VERB]", RIGHT_ANY, 0, 1, false, { NULL },
	    "list the verbs" },
	[VERB_POOLS] = { "pools", "", RIGHT_ANY, 0, 0, false, { NULL },
	    "list the pools" },
	[VERB_CLAIM] = { "claim",
	    "POOL [wait=DURATION] [lease=DURATION] [backend=NAME] "
	    "[key=STRING]",
	    RIGHT_POOL, 1, 1, false, { "wait", "lease", "backend", "key" },
	    "borrow a connection: its descriptor comes with the answer" },
	[VERB_RELEASE] = { "release", "ID [broken]", RIGHT_ANY, 1, 2, false,
	    { NULL }, "give a connection back" },
	[VERB_CANCEL] = { "cancel", "TAG", RIGHT_ANY, 1, 1, false, { NULL },
	    "end a claim that waits" },
	[VERB_STATS] = { "stats", "[POOL]", RIGHT_ANY, 0, 1, false, { NULL },
	    "figures of pools and their backends" },
	[VERB_METRICS] = { "metrics", "[POOL]", RIGHT_ANY, 0, 1, false,
	    { NULL }, "figures for monitoring: counters and histograms" },
	[VERB_WATCH] = { "watch", "[POOL] [every=DURATION]", RIGHT_ANY, 0, 1,
	    true, { "every" }, "the same again and again" },
	[VERB_UNWATCH] = { "unwatch", "TAG", RIGHT_ANY, 1, 1, false, { NULL },
	    "end a stream" },
	[VERB_BACKENDS] = { "backends", "POOL", RIGHT_ANY, 1, 1, false,
	    { NULL }, "list a pool's backends" },
	[VERB_PICK] = { "pick", "POOL [backend=NAME] [key=STRING]", RIGHT_POOL,
	    1, 1, false, { "backend", "key" },
	    "say which backend a claim would use, and take no slot" },
	[VERB_WHY] = { "why", "POOL", RIGHT_ANY, 1, 1, false, { NULL },
	    "evidence: why claims wait or fail" },
	[VERB_EVENTS] = { "events", "[POOL] [kinds=NAME,...]", RIGHT_ANY, 0, 1,
	    true, { "kinds" }, "everything that happens, as it happens" },
	[VERB_SLOTS] = { "slots", "POOL", RIGHT_ANY, 1, 1, false, { NULL },
	    "list a pool's slots" },
	[VERB_CLAIMS] = { "claims", "[POOL]", RIGHT_ANY, 0, 1, false, { NULL },
	    "list the claims that are held, and by whom" },
	[VERB_POLICY] = { "policy", "POOL", RIGHT_ANY, 1, 1, false, { NULL },
	    "list a pool's settings" },
	[VERB_ADVERTISE] = { "advertise",
	    "POOL NAME ADDR [priority=N] [weight=N] [ttl=DURATION]",
	    RIGHT_ADMIN, 3, 3, false, { "priority", "weight", "ttl" },
	    "add a backend for as long as this connection, or ttl, lasts" },
	[VERB_WITHDRAW] = { "withdraw", "POOL NAME [own] [addr=ADDR]",
	    RIGHT_ADMIN, 2, 3, false, { "addr" },
	    "take an advertised backend away" },
	[VERB_DRAIN] = { "drain", "POOL NAME", RIGHT_ADMIN, 2, 2, false,
	    { NULL }, "no new claim goes to this backend" },
	[VERB_UNDRAIN] = { "undrain", "POOL NAME", RIGHT_ADMIN, 2, 2, false,
	    { NULL }, "claims go to this backend again" },
	[VERB_PAUSE] = { "pause", "POOL", RIGHT_ADMIN, 1, 1, false, { NULL },
	    "claims queue and none is granted" },
	[VERB_RESUME] = { "resume", "POOL", RIGHT_ADMIN, 1, 1, false, { NULL },
	    "claims are granted again" },
	[VERB_REVOKE] = { "revoke", "ID", RIGHT_ADMIN, 1, 1, false, { NULL },
	    "end a claim and its connection, whoever holds it" },
	[VERB_RESOLVE] = { "resolve", "POOL", RIGHT_ADMIN, 1, 1, false,
	    { NULL }, "look the service up now" },
	[VERB_SET] = { "set", "POOL name=value ...", RIGHT_ADMIN, 1, 1, false,
	    { "*" }, "change settings, all or none" },
	[VERB_RELOAD] = { "reload", "", RIGHT_ADMIN, 0, 0, false, { NULL },
	    "read the configuration file again" },
	[VERB_TERMINATE] = { "terminate", "[grace=DURATION]", RIGHT_ADMIN, 0, 0,
	    false, { "grace" }, "stop the daemon" },
};

const struct verb_row *
verb_row(enum verb v)
{
	ASSERT(v < VERB_COUNT);
	return &rows[v];
}

enum error
verb_find(const char *name, enum verb *v)
{
	for (int i = 0; i < VERB_COUNT; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*v = (enum verb)i;
			return ERR_NONE;
		}
	}
	return ERR_UNKNOWN_VERB;
}

bool
verb_takes_key(enum verb v, const char *key, size_t n)
{
	const struct verb_row *row = verb_row(v);

	for (int i = 0; i < VERB_KEYS_MAX && row->keys[i] != NULL; i++) {
		if ((strncmp(row->keys[i], key, n) == 0 &&
			row->keys[i][n] == '\0') ||
		    strcmp(row->keys[i], "*") == 0)
			return true;
	}
	return false;
}

enum error
verb_check(enum verb v, const struct request *r, const char **what)
{
	const struct verb_row *row = verb_row(v);
	size_t words = 0;

	for (size_t i = 0; i < r->argc; i++) {
		const char *key = r->args[i].key;

		*what = key == NULL ? r->args[i].value : key;
		if (key == NULL && ++words > row->words_max)
			return ERR_BAD_ARGUMENT;
		if (key == NULL)
			continue;
		if (!verb_takes_key(v, key, strlen(key)) ||
		    request_get(r, key) !=
			r->args[i].value) /* unknown, or said twice */
			return ERR_BAD_ARGUMENT;
	}
	*what = row->usage;
	if (words < row->words_min)
		return ERR_BAD_ARGUMENT;
	return row->needs_tag && r->tag == NULL ? ERR_TAG_NEEDED : ERR_NONE;
}
