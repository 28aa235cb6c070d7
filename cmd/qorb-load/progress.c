#include "progress.h"

#include <string.h>
#include <sys/ioctl.h>

#include "core/base.h"
#include "numbers.h"

#define LINE_BYTES 512
/* Columns of a terminal that does not say how many it has. */
#define COLS_DEFAULT 80

void
progress_init(struct progress *p, FILE *out, bool is_terminal)
{
	memset(p, 0, sizeof(*p));
	p->out = out;
	p->is_terminal = is_terminal;
}

void
progress_follow(struct progress *p, struct figures *figures, const char *label)
{
	p->figures = figures;
	p->label = label;
	p->granted = 0;
	p->shown_us = 0;
}

static void
progress_add_errors(struct text *t, const struct figures *f)
{
	const char *before = " (";
	uint64_t failed = figures_failures(f);

	text_add(t, "  errors ");
	numbers_add_count(t, failed);
	for (unsigned i = 0; i < FAILURE_COUNT; i++) {
		if (f->failures[i] == 0)
			continue;
		text_addf(t, "%s%s ", before, failure_code(i));
		numbers_add_count(t, f->failures[i]);
		before = ", ";
	}
	if (failed > 0)
		text_add(t, ")");
}

void
progress_add_line(struct text *t, const struct progress *p, uint64_t now_us)
{
	const struct figures *f = p->figures;
	uint64_t from_us = p->shown_us > 0 ? p->shown_us : f->begun_us;
	uint64_t span_us = now_us > from_us ? now_us - from_us : 1;
	uint64_t rate =
	    ((f->granted - p->granted) * US_PER_S + span_us / 2) / span_us;
	uint64_t begun_us = p->begun_us > 0 ? p->begun_us : f->begun_us;
	char buf[NUMBERS_BYTES];

	if (p->label[0] != '\0')
		text_addf(t, "%-6s", p->label);
	text_addf(t, "%4llus",
	    (unsigned long long)((now_us - begun_us + US_PER_S / 2) /
				 US_PER_S));
	text_addf(t, " %10s claims/s", numbers_count(buf, rate));
	text_addf(t, "  p50 %6s",
	    numbers_span(buf, histogram_quantile(&f->lately, 5000)));
	text_addf(t, "  p99 %6s",
	    numbers_span(buf, histogram_quantile(&f->lately, 9900)));
	progress_add_errors(t, f);
}

static size_t
progress_cols(const struct progress *p)
{
	struct winsize size;

	if (ioctl(fileno(p->out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return COLS_DEFAULT;
	return size.ws_col;
}

/* Blanks over what is left of the line before: no terminal is too simple for
 * it. The last column stays free, since some wrap there. */
static void
progress_rewrite(struct progress *p, const char *line)
{
	size_t cols = progress_cols(p) - 1;
	size_t n = strlen(line) < cols ? strlen(line) : cols;
	size_t blank = p->shown > n ? p->shown - n : 0;

	if (n + blank > cols)
		blank = cols - n;
	fprintf(p->out, "\r%.*s%*s", (int)n, line, (int)blank, "");
	p->shown = n;
}

void
progress_show(struct progress *p, uint64_t now_us)
{
	char buf[LINE_BYTES];
	struct text line;

	text_init(&line, buf, sizeof(buf));
	progress_add_line(&line, p, now_us);
	if (p->is_terminal)
		progress_rewrite(p, buf);
	else
		fprintf(p->out, "%s\n", buf);
	fflush(p->out);
	if (p->begun_us == 0)
		p->begun_us = p->figures->begun_us;
	p->granted = p->figures->granted;
	p->shown_us = now_us;
	histogram_clear(&p->figures->lately);
}

void
progress_end(struct progress *p)
{
	if (p == NULL || !p->is_terminal || p->shown == 0)
		return;
	progress_rewrite(p, "");
	fputc('\r', p->out);
	fflush(p->out);
}
