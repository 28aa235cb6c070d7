#ifndef QTOP_FIGURE_H
#define QTOP_FIGURE_H

/* Figures as people read them. */

#include "core/text.h"

/* A count of at most `width` characters, 5 at least: what has more digits is
 * rounded down and ends in k, M, G, T, P or E. */
void figure_add_count(struct text *out, uint64_t n, unsigned width);

/* Claims a second, with a digit after the point where that fits. Not
 * negative. */
void figure_add_rate(struct text *out, double per_s, unsigned width);

/* A measured span, three digits of it or four: 340us, 1.5ms, 12.3s. */
void figure_add_span(struct text *out, uint64_t us);

#endif
