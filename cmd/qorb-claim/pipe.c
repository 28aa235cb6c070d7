#include "pipe.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/options.h"
#include "signals.h"

#define BUF_BYTES 65536

/* A pipe that poll calls writable takes so many bytes without blocking. */
#define WRITE_BYTES 4096

#define EXIT_FAILED 1
#define EXIT_SIGNAL 128

/* Longest poll: keeps the sum in an int. */
#define POLL_MAX_MS 3600000

/* Bytes read from one side and not yet written to the other. */
struct buffer {
	char bytes[BUF_BYTES];
	size_t head;
	size_t tail;
};

struct copy {
	const struct pipe_job *job;
	struct buffer in;    /* from standard input to the connection */
	struct buffer out;   /* from the connection to standard output */
	uint64_t answered;   /* bytes of the answer so far */
	size_t surplus;	     /* bytes that came after its end */
	bool has_input;	     /* standard input has not ended */
	bool is_deaf;	     /* the backend takes no more of the input */
	uint64_t timeout_at; /* monotonic, or NEVER */
	int status;	     /* exit code once is_over */
	bool is_over;
};

enum { AT_STDIN, AT_STDOUT, AT_CONN, AT_SIGNALS, POLLED };

static size_t
waiting(const struct buffer *b)
{
	return b->tail - b->head;
}

static void
taken(struct buffer *b, size_t n)
{
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

static void
finish(struct copy *c, int status)
{
	c->status = status;
	c->is_over = true;
}

/* Is this errno one that the next poll takes care of? */
static bool
is_passing(void)
{
	return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
}

static void
fail_closed(struct copy *c, const char *how)
{
	program_warn("%s: %s %s before the end of the answer, of which "
		     "%" PRIu64 " byte%s came",
	    c->job->pool, c->job->backend, how, c->answered,
	    c->answered == 1 ? "" : "s");
	finish(c, EXIT_FAILED);
}

static void
read_stdin(struct copy *c)
{
	ssize_t n = read(STDIN_FILENO, c->in.bytes, sizeof(c->in.bytes));

	if (n > 0) {
		c->in.tail = (size_t)n;
		return;
	}
	if (n < 0 && is_passing())
		return;
	if (n < 0) {
		program_warn("standard input: %s", strerror(errno));
		finish(c, EXIT_FAILED);
	}
	c->has_input = false;
}

static void
write_conn(struct copy *c)
{
	ssize_t n = send(c->job->conn, c->in.bytes + c->in.head,
	    waiting(&c->in), MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0) {
		taken(&c->in, (size_t)n);
		return;
	}
	/* What it answered before it stopped reading is still to be had. */
	if (!is_passing()) {
		c->is_deaf = true;
		c->has_input = false;
		taken(&c->in, waiting(&c->in));
	}
}

static void
read_conn(struct copy *c)
{
	ssize_t n = recv(
	    c->job->conn, c->out.bytes, sizeof(c->out.bytes), MSG_DONTWAIT);
	size_t used;

	if (n < 0 && is_passing())
		return;
	if (n <= 0) {
		fail_closed(c, n == 0 ? "closed the connection" : "broke off");
		return;
	}
	used = answer_feed(c->job->answer, c->out.bytes, (size_t)n);
	c->out.tail = used;
	c->answered += used;
	c->surplus = (size_t)n - used;
}

static void
write_stdout(struct copy *c)
{
	size_t have = waiting(&c->out);
	ssize_t n = write(STDOUT_FILENO, c->out.bytes + c->out.head,
	    have < WRITE_BYTES ? have : WRITE_BYTES);

	if (n >= 0) {
		taken(&c->out, (size_t)n);
		return;
	}
	if (is_passing())
		return;
	program_warn("standard output: %s", strerror(errno));
	finish(c, EXIT_FAILED);
}

/* The whole answer has been written: was that all? */
static void
end_answer(struct copy *c)
{
	if (c->surplus > 0)
		program_warn("%s: %s sent %zu byte%s after the end of the "
			     "answer; the connection is not used again",
		    c->job->pool, c->job->backend, c->surplus,
		    c->surplus == 1 ? "" : "s");
	else if (waiting(&c->in) > 0 || c->is_deaf)
		program_warn("%s: the answer of %s ended before the input had "
			     "been sent; the connection is not used again",
		    c->job->pool, c->job->backend);
	else {
		finish(c, 0);
		return;
	}
	finish(c, EXIT_FAILED);
}

static void
on_signals(struct copy *c)
{
	struct caught caught;

	while (signals_next(&caught)) {
		if (caught.signo != SIGCHLD)
			finish(c, EXIT_SIGNAL + caught.signo);
	}
}

static int
poll_ms(const struct copy *c)
{
	uint64_t now, left_ms;

	if (c->timeout_at == NEVER)
		return -1;
	now = clock_us();
	if (now >= c->timeout_at)
		return 0;
	left_ms = (c->timeout_at - now) / US_PER_MS + 1;
	return left_ms < POLL_MAX_MS ? (int)left_ms : POLL_MAX_MS;
}

/* Only what there is room for is waited for; a reader of our output who has
 * gone shows up unasked. */
static void
fill_polled(const struct copy *c, struct pollfd *p)
{
	bool is_done = c->job->answer->is_done;
	bool wants_input = c->has_input && !is_done && waiting(&c->in) == 0;

	p[AT_STDIN] = (struct pollfd){ .fd = wants_input ? STDIN_FILENO : -1,
		.events = POLLIN };
	p[AT_STDOUT] = (struct pollfd){ .fd = STDOUT_FILENO,
		.events = waiting(&c->out) > 0 ? POLLOUT : 0 };
	p[AT_CONN] = (struct pollfd){ .fd = c->job->conn };
	if (waiting(&c->out) == 0 && !is_done)
		p[AT_CONN].events |= POLLIN;
	if (waiting(&c->in) > 0)
		p[AT_CONN].events |= POLLOUT;
	if (p[AT_CONN].events == 0)
		p[AT_CONN].fd = -1; /* a hang-up would come over and over */
	p[AT_SIGNALS] = (struct pollfd){ .fd = signals_fd(), .events = POLLIN };
}

static void
move_bytes(struct copy *c, const struct pollfd *p)
{
	const short gone = POLLERR | POLLHUP | POLLNVAL;

	if ((p[AT_SIGNALS].revents & POLLIN) != 0)
		on_signals(c);
	if (!c->is_over && (p[AT_STDIN].revents & (POLLIN | gone)) != 0)
		read_stdin(c);
	if (!c->is_over && (p[AT_CONN].revents & (POLLOUT | gone)) != 0 &&
	    waiting(&c->in) > 0)
		write_conn(c);
	if (!c->is_over && (p[AT_CONN].revents & (POLLIN | gone)) != 0 &&
	    waiting(&c->out) == 0 && !c->job->answer->is_done)
		read_conn(c);
	if (c->is_over)
		return;
	if (waiting(&c->out) > 0 &&
	    (p[AT_STDOUT].revents & (POLLOUT | gone)) != 0) {
		write_stdout(c);
	} else if ((p[AT_STDOUT].revents & gone) != 0) {
		program_warn("standard output: closed by its reader");
		finish(c, EXIT_FAILED);
	}
}

static void
fail_late(struct copy *c)
{
	program_warn("%s: no end of the answer from %s in time, %" PRIu64
		     " byte%s came",
	    c->job->pool, c->job->backend, c->answered,
	    c->answered == 1 ? "" : "s");
	finish(c, EXIT_FAILED);
}

int
pipe_run(const struct pipe_job *job)
{
	struct copy c = { .job = job, .has_input = true };
	struct pollfd polled[POLLED];

	c.timeout_at = time_after(clock_us(), job->timeout_us);
	while (!c.is_over) {
		fill_polled(&c, polled);
		if (poll(polled, POLLED, poll_ms(&c)) > 0)
			move_bytes(&c, polled);
		if (c.is_over)
			break;
		if (job->answer->is_done && waiting(&c.out) == 0)
			end_answer(&c);
		else if (clock_us() >= c.timeout_at)
			fail_late(&c);
	}
	return c.status;
}
