#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "io/fd.h"

#define FD_PROTOCOL "qtop-fd"
#define SIGNALS_MAX 8
/* Descriptors that the loop makes room for: one source, keys, signals. */
#define FDS_MAX 64
/* What is asked of a server is to be answered within this time. */
#define ANSWER_S 10

struct loop {
	struct lws_context *context; /* owned */
	bool is_stopped;
	int pipe_write;	      /* owned; signals come this way */
	int pipe_read;	      /* owned */
	struct loop_fd *pipe; /* owned */
	size_t signal_count;
	int signals[SIGNALS_MAX];
	struct sigaction before[SIGNALS_MAX];
	void (*on_signal)(void *ctx, int number);
	void *ctx;
};

struct loop_fd {
	struct lws *wsi; /* NULL once the loop has let go of it */
	int fd;		 /* borrowed */
	int flags;	 /* as they were */
	bool *is_freed;	 /* told, while a callback runs */
	void (*on_ready)(void *ctx, bool can_read, bool can_write);
	void *ctx;
};

struct loop_timer {
	lws_sorted_usec_list_t sul; /* first: the loop gives it back */
	struct loop *loop;	    /* borrowed */
	void (*on_time)(void *ctx);
	void *ctx;
};

/* Where a signal handler writes to: it has no argument, so this is static. */
static volatile sig_atomic_t signal_fd = -1;

/* ---- Descriptors ---- */

/* False when the callback freed it. */
static bool
tell(struct loop_fd *f, bool can_read, bool can_write)
{
	bool is_freed = false;

	f->is_freed = &is_freed;
	f->on_ready(f->ctx, can_read, can_write);
	if (is_freed)
		return false;
	f->is_freed = NULL;
	return true;
}

/* What libwebsockets tells of a descriptor; not 0 makes it let go. */
static int
on_fd(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
    size_t len)
{
	struct loop_fd *f = lws_get_opaque_user_data(wsi);

	(void)user;
	(void)in;
	(void)len;
	if (f == NULL)
		return 0;
	/* Nothing but these. */
	if (reason == LWS_CALLBACK_RAW_RX_FILE)
		return tell(f, true, false) ? 0 : -1;
	if (reason == LWS_CALLBACK_RAW_WRITEABLE_FILE)
		return tell(f, false, true) ? 0 : -1;
	if (reason == LWS_CALLBACK_RAW_CLOSE_FILE) {
		/* The other end went; what it had sent is still there. */
		f->wsi = NULL;
		(void)tell(f, true, false);
	}
	return 0;
}

static int
on_socket(struct lws *wsi, enum lws_callback_reasons reason, void *user,
    void *in, size_t len)
{
	struct loop_socket *s = lws_get_opaque_user_data(wsi);

	(void)user;
	if (s == NULL)
		return 0;
	return s->on_event(s->ctx, wsi, (int)reason, in, len);
}

static const struct lws_protocols protocols[] = {
	{ .name = LOOP_SOCKET_PROTOCOL,
	    .callback = on_socket,
	    .rx_buffer_size = 65536 },
	{ .name = FD_PROTOCOL, .callback = on_fd },
	{ 0 },
};

/* The loop closes what it is given, so it gets a copy. */
struct loop_fd *
loop_fd_new(struct loop *loop, int fd,
    void (*on_ready)(void *ctx, bool can_read, bool can_write), void *ctx)
{
	struct loop_fd *f = mem_new(1, sizeof(*f));
	struct lws_vhost *vhost =
	    lws_get_vhost_by_name(loop->context, "default");
	lws_sock_file_fd_type copy;

	*f = (struct loop_fd){ .fd = fd,
		.flags = fcntl(fd, F_GETFL),
		.on_ready = on_ready,
		.ctx = ctx };
	copy.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy.filefd >= 0)
		f->wsi = lws_adopt_descriptor_vhost(
		    vhost, LWS_ADOPT_RAW_FILE_DESC, copy, FD_PROTOCOL, NULL);
	if (f->wsi == NULL) {
		free(f);
		return NULL;
	}
	lws_set_opaque_user_data(f->wsi, f);
	return f;
}

void
loop_fd_want_write(struct loop_fd *fd)
{
	if (fd->wsi != NULL)
		(void)lws_callback_on_writable(fd->wsi);
}

bool
loop_fd_is_gone(const struct loop_fd *fd)
{
	return fd->wsi == NULL;
}

void
loop_fd_free(struct loop_fd **fd)
{
	struct loop_fd *f = *fd;

	*fd = NULL;
	if (f == NULL)
		return;
	if (f->wsi != NULL) {
		lws_set_opaque_user_data(f->wsi, NULL);
		lws_set_timeout(f->wsi, 1, LWS_TO_KILL_ASYNC);
	}
	if (f->is_freed != NULL)
		*f->is_freed = true;
	if (f->flags >= 0)
		(void)fcntl(f->fd, F_SETFL, f->flags);
	free(f);
}

/* ---- Timers ---- */

static void
on_sul(lws_sorted_usec_list_t *sul)
{
	struct loop_timer *t = CONTAINER_OF(sul, struct loop_timer, sul);

	t->on_time(t->ctx);
}

struct loop_timer *
loop_timer_new(struct loop *loop, void (*on_time)(void *ctx), void *ctx)
{
	struct loop_timer *t = mem_new(1, sizeof(*t));

	t->loop = loop;
	t->on_time = on_time;
	t->ctx = ctx;
	return t;
}

void
loop_timer_start(struct loop_timer *timer, uint64_t span_us)
{
	lws_sul_schedule(timer->loop->context, 0, &timer->sul, on_sul,
	    (lws_usec_t)(span_us > 0 ? span_us : 1));
}

void
loop_timer_stop(struct loop_timer *timer)
{
	lws_sul_schedule(timer->loop->context, 0, &timer->sul, on_sul,
	    LWS_SET_TIMER_USEC_CANCEL);
}

void
loop_timer_free(struct loop_timer **timer)
{
	if (*timer != NULL)
		loop_timer_stop(*timer);
	free(*timer);
	*timer = NULL;
}

/* ---- Signals ---- */

static void
on_caught(int number)
{
	unsigned char byte = (unsigned char)number;
	int saved = errno;
	ssize_t done = write(signal_fd, &byte, 1);

	(void)done; /* a full pipe has enough to tell */
	errno = saved;
}

static void
on_pipe(void *ctx, bool can_read, bool can_write)
{
	struct loop *loop = ctx;
	unsigned char numbers[64];
	ssize_t n;

	(void)can_write;
	if (!can_read)
		return;
	n = read(loop->pipe_read, numbers, sizeof(numbers));
	for (ssize_t i = 0; i < n; i++)
		loop->on_signal(loop->ctx, numbers[i]);
}

void
loop_catch(struct loop *loop, const int *signals, size_t count,
    void (*on_signal)(void *ctx, int number), void *ctx)
{
	struct sigaction action;

	ASSERT(count <= SIGNALS_MAX && loop->signal_count == 0);
	loop->on_signal = on_signal;
	loop->ctx = ctx;
	loop->signal_count = count;
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_caught;
	action.sa_flags = SA_RESTART;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < count; i++) {
		loop->signals[i] = signals[i];
		(void)sigaction(signals[i], &action, &loop->before[i]);
	}
}

/* ---- The loop ---- */

static bool
open_pipe(struct loop *loop)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	loop->pipe_read = ends[0];
	loop->pipe_write = ends[1];
	signal_fd = loop->pipe_write;
	loop->pipe = loop_fd_new(loop, loop->pipe_read, on_pipe, loop);
	return loop->pipe != NULL;
}

struct loop *
loop_new(void)
{
	const struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.fd_limit_per_thread = FDS_MAX,
		.timeout_secs = ANSWER_S,
		.connect_timeout_secs = ANSWER_S,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		/* What the environment names is for the web, not for this. */
		.http_proxy_address = "",
	};
	struct loop *loop = mem_new(1, sizeof(*loop));
	struct sigaction before;

	loop->pipe_read = loop->pipe_write = -1;
	lws_set_log_level(0, NULL);
	/* It ignores SIGPIPE and needs not. */
	(void)sigaction(SIGPIPE, NULL, &before);
	loop->context = lws_create_context(&info);
	(void)sigaction(SIGPIPE, &before, NULL);
	if (loop->context == NULL || !open_pipe(loop))
		loop_free(&loop);
	return loop;
}

void
loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	*loop = NULL;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->signal_count; i++)
		(void)sigaction(l->signals[i], &l->before[i], NULL);
	loop_fd_free(&l->pipe);
	if (l->context != NULL)
		lws_context_destroy(l->context);
	signal_fd = -1;
	fd_close(&l->pipe_read);
	fd_close(&l->pipe_write);
	free(l);
}

bool
loop_run(struct loop *loop)
{
	while (!loop->is_stopped) {
		if (lws_service(loop->context, 0) < 0)
			return false;
	}
	return true;
}

void
loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
	/* Timers run before the waiting, which would not end. */
	lws_cancel_service(loop->context);
}

bool
loop_is_stopped(const struct loop *loop)
{
	return loop->is_stopped;
}

struct lws_context *
loop_context(const struct loop *loop)
{
	return loop->context;
}
