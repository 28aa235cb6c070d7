#ifndef QORB_CTL_TABLE_H
#define QORB_CTL_TABLE_H

/*
 * Rows of an answer gathered into tables. Rows with the same keys stand in one
 * table, and so do rows that only lack some of them (a backend that has had no
 * error says nothing of its last one); others begin a table of their own. The
 * order is that of the answer.
 *
 * Cells are text that harms no terminal: bytes that are no printing characters
 * have become \xNN.
 */

#include <stddef.h>
#include <stdio.h>

#include "client/qorb_client.h"

struct table_row {
	char **cells; /* owned; NULL or missing at the end: none */
	size_t count; /* columns that the table had when it came */
};

struct table {
	struct table *next;
	char **keys; /* owned; the heads of the columns */
	size_t columns;
	struct table_row *rows; /* owned */
	size_t count, room;
};

struct tables {
	struct table *first, *last; /* owned */
};

/* Copies a row, or an ok that says something. */
void tables_add(struct tables *t, const struct qorb_reply *row);
void tables_clear(struct tables *t);

/* The cell of a column, "" when the row has none. */
const char *table_cell(const struct table *t, size_t row, size_t column);

/* Fields with a tab between, the keys in the first line of each table, an empty
 * line between tables. With a key, it and the value begin each line. */
void tables_print_tabs(
    const struct tables *t, FILE *out, const char *key, const char *value);

/* Aligned columns for a screen of this width: heads are broken first, then
 * cells with several words; what is still too wide is continued below. */
void tables_print(const struct tables *t, FILE *out, size_t width);

/* Bytes that are no printing characters as \xNN; owned by the caller. */
char *table_escape(const char *value);

#endif
