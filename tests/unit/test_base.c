#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base.h"

#define HOOK_STATUS 42

struct item {
	int number;
	struct item *node;
};

static void
exit_if_told_well(const char *file, int line, const char *what)
{
	if (strcmp(file, "f.c") == 0 && line == 7 && strcmp(what, "x") == 0)
		_exit(HOOK_STATUS);
}

/* How a child ends that runs into a failed assertion. */
static int
status_of_failure(void (*hook)(const char *, int, const char *))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		assert_hook = hook;
		assert_failed("f.c", 7, "x");
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
a_failed_assertion_aborts(void **state)
{
	int status = status_of_failure(NULL);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
a_failed_assertion_tells_the_hook_first(void **state)
{
	int status = status_of_failure(exit_if_told_well);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), HOOK_STATUS);
}

static void
an_assertion_that_holds_does_nothing(void **state)
{
	(void)state;
	ASSERT(state == NULL || state != NULL);
}

static void
time_after_adds_and_never_stays_never(void **state)
{
	(void)state;
	assert_int_equal(time_after(5, 7), 12);
	assert_int_equal(time_after(0, 0), 0);
	assert_true(time_after(NEVER, 0) == NEVER);
	assert_true(time_after(0, NEVER) == NEVER);
	assert_true(time_after(NEVER, NEVER) == NEVER);
}

static void
time_after_does_not_wrap(void **state)
{
	(void)state;
	assert_true(time_after(NEVER - 2, 1) == NEVER - 1);
	assert_true(time_after(NEVER - 1, 1) == NEVER);
	assert_true(time_after(NEVER - 1, NEVER - 1) == NEVER);
}

static void
new_memory_is_zeroed_even_when_none_is_asked_for(void **state)
{
	char *p = mem_new(100, 3);
	void *empty = mem_new(0, 8);

	(void)state;
	for (int i = 0; i < 300; i++)
		assert_int_equal(p[i], 0);
	assert_non_null(empty);
	free(empty);
	free(p);
}

static void
a_grown_array_keeps_the_old_and_zeroes_the_new(void **state)
{
	int *a = mem_grow(NULL, 0, 2, sizeof(*a));

	(void)state;
	assert_int_equal(a[0] | a[1], 0);
	a[0] = 1;
	a[1] = 2;
	a = mem_grow(a, 2, 1000, sizeof(*a));
	assert_int_equal(a[0], 1);
	assert_int_equal(a[1], 2);
	for (int i = 2; i < 1000; i++)
		assert_int_equal(a[i], 0);
	free(a);
}

static void
a_copied_string_is_the_same_and_its_own(void **state)
{
	char text[] = "abc";
	char *copy = mem_strdup(text);

	(void)state;
	text[0] = 'x';
	assert_string_equal(copy, "abc");
	free(copy);
}

static void
container_of_finds_the_struct_around_a_member(void **state)
{
	struct item it = { .number = 3 };

	(void)state;
	assert_ptr_equal(CONTAINER_OF(&it.node, struct item, node), &it);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_assertion_aborts),
		cmocka_unit_test(a_failed_assertion_tells_the_hook_first),
		cmocka_unit_test(an_assertion_that_holds_does_nothing),
		cmocka_unit_test(time_after_adds_and_never_stays_never),
		cmocka_unit_test(time_after_does_not_wrap),
		cmocka_unit_test(
		    new_memory_is_zeroed_even_when_none_is_asked_for),
		cmocka_unit_test(
		    a_grown_array_keeps_the_old_and_zeroes_the_new),
		cmocka_unit_test(a_copied_string_is_the_same_and_its_own),
		cmocka_unit_test(container_of_finds_the_struct_around_a_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
