/* The two tables: their columns, and what stands in the cells; see view.h. */

#include "view.h"

#include <string.h>

#include "tui/columns.h"
#include "figure.h"
#include "view_priv.h"

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
	char buf[VIEW_NAME_BYTES];
	const char *end = buf;
	unsigned after = v->name_room / 2;
	struct text name;

	text_init(&name, buf, sizeof(buf));
	view_add_name(v, row, &name);
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
		view_add_escaped(out, r->backend->state);
		break;
	case COLUMN_FAILURES:
		add_figure(out, f->failures);
		break;
	case COLUMN_ADDRESS:
		view_add_escaped(out, r->backend->addr);
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

	if (view_is_stale(v))
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
		n += view_is_shown(v, &v->model->now.pools[i]);
	return n;
}

/* The row-th of those that are shown; there is one. */
static const struct model_pool *
pool_of(const struct view *v, size_t row)
{
	size_t i = 0;

	while (!view_is_shown(v, &v->model->now.pools[i]) || row-- > 0)
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
	char buf[VIEW_NAME_BYTES];
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
		view_add_escaped(out, p->resolver);
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
		view_add_escaped(out, p->name);
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

	if (view_is_stale(v))
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
