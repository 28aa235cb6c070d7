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
	    RIGHT_ANY, 1, 1, false, { "wait", "lease", "backend", "key" },
	    "borrow a connection: its descriptor comes with the answer" },
	[VERB_RELEASE] = { "release", "ID [broken]", RIGHT_ANY, 1, 2, false,
	    { NULL }, "give a connection back" },
	[VERB_CANCEL] = { "cancel", "TAG", RIGHT_ANY, 1, 1, false, { NULL },
	    "end a claim that waits" },
	[VERB_STATS] = { "stats", "[POOL]", RIGHT_ANY, 0, 1, false, { NULL },
	    "figures of pools and their backends" },
	[VERB_WATCH] = { "watch", "[POOL] [every=DURATION]", RIGHT_ANY, 0, 1,
	    true, { "every" }, "the same again and again" },
	[VERB_UNWATCH] = { "unwatch", "TAG", RIGHT_ANY, 1, 1, false, { NULL },
	    "end a stream" },
	[VERB_BACKENDS] = { "backends", "POOL", RIGHT_ANY, 1, 1, false,
	    { NULL }, "list a pool's backends" },
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

static bool
takes_key(const struct verb_row *row, const char *key)
{
	for (int i = 0; i < VERB_KEYS_MAX && row->keys[i] != NULL; i++) {
		if (strcmp(row->keys[i], key) == 0)
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
		if (!takes_key(row, key) ||
		    request_get(r, key) !=
			r->args[i].value) /* unknown, or said twice */
			return ERR_BAD_ARGUMENT;
	}
	*what = row->usage;
	if (words < row->words_min)
		return ERR_BAD_ARGUMENT;
	return row->needs_tag && r->tag == NULL ? ERR_TAG_NEEDED : ERR_NONE;
}
