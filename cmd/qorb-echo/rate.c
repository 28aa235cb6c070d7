#include "rate.h"

#include <string.h>

static size_t
digits(const char *text)
{
	return strspn(text, "0123456789");
}

bool
rate_parse(const char *text, uint32_t *rate)
{
	size_t n_whole = digits(text);
	const char *part = text + n_whole + (text[n_whole] == '.');
	size_t n_part = part > text + n_whole ? digits(part) : 0;
	const char *end = part + n_part;
	uint32_t one = *end == '%' ? RATE_ALL / 100 : RATE_ALL;
	uint64_t whole = 0, share = 0;

	if (n_whole + n_part == 0 || (n_part == 0 && part > text + n_whole) ||
	    end[*end == '%'] != '\0')
		return false;
	for (size_t i = 0; i < n_whole; i++) {
		whole = whole * 10 + (uint64_t)(text[i] - '0');
		if (whole > RATE_ALL)
			return false;
	}
	/* From the last digit to the first: exact, whatever their number. */
	while (n_part-- > 0)
		share = (share + (uint64_t)(part[n_part] - '0') * one) / 10;
	share += whole * one;
	if (share > RATE_ALL)
		return false;
	*rate = (uint32_t)share;
	return true;
}
