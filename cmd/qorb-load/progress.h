#ifndef QORB_LOAD_PROGRESS_H
#define QORB_LOAD_PROGRESS_H

/*
 * A line a second of how the run goes: rewritten in place on a terminal, plain
 * lines elsewhere.
 *
 *     12s   81,234 claims/s  p50 40us  p99 210us  errors 2 (io-reset 2)
 *
 * Rate and waits are of the last second, errors of the whole run.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/text.h"
#include "figures.h"

struct progress {
	struct figures *figures; /* borrowed; its `lately` is cleared here */
	const char *label;	 /* borrowed; whose they are, "" for nobody's */
	FILE *out;		 /* borrowed */
	bool is_terminal;	 /* rewrite in place */
	size_t shown;		 /* columns that the terminal shows now */
	uint64_t granted;	 /* at the last line */
	uint64_t shown_us;	 /* when that was, 0 for never */
	uint64_t begun_us;	 /* of the first run; 0 until a line is shown */
};

/* Writes nothing until progress_follow and progress_show. */
void progress_init(struct progress *p, FILE *out, bool is_terminal);

/* From now on it is about these, of a run that begins now or has just ended.
 * Where there are several runs one after the other, the time goes on from the
 * first one's start, rate and errors are of the run. */
void progress_follow(
    struct progress *p, struct figures *figures, const char *label);

/* The line without its end. */
void progress_add_line(
    struct text *t, const struct progress *p, uint64_t now_us);

void progress_show(struct progress *p, uint64_t now_us);

/* Clears the line on a terminal. NULL is nothing to do. */
void progress_end(struct progress *p);

#endif
