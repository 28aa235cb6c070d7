#include "io/state_file.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/log.h"

/* Changes that come within this time of one another are written once. */
#define WRITE_AFTER_US (200 * US_PER_MS)

/* After a failure to write. */
#define WRITE_AGAIN_US (10 * US_PER_S)

/* The file may be replaced while we open it, but not for ever. */
#define OPENS_MAX 100

#define NEW_SUFFIX ".new"

struct state_file {
	struct state_file *next;
	struct state_files *files; /* borrowed */
	char *path;		   /* owned */
	char *new_path;		   /* owned */
	size_t refs;
	int fd; /* owned; carries the lock */
	struct saved saved;
	size_t used_count;
	char **used; /* owned; names of pools that were asked for */
	bool is_changed;
	bool has_failed;     /* the last time it was written */
	struct event *timer; /* owned */
};

struct state_files {
	struct event_base *base;
	struct state_file *first;
};

struct state_files *
state_files_new(struct event_base *base)
{
	struct state_files *files = mem_new(1, sizeof(*files));

	files->base = base;
	return files;
}

void
state_files_free(struct state_files **files)
{
	if (*files == NULL)
		return;
	ASSERT((*files)->first == NULL);
	free(*files);
	*files = NULL;
}

/* Is this the file that has the path now? */
static bool
has_path(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* Opens the file, or makes it; -1 with errno. */
static int
open_or_make(const char *path, bool *is_new)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

	*is_new = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, flags | O_CREAT, 0600);
	return fd;
}

/* Opens and locks; -1, and why says why. */
static int
open_locked(const char *path, bool *is_new, struct text *why)
{
	struct stat st;
	int fd;

	for (int i = 0; i < OPENS_MAX; i++) {
		fd = open_or_make(path, is_new);
		if (fd < 0) {
			text_addf(why, "%s", strerror(errno));
			return -1;
		}
		if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
			text_add(why, "it is no regular file");
			fd_close(&fd);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && has_path(fd, path))
			return fd;
		if (has_path(fd, path)) {
			text_add(why, "another process uses it; each daemon "
				      "needs a file of its own");
			fd_close(&fd);
			return -1;
		}
		fd_close(&fd);
	}
	text_add(why, "it is replaced again and again");
	return -1;
}

/* All of a file with a NUL behind it, owned; NULL with *why. */
static char *
read_all(int fd, size_t *len, const char **why)
{
	struct stat st;
	ssize_t n = 0;
	char *text;

	*why = "it cannot be read";
	if (fstat(fd, &st) != 0)
		return NULL;
	*why = "it is too large to be a state file";
	if (st.st_size < 0 || (uint64_t)st.st_size > SAVED_BYTES_MAX)
		return NULL;
	text = mem_new((size_t)st.st_size + 1, 1);
	for (*len = 0; *len < (size_t)st.st_size; *len += (size_t)n) {
		n = read(fd, text + *len, (size_t)st.st_size - *len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			break;
	}
	if (n >= 0)
		return text;
	*why = "it cannot be read";
	free(text);
	return NULL;
}

static void
load(struct state_file *f)
{
	const char *why = NULL;
	size_t len = 0;
	char *text = read_all(f->fd, &len, &why);

	if (text != NULL && len == 0)
		why = "it is empty";
	else if (text != NULL && saved_read(&f->saved, text, len, &why))
		why = NULL;
	if (why != NULL)
		log_write(LOG_WARN, NULL, NULL,
		    "state-file %s is ignored: %s; it will be written anew",
		    f->path, why);
	free(text);
}

static bool
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

/* The lock again on the file that has the path, when ours was removed or other
 * than by us replaced: it may be another daemon's by now. */
static bool
take_path(struct state_file *f, struct text *why)
{
	bool is_new;
	int fd;

	if (has_path(f->fd, f->path))
		return true;
	fd = open_locked(f->path, &is_new, why);
	if (fd < 0)
		return false;
	fd_close(&f->fd);
	f->fd = fd;
	return true;
}

/* A new file, locked, in the place of the old one; why says why not. It is on
 * the disk before it has the name: else the name may outlive a loss of power
 * and the bytes not. That takes a moment, which a set that rarely changes may
 * cost. */
static bool
replace(struct state_file *f, const char *text, size_t len, struct text *why)
{
	int fd;

	if (!take_path(f, why))
		return false;
	fd = open(f->new_path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		text_add(why, strerror(errno));
		return false;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && write_all(fd, text, len) &&
	    fdatasync(fd) == 0 && rename(f->new_path, f->path) == 0) {
		fd_close(&f->fd);
		f->fd = fd;
		return true;
	}
	text_add(why, strerror(errno));
	(void)unlink(f->new_path);
	fd_close(&fd);
	return false;
}

static void
write_after(struct state_file *f, uint64_t span_us)
{
	struct timeval tv = {
		.tv_sec = (time_t)(span_us / US_PER_S),
		.tv_usec = (suseconds_t)(span_us % US_PER_S),
	};

	(void)evtimer_add(f->timer, &tv);
}

static bool
is_used(const struct state_file *f, const char *pool)
{
	for (size_t i = 0; i < f->used_count; i++) {
		if (strcmp(f->used[i], pool) == 0)
			return true;
	}
	return false;
}

static void
drop_unused(struct state_file *f)
{
	size_t i = 0;

	while (i < f->saved.count) {
		const char *name = f->saved.pools[i].name;

		if (is_used(f, name))
			i++;
		else
			saved_put(&f->saved, name, "", NULL, 0);
	}
}

static void
write_now(struct state_file *f)
{
	char buf[256];
	struct text why;
	size_t len;
	char *text;

	if (!f->is_changed)
		return;
	text_init(&why, buf, sizeof(buf));
	drop_unused(f);
	text = saved_write(&f->saved, &len);
	f->is_changed = false;
	if (replace(f, text, len, &why)) {
		f->has_failed = false;
	} else {
		if (!f->has_failed)
			log_write(LOG_WARN, NULL, NULL,
			    "state-file %s cannot be written: %s", f->path,
			    buf);
		f->has_failed = true;
		f->is_changed = true;
		write_after(f, WRITE_AGAIN_US);
	}
	free(text);
}

/* What we made is written once in any case: a file that is found empty is a
 * damaged one then, whose bytes were lost. */
static void
begin_new(struct state_file *f)
{
	f->is_changed = true;
	write_after(f, WRITE_AFTER_US);
}

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	write_now(ctx);
}

static struct state_file *
new_file(struct state_files *files, const char *path, int fd, bool is_new)
{
	struct state_file *f = mem_new(1, sizeof(*f));
	size_t room = strlen(path) + sizeof(NEW_SUFFIX);
	struct text t;

	f->files = files;
	f->path = mem_strdup(path);
	f->new_path = mem_new(room, 1);
	text_init(&t, f->new_path, room);
	text_add(&t, path);
	text_add(&t, NEW_SUFFIX);
	f->fd = fd;
	f->timer = evtimer_new(files->base, on_timer, f);
	ASSERT(f->timer != NULL);
	f->next = files->first;
	files->first = f;
	if (is_new)
		begin_new(f);
	else
		load(f);
	return f;
}

struct state_file *
state_files_take(struct state_files *files, const char *path, struct text *why)
{
	struct state_file *f = files->first;
	bool is_new;
	int fd;

	while (f != NULL && strcmp(f->path, path) != 0)
		f = f->next;
	if (f == NULL) {
		text_addf(why, "state-file %s cannot be used: ", path);
		fd = open_locked(path, &is_new, why);
		if (fd < 0)
			return NULL;
		f = new_file(files, path, fd, is_new);
	}
	f->refs++;
	return f;
}

void
state_file_put_back(struct state_file **file)
{
	struct state_file *f = *file;
	struct state_file **at;

	*file = NULL;
	if (f == NULL || --f->refs > 0)
		return;
	write_now(f);
	at = &f->files->first;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	event_free(f->timer);
	fd_close(&f->fd);
	saved_fini(&f->saved);
	while (f->used_count > 0)
		free(f->used[--f->used_count]);
	free(f->used);
	free(f->path);
	free(f->new_path);
	free(f);
}

const char *
state_file_path(const struct state_file *file)
{
	return file->path;
}

static void
use_pool(struct state_file *f, const char *pool)
{
	if (is_used(f, pool))
		return;
	f->used =
	    mem_grow(f->used, f->used_count, f->used_count + 1, sizeof(char *));
	f->used[f->used_count++] = mem_strdup(pool);
}

const struct saved_pool *
state_file_find(struct state_file *f, const char *pool, const char *service)
{
	use_pool(f, pool);
	return saved_find(&f->saved, pool, service);
}

static bool
is_same(const struct saved_pool *pool, const struct backend_spec *specs,
    size_t count)
{
	if (pool == NULL || pool->count != count)
		return pool == NULL && count == 0;
	for (size_t i = 0; i < count; i++) {
		const struct backend_spec *a = &pool->specs[i], *b = &specs[i];

		if (strcmp(a->name, b->name) != 0 ||
		    !addr_equal(&a->addr, &b->addr) ||
		    a->priority != b->priority || a->weight != b->weight)
			return false;
	}
	return true;
}

void
state_file_save(struct state_file *f, const char *pool, const char *service,
    const struct backend_spec *specs, size_t count)
{
	use_pool(f, pool);
	if (!is_same(saved_find(&f->saved, pool, service), specs, count))
		saved_put(&f->saved, pool, service, specs, count);
	else if (has_path(f->fd, f->path))
		return;
	if (!f->is_changed)
		write_after(f, WRITE_AFTER_US);
	f->is_changed = true;
}
