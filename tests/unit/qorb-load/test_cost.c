#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base.h"
#include "io/fd.h"
#include "cost.h"

#define DEADLINE_US (20 * US_PER_S)

/* Works until this much of a cost has come together. */
static struct cost
work_until(const struct cost *wanted)
{
	struct cost begun = cost_now();
	uint64_t end_us = clock_us() + DEADLINE_US;
	struct cost cost = { 0 };

	while (cost.cpu_us < wanted->cpu_us ||
	       cost.delayed_us < wanted->delayed_us) {
		if (clock_us() > end_us)
			break;
		cost = cost_since(&begun);
	}
	return cost;
}

static void
work_is_time_on_a_processor(void **state)
{
	uint64_t begun_us = clock_us();
	struct cost cost = work_until(&(struct cost){ .cpu_us = 20000 });

	(void)state;
	assert_true(cost.cpu_us >= 20000);
	/* The system may count it in steps of up to 10 ms. */
	assert_true(cost.cpu_us <= clock_us() - begun_us + 10000);
}

/* All there is to run on, for a process that never rests and for us. */
static pid_t
share_one_processor(void)
{
	cpu_set_t all, one;
	pid_t pid;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(2 * DEADLINE_US / US_PER_S);
		for (;;)
			(void)getppid();
	}
	return pid;
}

static void
a_processor_that_others_have_is_time_waited(void **state)
{
	pid_t pid;
	struct cost cost;

	(void)state;
	if (access("/proc/self/schedstat", R_OK) != 0)
		skip();
	pid = share_one_processor();
	cost = work_until(&(struct cost){ .delayed_us = 1000 });
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(cost.delayed_us >= 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_is_time_on_a_processor),
		cmocka_unit_test(a_processor_that_others_have_is_time_waited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
