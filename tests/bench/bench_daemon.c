/*
 * What a claim costs through a live daemon: clients that each keep some claims
 * in flight, give every connection back with the next claim in one write, and
 * do nothing with it. Prints claims a second and the daemon's processor time
 * for each, which says more than the first where both share the processors.
 *
 *	bench_daemon SOCKET POOL CLIENTS DEPTH SECONDS
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/qorb_client.h"
#include "io/fd.h"
#include "meter.h"

#define CLIENTS_MAX 1000

static void
ask(struct qorb_client *c, const char *pool)
{
	if (!qorb_client_send(c, NULL, "claim", &pool, 1))
		exit(1);
}

/* Takes what was granted and gives each back with the next claim. */
static unsigned long
serve(struct qorb_client *c, const char *pool)
{
	struct qorb_reply r;
	unsigned long count = 0;

	if (!qorb_client_on_readable(c)) {
		(void)fprintf(
		    stderr, "bench_daemon: %s\n", qorb_client_error(c));
		exit(1);
	}
	qorb_client_cork(c, true);
	while (qorb_client_next(c, &r)) {
		struct qorb_grant g;

		if (r.kind == QORB_ERROR) {
			(void)fprintf(
			    stderr, "bench_daemon: %s %s\n", r.code, r.message);
			exit(1);
		}
		if (!qorb_reply_grant(&r, &g))
			continue;
		(void)close(g.fd);
		(void)qorb_release(c, g.claim, false);
		ask(c, pool);
		count++;
	}
	qorb_client_cork(c, false);
	return count;
}

int
main(int argc, char **argv)
{
	static struct qorb_client *clients[CLIENTS_MAX];
	static struct pollfd fds[CLIENTS_MAX];
	unsigned long count = 0;
	uint64_t start, end;
	double cpu;
	long pid;
	int n, depth;

	if (argc != 6)
		return 2;
	n = atoi(argv[3]);
	depth = atoi(argv[4]);
	pid = meter_daemon_pid(argv[1]);
	for (int i = 0; i < n; i++) {
		clients[i] = qorb_client_new(argv[1]);
		fds[i] =
		    (struct pollfd){ qorb_client_fd(clients[i]), POLLIN, 0 };
		for (int k = 0; k < depth; k++)
			ask(clients[i], argv[2]);
	}
	cpu = meter_cpu_us(pid);
	start = clock_us();
	end = start + (uint64_t)(atof(argv[5]) * 1e6);
	while (clock_us() < end) {
		(void)poll(fds, (nfds_t)n, 1000);
		for (int i = 0; i < n; i++) {
			if (fds[i].revents != 0)
				count += serve(clients[i], argv[2]);
		}
	}
	cpu = meter_cpu_us(pid) - cpu;
	printf("%4d clients x %3d: %9.0f claims/s, %7.3f us of the daemon's "
	       "processor time each\n",
	    n, depth, (double)count * 1e6 / (double)(clock_us() - start),
	    count > 0 ? cpu / (double)count : 0.0);
	for (int i = 0; i < n; i++)
		qorb_client_free(&clients[i]);
	return 0;
}
