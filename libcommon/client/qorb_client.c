#include "client/qorb_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/qorb_client_priv.h"
#include "client/socket_path.h"

#define CONNECT_MAX_S 5

static bool
say(struct qorb_client *client, const char *fmt, va_list ap)
{
	(void)vsnprintf(client->error, sizeof(client->error), fmt, ap);
	client->code[0] = '\0';
	return false;
}

bool
qorb_client_fail(struct qorb_client *client, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(client, fmt, ap);
	va_end(ap);
	return false;
}

bool
qorb_client_lose(struct qorb_client *client, const char *fmt, ...)
{
	va_list ap;

	if (!client->is_up)
		return false;
	client->is_up = false;
	client->out_head = client->out_tail = 0;
	va_start(ap, fmt);
	say(client, fmt, ap);
	va_end(ap);
	return false;
}

static bool
prepare_socket(int fd)
{
	int flags = fcntl(fd, F_GETFL);

#ifdef SO_NOSIGPIPE
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif
	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static int
unix_socket(void)
{
#ifdef SOCK_CLOEXEC
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
#else
	return socket(AF_UNIX, SOCK_STREAM, 0);
#endif
}

/* A connected socket, or -1 with errno. A daemon that has stopped accepting
 * lets connect wait as long as the send time out says. */
static int
connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = CONNECT_MAX_S };
	int fd = unix_socket();
	int e;

	if (fd < 0)
		return -1;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	do {
		e = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	} while (e != 0 && errno == EINTR);
	if (e == 0 && prepare_socket(fd))
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

static const char *
connect_hint(int e)
{
	switch (e) {
	case ENOENT:
	case ECONNREFUSED:
		return "; is qorb-pool running there?";
	case EACCES:
	case EPERM:
		return "; its owner or group may connect";
	case EAGAIN:
		return "; the daemon there does not accept";
	default:
		return "";
	}
}

static struct qorb_client *
client_new(int fd)
{
	struct qorb_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->fd = fd;
	client->is_up = fd >= 0;
	line_in_init(&client->in, QORB_IN_BYTES);
	return client;
}

/* Who listens in the folder that is ours by default could be somebody else. Of
 * a path that was chosen, the user knows. */
static bool
check_folder(struct qorb_client *client)
{
	char buf[512];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	return !socket_path_is_ours(client->path) ||
	       socket_path_check(client->path, &why) ||
	       qorb_client_fail(
		   client, "cannot connect to %s: %s", client->path, buf);
}

struct qorb_client *
qorb_client_new(const char *path)
{
	struct qorb_client *client = client_new(-1);
	bool fits;

	if (client == NULL)
		return NULL;
	if (path == NULL) {
		fits = socket_path_default(client->path);
		path = "the path in the environment";
	} else {
		fits = strlen(path) < sizeof(client->path);
		if (fits)
			memcpy(client->path, path, strlen(path) + 1);
	}
	if (!fits) {
		qorb_client_fail(client,
		    "cannot connect to %s: a socket's path has at most %d "
		    "characters",
		    path, ADDR_PATH_BYTES - 1);
		return client;
	}
	if (!check_folder(client))
		return client;
	client->fd = connect_to(client->path);
	client->is_up = client->fd >= 0;
	if (!client->is_up)
		qorb_client_fail(client, "cannot connect to %s: %s%s",
		    client->path, strerror(errno), connect_hint(errno));
	return client;
}

struct qorb_client *
qorb_client_adopt(int fd)
{
	struct qorb_client *client = client_new(fd);

	if (client == NULL) {
		close(fd);
		return NULL;
	}
	if (!prepare_socket(fd))
		qorb_client_lose(client, "cannot use descriptor %d: %s", fd,
		    strerror(errno));
	return client;
}

void
qorb_client_free(struct qorb_client **client)
{
	struct qorb_client *c = *client;

	*client = NULL;
	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	qorb_kept_fini(c);
	qorb_fds_fini(&c->fds);
	line_in_fini(&c->in);
	free(c->out);
	free(c);
}

bool
qorb_client_is_up(const struct qorb_client *client)
{
	return client->is_up;
}

const char *
qorb_client_error(const struct qorb_client *client)
{
	return client->error;
}

const char *
qorb_client_code(const struct qorb_client *client)
{
	return client->code[0] == '\0' ? NULL : client->code;
}

const char *
qorb_client_path(const struct qorb_client *client)
{
	return client->path;
}

int
qorb_client_fd(const struct qorb_client *client)
{
	return client->fd;
}

size_t
qorb_client_queued(const struct qorb_client *client)
{
	return client->out_tail - client->out_head;
}

bool
qorb_client_wants_write(const struct qorb_client *client)
{
	return qorb_client_queued(client) > 0;
}
