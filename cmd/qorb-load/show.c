#include "show.h"

#include "core/base.h"
#include "core/text.h"

#define LINE_BYTES 2048

/* Title and the table's head. */
#define HEAD_ROWS 2
#define FOOT_ROWS 4
#define HELP_ROWS 4
/* Rows of the screen from which on the parts are there. */
#define WITH_FOOT 8
#define WITH_HELP 16

static const char *const help_lines[HELP_ROWS - 2] = {
	"TAB add a task   SHIFT+TAB remove the last   UP/DOWN select   q quit",
	"LEFT/RIGHT claim duration of the selected task, 100 ms at least",
};

static void
show_line(struct screen *screen, unsigned row, enum screen_style style,
    const char *text)
{
	const struct screen_place place = { row, 0, screen_cols(screen) };

	screen_put(screen, place, style, text);
}

static void
show_title(struct screen *screen, const struct board *board)
{
	char buf[LINE_BYTES];
	struct text line;

	text_init(&line, buf, sizeof(buf));
	board_add_title(board, &line);
	show_line(screen, 0, board->is_up ? SCREEN_TITLE : SCREEN_ALARM, buf);
}

static void
show_foot(struct screen *screen, const struct board *board, unsigned row)
{
	char buf[LINE_BYTES];
	struct text line;
	bool has_failed = figures_failures(board->figures) > 0;

	text_init(&line, buf, sizeof(buf));
	board_add_selected(board, &line);
	show_line(screen, row, SCREEN_STRONG, buf);
	text_init(&line, buf, sizeof(buf));
	board_add_failure(board, &line);
	show_line(screen, row + 1, SCREEN_PLAIN, buf);
	text_init(&line, buf, sizeof(buf));
	board_add_rate(
	    board, &line, screen_cols(screen), screen_is_utf8(screen));
	show_line(screen, row + 2, SCREEN_PLAIN, buf);
	text_init(&line, buf, sizeof(buf));
	board_add_errors(board, &line);
	show_line(screen, row + 3, has_failed ? SCREEN_BAD : SCREEN_PLAIN, buf);
}

static void
show_help(struct screen *screen, unsigned row)
{
	unsigned cols = screen_cols(screen);
	const struct screen_place frame = { row, 0, cols };

	screen_box(screen, frame, HELP_ROWS, " Keys ");
	for (unsigned i = 0; i < ARRAY_LEN(help_lines) && cols > 4; i++) {
		const struct screen_place place = { row + 1 + i, 2, cols - 4 };

		screen_put(screen, place, SCREEN_PLAIN, help_lines[i]);
	}
}

static void
show_cell(void *ctx, size_t row, unsigned column, struct text *out)
{
	board_add_cell(ctx, row, column, out);
}

static enum screen_style
show_style(void *ctx, size_t row, unsigned column)
{
	return board_cell_style(ctx, row, column);
}

void
show_board(struct screen *screen, struct board *board)
{
	const struct table table = {
		.columns = board_columns,
		.count = BOARD_COLUMNS,
		.ctx = board,
		.cell = show_cell,
		.style = show_style,
	};
	const struct screen_place place = { 1, 0, screen_cols(screen) };
	unsigned rows = screen_rows(screen);
	unsigned help_rows = rows >= WITH_HELP ? HELP_ROWS : 0;
	unsigned foot_rows = rows >= WITH_FOOT ? FOOT_ROWS : 0;
	unsigned below = help_rows + foot_rows + HEAD_ROWS;

	screen_clear(screen);
	table_view_fit(
	    &board->view, board->count, rows > below ? rows - below : 0);
	show_title(screen, board);
	table_draw(&table, &board->view, screen, place);
	if (foot_rows > 0)
		show_foot(screen, board, rows - help_rows - foot_rows);
	if (help_rows > 0)
		show_help(screen, rows - help_rows);
	screen_show(screen);
}
