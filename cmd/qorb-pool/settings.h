#ifndef QORB_POOL_SETTINGS_H
#define QORB_POOL_SETTINGS_H

/*
 * What the command line says, kept as it was said, since a reload reads it
 * again together with the configuration file. What is said for the whole
 * daemon goes before what the file says; --set is for the pools of the command
 * line.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"

struct settings_words {
	const char **words; /* owned; the words themselves are argv's */
	size_t count;
};

struct settings {
	const char *file, *socket, *log_level,
	    *web; /* argv's; NULL: not said */
	struct settings_words dns, sets, pools;
};

void settings_fini(struct settings *s);
void settings_add(struct settings_words *w, const char *word);

/* The whole configuration, checked, with numbers for all users and groups and
 * a path for the socket. NULL: why says what is wrong; is_usage (may be NULL),
 * that it is the command line. */
struct config *settings_read(
    const struct settings *s, struct text *why, bool *is_usage) MUST_CHECK;

#endif
