#include "figure.h"

#include <stdio.h>

/* The largest double below 2^64, and then some. */
#define MOST_RATE 1.8e19

void
figure_add_count(struct text *out, uint64_t n, unsigned width)
{
	static const char units[] = "kMGTPE";
	char buf[32];
	int len = snprintf(buf, sizeof(buf), "%llu", (unsigned long long)n);
	unsigned tenth = 0;

	for (unsigned i = 0; (unsigned)len > width && i < sizeof(units) - 1;
	     i++) {
		tenth = (unsigned)(n % 1000 / 100);
		n /= 1000;
		len = snprintf(buf, sizeof(buf), "%llu.%u%c",
		    (unsigned long long)n, tenth, units[i]);
	}
	text_add(out, buf);
}

void
figure_add_rate(struct text *out, double per_s, unsigned width)
{
	char buf[32];
	int len = snprintf(
	    buf, sizeof(buf), "%.1f", per_s < MOST_RATE ? per_s : MOST_RATE);

	if ((unsigned)len <= width)
		text_add(out, buf);
	else
		figure_add_count(out,
		    (uint64_t)(per_s < MOST_RATE ? per_s : MOST_RATE), width);
}

void
figure_add_span(struct text *out, uint64_t us)
{
	if (us < US_PER_MS)
		text_addf(out, "%lluus", (unsigned long long)us);
	else if (us < US_PER_S)
		text_addf(out, "%.1fms", (double)us / (double)US_PER_MS);
	else
		text_addf(out, "%.1fs", (double)us / (double)US_PER_S);
}
