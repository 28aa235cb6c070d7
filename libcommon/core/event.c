/* Names of events; see event.h. */

#include "core/event.h"

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
