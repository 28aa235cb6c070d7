#!/usr/bin/env bash
# What probes that nobody watches cost a claim: two daemons, one built with them
# and one without, serve the same clients on one processor by turns of a quarter
# of a second. The best round of each is printed, and of all pairs of rounds that
# follow one another the ratio of what a claim costs the daemon: the median, and
# the bounds between which it truly lies in 95 of 100 cases, by the order of the
# ratios. Then, for root and with bpftrace, each script of probes/ watches the
# first of them: tests/bench/probes.sh BUILD ROUNDS, with BUILD/yes and BUILD/no.
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

declare -A pools

start()
{
	local bin=$build/$1/bin socket=$work/$1.sock addr
	taskset -c 0 "$bin/qorb-echo" -q >"$work/$1.echo" &
	pids+=("$!")
	until grep -qs ready "$work/$1.echo"; do pause; done
	addr=$(sed 's/.* on \(.*\), ready.*/\1/' "$work/$1.echo")
	taskset -c 0 "$bin/qorb-pool" -l error -s "$socket" \
	    --set max-slots=256 --set max-count=256 --set spares-wanted=256 \
	    "bench=$addr" &
	pids+=("$!")
	pools[$1]=$!
	until [[ $("$build/no/bin/qtop" -b -n 1 --json -s "$socket" \
	    2>/dev/null) == *'"unclaimed":256'* ]]; do
		pause
	done
}

best()
{
	sort "${@:3}" "$work/$1.$2" | head -n 1
}

# measure DAEMON NAME: one more round, noted under the name.
measure()
{
	taskset -c 0 "$build/no/bench/bench_daemon" "$work/$1.sock" bench \
	    64 4 0.25 >"$work/line"
	sed -E 's%.*: *([0-9]+) claims/s.*%\1%' "$work/line" >>"$work/$2.rate"
	sed -E 's%.*, *([0-9.]+) us of.*%\1%' "$work/line" >>"$work/$2.cpu"
}

report()
{
	echo "$1: $(best "$1" rate -rn) claims/s," \
	    "$(best "$1" cpu -n) us of the daemon's processor time each"
}

# Processor time of a claim with probes to that without, pair by pair.
report_ratio()
{
	paste "$work/PROBES=yes.cpu" "$work/PROBES=no.cpu" |
	    awk '{ print $1 / $2 }' | sort -n | awk '
	{ ratio[NR] = $1 }
	END {
		half = 0.98 * sqrt(NR)
		low = int((NR + 1) / 2 - half)
		high = int((NR + 1) / 2 + half + 0.999)
		if (low < 1)
			low = 1
		if (high > NR)
			high = NR
		printf "yes : no is %.4f, from %.4f to %.4f (%d pairs)\n",
		    ratio[int((NR + 1) / 2)], ratio[low], ratio[high], NR
	}'
}

# The program, and a line that says that it is attached.
watch()
{
	{
		cat "$1"
		printf '%s\n' \
		    'interval:ms:20 /!@on/ { @on = 1; printf("on\n"); }'
	} >"$work/script.bt"
	: >"$work/traced"
	taskset -c 1 bpftrace -B line -p "${pools[yes]}" "$work/script.bt" \
	    >"$work/traced" 2>/dev/null &
	tracer=$!
	pids+=("$tracer")
	until grep -q '^on$' "$work/traced"; do
		kill -0 "$tracer"
		pause
	done
}

start yes
start no
for ((i = 0; i < rounds; i++)); do
	# Who goes first takes turns too.
	if ((i % 2)); then
		measure yes PROBES=yes
		measure no PROBES=no
	else
		measure no PROBES=no
		measure yes PROBES=yes
	fi
done
report PROBES=yes
report PROBES=no
report_ratio
[[ $(id -u) -eq 0 ]] && command -v bpftrace >/dev/null || exit 0
for script in probes/*.bt; do
	name=$(basename "$script" .bt)
	watch "$script"
	for ((i = 0; i < 3; i++)); do
		measure yes "$name"
	done
	kill -INT "$tracer"
	wait "$tracer" || :
	unset 'pids[-1]'
	report "$name"
done
