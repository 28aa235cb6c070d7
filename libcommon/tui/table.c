#include "tui/table.h"

#include "core/base.h"
#include "tui/columns.h"

#define CELL_BYTES 512

/* ---- Columns ---- */

static const char *
table_title(const struct table_column *column, bool is_short)
{
	if (is_short && column->short_title != NULL)
		return column->short_title;
	return column->title;
}

static unsigned
table_column_width(const struct table_column *column, bool is_short)
{
	unsigned width = columns_width(table_title(column, is_short));

	return width > column->width ? width : column->width;
}

/* How many columns fit, side by side with no gaps, and how wide they are. */
static unsigned
table_fit(struct table_layout *layout, const struct table_column *columns,
    unsigned count, unsigned width)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < count; i++) {
		layout->width[i] =
		    table_column_width(&columns[i], layout->is_short);
		/* Titles in brackets need no gap, plain ones do. */
		sum += layout->width[i] + (layout->is_short && i > 0);
		if (sum > width)
			return i;
	}
	return count;
}

/* Shares the width left over: TABLE_GAP to each gap at most, and when it does
 * not go evenly the first ones get more. */
static void
table_set_places(struct table_layout *layout, unsigned width)
{
	unsigned gaps = layout->count - 1;
	unsigned at = 0;

	for (unsigned i = 0; i < layout->count; i++)
		width -= layout->width[i];
	if (width > gaps * TABLE_GAP)
		width = gaps * TABLE_GAP;
	for (unsigned i = 0; i < layout->count; i++) {
		unsigned gap = gaps > 0 ? (width + gaps - 1) / gaps : 0;

		layout->at[i] = at;
		at += layout->width[i] + gap;
		width -= gap;
		gaps -= gaps > 0;
	}
}

void
table_lay_out(struct table_layout *layout, const struct table_column *columns,
    unsigned count, unsigned width)
{
	ASSERT(count <= TABLE_COLUMNS_MAX);
	layout->is_short = false;
	layout->count = table_fit(layout, columns, count, width);
	if (layout->count < count) {
		layout->is_short = true;
		layout->count = table_fit(layout, columns, count, width);
	}
	if (layout->count > 0)
		table_set_places(layout, width);
}

/* ---- Rows in sight ---- */

void
table_view_select(struct table_view *v, size_t row)
{
	if (row >= v->rows)
		row = v->rows > 0 ? v->rows - 1 : 0;
	v->selected = row;
	if (v->first > row)
		v->first = row;
	if (v->height > 0 && row - v->first >= v->height)
		v->first = row - v->height + 1;
}

/* Room that became free shows rows, not emptiness. */
void
table_view_fit(struct table_view *v, size_t rows, size_t height)
{
	v->rows = rows;
	v->height = height;
	if (rows <= height)
		v->first = 0;
	else if (v->first > rows - height)
		v->first = rows - height;
	table_view_select(v, v->selected);
}

bool
table_view_key(struct table_view *v, unsigned key)
{
	size_t page = v->height > 0 ? v->height : 1;

	switch (key) {
	case SCREEN_KEY_UP:
		table_view_select(v, v->selected - (v->selected > 0));
		return true;
	case SCREEN_KEY_DOWN:
		table_view_select(v, v->selected + 1);
		return true;
	case SCREEN_KEY_PAGE_UP:
		table_view_select(
		    v, v->selected > page ? v->selected - page : 0);
		return true;
	case SCREEN_KEY_PAGE_DOWN:
		table_view_select(v, v->selected + page);
		return true;
	case SCREEN_KEY_HOME:
		table_view_select(v, 0);
		return true;
	case SCREEN_KEY_END:
		table_view_select(v, v->rows);
		return true;
	default:
		return false;
	}
}

/* ---- Drawing ---- */

struct table_row {
	size_t index;
	bool is_selected;
};

static void
table_put(struct screen *s, struct screen_place place, bool is_left,
    enum screen_style style, const char *text)
{
	unsigned width = columns_width(text);

	/* Whole first: the blanks before it have the style too. */
	if (!is_left && width < place.width) {
		struct screen_place before = place;

		before.width = place.width - width;
		screen_put(s, before, style, "");
		place.col += before.width;
		place.width = width;
	}
	screen_put(s, place, style, text);
}

static void
table_draw_row(const struct table *t, const struct table_layout *layout,
    struct screen *s, struct screen_place line, struct table_row row)
{
	screen_put(
	    s, line, row.is_selected ? SCREEN_SELECTED : SCREEN_PLAIN, "");
	for (unsigned i = 0; i < layout->count; i++) {
		struct screen_place place = { line.row,
			line.col + layout->at[i], layout->width[i] };
		enum screen_style style = SCREEN_SELECTED;
		char buf[CELL_BYTES];
		struct text cell;

		text_init(&cell, buf, sizeof(buf));
		t->cell(t->ctx, row.index, i, &cell);
		if (!row.is_selected)
			style = t->style(t->ctx, row.index, i);
		table_put(s, place, t->columns[i].is_left, style, buf);
	}
}

static void
table_draw_titles(const struct table *t, const struct table_layout *layout,
    struct screen *s, struct screen_place line)
{
	screen_put(s, line, SCREEN_HEAD, "");
	for (unsigned i = 0; i < layout->count; i++) {
		struct screen_place place = { line.row,
			line.col + layout->at[i], layout->width[i] };

		table_put(s, place, t->columns[i].is_left,
		    &t->columns[i] == t->marked ? SCREEN_SELECTED : SCREEN_HEAD,
		    table_title(&t->columns[i], layout->is_short));
	}
}

void
table_draw(const struct table *t, const struct table_view *v, struct screen *s,
    struct screen_place place)
{
	struct table_layout layout;

	table_lay_out(&layout, t->columns, t->count, place.width);
	table_draw_titles(t, &layout, s, place);
	for (size_t i = 0; i < v->height && v->first + i < v->rows; i++) {
		struct table_row row = {
			.index = v->first + i,
			.is_selected = v->first + i == v->selected,
		};

		place.row++;
		table_draw_row(t, &layout, s, place, row);
	}
}
