/* The socket that clients connect to; see listener.h. */

#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "client/socket_path.h"
#include "io/fd.h"
#include "io/log.h"
#include "peer.h"

#define BACKLOG	     1024
#define ACCEPT_BATCH 64
#define PAUSE_US     (100 * (int)US_PER_MS)
#define PING_MS	     1000 /* for who listens at our path to answer */
#define LOOKS_MAX    10

static void
fill(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strlen(path) + 1);
}

/* The folder of the path, made when it is missing: for its user alone under
 * /tmp, where one that is there may be anybody's. */
static bool
make_folder(const char *path, char *folder, struct text *why)
{
	char *slash;
	mode_t mode = strncmp(path, "/tmp/", 5) == 0 ? 0700 : 0755;

	memcpy(folder, path, strlen(path) + 1);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		memcpy(folder, ".", 2);
	else
		slash[slash == folder] = '\0';
	/* Whatever the umask: the socket's own mode says who may come in. */
	if (mkdir(folder, mode) == 0 ? chmod(folder, mode) == 0
				     : errno == EEXIST)
		return socket_path_check(path, why);
	text_addf(why, "cannot make the folder %s for the socket: %s", folder,
	    strerror(errno));
	return false;
}

/* Does the peer close the connection instead of answering? One that is silent
 * may be stuck, but is there. */
static bool
drops(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char answer;

	(void)send(fd, "ping\n", 5, MSG_NOSIGNAL);
	return poll(&p, 1, PING_MS) == 1 && recv(fd, &answer, 1, 0) <= 0;
}

enum found { FOUND_NOBODY, FOUND_DYING, FOUND_DAEMON };

/* Who listens at the path? *pid is 0 where that cannot be told. */
static enum found
look_at(const char *path, pid_t *pid)
{
	struct sockaddr_un sun;
	struct peer peer;
	enum found found = FOUND_DAEMON;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	fill(&sun, path);
	*pid = 0;
	if (fd == -1)
		return FOUND_NOBODY; /* bind_socket says why */
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		if (errno != EAGAIN) /* its backlog is full */
			found = FOUND_NOBODY;
	} else {
		if (peer_of(fd, &peer))
			*pid = peer.pid;
		if (drops(fd))
			found = FOUND_DYING;
	}
	fd_close(&fd);
	return found;
}

/* Does a daemon answer at the path? Then why says which. One that was killed
 * listens until the kernel has put its descriptors away: who connects meanwhile
 * is dropped, and finds nobody when trying again. */
static bool
is_live(const char *path, struct text *why)
{
	enum found found = FOUND_DYING;
	pid_t pid = 0;

	for (int i = 0; found == FOUND_DYING && i < LOOKS_MAX; i++)
		found = look_at(path, &pid);
	if (found == FOUND_NOBODY)
		return false;
	if (pid > 0)
		text_addf(why, "another process, pid %ld, answers on %s",
		    (long)pid, path);
	else
		text_addf(why, "another process answers on %s", path);
	return true;
}

static bool
is_replaceable(const char *path, struct text *why)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return true; /* bind says more if that is wrong */
	if (!S_ISSOCK(st.st_mode)) {
		text_addf(why, "%s exists and is no socket", path);
		return false;
	}
	return !is_live(path, why);
}

static int
bind_socket(const char *path, mode_t mode, struct text *why)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old;
	bool is_good;

	fill(&sun, path);
	if (fd != -1) {
		(void)unlink(path);
		old = umask(0177);
		is_good = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
		(void)umask(old);
		if (is_good && listen(fd, BACKLOG) == 0 &&
		    chmod(path, mode) == 0)
			return fd;
	}
	text_addf(why, "cannot listen on %s: %s", path, strerror(errno));
	fd_close(&fd);
	return -1;
}

/* The folder is locked meanwhile, so that of two daemons that start at once one
 * sees the other. */
static int
open_socket(const char *path, mode_t mode, struct text *why)
{
	char folder[ADDR_PATH_BYTES];
	int lock, fd = -1;

	if (!make_folder(path, folder, why))
		return -1;
	lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock == -1 || flock(lock, LOCK_EX) == -1) {
		text_addf(why, "cannot use the folder %s of the socket: %s",
		    folder, strerror(errno));
		fd_close(&lock);
		return -1;
	}
	if (is_replaceable(path, why))
		fd = bind_socket(path, mode, why);
	fd_close(&lock);
	return fd;
}

static void
pause_accepting(struct listener *l)
{
	struct timeval tv = { 0, PAUSE_US };

	if (!l->is_paused)
		log_write(LOG_WARN, NULL, NULL,
		    "out of descriptors: no new clients until some are free");
	l->is_paused = true;
	(void)event_del(l->event);
	(void)event_add(l->retry, &tv);
}

static void
on_readable(evutil_socket_t listening, short what, void *ctx)
{
	struct listener *l = ctx;

	(void)what;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd;

		if (!l->may_accept(l->ctx)) {
			pause_accepting(l);
			return;
		}
		fd = accept4(
		    listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd == -1 && (errno == EMFILE || errno == ENFILE ||
				    errno == ENOBUFS || errno == ENOMEM))
			pause_accepting(l);
		if (fd == -1)
			return;
		if (l->is_paused)
			log_write(LOG_INFO, NULL, NULL,
			    "new clients are accepted again");
		l->is_paused = false;
		l->accepted(l->ctx, fd);
	}
}

static void
on_retry(evutil_socket_t fd, short what, void *ctx)
{
	struct listener *l = ctx;

	(void)fd;
	(void)what;
	(void)event_add(l->event, NULL);
}

bool
listener_open(struct listener *l, struct event_base *base, const char *path,
    mode_t mode, struct text *why)
{
	struct stat st;

	l->fd = open_socket(path, mode, why);
	if (l->fd == -1)
		return false;
	memcpy(l->path, path, strlen(path) + 1);
	if (lstat(path, &st) == 0) {
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	l->event = event_new(base, l->fd, EV_READ | EV_PERSIST, on_readable, l);
	l->retry = evtimer_new(base, on_retry, l);
	ASSERT(l->event != NULL && l->retry != NULL);
	(void)event_add(l->event, NULL);
	return true;
}

static bool
is_ours(const struct listener *l)
{
	struct stat st;

	return lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	       st.st_ino == l->ino;
}

void
listener_set_mode(struct listener *l, mode_t mode)
{
	if (is_ours(l) && chmod(l->path, mode) == -1)
		log_write(LOG_WARN, NULL, NULL, "cannot set the mode of %s: %s",
		    l->path, strerror(errno));
}

void
listener_close(struct listener *l)
{
	if (l->fd == -1)
		return;
	event_free(l->event);
	event_free(l->retry);
	if (is_ours(l))
		(void)unlink(l->path);
	fd_close(&l->fd);
}
