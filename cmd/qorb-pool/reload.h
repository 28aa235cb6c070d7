#ifndef QORB_POOL_RELOAD_H
#define QORB_POOL_RELOAD_H

/*
 * Reads the configuration again and makes the daemon be as it says. First
 * everything that can fail, with nothing changed; then the change, which
 * cannot. What did not change is not touched: connections stay, claims go on,
 * and policies that were set by hand stay set where the file still says what it
 * said before.
 *
 * A pool that is gone leaves: claims that wait are refused, and when the last
 * one that is held has come back it is freed. So does a pool with another
 * connector, in whose place comes a new one, since its connections were made
 * ready in another way.
 */

#include <stdbool.h>

#include "core/text.h"

struct daemon;

/* False: nothing has changed, and why says what is wrong. */
bool reload(struct daemon *d, struct text *why) MUST_CHECK;

#endif
