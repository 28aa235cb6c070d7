#include "client/socket_path.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP "/tmp/"

/* What is in the folder of $XDG_RUNTIME_DIR. */
#define IN_RUNTIME "/qorb/pool.sock"

#define LONGEST (ADDR_PATH_BYTES - 1)

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static void
add_own_folder(struct text *t)
{
	text_add(t, TMP "qorb-");
	text_add_u64(t, geteuid());
	text_add_char(t, '/');
}

bool
socket_path_default(char *buf)
{
	const char *path = environment("QORB_SOCKET");
	const char *runtime = environment("XDG_RUNTIME_DIR");
	struct text t;

	text_init(&t, buf, ADDR_PATH_BYTES);
	if (path != NULL) {
		text_add(&t, path);
	} else if (geteuid() == 0) {
		text_add(&t, "/run/qorb/pool.sock");
	} else if (runtime != NULL) {
		text_add(&t, runtime);
		text_add(&t, IN_RUNTIME);
	} else {
		add_own_folder(&t);
		text_add(&t, "pool.sock");
	}
	return !t.is_cut;
}

void
socket_path_complain(struct text *why)
{
	bool is_named = environment("QORB_SOCKET") != NULL;
	size_t most = is_named ? LONGEST : LONGEST - strlen(IN_RUNTIME);

	text_addf(why, "$%s: a path of at most %zu bytes is needed",
	    is_named ? "QORB_SOCKET" : "XDG_RUNTIME_DIR", most);
}

bool
socket_path_is_ours(const char *path)
{
	char folder[ADDR_PATH_BYTES];
	struct text t;

	text_init(&t, folder, sizeof(folder));
	add_own_folder(&t);
	return strncmp(path, folder, t.len) == 0;
}

/* What is wrong with a folder, NULL when it is good or not there. */
static const char *
distrust(const char *folder)
{
	struct stat st;

	if (lstat(folder, &st) == -1)
		return NULL;
	if (!S_ISDIR(st.st_mode))
		return "it is no folder";
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return "it belongs to another user";
	return st.st_mode & S_IWOTH ? "everybody may write to it" : NULL;
}

bool
socket_path_check(const char *path, struct text *why)
{
	char folder[ADDR_PATH_BYTES];
	const char *what = NULL;
	size_t len = strlen(TMP);

	if (strncmp(path, TMP, len) != 0 || strlen(path) >= sizeof(folder))
		return true;
	while (what == NULL && strchr(path + len, '/') != NULL) {
		len += strcspn(path + len, "/");
		memcpy(folder, path, len);
		folder[len] = '\0';
		what = distrust(folder);
		len++;
	}
	if (what != NULL)
		text_addf(why,
		    "the folder %s of the socket cannot be trusted, %s: remove "
		    "it, or name another path",
		    folder, what);
	return what == NULL;
}
