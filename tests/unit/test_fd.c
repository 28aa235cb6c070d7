#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/fd.h"

static struct addr
parse(const char *text)
{
	struct addr a;
	const char *why;

	assert_true(addr_parse(text, &a, &why));
	return a;
}

static void
closing_forgets_the_number_and_keeps_errno(void **state)
{
	int fds[2], fd;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	fd = fds[0];
	errno = ENOTTY;
	fd_close(&fds[0]);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(fds[0], -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	fd_close(&fds[0]);
	assert_int_equal(fds[0], -1);
	/* A number that is not open does not change errno either. */
	errno = ENOTTY;
	fd_close(&fd);
	assert_int_equal(errno, ENOTTY);
	fd_close(&fds[1]);
}

static void
blocking_is_switched_on_and_off(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(fd_set_nonblocking(fds[0], true));
	assert_true(fd_set_nonblocking(fds[0], true));
	assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fd_set_nonblocking(fds[0], false));
	assert_false(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fd_set_cloexec(fds[0]));
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	assert_false(fd_set_nonblocking(-1, true));
	assert_int_equal(errno, EBADF);
	assert_false(fd_set_cloexec(-1));
	assert_int_equal(errno, EBADF);
}

static bool
is_refused(ssize_t n)
{
	return n == -1 && errno == EBADF;
}

/* In a process of its own. */
static bool
fills_input_and_errors(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	char byte = 'x';

	close(STDIN_FILENO);
	close(STDERR_FILENO);
	return fd_fill_standard() && read(STDIN_FILENO, &byte, 1) == 0 &&
	       is_refused(write(STDIN_FILENO, &byte, 1)) &&
	       is_refused(write(STDERR_FILENO, &byte, 1)) &&
	       (fcntl(STDIN_FILENO, F_GETFD) & FD_CLOEXEC) != 0 &&
	       (fcntl(STDERR_FILENO, F_GETFD) & FD_CLOEXEC) != 0 &&
	       fcntl(STDOUT_FILENO, F_GETFL) == flags;
}

static bool
fails_to_fill(void)
{
	struct rlimit none = { 0 };

	if (getrlimit(RLIMIT_NOFILE, &none) != 0)
		return false;
	none.rlim_cur = 0;
	if (setrlimit(RLIMIT_NOFILE, &none) != 0 || !fd_fill_standard())
		return false;
	close(STDOUT_FILENO);
	return !fd_fill_standard() && errno == EMFILE;
}

static void
is_true_of_a_child(bool (*what)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(what() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
standard_streams_that_are_closed_are_filled(void **state)
{
	(void)state;
	is_true_of_a_child(fills_input_and_errors);
	is_true_of_a_child(fails_to_fill);
}

static void
the_limit_of_descriptors_is_raised_to_the_hard_one(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(fd_raise_limit() >= 100);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
	assert_true(limit.rlim_max == RLIM_INFINITY ||
		    fd_raise_limit() == limit.rlim_max);
}

static void
addresses_survive_the_way_to_a_socket_and_back(void **state)
{
	static const char *const texts[] = { "192.0.2.7:6001", "0.0.0.0:0",
		"[2001:db8::1]:65535", "[::]:0", "unix:/run/x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct addr a = parse(texts[i]), back;
		struct sockaddr_storage sa;

		memset(&sa, 0xFF, sizeof(sa));
		assert_true(addr_to_sockaddr(&a, &sa) <= sizeof(sa));
		addr_from_sockaddr(&sa, &back);
		assert_true(addr_equal(&a, &back));
	}
}

static void
socket_addresses_are_what_the_kernel_wants(void **state)
{
	struct addr a = parse("[::1]:258");
	struct sockaddr_storage sa;
	struct sockaddr_in6 in6;

	(void)state;
	assert_int_equal(addr_to_sockaddr(&a, &sa), sizeof(in6));
	memcpy(&in6, &sa, sizeof(in6));
	assert_int_equal(in6.sin6_family, AF_INET6);
	assert_memory_equal(&in6.sin6_port, "\x01\x02", 2);
	assert_memory_equal(&in6.sin6_addr, &in6addr_loopback, 16);
}

static void
an_unknown_family_is_no_address(void **state)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	struct addr a = { .kind = ADDR_INET };

	(void)state;
	addr_from_sockaddr(&sa, &a);
	assert_int_equal(a.kind, ADDR_NONE);
}

static void
a_unix_path_without_an_end_is_cut(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_storage sa = { 0 };
	struct addr a;

	(void)state;
	memset(un.sun_path, 'x', sizeof(un.sun_path));
	memcpy(&sa, &un, sizeof(un));
	addr_from_sockaddr(&sa, &a);
	assert_int_equal(a.kind, ADDR_UNIX);
	assert_int_equal(strlen(a.path), ADDR_PATH_BYTES - 1);
}

static void
has_flags_of_birth(int fd)
{
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

/* A blocking connection to a listener. */
static int
connect_to(const struct addr *addr)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(addr, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

static void
listens_and_accepts(const char *text)
{
	struct addr wanted = parse(text), bound, peer, local;
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	struct pollfd pfd = { .events = POLLIN };
	int client, accepted;

	pfd.fd = fd_listen(&wanted, 5, &bound);
	assert_true(pfd.fd >= 0);
	has_flags_of_birth(pfd.fd);
	assert_int_equal(bound.kind, wanted.kind);
	assert_true(bound.port > 0);
	assert_int_equal(fd_accept(pfd.fd, &peer), -1);
	assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
	client = connect_to(&bound);
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	accepted = fd_accept(pfd.fd, &peer);
	assert_true(accepted >= 0);
	has_flags_of_birth(accepted);
	getsockname(client, (struct sockaddr *)&sa, &len);
	addr_from_sockaddr(&sa, &local);
	assert_true(addr_equal(&peer, &local));
	fd_close(&accepted);
	fd_close(&client);
	fd_close(&pfd.fd);
}

static void
listeners_take_clients_and_tell_their_port(void **state)
{
	(void)state;
	listens_and_accepts("127.0.0.1:0");
	listens_and_accepts("[::1]:0");
}

/* The number that the next descriptor gets. */
static int
next_fd(void)
{
	int fd = dup(STDIN_FILENO);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void
listening_fails_with_errno(void **state)
{
	struct addr any = parse("127.0.0.1:0"), foreign = parse("192.0.2.1:0");
	struct addr bound, again;
	int fd = fd_listen(&any, 5, &bound);
	int next = next_fd();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fd_listen(&bound, 5, &again), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(fd_listen(&foreign, 5, &again), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_int_equal(next_fd(), next);
	fd_close(&fd);
}

static uint64_t
system_us(clockid_t id)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(id, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
is_between_two_looks(uint64_t (*clock)(void), clockid_t id)
{
	uint64_t before = system_us(id), now = clock(), after = system_us(id);

	assert_in_range(now, before, after);
}

static void
clocks_are_those_of_the_system_in_microseconds(void **state)
{
	(void)state;
	is_between_two_looks(clock_us, CLOCK_MONOTONIC);
	is_between_two_looks(clock_wall_us, CLOCK_REALTIME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closing_forgets_the_number_and_keeps_errno),
		cmocka_unit_test(blocking_is_switched_on_and_off),
		cmocka_unit_test(standard_streams_that_are_closed_are_filled),
		cmocka_unit_test(
		    the_limit_of_descriptors_is_raised_to_the_hard_one),
		cmocka_unit_test(
		    addresses_survive_the_way_to_a_socket_and_back),
		cmocka_unit_test(socket_addresses_are_what_the_kernel_wants),
		cmocka_unit_test(an_unknown_family_is_no_address),
		cmocka_unit_test(a_unix_path_without_an_end_is_cut),
		cmocka_unit_test(listeners_take_clients_and_tell_their_port),
		cmocka_unit_test(listening_fails_with_errno),
		cmocka_unit_test(
		    clocks_are_those_of_the_system_in_microseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
