#ifndef QORB_CORE_VERB_H
#define QORB_CORE_VERB_H

/*
 * The verbs of the line protocol, one table: how each is written, who may say
 * it, what it does in a line. Dispatch, the check of arguments, the verb
 * `help`, completions and a check of the manual read it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "core/error.h"
#include "core/line.h"

enum verb {
	VERB_HELLO,
	VERB_PING,
	VERB_HELP,
	VERB_POOLS,
	VERB_CLAIM,
	VERB_RELEASE,
	VERB_CANCEL,
	VERB_STATS,
	VERB_METRICS,
	VERB_WATCH,
	VERB_UNWATCH,
	VERB_BACKENDS,
	VERB_PICK,
	VERB_WHY,
	VERB_EVENTS,
	VERB_SLOTS,
	VERB_CLAIMS,
	VERB_POLICY,
	VERB_ADVERTISE,
	VERB_WITHDRAW,
	VERB_DRAIN,
	VERB_UNDRAIN,
	VERB_PAUSE,
	VERB_RESUME,
	VERB_REVOKE,
	VERB_RESOLVE,
	VERB_SET,
	VERB_RELOAD,
	VERB_TERMINATE,
	VERB_COUNT,
};

enum verb_right {
	RIGHT_ANY,   /* whoever may connect to the socket */
	RIGHT_POOL,  /* whom the allow of the pool, its first word, names */
	RIGHT_ADMIN, /* the daemon's own user, root, the admin-group */
};

#define VERB_KEYS_MAX 6

struct verb_row {
	const char *name;
	const char *usage; /* its arguments, as the manual writes them */
	enum verb_right right;
	unsigned char words_min, words_max; /* bare words that it takes */
	bool needs_tag;
	const char *keys[VERB_KEYS_MAX]; /* key=value that it takes; "*": any */
	const char *help;
};

const struct verb_row *verb_row(enum verb v);

/* ERR_NONE and *v, or ERR_UNKNOWN_VERB. */
enum error verb_find(const char *name, enum verb *v) MUST_CHECK;

/* Does a verb take a key, of n bytes? */
bool verb_takes_key(enum verb v, const char *key, size_t n) MUST_CHECK;

/* Do the arguments fit? Else the error, and *what the argument that does not.
 */
enum error verb_check(
    enum verb v, const struct request *r, const char **what) MUST_CHECK;

#endif
