/* A pooled connection; see conn.h. */

#include "io/conn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "io/fd.h"
#include "io/socket_view.h"

/* A returned connection whose last bytes the peer has not yet acknowledged is
 * looked at again so often, with so long between. */
#define GATE_TRIES   10
#define GATE_WAIT_US (20 * (int)US_PER_MS)

/* A drain ends when nothing has come for so long, and fails after so many
 * bytes.
 */
#define DRAIN_QUIET_US	(50 * (int)US_PER_MS)
#define DRAIN_BYTES_MAX ((size_t)1024 * 1024)

static void on_event(evutil_socket_t fd, short what, void *ctx);
static void run_dialogue(struct conn *c, bool is_quiet);

static const char *
reason_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "refused";
	case ETIMEDOUT:
		return "timeout";
	case ECONNRESET:
	case EPIPE:
		return "reset";
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return "unreachable";
	case EACCES:
	case EPERM:
		return "not-permitted";
	case ENOENT:
		return "no-such-path";
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return "no-resources";
	default:
		return "failed";
	}
}

void
conn_init(struct conn *c, const struct conn_owner *owner)
{
	memset(c, 0, sizeof(*c));
	c->owner = owner;
	c->fd = -1;
}

static void
unwatch(struct conn *c)
{
	if (c->is_watching)
		(void)event_del(&c->event);
	c->is_watching = false;
}

/* Waits for what (EV_READ, EV_WRITE), at most wait_us when it is not 0. It
 * comes before all other events of a turn: what has become of a connection is
 * known before a claim can get it. */
static void
watch(struct conn *c, short what, int wait_us)
{
	struct timeval tv = { 0, wait_us };

	unwatch(c);
	(void)event_assign(&c->event, c->owner->base, c->fd, what, on_event, c);
	(void)event_priority_set(&c->event, 0);
	(void)event_add(&c->event, wait_us == 0 ? NULL : &tv);
	c->is_watching = true;
}

/* It is watched from the end of the turn on: many are lent again before. */
static void
idle(struct conn *c)
{
	c->state = CONN_IDLE;
	unwatch(c);
	if (!list_has(&c->unwatched))
		list_push_back(c->owner->unwatched, &c->unwatched);
}

/* Undoes what a client may have set and nobody else is to find. */
static void
restore(struct conn *c)
{
	if (c->is_touched)
		conn_options_restore(&c->options, c->fd);
	c->is_touched = false;
}

void
conn_watch_idle(struct list *unwatched)
{
	struct list_node *n;

	while ((n = list_first(unwatched)) != NULL) {
		struct conn *c = CONTAINER_OF(n, struct conn, unwatched);

		list_remove(unwatched, n);
		if (c->state != CONN_IDLE)
			continue;
		restore(c);
		watch(c, EV_READ, 0);
	}
}

static void
fail_connect(struct conn *c, const char *reason)
{
	unwatch(c);
	fd_close(&c->fd);
	c->state = CONN_CLOSED;
	c->owner->connect_failed(c->owner->ctx, c, reason);
}

/* Connecting in a loop to a dead port of this machine meets, sooner or later,
 * itself: source port and destination port are the same. */
static bool
is_self_connected(int fd)
{
	struct sockaddr_storage a, b;
	socklen_t a_len = sizeof(a), b_len = sizeof(b);

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	return getsockname(fd, (struct sockaddr *)&a, &a_len) == 0 &&
	       getpeername(fd, (struct sockaddr *)&b, &b_len) == 0 &&
	       a_len == b_len && memcmp(&a, &b, a_len) == 0;
}

/* The connection is there; on-connect belongs to connecting. */
static void
connected(struct conn *c)
{
	if (c->is_tcp && is_self_connected(c->fd)) {
		fail_connect(c, "refused");
		return;
	}
	if (!fd_set_nonblocking(c->fd, false)) {
		fail_connect(c, reason_of(errno));
		return;
	}
	c->is_greeting = true;
	run_dialogue(c, false);
}

void
conn_connect(struct conn *c, struct slot_ref ref, const struct addr *addr,
    const struct policy *policy, const struct connector *connector)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(addr, &sa);

	ASSERT(c->state == CONN_CLOSED && c->fd == -1);
	c->ref = ref;
	c->state = CONN_CONNECTING;
	c->is_greeting = false;
	c->drained = 0;
	dialogue_start(
	    &c->run, connector_dialogue(connector, CONNECTOR_ON_CONNECT));
	c->is_tcp = addr->kind != ADDR_UNIX;
	c->fd =
	    socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1) {
		fail_connect(c, reason_of(errno));
		return;
	}
	conn_options_init(&c->options, policy, c->is_tcp);
	conn_options_set(&c->options, c->fd);
	c->is_touched = false;
	if (connect(c->fd, (struct sockaddr *)&sa, len) == 0)
		connected(c);
	else if (errno == EINPROGRESS)
		watch(c, EV_WRITE, 0);
	else
		fail_connect(c, errno == EAGAIN ? "busy" : reason_of(errno));
}

static void
finish_connect(struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		fail_connect(c, reason_of(error));
	else
		connected(c);
}

/* Ends a dialogue: good connections lie idle, the others wait to be closed. */
static void
finish_dialogue(struct conn *c, const char *reason)
{
	bool was_connecting = c->state == CONN_CONNECTING;

	if (was_connecting && reason != NULL) {
		fail_connect(c, reason);
		return;
	}
	if (reason == NULL)
		idle(c);
	else
		unwatch(c);
	if (was_connecting)
		c->owner->connected(c->owner->ctx, c);
	else
		c->owner->checked(c->owner->ctx, c, reason);
}

/* Reads what has come and hands it to the dialogue; what that leaves stays in
 * the socket. As recv. */
static ssize_t
receive(struct conn *c, size_t len, bool is_peek, const char **reason)
{
	char buf[512];
	size_t taken = 0;
	ssize_t n = recv(c->fd, buf, len < sizeof(buf) ? len : sizeof(buf),
	    MSG_DONTWAIT | (is_peek ? MSG_PEEK : 0));

	if (n <= 0)
		return n;
	if (!dialogue_received(&c->run, buf, (size_t)n, &taken))
		*reason = "unexpected-answer";
	else if (is_peek)
		n = recv(c->fd, buf, taken, MSG_DONTWAIT);
	return n;
}

/* Throws away what has come. As recv. */
static ssize_t
drain(struct conn *c, const char **reason)
{
	char buf[4096];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		c->drained += (size_t)n;
	if (c->drained > DRAIN_BYTES_MAX)
		*reason = "too-long-answer";
	return n;
}

/* Takes one step of the dialogue. As recv and send, but 1 at the end. */
static ssize_t
step(struct conn *c, enum dialogue_wish wish, const char *bytes, size_t len,
    const char **reason)
{
	ssize_t n;

	switch (wish) {
	case DIALOGUE_SEND:
		n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			dialogue_sent(&c->run, (size_t)n);
		return n;
	case DIALOGUE_RECEIVE:
	case DIALOGUE_PEEK:
		return receive(c, len, wish == DIALOGUE_PEEK, reason);
	case DIALOGUE_DRAIN:
		return drain(c, reason);
	case DIALOGUE_DONE:
		break;
	}
	return 1;
}

/* Moves the dialogue on as far as the socket lets it. is_quiet: nothing came
 * while it waited for something to drain. */
static void
run_dialogue(struct conn *c, bool is_quiet)
{
	for (;;) {
		const char *bytes = NULL, *reason = NULL;
		size_t len = 0;
		ssize_t n;
		enum dialogue_wish wish = dialogue_next(&c->run, &bytes, &len);
		bool is_drain = wish == DIALOGUE_DRAIN;

		if (wish == DIALOGUE_DONE) {
			finish_dialogue(c, NULL);
			return;
		}
		n = step(c, wish, bytes, len, &reason);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			if (is_drain && is_quiet) {
				dialogue_drained(&c->run);
				is_quiet = false;
				continue;
			}
			watch(c, wish == DIALOGUE_SEND ? EV_WRITE : EV_READ,
			    is_drain ? DRAIN_QUIET_US : 0);
			return;
		}
		if (n <= 0)
			reason = n == 0 ? "closed" : reason_of(errno);
		if (reason != NULL) {
			finish_dialogue(c, reason);
			return;
		}
	}
}

bool
conn_is_closed_by_backend(const struct conn *c)
{
	return c->fd != -1 && socket_view(c->fd) == SOCKET_VIEW_CLOSED_BY_PEER;
}

const char *
conn_why_dead(const struct conn *c)
{
	if (c->state != CONN_LENT)
		return NULL;
	switch (socket_view(c->fd)) {
	case SOCKET_VIEW_CLOSED_BY_PEER:
		return "closed";
	case SOCKET_VIEW_GONE:
		return "gone";
	case SOCKET_VIEW_UNKNOWN:
	case SOCKET_VIEW_OPEN:
	case SOCKET_VIEW_OTHER:
		break;
	}
	return NULL;
}

/* Is one direction shut down? What a Unix socket says to nobody, and TCP only
 * at some cost, every system says of a write, if only of nothing. */
static bool
is_shut_for_sending(int fd)
{
	return send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 &&
	       errno == EPIPE;
}

/* What is wrong with a returned connection on which something has happened.
 * Unread bytes are asked for by FIONREAD, since nothing that a client can set
 * hides them from it. */
static const char *
name_fault(const struct conn *c, short events)
{
	int unread = 0;

	if (ioctl(c->fd, FIONREAD, &unread) == -1)
		return "failed";
	if (unread > 0 || (events & POLLPRI))
		return "unread-bytes";
	if (events & (POLLERR | POLLNVAL))
		return "reset";
	if (events & (POLLIN | POLLHUP))
		return "closed";
	return "half-closed";
}

/* Why a returned connection cannot be used again; NULL when it can. Its options
 * are clean: the low-water mark is what poll goes by. */
static const char *
gate(const struct conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN | POLLPRI };

	if (poll(&p, 1, 0) == -1)
		return "failed";
	if (p.revents == 0 && !is_shut_for_sending(c->fd))
		return NULL;
	return name_fault(c, p.revents);
}

static void
pass_gate(struct conn *c)
{
	const char *reason = "failed";

	if (conn_options_clean(c->fd))
		reason = gate(c);
	if (reason == NULL && socket_view_is_unsent(c->fd)) {
		if (++c->gate_tries < GATE_TRIES) {
			watch(c, EV_READ, GATE_WAIT_US);
			return;
		}
		reason = "unsent-bytes";
	}
	c->gate_tries = 0;
	if (reason == NULL) {
		run_dialogue(c, false);
		return;
	}
	unwatch(c);
	if (conn_is_closed_by_backend(c))
		c->owner->checked(c->owner->ctx, c, "closed");
	else
		c->owner->dirty(c->owner->ctx, c, reason);
}

void
conn_check(struct conn *c, struct slot_ref ref, enum check_kind kind,
    const struct connector *connector)
{
	static const enum phase phases[] = {
		[CHECK_HEALTH] = CONNECTOR_IS_VALID,
		[CHECK_ACQUIRE] = CONNECTOR_ON_ACQUIRE,
		[CHECK_RECYCLE] = CONNECTOR_ON_RECYCLE,
	};
	const struct dialogue *d = connector_dialogue(connector, phases[kind]);

	unwatch(c);
	c->ref = ref;
	c->state = CONN_CHECKING;
	c->drained = 0;
	dialogue_start(&c->run, d);
	if (d->steps != NULL)
		restore(c);
	c->gate_tries = 0;
	if (kind == CHECK_RECYCLE) {
		c->gate_tries = 1;
		pass_gate(c);
	} else {
		run_dialogue(c, false);
	}
}

void
conn_lend(struct conn *c, struct slot_ref ref, uint64_t holder)
{
	ASSERT(c->fd != -1);
	unwatch(c);
	if (c->holder != holder)
		restore(c);
	c->is_touched = true;
	c->holder = holder;
	c->ref = ref;
	c->state = CONN_LENT;
}

int
conn_close(struct conn *c)
{
	int fd = c->fd;

	unwatch(c);
	if (fd != -1)
		(void)shutdown(fd, SHUT_RDWR);
	c->fd = -1;
	c->state = CONN_CLOSED;
	return fd;
}

/* Something came on a connection that should be silent. What cannot be named
 * has happened all the same: to look again would find it again. */
static const char *
why_lost(const struct conn *c)
{
	char byte;
	int unread = 0;
	ssize_t n;

	if (ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0)
		return "unexpected-data";
	n = recv(c->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		return reason_of(errno);
	return n == 0 ? "closed" : "unexpected-data";
}

static void
on_event(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *c = ctx;

	(void)fd;
	c->is_watching = false;
	switch (c->state) {
	case CONN_CONNECTING:
		if (c->is_greeting)
			run_dialogue(c, (what & EV_TIMEOUT) != 0);
		else
			finish_connect(c);
		break;
	case CONN_CHECKING:
		if (c->gate_tries > 0)
			pass_gate(c);
		else
			run_dialogue(c, (what & EV_TIMEOUT) != 0);
		break;
	case CONN_IDLE:
		c->owner->lost(c->owner->ctx, c, why_lost(c));
		break;
	case CONN_CLOSED:
	case CONN_LENT:
		break;
	}
}
