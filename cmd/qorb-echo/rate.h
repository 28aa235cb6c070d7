#ifndef QORB_ECHO_RATE_H
#define QORB_ECHO_RATE_H

/*
 * A share of something as people write it: 0.1, .25, 1, 10%, 0.5%. Kept as
 * parts of a million, so that it is the same on every machine; what is finer
 * is dropped.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

#define RATE_ALL 1000000

/* True and *rate (0 to RATE_ALL) when text is a share from none to all. */
bool rate_parse(const char *text, uint32_t *rate) MUST_CHECK;

#endif
