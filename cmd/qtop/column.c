#include "column.h"

const struct column_row column_rows[COLUMNS] = {
	[COLUMN_NAME] = { "NAME", "NAME", true },
	[COLUMN_RATE] = { "CLAIMS/s", "CL/s", false },
	[COLUMN_CONNECTING] = { "CONNECTING", "CONN", false },
	[COLUMN_UNCLAIMED] = { "UNCLAIMED", "UNCL", false },
	[COLUMN_CLAIMED] = { "CLAIMED", "CLAIM", false },
	[COLUMN_CHECKING] = { "CHECKING", "CHECK", false },
	[COLUMN_TOTAL] = { "TOTAL", "TOTAL", false },
	[COLUMN_STATE] = { "STATE", "STATE", true },
	[COLUMN_FAILURES] = { "FAILURES", "FAIL", false },
	[COLUMN_ADDRESS] = { "ADDRESS", "ADDRESS", true },
	[COLUMN_HISTORY] = { "HISTORY", "HISTORY", false },
};
