#ifndef QTOP_COLUMN_H
#define QTOP_COLUMN_H

/* What a backend's line has, in the tables and on the screen. */

#include <stdbool.h>

enum column {
	COLUMN_NAME,
	COLUMN_RATE,
	COLUMN_CONNECTING,
	COLUMN_UNCLAIMED,
	COLUMN_CLAIMED,
	COLUMN_CHECKING,
	COLUMN_TOTAL,
	COLUMN_STATE,
	COLUMN_FAILURES,
	COLUMN_ADDRESS,
	COLUMN_HISTORY, /* on the screen alone */
	COLUMNS,
};

struct column_row {
	const char *title;
	const char *short_title;
	bool is_text; /* else a number, at the right */
};

extern const struct column_row column_rows[COLUMNS];

#endif
