#!/usr/bin/env bats
#
# qorb-load on a real daemon and real echo servers: what it counts, what it
# finds, and how it ends.
#
# Each test has the output of its own runs.
# shellcheck disable=SC2030,SC2031

load helpers

# Three echo servers and a pool over them, with options for the daemon.
start_all()
{
	local name
	ADDRS=
	for name in one two three; do
		start_echo "$name"
		ADDRS+=${ADDRS:+,}$ECHO_ADDR
	done
	start_pool "$@" "demo=$ADDRS"
}

# The report in $output, or in the file of a background run, has this property.
report_says()
{
	local text=$output
	[[ -z ${REPORT-} ]] || text=$(<"$REPORT")
	if ! jq -e "$1" <<<"$text" >/dev/null; then
		echo "not so: $1"
		echo "$text"
		return 1
	fi
}

# Starts a run in the background that has shown a line of progress.
start_load()
{
	start_daemon -n load -r 'claims/s' qorb-load --progress "$@"
	REPORT=$SCRATCH/load.out
}

# Waits for the end of that run; it must exit with this status.
load_ends()
{
	local pid ended=0
	pid=$(daemon_pid load)
	wait_for has_ended "$pid"
	rm -f "$SCRATCH/daemons/load"
	wait "$pid" || ended=$?
	if [[ $ended -ne $1 ]]; then
		echo "qorb-load exited with $ended, not $1"
		cat "$SCRATCH/load.err" "$SCRATCH/load.out"
		return 1
	fi
}

# All lent connections are back: nothing ended as broken on the way out.
all_is_back()
{
	[[ $(ask pools) == *' claimed=0 '* ]]
}

# Ends the echo servers; all together they had at most this many connections.
connections_are_at_most()
{
	local name sum=0
	for name in one two three; do
		stop_daemon "$name"
		sum=$((sum + $(sed -n 's/.*: connections=\([0-9]*\) .*/\1/p' \
		    "$SCRATCH/$name.err")))
	done
	if [[ $sum -eq 0 || $sum -gt $1 ]]; then
		echo "$sum connections"
		return 1
	fi
}

@test "64 tasks for a second get every echo back right" {
	start_all
	run_ok qorb-load --tasks 64 --duration 1s --json demo
	[ -z "$stderr" ]
	report_says '.end == "complete" and .errors.total == 0'
	# More cycles than tasks and slots: claims were given back in between.
	report_says '.cycles.whole > 64 and .claims.unanswered == 0'
	report_says '([.backends[].claims] | add) == .claims.granted'
	report_says '.backends | length == 3'
	report_says '.latency.claim.count == .claims.granted'
	report_says '.latency.cycle.p50_us <= .latency.cycle.max_us'
	wait_for all_is_back
}

@test "the report is text for people" {
	start_all
	run_ok qorb-load --claims 300 --seed 7 demo
	[ -z "$stderr" ]
	[[ ${lines[0]} == "pool demo of qorb-pool/"*", seed 7" ]]
	assert_line --regexp '^claims +300 +[0-9,]+$'
	assert_line --regexp '^cycles +300 +[0-9,]+$'
	assert_line --regexp '^errors +0 +0 %$'
	assert_line --regexp '^latency +p50 +p90 +p99 +p99.9 +p99.99 +max$'
	assert_line --regexp '^claim +[0-9.]+(us|ms|s) '
	assert_line --regexp '^[^ ]+:[0-9]+ +[0-9]+ +[0-9.]+ %$'
	assert_line --regexp '^[0-9]+ connections? in [0-9]+ slots? seen, [0-9.]+ claims on each'
	assert_line --regexp '^qorb-load itself: [0-9]+ % of one processor'
}

@test "its own part of the measured time is told, and when it is over half" {
	local busy
	start_all
	run_ok qorb-load --tasks 64 --duration 1s --json demo
	# More than a processor it cannot use, and less than nothing neither.
	report_says '.cpu.used_us > 0 and .cpu.used_us <= 1.1 * .elapsed_us'
	report_says '.cpu.cycle_us * .cycles.whole / .cpu.used_us | round == 1'
	busy='.cpu.percent + .cpu.delayed_percent > 50'
	report_says ".cpu.is_bottleneck == ($busy)"
	# Nearly nothing to do; what else is running may keep it waiting.
	run_ok qorb-load --tasks 1 --pause 100ms --duration 1s --json demo
	report_says '.cpu.percent < 50'
	report_says ".cpu.is_bottleneck == ($busy)"
}

# What it asks of the system while it runs so many cycles with so many tasks.
calls_of()
{
	# The leak checker cannot work where strace does.
	run_ok env ASAN_OPTIONS=detect_leaks=0 strace -f -c -o "$SCRATCH/calls" \
	    qorb-load --tasks "$1" --claims "$2" --json demo
	report_says ".cycles.whole == $2"
	awk '$NF != "total" && $4 ~ /^[0-9]+$/ { n += $4 } END { print n }' \
	    "$SCRATCH/calls"
}

# A cycle alone: write to the daemon (the last release with the next claim),
# wait, read the grant, and which connection it is; write to the backend, wait,
# read the echo, close. Many at once share what has to do with the daemon, and
# the waiting.
@test "a cycle costs eight system calls alone, and few among many" {
	local calls
	command -v strace >/dev/null || skip "strace is not installed"
	strace -o /dev/null true || skip "strace may not trace here"
	start_all --set max-slots=64 --set max-count=64
	calls=$(calls_of 1 2000)
	[ "$calls" -gt 14000 ]
	[ "$calls" -lt 18000 ]
	calls=$(calls_of 64 20000)
	[ "$calls" -gt 60000 ]
	[ "$calls" -lt 120000 ]
}

@test "--claims ends after so many, whatever the number of tasks" {
	start_all
	run_ok qorb-load --tasks 30 --claims 500 --json demo
	report_says '.claims.asked == 500 and .cycles.whole == 500'
	run_ok qorb-load --tasks 30 --claims 3 --json demo
	report_says '.claims.asked == 3 and .cycles.whole == 3'
	# Given back in good order: about one for each of the pool's 16 slots.
	connections_are_at_most 32
}

@test "a payload of a megabyte and one of a byte come back" {
	start_all
	run_ok qorb-load --tasks 4 --claims 20 --payload 1048576 --json demo
	report_says '.cycles.whole == 20 and .errors.total == 0'
	run_ok qorb-load --tasks 4 --claims 20 --payload 1 --json demo
	report_says '.cycles.whole == 20 and .errors.total == 0'
}

@test "with --rate every planned cycle is accounted for" {
	start_all
	run_ok qorb-load --tasks 16 --rate 500 --hold 1ms --ramp 200ms \
	    --duration 1s --json demo
	report_says '.work.model == "open" and .errors.total == 0'
	report_says '.claims.planned == .claims.asked + .claims.never_begun'
	report_says '.latency.claim_raw.count == .latency.claim.count'
	report_says '.latency.cycle.min_us >= 1000'
	run_ok qorb-load --tasks 16 --rate 500 --arrivals even --claims 100 \
	    --json demo
	report_says '.work.arrivals == "even" and .cycles.whole == 100'
}

@test "one task that is too slow for the rate shows in the latency" {
	start_all
	run_ok qorb-load --tasks 1 --rate 1000 --hold 20ms --duration 1s \
	    --json demo
	report_says '.claims.never_begun > 0'
	# Whoever came last had waited for all before; the raw figures say
	# nothing of it.
	report_says '.latency.claim.max_us > 500000'
	report_says '.latency.claim_raw.max_us < .latency.claim.max_us'
}

# Connections that the daemon has accepted and that are still there: sockets
# that carry its path and are connected.
client_connections()
{
	awk -v path="$QORB_SOCKET" '$6 == "03" && $8 == path { n++ }
	    END { print n + 0 }' /proc/net/unix
}

# The pool has this many claims held, and these waiting.
pool_has()
{
	[[ $(ask pools) == *" claimed=$1 "*" waiting=$2"* ]]
}

# How many lines of progress tell of a second like this.
seconds_with()
{
	grep -Ec -- "$1" "$SCRATCH/load.err" || :
}

seconds_are()
{
	[[ $(seconds_with "$2") -ge $1 ]]
}

# stall NAME: stops a daemon until two whole seconds have passed in which no
# claim was granted, and waits until claims are granted again.
stall()
{
	local pid none=' 0 claims/s ' some=' [1-9][0-9]* claims/s '
	pid=$(daemon_pid "$1")
	wait_for seconds_are 1 "$some"
	kill -STOP "$pid"
	wait_for seconds_are $(($(seconds_with "$none") + 2)) "$none"
	kill -CONT "$pid"
	wait_for seconds_are $(($(seconds_with "$some") + 3)) "$some"
}

# With four tasks, only four requests are there to feel a stall: too few for
# the 99th percentile. Those that should have been made meanwhile are many.
@test "a backend that stalls shows in the corrected latency, not in the raw" {
	start_echo only
	start_pool "demo=$ECHO_ADDR"
	start_load --tasks 4 --rate 300 --timeout 1m --duration 1h --json demo
	stall only
	kill -TERM "$(daemon_pid load)"
	load_ends 0
	report_says '.latency.cycle.p99_us > 1000000'
	report_says '.latency.cycle_raw.p99_us < 500000'
	report_says '.latency.cycle_raw.max_us > 1000000'
	report_says '.errors.total == 0'
}

@test "a daemon that stalls shows in the corrected latency, not in the raw" {
	start_all
	start_load --tasks 4 --rate 300 --timeout 1m --duration 1h --json demo
	stall pool
	kill -TERM "$(daemon_pid load)"
	load_ends 0
	report_says '.latency.claim.p99_us > 1000000'
	report_says '.latency.claim_raw.p99_us < 500000'
	report_says '.latency.claim_raw.max_us > 1000000'
	report_says '.errors.total == 0'
}

@test "1000 tasks ask at once on two connections" {
	start_all
	run_ok qorb-load --tasks 1000 --claims 5000 --json demo
	report_says '.work.connections == 2 and .cycles.whole == 5000'
	report_says '.errors.total == 0'
	wait_for all_is_back
	# All of them in one process: as many claims as there are slots are
	# held, and the others wait for theirs side by side.
	start_load --tasks 1000 --hold 1h --wait never --duration 1h --json demo
	wait_for pool_has 16 984
	[ "$(client_connections)" -eq 2 ]
	[ "$(ask 'claims demo' | grep -c " pid=$(daemon_pid load) ")" -eq 16 ]
	kill -TERM "$(daemon_pid load)"
	load_ends 0
	report_says '.cycles.unfinished == 1000 and .errors.total == 0'
	wait_for pool_has 0 0
}

@test "as many connections as the daemon's limit a client asks for" {
	start_all
	stop_daemon pool
	printf '%s\n' '[daemon]' 'max-claims-per-client = 250' '[pool demo]' \
	    "backends = ${ADDRS//,/, }" >"$SCRATCH/pool.conf"
	start_pool -c "$SCRATCH/pool.conf"
	run_ok qorb-load --tasks 1000 --connections 4 --claims 4000 --json demo
	report_says '.errors.total == 0 and .cycles.whole == 4000'
	# One for a few too many: those are refused, and counted.
	run_ok qorb-load --tasks 300 --connections 1 --claims 1000 --json demo
	report_says '.errors.by_code | keys == ["too-many-claims"]'
	report_says '.cycles.whole + .errors.total == 1000'
}

@test "pauses, holds and a ramp are kept" {
	start_all
	run_ok qorb-load --tasks 8 --claims 24 --hold 20ms --connections 3 \
	    --json demo
	report_says '.cycles.whole == 24 and .latency.cycle.min_us >= 20000'
	report_says '.elapsed_us >= 60000 and .work.connections == 3'
	run_ok qorb-load --tasks 1 --claims 3 --pause 100ms --json demo
	report_says '.elapsed_us >= 200000'
	# The first begins again before the last one begins at all.
	run_ok qorb-load --tasks 4 --claims 4 --hold 200ms --ramp 400ms \
	    --json demo
	report_says '.elapsed_us >= 350000'
}

@test "--progress writes plain lines, and without it a pipe gets none" {
	start_all
	run_ok qorb-load --progress --tasks 8 --duration 2s --json demo
	grep -Eq '^ *[0-9]+s +[0-9,]+ claims/s  p50 .*  p99 .*  errors 0$' \
	    <<<"$stderr"
	[[ $stderr != *$'\r'* ]]
	run_ok qorb-load --duration 1200ms demo
	[ -z "$stderr" ]
}

@test "a reader of the progress who goes away does not end the run" {
	start_all
	mkfifo "$SCRATCH/messages"
	head -c 1 "$SCRATCH/messages" >/dev/null 3>&- 4>&- &
	# Some lines more, then a message about the failures, and the report.
	run_status 1 bash -c "exec qorb-load --progress --rate 20 --duration 3s \
	    --wait 0 --key-space 1 --hold 1h --fail-above 0 --json demo \
	    2>'$SCRATCH/messages'"
	report_says '.errors.total > 0 and .cycles.unfinished > 0'
}

@test "a reader of the report who goes away ends it quietly" {
	start_all
	mkfifo "$SCRATCH/report"
	start_daemon -n load bash -c "exec qorb-load --progress \
	    --duration 1h demo >'$SCRATCH/report'"
	exec {reader}<"$SCRATCH/report"
	wait_for_text "$SCRATCH/load.err" 'claims/s'
	exec {reader}<&-
	stop_daemon load 141
	run_status 1 grep -v 'claims/s' "$SCRATCH/load.err"
}

@test "--histogram writes all latencies" {
	start_all
	run_ok qorb-load --claims 200 --histogram "$SCRATCH/h" demo
	[ "$(head -n 1 "$SCRATCH/h")" = $'latency\tup_to_us\tcount\tshare' ]
	[ "$(awk '$1 == "claim" { n += $3 } END { print n }' \
	    "$SCRATCH/h")" -eq 200 ]
	[ "$(awk '$1 == "cycle" { n += $3 } END { print n }' \
	    "$SCRATCH/h")" -eq 200 ]
	# In the open model the raw ones too. Edges and shares go up, and each
	# latency ends with all of them.
	run_ok qorb-load --rate 1000 --claims 200 --histogram "$SCRATCH/h" demo
	assert_equal "$(awk -F '\t' '
	    NR == 1 { next }
	    NF != 4 || ($1 == name && ($2 <= edge || $4 <= share)) { exit 1 }
	    $1 != name && name != "" { print name, n, share }
	    $1 != name { n = 0 }
	    { name = $1; edge = $2; n += $3; share = $4 }
	    END { print name, n, share }' "$SCRATCH/h")" "$(printf '%s\n' \
	    'claim 200 1.00000000' 'cycle 200 1.00000000' \
	    'claim_raw 200 1.00000000' 'cycle_raw 200 1.00000000')"
}

@test "the spread over backends and the use of connections are told" {
	start_all --set max-slots=6
	# Held so long that no backend can serve them all while another is slow.
	run_ok qorb-load --tasks 6 --claims 300 --hold 5ms --json demo
	report_says '[.backends[].percent] | (add | round) == 100'
	report_says '[.backends[].name] | unique | length == 3'
	# Each backend got its share, and each connection many claims.
	report_says '[.backends[].percent] | min > 10'
	report_says '.slots.seen >= 3 and .slots.seen < 20'
	report_says '.connections.seen >= 3 and .connections.seen < 20'
	report_says '.connections.claims_each >= 15'
	report_says '.connections | (.claims_each * .seen | round) == 300'
}

# Of claims on a connection whose end was not yet seen, all but one fail.
each_claim_had_its_connection()
{
	report_says "$1 | .connections.seen >= .claims.granted - .errors.total"
	report_says "$1 | .connections.seen <= .claims.granted"
	report_says "$1 | .connections.claims_each < 1.5"
}

@test "connections are counted, not the slots that they come and go in" {
	start_echo one -q --close-after 64
	start_pool --set max-slots=4 --set min-uptime=0 "demo=$ECHO_ADDR"
	run_ok qorb-load --tasks 4 --claims 200 --payload 64 --json demo
	each_claim_had_its_connection .
	report_says '.connections.seen > 10 * .slots.seen'
	run_ok qorb-load --tasks 4 --claims 200 --payload 64 demo
	assert_line --regexp '^[12][0-9]{2} connections in [1-9] slots? seen, 1\.[0-4] claims on each connection'
	# By turns.
	run_ok qorb-load --tasks 4 --claims 200 --payload 64 --compare --json demo
	each_claim_had_its_connection .pool
	report_says '.direct.connections == {seen: 200}'
	report_says '.direct | has("slots") | not'
}

# Echoes, but changes the last byte of its 20th piece. PORT is the argument.
read -r -d '' wrong_echo <<'PERL' || :
use strict;
use IO::Select;
use Socket qw(:all);
my $port = shift;
socket(my $l, AF_INET6, SOCK_STREAM, 0) or die;
setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1);
bind($l, pack_sockaddr_in6($port, IN6ADDR_LOOPBACK)) && listen($l, 64) or die;
$| = 1;
print "ready\n";
my ($set, $pieces) = (IO::Select->new($l), 0);
while (my @ready = $set->can_read) {
	for my $s (@ready) {
		if ($s == $l) {
			my $c;
			accept($c, $l) and $set->add($c);
		} elsif (sysread($s, my $piece, 65536)) {
			substr($piece, -1) ^= "\1" if ++$pieces == 20;
			syswrite($s, $piece);
		} else {
			$set->remove($s);
			close($s);
		}
	}
}
PERL

@test "one wrong byte in an echo is found and fails the run" {
	local port
	port=$(free_port)
	start_daemon -n wrong -r ready perl -e "$wrong_echo" "$port"
	start_pool "demo=[::1]:$port"
	run_status 1 qorb-load --tasks 4 --claims 60 --json demo
	report_says '.errors.by_code == {"echo-wrong": 1}'
	report_says '.cycles.whole == 59'
	[ "$stderr" = 'qorb-load: echoes that were not what was sent: 1' ]
	stop_daemon wrong 143
}

@test "an echo that never comes is an error after --timeout" {
	start_echo silent --hang-rate 1
	start_pool "demo=$ECHO_ADDR"
	run_ok qorb-load --tasks 4 --claims 8 --timeout 100ms --json demo
	report_says '.errors.by_code == {"echo-timeout": 8}'
	report_says '.errors.percent == 100 and .cycles.whole == 0'
	run_status 1 qorb-load --tasks 4 --claims 8 --timeout 100ms \
	    --fail-above 50 --json demo
	[ "$stderr" = 'qorb-load: 100 % of the cycles failed, more than the 50 % allowed' ]
}

@test "a backend that dies costs its claims, and the others go on" {
	local goes_on='^ +[0-9]+s +[1-9][0-9,]* claims/s .* errors [1-9]'
	start_all
	start_load --tasks 64 --hold 20ms --duration 1m --json demo
	stop_daemon two
	# Two whole seconds of claims after it, then enough.
	wait_for eval '[[ $(grep -Ec "'"$goes_on"'" "$SCRATCH/load.err") -ge 2 ]]'
	kill -TERM "$(daemon_pid load)"
	load_ends 0
	report_says '.errors.by_code | has("io-closed") or has("io-reset")'
	report_says '.errors.by_code | has("echo-wrong") | not'
	report_says '.errors.percent < 50 and .cycles.whole > 0'
}

@test "a full pool is counted as all-claims-used" {
	start_all --set max-slots=4
	run_ok qorb-load --tasks 8 --wait 0 --hold 50ms --claims 100 --json demo
	report_says '.errors.by_code["all-claims-used"] > 0'
	report_says '.cycles.whole + .errors.total == 100'
	run_status 1 qorb-load --tasks 8 --wait 0 --hold 50ms --claims 100 \
	    --fail-above 1% --json demo
	[[ $stderr == *'% of the cycles failed, more than the 1 % allowed' ]]
}

@test "a pool without a backend that works fails each claim, and the run" {
	start_pool "demo=[::1]:$(free_port)"
	run_status 1 qorb-load --tasks 4 --wait 50ms --claims 8 --json demo
	report_says '.errors.by_code == {"no-backends-online": 8}'
	report_says '.end == "complete" and .claims.granted == 0'
	[ "$stderr" = 'qorb-load: pool demo: nothing could be claimed' ]
	run_status 1 qorb-load --tasks 4 --wait 50ms --claims 8 demo
	assert_line --regexp '^errors +8 +100 %$'
	assert_line --regexp '^no-backends-online +8  [a-z]'
}

@test "a key keeps its backend" {
	start_all
	run_ok qorb-load --tasks 4 --claims 100 --key-space 1 --json demo
	report_says '.backends | length == 1'
	run_ok qorb-load --tasks 4 --claims 400 --key-space 100 --json demo
	report_says '.backends | length == 3'
}

@test "a signal ends a run early, with its report and all claims given back" {
	local signal
	start_all
	for signal in INT TERM; do
		start_load --tasks 32 --hold 1h --duration 1h --json demo
		stop_daemon -s "$signal" load 0
		report_says '.end == "interrupted" and .errors.total == 0'
		report_says '.claims.granted > 0 and .cycles.whole == 0'
		report_says '.cycles.unfinished == 32'
		wait_for all_is_back
	done
	connections_are_at_most 32
}

# Sends the signal, and says whether the run is over.
is_over_by()
{
	kill -s "$1" "$2" 2>/dev/null || return 0
	return 1
}

@test "a second signal waits for nothing" {
	start_echo silent --hang-rate 1
	start_pool "demo=$ECHO_ADDR"
	start_load --timeout 1h --duration 1h --json demo
	DEADLINE=5 wait_for is_over_by INT "$(daemon_pid load)"
	load_ends 0
	report_says '.end == "interrupted" and .cycles.unfinished == 8'
}

@test "a daemon that goes away ends the run with one line and the report" {
	start_all
	start_load --tasks 32 --duration 1h --json demo
	stop_daemon -s KILL pool 137
	rm -f "$QORB_SOCKET"
	load_ends 1
	report_says '.end == "lost" and .cycles.whole > 0'
	[ "$(grep -vc claims/s "$SCRATCH/load.err")" -eq 1 ]
	grep -q '^qorb-load: .*daemon' "$SCRATCH/load.err"
}

@test "a daemon that stops answering does not keep the run from ending" {
	start_all
	start_load --tasks 32 --duration 5s --timeout 200ms --json demo
	kill -STOP "$(daemon_pid pool)"
	load_ends 1
	kill -CONT "$(daemon_pid pool)"
	report_says '.claims.unanswered > 0'
	grep -q '^qorb-load: claims that the daemon never answered: ' \
	    "$SCRATCH/load.err"
}

@test "an unknown pool is said at once, in one line" {
	start_all
	run_status 1 qorb-load --tasks 64 --duration 1h nope
	[ -z "$output" ]
	[[ $stderr == 'qorb-load: pool nope: no-such-pool: '* && $stderr != *$'\n'* ]]
	run_status 1 qorb-load --duration 1h --json nope
	report_says '.end == "refused" and .claims.granted == 0'
}

@test "a missing daemon is said in one line, in whatever mode" {
	local mode
	printf '%s\n' '# qorb-load arrivals 1' '1 -' >"$SCRATCH/arrivals"
	for mode in '--duration 1s' '--claims 1' '--rate 5 --duration 1s' \
	    '--json --claims 1' '--progress --claims 1' \
	    "--replay $SCRATCH/arrivals" '--compare --claims 1' \
	    '--compare --json --claims 1' \
	    '--compare --claims 1 --direct [::1]:1' \
	    '--tasks 1000 --claims 1' "--histogram $SCRATCH/h --claims 1" \
	    "--record $SCRATCH/r --claims 1"; do
		# shellcheck disable=SC2086
		run_status 1 qorb-load $mode demo
		[ -z "$output" ]
		[[ $stderr == "qorb-load: "*"$QORB_SOCKET"* ]]
		[[ $stderr != *$'\n'* ]]
	done
	run_status 1 qorb-load --socket "$SCRATCH/none" --duration 1s demo
	[[ $stderr == *"$SCRATCH/none"* ]]
	: >"$SCRATCH/file"
	run_status 1 qorb-load --socket "$SCRATCH/file" --duration 1s demo
}

@test "--direct needs no daemon, and connects for each claim" {
	start_all
	stop_daemon pool
	run_ok qorb-load --tasks 8 --claims 300 --direct "$ADDRS" --json
	report_says '.cycles.whole == 300 and .errors.total == 0'
	report_says '.work.pool == null and (.work.direct | length) == 3'
	report_says '[.backends[].claims] | min >= 90'
	run_ok qorb-load --claims 30 --direct "$ADDRS"
	[[ ${lines[0]} == 'a connection each claim, 8 tasks, '* ]]
	local name sum=0
	for name in one two three; do
		stop_daemon "$name"
		sum=$((sum + $(sed -n 's/.*: connections=\([0-9]*\) .*/\1/p' \
		    "$SCRATCH/$name.err")))
	done
	# Those of the pool, which had been connected too, are few.
	[ "$sum" -ge 330 ]
}

@test "--direct says that nobody is there" {
	run_status 1 qorb-load --claims 10 --direct "[::1]:$(free_port)" --json
	report_says '.errors.by_code == {"connect-failed": 10}'
	[ "$stderr" = 'qorb-load: no connection could be made' ]
}

@test "--compare shows both in one table" {
	start_all
	run_ok qorb-load --tasks 4 --claims 400 --compare --direct "$ADDRS" demo
	[[ ${lines[0]} == 'pool demo of qorb-pool/'*', and the same 4 tasks '* ]]
	assert_line --regexp '^ +pool +direct +pool / direct$'
	assert_line --regexp '^claims a second +[0-9,]+ +[0-9,]+ +[0-9.]+$'
	assert_line --regexp '^claim p50 +[0-9.]+(us|ms|s) +[0-9.]+(us|ms|s) '
	assert_line --regexp '^cycle max +[0-9.]+(us|ms|s) +[0-9.]+(us|ms|s) '
	assert_line --regexp '^errors +0 +0$'
	run_ok qorb-load --tasks 4 --claims 400 --compare --direct "$ADDRS" \
	    --json demo
	report_says '.pool.cycles.whole == 400 and .direct.cycles.whole == 400'
	report_says '.pool.work.seed == .direct.work.seed'
	report_says '.pool.slots.seen < 50 and .pool.connections.seen < 50'
	report_says '.turns == 10'
	# Without the pool it cannot be compared; the daemon's end is said.
	stop_daemon pool
	run_status 1 qorb-load --claims 4 --compare --direct "$ADDRS" demo
	[[ $stderr == "qorb-load: "*"$QORB_SOCKET"* && -z $output ]]
}

@test "--compare alone connects to the backends that are online" {
	start_echo one
	start_echo two
	start_pool "demo=$ECHO_ADDR,[::1]:$(free_port)"
	run_ok qorb-load --tasks 4 --compare --claims 200 --json demo
	report_says '.direct.cycles.whole == 200 and .pool.cycles.whole == 200'
	report_says ".direct.work.direct == [\"$ECHO_ADDR\"]"
	report_says '.direct.backends == .pool.backends'
	run_ok ask "drain demo $ECHO_ADDR"
	run_status 1 qorb-load --compare --claims 200 demo
	assert_equal "$stderr" \
	    'qorb-load: pool demo: no backend is online to compare with'
	run_status 1 qorb-load --compare --claims 200 nope
	[[ $stderr == 'qorb-load: pool nope: no-such-pool: '* ]]
	[[ $stderr != *$'\n'* ]]
}

@test "--compare lets the two sides take turns" {
	start_all
	run_ok qorb-load --progress --tasks 4 --compare --claims 24 demo
	assert_equal "$(awk '{ printf "%s ", $1 }' <<<"$stderr")" \
	    'pool direct direct pool pool direct direct pool pool direct direct pool '
	[[ ${lines[1]} == *' in 6 turns, seed '* ]]
	# A ramp is one stretch of time.
	run_ok qorb-load --progress --compare --ramp 10ms --claims 80 demo
	assert_equal "$(awk '{ printf "%s ", $1 }' <<<"$stderr")" 'pool direct '
}

@test "--compare ends early with what there is" {
	start_all
	start_daemon -n load -r '^direct ' \
	    qorb-load --progress --compare --duration 1m --json demo
	REPORT=$SCRATCH/load.out
	kill -INT "$(daemon_pid load)"
	load_ends 0
	report_says '.pool.cycles.whole > 0 and .direct.cycles.whole > 0'
	report_says '[.pool.end, .direct.end] | any(. == "interrupted")'
	# The daemon's end is an error, also when it comes in the middle.
	start_daemon -n load -r '^direct ' qorb-load --progress --compare \
	    --duration 20s demo
	stop_daemon -s KILL pool 137
	rm -f "$QORB_SOCKET"
	load_ends 1
	[ "$(grep -vc claims/s "$SCRATCH/load.err")" -eq 1 ]
	grep -q "^qorb-load: .*\(daemon\|$QORB_SOCKET\)" "$SCRATCH/load.err"
	grep -q '^ended early: ' "$REPORT"
	grep -q '^cycles a second ' "$REPORT"
}

@test "a signal between two turns is not lost" {
	local pid
	command -v strace >/dev/null || skip "strace is not installed"
	strace -o /dev/null true || skip "strace may not trace here"
	start_all
	# Each turn begins with what an event loop opens: that takes long here.
	ASAN_OPTIONS=detect_leaks=0 start_daemon -n load -r '^pool ' \
	    strace -o "$SCRATCH/calls" -e trace=pipe2,eventfd2,socketpair \
	    -e inject=pipe2,eventfd2,socketpair:delay_enter=300000 \
	    qorb-load --progress --compare --duration 10s --json demo
	REPORT=$SCRATCH/load.out
	pid=$(pgrep -x qorb-load --parent "$(daemon_pid load)")
	kill -INT "$pid"
	load_ends 0
	report_says '.direct.end == "interrupted"'
}

@test "errors of either side are in the table" {
	start_all --set max-slots=1
	run_ok qorb-load --tasks 4 --claims 40 --wait 0 --hold 20ms --compare \
	    --direct "[::1]:$(free_port),$ADDRS" demo
	assert_line --regexp '^all-claims-used +[1-9][0-9]* +0$'
	assert_line --regexp '^connect-failed +0 +10$'
}

@test "--ramp lets the rate grow in a straight line" {
	start_all
	# 500 arrivals have come when half of the ramp's area has: after 1 s.
	run_ok qorb-load --rate 1000 --arrivals even --ramp 1s --claims 500 \
	    --record "$SCRATCH/r" demo
	assert_equal "$(sed -n 501p "$SCRATCH/r")" '1000000 -'
	# A quarter of them in half of the time.
	assert_equal "$(sed -n 126p "$SCRATCH/r")" '500000 -'
}

@test "the same seed gives the same arrivals, another one others" {
	local one=(--rate 2000 --key-space 1000 --claims 200 demo)
	start_all
	run_ok qorb-load --seed 5 --record "$SCRATCH/a" "${one[@]}"
	run_ok qorb-load --seed 5 --tasks 3 --record "$SCRATCH/b" "${one[@]}"
	run_ok qorb-load --seed 6 --record "$SCRATCH/c" "${one[@]}"
	cmp "$SCRATCH/a" "$SCRATCH/b"
	run ! cmp "$SCRATCH/a" "$SCRATCH/c"
	# Without one, each run has another, and says which.
	run_ok qorb-load --record "$SCRATCH/d" --json "${one[@]}"
	run_ok qorb-load --seed "$(jq .work.seed <<<"$output")" \
	    --record "$SCRATCH/e" "${one[@]}"
	cmp "$SCRATCH/d" "$SCRATCH/e"
	run ! cmp "$SCRATCH/a" "$SCRATCH/d"
}

@test "a recorded run is replayed with the same arrivals" {
	start_all
	run_ok qorb-load --rate 500 --claims 100 --key-space 9 --seed 3 \
	    --record "$SCRATCH/one" demo
	[ "$(head -n 1 "$SCRATCH/one")" = '# qorb-load arrivals 1' ]
	[ "$(grep -c '^[0-9]* [0-8]$' "$SCRATCH/one")" -eq 100 ]
	run_ok qorb-load --replay "$SCRATCH/one" --record "$SCRATCH/two" --json \
	    demo
	report_says '.cycles.whole == 100 and .work.model == "open"'
	report_says '.claims.planned == 100 and .work.replayed == 100'
	cmp "$SCRATCH/one" "$SCRATCH/two"
	# Less than all of it, and without the pool.
	run_ok qorb-load --replay "$SCRATCH/one" --claims 10 --direct "$ADDRS" \
	    --json
	report_says '.cycles.whole == 10'
	# A closed run has arrivals too.
	run_ok qorb-load --claims 50 --record "$SCRATCH/three" demo
	[ "$(grep -c '^[0-9]* -$' "$SCRATCH/three")" -eq 50 ]
	run_ok qorb-load --replay "$SCRATCH/three" --json demo
	report_says '.cycles.whole == 50'
}

@test "a file that cannot be replayed is said with its line" {
	printf '%s\n' '# qorb-load arrivals 1' '1 -' 'two -' >"$SCRATCH/bad"
	run_status 1 qorb-load --replay "$SCRATCH/bad" demo
	[ "$stderr" = "qorb-load: $SCRATCH/bad: line 3 does not begin with a time in microseconds" ]
	run_status 1 qorb-load --replay "$SCRATCH/none" demo
	[ "$stderr" = "qorb-load: $SCRATCH/none: No such file or directory" ]
	run_status 1 qorb-load --replay "$SCRATCH" demo
	[[ $stderr == "qorb-load: $SCRATCH: "* ]]
	run_status 1 qorb-load -n 1 --record "$SCRATCH/no/r" demo
	[ "$stderr" = "qorb-load: $SCRATCH/no/r: No such file or directory" ]
}

# usage_error WHAT ARGUMENT ...: exit 2 and a first line about it.
usage_error()
{
	local what=$1
	shift
	run_status 2 qorb-load "$@"
	if [[ -n $output || ${stderr%%$'\n'*} != "qorb-load: $what"* ]]; then
		echo "not 'qorb-load: $what': $stderr"
		return 1
	fi
	[[ $stderr == *"try 'qorb-load --help'" ]]
}

@test "wrong usage exits 2 and says what would do" {
	usage_error 'no end is set: give --duration D or --claims N' demo
	usage_error 'no pool is named' --duration 1s
	usage_error "'b': one pool at a time" --duration 1s a b
	usage_error "the pool's name is empty" --duration 1s ''
	usage_error "unknown option '--bogus'" --bogus
	usage_error "--duration '0s': not a time from 1us up, written as" -d 0s demo
	usage_error "--duration '5 s': not a time" -d '5 s' demo
	usage_error "--duration 'never': not a time" -d never demo
	usage_error "--hold 'never': not a time from 0s up" -d 1s --hold never demo
	usage_error "--timeout '0': not a time from 1us up" -d 1s --timeout 0 demo
	usage_error "--wait 'soon': not a span" -d 1s --wait soon demo
	usage_error "--tasks '0': not a whole number from 1 to 10000" -t 0 demo
	usage_error "--tasks '10001': not a whole number" -t 10001 demo
	usage_error "--tasks '-1': not a whole number" -t -1 demo
	usage_error "--claims '0': not a whole number" -n 0 demo
	usage_error "--payload '0': not a whole number" --payload 0 demo
	usage_error "--payload '1048577': not a" --payload 1048577 demo
	usage_error "--rate '1000001': not a" --rate 1000001 demo
	usage_error "--key-space '0': not a" --key-space 0 demo
	usage_error "--seed 'x': not a" --seed x demo
	usage_error "--connections '65': not a" --connections 65 demo
	usage_error '--connections 9: more than the 8 tasks' -n 1 \
	    --connections 9 demo
	usage_error "--arrivals 'odd': must be random or even" \
	    --rate 1 --arrivals odd demo
	usage_error "'demo': with --direct there is no pool" \
	    -n 1 --direct '[::1]:1' demo
	usage_error "--direct 'here': not an address" -n 1 --direct here
	usage_error "--direct '': not an address" -n 1 --direct '[::1]:1,'
	usage_error "--direct '[::1]:0': not an address: the port is not a number from 1 to 65535" -n 1 --direct '[::1]:0'
	usage_error '--key-space: with --direct there is no daemon' \
	    -n 1 --direct '[::1]:1' --key-space 2
	usage_error '--histogram: not with --compare' -n 1 --compare \
	    --direct '[::1]:1' --histogram x demo
	usage_error '--rate: with --replay the file says this' \
	    --replay x --rate 1 demo
	usage_error 'no end is set' --direct '[::1]:1'
	usage_error '--arrivals: needs --rate N' -n 1 --arrivals even demo
	usage_error '--pause: with --rate' -n 1 --rate 1 --pause 1s demo
	usage_error "--fail-above '101': not a percentage" --fail-above 101 demo
	usage_error "--fail-above 'nan': not a percentage" --fail-above nan demo
}

@test "every option refuses what it cannot take, with exit 2 and one reason" {
	# For each option that takes an argument, values that it must refuse.
	local -A bad=(
		[tasks]='0 10001 -1 +1 1.5 1k 0x10 many 99999999999999999999'
		[duration]='0 0s 0us never -1s 1y soon 5,5s'
		[claims]='0 -1 1.5 1k 18446744073709551615 all'
		[rate]='0 1000001 -1 1.5 1/s fast'
		[arrivals]='odd Random 1'
		[ramp]='never -1s 1y slow'
		[hold]='never -1s 1y long'
		[pause]='never -1s 1y long'
		[payload]='0 1048577 -1 1k 64B big'
		[timeout]='0 0ms never -1s soon'
		[wait]='-1s 1y soon NEVER'
		[key-space]='0 -1 18446744073709551615 some'
		[seed]='-1 9223372036854775808 0x5 any'
		[connections]='0 65 -1 two'
		[fail-above]='101 -1 nan inf 1e1 5%% % half'
		[direct]='here localhost [::1] [::1]:0 [::1]:65536 1.2.3:4 ,'
		[histogram]='' [record]='' [replay]='' [socket]=''
	)
	local none=' progress json compare help version '
	local option value
	local -a options
	run_ok qorb-load --help
	mapfile -t options < <(grep -oE '^  (-., |    )--[a-z-]+' <<<"$output" |
	    sed 's/.*--//')
	[ ${#options[@]} -ge 25 ]
	for option in "${options[@]}"; do
		if [[ $none == *" $option "* ]]; then
			usage_error "option '--$option' takes no argument" \
			    "--$option=1"
			continue
		fi
		# One that is not in the table has no test.
		[[ -v bad[$option] ]]
		usage_error "option '--$option' needs" demo "--$option"
		usage_error "--$option '" "--$option=" demo
		set -f
		for value in ${bad[$option]}; do
			usage_error "--$option '" -n 1 "--$option" "$value" demo
			[ "$(wc -l <<<"$stderr")" -eq 2 ]
		done
		set +f
	done
}

@test "a histogram file that cannot be written is said before the run" {
	run_status 1 qorb-load --claims 1 --histogram "$SCRATCH/no/h" demo
	[[ $stderr == "qorb-load: $SCRATCH/no/h: No such file or directory" ]]
}

@test "a report that cannot be written is an error" {
	local form
	start_all
	for form in '' --json --compare '--compare --json'; do
		run_status 1 sh -c \
		    "exec qorb-load --claims 8 $form demo >/dev/full"
		[[ $stderr == 'qorb-load: standard output: cannot be written: '* ]]
		[[ $stderr != *$'\n'* ]]
	done
}

@test "too few descriptors for the tasks are said before the run" {
	run_status 1 bash -c 'ulimit -n 64; exec qorb-load -t 100 -n 1 demo'
	[[ $stderr == 'qorb-load: 100 tasks: 133 descriptors are needed, the limit is 64: '* ]]
	run_status 1 bash -c 'ulimit -n 33; exec qorb-load -t 1 -n 1 demo'
	[[ $stderr == 'qorb-load: 1 task: 34 descriptors are needed, the limit is 33: '* ]]
}

@test "the object says when the run was to end, and how long claims may wait" {
	start_all
	run_ok qorb-load --claims 5 --wait 250ms --json demo
	report_says '.work.claims == 5 and .work.wait_us == 250000'
	report_says '.work.duration_us == null and .work.connections == 1'
	run_ok qorb-load --duration 100ms --wait never --json demo
	report_says '.work.claims == null and .work.duration_us == 100000'
	report_says '.work | has("wait_us") and .wait_us == null'
	run_ok qorb-load --claims 5 --direct "$ADDRS" --json
	report_says '.work | has("wait_us") or has("connections") | not'
}
