/* What of all events goes to one browser; see feed.h. */

#include "feed.h"

#include <string.h>

#include "message.h"

const char feed_kinds[] =
    "kinds=slot-set-online,slot-set-offline,backend-added,backend-removed,"
    "connect-failed,connection-lost,health-check-failed,recycle-failed,"
    "claim-failed,claim-leak,lease-ended,resolve-failed,rebalance-done";

void
feed_init(struct feed *f)
{
	memset(f, 0, sizeof(*f));
}

void
feed_fini(struct feed *f)
{
	for (unsigned i = 0; i < f->count; i++)
		blob_drop(&f->waiting[(f->first + i) % FEED_ROOM]);
	feed_init(f);
}

void
feed_lose(struct feed *f, uint64_t count)
{
	f->lost += count;
}

/* What was lost goes in behind what it came after, as one more event. */
static void
tell_lost(struct feed *f)
{
	char *text;

	if (f->lost == 0 || f->count == FEED_ROOM)
		return;
	text = message_lost(f->lost);
	f->waiting[(f->first + f->count++) % FEED_ROOM] =
	    blob_new(text, strlen(text), NULL);
	f->lost = 0;
}

void
feed_add(struct feed *f, struct blob *event, uint64_t now_us)
{
	if (now_us - f->second_us >= US_PER_S) {
		f->second_us = now_us;
		f->taken = 0;
	}
	/* One place is for the word of what was lost. */
	if (f->taken == FEED_PER_S || f->count >= FEED_ROOM - 1) {
		f->lost++;
		return;
	}
	tell_lost(f);
	f->taken++;
	f->waiting[(f->first + f->count++) % FEED_ROOM] = blob_hold(event);
}

struct blob *
feed_next(struct feed *f)
{
	struct blob *b;

	if (f->count == 0)
		return NULL;
	b = f->waiting[f->first];
	f->first = (f->first + 1) % FEED_ROOM;
	f->count--;
	return b;
}

bool
feed_has(const struct feed *f)
{
	return f->count > 0;
}

void
feed_on_time(struct feed *f, uint64_t now_us)
{
	if (now_us - f->second_us >= US_PER_S)
		tell_lost(f);
}
