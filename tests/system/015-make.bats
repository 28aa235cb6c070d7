#!/usr/bin/env bats
#
# The Makefile: what is built again and when, and what an installation is.

load helpers

setup_file()
{
	helpers_begin
	export DEADLINE=300
	build
}

teardown_file()
{
	helpers_end
}

# Tests share one build, and change it: one at a time.
build()
{
	(cd "$ROOT" && flock "$FILE_SCRATCH" make BUILD="$FILE_SCRATCH/build" \
	    CFLAGS="${FLAGS--O0}" "${@:-all}")
}

@test "a second make has nothing to do" {
	build all
	run_ok build all
	[[ $output != *" -c "* && $output != *" -o "* ]]
}

@test "other flags build anew what they went into" {
	cp -R "$FILE_SCRATCH/build" "$SCRATCH/build"
	(cd "$ROOT" && make BUILD="$SCRATCH/build" CFLAGS=-O0 all)
	run_ok make -C "$ROOT" BUILD="$SCRATCH/build" CFLAGS='-O0 -DX="a b"' \
	    "$SCRATCH/build/bin/qorb-echo"
	[[ $output == *"core/base.o"*"bin/qorb-echo"* ]]
	# The linker's alone: only the program.
	run_ok make -C "$ROOT" BUILD="$SCRATCH/build" CFLAGS='-O0 -DX="a b"' \
	    LDFLAGS=-Wl,-O1 "$SCRATCH/build/bin/qorb-echo"
	[[ $output == *"bin/qorb-echo"* && $output != *"base.o "* ]]
}

@test "installed programs, manuals, completions and library are all taken away" {
	build install DESTDIR="$SCRATCH/dest" PREFIX=/usr
	local dest=$SCRATCH/dest/usr
	for main in "$ROOT"/cmd/*/main.c; do
		program=$(basename "$(dirname "$main")")
		"$dest/bin/$program" --version
		ls "$dest/share/man"/man?/"$program".?
		[ -f "$dest/share/bash-completion/completions/$program" ]
		[ -f "$dest/share/zsh/site-functions/_$program" ]
		[ -f "$dest/share/fish/vendor_completions.d/$program.fish" ]
	done
	[ -f "$dest/lib/libqorb.a" ]
	[ -f "$dest/share/qorb/probes/hold-time.d" ]
	[ -f "$dest/share/qorb/probes/hold-time.bt" ]
	[ ! -e "$dest/share/qorb/probes/qorb.d" ]
	build uninstall DESTDIR="$SCRATCH/dest" PREFIX=/usr
	[ -z "$(find "$SCRATCH/dest" -type f)" ]
}

# probes_object SETTING ...: the object in which the probes fire, built so.
probes_object()
{
	run_ok make -C "$ROOT" BUILD="$SCRATCH/b" CFLAGS=-O0 "$@" \
	    "$SCRATCH/b/obj/cmd/qorb-pool/probes.o"
	run_ok nm -u "$SCRATCH/b/obj/cmd/qorb-pool/probes.o"
}

@test "without dtrace, or with PROBES=no, the probes are empty macros" {
	probes_object PROBES=no
	[[ $output != *semaphore* ]]
	probes_object DTRACE=/nonexistent/dtrace
	[[ $output != *semaphore* ]]
	printf '%s\n' '#error missing' >"$SCRATCH/sdt.h"
	mkdir "$SCRATCH/sys"
	mv "$SCRATCH/sdt.h" "$SCRATCH/sys"
	probes_object CPPFLAGS="-I$SCRATCH"
	[[ $output != *semaphore* ]]
	run_status 2 make -C "$ROOT" PROBES=maybe help
	[[ $stderr == *'PROBES=maybe: it must be yes, no or auto'* ]]
}

@test "with dtrace the probes are there, and a change of mind is followed" {
	command -v dtrace >/dev/null || skip 'dtrace is not installed'
	probes_object
	[[ $output == *semaphore* ]]
	probes_object PROBES=no
	[[ $output != *semaphore* ]]
	probes_object PROBES=yes
	[[ $output == *semaphore* ]]
}

@test "a program in C is built with the installed library" {
	build install DESTDIR="$SCRATCH/dest" PREFIX=/usr
	cat >"$SCRATCH/user.c" <<-'END'
	#include <qorb_client.h>
	#include <stdio.h>

	/* A name of our own core: the library must not clash with it. */
	int text_init(void);
	int text_init(void) { return 7; }

	int main(void)
	{
		struct qorb_client *c = qorb_client_new("/nonexistent/socket");

		puts(qorb_client_error(c));
		qorb_client_free(&c);
		return text_init();
	}
	END
	PKG_CONFIG_SYSROOT_DIR=$SCRATCH/dest
	PKG_CONFIG_PATH=$SCRATCH/dest/usr/lib/pkgconfig
	export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
	# Words on purpose.
	# shellcheck disable=SC2046
	cc -std=c11 -Wall -Wextra -Werror -pedantic -o "$SCRATCH/user" \
	    "$SCRATCH/user.c" $(pkg-config --cflags qorb) \
	    -L"$SCRATCH/dest/usr/lib" $(pkg-config --libs-only-l qorb)
	run_status 7 "$SCRATCH/user"
	[[ $output == */nonexistent/socket* ]]
	run_ok pkg-config --modversion qorb
	[[ $output == "$("$QORB_BIN/qorb-echo" --version | awk '{ print $2 }')" ]]
}

@test "the library shows nothing but qorb_ names" {
	run_ok nm -g --defined-only "$FILE_SCRATCH/build/lib/libqorb.a"
	[[ $output == *" T qorb_client_new"* ]]
	run ! grep -E ' [TDBRVW] ' <(grep -v ' qorb_' <<<"$output")
}

@test "help names every target for people" {
	run_ok make -C "$ROOT" help
	for target in $(sed -n 's/^\.PHONY: //p' "$ROOT/Makefile"); do
		case $target in
		FORCE | all | have-* | unit-tests | fuzzers | help) ;;
		*) [[ $output == *"make $target "* ]] ;;
		esac
	done
}
