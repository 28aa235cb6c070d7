#ifndef QORB_CORE_NUMBER_H
#define QORB_CORE_NUMBER_H

/* Whole decimal numbers from text: digits only, no sign, no blank, nothing
 * after them, no overflow. */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

/* True and *n when text is a number from min to max; else *n stays. */
bool number_parse(
    const char *text, uint64_t min, uint64_t max, uint64_t *n) MUST_CHECK;

#endif
