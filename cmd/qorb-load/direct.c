#include "direct.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "core/base.h"
#include "io/fd.h"
#include "failure.h"

enum dial_state {
	DIAL_NONE,
	DIAL_QUEUED,
	DIAL_CONNECTING,
};

/* A task's connection until it is made. */
struct dial {
	struct direct *direct;
	struct event event;
	enum dial_state state;
	int fd;	      /* owned; -1 for none */
	bool is_made; /* connected at once */
	int error;    /* errno of what went wrong at once */
	unsigned target;
};

struct direct {
	const struct workload *work;
	const struct links_ops *ops;
	void *ctx;
	struct dial *dials;   /* owned; one for each task */
	struct dial **queued; /* owned; as many; some may be cancelled */
	unsigned queued_count;
	char (*names)[ADDR_TEXT_BYTES]; /* owned; of the addresses */
	uint64_t made;			/* connections so far */
};

/* ---- Outcomes ---- */

static unsigned
dial_task(const struct dial *dial)
{
	return (unsigned)(dial - dial->direct->dials);
}

static void
dial_clear(struct dial *dial)
{
	if (dial->state == DIAL_CONNECTING)
		event_del(&dial->event);
	dial->state = DIAL_NONE;
	fd_close(&dial->fd);
}

static void
dial_fail(struct dial *dial, unsigned failure)
{
	struct direct *d = dial->direct;

	dial_clear(dial);
	d->ops->on_refused(d->ctx, dial_task(dial), failure_code(failure), "");
}

/* A connect to a loopback port where nobody listens can meet itself when the
 * port is one of those given to clients. */
static bool
dial_is_to_itself(const struct dial *dial)
{
	const struct addr *to = &dial->direct->work->direct[dial->target];
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr own;

	if (getsockname(dial->fd, (struct sockaddr *)&sa, &len) != 0)
		return true;
	addr_from_sockaddr(&sa, &own);
	return own.kind != ADDR_UNIX && addr_equal(&own, to);
}

static int
dial_error(const struct dial *dial)
{
	int error = dial->error;
	socklen_t len = sizeof(error);

	if (error == 0 && !dial->is_made &&
	    getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	return error;
}

static void
dial_on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;
	struct direct *d = dial->direct;
	struct lent lent = { .backend = d->names[dial->target] };
	int error = dial_error(dial);

	(void)fd;
	if (error == EADDRNOTAVAIL) {
		dial_fail(dial, FAILURE_NO_LOCAL_PORT);
	} else if (what == EV_TIMEOUT) {
		dial_fail(dial, FAILURE_CONNECT_TIMEOUT);
	} else if (error != 0 || dial_is_to_itself(dial)) {
		dial_fail(dial, FAILURE_CONNECT_FAILED);
	} else {
		lent.fd = dial->fd;
		lent.claim = ++d->made;
		dial->fd = -1;
		dial_clear(dial);
		d->ops->on_granted(d->ctx, dial_task(dial), &lent, clock_us());
	}
}

/* ---- Connecting ---- */

/* On loopback a connection is often there by the second call, which saves the
 * event loop a round; so a blocking client would have had it too. */
static bool
dial_connect(struct dial *dial)
{
	const struct addr *to = &dial->direct->work->direct[dial->target];
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, &sa);

	dial->error = 0;
	dial->is_made = false;
	dial->fd =
	    socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dial->fd >= 0 &&
	    (connect(dial->fd, (struct sockaddr *)&sa, len) == 0 ||
		(errno == EINPROGRESS &&
		    (connect(dial->fd, (struct sockaddr *)&sa, len) == 0 ||
			errno == EISCONN)))) {
		dial->is_made = true;
		return true;
	}
	if (dial->fd >= 0 && (errno == EALREADY || errno == EINPROGRESS))
		return false;
	dial->error = errno;
	return true;
}

static void
dial_start(struct dial *dial, struct event_base *base)
{
	const struct workload *w = dial->direct->work;
	uint64_t limit_us = w->has_wait ? w->wait_us : w->timeout_us;
	const struct timeval limit = {
		.tv_sec = (time_t)(limit_us / US_PER_S),
		.tv_usec = (suseconds_t)(limit_us % US_PER_S),
	};
	bool is_over = dial_connect(dial);

	event_assign(
	    &dial->event, base, dial->fd, EV_WRITE, dial_on_ready, dial);
	dial->state = DIAL_CONNECTING;
	/* In a turn of its own: whoever flushes is not to be called back. */
	if (is_over)
		event_active(&dial->event, EV_WRITE, 0);
	else if (event_add(&dial->event, limit_us != NEVER ? &limit : NULL) !=
		 0)
		event_active(&dial->event, EV_TIMEOUT, 0);
}

void
direct_claim(struct direct *d, unsigned task)
{
	struct dial *dial = &d->dials[task];

	ASSERT(dial->state == DIAL_NONE);
	dial->state = DIAL_QUEUED;
	d->queued[d->queued_count++] = dial;
}

void
direct_cancel(struct direct *d, unsigned task)
{
	dial_fail(&d->dials[task], ERR_CANCELLED);
}

void
direct_flush(struct direct *d)
{
	for (unsigned i = 0; i < d->queued_count; i++) {
		struct dial *dial = d->queued[i];

		if (dial->state != DIAL_QUEUED)
			continue;
		dial->target = (dial->target + 1) % d->work->direct_count;
		dial_start(dial, event_get_base(&dial->event));
	}
	d->queued_count = 0;
}

/* ---- Making and ending ---- */

struct direct *
direct_new(const struct workload *work, struct event_base *base,
    const struct links_ops *ops, void *ctx)
{
	struct direct *d = mem_new(1, sizeof(*d));

	d->work = work;
	d->ops = ops;
	d->ctx = ctx;
	d->dials = mem_new(work->tasks, sizeof(*d->dials));
	d->queued = mem_new(work->tasks, sizeof(struct dial *));
	d->names = mem_new(work->direct_count, sizeof(*d->names));
	for (unsigned i = 0; i < work->direct_count; i++)
		(void)addr_text(&work->direct[i], d->names[i]);
	for (unsigned i = 0; i < work->tasks; i++) {
		struct dial *dial = &d->dials[i];

		dial->direct = d;
		dial->fd = -1;
		/* So that tasks do not all begin with the same address. */
		dial->target = i % work->direct_count;
		evtimer_assign(&dial->event, base, dial_on_ready, dial);
	}
	return d;
}

void
direct_free(struct direct **direct)
{
	struct direct *d = *direct;

	if (d == NULL)
		return;
	for (unsigned i = 0; i < d->work->tasks; i++)
		dial_clear(&d->dials[i]);
	free(d->dials);
	free(d->queued);
	free(d->names);
	free(d);
	*direct = NULL;
}
