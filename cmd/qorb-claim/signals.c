#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const int caught_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };

/* A handler has no other way to its pipe than a variable of the process. */
static int pipe_ends[2] = { -1, -1 };

static void
on_signal(int signo, siginfo_t *info, void *context)
{
	struct caught caught = { .signo = signo,
		.is_from_kernel = info->si_code > 0 };
	int saved = errno;

	(void)context;
	/* The pipe is full after some thousand: more would say no more. */
	if (write(pipe_ends[1], &caught, sizeof(caught)) < 0)
		errno = saved;
	errno = saved;
}

static bool
prepare_end(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static bool
catch_one(int signo)
{
	struct sigaction action = { .sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP };
	struct sigaction old;

	if (sigaction(signo, NULL, &old) != 0)
		return false;
	if (old.sa_handler == SIG_IGN && signo != SIGCHLD)
		return true;
	sigemptyset(&action.sa_mask);
	return sigaction(signo, &action, NULL) == 0;
}

bool
signals_init(void)
{
	if (pipe(pipe_ends) != 0)
		return false;
	if (!prepare_end(pipe_ends[0]) || !prepare_end(pipe_ends[1]))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(caught_signals); i++) {
		if (!catch_one(caught_signals[i]))
			return false;
	}
	return true;
}

int
signals_fd(void)
{
	return pipe_ends[0];
}

bool
signals_next(struct caught *caught)
{
	ssize_t n;

	do {
		n = read(pipe_ends[0], caught, sizeof(*caught));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*caught);
}

void
signals_reset(void)
{
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_LEN(caught_signals); i++) {
		if (sigaction(caught_signals[i], NULL, &old) == 0 &&
		    (old.sa_flags & SA_SIGINFO) != 0)
			(void)signal(caught_signals[i], SIG_DFL);
	}
}
