#ifndef QORB_CORE_POLICY_H
#define QORB_CORE_POLICY_H

/*
 * A pool's policy: every setting that shapes what the pool does, as a struct of
 * plain values and one table of rows that names each, with its default and its
 * bounds. Command line, configuration file, the verbs `policy` and `set`, help
 * and the manual all read this table.
 *
 * Spans are in microseconds, NEVER where a setting may be off.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/resolve.h"
#include "core/text.h"

enum when_offline { WHEN_OFFLINE_WAIT, WHEN_OFFLINE_FAIL };
enum isolation { ISOLATION_UID, ISOLATION_NONE };
enum balance { BALANCE_LEAST_CLAIMED, BALANCE_P2C, BALANCE_ROUND_ROBIN };

/* Longest value of a POLICY_PATH, with its NUL. */
#define POLICY_PATH_BYTES 256

/* Longest text of a value, with its NUL. */
#define POLICY_VALUE_BYTES 256

struct policy_keepalive {
	uint64_t idle_us; /* NEVER: keepalive is off */
	uint64_t interval_us;
	uint32_t count;
};

struct policy {
	uint32_t spares_wanted;
	uint32_t max_slots;
	uint32_t max_count;
	uint64_t rebalance_interval;
	uint64_t claim_timeout;
	uint32_t max_waiting;
	uint64_t codel_target;
	uint64_t codel_interval;
	uint32_t when_offline; /* enum when_offline */
	uint64_t connect_timeout;
	uint32_t connect_rate; /* new connections a second */
	uint64_t min_uptime;
	uint64_t min_connection_backoff;
	uint64_t max_connection_backoff;
	uint64_t spread;
	uint64_t health_interval;
	uint64_t health_check_timeout;
	uint64_t max_lifetime;
	uint64_t max_claims_per_connection; /* NEVER: no end */
	uint64_t leak_after;
	uint64_t max_hold;
	struct policy_keepalive tcp_keepalive;
	uint64_t tcp_user_timeout;
	uint32_t tcp_nodelay; /* 0, 1 */
	uint32_t isolation;   /* enum isolation */
	uint32_t balance;     /* enum balance */
	uint32_t subset;      /* 0, 1 */
	struct resolve_policy dns;
	char state_file[POLICY_PATH_BYTES]; /* "": none */
};

enum policy_kind {
	POLICY_COUNT,	       /* uint32_t, min to max */
	POLICY_COUNT_OR_NEVER, /* uint64_t, min to max or NEVER */
	POLICY_SPAN,	       /* uint64_t, min to max, never NEVER */
	POLICY_SPAN_OR_NEVER,  /* uint64_t, min to max or NEVER */
	POLICY_CHOICE,	       /* uint32_t, index into choices */
	POLICY_KEEPALIVE, /* struct policy_keepalive: idle,interval,count */
	POLICY_NAME,	  /* char[], a DNS name in normal form, "" for none */
	POLICY_PATH,	  /* char[], an absolute path, "" for none */
};

struct policy_row {
	const char *name;
	enum policy_kind kind;
	size_t offset;	     /* in struct policy */
	const char *initial; /* default as text; NULL: resolve.h has it */
	uint64_t min, max;   /* bounds of a number or span; max of a name or
			      * path: its room, with the NUL */
	const char *choices; /* words with a blank between, for a choice */
	const char *help;    /* one line */
};

extern const struct policy_row policy_rows[];
extern const size_t policy_row_count;

/* All defaults. */
void policy_init(struct policy *p);

/* The row of this name, NULL when there is none. */
const struct policy_row *policy_find(const char *name);

/* Sets one value from text; false leaves *p alone and writes into why what
 * would do, to follow "NAME=VALUE: ". */
bool policy_set(struct policy *p, const struct policy_row *row,
    const char *value, struct text *why) MUST_CHECK;

/* Are the settings together usable (a minimum above its maximum is not)?
 * False writes why. */
bool policy_check(const struct policy *p, struct text *why) MUST_CHECK;

/* Adds a value as text, such that policy_set understands it. */
void policy_add_value(
    struct text *t, const struct policy *p, const struct policy_row *row);

#endif
