#include "tui/sparkline.h"

#include "core/base.h"

#define LEVELS 8

static const char *const blocks[LEVELS + 1] = {
	" ",
	"\xe2\x96\x81",
	"\xe2\x96\x82",
	"\xe2\x96\x83",
	"\xe2\x96\x84",
	"\xe2\x96\x85",
	"\xe2\x96\x86",
	"\xe2\x96\x87",
	"\xe2\x96\x88",
};

static const char *const plain[LEVELS + 1] = { " ", ".", ":", "-", "=", "+",
	"*", "#", "@" };

void
sparkline_push(struct sparkline *s, uint64_t value)
{
	s->values[s->next] = value;
	s->next = (s->next + 1) % SPARKLINE_VALUES;
	if (s->count < SPARKLINE_VALUES)
		s->count++;
}

uint64_t
sparkline_value(const struct sparkline *s, unsigned i)
{
	ASSERT(i < s->count);
	return s
	    ->values[(s->next + SPARKLINE_VALUES - 1 - i) % SPARKLINE_VALUES];
}

/* In floating point, since value * LEVELS may be more than 64 bits. */
static unsigned
sparkline_level(uint64_t value, uint64_t most)
{
	unsigned level;

	if (value == 0)
		return 0;
	level = (unsigned)((double)value / (double)most * LEVELS + 0.5);
	return level > 0 ? level : 1;
}

void
sparkline_add(
    const struct sparkline *s, struct text *out, unsigned columns, bool is_utf8)
{
	unsigned n = s->count < columns ? s->count : columns;
	uint64_t most = 0;

	for (unsigned i = 0; i < n; i++) {
		if (sparkline_value(s, i) > most)
			most = sparkline_value(s, i);
	}
	while (n-- > 0) {
		unsigned level = sparkline_level(sparkline_value(s, n), most);

		text_add(out, is_utf8 ? blocks[level] : plain[level]);
	}
}
