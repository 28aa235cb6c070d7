#ifndef QORB_CORE_ERROR_H
#define QORB_CORE_ERROR_H

/*
 * The errors of the line protocol, one table: code as it stands on the wire,
 * and what it means in general. Replies, refused claims, statistics, help and
 * a check of the manual all read this table.
 */

#include <stdbool.h>

#include "core/base.h"

/* X(NAME, "code", "meaning") */
#define ERROR_TABLE(X)                                                        \
	X(NO_BACKENDS, "no-backends",                                         \
	    "no source names a backend for this pool")                        \
	X(NO_BACKENDS_ONLINE, "no-backends-online",                           \
	    "backends are known, none is connected")                          \
	X(ALL_CLAIMS_USED, "all-claims-used",                                 \
	    "backends are online, every slot is claimed")                     \
	X(OVERLOADED, "overloaded", "the claim queue is too long")            \
	X(CANCELLED, "cancelled", "the claim was cancelled")                  \
	X(TERMINATED, "terminated", "the daemon stops or the pool is gone")   \
	X(NO_SUCH_POOL, "no-such-pool", "no pool has this name")              \
	X(NO_SUCH_CLAIM, "no-such-claim",                                     \
	    "this connection holds no claim with this id")                    \
	X(NO_SUCH_BACKEND, "no-such-backend",                                 \
	    "the pool has no backend with this name")                         \
	X(NO_SUCH_TAG, "no-such-tag", "nothing goes on under this tag")       \
	X(DENIED, "denied", "the user may not do this")                       \
	X(TOO_MANY_CLAIMS, "too-many-claims",                                 \
	    "the limit on claims is reached")                                 \
	X(TOO_MANY_CLIENTS, "too-many-clients",                               \
	    "the limit on clients is reached")                                \
	X(TOO_MANY_STREAMS, "too-many-streams",                               \
	    "the limit on streams is reached")                                \
	X(RESOLVE_FAILED, "resolve-failed", "the look-up failed")             \
	X(BAD_CONFIG, "bad-config", "the configuration cannot be used")       \
	X(LINE_TOO_LONG, "line-too-long", "a line is longer than 4096 bytes") \
	X(SLOW_CLIENT, "slow-client", "replies were left unread too long")    \
	X(BAD_SYNTAX, "bad-syntax", "the line cannot be read as a request")   \
	X(UNKNOWN_VERB, "unknown-verb", "no verb has this name")              \
	X(BAD_ARGUMENT, "bad-argument",                                       \
	    "an argument is missing, unknown or too many")                    \
	X(BAD_VALUE, "bad-value", "an argument has an unusable value")        \
	X(TAG_IN_USE, "tag-in-use", "an earlier request has this tag")        \
	X(TAG_NEEDED, "tag-needed", "this request needs a tag")

enum error {
	ERR_NONE,
#define X(name, code, text) ERR_##name,
	ERROR_TABLE(X)
#undef X
	    ERROR_COUNT,
};

/* The code as on the wire; "none" for ERR_NONE. Static strings. */
const char *error_code(enum error e);

/* One line of what it means. */
const char *error_text(enum error e);

/* The error with this code; false when there is none. */
bool error_find(const char *code, enum error *e) MUST_CHECK;

#endif
