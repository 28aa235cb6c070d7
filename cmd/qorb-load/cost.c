#include "cost.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base.h"

#define NS_PER_US 1000

static uint64_t
cost_timeval_us(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * US_PER_S + (uint64_t)tv->tv_usec;
}

/* Linux: nanoseconds on a processor, nanoseconds that it waited for one, and
 * how often it ran, of the only thread. */
static uint64_t
cost_delayed_us(void)
{
	int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	char buf[128];
	ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf) - 1) : -1;
	const char *second;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	second = strchr(buf, ' ');
	return second != NULL ? strtoull(second, NULL, 10) / NS_PER_US : 0;
}

struct cost
cost_now(void)
{
	struct cost cost = { .delayed_us = cost_delayed_us() };
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		cost.cpu_us = cost_timeval_us(&usage.ru_utime) +
			      cost_timeval_us(&usage.ru_stime);
	return cost;
}

struct cost
cost_since(const struct cost *begun)
{
	struct cost now = cost_now();

	return (struct cost){
		.cpu_us = now.cpu_us - begun->cpu_us,
		.delayed_us = now.delayed_us - begun->delayed_us,
	};
}
