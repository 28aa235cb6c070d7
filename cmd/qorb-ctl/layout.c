/*
 * Tables for a screen. A table that is too wide is made narrower step by step:
 * its heads are broken at '_' and '-' over several lines, then columns whose
 * cells have several words are wrapped, then it is cut into blocks, each of
 * which begins with the columns that tell its rows apart. Nothing is ever left
 * out: what a screen shows may be typed again.
 */

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "table.h"

/* Columns stand as far apart. */
#define GAP 2

/* A column is wrapped to no less. */
#define WRAP_LEAST 16

/* Rows that are compared to find out what tells them apart, and columns that
 * may be needed for it. */
#define ID_ROWS	   200
#define ID_COLUMNS 3

struct column {
	size_t index; /* in the table */
	size_t width;
	bool is_number; /* all cells: to the right */
	bool has_blank; /* a cell may be wrapped */
	bool is_id;	/* tells rows apart */
};

struct grid {
	const struct table *table;
	struct column *columns; /* owned */
	const char **rest;	/* owned; of each cell of a line */
	FILE *out;
	size_t width; /* of the screen */
	bool is_broken;
};

/* Characters that the n bytes take on the screen. */
static size_t
characters(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)s[i] & 0xC0) != 0x80;
	return count;
}

static bool
is_number(const char *cell)
{
	return cell[0] != '\0' && cell[strspn(cell, "0123456789.")] == '\0';
}

/* Bytes of a head's first part. */
static size_t
head_part(const struct grid *g, const char *head)
{
	return g->is_broken ? strcspn(head, "_-") : strlen(head);
}

static size_t
head_width(const struct grid *g, const char *head)
{
	size_t most = 0;

	while (*head != '\0') {
		size_t n = head_part(g, head);

		if (characters(head, n) > most)
			most = characters(head, n);
		head += n;
		head += *head != '\0';
	}
	return most;
}

static size_t
head_lines(const struct grid *g, const char *head)
{
	size_t lines = 1;

	while (*(head += head_part(g, head)) != '\0') {
		head++;
		lines++;
	}
	return lines;
}

/* Bytes of a cell that go on one line: as many words as fit, at least one. */
static size_t
cell_part(const char *cell, size_t width)
{
	size_t n = strlen(cell), end = strcspn(cell, " ");

	if (characters(cell, n) <= width)
		return n;
	for (size_t i = end; cell[i] == ' ';) {
		i += 1 + strcspn(cell + i + 1, " ");
		if (characters(cell, i) > width)
			break;
		end = i;
	}
	return end;
}

static void
measure(struct grid *g)
{
	const struct table *t = g->table;

	for (size_t i = 0; i < t->columns; i++) {
		struct column *c = &g->columns[i];

		c->index = i;
		c->width = head_width(g, t->keys[i]);
		c->is_number = true;
		for (size_t k = 0; k < t->count; k++) {
			const char *cell = table_cell(t, k, i);
			size_t w = characters(cell, strlen(cell));

			if (w > c->width)
				c->width = w;
			c->is_number &= cell[0] == '\0' || is_number(cell);
			c->has_blank |= strchr(cell, ' ') != NULL;
		}
	}
}

static size_t
total_width(const struct grid *g)
{
	size_t total = 0;

	for (size_t i = 0; i < g->table->columns; i++)
		total += g->columns[i].width + (i == 0 ? 0 : GAP);
	return total;
}

static void
wrap(struct grid *g)
{
	size_t total = total_width(g);

	while (total > g->width) {
		struct column *widest = NULL;

		for (size_t i = 0; i < g->table->columns; i++) {
			struct column *c = &g->columns[i];

			if (c->has_blank && c->width > WRAP_LEAST &&
			    (widest == NULL || c->width > widest->width))
				widest = c;
		}
		if (widest == NULL)
			return;
		widest->width--;
		total--;
	}
}

static bool
same_cells(const struct table *t, size_t a, size_t b, size_t columns)
{
	for (size_t i = 0; i < columns; i++) {
		if (strcmp(table_cell(t, a, i), table_cell(t, b, i)) != 0)
			return false;
	}
	return true;
}

/* Are the rows all different in these first columns? */
static bool
tells_apart(const struct table *t, size_t columns)
{
	size_t rows = t->count < ID_ROWS ? t->count : ID_ROWS;

	for (size_t a = 0; a < rows; a++) {
		for (size_t b = a + 1; b < rows; b++) {
			if (same_cells(t, a, b, columns))
				return false;
		}
	}
	return true;
}

static bool
is_constant(const struct table *t, size_t column)
{
	for (size_t i = 1; i < t->count; i++) {
		if (strcmp(table_cell(t, 0, column),
			table_cell(t, i, column)) != 0)
			return false;
	}
	return true;
}

/* The fewest columns from the left that tell rows apart, but for those that
 * have the same in each; one row needs none. */
static void
find_id(struct grid *g)
{
	const struct table *t = g->table;
	size_t most = t->columns < ID_COLUMNS ? t->columns : ID_COLUMNS;
	size_t n = 1;

	while (n < most && !tells_apart(t, n))
		n++;
	for (size_t i = 0; t->count > 1 && i < n; i++)
		g->columns[i].is_id = !is_constant(t, i);
}

/* Writes cells of a line; blanks are held back until something follows. */
struct pen {
	FILE *out;
	size_t blanks;
};

static void
put_part(struct pen *p, const struct column *c, const char *part, size_t n,
    bool is_head)
{
	size_t w = characters(part, n), pad = c->width > w ? c->width - w : 0;

	if (c->is_number)
		p->blanks += pad;
	if (n > 0) {
		(void)fprintf(p->out, "%*s", (int)p->blanks, "");
		p->blanks = 0;
	}
	for (size_t i = 0; i < n; i++)
		(void)fputc(is_head ? toupper((unsigned char)part[i])
				    : (unsigned char)part[i],
		    p->out);
	p->blanks += GAP + (c->is_number ? 0 : pad);
}

static void
put_heads(struct grid *g, const struct column *columns, size_t count)
{
	size_t lines = 1;

	for (size_t i = 0; i < count; i++) {
		const char *head = g->table->keys[columns[i].index];

		g->rest[i] = head;
		if (head_lines(g, head) > lines)
			lines = head_lines(g, head);
	}
	for (; lines > 0; lines--) {
		struct pen pen = { g->out, 0 };

		for (size_t i = 0; i < count; i++) {
			bool is_due = head_lines(g, g->rest[i]) == lines;
			size_t n = is_due ? head_part(g, g->rest[i]) : 0;

			put_part(&pen, &columns[i], g->rest[i], n, true);
			if (is_due)
				g->rest[i] += n + (g->rest[i][n] != '\0');
		}
		(void)fputc('\n', g->out);
	}
}

static void
put_row(struct grid *g, size_t row, const struct column *columns, size_t count)
{
	bool is_more = true;

	for (size_t i = 0; i < count; i++)
		g->rest[i] = table_cell(g->table, row, columns[i].index);
	while (is_more) {
		struct pen pen = { g->out, 0 };

		is_more = false;
		for (size_t i = 0; i < count; i++) {
			size_t n = cell_part(g->rest[i], columns[i].width);

			put_part(&pen, &columns[i], g->rest[i], n, false);
			g->rest[i] += n;
			g->rest[i] += strspn(g->rest[i], " ");
			is_more |= *g->rest[i] != '\0';
		}
		(void)fputc('\n', g->out);
	}
}

/* Picks the columns of the next block, from *next on; how many. */
static size_t
take_block(const struct grid *g, size_t *next, struct column *block)
{
	size_t count = 0, used = 0, fresh = 0;

	for (size_t i = 0; i < *next; i++) {
		if (g->columns[i].is_id) {
			used += g->columns[i].width + GAP;
			block[count++] = g->columns[i];
		}
	}
	while (*next < g->table->columns) {
		const struct column *c = &g->columns[*next];

		if (fresh > 0 && used + c->width > g->width)
			break;
		used += c->width + GAP;
		block[count++] = *c;
		fresh++;
		(*next)++;
	}
	return count;
}

static void
print_table(const struct table *t, FILE *out, size_t width)
{
	struct grid g = { .table = t, .out = out, .width = width };
	struct column *block = mem_new(t->columns, sizeof(*block));
	size_t next = 0;

	g.columns = mem_new(t->columns, sizeof(*g.columns));
	g.rest = mem_new(t->columns, sizeof(*g.rest));
	measure(&g);
	if (total_width(&g) > width) {
		g.is_broken = true;
		measure(&g);
		wrap(&g);
		find_id(&g);
	}
	while (next < t->columns) {
		size_t count;

		if (next > 0)
			(void)fputc('\n', out);
		count = take_block(&g, &next, block);
		put_heads(&g, block, count);
		for (size_t i = 0; i < t->count; i++)
			put_row(&g, i, block, count);
	}
	free(block);
	free(g.columns);
	free(g.rest);
}

void
tables_print(const struct tables *all, FILE *out, size_t width)
{
	for (const struct table *t = all->first; t != NULL; t = t->next) {
		if (t != all->first)
			(void)fputc('\n', out);
		print_table(t, out, width);
	}
}
