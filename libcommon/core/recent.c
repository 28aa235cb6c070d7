/* A histogram that can tell of the last seconds; see recent.h. */

#include "core/recent.h"

/* A value comes in another period than the last one did: the one before may be
 * just over, or long past. */
static void
begin_period(struct recent *r, uint64_t now_us)
{
	uint64_t now = now_us - now_us % RECENT_US;

	r->earlier = now - r->begun_us == RECENT_US ? r->begin : r->all;
	r->begin = r->all;
	r->begun_us = now;
}

void
recent_record(struct recent *r, uint64_t span_us, uint64_t now_us)
{
	if (now_us - r->begun_us >= RECENT_US)
		begin_period(r, now_us);
	histogram_record(&r->all, span_us);
}

void
recent_last(const struct recent *r, uint64_t now_us, struct histogram *last)
{
	uint64_t age = now_us - r->begun_us;

	if (age < RECENT_US)
		histogram_since(last, &r->all, &r->earlier);
	else if (age < 2 * RECENT_US)
		histogram_since(last, &r->all, &r->begin);
	else
		histogram_clear(last);
}
