#include "replay.h"

#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/number.h"

#define HEAD "# qorb-load arrivals 1\n"
/* Two numbers and what is between and after them. */
#define LINE_BYTES 64
#define FIRST_CAP  1024

void
replay_write_head(FILE *out)
{
	fputs(HEAD, out);
}

void
replay_write(FILE *out, uint64_t at_us, uint64_t key)
{
	if (key == REPLAY_NO_KEY)
		fprintf(out, "%llu -\n", (unsigned long long)at_us);
	else
		fprintf(out, "%llu %llu\n", (unsigned long long)at_us,
		    (unsigned long long)key);
}

/* Why a line is none, or NULL. It is cut up on the way. */
static const char *
replay_parse(struct replay_arrival *a, char *line, uint64_t last_us)
{
	char *end = strchr(line, '\n');
	char *key = strchr(line, ' ');

	if (end == NULL)
		return "too long, or cut short";
	*end = '\0';
	if (key == NULL)
		return "needs a time in microseconds and a key or -";
	*key++ = '\0';
	if (!number_parse(line, 0, INT64_MAX, &a->at_us))
		return "does not begin with a time in microseconds";
	a->key = REPLAY_NO_KEY;
	if (strcmp(key, "-") != 0 &&
	    !number_parse(key, 0, UINT64_MAX - 1, &a->key))
		return "its key is neither a number nor -";
	if (a->at_us < last_us)
		return "is before the line above it";
	return NULL;
}

static const char *
replay_add(struct replay *r, size_t *cap, char *line)
{
	uint64_t last_us = r->count > 0 ? r->arrivals[r->count - 1].at_us : 0;
	const char *why;

	if (r->count == REPLAY_ARRIVALS_MAX)
		return "is one more than can be replayed";
	if (r->count == *cap) {
		size_t more = *cap > 0 ? 2 * *cap : FIRST_CAP;

		r->arrivals =
		    mem_grow(r->arrivals, *cap, more, sizeof(*r->arrivals));
		*cap = more;
	}
	why = replay_parse(&r->arrivals[r->count], line, last_us);
	r->count += why == NULL;
	return why;
}

bool
replay_read(struct replay *r, FILE *in, struct text *why)
{
	char line[LINE_BYTES];
	const char *wrong = NULL;
	size_t cap = 0;

	memset(r, 0, sizeof(*r));
	if (fgets(line, sizeof(line), in) == NULL || strcmp(line, HEAD) != 0) {
		text_add(why, "no file of arrivals (see --record)");
		return false;
	}
	while (wrong == NULL && fgets(line, sizeof(line), in) != NULL)
		wrong = replay_add(r, &cap, line);
	if (wrong != NULL)
		text_addf(why, "line %zu %s", r->count + 2, wrong);
	else if (ferror(in))
		text_add(why, "cannot be read");
	else if (r->count == 0)
		text_add(why, "has no arrivals");
	else
		return true;
	replay_fini(r);
	return false;
}

void
replay_fini(struct replay *r)
{
	free(r->arrivals);
	memset(r, 0, sizeof(*r));
}
