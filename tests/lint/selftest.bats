#!/usr/bin/env bats
#
# Every check of tests/lint bites: each test plants one violation into a copy of
# the checks and a small tree of its own, and expects the complaint. The tree as
# it is planted in is clean, so that nothing else can be what is complained of.

load ../system/helpers

setup()
{
	helpers_begin
	cd "$SCRATCH" || return
	mkdir -p tests tests/unit tests/system libcommon/{core,io,client,tui} \
	    cmd/prog completions/{bash,zsh,fish} docs/man build/bin
	cp -R "$ROOT/tests/lint" tests/lint
	cp "$ROOT/.clang-format" "$ROOT/.shellcheckrc" .
	export BUILD=build
	plant_modules
	plant_program
}

# A module in each of two layers, and a program of one file.
plant_modules()
{
	local module name
	for module in core/low io/high; do
		name=${module#*/}
		printf '%s\n' "#ifndef QORB_${name}_H" "#define QORB_${name}_H" \
		    '' '/* A module. */' '' "int ${name}_get(void);" '' \
		    '#endif' >"libcommon/$module.h"
		printf '%s\n' "#include \"$module.h\"" '' 'int' \
		    "${name}_get(void)" '{' '	return 1;' '}' \
		    >"libcommon/$module.c"
	done
	printf '%s\n' '/* A program. */' '#include "core/low.h"' '' 'int' \
	    'main(void)' '{' '	return low_get();' '}' >cmd/prog/main.c
}

# What belongs to the program; its --help stands in for a built one.
plant_program()
{
	printf '%s\n' '#!/bin/sh' "echo '  -q, --quiet   say nothing'" \
	    >build/bin/prog
	chmod +x build/bin/prog
	printf '%s\n' '.Dd January 1, 2026' '.Dt PROG 1' '.Os' '.Sh NAME' \
	    '.Nm prog' '.Nd a program' '.Sh OPTIONS' '.Bl -tag -width Ds' \
	    '.It Fl q , Fl -quiet' 'Say nothing.' '.El' '.Sh EXIT STATUS' \
	    'Zero.' '.Sh EXAMPLES' 'None.' >docs/man/prog.1
	printf '%s\n' '# For bash.' 'complete -W "--quiet" prog' \
	    >completions/bash/prog
	printf '%s\n' '#compdef prog' \
	    "_arguments '(-q --quiet)'{-q,--quiet}'[say nothing]'" \
	    >completions/zsh/_prog
	echo "complete -c prog -s q -l quiet -d 'say nothing'" \
	    >completions/fish/prog.fish
}

# finds CHECK TEXT: the check fails and says TEXT.
finds()
{
	run tests/lint/run "$1"
	assert_line --partial "not ok 1 - $1"
	assert_output --partial "$2"
}

passes()
{
	run tests/lint/run "$1"
	assert_line --partial "ok 1 - $1"
	refute_output --partial 'not ok'
	refute_output --partial 'SKIP'
}

@test "no check complains of the clean tree" {
	plant_probes
	for check in comments completions functions headers includes layers \
	    manuals options page probes shell sleeps symbols; do
		passes $check
	done
	skip_other_clang_format
	passes format
}

skip_other_clang_format()
{
	[[ $(clang-format --version) == *'version 14.'* ]] ||
	    skip 'clang-format 14 is not installed'
}

@test "layers: the core includes a header of io" {
	sed -i '1a #include "io/high.h"' libcommon/core/low.c
	finds layers 'libcommon/core/low.c includes libcommon/io/high.h'
}

@test "layers: the core reaches io through another header" {
	sed -i '4a #include "io/high.h"' libcommon/client/../core/low.h
	finds layers 'libcommon/core/low.c includes libcommon/io/high.h'
}

@test "layers: client includes io" {
	printf '%s\n' '/* x */' '#include "io/high.h"' 'extern int x;' \
	    >libcommon/client/x.c
	finds layers 'libcommon/client/x.c includes libcommon/io/high.h'
}

@test "layers: io includes glue, which stands on it" {
	mkdir libcommon/glue
	printf '%s\n' '#ifndef G_H' '#define G_H' '/* g */' \
	    '#include "io/high.h"' '#endif' >libcommon/glue/g.h
	run ! grep . < <(tests/lint/checks/layers)
	sed -i '1a #include "glue/g.h"' libcommon/io/high.c
	finds layers 'libcommon/io/high.c includes libcommon/glue/g.h'
}

@test "layers: a program includes another program" {
	mkdir cmd/other
	printf '%s\n' '#ifndef O_H' '#define O_H' '/* o */' 'extern int o;' \
	    '#endif' >cmd/other/o.h
	sed -i '2a #include "../other/o.h"' cmd/prog/main.c
	finds layers 'cmd/prog/main.c includes cmd/other/o.h'
	finds includes '"../other/o.h" climbs about'
}

@test "layers: the core includes errno.h, client includes an event loop" {
	sed -i '1a #include <errno.h>' libcommon/core/low.c
	printf '%s\n' '/* x */' '#include <event2/event.h>' 'extern int x;' \
	    >libcommon/client/x.c
	finds layers 'libcommon/core/low.c:2:#include <errno.h>'
	assert_output --partial 'libcommon/client/x.c:2'
}

@test "layers: a file that cannot be looked at is no pass" {
	sed -i '1a #include "core/missing.h"' libcommon/core/low.c
	finds layers 'core/missing.h'
}

@test "symbols: the core reads the environment" {
	sed -i -e '1a #include <stdlib.h>' \
	    -e 's/return 1;/return getenv("X") != NULL;/' libcommon/core/low.c
	finds symbols 'libcommon/core/low.c uses getenv'
}

@test "symbols: the core prints, asks the time, jumps" {
	sed -i -e '1a #include <setjmp.h>\n#include <stdio.h>\n#include <time.h>' \
	    -e 's/return 1;/jmp_buf b; puts("x"); longjmp(b, time(NULL) > 1);/' \
	    libcommon/core/low.c
	finds symbols 'uses puts'
	assert_output --partial 'uses time'
	assert_output --partial 'uses longjmp'
}

@test "symbols: a core that does not compile is no pass" {
	echo 'int x = y;' >>libcommon/core/low.c
	finds symbols 'libcommon/core/low.c does not compile'
}

@test "libraries: a client's program drags c-ares in" {
	mkdir cmd/qorb-claim
	cp cmd/prog/main.c cmd/qorb-claim
	rm -r cmd/prog
	${CC:-cc} -Ilibcommon cmd/qorb-claim/main.c libcommon/core/low.c \
	    -o build/bin/qorb-claim
	passes libraries
	${CC:-cc} -Ilibcommon cmd/qorb-claim/main.c libcommon/core/low.c \
	    -Wl,--no-as-needed -lcares -o build/bin/qorb-claim
	finds libraries 'qorb-claim needs libcares'
}

@test "libraries: a program that is not built is no pass" {
	rm build/bin/prog
	finds libraries 'prog is not built'
}

@test "headers: one that leans on what came before it" {
	sed -i 's/int low_get(void)/int low_get(size_t n)/' libcommon/core/low.h
	finds headers 'libcommon/core/low.h:'
}

@test "headers: one without a guard" {
	printf '%s\n' '/* x */' 'struct x {' '	int y;' '};' \
	    >libcommon/core/x.h
	finds headers 'libcommon/core/x.h:'
}

@test "includes: a header without its folder" {
	sed -i '2s%.*%#include "low.h"%' libcommon/core/low.c
	printf '%s\n' '/* x */' '#include "high.h"' 'extern int x;' \
	    >libcommon/io/x.c
	finds includes 'libcommon/io/x.c: "high.h" does not name its folder'
}

@test "includes: the own header is not the first" {
	sed -i '1i #include <stddef.h>' libcommon/core/low.c
	finds includes 'its first include is <stddef.h>, not "core/low.h"'
}

@test "format: a line that is laid out otherwise" {
	skip_other_clang_format
	sed -i 's/	return 1;/    return 1;/' libcommon/core/low.c
	finds format 'libcommon/core/low.c:'
}

@test "shell: a variable without quotes, in a script and in a bats file" {
	printf '%s\n' '#!/bin/sh' '# A script.' 'rm $1' >tests/tool
	chmod +x tests/tool
	printf '%s\n' '#!/usr/bin/env bats' '@test "x" {' '	rm $x' '}' \
	    >tests/system/x.bats
	finds shell 'tests/tool:3'
	assert_output --partial 'tests/system/x.bats:3'
}

@test "completions: one that bash cannot read, and one that is missing" {
	echo 'complete -W "--quiet prog' >completions/bash/prog
	rm completions/fish/prog.fish
	finds completions 'bash: completions/bash/prog'
	assert_output --partial 'completions/fish/prog.fish is missing'
}

@test "comments: a header, a C file and a script without one" {
	sed -i '/A module/d' libcommon/core/low.h
	sed -i '1d' cmd/prog/main.c
	printf '%s\n' '#!/bin/sh' 'echo' >tests/tool
	chmod +x tests/tool
	finds comments 'libcommon/core/low.h: no comment'
	assert_output --partial 'cmd/prog/main.c: no comment'
	assert_output --partial 'tests/tool: no comment'
}

@test "functions: 70 lines are allowed, 71 are not" {
	for n in 69 70; do
		{
			printf '%s\n' '/* x */' 'int' 'long_one(void)' '{'
			for ((i = 0; i < n; i++)); do
				echo '	long_one();'
			done
			printf '%s\n' '	return 0;' '}'
		} >libcommon/core/x.c
		[[ $n -ne 69 ]] || passes functions
	done
	finds functions 'libcommon/core/x.c:4: long_one has 71 lines'
}

@test "sleeps: in a bats file and in a unit test" {
	printf '%s\n' '#!/usr/bin/env bats' '@test "x" {' '	sleep 1' '}' \
	    >tests/system/x.bats
	echo 'void x(void) { usleep(10); }' >tests/unit/test_x.c
	finds sleeps 'tests/system/x.bats:3'
	assert_output --partial 'tests/unit/test_x.c:1'
}

@test "sleeps: as another program's argument it is no waiting" {
	printf '%s\n' '#!/usr/bin/env bats' '@test "x" {' \
	    '	run qorb-claim pool sleep 1' '}' >tests/system/x.bats
	passes sleeps
}

@test "page: markup from texts, a handler, a style from elsewhere, a long line" {
	mkdir cmd/prog/page
	printf '%s\n' '/* x */' 'a.innerHTML = b;' >cmd/prog/page/a.js
	printf '%s\n' '<p class="y" onclick="x()">' \
	    '<link href="https://x.test/">' >cmd/prog/page/index.html
	printf '/* %090d */\n' 0 >cmd/prog/page/a.css
	echo 'b();' >cmd/prog/page/b.js
	finds page 'cmd/prog/page/a.js:2'
	assert_output --partial 'cmd/prog/page/index.html:1'
	assert_output --partial 'cmd/prog/page/index.html:2'
	assert_output --partial 'cmd/prog/page/a.css: a line of 96'
	assert_output --partial 'cmd/prog/page/b.js: no comment'
	rm -r cmd/prog/page
	passes page
}

@test "manuals: one missing, one without a section, one with an error" {
	mkdir cmd/other
	cp cmd/prog/main.c cmd/other
	sed -i -e '/EXAMPLES/d' -e '$a .Xx wrong' docs/man/prog.1
	finds manuals 'docs/man/other.1 is missing'
	assert_output --partial 'docs/man/prog.1: no section EXAMPLES'
	assert_output --partial 'unknown macro'
}

@test "options: one that is in --help alone" {
	echo "echo '      --loud    shout'" >>build/bin/prog
	finds options 'prog: --loud is not in page'
	for place in bash zsh fish; do
		assert_output --partial "prog: --loud is not in $place"
	done
}

@test "options: one whose name is only the start of another" {
	echo "echo '      --qui     hush'" >>build/bin/prog
	finds options 'prog: --qui is not in page'
}

@test "options: a letter that the manual page does not have" {
	sed -i 's/^.It Fl q , /.It /' docs/man/prog.1
	finds options 'prog: -q is not in page'
}

@test "options: one that no --help has" {
	sed -i 's/^Say nothing/.Fl -silent or say nothing/' docs/man/prog.1
	echo 'complete -W "--quiet --soft" prog' >completions/bash/prog
	finds options 'prog: --silent of the page is in no --help'
	assert_output --partial 'prog: --soft of bash is not in --help'
}

@test "options: --help over 80 columns, and --help that fails" {
	echo "printf '%90s' x; echo; exit 3" >>build/bin/prog
	finds options 'over 80 columns'
	assert_output --partial 'prog --help: exit status 3'
}

# Two events, their probes, their page and one script in its two dialects.
plant_probes()
{
	mkdir -p probes
	cp "$ROOT/probes/none.awk" probes
	cat >libcommon/core/event.h <<-'END'
	#ifndef QORB_event_H
	#define QORB_event_H

	/* Events. */

	/* clang-format off */

	#define EVENT_TABLE(X) \
		X(THE_START, "the-start", "set pool-id") \
		X(THE_END, "the-end", "set addr")

	#endif
	END
	printf '%s\n' 'provider qorb {' \
	    '	probe the__start(uint64_t set, uint64_t pool_id);' \
	    '	probe the__end(uint64_t set,' '	    const char *addr);' '};' \
	    >probes/qorb.d
	printf '%s\n' '.Dd January 1, 2026' '.Dt QORB-PROBES 7' '.Os' \
	    '.Sh NAME' '.Nm qorb-probes' '.Nd probes' '.Sh DESCRIPTION' \
	    '.Bl -tag -width Ds' '.It Cm the-start Ar set pool-id' 'Start.' \
	    '.It Cm the-end Ar set addr' 'End.' '.El' >docs/man/qorb-probes.7
	printf '%s\n' '/* Ends. */' '' 'qorb*:::the-end' '{' \
	    '	printf("%d %s\n", arg0, copyinstr(arg1));' '}' >probes/ends.d
	printf '%s\n' '// Ends.' '' 'usdt:*:qorb:the__end' '{' \
	    '	printf("%d %s\n", arg0, str(arg1));' '}' >probes/ends.bt
}

@test "probes: an event without its probe, and one that is not on the page" {
	plant_probes
	sed -i '/"the-start/s/$/\n	X(THE_MIDDLE, "the-middle", "set")\\/' \
	    libcommon/core/event.h
	finds probes 'probes/qorb.d lacks: the-middle set'
	assert_output --partial 'docs/man/qorb-probes.7 lacks: the-middle set'
}

@test "probes: arguments in another order, and one too many" {
	plant_probes
	sed -i 's/uint64_t set, uint64_t pool_id/uint64_t pool_id, uint64_t set/' \
	    probes/qorb.d
	sed -i 's/the-end Ar set addr/the-end Ar set addr pool/' \
	    docs/man/qorb-probes.7
	finds probes 'probes/qorb.d alone has: the-start pool-id set'
	assert_output --partial \
	    'docs/man/qorb-probes.7 alone has: the-end set addr pool'
}

@test "probes: a script uses what there is not" {
	plant_probes
	sed -i 's/the__end/the__stop/' probes/ends.bt
	sed -i 's/arg0/arg2/' probes/ends.d
	finds probes 'probes/ends.bt: no probe the-stop'
	assert_output --partial 'probes/ends.d: the-end has no arg2'
	assert_output --partial 'two dialects use other probes or arguments'
}

@test "probes: a script takes a text for a number, and leaves a brace open" {
	plant_probes
	sed -i -e 's/str(arg1)/arg1/' probes/ends.bt
	sed -i -e '$d' -e 's/\\n",/\\n,/' probes/ends.d
	finds probes 'probes/ends.bt: arg1 of the-end is a text'
	assert_output --partial 'probes/ends.d: {} do not pair'
	assert_output --partial 'probes/ends.d:5: a quote is left open'
}

@test "probes: a script with no purpose, and one in a single dialect" {
	plant_probes
	sed -i '1d' probes/ends.d
	cp probes/ends.bt probes/more.bt
	finds probes 'probes/ends.d: its first line does not say what it is for'
	assert_output --partial 'probes/more.bt: probes/more.d is missing'
}

@test "probes: the header without probes lacks a macro" {
	command -v dtrace >/dev/null || skip 'dtrace is not installed'
	plant_probes
	sed -i 's/_ENABLED() 0/() 0/' probes/none.awk
	finds probes 'none.awk lacks: QORB_THE_END_ENABLED('
}
