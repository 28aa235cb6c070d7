#ifndef QORB_LOAD_SHOW_H
#define QORB_LOAD_SHOW_H

/*
 * Draws the board: title, table, the selected task, the footer, the keys. On
 * a screen with few lines the keys go first, then the footer; the table is
 * always there.
 */

#include "tui/screen.h"
#include "board.h"

/* Also makes the table's view as high as the screen has room for. */
void show_board(struct screen *screen, struct board *board);

#endif
