#include "show.h"

#include "core/base.h"
#include "core/text.h"

#define LINE_BYTES 2048

/* The line of titles of either table. */
#define HEAD_ROWS 1
#define FOOT_ROWS 3
/* Rows of the screen from which on the parts are there. */
#define WITH_FOOT  10
#define WITH_POOLS 6
#define WITH_GAP   30 /* between the tables */
/* Of so many rows one is a pool's. */
#define ROWS_A_POOL 8
#define HELP_COLS   58

static void
show_line(struct screen *screen, unsigned row, enum screen_style style,
    void (*add)(const struct view *v, struct text *out),
    const struct view *view)
{
	const struct screen_place place = { row, 0, screen_cols(screen) };
	char buf[LINE_BYTES];
	struct text line;

	text_init(&line, buf, sizeof(buf));
	add(view, &line);
	screen_put(screen, place, style, buf);
}

/* ---- Tables ---- */

static void
cell(void *ctx, size_t row, unsigned column, struct text *out)
{
	view_add_cell(ctx, row, column, out);
}

static enum screen_style
style(void *ctx, size_t row, unsigned column)
{
	return view_cell_style(ctx, row, column);
}

static void
show_backends(struct screen *screen, struct view *v, unsigned row)
{
	const struct screen_place place = { row, 0, screen_cols(screen) };
	struct table_column columns[COLUMNS];
	struct table table = {
		.columns = columns,
		.marked = &columns[v->sort],
		.ctx = v,
		.cell = cell,
		.style = style,
	};

	table.count = view_lay_out(v, columns, screen_cols(screen));
	table_draw(&table, &v->table, screen, place);
}

static void
pool_cell(void *ctx, size_t row, unsigned column, struct text *out)
{
	view_add_pool_cell(ctx, row, column, out);
}

static enum screen_style
pool_style(void *ctx, size_t row, unsigned column)
{
	return view_pool_cell_style(ctx, row, column);
}

static void
show_pools(struct screen *screen, struct view *v, struct table_view *rows)
{
	struct screen_place place = { 1, 0, screen_cols(screen) };
	struct table_column columns[VIEW_POOL_COLUMNS];
	const struct table table = {
		.columns = columns,
		.count = view_lay_out_pools(v, columns, place.width),
		.ctx = v,
		.cell = pool_cell,
		.style = pool_style,
	};
	size_t hidden = view_pools(v) - rows->rows;
	char buf[64];
	struct text more;

	table_draw(&table, rows, screen, place);
	if (hidden == 0)
		return;
	text_init(&more, buf, sizeof(buf));
	text_addf(&more, "and %zu more pools: p shows them", hidden);
	place.row += HEAD_ROWS + (unsigned)rows->rows;
	screen_put(screen, place, SCREEN_DIM, buf);
}

/* Which pools there is room for, and how many rows that takes. No row is
 * selected among them. */
static unsigned
fit_pools(const struct view *v, unsigned rows, struct table_view *view)
{
	size_t n = view_pools(v), most = rows / ROWS_A_POOL;
	bool is_all = n <= (most > 0 ? most : 1);

	if (!is_all)
		n = most > 1 ? most - 1 : 0;
	*view = (struct table_view){ .rows = n, .height = n, .selected = n };
	return HEAD_ROWS + (unsigned)n + !is_all;
}

/* ---- Help ---- */

static void
show_help(struct screen *screen)
{
	unsigned rows = VIEW_HELP_LINES + 2, cols = HELP_COLS;
	struct screen_place frame;

	/* The title stays in sight. */
	if (rows > screen_rows(screen) - 1)
		rows = screen_rows(screen) - 1;
	if (cols > screen_cols(screen))
		cols = screen_cols(screen);
	frame = (struct screen_place){ (screen_rows(screen) - rows + 1) / 2,
		(screen_cols(screen) - cols) / 2, cols };
	for (unsigned i = 1; i + 1 < rows && cols > 4; i++) {
		struct screen_place line = { frame.row + i, frame.col, cols };

		screen_put(screen, line, SCREEN_PLAIN, "");
		line.col += 2;
		line.width -= 4;
		screen_put(screen, line, SCREEN_PLAIN, view_help[i - 1]);
	}
	screen_box(screen, frame, rows, " Keys ");
}

/* ---- All of it ---- */

static void
show_foot(struct screen *screen, const struct view *v, unsigned row)
{
	bool is_well = v->state < VIEW_ODD;

	show_line(screen, row, is_well ? SCREEN_STRONG : SCREEN_BAD,
	    view_add_selected, v);
	show_line(screen, row + 1, SCREEN_PLAIN, view_add_summary, v);
	show_line(screen, row + 2, v->is_editing ? SCREEN_STRONG : SCREEN_DIM,
	    view_add_prompt, v);
}

void
show_view(struct screen *screen, struct view *v)
{
	unsigned rows = screen_rows(screen), row = 1;
	unsigned foot = rows >= WITH_FOOT ? FOOT_ROWS : 0;
	struct table_view pools;

	v->is_utf8 = screen_is_utf8(screen);
	screen_clear(screen);
	show_line(screen, 0, v->state < VIEW_ODD ? SCREEN_TITLE : SCREEN_ALARM,
	    view_add_title, v);
	if (rows >= WITH_POOLS && v->model->rounds > 0) {
		row += fit_pools(v, rows, &pools);
		show_pools(screen, v, &pools);
		row += rows >= WITH_GAP;
	}
	table_view_fit(&v->table, v->count,
	    rows > row + HEAD_ROWS + foot ? rows - row - HEAD_ROWS - foot : 0);
	show_backends(screen, v, row);
	if (foot > 0)
		show_foot(screen, v, rows - foot);
	if (v->is_helping)
		show_help(screen);
	screen_show(screen);
}
