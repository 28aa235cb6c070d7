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
	build uninstall DESTDIR="$SCRATCH/dest" PREFIX=/usr
	[ -z "$(find "$SCRATCH/dest" -type f)" ]
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
