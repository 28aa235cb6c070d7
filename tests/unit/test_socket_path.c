#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/socket_path.h"

static void
set(const char *name, const char *value)
{
	if (value != NULL)
		assert_int_equal(setenv(name, value, 1), 0);
	else
		assert_int_equal(unsetenv(name), 0);
}

static void
is_path(const char *socket, const char *runtime, const char *wanted)
{
	char path[ADDR_PATH_BYTES];

	set("QORB_SOCKET", socket);
	set("XDG_RUNTIME_DIR", runtime);
	assert_true(socket_path_default(path));
	assert_string_equal(path, wanted);
}

static void
the_environment_names_it(void **state)
{
	(void)state;
	is_path("/a/b.sock", NULL, "/a/b.sock");
	is_path("/a/b.sock", "/run/user/1", "/a/b.sock");
}

static void
without_that_it_is_where_daemons_have_theirs(void **state)
{
	char path[ADDR_PATH_BYTES];

	(void)state;
	if (geteuid() == 0) {
		is_path(NULL, "/run/user/0", "/run/qorb/pool.sock");
		is_path("", "/run/user/0", "/run/qorb/pool.sock");
		return;
	}
	is_path(NULL, "/run/user/1", "/run/user/1/qorb/pool.sock");
	is_path("", "/run/user/1", "/run/user/1/qorb/pool.sock");
	snprintf(
	    path, sizeof(path), "/tmp/qorb-%u/pool.sock", (unsigned)geteuid());
	is_path(NULL, NULL, path);
	is_path(NULL, "", path);
}

static void
a_path_that_no_socket_can_have_is_refused(void **state)
{
	char longest[ADDR_PATH_BYTES + 1];
	char path[ADDR_PATH_BYTES];

	(void)state;
	memset(longest, 'x', ADDR_PATH_BYTES - 1);
	longest[0] = '/';
	longest[ADDR_PATH_BYTES - 1] = '\0';
	is_path(longest, NULL, longest);
	strcat(longest, "x");
	set("QORB_SOCKET", longest);
	assert_false(socket_path_default(path));
}

static void
is_too_long(const char *socket, const char *runtime, const char *complaint)
{
	char path[ADDR_PATH_BYTES], buf[128];
	struct text why;

	set("QORB_SOCKET", socket);
	set("XDG_RUNTIME_DIR", runtime);
	assert_false(socket_path_default(path));
	text_init(&why, buf, sizeof(buf));
	socket_path_complain(&why);
	assert_string_equal(buf, complaint);
}

static void
the_variable_that_names_too_long_a_path_is_told(void **state)
{
	char longest[ADDR_PATH_BYTES + 1], runtime[] = "/qorb/pool.sock";
	char path[ADDR_PATH_BYTES];
	uid_t uid = geteuid();

	(void)state;
	memset(longest, 'x', ADDR_PATH_BYTES);
	longest[0] = '/';
	longest[ADDR_PATH_BYTES] = '\0';
	is_too_long(longest, longest,
	    "$QORB_SOCKET: a path of at most 103 bytes is needed");
	/* To root it names none. */
	if (uid == 0)
		assert_int_equal(seteuid(65534), 0);
	is_too_long(NULL, longest,
	    "$XDG_RUNTIME_DIR: a path of at most 88 bytes is needed");
	longest[89] = '\0';
	is_too_long(NULL, longest,
	    "$XDG_RUNTIME_DIR: a path of at most 88 bytes is needed");
	longest[88] = '\0';
	set("XDG_RUNTIME_DIR", longest);
	assert_true(socket_path_default(path));
	assert_string_equal(path + 88, runtime);
	assert_int_equal(seteuid(uid), 0);
}

static void
is_trusted(const char *path, const char *complaint)
{
	char buf[512];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	assert_int_equal(socket_path_check(path, &why), complaint == NULL);
	if (complaint != NULL)
		assert_non_null(strstr(buf, complaint));
}

static void
below_tmp_only_folders_of_ours_are_trusted(void **state)
{
	char folder[] = "/tmp/qorb-unit.XXXXXX", path[64], below[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pool.sock", folder);
	snprintf(below, sizeof(below), "%s/not/there/pool.sock", folder);
	is_trusted(path, NULL);
	is_trusted(below, NULL);
	assert_int_equal(chmod(folder, 0757), 0);
	is_trusted(path, "everybody may write to it");
	is_trusted(below, "everybody may write to it");
	assert_int_equal(chmod(folder, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(folder, 12345, 0), 0);
		is_trusted(path, "it belongs to another user");
		assert_int_equal(chown(folder, 0, 0), 0);
	}
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(symlink("/etc", folder), 0);
	is_trusted(path, "it is no folder");
	assert_int_equal(unlink(folder), 0);
	is_trusted("/tmp/pool.sock", NULL);
	is_trusted("/run/anywhere/pool.sock", NULL);
	is_trusted("pool.sock", NULL);
}

static void
the_default_folder_in_tmp_is_known(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/qorb-%u/x", (unsigned)geteuid());
	assert_true(socket_path_is_ours(path));
	assert_false(socket_path_is_ours("/tmp/qorb-/x"));
	assert_false(socket_path_is_ours("/run/qorb/x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_names_it),
		cmocka_unit_test(without_that_it_is_where_daemons_have_theirs),
		cmocka_unit_test(a_path_that_no_socket_can_have_is_refused),
		cmocka_unit_test(
		    the_variable_that_names_too_long_a_path_is_told),
		cmocka_unit_test(below_tmp_only_folders_of_ours_are_trusted),
		cmocka_unit_test(the_default_folder_in_tmp_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
