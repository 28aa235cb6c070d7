#include "glue/feed.h"

#include <stdlib.h>

#include "core/addr.h"
#include "io/driver.h"

struct feed {
	struct qorb_feed *feed; /* owned */
	struct driver *driver;	/* owned */
};

static int
get_fd(void *ctx)
{
	return qorb_feed_fd(ctx);
}

static bool
wants_write(void *ctx)
{
	return qorb_feed_wants_write(ctx);
}

static int
wait_ms(void *ctx)
{
	return qorb_feed_wait_ms(ctx);
}

static void
on_ready(void *ctx, bool can_read, bool can_write)
{
	qorb_feed_on_ready(ctx, can_read, can_write);
}

static void
on_time(void *ctx)
{
	qorb_feed_on_time(ctx);
}

static const struct driver_ops ops = {
	.fd = get_fd,
	.wants_write = wants_write,
	.wait_ms = wait_ms,
	.on_ready = on_ready,
	.on_time = on_time,
};

struct feed *
feed_new(struct event_base *base, const struct qorb_feed_params *params)
{
	struct feed *f = mem_new(1, sizeof(*f));

	f->feed = qorb_feed_new(params);
	if (f->feed != NULL)
		f->driver = driver_new(base, &ops, f->feed);
	if (f->driver == NULL)
		feed_free(&f);
	return f;
}

void
feed_free(struct feed **f)
{
	if (*f == NULL)
		return;
	driver_free(&(*f)->driver);
	qorb_feed_free(&(*f)->feed);
	free(*f);
	*f = NULL;
}

void
feed_set(struct feed *f, const struct backend_spec *specs, size_t count)
{
	struct qorb_feed_backend *backends = mem_new(count, sizeof(*backends));
	char(*addrs)[ADDR_TEXT_BYTES] = mem_new(count, sizeof(*addrs));

	for (size_t i = 0; i < count; i++) {
		backends[i].name = specs[i].name;
		backends[i].addr = addr_text(&specs[i].addr, addrs[i]);
		backends[i].priority = specs[i].priority;
		backends[i].weight = specs[i].weight;
	}
	ASSERT(qorb_feed_set(f->feed, backends, count));
	driver_update(f->driver);
	free(addrs);
	free(backends);
}
