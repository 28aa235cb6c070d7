#include "run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/addr.h"
#include "io/fd.h"
#include "io/options.h"
#include "signals.h"

/* What UCSPI clients give to their programs. */
#define UCSPI_READ  6
#define UCSPI_WRITE 7

/* Our own descriptors stay out of the way of those. */
#define OWN_FDS_FROM 10

#define EXIT_NOT_FOUND 127
#define EXIT_NOT_RUN   126
#define EXIT_SIGNAL    128

/* What a shell around us may have set for another connection. */
static const char *const ucspi_names[] = { "TCPREMOTEIP", "TCPREMOTEPORT",
	"TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALIP", "TCPLOCALPORT",
	"TCPLOCALHOST", "UNIXREMOTEPATH", "UNIXLOCALPATH" };

static void
set_number(const char *name, uint64_t n)
{
	char buf[24];

	(void)snprintf(buf, sizeof(buf), "%" PRIu64, n);
	(void)setenv(name, buf, 1);
}

/* One end of a TCP connection. */
static void
set_end(const struct addr *addr, const char *ip_name, const char *port_name)
{
	char ip[INET6_ADDRSTRLEN];
	int family = addr->kind == ADDR_INET ? AF_INET : AF_INET6;

	if (inet_ntop(family, addr->ip, ip, sizeof(ip)) == NULL)
		return;
	(void)setenv(ip_name, ip, 1);
	set_number(port_name, addr->port);
}

/* A backend that is known by its address alone has no name. */
static void
set_host(const char *backend)
{
	char host[QORB_NAME_BYTES];
	struct addr addr;
	const char *why;
	char *port;

	if (addr_parse(backend, &addr, &why))
		return;
	(void)snprintf(host, sizeof(host), "%s", backend);
	port = strrchr(host, ':');
	if (port != NULL)
		*port = '\0';
	(void)setenv("TCPREMOTEHOST", host, 1);
}

static void
set_environment(const struct run *run, const struct qorb_grant *grant)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	struct addr remote = { 0 }, local = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(ucspi_names); i++)
		(void)unsetenv(ucspi_names[i]);
	(void)setenv("QORB_POOL", run->pool, 1);
	(void)setenv("QORB_BACKEND", grant->backend, 1);
	set_number("QORB_CLAIM", grant->claim);
	if (getpeername(grant->fd, (struct sockaddr *)&sa, &len) == 0)
		addr_from_sockaddr(&sa, &remote);
	len = sizeof(sa);
	if (getsockname(grant->fd, (struct sockaddr *)&sa, &len) == 0)
		addr_from_sockaddr(&sa, &local);
	if (remote.kind == ADDR_UNIX) {
		(void)setenv("PROTO", "UNIX", 1);
		(void)setenv("UNIXREMOTEPATH", remote.path, 1);
		return;
	}
	(void)setenv("PROTO", "TCP", 1);
	set_end(&remote, "TCPREMOTEIP", "TCPREMOTEPORT");
	set_end(&local, "TCPLOCALIP", "TCPLOCALPORT");
	set_host(grant->backend);
}

/* Everything else that is open is close-on-exec. */
static _Noreturn void
be_program(const struct run *run, int conn, int report, const sigset_t *mask)
{
	int to_read = run->is_stdio ? STDIN_FILENO : UCSPI_READ;
	int to_write = run->is_stdio ? STDOUT_FILENO : UCSPI_WRITE;
	int e;

	if (dup2(conn, to_read) >= 0 && dup2(conn, to_write) >= 0) {
		signals_reset();
		(void)sigprocmask(SIG_SETMASK, mask, NULL);
		(void)execvp(run->argv[0], run->argv);
	}
	e = errno;
	if (write(report, &e, sizeof(e)) < 0)
		_exit(EXIT_NOT_RUN);
	_exit(EXIT_NOT_RUN);
}

/* A pipe that closes at exec, out of the way of the program's descriptors. */
static bool
open_report(int ends[2])
{
	int low[2];

	if (pipe(low) != 0)
		return false;
	ends[0] = fcntl(low[0], F_DUPFD_CLOEXEC, OWN_FDS_FROM);
	ends[1] = fcntl(low[1], F_DUPFD_CLOEXEC, OWN_FDS_FROM);
	fd_close(&low[0]);
	fd_close(&low[1]);
	if (ends[0] >= 0 && ends[1] >= 0)
		return true;
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return false;
}

static pid_t
start_program(const struct run *run, int conn, const int report[2])
{
	sigset_t all, before;
	pid_t pid;

	/* A signal between fork and exec is the program's, not one more for
	 * our pipe, which both then share. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		be_program(run, conn, report[1], &before);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void
pass_on(pid_t pid, const struct caught *caught)
{
	if (caught->signo != SIGCHLD && !caught->is_from_kernel)
		(void)kill(pid, caught->signo);
}

static int
wait_for_end(pid_t pid)
{
	struct pollfd p = { .fd = signals_fd(), .events = POLLIN };
	struct caught caught;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		(void)poll(&p, 1, -1);
		while (signals_next(&caught))
			pass_on(pid, &caught);
	}
	return status;
}

static int
not_started(const struct run *run, int e)
{
	program_warn("%s: %s", run->argv[0], strerror(e));
	return e == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

/* What kept the program from starting, or 0. */
static int
read_report(int fd)
{
	int e;
	ssize_t n;

	do {
		n = read(fd, &e, sizeof(e));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(e) ? e : 0;
}

int
run_program(const struct run *run, struct qorb_grant *grant, bool *is_broken)
{
	int conn = fcntl(grant->fd, F_DUPFD_CLOEXEC, OWN_FDS_FROM);
	int report[2] = { -1, -1 };
	int status;
	pid_t pid;
	int e;

	*is_broken = false;
	set_environment(run, grant);
	fd_close(&grant->fd);
	pid = conn >= 0 && open_report(report)
		  ? start_program(run, conn, report)
		  : -1;
	e = errno;
	fd_close(&conn);
	fd_close(&report[1]);
	if (pid < 0) {
		fd_close(&report[0]);
		return not_started(run, e);
	}
	e = read_report(report[0]);
	fd_close(&report[0]);
	status = wait_for_end(pid);
	/* Nobody has touched the connection. */
	if (e != 0)
		return not_started(run, e);
	*is_broken = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	return WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
