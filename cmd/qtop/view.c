/* Which backends, in which order, and what keys and rounds do to it; see
 * view.h. */

#include "view.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tui/columns.h"
#include "view_priv.h"

void
view_init(struct view *v, const struct model *model, const char *source)
{
	*v = (struct view){ .model = model,
		.source = source,
		.sort = COLUMN_RATE,
		.is_falling = true };
}

static void
forget_selected(struct view *v)
{
	free(v->selected_pool);
	free(v->selected_name);
	free(v->selected_addr);
	v->selected_pool = v->selected_name = v->selected_addr = NULL;
}

void
view_fini(struct view *v)
{
	forget_selected(v);
	free(v->pool);
	free(v->rows);
	memset(v, 0, sizeof(*v));
}

/* ---- Which backends, in which order ---- */

void
view_add_escaped(struct text *out, const char *s)
{
	text_add_escaped(out, s, strlen(s));
}

bool
view_is_shown(const struct view *v, const struct model_pool *p)
{
	return v->pool == NULL || strcmp(v->pool, p->name) == 0;
}

/* All pools of several: a name alone would not say whose it is. */
static bool
has_pool_names(const struct view *v)
{
	return v->pool == NULL && v->model->now.count > 1;
}

void
view_add_name(
    const struct view *v, const struct view_row *row, struct text *out)
{
	if (has_pool_names(v)) {
		view_add_escaped(out, row->pool->name);
		text_add_char(out, '/');
	}
	view_add_escaped(out, row->backend->name);
}

static bool
passes(const struct view *v, const struct view_row *row)
{
	char buf[VIEW_NAME_BYTES];
	struct text name;

	if (v->filter[0] == '\0')
		return true;
	text_init(&name, buf, sizeof(buf));
	view_add_name(v, row, &name);
	return strcasestr(buf, v->filter) != NULL ||
	       strcasestr(row->backend->addr, v->filter) != NULL ||
	       strcasestr(row->backend->state, v->filter) != NULL;
}

static void
set_key(const struct view *v, struct view_row *row)
{
	const struct backend_figures *f = &row->backend->now;
	double sign = v->is_falling ? -1 : 1;

	row->text = NULL;
	switch (v->sort) {
	case COLUMN_NAME:
		row->number = (double)row->index;
		break;
	case COLUMN_RATE:
		row->number = f->claims_per_s;
		break;
	case COLUMN_CONNECTING:
		row->number = (double)f->connecting;
		break;
	case COLUMN_UNCLAIMED:
		row->number = (double)f->unclaimed;
		break;
	case COLUMN_CLAIMED:
		row->number = (double)f->claimed;
		break;
	case COLUMN_CHECKING:
		row->number = (double)f->checking;
		break;
	case COLUMN_TOTAL:
		row->number = (double)f->total;
		break;
	case COLUMN_FAILURES:
		row->number = (double)f->failures;
		break;
	case COLUMN_STATE:
		row->text = row->backend->state;
		break;
	case COLUMN_ADDRESS:
		row->text = row->backend->addr;
		break;
	case COLUMN_HISTORY:
	case COLUMNS:
		ASSERT(!"such a column is not sorted by");
	}
	row->number *= sign;
}

static int
by_index(const struct view_row *x, const struct view_row *y)
{
	return x->index < y->index ? -1 : x->index > y->index;
}

static int
compare_numbers(const void *a, const void *b)
{
	const struct view_row *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return by_index(x, y);
}

static int
compare_rising(const void *a, const void *b)
{
	const struct view_row *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	return c != 0 ? c : by_index(x, y);
}

static int
compare_falling(const void *a, const void *b)
{
	const struct view_row *x = a, *y = b;
	int c = strcmp(y->text, x->text);

	return c != 0 ? c : by_index(x, y);
}

static void
add_rows(struct view *v, const struct model_pool *p, size_t index)
{
	v->backends += p->count;
	if (v->cap < v->count + p->count) {
		size_t cap = 2 * (v->count + p->count);

		v->rows = mem_grow(v->rows, v->cap, cap, sizeof(*v->rows));
		v->cap = cap;
	}
	for (size_t i = 0; i < p->count; i++) {
		struct view_row *row = &v->rows[v->count];

		*row = (struct view_row){ .pool = p,
			.backend = &p->backends[i],
			.index = index + i };
		if (!passes(v, row))
			continue;
		set_key(v, row);
		v->count++;
	}
}

static bool
is_selected(const struct view *v, const struct view_row *row)
{
	return strcmp(row->backend->name, v->selected_name) == 0 &&
	       strcmp(row->backend->addr, v->selected_addr) == 0 &&
	       strcmp(row->pool->name, v->selected_pool) == 0;
}

/* The selection goes to where its backend is now. */
static void
follow_selected(struct view *v)
{
	table_view_fit(&v->table, v->count, v->table.height);
	if (v->selected_name == NULL)
		return;
	for (size_t i = 0; i < v->count; i++) {
		if (is_selected(v, &v->rows[i])) {
			table_view_select(&v->table, i);
			return;
		}
	}
}

static void
remember_selected(struct view *v)
{
	const struct view_row *row;

	forget_selected(v);
	if (v->table.selected == 0 || v->table.selected >= v->count)
		return;
	row = &v->rows[v->table.selected];
	v->selected_pool = mem_strdup(row->pool->name);
	v->selected_name = mem_strdup(row->backend->name);
	v->selected_addr = mem_strdup(row->backend->addr);
}

static unsigned
width_of(const struct view *v, size_t row, enum column column)
{
	char buf[VIEW_NAME_BYTES];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	view_add_cell(v, row, column, &t);
	return columns_width(buf);
}

/* What names and addresses need, in all rows so that scrolling moves no
 * column. */
static void
find_widths(struct view *v)
{
	v->name_width = v->address_width = 0;
	v->name_room = UINT_MAX; /* whole */
	for (size_t i = 0; i < v->count; i++) {
		v->name_width =
		    larger(v->name_width, width_of(v, i, COLUMN_NAME));
		v->address_width =
		    larger(v->address_width, width_of(v, i, COLUMN_ADDRESS));
	}
}

static void
rebuild(struct view *v)
{
	size_t index = 0;
	bool is_text = v->sort == COLUMN_STATE || v->sort == COLUMN_ADDRESS;
	int (*compare)(const void *, const void *) = compare_numbers;

	v->count = v->backends = 0;
	for (size_t i = 0; i < v->model->now.count; i++) {
		const struct model_pool *p = &v->model->now.pools[i];

		if (view_is_shown(v, p))
			add_rows(v, p, index);
		index += p->count;
	}
	if (is_text)
		compare = v->is_falling ? compare_falling : compare_rising;
	if (v->count > 1)
		qsort(v->rows, v->count, sizeof(*v->rows), compare);
	find_widths(v);
	follow_selected(v);
}

/* ---- What happens ---- */

void
view_on_up(struct view *v)
{
	if (v->state == VIEW_LOST)
		v->state = VIEW_WAITS;
}

void
view_on_round(struct view *v)
{
	v->state = VIEW_GOES_ON;
	rebuild(v);
}

void
view_on_trouble(struct view *v, enum source_trouble trouble, const char *why)
{
	static const enum view_state states[] = {
		[SOURCE_ODD] = VIEW_ODD,
		[SOURCE_EMPTY] = VIEW_EMPTY,
		[SOURCE_LOST] = VIEW_LOST,
	};
	struct text note;

	v->state = states[trouble];
	text_init(&note, v->note, sizeof(v->note));
	text_add_escaped(&note, why, strlen(why));
}

/* All, each one alone, all again. One that is gone is before all others. */
static void
next_pool(struct view *v)
{
	const struct model_round *r = &v->model->now;
	size_t i = 0;

	if (v->pool != NULL) {
		for (i = 0; i < r->count; i++) {
			if (strcmp(r->pools[i].name, v->pool) == 0)
				break;
		}
		i = i < r->count ? i + 1 : 0;
	}
	free(v->pool);
	v->pool =
	    r->count > 1 && i < r->count ? mem_strdup(r->pools[i].name) : NULL;
}

/* The figures of interest are the large ones, the names those at the start. */
static void
next_sort(struct view *v)
{
	v->sort = (v->sort + 1) % COLUMN_HISTORY;
	v->is_falling = !column_rows[v->sort].is_text;
}

static void
add_to_filter(struct view *v, unsigned c)
{
	char bytes[4];
	size_t n = 0, len = strlen(v->filter);

	if (c < ' ' || c == 0x7f || c >= SCREEN_KEY_FIRST)
		return;
	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xC0 | c >> 6);
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xE0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
	} else {
		bytes[n++] = (char)(0xF0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3F));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
	}
	if (c >= 0x80)
		bytes[n++] = (char)(0x80 | (c & 0x3F));
	if (len + n >= sizeof(v->filter))
		return;
	memcpy(v->filter + len, bytes, n);
	v->filter[len + n] = '\0';
}

static void
cut_filter(struct view *v)
{
	size_t len = strlen(v->filter);

	while (len > 0 && (v->filter[--len] & 0xC0) == 0x80)
		continue;
	v->filter[len] = '\0';
}

static void
edit_filter(struct view *v, unsigned key)
{
	if (table_view_key(&v->table, key)) {
		remember_selected(v);
		return;
	}
	switch (key) {
	case SCREEN_KEY_ENTER:
		v->is_editing = false;
		break;
	case SCREEN_KEY_ESCAPE:
		v->is_editing = false;
		v->filter[0] = '\0';
		break;
	case SCREEN_KEY_BACKSPACE:
		cut_filter(v);
		break;
	case 0x15: /* Ctrl-U, as a shell has it */
		v->filter[0] = '\0';
		break;
	default:
		add_to_filter(v, key);
	}
	rebuild(v);
}

static void
command(struct view *v, unsigned key)
{
	switch (key) {
	case 'q':
	case 'Q':
		v->is_over = true;
		break;
	case 's':
		next_sort(v);
		break;
	case 'r':
		v->is_falling = !v->is_falling;
		break;
	case '/':
		v->is_editing = true;
		break;
	case SCREEN_KEY_ESCAPE:
		v->filter[0] = '\0';
		break;
	case 'p':
		next_pool(v);
		break;
	case ' ':
		v->is_paused = !v->is_paused;
		break;
	case '?':
	case 'h':
		v->is_helping = true;
		break;
	default:
		if (table_view_key(&v->table, key))
			remember_selected(v);
		return;
	}
	rebuild(v);
}

void
view_on_key(struct view *v, unsigned key)
{
	if (key == SCREEN_KEY_CLOSED) {
		v->is_over = true;
	} else if (v->is_editing) {
		edit_filter(v, key);
	} else if (v->is_helping && key != 'q') {
		v->is_helping = false;
	} else {
		command(v, key);
	}
}
