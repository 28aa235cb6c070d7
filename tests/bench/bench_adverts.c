/*
 * What it costs the daemon to take in and to lose many advertised backends:
 *some clients advertise them, all at once, and then go away. Prints the
 *daemon's processor time for each, in milliseconds, and the time until all are
 *there or gone; a line a run.
 *
 *	bench_adverts SOCKET POOL CLIENTS BACKENDS RUNS
 *
 * Backends of other sources must not change meanwhile. Those advertised are of
 * a low priority, at addresses where nobody listens.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/qorb_client.h"
#include "io/fd.h"
#include "meter.h"

#define CLIENTS_MAX 2000

struct bench {
	const char *path;
	const char *pool;
	long pid;
	struct qorb_client *watcher; /* owned */
	struct qorb_client *clients[CLIENTS_MAX];
	struct pollfd fds[CLIENTS_MAX];
	unsigned count;
	unsigned backends;
};

static void
fail(const struct qorb_client *c)
{
	(void)fprintf(stderr, "bench_adverts: %s\n", qorb_client_error(c));
	exit(1);
}

/* How many backends the pool has. */
static uint64_t
ask_backends(struct bench *b)
{
	struct qorb_reply r;
	uint64_t n = 0;

	if (!qorb_client_send(b->watcher, NULL, "pools", NULL, 0))
		fail(b->watcher);
	for (;;) {
		while (!qorb_client_next(b->watcher, &r)) {
			if (!qorb_client_on_readable(b->watcher))
				fail(b->watcher);
		}
		if (r.kind != QORB_ROW)
			return n;
		(void)qorb_reply_number(&r, "backends", &n);
	}
}

/* Asks now and then, which costs the daemon little. */
static void
wait_for_backends(struct bench *b, uint64_t want)
{
	while (ask_backends(b) != want)
		(void)poll(NULL, 0, 2);
}

static void
come(struct bench *b)
{
	for (unsigned i = 0; i < b->count; i++) {
		b->clients[i] = qorb_client_new(b->path);
		if (qorb_client_fd(b->clients[i]) == -1)
			fail(b->clients[i]);
		b->fds[i] =
		    (struct pollfd){ .fd = qorb_client_fd(b->clients[i]),
			    .events = POLLIN | POLLOUT };
	}
}

static void
advertise(struct bench *b, struct qorb_client *c, unsigned i)
{
	char name[64], addr[64];
	const char *const args[] = { b->pool, name, addr, "priority=9" };

	(void)snprintf(name, sizeof(name), "backend%u.test:9", i);
	(void)snprintf(
	    addr, sizeof(addr), "127.%u.%u.9:9", 1 + i / 250, i % 250);
	if (!qorb_client_send(c, NULL, "advertise", args, 4))
		fail(c);
}

/* Counts what was taken; true when there is nothing left to write. */
static bool
serve(struct bench *b, unsigned i, unsigned *taken)
{
	struct qorb_client *c = b->clients[i];
	struct qorb_reply r;

	if ((b->fds[i].revents & POLLIN) != 0 && !qorb_client_on_readable(c))
		fail(c);
	while (qorb_client_next(c, &r)) {
		if (r.kind != QORB_OK) {
			(void)fprintf(stderr, "bench_adverts: %s %s\n", r.code,
			    r.message);
			exit(1);
		}
		++*taken;
	}
	if (!qorb_client_on_writable(c))
		fail(c);
	return !qorb_client_wants_write(c);
}

static void
advertise_all(struct bench *b)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < b->count; i++)
		qorb_client_cork(b->clients[i], true);
	for (unsigned i = 0; i < b->backends; i++)
		advertise(b, b->clients[i % b->count], i);
	for (unsigned i = 0; i < b->count; i++)
		qorb_client_cork(b->clients[i], false);
	while (taken < b->backends) {
		(void)poll(b->fds, b->count, 1000);
		for (unsigned i = 0; i < b->count; i++) {
			if (serve(b, i, &taken))
				b->fds[i].events = POLLIN;
		}
	}
}

static void
run(struct bench *b)
{
	uint64_t before = ask_backends(b), start;
	double cpu;

	come(b);
	cpu = meter_cpu_us(b->pid);
	start = clock_us();
	advertise_all(b);
	wait_for_backends(b, before + b->backends);
	printf("taken %.1f ms of the daemon, there after %.1f ms; ",
	    (meter_cpu_us(b->pid) - cpu) / 1e3,
	    (double)(clock_us() - start) / 1e3);
	cpu = meter_cpu_us(b->pid);
	start = clock_us();
	for (unsigned i = 0; i < b->count; i++)
		qorb_client_free(&b->clients[i]);
	wait_for_backends(b, before);
	printf("lost %.1f ms of the daemon, gone after %.1f ms\n",
	    (meter_cpu_us(b->pid) - cpu) / 1e3,
	    (double)(clock_us() - start) / 1e3);
}

int
main(int argc, char **argv)
{
	static struct bench b;

	if (argc != 6)
		return 2;
	b.path = argv[1];
	b.pool = argv[2];
	b.count = (unsigned)atoi(argv[3]);
	b.backends = (unsigned)atoi(argv[4]);
	if (b.count == 0 || b.count > CLIENTS_MAX)
		return 2;
	b.pid = meter_daemon_pid(b.path);
	b.watcher = qorb_client_new(b.path);
	for (int i = 0; i < atoi(argv[5]); i++)
		run(&b);
	qorb_client_free(&b.watcher);
	return 0;
}
