#include "view.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tui/columns.h"
#include "figure.h"

/* Columns that figures have. */
#define COUNT_WIDTH 6
#define RATE_WIDTH  8
#define TOTAL_WIDTH 9
#define SPAN_WIDTH  7
#define STATE_WIDTH 8
/* Those of names and addresses; a name is cut before a figure goes. */
#define NAME_LEAST    16
#define NAME_MOST     48
#define ADDRESS_MOST  48
#define HISTORY_LEAST 8
#define HISTORY_MOST  100
#define POOL_MOST     20

#define NAME_BYTES 512

const char *const view_help[VIEW_HELP_LINES] = {
	"Up Down PgUp PgDn Home End   select a backend",
	"s            sort by the next column",
	"r            reverse the order",
	"/            filter by name, address or state;",
	"             Enter keeps it, Esc takes it away",
	"p            show the next pool alone, or all again",
	"Space        pause: figures stand still",
	"? or h       this help",
	"q            quit",
	"",
	"CLAIMS/s is of the time since the round before;",
	"FAILURES are those of late; REFUSED and TOTAL count",
	"since the daemon started or saw the backend.",
};

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

static void
add_escaped(struct text *out, const char *s)
{
	text_add_escaped(out, s, strlen(s));
}

static unsigned
larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static unsigned
smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool
is_shown(const struct view *v, const struct model_pool *p)
{
	return v->pool == NULL || strcmp(v->pool, p->name) == 0;
}

/* All pools of several: a name alone would not say whose it is. */
static bool
has_pool_names(const struct view *v)
{
	return v->pool == NULL && v->model->now.count > 1;
}

static void
add_name(const struct view *v, const struct view_row *row, struct text *out)
{
	if (has_pool_names(v)) {
		add_escaped(out, row->pool->name);
		text_add_char(out, '/');
	}
	add_escaped(out, row->backend->name);
}

static bool
passes(const struct view *v, const struct view_row *row)
{
	char buf[NAME_BYTES];
	struct text name;

	if (v->filter[0] == '\0')
		return true;
	text_init(&name, buf, sizeof(buf));
	add_name(v, row, &name);
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
	char buf[NAME_BYTES];
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

		if (is_shown(v, p))
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

/* ---- The table of backends ---- */

static void
set_columns(const struct view *v, struct table_column *columns)
{
	for (unsigned i = 0; i < COLUMNS; i++)
		columns[i] = (struct table_column){ column_rows[i].title,
			column_rows[i].short_title, COUNT_WIDTH,
			column_rows[i].is_text };
	columns[COLUMN_NAME].width = smaller(v->name_width, NAME_MOST);
	columns[COLUMN_RATE].width = RATE_WIDTH;
	columns[COLUMN_TOTAL].width = TOTAL_WIDTH;
	columns[COLUMN_STATE].width = STATE_WIDTH;
	columns[COLUMN_ADDRESS].width = smaller(v->address_width, ADDRESS_MOST);
	columns[COLUMN_HISTORY].width = HISTORY_LEAST;
}

static unsigned
full_width(const struct table_column *column)
{
	return larger(column->width, columns_width(column->title));
}

/* Columns with their full titles, as many as there is room for after the first
 * seven; 0 when there is not even room for these. */
static unsigned
lay_out_wide(struct table_column *columns, unsigned width)
{
	unsigned used = 0, n, name = full_width(&columns[COLUMN_NAME]);

	for (n = COLUMN_NAME + 1; n <= COLUMN_TOTAL; n++)
		used += 1 + full_width(&columns[n]);
	if (used + smaller(name, NAME_LEAST) > width)
		return 0;
	columns[COLUMN_NAME].width = smaller(name, width - used);
	used += columns[COLUMN_NAME].width;
	for (; n < COLUMNS; n++) {
		if (used + 1 + full_width(&columns[n]) > width)
			return n;
		used += 1 + full_width(&columns[n]);
	}
	columns[COLUMN_HISTORY].width =
	    smaller(HISTORY_LEAST + width - used, HISTORY_MOST);
	return n;
}

/* With short titles; the table drops what is still too much. */
static unsigned
lay_out_narrow(struct table_column *columns)
{
	for (unsigned i = 0; i <= COLUMN_TOTAL; i++)
		columns[i].width = COUNT_WIDTH;
	columns[COLUMN_NAME].width = NAME_LEAST;
	return COLUMN_TOTAL + 1;
}

unsigned
view_lay_out(struct view *v, struct table_column *columns, unsigned width)
{
	unsigned n;

	set_columns(v, columns);
	n = lay_out_wide(columns, width);
	if (n == 0)
		n = lay_out_narrow(columns);
	v->history = columns[COLUMN_HISTORY].width;
	v->name_room = columns[COLUMN_NAME].width;
	v->total_width = columns[COLUMN_TOTAL].width;
	return n;
}

static void
add_figure(struct text *out, uint64_t n)
{
	figure_add_count(out, n, COUNT_WIDTH);
}

/* Names of a service differ at their begin or at their end: what is cut out of
 * one that is too long is its middle. */
static void
add_short_name(
    const struct view *v, const struct view_row *row, struct text *out)
{
	char buf[NAME_BYTES];
	const char *end = buf;
	unsigned after = v->name_room / 2;
	struct text name;

	text_init(&name, buf, sizeof(buf));
	add_name(v, row, &name);
	if (columns_width(buf) <= v->name_room || v->name_room < 3) {
		text_add(out, buf);
		return;
	}
	while (columns_width(end) > after) {
		size_t n = text_utf8_len(end, strlen(end));

		end += n > 0 ? n : 1;
	}
	(void)columns_fit(out, buf, v->name_room - after - 1);
	text_add(out, v->is_utf8 ? "\xe2\x80\xa6" : "~");
	text_add(out, end);
}

void
view_add_cell(
    const struct view *v, size_t row, unsigned column, struct text *out)
{
	const struct view_row *r = &v->rows[row];
	const struct backend_figures *f = &r->backend->now;

	switch ((enum column)column) {
	case COLUMN_NAME:
		add_short_name(v, r, out);
		break;
	case COLUMN_RATE:
		figure_add_rate(out, f->claims_per_s, COUNT_WIDTH);
		break;
	case COLUMN_CONNECTING:
		add_figure(out, f->connecting);
		break;
	case COLUMN_UNCLAIMED:
		add_figure(out, f->unclaimed);
		break;
	case COLUMN_CLAIMED:
		add_figure(out, f->claimed);
		break;
	case COLUMN_CHECKING:
		add_figure(out, f->checking);
		break;
	case COLUMN_TOTAL:
		if (f->lacks_total)
			text_add(out, MODEL_UNKNOWN);
		else
			figure_add_count(out, f->total, v->total_width);
		break;
	case COLUMN_STATE:
		add_escaped(out, r->backend->state);
		break;
	case COLUMN_FAILURES:
		add_figure(out, f->failures);
		break;
	case COLUMN_ADDRESS:
		add_escaped(out, r->backend->addr);
		break;
	case COLUMN_HISTORY:
		if (r->backend->rates != NULL)
			sparkline_add(
			    r->backend->rates, out, v->history, v->is_utf8);
		break;
	case COLUMNS:
		break;
	}
}

enum screen_style
view_cell_style(const struct view *v, size_t row, unsigned column)
{
	const struct model_backend *b = v->rows[row].backend;
	bool is_online = strcmp(b->state, "online") == 0;
	bool is_offline = strcmp(b->state, "offline") == 0;

	if (v->state == VIEW_LOST)
		return SCREEN_DIM;
	if (column == COLUMN_FAILURES && b->now.failures > 0)
		return SCREEN_BAD;
	if (column == COLUMN_NAME && is_offline)
		return SCREEN_BAD;
	if (column != COLUMN_STATE)
		return SCREEN_PLAIN;
	if (is_online)
		return SCREEN_GOOD;
	return is_offline ? SCREEN_BAD : SCREEN_STRONG;
}

/* ---- The table of pools ---- */

size_t
view_pools(const struct view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->model->now.count; i++)
		n += is_shown(v, &v->model->now.pools[i]);
	return n;
}

/* The row-th of those that are shown; there is one. */
static const struct model_pool *
pool_of(const struct view *v, size_t row)
{
	size_t i = 0;

	while (!is_shown(v, &v->model->now.pools[i]) || row-- > 0)
		i++;
	ASSERT(i < v->model->now.count);
	return &v->model->now.pools[i];
}

static const struct table_column pool_columns[VIEW_POOL_COLUMNS] = {
	[VIEW_POOL] = { "POOL", NULL, 4, true },
	[VIEW_POOL_RATE] = { "CLAIMS/s", "CL/s", COUNT_WIDTH, false },
	[VIEW_POOL_WAITING] = { "WAITING", "QUEUE", COUNT_WIDTH, false },
	[VIEW_POOL_WAIT_P50] = { "WAIT p50", "WAIT50", SPAN_WIDTH, false },
	[VIEW_POOL_WAIT_P99] = { "p99", "p99", SPAN_WIDTH, false },
	[VIEW_POOL_HOLD_P50] = { "HOLD p50", "HOLD50", SPAN_WIDTH, false },
	[VIEW_POOL_HOLD_P99] = { "p99", "p99", SPAN_WIDTH, false },
	[VIEW_POOL_REFUSED] = { "REFUSED", "REF", COUNT_WIDTH, false },
	[VIEW_POOL_RESOLVER] = { "RESOLVER", "DNS", 7, false },
	[VIEW_POOL_ONLINE] = { "ONLINE", "ON", 7, false },
	[VIEW_POOL_SLOTS] = { "SLOTS", "SLOTS", COUNT_WIDTH, false },
};

/* Columns that fit side by side with a gap. */
static unsigned
count_fitting(const struct table_column *columns, unsigned width)
{
	unsigned used = full_width(&columns[0]), n;

	for (n = 1; n < VIEW_POOL_COLUMNS; n++) {
		used += 1 + full_width(&columns[n]);
		if (used > width)
			break;
	}
	return n;
}

/* As wide as the widest of its cells, within bounds. */
static void
widen(const struct view *v, struct table_column *to, unsigned column)
{
	char buf[NAME_BYTES];
	struct text t;

	for (size_t i = 0, rows = view_pools(v); i < rows; i++) {
		text_init(&t, buf, sizeof(buf));
		view_add_pool_cell(v, i, column, &t);
		to->width = larger(to->width, columns_width(buf));
	}
	to->width = smaller(to->width, POOL_MOST);
}

unsigned
view_lay_out_pools(
    const struct view *v, struct table_column *columns, unsigned width)
{
	unsigned n;

	memcpy(columns, pool_columns, sizeof(pool_columns));
	widen(v, &columns[VIEW_POOL], VIEW_POOL);
	widen(v, &columns[VIEW_POOL_ONLINE], VIEW_POOL_ONLINE);
	n = count_fitting(columns, width);
	if (n > VIEW_POOL_RESOLVER)
		return n;
	for (unsigned i = 1; i < VIEW_POOL_COLUMNS; i++)
		columns[i].title = columns[i].short_title;
	return count_fitting(columns, width);
}

static uint64_t
online(const struct model_pool *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->count; i++)
		n += strcmp(p->backends[i].state, "online") == 0;
	return n;
}

static void
add_detail(const struct model_pool *p, unsigned column, struct text *out)
{
	const struct pool_figures *f = &p->now;

	switch (column) {
	case VIEW_POOL_WAITING:
		add_figure(out, f->waiting);
		break;
	case VIEW_POOL_WAIT_P50:
		figure_add_span(out, f->wait_p50_us);
		break;
	case VIEW_POOL_WAIT_P99:
		figure_add_span(out, f->wait_p99_us);
		break;
	case VIEW_POOL_HOLD_P50:
		figure_add_span(out, f->hold_p50_us);
		break;
	case VIEW_POOL_HOLD_P99:
		figure_add_span(out, f->hold_p99_us);
		break;
	case VIEW_POOL_REFUSED:
		add_figure(out, f->refused);
		break;
	case VIEW_POOL_RESOLVER:
		add_escaped(out, p->resolver);
		break;
	case VIEW_POOL_ONLINE:
		text_addf(
		    out, "%llu/%zu", (unsigned long long)online(p), p->count);
		break;
	case VIEW_POOL_SLOTS:
		add_figure(out, f->slots);
		break;
	default:
		break;
	}
}

void
view_add_pool_cell(
    const struct view *v, size_t row, unsigned column, struct text *out)
{
	const struct model_pool *p = pool_of(v, row);

	if (column == VIEW_POOL)
		add_escaped(out, p->name);
	else if (column == VIEW_POOL_RATE)
		figure_add_rate(out, p->now.claims_per_s, COUNT_WIDTH);
	else if (p->now.is_bare)
		text_add(out, MODEL_UNKNOWN);
	else
		add_detail(p, column, out);
}

enum screen_style
view_pool_cell_style(const struct view *v, size_t row, unsigned column)
{
	const struct model_pool *p = pool_of(v, row);
	bool is_down = p->count > 0 && online(p) == 0;

	if (v->state == VIEW_LOST)
		return SCREEN_DIM;
	if (p->now.is_bare)
		return SCREEN_PLAIN;
	if (column == VIEW_POOL_WAITING && p->now.waiting > 0)
		return SCREEN_STRONG;
	if (column == VIEW_POOL_REFUSED && p->newly_refused > 0)
		return SCREEN_BAD;
	if (column == VIEW_POOL_ONLINE && is_down)
		return SCREEN_BAD;
	if (column != VIEW_POOL_RESOLVER || strcmp(p->resolver, "ok") == 0 ||
	    strcmp(p->resolver, "none") == 0)
		return SCREEN_PLAIN;
	return strcmp(p->resolver, "failing") == 0 ? SCREEN_BAD : SCREEN_STRONG;
}

/* ---- Lines ---- */

static double
shown_rate(const struct view *v)
{
	double sum = 0;

	for (size_t i = 0; i < v->model->now.count; i++) {
		if (is_shown(v, &v->model->now.pools[i]))
			sum += v->model->now.pools[i].now.claims_per_s;
	}
	return sum;
}

void
view_add_title(const struct view *v, struct text *out)
{
	static const char *const words[] = {
		[VIEW_ODD] = " - NOT UNDERSTOOD: ",
		[VIEW_EMPTY] = " - NO FIGURES: ",
		[VIEW_LOST] = " - LOST, trying again: ",
	};

	text_add(out, " QTOP - ");
	add_escaped(out, v->source);
	if (v->state == VIEW_WAITS)
		text_add(out, " - waiting for figures");
	else if (v->state != VIEW_LOST)
		text_addf(out, " - %.0f claims/s", shown_rate(v));
	if (v->is_paused)
		text_add(out, " - PAUSED");
	if (v->state >= VIEW_ODD) {
		text_add(out, words[v->state]);
		text_add(out, v->note); /* escaped already */
	}
}

void
view_add_selected(const struct view *v, struct text *out)
{
	const struct view_row *row;

	if (v->state >= VIEW_ODD) {
		text_add(out, v->note);
		return;
	}
	if (v->table.selected >= v->count)
		return;
	row = &v->rows[v->table.selected];
	add_name(v, row, out);
	text_add(out, "  ");
	add_escaped(out, row->backend->addr);
	text_add(out, "  ");
	add_escaped(out, row->backend->state);
	if (row->backend->now.connect_p50_us > 0) {
		text_add(out, "  connects in ");
		figure_add_span(out, row->backend->now.connect_p50_us);
	}
	text_addf(out, "  failures %llu",
	    (unsigned long long)row->backend->now.failures);
}

void
view_add_summary(const struct view *v, struct text *out)
{
	if (v->filter[0] != '\0')
		text_addf(out, "%zu of ", v->count);
	text_addf(
	    out, "%zu backend%s", v->backends, v->backends == 1 ? "" : "s");
	if (v->pool != NULL) {
		text_add(out, " of pool ");
		add_escaped(out, v->pool);
	}
	text_addf(out, " by %s, %s", column_rows[v->sort].title,
	    v->is_falling ? "falling" : "rising");
	if (v->filter[0] != '\0' && !v->is_editing) {
		text_add(out, ", filter ");
		add_escaped(out, v->filter);
	}
}

void
view_add_prompt(const struct view *v, struct text *out)
{
	if (v->is_editing) {
		text_add(out, "filter: ");
		add_escaped(out, v->filter);
		text_add(out, "_   (Enter keeps it, Esc takes it away)");
	} else {
		text_add(out, "q quit  s sort  r reverse  / filter  p pool  "
			      "Space pause  ? help");
	}
}
