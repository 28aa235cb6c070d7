#ifndef QORB_TUI_TABLE_H
#define QORB_TUI_TABLE_H

/*
 * A table with a line of titles, a selected row and as many rows in sight as
 * there is room for. What stands in the cells is the caller's; here are the
 * places of the columns, which rows are in sight, and the drawing.
 *
 * Columns that do not all fit take their short titles; then those at the right
 * end are left out. What width is left over becomes gaps between columns.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/text.h"
#include "tui/screen.h"

#define TABLE_COLUMNS_MAX 16
/* Columns between two columns, where there is room. */
#define TABLE_GAP 2

struct table_column {
	const char *title;
	const char *short_title; /* NULL: the title */
	unsigned width;		 /* of its cells; a title may need more */
	bool is_left;		 /* else its cells stand at the right */
};

/* Where the columns are. */
struct table_layout {
	unsigned count; /* columns that are shown */
	bool is_short;	/* by their short titles */
	unsigned at[TABLE_COLUMNS_MAX];
	unsigned width[TABLE_COLUMNS_MAX];
};

/* count: at most TABLE_COLUMNS_MAX. */
void table_lay_out(struct table_layout *layout,
    const struct table_column *columns, unsigned count, unsigned width);

/* What of the rows is in sight. Always selected < rows (or 0), and the
 * selected row is in sight. */
struct table_view {
	size_t rows;
	size_t selected;
	size_t first; /* in sight */
	size_t height;
};

/* The table has so many rows now, and room to show so many. */
void table_view_fit(struct table_view *v, size_t rows, size_t height);

void table_view_select(struct table_view *v, size_t row);

/* Arrows up and down, page up and down, home, end. False: not one of them. */
bool table_view_key(struct table_view *v, unsigned key);

struct table {
	const struct table_column *columns; /* borrowed */
	unsigned count;
	const struct table_column *marked; /* whose title stands out, or NULL */
	void *ctx;
	void (*cell)(void *ctx, size_t row, unsigned column, struct text *out);
	enum screen_style (*style)(void *ctx, size_t row, unsigned column);
};

/* The titles in the place's row, the rows of the view below them. */
void table_draw(const struct table *t, const struct table_view *v,
    struct screen *s, struct screen_place place);

#endif
