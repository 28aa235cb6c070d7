#include "io/driver.h"

#include <event2/event.h>
#include <stdlib.h>

struct driver {
	struct event_base *base;
	const struct driver_ops *ops;
	void *ctx;
	struct event *ready; /* owned; NULL: there is no descriptor */
	struct event *timer; /* owned */
	int fd;		     /* borrowed; that of ready */
	short what;	     /* that ready waits for */
};

static void
on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct driver *d = ctx;

	(void)fd;
	d->ops->on_ready(d->ctx, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
	driver_update(d);
}

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct driver *d = ctx;

	(void)fd;
	(void)what;
	d->ops->on_time(d->ctx);
	driver_update(d);
}

struct driver *
driver_new(struct event_base *base, const struct driver_ops *ops, void *ctx)
{
	struct driver *d = mem_new(1, sizeof(*d));

	d->base = base;
	d->ops = ops;
	d->ctx = ctx;
	d->fd = -1;
	d->timer = evtimer_new(base, on_timer, d);
	if (d->timer == NULL) {
		free(d);
		return NULL;
	}
	driver_update(d);
	return d;
}

static void
drop_ready(struct driver *d)
{
	if (d->ready != NULL)
		event_free(d->ready);
	d->ready = NULL;
	d->fd = -1;
}

void
driver_free(struct driver **driver)
{
	struct driver *d = *driver;

	if (d == NULL)
		return;
	*driver = NULL;
	drop_ready(d);
	event_free(d->timer);
	free(d);
}

/* The old event is freed though its descriptor may be closed: libevent needs
 * no more of it than its number, and a new one of that number is added after.
 */
static void
watch(struct driver *d)
{
	short what = EV_READ | EV_PERSIST;
	int fd = d->ops->fd(d->ctx);

	if (d->ops->wants_write(d->ctx))
		what |= EV_WRITE;
	if (fd == d->fd && what == d->what)
		return;
	drop_ready(d);
	if (fd < 0)
		return;
	d->ready = event_new(d->base, fd, what, on_ready, d);
	ASSERT(d->ready != NULL);
	(void)event_add(d->ready, NULL);
	d->fd = fd;
	d->what = what;
}

void
driver_update(struct driver *d)
{
	int wait_ms = d->ops->wait_ms(d->ctx);
	struct timeval tv = {
		.tv_sec = wait_ms / 1000,
		.tv_usec = wait_ms % 1000 * 1000,
	};

	watch(d);
	if (wait_ms < 0)
		(void)evtimer_del(d->timer);
	else
		(void)evtimer_add(d->timer, &tv);
}
