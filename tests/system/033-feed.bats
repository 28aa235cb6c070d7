# Backends that programs tell the daemon of: qorb-echo --advertise, qorb-resolve
# --feed, and a script.

load helpers

write_zone()
{
	mkdir -p "$SCRATCH/zones"
	{
		printf '%s\n' '$ORIGIN test.com.' '$TTL 1' \
		    '@ SOA ns hostmaster 1 3600 600 86400 1' '@ NS ns' \
		    'ns AAAA ::1'
		printf '%s\n' "$@"
	} >"$SCRATCH/zones/new"
	mv "$SCRATCH/zones/new" "$SCRATCH/zones/test.com.zone"
}

# Name, address, priority and weight of all backends, sorted.
backends()
{
	ask 'backends demo' | sed -n -E \
	    's/.*backend=([^ ]*) addr=([^ ]*) .* priority=([0-9]*) weight=([0-9]*) .*/\1 \2 \3 \4/p' |
	    sort
}

has_backends()
{
	[[ $(backends) == "$(printf '%s\n' "$@")" ]]
}

has_none()
{
	[[ -z $(backends) ]]
}

# A pool that names no backend of its own.
start_empty_pool()
{
	start_pool --dns 127.0.0.1:1 demo=_none._tcp.test.com
}

@test "an echo server announces itself, again after a restart, and withdraws" {
	start_empty_pool
	start_echo echo --advertise demo --name one -q
	wait_for has_backends "one $ECHO_ADDR 0 0"
	run_ok qorb-claim --addr demo
	assert_output --partial "$ECHO_ADDR"
	run_ok ask 'backends demo'
	assert_output --partial 'source=advertised'
	stop_daemon -s KILL pool 137
	wait_for_text "$SCRATCH/echo.err" 'not advertised, trying on: '
	start_empty_pool
	wait_for has_backends "one $ECHO_ADDR 0 0"
	[[ $(grep -c 'pool demo: advertised$' "$SCRATCH/echo.err") -eq 2 ]]
	stop_daemon echo
	wait_for has_none
}

@test "an echo server waits for a daemon, and is named by its address" {
	start_echo echo -a demo
	wait_for_text "$SCRATCH/echo.err" 'pool demo: not advertised'
	start_empty_pool
	wait_for has_backends "$ECHO_ADDR $ECHO_ADDR 0 0"
}

@test "an echo server that dies takes its backend with it" {
	start_empty_pool
	start_echo echo -a demo -n one
	wait_for has_backends "one $ECHO_ADDR 0 0"
	stop_daemon -s KILL echo 137
	wait_for has_none
}

@test "a pool that is not there is said by its name" {
	start_empty_pool
	start_echo echo -a nobody
	wait_for_text "$SCRATCH/echo.err" 'pool nobody: not advertised.*nobody'
	run_status 2 qorb-echo --name x
	[[ $stderr == *'--name is of no use without --advertise'* ]]
	run_status 2 qorb-echo -a x --name ''
	[[ $stderr == *'1 to 319 bytes'* ]]
}

@test "qorb-resolve feeds a pool, follows changes, and survives a restart" {
	write_zone '_echo._tcp SRV 1 5 6001 a' 'a A 127.0.0.1' 'a A 127.0.0.2'
	start_nsd "$SCRATCH/zones"
	start_empty_pool
	start_daemon -n feed qorb-resolve --feed demo --dns "$NSD_ADDR" \
	    _echo._tcp.test.com
	wait_for has_backends 'a.test.com:6001 127.0.0.1:6001 1 5' \
	    'a.test.com:6001 127.0.0.2:6001 1 5'
	# One address goes, the other stays, a weight changes, one comes.
	write_zone '_echo._tcp SRV 1 9 6001 a' 'a A 127.0.0.2' \
	    '_echo._tcp SRV 0 0 6002 b' 'b A 127.0.0.3'
	reload_nsd
	wait_for has_backends 'a.test.com:6001 127.0.0.2:6001 1 9' \
	    'b.test.com:6002 127.0.0.3:6002 0 0'
	stop_daemon pool
	wait_for_text "$SCRATCH/feed.err" 'pool demo: not fed, trying on: '
	write_zone '_echo._tcp SRV 0 0 6002 b' 'b A 127.0.0.3'
	reload_nsd
	start_empty_pool
	wait_for has_backends 'b.test.com:6002 127.0.0.3:6002 0 0'
	stop_daemon feed
	wait_for has_none
	[[ ! -s $SCRATCH/feed.out ]]
}

@test "a fed pool keeps its backends while DNS is down" {
	write_zone '_echo._tcp SRV 1 5 6001 a' 'a A 127.0.0.1'
	start_nsd "$SCRATCH/zones"
	start_empty_pool
	start_daemon -n feed -r '^\+ a' qorb-resolve --watch --feed demo \
	    --dns "$NSD_ADDR" --socket "$QORB_SOCKET" _echo._tcp.test.com
	wait_for has_backends 'a.test.com:6001 127.0.0.1:6001 1 5'
	stop_daemon nsd
	wait_for_text "$SCRATCH/feed.err" 'the last answer stays'
	has_backends 'a.test.com:6001 127.0.0.1:6001 1 5'
}

@test "a pool that cannot be fed ends qorb-resolve with status 1" {
	start_empty_pool
	run_status 1 qorb-resolve --feed nobody --dns 127.0.0.1:1 _a._b.test
	[[ $stderr == *'pool nobody: cannot be fed: '* ]]
}

@test "a script feeds a pool from a file" {
	start_empty_pool
	printf '%s\n' 'one 127.0.0.1:1' 'two [::1]:2' >"$SCRATCH/list"
	EVERY=0.2 TTL=2s start_daemon -n script \
	    "$ROOT/docs/examples/shell/feed-from-file.sh" demo "$SCRATCH/list"
	wait_for has_backends 'one 127.0.0.1:1 0 0' 'two [::1]:2 0 0'
	echo 'two [::1]:2' >"$SCRATCH/list"
	wait_for has_backends 'two [::1]:2 0 0'
	stop_daemon script 143
	wait_for has_none
}

# Processor time of the daemon so far, in ticks of 10 ms.
daemon_ticks()
{
	awk '{ print $14 + $15 }' "/proc/$(daemon_pid pool)/stat"
}

all_are_known()
{
	[[ $(ask pools) == *" backends=$1 "* ]]
}

@test "ten thousand backends are taken in a moment, and claims go on" {
	local before ticks
	start_echo echo -q
	start_pool --log-level error --set max-slots=64 "demo=$ECHO_ADDR"
	run_ok qorb-load --tasks 4 --claims 100 --json demo
	perl -e 'for my $i (1 .. 10000) {
		printf "advertise demo b%d.test:9 127.%d.%d.9:9 priority=9 ttl=1h\n",
		    $i, 1 + $i / 250, $i % 250 }' >"$SCRATCH/lines"
	before=$(daemon_ticks)
	socat -t 10 - "UNIX-CONNECT:$QORB_SOCKET" <"$SCRATCH/lines" \
	    >"$SCRATCH/answers"
	wait_for all_are_known 10001
	ticks=$(($(daemon_ticks) - before))
	[[ $(grep -c '^ok$' "$SCRATCH/answers") -eq 10000 ]]
	echo "# 10,000 backends: $((ticks * 10)) ms of the daemon's time" >&3
	# Generous, for a sanitizer's build on a busy machine.
	[[ $ticks -lt 500 ]]
	# They are unreachable, and of a worse priority: the good one serves.
	run_ok qorb-load --tasks 4 --claims 500 --json demo
	jq -e '.errors.total == 0 and (.backends | length) == 1' <<<"$output"
}

@test "a thousand advertisers come, and take their backends with them" {
	start_empty_pool
	start_daemon -n many -r ready perl -MSocket -e '
		$| = 1;
		for my $i (1 .. 1000) {
			socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
			connect($s, pack_sockaddr_un($ENV{QORB_SOCKET})) or die "$i: $!";
			syswrite($s, "advertise demo n$i 127.0.0.1:$i\n") or die;
			sysread($s, my $answer, 100);
			die "$i: $answer" unless $answer eq "ok\n";
			push @all, $s;
		}
		print "ready\n";
		select(undef, undef, undef, 1000)'
	wait_for all_are_known 1000
	stop_daemon -s KILL many 137
	wait_for all_are_known 0
}
