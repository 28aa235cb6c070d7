#include "tui/columns.h"

#include <limits.h>
#include <string.h>
#include <wchar.h>

struct glyph {
	const char *bytes;
	size_t len;
	unsigned width; /* columns */
};

/* The first character of a text that is not empty. */
static struct glyph
columns_next(const char *text)
{
	mbstate_t state;
	wchar_t c;
	size_t len;
	int width;

	memset(&state, 0, sizeof(state));
	len = mbrtowc(&c, text, strlen(text), &state);
	if (len == 0 || len > MB_LEN_MAX)
		return (struct glyph){ "?", 1, 1 };
	width = wcwidth(c);
	if (width < 0)
		return (struct glyph){ "?", len, 1 };
	return (struct glyph){ text, len, (unsigned)width };
}

unsigned
columns_width(const char *text)
{
	unsigned width = 0;

	while (*text != '\0') {
		struct glyph g = columns_next(text);

		width += g.width;
		text += g.len;
	}
	return width;
}

unsigned
columns_fit(struct text *out, const char *text, unsigned columns)
{
	unsigned used = 0;

	while (*text != '\0') {
		struct glyph g = columns_next(text);

		if (g.width > columns - used)
			break;
		if (g.bytes == text)
			text_add_bytes(out, text, g.len);
		else
			text_add_char(out, '?');
		if (out->is_cut)
			break;
		used += g.width;
		text += g.len;
	}
	return used;
}
