#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/config.h"
#include "io/config_file.h"

static char why_buf[1024];
static struct text why;

static struct config *
fresh(const char *file)
{
	text_init(&why, why_buf, sizeof(why_buf));
	return config_new(file);
}

static bool
read_text(struct config *c, const char *bytes, size_t len)
{
	char path[] = "/tmp/qorb-config.XXXXXX";
	int fd = mkstemp(path);
	bool is_good;

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	(void)close(fd);
	is_good = config_file_read(c, path, &why) && config_check(c, &why);
	(void)unlink(path);
	return is_good;
}

/* The text as a file is the error want, "F:" being its name. */
static void
refuses_bytes(const char *text, size_t len, const char *want)
{
	struct config *c = fresh("F");

	if (read_text(c, text, len))
		fail_msg("taken: %s", text);
	if (strstr(why_buf, want) != why_buf)
		fail_msg("'%s' does not begin with '%s'", why_buf, want);
	config_free(&c);
	assert_null(c);
}

static void
refuses(const char *text, const char *want)
{
	refuses_bytes(text, strlen(text), want);
}

static struct config *
takes(const char *text)
{
	struct config *c = fresh("F");

	if (!read_text(c, text, strlen(text)))
		fail_msg("refused: %s", why_buf);
	return c;
}

static void
what_is_not_said_has_its_default(void **state)
{
	struct config *c = takes("[pool a]\nbackends = none\n");
	struct policy initial;

	(void)state;
	policy_init(&initial);
	assert_int_equal(c->pool_count, 1);
	assert_string_equal(c->pools[0].name, "a");
	assert_int_equal(c->pools[0].addr_count, 0);
	assert_null(c->pools[0].service);
	assert_true(config_same_policy(&c->pools[0].policy, &initial));
	assert_string_equal(c->pools[0].connector->name, "tcp");
	assert_int_equal(c->pools[0].allow_count, 0);
	assert_int_equal(c->socket_mode, 0660);
	assert_string_equal(c->log_level, "info");
	assert_string_equal(c->socket, "");
	assert_null(c->admin_group.name);
	assert_int_equal(c->limits.max_clients, 4000);
	assert_int_equal(c->limits.max_streams_per_client, 32);
	assert_int_equal(c->limits.max_streams_per_user, 256);
	assert_int_equal(c->limits.backlog, 256 * 1024);
	config_free(&c);
}

static void
every_key_of_the_daemon_is_taken(void **state)
{
	struct config *c = takes("[daemon]\nsocket = /run/x\n"
				 "socket-mode = 0600\nlog-level = debug\n"
				 "dns = [::1]:53, 127.0.0.1:54\n"
				 "admin-group = wheel\nmax-clients = 1\n"
				 "max-clients-per-user = 2\n"
				 "max-claims-per-client = 3\n"
				 "max-claims-per-user = 4\n"
				 "max-streams-per-client = 5\n"
				 "max-streams-per-user = 6\nbacklog = 5000\n"
				 "[pool a]\nservice = _A._tcp.b.\n");

	(void)state;
	assert_string_equal(c->socket, "/run/x");
	assert_int_equal(c->socket_mode, 0600);
	assert_string_equal(c->log_level, "debug");
	assert_int_equal(c->dns.count, 2);
	assert_int_equal(c->dns.addrs[1].port, 54);
	assert_string_equal(c->admin_group.name, "wheel");
	assert_false(c->admin_group.has_id);
	assert_int_equal(c->limits.max_clients, 1);
	assert_int_equal(c->limits.max_clients_per_user, 2);
	assert_int_equal(c->limits.max_claims_per_client, 3);
	assert_int_equal(c->limits.max_claims_per_user, 4);
	assert_int_equal(c->limits.max_streams_per_client, 5);
	assert_int_equal(c->limits.max_streams_per_user, 6);
	assert_int_equal(c->limits.backlog, 5000);
	assert_int_equal(c->pools[0].dns.count, 2);
	assert_string_equal(c->pools[0].service, "_a._tcp.b");
	config_free(&c);
}

static void
every_key_of_a_pool_is_taken_for_that_pool_alone(void **state)
{
	struct config *c = takes("[pool a]\nservice = _a._tcp.b\n"
				 "backends = [::1]:1,\n  127.0.0.1:2,\n"
				 "\tunix:/x\ndns = 127.0.0.1:5\n"
				 "connector = echo\n"
				 "allow = joe, @staff, 12, @13\n"
				 "max-slots = 3 ; three\n"
				 "[pool b]\n# none\nbackends=[::1]:1\n");
	struct config_pool *a = config_pool(c, "a"), *b = config_pool(c, "b");

	(void)state;
	assert_int_equal(a->addr_count, 3);
	assert_int_equal(a->addrs[2].kind, ADDR_UNIX);
	assert_int_equal(a->dns.count, 1);
	assert_string_equal(a->connector->name, "echo");
	assert_int_equal(a->policy.max_slots, 3);
	assert_int_equal(a->allow_count, 4);
	assert_string_equal(a->allow[0].name, "joe");
	assert_false(a->allow[0].is_group || a->allow[0].has_id);
	assert_string_equal(a->allow[1].name, "staff");
	assert_true(a->allow[1].is_group);
	assert_true(a->allow[2].has_id && !a->allow[2].is_group);
	assert_int_equal(a->allow[2].id, 12);
	assert_true(a->allow[3].has_id && a->allow[3].is_group);
	assert_int_equal(b->policy.max_slots, 16);
	assert_int_equal(b->allow_count, 0);
	assert_int_equal(b->dns.count, 0);
	assert_null(config_pool(c, "c"));
	config_free(&c);
}

static void
errors_of_sections_name_file_and_line(void **state)
{
	(void)state;
	refuses("max-slots = 1\n", "F:1: 'max-slots' stands before any");
	refuses("\n[pols]\n", "F:2: [pols]: there is no such section");
	refuses("[pool]\n", "F:1: '' cannot be a pool's name");
	refuses("[pool a b]\n", "F:1: 'a b' cannot be a pool's name");
	refuses("[pool a\n", "F:1: a [section] without its ]");
	refuses("[pool a] x = 1\n", "F:1: there is more on the line");
	refuses("[daemon]\n\n[daemon]\n", "F:3: [daemon] is there twice");
	refuses("[pool a]\nbackends = none\n[pool b]\nbackends=none\n"
		"[pool a]\nmax-slots = 1\n",
	    "F:5: pool 'a' is named twice, first in line 1");
	refuses("[pool a]\n", "F:1: pool 'a' has neither service nor");
	/* Longer than the parser itself can take. */
	refuses("[pool a234567890123456789012345678901234567890123456789012345"
		"67890123456789]\n",
	    "F:1: 'a2345678901234567890123456789012345678901234567890123456789"
	    "0123456789' cannot be");
}

static void
long_names_of_pools_are_not_cut(void **state)
{
	struct config *c = takes(
	    "[pool a2345678901234567890123456789012345678901234567890123456789"
	    "01234]\nbackends = none\n");

	(void)state;
	assert_int_equal(strlen(c->pools[0].name), POOL_NAME_MAX);
	config_free(&c);
}

static void
errors_of_keys_name_file_and_line(void **state)
{
	(void)state;
	refuses("[pool a]\nmaxslots = 1\n",
	    "F:2: 'maxslots' is no policy and no other key of a pool");
	refuses("[daemon]\nmax-slots = 1\n",
	    "F:2: 'max-slots' is no key of [daemon]");
	refuses("[pool a]\nmax-slots = 1\nmax-slots = 2\n",
	    "F:3: max-slots: is there twice");
	refuses("[pool a]\nbackends = none\nbackends = none\n",
	    "F:3: backends: is there twice");
	refuses("[pool a]\nmax-slots = 0\n",
	    "F:2: max-slots=0: a whole number from 1");
	refuses("[pool a]\nallow =\nmax-slots = 1\n",
	    "F:2: allow: a value is needed");
	refuses("[pool a]\nnonsense\nmax-slots = 0\n",
	    "F:2: this is neither [section] nor KEY = VALUE");
	refuses("[pool a]\nmax-slots = 0\nnonsense\n", "F:2: max-slots=0");
	refuses("[pool a]\nbackends = none\nmin-connection-backoff = 1h\n",
	    "F:1: pool 'a': min-connection-backoff is above");
	refuses("[pool a]\nbackends=none\n\nconnector = gopher\n",
	    "F:4: connector=gopher: there is no such connector");
}

static void
errors_of_values_say_what_would_do(void **state)
{
	(void)state;
	refuses("[pool a]\nbackends = [::1]:1,[::1]\n",
	    "F:2: backends: '[::1]' is not an address: ");
	refuses("[pool a]\nbackends = [::1]:1,\n",
	    "F:2: backends: '' is not an address: ");
	refuses("[pool a]\nbackends = [::1]:0\n",
	    "F:2: backends: '[::1]:0' is not an address: the port "
	    "is not a number from 1 to 65535");
	refuses("[pool a]\nbackends = [::1]:1, [::1]:1\n",
	    "F:2: backends: address '[::1]:1' is named twice");
	refuses("[pool a]\nservice = a b\n", "F:2: service: 'a b' is neither");
	refuses("[pool a]\nservice = 127.0.0.1\n", "F:2: service: '127.0");
	refuses("[pool a]\nallow = joe, @\n", "F:2: allow: '' is no group");
	refuses(
	    "[pool a]\nallow = joe bob\n", "F:2: allow: 'joe bob' is no user");
	refuses("[pool a]\nallow = 4294967295\n",
	    "F:2: allow: '4294967295' is above");
	refuses("[daemon]\ndns = ::1\n", "F:2: dns: '::1' is not an address");
	refuses("[daemon]\ndns = unix:/x\n",
	    "F:2: dns: 'unix:/x' cannot be a DNS server's address");
	refuses("[daemon]\ndns = 1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,"
		"1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1\n",
	    "F:2: dns: more than 8");
	refuses("[daemon]\nsocket-mode = 0888\n", "F:2: socket-mode: '0888'");
	refuses("[daemon]\nsocket-mode = 4660\n", "F:2: socket-mode: '4660'");
	refuses("[daemon]\nlog-level = loud\n", "F:2: log-level: 'loud'");
	refuses("[daemon]\nmax-clients = 0\n",
	    "F:2: max-clients: '0': a whole number from 1 to 1000000");
	refuses("[daemon]\nbacklog = 4095\n", "F:2: backlog: '4095'");
	refuses("[daemon]\nadmin-group = a b\n", "F:2: admin-group: 'a b'");
	refuses("[daemon]\nsocket = /"
		"123456789012345678901234567890123456789012345678901234567890"
		"12345678901234567890123456789012345678901234567890\n",
	    "F:2: socket: '/1234567890123456");
}

static void
lines_that_the_parser_would_cut_are_errors(void **state)
{
	struct config *c;
	char line[400];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "[daemon]\n#", 10);
	line[sizeof(line) - 2] = '\n';
	line[sizeof(line) - 1] = '\0';
	refuses(line, "F:2: a line has more than 198 bytes");
	/* The longest that fits, after its line has begun. */
	memcpy(line, "[pool a]\nbackends=none\n#", 24);
	line[23 + 198] = '\n';
	line[23 + 199] = '\0';
	c = takes(line);
	config_free(&c);
	refuses_bytes("[pool a]\nbackends\0= none\n", 25, "F:2: a NUL byte");
}

static void
a_value_goes_on_in_lines_that_begin_with_a_blank(void **state)
{
	struct config *c = takes("\xEF\xBB\xBF[pool a]\r\n"
				 "backends = [::1]:1,\r\n\r\n"
				 "; in between\r\n    [::1]:2\r\n");

	(void)state;
	assert_int_equal(c->pools[0].addr_count, 2);
	config_free(&c);
	refuses("[pool a]\nbackends = [::1]:1\n\n  max-slots = 3\n",
	    "F:2: backends: '[::1]:1 max-slots = 3' is not an address");
	assert_non_null(strstr(why_buf, "begins with a blank"));
}

/* A pool of that many addresses, one a line; the text is the caller's. */
static char *
long_list(unsigned count)
{
	char *text = mem_new(count + 2, 32);
	size_t len = (size_t)sprintf(text, "[pool a]\nbackends = ");

	for (unsigned i = 0; i < count; i++)
		len += (size_t)sprintf(text + len, "%s10.0.%u.%u:6001",
		    i == 0 ? "" : ",\n\t", i / 256, i % 256);
	(void)sprintf(text + len, "\n");
	return text;
}

static void
a_pool_has_twenty_thousand_addresses_and_no_more(void **state)
{
	char *text = long_list(STATIC_ADDRS_MAX);
	struct config *c = takes(text);
	char *last = strstr(text, "10.0.78.31:");

	(void)state;
	assert_int_equal(STATIC_ADDRS_MAX, 20000);
	assert_int_equal(c->pools[0].addr_count, STATIC_ADDRS_MAX);
	assert_int_equal(c->pools[0].addrs[257].ip[2], 1);
	assert_int_equal(c->pools[0].addrs[257].ip[3], 1);
	config_free(&c);
	/* The last one is the first one. */
	memcpy(last, "10.0.0.0:", 9);
	memcpy(last + 9, "06001\n", 7);
	refuses(text, "F:2: backends: address '10.0.0.0:6001' is named twice");
	free(text);
	text = long_list(STATIC_ADDRS_MAX + 1);
	refuses(text, "F:2: backends: more than 20000 addresses");
	free(text);
}

static void
a_value_is_a_mebibyte_at_most(void **state)
{
	char *text = mem_new(2, CONFIG_VALUE_MAX);
	size_t len = (size_t)sprintf(text, "[pool a]\nbackends = none\n");

	(void)state;
	while (len < CONFIG_VALUE_MAX + CONFIG_VALUE_MAX / 100) {
		memset(text + len, ' ', 1);
		memset(text + len + 1, 'x', 190);
		text[len + 191] = '\n';
		len += 192;
	}
	/* In the line in which it becomes so. */
	refuses(text, "F:549");
	assert_non_null(strstr(why_buf, ": the value is too long"));
	free(text);
}

static void
what_is_no_file_is_not_read(void **state)
{
	struct config *c = fresh("F");

	(void)state;
	assert_false(config_file_read(c, "/", &why));
	assert_string_equal(why_buf, "/: this is no regular file");
	text_init(&why, why_buf, sizeof(why_buf));
	assert_false(config_file_read(c, "/nowhere/x", &why));
	assert_string_equal(why_buf, "/nowhere/x: No such file or directory");
	config_free(&c);
}

static void
words_of_a_command_line_mean_the_same(void **state)
{
	struct config *c = fresh(NULL);

	(void)state;
	assert_true(config_section(c, "daemon", 0, &why));
	assert_true(config_set(c, "socket", "/a", 0, &why));
	assert_true(config_add_pool(c, "a=[::1]:1,[::1]:2", &why));
	assert_true(config_set_pair(c, "max-slots=2", &why));
	assert_true(config_set_pair(c, "max-slots=3", &why));
	assert_true(config_add_pool(c, "b=_x._tcp.y", &why));
	assert_true(config_set_pair(c, "connector=echo", &why));
	assert_true(config_check(c, &why));
	assert_int_equal(c->pools[0].addr_count, 2);
	assert_int_equal(c->pools[0].policy.max_slots, 3);
	assert_int_equal(c->pools[1].policy.max_slots, 16);
	assert_string_equal(c->pools[1].service, "_x._tcp.y");
	assert_string_equal(c->pools[1].connector->name, "echo");
	assert_false(config_add_pool(c, "b=[::1]:2", &why));
	assert_string_equal(why_buf, "pool 'b' is named twice");
	config_free(&c);
}

static void
their_errors_carry_no_line(void **state)
{
	static const char *const bad[][2] = {
		{ "a", "'a' names no pool" },
		{ "a=", "'a=' names no pool" },
		{ "a b=c", "'a b' cannot be" },
		{ "a=[::1]", "backends: '[::1]' is not" },
		{ "a=::1", "backends: '::1' is not" },
		{ "a=127.0.0.1", "backends: '127.0.0.1' is not an address: a "
				 "port is missing" },
		{ "a=b c", "service: 'b c' is neither" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config *c = fresh("F");

		assert_false(config_add_pool(c, bad[i][0], &why));
		assert_ptr_equal(strstr(why_buf, bad[i][1]), why_buf);
		config_free(&c);
	}
}

static void
connectors_of_the_file_go_before_ready_made_ones(void **state)
{
	struct config *c = takes("[pool a]\nbackends = none\n"
				 "connector = echo\n"
				 "[pool b]\nbackends = none\n"
				 "connector = redis\n"
				 "[connector echo]\n"
				 "on-connect = send \"x\"\n"
				 "  expect \"y\"\n");
	struct connector *own = c->pools[0].connector;

	(void)state;
	assert_string_equal(own->name, "echo");
	assert_non_null(connector_dialogue(own, CONNECTOR_ON_CONNECT)->steps);
	assert_null(connector_dialogue(own, CONNECTOR_IS_VALID)->steps);
	assert_string_equal(c->pools[1].connector->name, "redis");
	config_free(&c);
	refuses("[connector]\n", "F:1: '' cannot be a connector's name");
	refuses("[connector a]\n[connector a]\n",
	    "F:2: connector 'a' is named twice, first in line 1");
	refuses("[connector a]\nmax-slots = 1\n",
	    "F:2: 'max-slots' is no key of a connector");
	refuses("[connector a]\nis-valid = drain\nis-valid = drain\n",
	    "F:3: is-valid: is there twice");
	refuses("[connector a]\nis-valid = send \"a ; b\"\n",
	    "F:2: is-valid: at '\"a': the string has no end");
	refuses("[connector a]\nis-valid =\n", "F:2: is-valid: at ''");
}

static void
policies_are_merged_where_they_differ(void **state)
{
	struct policy old, new, now;

	(void)state;
	policy_init(&old);
	new = now = old;
	new.max_slots = 5;
	now.spares_wanted = 3; /* by hand */
	assert_false(config_same_policy(&old, &new));
	config_merge_policy(&now, &old, &new);
	assert_int_equal(now.max_slots, 5);
	assert_int_equal(now.spares_wanted, 3);
	/* What is by hand gives way when both cannot be. */
	now.min_connection_backoff = 20 * US_PER_S;
	old = new;
	new.max_connection_backoff = 10 * US_PER_S;
	config_merge_policy(&now, &old, &new);
	assert_true(config_same_policy(&now, &new));
}

static void
sources_are_compared(void **state)
{
	struct config *c = takes("[pool a]\nbackends=[::1]:1\n"
				 "[pool b]\nbackends=[::1]:2\nservice=x.y\n"
				 "[pool c]\nbackends=[::1]:2\nservice=x.y\n"
				 "dns=[::1]:53\n");
	struct config_pool *p = c->pools;

	(void)state;
	assert_false(config_same_addrs(&p[0], &p[1]));
	assert_true(config_same_addrs(&p[1], &p[2]));
	assert_true(config_same_dns(&p[0], &p[0]));
	assert_false(config_same_dns(&p[0], &p[1]));
	assert_false(config_same_dns(&p[1], &p[2]));
	assert_true(config_same_dns(&p[2], &p[2]));
	config_free(&c);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(every_key_of_the_daemon_is_taken),
		cmocka_unit_test(
		    every_key_of_a_pool_is_taken_for_that_pool_alone),
		cmocka_unit_test(errors_of_sections_name_file_and_line),
		cmocka_unit_test(long_names_of_pools_are_not_cut),
		cmocka_unit_test(errors_of_keys_name_file_and_line),
		cmocka_unit_test(errors_of_values_say_what_would_do),
		cmocka_unit_test(lines_that_the_parser_would_cut_are_errors),
		cmocka_unit_test(
		    a_value_goes_on_in_lines_that_begin_with_a_blank),
		cmocka_unit_test(
		    a_pool_has_twenty_thousand_addresses_and_no_more),
		cmocka_unit_test(a_value_is_a_mebibyte_at_most),
		cmocka_unit_test(what_is_no_file_is_not_read),
		cmocka_unit_test(words_of_a_command_line_mean_the_same),
		cmocka_unit_test(their_errors_carry_no_line),
		cmocka_unit_test(
		    connectors_of_the_file_go_before_ready_made_ones),
		cmocka_unit_test(policies_are_merged_where_they_differ),
		cmocka_unit_test(sources_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
