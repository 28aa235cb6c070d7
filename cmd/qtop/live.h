#ifndef QTOP_LIVE_H
#define QTOP_LIVE_H

/*
 * qtop on a screen. It begins when the source has answered for the first time:
 * one that cannot be reached is said in a plain line that ends the program, and
 * so is a terminal that cannot show a screen. A source that is lost later is
 * said in the title and tried again, less and less often.
 */

#include "settings.h"

/* The exit status of the program. */
int live_run(const struct settings *settings);

#endif
