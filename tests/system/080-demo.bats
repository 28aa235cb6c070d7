#!/usr/bin/env bats
#
# The demo as its user meets it: it shows the main job, says truly whether that
# went well, and leaves nothing behind however it ends.

load helpers
load readme

export BATS_TEST_TIMEOUT=240

# Built here, so that the tests' own make has nothing to do and no two of them
# build in one folder.
setup_file()
{
	helpers_begin
	make -C "$ROOT" BUILD="$FILE_SCRATCH/build" CFLAGS=-O0 all
}

teardown_file()
{
	helpers_end
}

make_demo=(make -C "$ROOT" demo CFLAGS=-O0)

setup()
{
	helpers_begin
	export DEADLINE=180 TMPDIR=$SCRATCH/tmp
	mkdir "$TMPDIR"
	demo=$ROOT/docs/examples/demo/demo.sh
	unset DEMO
}

# A folder of programs in which those named on stdin, as NAME SCRIPT lines, are
# replaced. $REAL in a script is the folder of the true ones.
programs_but()
{
	local name script
	mkdir "$SCRATCH/bin"
	for program in "$QORB_BIN"/*; do
		ln -s "$program" "$SCRATCH/bin"
	done
	while read -r name script; do
		rm -f "$SCRATCH/bin/$name"
		printf '%s\n' '#!/bin/bash' "REAL='$QORB_BIN'" "$script" \
		    >"$SCRATCH/bin/$name"
		chmod +x "$SCRATCH/bin/$name"
	done
	# No workload longer than it has to be.
	if [[ -L $SCRATCH/bin/qorb-load ]]; then
		rm "$SCRATCH/bin/qorb-load"
		printf '%s\n' '#!/bin/bash' \
		    "exec '$QORB_BIN/qorb-load' \"\${@/#10s/7s}\"" \
		    >"$SCRATCH/bin/qorb-load"
		chmod +x "$SCRATCH/bin/qorb-load"
	fi
}

# The demo in a process group of its own, in which Ctrl-C works as it does at a
# terminal (a shell's background commands would ignore it).
start_demo()
{
	start_daemon -n demo -r "$1" \
	    perl -e '$SIG{INT} = "DEFAULT"; setpgrp; exec @ARGV' "${@:2}"
}

# Ctrl-C at a terminal goes to all of the group.
press_ctrl_c()
{
	kill -INT -- "-$(daemon_pid demo)"
	wait_for has_ended "$(daemon_pid demo)"
}

# The demo's folder is gone, and all that it listened on by what it said (the
# teardown looks for its processes).
left_nothing()
{
	local port hex said=$1
	[ -z "$(ls -A "$TMPDIR")" ]
	grep -qF "$TMPDIR/qorb-demo." "$said"
	for port in $(grep -oE '\[::1\]:[0-9]+' "$said" | sort -u |
	    sed 's/.*://'); do
		printf -v hex '%04X' "$port"
		# Not by run, which would forget what the demo said.
		if grep -E "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F:]+ 0A " \
		    /proc/net/tcp6; then
			fail "port $port is still listened on"
		fi
	done
}

# But for figures, and for what README.md leaves out as "...".
shows_what_readme_shows()
{
	local line said
	said=$(without_figures <<<"$1")
	while IFS= read -r line; do
		line=$(without_figures <<<"$line")
		[[ -z $line || $line == ... ]] || grep -qxF -- "$line" <<<"$said" ||
		    fail "README.md shows what the demo does not: $line"
	done < <(readme | sed -n '/^\$ make demo/,/^\$ make check/s/^> //p')
}

@test "make demo shows the main job and ends well by itself" {
	run_ok "${make_demo[@]}" BUILD="$FILE_SCRATCH/build"
	echo "$output" >"$SCRATCH/said"
	left_nothing "$SCRATCH/said"
	# The name server's answer.
	assert_line --regexp '^echo003\.test\.com:[0-9]+ \[::1\]:[0-9]+ prio'
	# Three tables: before, while a server is down, and after.
	[ "$(grep -c '^\$ qtop -b -n 1' <<<"$output")" -eq 3 ]
	[ "$(grep -cE '^echo00[13]\.test\.com:.*online' <<<"$output")" -eq 6 ]
	[ "$(grep -cE '^echo002\.test\.com:.*online' <<<"$output")" -eq 2 ]
	[ "$(grep -cE '^echo002\.test\.com:.*offline' <<<"$output")" -eq 1 ]
	assert_line hello
	# Live progress, and the report.
	[ "$(grep -c 'claims/s  p50' <<<"$stderr")" -ge 5 ]
	assert_line --regexp '^claims +[0-9,]+ +[0-9,]+$'
	assert_line --regexp '[0-9]+ claims were granted while one server was'
	shows_what_readme_shows "$output
$stderr"
}

@test "Ctrl-C under the load stops all of it" {
	start_demo 'A workload' "${make_demo[@]}" BUILD="$FILE_SCRATCH/build"
	wait_for_text "$SCRATCH/demo.err" 'claims/s'
	press_ctrl_c
	left_nothing "$SCRATCH/demo.out"
	grep -q 'nothing is left behind' "$SCRATCH/demo.out"
}

@test "SIGTERM while the servers start stops all of it" {
	start_demo 'A name server' "$demo" "$QORB_BIN"
	stop_daemon demo 143
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "live: what it names for a second terminal works, until Ctrl-C" {
	programs_but </dev/null
	DEMO=live start_demo 'second terminal' "$demo" "$SCRATCH/bin"
	wait_for_text "$SCRATCH/demo.out" '# stops one of the servers'
	sed -n '/second terminal/,$p' "$SCRATCH/demo.out" | tail -n +3 \
	    >"$SCRATCH/commands"
	# Those that would take long, shortened.
	sed -i -e 's/qtop -b -i 1/& -n 1/' -e 's/30s/200ms/' "$SCRATCH/commands"
	run_ok bash -e "$SCRATCH/commands"
	assert_line hello
	assert_line --partial 'echo001.test.com'
	assert_line --regexp '^claims '
	press_ctrl_c
	left_nothing "$SCRATCH/demo.out"
}

@test "an unknown DEMO is a wrong use" {
	DEMO=life run_status 2 "$demo" "$QORB_BIN"
	[[ $stderr == "demo: DEMO=life: "* ]]
}

@test "a workload that is not content fails the demo" {
	programs_but <<-'END'
	qorb-load "$REAL/qorb-load" "${@/#10s/7s}"; exit 1
	END
	run_status 1 "$demo" "$SCRATCH/bin"
	[[ $stderr == *"demo: the workload was not content (1)"* ]]
	echo "$output" >"$SCRATCH/said"
	left_nothing "$SCRATCH/said"
}

@test "a wrong answer to the one claim fails the demo" {
	programs_but <<-'END'
	qorb-claim cat >/dev/null; echo hullo
	END
	run_status 1 "$demo" "$SCRATCH/bin"
	[[ $stderr == *"that was not what was sent"* ]]
}

@test "no claim while a server is down fails the demo" {
	programs_but <<-'END'
	qtop "$REAL/qtop" "$@" >"$0.$$"; [ -e "$0.kept" ] || ! grep -q offline "$0.$$" || cp "$0.$$" "$0.kept"; if [ -e "$0.kept" ] && grep -q offline "$0.$$"; then cat "$0.kept"; else cat "$0.$$"; fi
	END
	run_status 1 "$demo" "$SCRATCH/bin"
	[[ $stderr == *"no claim was granted while a server was down"* ]]
}

@test "a server that cannot have its port is started with another one" {
	mkdir "$SCRATCH/first"
	printf '%s\n' '#!/bin/sh' "echo once >>'$SCRATCH/tried'" \
	    "[ \$(wc -l <'$SCRATCH/tried') -gt 1 ] || exit 1" \
	    "exec $(type -P nsd) \"\$@\"" >"$SCRATCH/first/nsd"
	chmod +x "$SCRATCH/first/nsd"
	PATH=$SCRATCH/first:$PATH start_demo 'A workload' "$demo" "$QORB_BIN"
	press_ctrl_c
	[ "$(wc -l <"$SCRATCH/tried")" -eq 2 ]
	left_nothing "$SCRATCH/demo.out"
}
