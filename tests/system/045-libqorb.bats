#!/usr/bin/env bats
#
# The client library as others use it: the installed header alone, libqorb.a
# and libc, from C and from C++.

load helpers

LIB=$QORB_BIN/../lib/libqorb.a

setup()
{
	helpers_begin
	[ -f "$LIB" ] || skip "no libqorb.a beside the programs"
	if nm "$LIB" 2>/dev/null | grep -qE '__[a-z]*san_'; then
		skip "libqorb.a needs a sanitizer's runtime"
	fi
	cp "$ROOT/libcommon/client/qorb_client.h" "$SCRATCH"
	cat >"$SCRATCH/program.c" <<-'END'
		#include <qorb_client.h>
		#include <stdio.h>
		#include <unistd.h>

		/* A function of the user's own, named as one inside. */
		int text_add(void);
		int text_add(void) { return 0; }

		int main(void)
		{
			struct qorb_client *client = qorb_client_new(NULL);
			struct qorb_grant grant;
			char byte;

			if (!qorb_claim(client, "demo", NULL, &grant, -1)) {
				fprintf(stderr, "%s\n",
				    qorb_client_error(client));
				return 1;
			}
			if (write(grant.fd, "x", 1) != 1 ||
			    read(grant.fd, &byte, 1) != 1)
				return 2;
			printf("%c from %s\n", byte, grant.addr);
			close(grant.fd);
			qorb_release(client, grant.claim, false);
			qorb_client_free(&client);
			return text_add();
		}
	END
	start_echo echo -q
	start_pool --set max-slots=1 "demo=$ECHO_ADDR"
}

# build COMPILER FLAGS...: makes $SCRATCH/program.
build()
{
	command -v "$1" >/dev/null || skip "no $1 here"
	"$@" -Wall -Wextra -Werror -I "$SCRATCH" -o "$SCRATCH/program" \
	    "$SCRATCH/program.c" -x none "$LIB"
}

@test "a program in C claims, uses and releases" {
	build "${CC:-cc}" -std=c99 -D_POSIX_C_SOURCE=200809L -pedantic
	for _ in 1 2 3; do
		run_ok "$SCRATCH/program"
		assert_output "x from $ECHO_ADDR"
	done
	ask stats | grep -q 'claims=3 '
}

@test "a program in C++ too" {
	build "${CXX:-c++}" -x c++ -std=c++11 -pedantic
	run_ok "$SCRATCH/program"
	assert_output "x from $ECHO_ADDR"
}
