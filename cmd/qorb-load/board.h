#ifndef QORB_LOAD_BOARD_H
#define QORB_LOAD_BOARD_H

/*
 * What the interactive screen shows, apart from any screen: the tasks as
 * people know them, which one is selected, the lines around the table. The
 * session writes it, show.h draws it; every text on the screen is made here.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/text.h"
#include "tui/sparkline.h"
#include "tui/table.h"
#include "figures.h"
#include "task.h"

/* A claim is held at least this long; the arrows change it by as much. */
#define BOARD_HOLD_STEP_US (100 * US_PER_MS)
#define BOARD_HOLD_MAX_US  (3600 * US_PER_S)
#define BOARD_NOTE_BYTES   256

struct board_task {
	enum task_state state;
	uint64_t hold_us;
	uint64_t successes;
	uint64_t server_failures;
	uint64_t claim_failures;
	unsigned failure;		  /* the last one, 0 for none yet */
	uint64_t wait_us;		  /* of the last claim granted */
	char backend[BACKEND_NAME_BYTES]; /* that served it, "" for none yet */
};

struct board {
	const char *pool;	       /* borrowed */
	const struct figures *figures; /* borrowed; of all tasks together */
	struct board_task *tasks;      /* owned */
	size_t count;
	size_t cap;
	struct table_view view;
	struct sparkline rates;	     /* claims granted in each second */
	uint64_t granted;	     /* at the last second */
	bool is_up;		     /* the daemon is there */
	unsigned losses;	     /* times that it went away */
	char note[BOARD_NOTE_BYTES]; /* about the daemon; as it came, so
				      * anything may stand in it */
};

enum board_column {
	BOARD_INDEX,
	BOARD_CLAIMED,
	BOARD_DURATION,
	BOARD_SUCCESSES,
	BOARD_SERVER_FAILURES,
	BOARD_CLAIM_FAILURES,
	BOARD_COLUMNS,
};

extern const struct table_column board_columns[BOARD_COLUMNS];

void board_init(
    struct board *b, const char *pool, const struct figures *figures);
void board_fini(struct board *b);

/* Adds a task at the end, takes the last one away (there is one). */
void board_add(struct board *b, uint64_t hold_us);
void board_remove(struct board *b);

/* The selected task's claim duration, by so many steps, within its bounds. */
void board_change_hold(struct board *b, int steps);

/* A claim of the task was granted; its cycle ended, failure 0 for a success. */
void board_on_granted(
    struct board *b, size_t task, const char *backend, uint64_t wait_us);
void board_on_outcome(struct board *b, size_t task, unsigned failure);

/* A second has passed. */
void board_on_second(struct board *b);

void board_on_up(struct board *b, const char *server);
void board_on_down(struct board *b, const char *why);

/* What stands in a cell, and whether it is good or bad news. */
void board_add_cell(
    const struct board *b, size_t task, unsigned column, struct text *out);
enum screen_style board_cell_style(
    const struct board *b, size_t task, unsigned column);

/* The lines around the table. */
void board_add_title(const struct board *b, struct text *out);
void board_add_selected(const struct board *b, struct text *out);
void board_add_failure(const struct board *b, struct text *out);
void board_add_rate(
    const struct board *b, struct text *out, unsigned cols, bool is_utf8);
void board_add_errors(const struct board *b, struct text *out);

#endif
