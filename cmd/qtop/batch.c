#include "batch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "column.h"
#include "figure.h"

/* A name longer than this is cut in a table. */
#define NAME_MAX_BYTES 400

/* The screen's history is not for a table that stays. */
#define COLS COLUMN_HISTORY

struct cell {
	char text[NAME_MAX_BYTES];
};

static void
set_text(struct cell *cell, const char *s)
{
	struct text t;

	text_init(&t, cell->text, sizeof(cell->text));
	text_add_escaped(&t, s, strlen(s));
}

static void
set_number(struct cell *cell, uint64_t n)
{
	(void)snprintf(cell->text, sizeof(cell->text), "%" PRIu64, n);
}

static void
fill_row(struct cell *row, const struct model_backend *b)
{
	set_text(&row[COLUMN_NAME], b->name);
	(void)snprintf(row[COLUMN_RATE].text, sizeof(row->text), "%.1f",
	    b->now.claims_per_s);
	set_number(&row[COLUMN_CONNECTING], b->now.connecting);
	set_number(&row[COLUMN_UNCLAIMED], b->now.unclaimed);
	set_number(&row[COLUMN_CLAIMED], b->now.claimed);
	set_number(&row[COLUMN_CHECKING], b->now.checking);
	if (b->now.lacks_total)
		set_text(&row[COLUMN_TOTAL], "-");
	else
		set_number(&row[COLUMN_TOTAL], b->now.total);
	set_text(&row[COLUMN_STATE], b->state);
	set_number(&row[COLUMN_FAILURES], b->now.failures);
	set_text(&row[COLUMN_ADDRESS], b->addr);
}

/* Characters of UTF-8, taken as a column each. */
static int
width(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
		n += (*s & 0xC0) != 0x80;
	return n;
}

/* As wide as the widest of a column in this pool, its title too. */
static void
find_widths(const struct model_pool *p, int *widths)
{
	struct cell row[COLS];

	for (int c = 0; c < COLS; c++)
		widths[c] = width(column_rows[c].title);
	for (size_t i = 0; i < p->count; i++) {
		fill_row(row, &p->backends[i]);
		for (int c = 0; c < COLS; c++) {
			if (width(row[c].text) > widths[c])
				widths[c] = width(row[c].text);
		}
	}
}

static void
print_cell(FILE *out, int c, const char *s, const int *widths)
{
	int padding = widths[c] - width(s);

	if (c > 0)
		fputc(' ', out);
	if (c == COLUMN_ADDRESS)
		fputs(s, out); /* the last one: nothing to align */
	else if (column_rows[c].is_text)
		fprintf(out, "%s%*s", s, padding, "");
	else
		fprintf(out, "%*s%s", padding, "", s);
}

static void
print_backends(FILE *out, const struct model_pool *p)
{
	int widths[COLS];
	struct cell row[COLS];

	find_widths(p, widths);
	for (int c = 0; c < COLS; c++)
		print_cell(out, c, column_rows[c].title, widths);
	fputc('\n', out);
	for (size_t i = 0; i < p->count; i++) {
		fill_row(row, &p->backends[i]);
		for (int c = 0; c < COLS; c++)
			print_cell(out, c, row[c].text, widths);
		fputc('\n', out);
	}
}

/* What the source says of a pool beyond its claims. */
static void
print_details(FILE *out, const struct model_pool *p)
{
	const uint64_t spans[] = { p->now.wait_p50_us, p->now.wait_p99_us,
		p->now.hold_p50_us, p->now.hold_p99_us };
	char texts[4][32];
	struct cell resolver;

	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		struct text t;

		text_init(&t, texts[i], sizeof(texts[i]));
		figure_add_span(&t, spans[i]);
	}
	set_text(&resolver, p->resolver);
	fprintf(out,
	    ", slots %" PRIu64 ", waiting %" PRIu64 ", refused %" PRIu64
	    ", resolver %s\n",
	    p->now.slots, p->now.waiting, p->now.refused, resolver.text);
	fprintf(out, "wait p50 %s p99 %s, hold p50 %s p99 %s\n", texts[0],
	    texts[1], texts[2], texts[3]);
}

static void
print_pool(FILE *out, const struct model_pool *p)
{
	struct cell name;

	set_text(&name, p->name);
	fprintf(
	    out, "\npool %s: %.1f claims/s", name.text, p->now.claims_per_s);
	if (p->now.is_bare)
		fputc('\n', out);
	else
		print_details(out, p);
	if (p->count > 0)
		print_backends(out, p);
	else
		fputs("no backends\n", out);
}

void
batch_table(FILE *out, const struct model *model, const char *source)
{
	struct cell name;

	set_text(&name, source);
	fprintf(out, "%sQTOP - %s - %.0f claims/s\n",
	    model->rounds > 1 ? "\n" : "", name.text, model->claims_per_s);
	for (size_t i = 0; i < model->now.count; i++)
		print_pool(out, &model->now.pools[i]);
	if (model->now.count == 0)
		fputs("\nno pools\n", out);
}

static void
json_string(FILE *out, const char *s)
{
	size_t left = strlen(s);

	fputc('"', out);
	while (left > 0) {
		size_t n = text_utf8_len(s, left);

		if (n == 0) {
			fputs("\\ufffd", out);
			n = 1;
		} else if (n > 1) {
			fwrite(s, 1, n, out);
		} else if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s);
		} else if ((unsigned char)*s < ' ') {
			fprintf(out, "\\u%04x", (unsigned)*s);
		} else {
			fputc(*s, out);
		}
		s += n;
		left -= n;
	}
	fputc('"', out);
}

static void
json_text(FILE *out, const char *before, const char *value)
{
	fputs(before, out);
	json_string(out, value);
}

static void
json_number(FILE *out, const char *before, uint64_t n)
{
	fprintf(out, "%s%" PRIu64, before, n);
}

/* Figures that the source does not say are null. */
static void
json_known(FILE *out, const char *before, bool is_known, uint64_t n)
{
	if (is_known)
		json_number(out, before, n);
	else
		fprintf(out, "%snull", before);
}

static void
json_backend(FILE *out, const struct model_backend *b)
{
	json_text(out, "{\"backend\":", b->name);
	json_text(out, ",\"addr\":", b->addr);
	json_text(out, ",\"state\":", b->state);
	fprintf(out, ",\"claims_per_s\":%.1f", b->now.claims_per_s);
	json_number(out, ",\"connecting\":", b->now.connecting);
	json_number(out, ",\"unclaimed\":", b->now.unclaimed);
	json_number(out, ",\"claimed\":", b->now.claimed);
	json_number(out, ",\"checking\":", b->now.checking);
	json_known(out, ",\"total\":", !b->now.lacks_total, b->now.total);
	json_number(out, ",\"failures\":", b->now.failures);
	json_number(out, ",\"connect_p50_us\":", b->now.connect_p50_us);
	fputc('}', out);
}

/* null where the source does not say it. */
static void
json_pool_figures(FILE *out, const struct model_pool *p)
{
	const struct {
		const char *key;
		uint64_t n;
		bool is_known;
	} figures[] = {
		{ "claims", p->now.claims, !p->now.lacks_claims },
		{ "waiting", p->now.waiting, !p->now.is_bare },
		{ "refused", p->now.refused, !p->now.is_bare },
		{ "slots", p->now.slots, !p->now.is_bare },
		{ "wait_p50_us", p->now.wait_p50_us, !p->now.is_bare },
		{ "wait_p99_us", p->now.wait_p99_us, !p->now.is_bare },
		{ "hold_p50_us", p->now.hold_p50_us, !p->now.is_bare },
		{ "hold_p99_us", p->now.hold_p99_us, !p->now.is_bare },
	};

	for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
		fprintf(out, ",\"%s\":", figures[i].key);
		json_known(out, "", figures[i].is_known, figures[i].n);
	}
}

static void
json_pool(FILE *out, const struct model_pool *p)
{
	json_text(out, "{\"pool\":", p->name);
	json_text(out, ",\"resolver\":", p->resolver);
	fprintf(out, ",\"claims_per_s\":%.1f", p->now.claims_per_s);
	json_pool_figures(out, p);
	fputs(",\"backends\":[", out);
	for (size_t i = 0; i < p->count; i++) {
		if (i > 0)
			fputc(',', out);
		json_backend(out, &p->backends[i]);
	}
	fputs("]}", out);
}

void
batch_json(FILE *out, const struct model *model, const char *source)
{
	uint64_t whole = model->time.t_us / US_PER_S;
	uint64_t part = model->time.t_us % US_PER_S;

	fprintf(out, "{\"t\":%" PRIu64 ".%06" PRIu64, whole, part);
	json_text(out, ",\"source\":", source);
	fprintf(out, ",\"claims_per_s\":%.1f,\"pools\":[", model->claims_per_s);
	for (size_t i = 0; i < model->now.count; i++) {
		if (i > 0)
			fputc(',', out);
		json_pool(out, &model->now.pools[i]);
	}
	fputs("]}\n", out);
}
