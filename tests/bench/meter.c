#include "meter.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/qorb_client.h"

long
meter_daemon_pid(const char *path)
{
	struct qorb_client *c = qorb_client_new(path);
	struct qorb_reply r;
	uint64_t pid = 0;

	if (!qorb_client_send(c, NULL, "hello", NULL, 0)) {
		(void)fprintf(stderr, "%s: %s\n", path, qorb_client_error(c));
		exit(1);
	}
	while (!qorb_client_next(c, &r)) {
		if (!qorb_client_on_readable(c))
			exit(1);
	}
	(void)qorb_reply_number(&r, "pid", &pid);
	qorb_client_free(&c);
	return (long)pid;
}

double
meter_cpu_us(long pid)
{
	char path[64];
	double ns = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/schedstat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lf", &ns) != 1)
		ns = 0;
	(void)fclose(f);
	return ns / 1000;
}
