#ifndef QTOP_VIEW_PRIV_H
#define QTOP_VIEW_PRIV_H

/*
 * What the parts of the view share: view.c (which rows, in which order),
 * view_cells.c (the tables) and view_lines.c (the lines around them).
 */

#include "view.h"

/* Room for a name as it is shown. */
#define VIEW_NAME_BYTES 512

static inline unsigned
larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static inline unsigned
smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Peer's text, with control bytes made visible. */
void view_add_escaped(struct text *out, const char *s);

/* Is the pool one of those that are looked at? */
bool view_is_shown(const struct view *v, const struct model_pool *p);

/* The backend's name, after its pool's where there are several. */
void view_add_name(
    const struct view *v, const struct view_row *row, struct text *out);

#endif
