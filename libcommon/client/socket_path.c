#include "client/socket_path.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/text.h"

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
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
		text_add(&t, "/qorb/pool.sock");
	} else {
		text_add(&t, "/tmp/qorb-");
		text_add_u64(&t, geteuid());
		text_add(&t, "/pool.sock");
	}
	return !t.is_cut;
}
