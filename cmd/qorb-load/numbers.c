#include "numbers.h"

#include "core/base.h"

void
numbers_add_count(struct text *t, uint64_t n)
{
	uint64_t group = 1;

	while (n / group >= 1000)
		group *= 1000;
	text_add_u64(t, n / group);
	for (group /= 1000; group > 0; group /= 1000)
		text_addf(t, ",%03u", (unsigned)(n / group % 1000));
}

void
numbers_add_span(struct text *t, uint64_t span_us)
{
	uint64_t unit_us = span_us < 999500 ? US_PER_MS : US_PER_S;
	uint64_t hundredths = (span_us * 100 + unit_us / 2) / unit_us;
	uint64_t tenths = (span_us * 10 + unit_us / 2) / unit_us;

	if (span_us < US_PER_MS) {
		text_addf(t, "%uus", (unsigned)span_us);
		return;
	}
	if (hundredths < 1000)
		text_addf(t, "%u.%02u", (unsigned)(hundredths / 100),
		    (unsigned)(hundredths % 100));
	else if (tenths < 1000)
		text_addf(t, "%u.%u", (unsigned)(tenths / 10),
		    (unsigned)(tenths % 10));
	else
		text_add_u64(t, (span_us + unit_us / 2) / unit_us);
	text_add(t, unit_us == US_PER_MS ? "ms" : "s");
}

const char *
numbers_count(char *buf, uint64_t n)
{
	struct text t;

	text_init(&t, buf, NUMBERS_BYTES);
	numbers_add_count(&t, n);
	return buf;
}

const char *
numbers_span(char *buf, uint64_t span_us)
{
	struct text t;

	text_init(&t, buf, NUMBERS_BYTES);
	numbers_add_span(&t, span_us);
	return buf;
}
