/* Names of events; see event.h. */

#include "core/event.h"

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
