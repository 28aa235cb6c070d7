#ifndef QTOP_VIEW_H
#define QTOP_VIEW_H

/*
 * What the screen shows, apart from any screen: which backends, in which
 * order, what stands in the cells and in the lines around them, and what keys
 * do to that. The live part writes it, show.h draws it.
 *
 * Order, filter, pool and selection are the user's and outlive rounds and
 * losses of the source. The selected backend stays selected wherever its line
 * goes and when it comes back; the first line, selected as such, stays the
 * first. What has the same place in the order stands by pool, name, address.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"
#include "tui/table.h"
#include "column.h"
#include "model.h"
#include "source.h"

#define VIEW_FILTER_BYTES 64
#define VIEW_NOTE_BYTES	  512

/* Columns of the pools' table. */
enum view_pool_column {
	VIEW_POOL,
	VIEW_POOL_RATE,
	VIEW_POOL_WAITING,
	VIEW_POOL_WAIT_P50,
	VIEW_POOL_WAIT_P99,
	VIEW_POOL_HOLD_P50,
	VIEW_POOL_HOLD_P99,
	VIEW_POOL_REFUSED,
	VIEW_POOL_RESOLVER,
	VIEW_POOL_ONLINE,
	VIEW_POOL_SLOTS,
	VIEW_POOL_COLUMNS,
};

enum view_state {
	VIEW_WAITS, /* for the first round */
	VIEW_GOES_ON,
	VIEW_ODD, /* and why in the note, as in the two below */
	VIEW_EMPTY,
	VIEW_LOST,
};

/* Are the last figures those of another time? */
#define view_is_stale(v) ((v)->state >= VIEW_EMPTY)

struct view_row {
	const struct model_pool *pool;
	const struct model_backend *backend;
	double number;	  /* what it is sorted by, */
	const char *text; /* or this, unless NULL */
	size_t index;	  /* and then by its place in the model */
};

struct view {
	const struct model *model; /* borrowed */
	const char *source;	   /* borrowed; what it is called */
	struct view_row *rows;	   /* owned */
	size_t count;
	size_t cap;
	size_t backends; /* before the filter */
	struct table_view table;

	enum column sort;
	bool is_falling;
	char filter[VIEW_FILTER_BYTES];
	bool is_editing; /* the filter */
	char *pool;	 /* owned; the only one shown, NULL for all */
	bool is_paused;
	bool is_helping;
	bool is_over; /* the user wants to leave */

	/* Owned; who is selected. NULL: whoever stands there. */
	char *selected_pool;
	char *selected_name;
	char *selected_addr;

	enum view_state state;
	char note[VIEW_NOTE_BYTES]; /* as strangers wrote it */

	bool is_utf8; /* set by who draws */
	/* Columns that are needed, and that there are. */
	unsigned name_width;
	unsigned address_width;
	unsigned name_room;
	unsigned total_width;
	unsigned history;
};

void view_init(struct view *v, const struct model *model, const char *source);
void view_fini(struct view *v);

/* The source answers; the model has a new round; something is wrong. */
void view_on_up(struct view *v);
void view_on_round(struct view *v);
void view_on_trouble(
    struct view *v, enum source_trouble trouble, const char *why);

void view_on_key(struct view *v, unsigned key);

/* Lays out the table of backends for a width: fills in columns (COLUMNS of
 * them), returns how many are to be shown. */
unsigned view_lay_out(
    struct view *v, struct table_column *columns, unsigned width);

void view_add_cell(
    const struct view *v, size_t row, unsigned column, struct text *out);
enum screen_style view_cell_style(
    const struct view *v, size_t row, unsigned column);

/* The pools that are shown, and their table (VIEW_POOL_COLUMNS). */
size_t view_pools(const struct view *v);
unsigned view_lay_out_pools(
    const struct view *v, struct table_column *columns, unsigned width);
void view_add_pool_cell(
    const struct view *v, size_t row, unsigned column, struct text *out);
enum screen_style view_pool_cell_style(
    const struct view *v, size_t row, unsigned column);

/* The lines around the tables. */
void view_add_title(const struct view *v, struct text *out);
void view_add_selected(const struct view *v, struct text *out);
void view_add_summary(const struct view *v, struct text *out);
void view_add_prompt(const struct view *v, struct text *out);

/* The lines of help. */
#define VIEW_HELP_LINES 13
extern const char *const view_help[VIEW_HELP_LINES];

#endif
