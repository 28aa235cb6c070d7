#include "exchange.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base.h"
#include "io/fd.h"
#include "failure.h"
#include "pattern.h"

/* Chunks read in one go before the others have their turn. */
#define READS_A_TURN 4

enum step {
	STEP_DONE,   /* nothing more can be moved now */
	STEP_FAILED, /* on_failed was called: hands off */
};

static unsigned
exchange_failure(int error)
{
	switch (error) {
	case ECONNRESET:
		return FAILURE_IO_RESET;
	case EPIPE:
		return FAILURE_IO_CLOSED;
	default:
		return FAILURE_IO_FAILED;
	}
}

static enum step
exchange_fail(struct exchange *x, unsigned failure)
{
	x->env->on_failed(x, failure);
	return STEP_FAILED;
}

/* What stands at this place of the payload, into env->pattern. */
static void
exchange_fill(struct exchange *x, uint32_t offset, size_t n)
{
	struct exchange_env *env = x->env;

	if (env->text != NULL)
		memcpy(env->pattern, env->text + offset, n);
	else
		pattern_fill(x->key, offset, env->pattern, n);
}

static bool
exchange_would_block(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static enum step
exchange_write(struct exchange *x)
{
	struct exchange_env *env = x->env;

	while (x->sent < env->payload) {
		size_t n = env->payload - x->sent;
		ssize_t done;

		if (n > sizeof(env->pattern))
			n = sizeof(env->pattern);
		exchange_fill(x, x->sent, n);
		done =
		    send(x->fd, env->pattern, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (done < 0 && exchange_would_block(errno))
			break;
		if (done < 0)
			return exchange_fail(x, exchange_failure(errno));
		x->sent += (uint32_t)done;
		if ((size_t)done < n)
			break;
	}
	return STEP_DONE;
}

/* Do n bytes just read continue the echo of what was sent? */
static bool
exchange_matches(struct exchange *x, size_t n)
{
	struct exchange_env *env = x->env;

	if (n > x->sent - x->received)
		return false;
	exchange_fill(x, x->received, n);
	return memcmp(env->read, env->pattern, n) == 0;
}

/* Always asks for a byte more than is due: one too many is seen without
 * another call, and a short answer says that there is no more. */
static enum step
exchange_read(struct exchange *x)
{
	struct exchange_env *env = x->env;

	for (unsigned i = 0; i < READS_A_TURN; i++) {
		size_t room = (size_t)env->payload - x->received + 1;
		ssize_t n;

		if (room > sizeof(env->read))
			room = sizeof(env->read);
		n = recv(x->fd, env->read, room, MSG_DONTWAIT);
		if (n < 0 && exchange_would_block(errno))
			break;
		if (n < 0)
			return exchange_fail(x, exchange_failure(errno));
		if (n == 0)
			return exchange_fail(x, FAILURE_IO_CLOSED);
		if (!exchange_matches(x, (size_t)n))
			return exchange_fail(x, FAILURE_ECHO_WRONG);
		x->received += (uint32_t)n;
		if ((size_t)n < room)
			break;
	}
	return STEP_DONE;
}

static void exchange_on_ready(evutil_socket_t fd, short what, void *arg);

static enum step
exchange_watch(struct exchange *x)
{
	short wanted = EV_READ;

	if (x->sent < x->env->payload)
		wanted |= EV_WRITE;
	if (x->watched == wanted)
		return STEP_DONE;
	if (x->watched != 0)
		event_del(&x->event);
	x->watched = 0;
	event_assign(&x->event, x->env->base, x->fd,
	    (short)(wanted | EV_PERSIST), exchange_on_ready, x);
	if (event_add(&x->event, NULL) != 0)
		return exchange_fail(x, FAILURE_IO_FAILED);
	x->watched = wanted;
	return STEP_DONE;
}

static void
exchange_on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *x = arg;

	(void)fd;
	if ((what & EV_WRITE) && exchange_write(x) == STEP_FAILED)
		return;
	if ((what & EV_READ) && exchange_read(x) == STEP_FAILED)
		return;
	if (exchange_watch(x) == STEP_FAILED)
		return;
	if (!x->is_whole && x->received == x->env->payload) {
		x->is_whole = true;
		x->env->on_whole(x);
	}
}

void
exchange_init(struct exchange *x, struct exchange_env *env)
{
	memset(x, 0, sizeof(*x));
	x->env = env;
	x->fd = -1;
}

void
exchange_open(struct exchange *x, int fd, uint64_t key)
{
	ASSERT(x->fd == -1 && x->watched == 0);
	x->fd = fd;
	x->sent = 0;
	x->received = 0;
	x->key = key;
	x->is_whole = false;
	if (exchange_write(x) == STEP_FAILED)
		return;
	(void)exchange_watch(x);
}

void
exchange_close(struct exchange *x)
{
	if (x->watched != 0)
		event_del(&x->event);
	x->watched = 0;
	fd_close(&x->fd);
}
