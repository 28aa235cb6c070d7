/* The lines around the tables, and the help; see view.h. */

#include "view.h"

#include "figure.h"
#include "view_priv.h"

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

static double
shown_rate(const struct view *v)
{
	double sum = 0;

	for (size_t i = 0; i < v->model->now.count; i++) {
		if (view_is_shown(v, &v->model->now.pools[i]))
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
	view_add_escaped(out, v->source);
	if (v->state == VIEW_WAITS)
		text_add(out, " - waiting for figures");
	else if (!view_is_stale(v))
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
	view_add_name(v, row, out);
	text_add(out, "  ");
	view_add_escaped(out, row->backend->addr);
	text_add(out, "  ");
	view_add_escaped(out, row->backend->state);
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
		view_add_escaped(out, v->pool);
	}
	text_addf(out, " by %s, %s", column_rows[v->sort].title,
	    v->is_falling ? "falling" : "rising");
	if (v->filter[0] != '\0' && !v->is_editing) {
		text_add(out, ", filter ");
		view_add_escaped(out, v->filter);
	}
}

void
view_add_prompt(const struct view *v, struct text *out)
{
	if (v->is_editing) {
		text_add(out, "filter: ");
		view_add_escaped(out, v->filter);
		text_add(out, "_   (Enter keeps it, Esc takes it away)");
	} else {
		text_add(out, "q quit  s sort  r reverse  / filter  p pool  "
			      "Space pause  ? help");
	}
}
