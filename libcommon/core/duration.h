#ifndef QORB_CORE_DURATION_H
#define QORB_CORE_DURATION_H

/*
 * Spans of time as people write them: 250us, 250ms, 5s, 2m, 1h, or a bare
 * number of seconds; a decimal fraction is understood (0.5s, .25). `never`
 * gives NEVER. The longest span but never is 100 years of 365 days; more is
 * refused, as is a sign, a blank or anything after the unit. What is left of a
 * fraction below a microsecond is dropped.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

/* True and *span_us when text is a span; false leaves *span_us alone. */
bool duration_parse(const char *text, uint64_t *span_us) MUST_CHECK;

#endif
