#ifndef QTOP_SHOW_H
#define QTOP_SHOW_H

/*
 * Draws the view: title, the table of pools, that of backends, the lines below.
 * On a screen with few lines the lines below go first, then the pools.
 */

#include "tui/screen.h"
#include "view.h"

/* Also makes the view's table as high as the screen has room for. */
void show_view(struct screen *screen, struct view *view);

#endif
