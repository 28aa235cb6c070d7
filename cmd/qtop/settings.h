#ifndef QTOP_SETTINGS_H
#define QTOP_SETTINGS_H

/* What the command line asks for. */

#include <stdbool.h>
#include <stdint.h>

#include "url.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct settings {
	const char *socket; /* NULL for the default one */
	const char *pool;   /* NULL for all */
	uint64_t every_us;
	uint64_t rounds; /* NEVER for no end */
	bool is_batch;
	bool is_json;
	bool has_interval;
	bool has_url;
	struct url url;
};

#endif
