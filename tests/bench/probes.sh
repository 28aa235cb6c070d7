#!/usr/bin/env bash
# What probes that nobody watches cost a claim: two daemons, one built with them
# and one without, serve the same clients on one processor by turns, so that
# what else the machine does meets both. That can only make them slower, so the
# best of all rounds is printed:
# tests/bench/probes.sh BUILD ROUNDS, with BUILD/yes and BUILD/no.
set -eu

build=$1
rounds=$2
work=$(mktemp -d /tmp/qorb-bench.XXXXXX)
pids=()

finish()
{
	kill "${pids[@]}" 2>/dev/null || :
	wait
	rm -rf "$work"
}
trap finish EXIT

pause()
{
	read -rt 0.05 <> <(:) || :
}

start()
{
	local bin=$build/$1/bin socket=$work/$1.sock addr
	taskset -c 0 "$bin/qorb-echo" -q >"$work/$1.echo" &
	pids+=("$!")
	until grep -q ready "$work/$1.echo"; do pause; done
	addr=$(sed 's/.* on \(.*\), ready.*/\1/' "$work/$1.echo")
	taskset -c 0 "$bin/qorb-pool" -l error -s "$socket" \
	    --set max-slots=256 --set max-count=256 --set spares-wanted=256 \
	    "bench=$addr" &
	pids+=("$!")
	until [[ $("$build/no/bin/qtop" -b -n 1 --json -s "$socket" \
	    2>/dev/null) == *'"unclaimed":256'* ]]; do
		pause
	done
}

best()
{
	sort "${@:3}" "$work/$1.$2" | head -n 1
}

start yes
start no
for ((i = 0; i < rounds; i++)); do
	for which in yes no; do
		taskset -c 0 "$build/no/bench/bench_daemon" \
		    "$work/$which.sock" bench 64 4 1 >"$work/line"
		sed -E 's%.*: *([0-9]+) claims/s.*%\1%' "$work/line" \
		    >>"$work/$which.rate"
		sed -E 's%.*, *([0-9.]+) us of.*%\1%' "$work/line" \
		    >>"$work/$which.cpu"
	done
done
for which in yes no; do
	echo "PROBES=$which: $(best $which rate -rn) claims/s," \
	    "$(best $which cpu -n) us of the daemon's processor time each"
done
