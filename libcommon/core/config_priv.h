#ifndef QORB_CORE_CONFIG_PRIV_H
#define QORB_CORE_CONFIG_PRIV_H

/* What the parts of config share: the current section, and a line on its way
 * to what the key does. */

#include "core/config.h"

enum config_section_kind {
	SECTION_NONE, /* no header yet */
	SECTION_DAEMON,
	SECTION_POOL,
	SECTION_CONNECTOR,
};

struct config_section {
	enum config_section_kind kind;
	size_t index; /* of the pool or connector */
	bool had_daemon;
	uint8_t *daemon_seen; /* owned; keys that were said */
};

struct config_line {
	struct config *config;
	struct config_pool *pool; /* NULL in [daemon] */
	const char *key, *value;
	unsigned line; /* 0: not from a file */
	struct text *why;
};

struct config_key {
	const char *name;
	bool (*set)(const struct config_line *l);
};

/* The table of a section's keys, policies apart. */
const struct config_key *config_keys(bool is_pool, size_t *count);

/* Writes FILE:LINE: and the message; false. */
bool config_line_fail(const struct config_line *l, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* May stand in a pool's or a connector's name. */
bool config_is_name(const char *text, size_t len);

void config_principal_fini(struct config_principal *p);

void config_limits_init(struct config_limits *limits);

#endif
