/* qorb-web as a child of the daemon; see web.h. */

#include "web.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#elif defined(__FreeBSD__)
#include <sys/procctl.h>
#endif

#include <event2/event.h>

#include "io/fd.h"
#include "io/log.h"

#define NAME "qorb-web"

/* Room for a path of it. */
#define PATH_BYTES 4096

/* What the child exits with when it could not become qorb-web. */
#define EXIT_NOT_FOUND 127

/* From one start to the next; one that has run for the longest is a new one. */
#define RETRY_LEAST_US US_PER_S
#define RETRY_MOST_US  (60 * US_PER_S)

/* How long it has to end. */
#define END_US	    US_PER_S
#define END_LOOK_US (5 * US_PER_MS)

struct web {
	const char *socket;
	struct addr listen; /* ADDR_NONE: it is not to run */
	const char *log_level;
	pid_t pid; /* 0: it does not run */
	uint64_t started_us;
	uint64_t retry_us;
	bool is_told_to_end;
	bool may_end;	     /* by itself */
	struct event *child; /* owned; SIGCHLD */
	struct event *retry; /* owned */
};

/* --- in the child --------------------------------------------------------- */

/* The one beside this program, else the one in $PATH: "" when it cannot be
 * known. */
static void
beside_us(char *path, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", path, cap - sizeof("/" NAME));
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		memcpy(slash, "/" NAME, sizeof("/" NAME));
}

/* Whatever it is that ends the daemon, this process ends too. */
static void
die_with(pid_t parent)
{
#if defined(__linux__)
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
#elif defined(__FreeBSD__)
	int number = SIGTERM;

	(void)procctl(P_PID, 0, PROC_PDEATHSIG_CTL, &number);
#endif
	if (getppid() != parent) /* it has happened already */
		_exit(0);
}

/* All of ours are close-on-exec; the daemon may have been given others. */
static void
close_others(void)
{
#ifdef CLOSE_RANGE_CLOEXEC
	if (close_range(STDERR_FILENO + 1, ~0U, 0) == 0)
		return;
#endif
	for (long fd = sysconf(_SC_OPEN_MAX); fd > STDERR_FILENO; fd--)
		(void)close((int)fd);
}

static void
reset_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD,
		SIGPIPE, SIGUSR1, SIGUSR2, SIGXFSZ };
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		(void)signal(numbers[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void
become_web(const struct web *w, pid_t parent)
{
	char path[PATH_BYTES], listen[ADDR_TEXT_BYTES];
	const char *argv[] = { NAME, "--listen", addr_text(&w->listen, listen),
		"--socket", w->socket, "--log-level", w->log_level, NULL };

	reset_signals();
	die_with(parent);
	close_others();
	beside_us(path, sizeof(path));
	if (path[0] != '\0')
		(void)execv(path, (char **)argv);
	(void)execvp(NAME, (char **)argv);
	_exit(EXIT_NOT_FOUND);
}

/* --- in the daemon -------------------------------------------------------- */

static void
retry_later(struct web *w)
{
	struct timeval tv = { .tv_sec = (time_t)(w->retry_us / US_PER_S) };

	(void)event_add(w->retry, &tv);
	w->retry_us = 2 * w->retry_us;
	if (w->retry_us > RETRY_MOST_US)
		w->retry_us = RETRY_MOST_US;
}

static void
start(struct web *w)
{
	sigset_t all, old;
	pid_t us = getpid(), pid;
	char buf[ADDR_TEXT_BYTES];

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		become_web(w, us);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0) {
		log_write(LOG_ERROR, NULL, NULL, "cannot start " NAME ": %s",
		    strerror(errno));
		retry_later(w);
		return;
	}
	w->pid = pid;
	w->started_us = clock_us();
	w->is_told_to_end = false;
	log_write(LOG_INFO, NULL, NULL, NAME " started for %s as process %ld",
	    addr_text(&w->listen, buf), (long)pid);
}

static void
stop(struct web *w)
{
	if (w->pid == 0 || w->is_told_to_end)
		return;
	w->is_told_to_end = true;
	(void)kill(w->pid, SIGTERM);
}

static void
describe(char *buf, size_t cap, int status)
{
	if (WIFSIGNALED(status))
		(void)snprintf(buf, cap, "was ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == EXIT_NOT_FOUND)
		(void)snprintf(
		    buf, cap, "is neither beside qorb-pool nor in $PATH");
	else
		(void)snprintf(
		    buf, cap, "ended with exit status %d", WEXITSTATUS(status));
}

/* It has ended: as it was told to, or it is to run again. */
static void
on_end(struct web *w, int status)
{
	char how[128];

	w->pid = 0;
	if (w->may_end)
		return;
	if (w->is_told_to_end) {
		log_write(LOG_INFO, NULL, NULL, NAME " stopped");
		if (w->listen.kind != ADDR_NONE)
			start(w);
		return;
	}
	if (clock_us() - w->started_us >= RETRY_MOST_US)
		w->retry_us = RETRY_LEAST_US;
	describe(how, sizeof(how), status);
	log_write(LOG_ERROR, NULL, NULL,
	    NAME " %s; it is tried again in %llu s", how,
	    (unsigned long long)(w->retry_us / US_PER_S));
	retry_later(w);
}

static void
on_child(evutil_socket_t number, short what, void *ctx)
{
	struct web *w = ctx;
	int status;

	(void)number;
	(void)what;
	if (w->pid != 0 && waitpid(w->pid, &status, WNOHANG) == w->pid)
		on_end(w, status);
}

static void
on_retry(evutil_socket_t fd, short what, void *ctx)
{
	struct web *w = ctx;

	(void)fd;
	(void)what;
	if (w->pid == 0 && w->listen.kind != ADDR_NONE)
		start(w);
}

struct web *
web_new(struct event_base *base, const char *socket)
{
	struct web *w = mem_new(1, sizeof(*w));

	w->socket = socket;
	w->retry_us = RETRY_LEAST_US;
	w->child = evsignal_new(base, SIGCHLD, on_child, w);
	w->retry = evtimer_new(base, on_retry, w);
	ASSERT(w->child != NULL && w->retry != NULL);
	(void)event_add(w->child, NULL);
	return w;
}

/* Nothing else is to be done any more when this waits. */
static void
wait_for_end(const struct web *w)
{
	const struct timespec moment = { .tv_nsec =
					     (long)(END_LOOK_US * 1000) };
	uint64_t end_us = clock_us() + END_US;
	int status;

	while (waitpid(w->pid, &status, WNOHANG) == 0) {
		if (clock_us() < end_us) {
			(void)nanosleep(&moment, NULL);
			continue;
		}
		(void)kill(w->pid, SIGKILL);
		(void)waitpid(w->pid, &status, 0);
		return;
	}
}

void
web_free(struct web **web)
{
	struct web *w = *web;

	*web = NULL;
	if (w == NULL)
		return;
	stop(w);
	if (w->pid != 0)
		wait_for_end(w);
	event_free(w->child);
	event_free(w->retry);
	free(w);
}

void
web_set(struct web *w, const struct addr *listen, const char *log_level)
{
	bool is_same = addr_equal(&w->listen, listen);

	w->log_level = log_level;
	if (is_same)
		return;
	w->listen = *listen;
	w->retry_us = RETRY_LEAST_US;
	(void)event_del(w->retry);
	if (w->pid != 0)
		stop(w);
	else if (listen->kind != ADDR_NONE)
		start(w);
}

void
web_let_end(struct web *w)
{
	w->may_end = true;
	(void)event_del(w->retry);
}
