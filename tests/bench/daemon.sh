#!/usr/bin/env bash
# What a claim costs through a live daemon, on one processor with its clients
# (the steadiest), and on all there are: tests/bench/daemon.sh BUILD
set -eu

build=$1
work=$(mktemp -d /tmp/qorb-bench.XXXXXX)
pids=()

finish()
{
	kill "${pids[@]}" 2>/dev/null || :
	wait
	rm -rf "$work"
}
trap finish EXIT

measure()
{
	local run=("$@") socket=$work/pool.sock addr
	"${run[@]}" "$build/bin/qorb-echo" -q >"$work/echo" &
	pids+=("$!")
	until grep -q ready "$work/echo"; do read -rt 0.05 <> <(:) || :; done
	addr=$(sed 's/.* on \(.*\), ready.*/\1/' "$work/echo")
	"${run[@]}" "$build/bin/qorb-pool" -l error -s "$socket" \
	    --set max-slots=256 --set max-count=256 --set spares-wanted=256 \
	    "bench=$addr" &
	pids+=("$!")
	until [[ $("$build/bin/qtop" -b -n 1 --json -s "$socket" 2>/dev/null) == \
		*'"unclaimed":256'* ]]; do
		read -rt 0.05 <> <(:) || :
	done
	for shape in '1 1' '1 64' '64 1' '64 4'; do
		# Two words on purpose.
		# shellcheck disable=SC2086
		"${run[@]}" "$build/bench/bench_daemon" "$socket" bench $shape 2
	done
	kill "${pids[@]}"
	wait
	pids=()
}

echo 'on one processor:'
measure taskset -c 0
echo 'on all processors:'
measure env
