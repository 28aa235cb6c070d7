#include "core/duration.h"

#include <string.h>

#define SPAN_MAX_US (100ULL * 365 * 24 * 3600 * US_PER_S)

static const struct unit {
	const char *name;
	uint64_t us;
} units[] = {
	{ "", US_PER_S },
	{ "us", 1 },
	{ "ms", US_PER_MS },
	{ "s", US_PER_S },
	{ "m", 60 * US_PER_S },
	{ "h", 3600 * US_PER_S },
};

static uint64_t
unit_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcmp(units[i].name, name) == 0)
			return units[i].us;
	}
	return 0;
}

static size_t
digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* The n digits at text as a fraction of a unit, rounded down. Working from
 * the last digit to the first keeps it exact without wide numbers: dropping
 * the rest at each step is the same as dropping it once at the end. */
static uint64_t
fraction(const char *text, size_t n, uint64_t unit_us)
{
	uint64_t part = 0;

	while (n-- > 0)
		part = (part + (uint64_t)(text[n] - '0') * unit_us) / 10;
	return part;
}

bool
duration_parse(const char *text, uint64_t *span_us)
{
	size_t n_whole = digits(text);
	size_t n_part = 0;
	const char *part = text + n_whole;
	const char *name = part;
	uint64_t unit_us, span = 0;

	if (strcmp(text, "never") == 0) {
		*span_us = NEVER;
		return true;
	}
	if (*part == '.') {
		part++;
		n_part = digits(part);
		name = part + n_part;
		if (n_part == 0)
			return false;
	}
	unit_us = unit_find(name);
	if (n_whole + n_part == 0 || unit_us == 0)
		return false;
	for (size_t i = 0; i < n_whole; i++) {
		span = span * 10 + (uint64_t)(text[i] - '0');
		if (span > SPAN_MAX_US / unit_us)
			return false;
	}
	span = span * unit_us + fraction(part, n_part, unit_us);
	if (span > SPAN_MAX_US)
		return false;
	*span_us = span;
	return true;
}
