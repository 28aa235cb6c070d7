#ifndef QTOP_PLAIN_H
#define QTOP_PLAIN_H

/*
 * qtop without a screen: tables or JSON, a round after another, until there
 * were enough, a signal comes or the source is lost.
 */

#include "settings.h"

/* The exit status of the program. */
int plain_run(const struct settings *settings);

#endif
