#ifndef QORB_TUI_SPARKLINE_H
#define QORB_TUI_SPARKLINE_H

/*
 * The last values of a figure as a line of small bars, one column each, the
 * latest at the right. The highest one in sight has the full height; a value
 * above nothing is never drawn as nothing.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"

#define SPARKLINE_VALUES 256

struct sparkline {
	uint64_t values[SPARKLINE_VALUES]; /* a ring */
	unsigned next;			   /* place of the next value */
	unsigned count;			   /* values so far, at most all */
};

/* A zeroed one is empty. */
void sparkline_push(struct sparkline *s, uint64_t value);

/* The i-th latest value, 0 the last one; i < count. */
uint64_t sparkline_value(const struct sparkline *s, unsigned i);

/* Adds at most so many columns: blocks where the terminal shows UTF-8, other
 * characters elsewhere. */
void sparkline_add(const struct sparkline *s, struct text *out,
    unsigned columns, bool is_utf8);

#endif
