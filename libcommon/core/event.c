/* Names of events; see event.h. */

#include "core/event.h"

#include <string.h>

#include "core/text.h"

_Static_assert(EVENT_COUNT <= 64, "a bit a kind");

static const struct {
	const char *name, *args;
} rows[EVENT_COUNT] = {
#define X(kind, text, arguments) [EVENT_##kind] = { text, arguments },
	EVENT_TABLE(X)
#undef X
};

const char *
event_name(enum event_kind kind)
{
	ASSERT(kind < EVENT_COUNT);
	return rows[kind].name;
}

bool
event_find(const char *name, size_t len, enum event_kind *kind)
{
	for (int i = 0; i < EVENT_COUNT; i++) {
		if (strlen(rows[i].name) == len &&
		    memcmp(rows[i].name, name, len) == 0) {
			*kind = (enum event_kind)i;
			return true;
		}
	}
	return false;
}

const char *
event_args(enum event_kind kind)
{
	ASSERT(kind < EVENT_COUNT);
	return rows[kind].args;
}

void
event_add_counts(struct text *t, const struct slot_set_counts *n)
{
	text_addf(t,
	    "{\"connecting\":%u,\"unclaimed\":%u,\"checking\":%u,"
	    "\"claimed\":%u}",
	    n->connecting, n->unclaimed, n->checking, n->claimed);
}
