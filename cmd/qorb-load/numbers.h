#ifndef QORB_LOAD_NUMBERS_H
#define QORB_LOAD_NUMBERS_H

/* Numbers as people read them: 1,234,567 and 1.23ms. */

#include <stdint.h>

#include "core/text.h"

/* Room for either, with its NUL. */
#define NUMBERS_BYTES 32

/* Digits in groups of three. */
void numbers_add_count(struct text *t, uint64_t n);

/* A span of three digits that matter at most: 0us, 999us, 1.23ms, 12.3ms,
 * 123ms, 1.23s, 3600s. Halves go up. */
void numbers_add_span(struct text *t, uint64_t span_us);

/* The same into buf (NUMBERS_BYTES), which is returned. */
const char *numbers_count(char *buf, uint64_t n);
const char *numbers_span(char *buf, uint64_t span_us);

#endif
