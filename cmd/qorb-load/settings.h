#ifndef QORB_LOAD_SETTINGS_H
#define QORB_LOAD_SETTINGS_H

/* The command line: what is to be run, and what is to be said about it. */

#include <stdbool.h>
#include <stdint.h>

#include "workload.h"

struct settings {
	struct workload work;
	uint64_t given; /* a bit for each option that was given */
	bool is_interactive;
	bool wants_progress;
	bool is_json;
	double fail_above_percent;
	const char *histogram_path; /* all borrowed from argv; NULL for none */
	const char *record_path;
	const char *replay_path;
	bool is_compared;    /* with and without the pool */
	struct addr *direct; /* owned; NULL for none */
	unsigned direct_count;
};

/* Does not return when the command line is wrong, or asks for help. */
void settings_read(struct settings *s, int argc, char **argv);
void settings_fini(struct settings *s);

#endif
