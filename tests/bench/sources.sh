#!/usr/bin/env bash
# What finding backends costs: looking up a thousand targets, taking in ten
# thousand backends, and claims beside them: tests/bench/sources.sh BUILD ROUNDS
#
# All of it in a network namespace of its own, where the loopback interface has
# 16 million addresses and nobody else listens.
set -eu

if [[ -z ${QORB_BENCH_ALONE-} ]]; then
	unshare -rn true 2>/dev/null || {
		echo "bench-sources needs network namespaces (unshare -rn)" >&2
		exit 1
	}
	QORB_BENCH_ALONE=1 exec unshare -rn "$0" "$@"
fi
ip link set lo up
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

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
	read -rt 0.02 <> <(:) || :
}

# spread UNIT: of numbers, one a line.
spread()
{
	sort -n | awk -v unit="$1" '{ n[NR] = $1 } END {
		printf "min %s, median %s, max %s %s (%d runs)\n",
		    n[1], n[int((NR + 1) / 2)], n[NR], unit, NR }'
}

# The first word after each WORD in a file: figures WORD FILE.
figures()
{
	sed -E "s/.*$1 ([0-9.]+) .*/\1/" "$2"
}

# --- a thousand targets -------------------------------------------------------

start_nsd()
{
	local i
	{
		printf '%s\n' '$ORIGIN test.com.' '$TTL 60' \
		    '@ SOA ns hostmaster 1 3600 600 86400 1' '@ NS ns' \
		    'ns AAAA ::1'
		for ((i = 0; i < 1000; i++)); do
			echo "_echo._tcp SRV 0 10 6001 t$i"
			echo "t$i AAAA fd00::$i"
			echo "t$i A 10.0.$((i / 250)).$((i % 250))"
		done
	} >"$work/zone"
	printf '%s\n' 'server:' '  ip-address: ::1@5300' '  server-count: 1' \
	    '  username: ""' '  database: ""' '  pidfile: ""' \
	    "  zonesdir: \"$work\"" "  xfrdfile: \"$work/xfrd\"" \
	    "  xfrdir: \"$work\"" "  zonelistfile: \"$work/zones\"" \
	    '  rrl-ratelimit: 0' 'remote-control:' '  control-enable: no' \
	    'zone:' '  name: "test.com"' '  zonefile: "zone"' >"$work/nsd.conf"
	nsd -d -c "$work/nsd.conf" >"$work/nsd" 2>&1 &
	pids+=("$!")
	until grep -q 'nsd started' "$work/nsd"; do pause; done
}

look_up()
{
	local i start end
	for ((i = 0; i < rounds; i++)); do
		start=${EPOCHREALTIME/./}
		"$build/bin/qorb-resolve" --dns '[::1]:5300' \
		    _echo._tcp.test.com >"$work/found"
		end=${EPOCHREALTIME/./}
		[[ $(wc -l <"$work/found") -eq 2000 ]]
		awk "BEGIN { print ($end - $start) / 1000 }"
	done | spread 'ms'
}

# --- ten thousand backends ----------------------------------------------------

# pool_file FILE COUNT PORT: of live backends at 127.X.Y.1, then of COUNT in all
# with the others at PORT.
pool_file()
{
	awk -v count="$2" -v port="$3" 'BEGIN {
		print "[pool bench]"
		print "max-slots = 256\nmax-count = 256\nspares-wanted = 256"
		printf "backends = 127.0.0.1:6001"
		for (i = 1; i < count; i++)
			printf ",\n 127.%d.%d.1:%d", i / 250, i % 250,
			    i < 3 ? 6001 : port
		print ""
	}' >"$1"
}

start_pool()
{
	taskset -c 0 "$build/bin/qorb-pool" -l error -s "$work/$1.sock" \
	    -c "$work/$1.conf" &
	pids+=("$!")
	wait_for_connections "$1"
}

# Nearly all that it may have; claims in flight at the end of a measurement cost
# their connections.
wait_for_connections()
{
	until [[ $("$build/bin/qorb-ctl" -s "$work/$1.sock" pools 2>/dev/null |
	    awk 'NR == 2 { print ($7 > 250) }') == 1 ]]; do
		pause
	done
}

# Processor time of a daemon that reads its file and takes in what is there.
take_file()
{
	local i pid
	for ((i = 0; i < rounds; i++)); do
		"$build/bin/qorb-pool" -l error -s "$work/take.sock" \
		    -c "$work/$1.conf" &
		pid=$!
		pids+=("$pid")
		until "$build/bin/qorb-ctl" -s "$work/take.sock" pools \
		    >"$work/pools" 2>/dev/null; do pause; done
		awk '{ print $1 / 1e6 }' "/proc/$pid/schedstat" >>"$work/$1.ms"
		kill "$pid"
		wait "$pid" || :
		unset 'pids[-1]'
	done
	spread 'ms of daemon time' <"$work/$1.ms"
}

take_adverts()
{
	"$build/bench/bench_adverts" "$work/three.sock" bench "$1" 10000 \
	    "$rounds" >"$work/adverts"
	printf '%s' '  taken: '
	figures taken "$work/adverts" | spread 'ms of daemon time'
	printf '%s' '  lost:  '
	figures lost "$work/adverts" | spread 'ms of daemon time'
}

# best NAME WHAT [SORT OPTION]: what else the machine does makes it only worse.
best()
{
	sort "${@:3}" "$work/$1.$2" | head -n 1
}

# The same clients and the same processor for each by turns.
claim()
{
	local i name
	for ((i = 0; i < rounds; i++)); do
		for name in "$@"; do
			wait_for_connections "$name"
			taskset -c 0 "$build/bench/bench_daemon" \
			    "$work/$name.sock" bench 64 4 1 >"$work/line"
			sed -E 's%.*: *([0-9]+) claims/s.*%\1%' "$work/line" \
			    >>"$work/$name.rate"
			sed -E 's%.*, *([0-9.]+) us of.*%\1%' "$work/line" \
			    >>"$work/$name.cpu"
		done
	done
	for name in "$@"; do
		awk -v name="$name" -v rate="$(best "$name" rate -rn)" \
		    -v cpu="$(best "$name" cpu -n)" \
		    -v rate1="$(best "$1" rate -rn)" \
		    -v cpu1="$(best "$1" cpu -n)" 'BEGIN {
			printf "  %-5s best %6d claims/s (%.2f of %s), ", name,
			    rate, rate / rate1, "'"$1"'"
			printf "%.3f us of daemon time each (%.2f)\n", cpu,
			    cpu / cpu1 }'
	done
}

start_nsd
echo '1,000 targets with AAAA and A, looked up over TCP:'
printf '%s' '  '
look_up

"$build/bin/qorb-echo" -q 0.0.0.0:6001 >"$work/echo" 2>&1 &
pids+=("$!")
until grep -q ready "$work/echo"; do pause; done
pool_file "$work/three.conf" 3 6001
pool_file "$work/live.conf" 10000 6001
pool_file "$work/dead.conf" 10000 9

echo 'A daemon with a file of 3 backends, from its start on:'
printf '%s' '  '
take_file three
echo 'A daemon with a file of 10,000 backends, from its start on:'
printf '%s' '  '
take_file live

start_pool three
echo '10,000 backends from one advertiser:'
take_adverts 1
echo '10,000 backends from 1,000 advertisers:'
take_adverts 1000

start_pool live
start_pool dead
echo 'Claims beside 3 backends, 10,000 that live, 3 and 9,997 that refuse:'
claim three live dead
