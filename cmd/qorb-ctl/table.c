/* Rows gathered into tables; see table.h. Layout for a screen is in layout.c.
 */

#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/text.h"

#define ROOM_FIRST 16

/* A byte that is not shown becomes as many. */
#define ESCAPED_BYTES 4

char *
table_escape(const char *value)
{
	size_t n = strlen(value), cap = ESCAPED_BYTES * n + 1;
	char *copy = mem_new(cap, 1);
	struct text t;

	text_init(&t, copy, cap);
	text_add_escaped(&t, value, n);
	return copy;
}

/* A bare word is a column of its own name with nothing in it. */
static const char *
key_of(const struct qorb_arg *arg)
{
	return arg->key == NULL ? arg->value : arg->key;
}

static const char *
value_of(const struct qorb_arg *arg)
{
	return arg->key == NULL ? "" : arg->value;
}

/* The column of a key, looked for at its likeliest place first; t->columns when
 * there is none. */
static size_t
find_column(const struct table *t, const char *key, size_t likely)
{
	if (likely < t->columns && strcmp(t->keys[likely], key) == 0)
		return likely;
	for (size_t i = 0; i < t->columns; i++) {
		if (strcmp(t->keys[i], key) == 0)
			return i;
	}
	return t->columns;
}

/* Does one of the two have all the keys of the other? */
static bool
belongs(const struct table *t, const struct qorb_reply *row)
{
	size_t shared = 0;

	for (size_t i = 0; i < row->argc; i++)
		shared += find_column(t, key_of(&row->args[i]), i) < t->columns;
	return shared == row->argc || shared == t->columns;
}

static struct table *
table_for(struct tables *all, const struct qorb_reply *row)
{
	struct table *t;

	if (all->last != NULL && belongs(all->last, row))
		return all->last;
	for (t = all->first; t != NULL; t = t->next) {
		if (belongs(t, row))
			return t;
	}
	t = mem_new(1, sizeof(*t));
	if (all->last == NULL)
		all->first = t;
	else
		all->last->next = t;
	all->last = t;
	return t;
}

static void
add_column(struct table *t, const char *key)
{
	t->keys =
	    mem_grow(t->keys, t->columns, t->columns + 1, sizeof(t->keys[0]));
	t->keys[t->columns++] = table_escape(key);
}

static struct table_row *
add_row(struct table *t)
{
	struct table_row *row;
	size_t room = t->room == 0 ? ROOM_FIRST : 2 * t->room;

	if (t->count == t->room) {
		t->rows = mem_grow(t->rows, t->room, room, sizeof(t->rows[0]));
		t->room = room;
	}
	row = &t->rows[t->count++];
	row->count = t->columns;
	row->cells = mem_new(t->columns, sizeof(row->cells[0]));
	return row;
}

void
tables_add(struct tables *all, const struct qorb_reply *reply)
{
	struct table *t;
	struct table_row *row;

	if (reply->argc == 0)
		return;
	t = table_for(all, reply);
	for (size_t i = 0; i < reply->argc; i++) {
		const char *key = key_of(&reply->args[i]);

		if (find_column(t, key, i) == t->columns)
			add_column(t, key);
	}
	row = add_row(t);
	for (size_t i = 0; i < reply->argc; i++) {
		const struct qorb_arg *arg = &reply->args[i];
		size_t at = find_column(t, key_of(arg), i);

		free(row->cells[at]);
		row->cells[at] = table_escape(value_of(arg));
	}
}

static void
free_strings(char **strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

void
tables_clear(struct tables *all)
{
	struct table *t;

	while ((t = all->first) != NULL) {
		all->first = t->next;
		for (size_t i = 0; i < t->count; i++)
			free_strings(t->rows[i].cells, t->rows[i].count);
		free(t->rows);
		free_strings(t->keys, t->columns);
		free(t);
	}
	all->last = NULL;
}

const char *
table_cell(const struct table *t, size_t row, size_t column)
{
	const struct table_row *r = &t->rows[row];

	return column < r->count && r->cells[column] != NULL ? r->cells[column]
							     : "";
}

static void
put_fields(FILE *out, const char *first, const struct table *t, size_t row)
{
	if (first != NULL)
		(void)fprintf(out, "%s\t", first);
	for (size_t i = 0; i < t->columns; i++)
		(void)fprintf(out, "%s%s", i == 0 ? "" : "\t",
		    row == SIZE_MAX ? t->keys[i] : table_cell(t, row, i));
	(void)fputc('\n', out);
}

void
tables_print_tabs(
    const struct tables *all, FILE *out, const char *key, const char *value)
{
	for (const struct table *t = all->first; t != NULL; t = t->next) {
		if (t != all->first)
			(void)fputc('\n', out);
		put_fields(out, key, t, SIZE_MAX);
		for (size_t i = 0; i < t->count; i++)
			put_fields(out, value, t, i);
	}
}
