#ifndef QORB_TUI_COLUMNS_H
#define QORB_TUI_COLUMNS_H

/*
 * Text measured in columns of a terminal: a character may be of several bytes
 * and of none, one or two columns. Decoding and widths are those of the
 * locale (LC_CTYPE) that the program has set. What is no character there, or
 * is one that a terminal obeys, counts and shows as a question mark: no text
 * can move the cursor.
 */

#include "core/text.h"

unsigned columns_width(const char *text);

/* Adds as much of the text as fits into so many columns; how many it took. */
unsigned columns_fit(struct text *out, const char *text, unsigned columns);

#endif
