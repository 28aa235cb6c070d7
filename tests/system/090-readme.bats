#!/usr/bin/env bats
#
# README.md is true: the tour's commands are typed as they stand there into
# three shells, and what they print has every line that README.md shows, but
# for figures, which differ from run to run. Only the fixed ports and the
# socket's path are replaced, for runs side by side.

load helpers
load readme

export BATS_TEST_TIMEOUT=120

@test "every command outside the tour is run by another test" {
	local others
	others=$(readme | sed '/^at 1/,$d' | sed -n 's/^\$ //p')
	# By 080-demo.bats, by whoever runs this, by 015-make.bats.
	[ "$others" = "make demo
make check
make" ]
	run_ok bash -c 'sed -n "/^## Installation/,/^## /p" "$1" |
	    sed -n "/^\`\`\`sh/,/^\`\`\`\$/p"' - "$ROOT/README.md"
	[ "$output" = '```sh
make install
```' ]
}

# --- the tour ------------------------------------------------------------------

# A shell that reads what is typed; its output is $SCRATCH/t$1.out and .err.
open_terminal()
{
	mkfifo "$SCRATCH/in$1"
	start_daemon -n "t$1" bash --norc -c \
	    'exec 2>&1; exec bash --norc <>"$0"' "$SCRATCH/in$1"
}

type_into()
{
	echo "$2" >>"$SCRATCH/in$1"
}

# What a terminal has shown since its mark.
shown()
{
	tail -c "+$((${mark[$1]:-0} + 1))" "$SCRATCH/t$1.out"
}

set_mark()
{
	mark[$1]=$(wc -c <"$SCRATCH/t$1.out")
}

shows()
{
	shown "$1" | grep -Eq -- "$2"
}

# Waits as a person would who reads what is on the screens.
wait_after()
{
	local terminal=$1 command=$2
	case $command in
	nsd\ *) wait_for shows 1 'nsd started' ;;
	*qorb-echo*) wait_for shows 1 'ready to accept' ;;
	*qorb-pool*) wait_for shows 2 'ready on' ;;
	kill\ %*) wait_for shows 2 'offline' ;;
	kill*) wait_for shows 1 'signal received' ;;
	*)
		type_into "$terminal" "echo 'exit status' \$?."
		wait_for shows "$terminal" '^exit status 0\.'
		;;
	esac
}

has_line()
{
	shown "$1" | without_figures | grep -qxF -- "$2"
}

expect_line()
{
	local want
	want=$(without_figures <<<"$2")
	if ! wait_for has_line "$1" "$want"; then
		echo "terminal $1 does not show: $2"
		echo "it shows:"
		shown "$1"
		return 1
	fi
}

# A copy of what the tour needs at the top of the tree, with other ports.
copy_tree()
{
	local port
	for port in 5300 6001 6002 6003; do
		ports+=" -e s/\\b$port\\b/$(free_port)/g"
	done
	ports+=" -e s%/tmp/qorb-tour%$SCRATCH/tour%g"
	mkdir -p "$SCRATCH/top/build" "$SCRATCH/top/docs/examples"
	ln -s "$QORB_BIN" "$SCRATCH/top/build/bin"
	cp -R "$ROOT/docs/examples/dns" "$SCRATCH/top/docs/examples"
	# Words on purpose.
	# shellcheck disable=SC2086
	sed -i $ports "$SCRATCH"/top/docs/examples/dns/*
	cd "$SCRATCH/top" || return
}

@test "the tour goes as README.md says" {
	local line terminal='' ports='' n pool
	local -A mark=()
	export DEADLINE=20
	copy_tree
	for n in 1 2 3; do
		open_terminal $n
	done
	# shellcheck disable=SC2086
	readme | sed -n '/^at 1/,$p' | sed $ports >"$SCRATCH/tour"
	n=0
	while IFS= read -r line <&5; do
		case $line in
		'at '*) terminal=${line#at } ;;
		'$ make install') ;;
		'$ kill $('*)
			# Ctrl-C in terminal 2 comes first.
			pool=$(ask hello | sed 's/.*pid=\([0-9]*\).*/\1/')
			kill -INT "$pool"
			wait_for shows 2 'stopped'
			set_mark "$terminal"
			type_into "$terminal" "${line#$ }"
			wait_after "$terminal" "${line#$ }"
			;;
		'$ export '*)
			export "${line#$ export }"
			type_into "$terminal" "${line#$ }"
			;;
		'$ '*)
			set_mark 1
			set_mark 2
			set_mark "$terminal"
			type_into "$terminal" "${line#$ }"
			wait_after "$terminal" "${line#$ }"
			n=$((n + 1))
			;;
		'> ...' | '> ') ;;
		'> '*) expect_line "$terminal" "${line#> }" ;;
		esac
	done 5<"$SCRATCH/tour"
	[ $n -ge 12 ]
	for n in 1 2 3; do
		type_into $n 'wait; exit'
	done
	for n in 1 2 3; do
		wait_for has_ended "$(daemon_pid t$n)"
	done
	[ ! -e "$SCRATCH/tour.sock" ]
}
