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

@test "a name with an equals sign is fed, advertised and withdrawn" {
	write_zone '_echo._tcp SRV 1 5 6001 a=b' 'a=b A 127.0.0.1'
	start_nsd "$SCRATCH/zones"
	start_empty_pool
	start_daemon -n feed qorb-resolve --feed demo --dns "$NSD_ADDR" \
	    _echo._tcp.test.com
	wait_for has_backends 'a%3Db.test.com:6001 127.0.0.1:6001 1 5'
	start_echo echo --advertise demo --name 'we ird=%ü'
	wait_for has_backends 'a%3Db.test.com:6001 127.0.0.1:6001 1 5' \
	    "we%20ird%3D%25%C3%BC $ECHO_ADDR 0 0"
	stop_daemon echo
	write_zone '_echo._tcp SRV 1 5 6001 b' 'b A 127.0.0.1'
	reload_nsd
	wait_for has_backends 'b.test.com:6001 127.0.0.1:6001 1 5'
}

so_many_adverts()
{
	[[ $(ask 'why demo') == *" advertised=$1"* ]]
}

@test "two who feed one pool do not take each other's backends" {
	write_zone '_echo._tcp SRV 1 5 6001 a' 'a A 127.0.0.1' 'a A 127.0.0.2'
	start_nsd "$SCRATCH/zones"
	start_empty_pool
	for feed in one two; do
		start_daemon -n "$feed" qorb-resolve --feed demo \
		    --dns "$NSD_ADDR" _echo._tcp.test.com
	done
	wait_for so_many_adverts 4
	write_zone '_echo._tcp SRV 1 5 6001 a' 'a A 127.0.0.2'
	reload_nsd
	wait_for so_many_adverts 2
	has_backends 'a.test.com:6001 127.0.0.2:6001 1 5'
	stop_daemon two
	wait_for so_many_adverts 1
	has_backends 'a.test.com:6001 127.0.0.2:6001 1 5'
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

all_are_known()
{
	[[ $(ask pools) == *" backends=$1 "* ]]
}

@test "ten thousand advertised backends are taken, and claims go on" {
	start_echo echo -q
	start_pool --log-level error --set max-slots=64 "demo=$ECHO_ADDR"
	run_ok qorb-load --tasks 4 --claims 100 --json demo
	perl -e 'for my $i (1 .. 10000) {
		printf "advertise demo b%d.test:9 127.%d.%d.9:9 priority=9 ttl=1h\n",
		    $i, 1 + $i / 250, $i % 250 }' >"$SCRATCH/lines"
	socat -t 10 - "UNIX-CONNECT:$QORB_SOCKET" <"$SCRATCH/lines" \
	    >"$SCRATCH/answers"
	wait_for all_are_known 10001
	[[ $(grep -c '^ok$' "$SCRATCH/answers") -eq 10000 ]]
	# They are unreachable, and of a worse priority: the good one serves.
	run_ok qorb-load --tasks 4 --claims 500 --json demo
	jq -e '.errors.total == 0 and (.backends | length) == 1' <<<"$output"
}

@test "ten thousand backends of a file are all there, and are claimed" {
	command -v ip >/dev/null && unshare -rn true 2>/dev/null ||
	    skip "no network namespaces here"
	# A network of its own has all of 127.0.0.0/8 to itself.
	start_daemon -n echo -r 'ready to accept' unshare -rn sh -c \
	    'ip link set lo up && exec qorb-echo -q 0.0.0.0:6001'
	perl -e 'print "[pool demo]\nmax-slots = 64\nspares-wanted = 64\n",
	    "backends = 127.0.0.1:6001";
	    printf ",\n\t127.%d.%d.1:6001", $_ / 250, $_ % 250 for 1 .. 9999;
	    print "\n"' >"$SCRATCH/conf"
	start_daemon -n pool -s "$QORB_SOCKET" nsenter --preserve-credentials \
	    -U -n -t "$(daemon_pid echo)" \
	    "$QORB_BIN/qorb-pool" -l error -c "$SCRATCH/conf"
	all_are_known 10000
	run_ok qorb-ctl --json backends demo
	[[ $(jq -s 'map(.backend) | unique | length' <<<"$output") -eq 10000 ]]
	# Each claim finds another one.
	run_ok qorb-load --tasks 8 --claims 500 --json demo
	jq -e '.errors.total == 0 and (.backends | length) >= 60' <<<"$output"
	# One more goes, by a reload; the others stay.
	sed -i 's/127\.0\.7\.1:6001,$/127.77.0.7:6001,/' "$SCRATCH/conf"
	run_ok qorb-ctl reload
	run_ok qorb-ctl --json backends demo
	[[ $(jq -s 'length' <<<"$output") -eq 10000 ]]
	[[ $output == *'"127.77.0.7:6001"'* && $output != *'"127.0.7.1:6001"'* ]]
}

# start_advertisers FIRST COUNT EACH: clients with so many backends each.
start_advertisers()
{
	start_daemon -n many -r ready perl -MSocket -e '
		my ($first, $count, $each) = @ARGV;
		$| = 1;
		for my $i ($first .. $first + $count - 1) {
			socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
			connect($s, pack_sockaddr_un($ENV{QORB_SOCKET})) or die "$i: $!";
			syswrite($s, join("", map { sprintf
			    "advertise demo n%d.%d 127.1.%d.%d:%d priority=9\n",
			    $i, $_, $i / 250, $i % 250, $_ } 1 .. $each)) or die;
			my $answers = "";
			while (length($answers) < 3 * $each) {
				sysread($s, $answers, 4096, length $answers) or die;
			}
			die "$i: $answers" unless $answers eq "ok\n" x $each;
			push @all, $s;
		}
		print "ready\n";
		select(undef, undef, undef, 1000)' "$@"
}

@test "a thousand advertisers come, and take their backends with them" {
	start_empty_pool
	start_advertisers 1 1000 1
	wait_for all_are_known 1000
	stop_daemon -s KILL many 137
	wait_for all_are_known 0
}

@test "claims go on while a thousand advertisers come and die" {
	local round
	start_echo echo -q
	start_pool --log-level error --set max-slots=16 "demo=$ECHO_ADDR"
	start_daemon -n load -r 'claims/s' qorb-load --progress --tasks 4 \
	    --duration 60s --json demo
	for round in 1 1001; do
		start_advertisers "$round" 1000 10
		wait_for all_are_known 10001
		stop_daemon -s KILL many 137
		wait_for all_are_known 1
	done
	stop_daemon -s INT load
	jq -e '.errors.total == 0 and .cycles.whole > 100 and
	    (.backends | length) == 1' "$SCRATCH/load.out"
}

@test "a backend that is advertised by two lives until both have gone" {
	local fifo
	start_empty_pool
	for fifo in one two; do
		mkfifo "$SCRATCH/$fifo"
		start_daemon -n "$fifo" -r '^ok' sh -c \
		    "exec 3<>$SCRATCH/$fifo; echo 'advertise demo a 127.0.0.1:1' >&3
		    exec socat -,ignoreeof UNIX-CONNECT:$QORB_SOCKET <&3"
	done
	has_backends 'a 127.0.0.1:1 0 0'
	stop_daemon one 143
	wait_for one_advertises
	has_backends 'a 127.0.0.1:1 0 0'
	stop_daemon two 143
	wait_for has_none
}

one_advertises()
{
	[[ $(ask 'why demo') == *' advertised=1'* ]]
}

@test "a name is withdrawn with all of its addresses, and no other" {
	start_empty_pool
	run_ok ask 'advertise demo a 127.0.0.1:1 ttl=1h' \
	    'advertise demo a 127.0.0.2:1 ttl=1h' \
	    'advertise demo b 127.0.0.1:1 ttl=1h' 'withdraw demo a' \
	    'withdraw demo a'
	assert_line --index 3 ok
	assert_line --index 4 --partial 'error no-such-backend'
	has_backends 'b 127.0.0.1:1 0 0'
}

@test "a pool has twenty thousand advertised backends and no more" {
	start_empty_pool
	perl -e 'printf "advertise demo b%d 127.0.0.1:%d ttl=1h\n", $_, $_
	    for 1 .. 20000; print "advertise demo last 127.0.0.1:1 ttl=1h\n",
	    "withdraw demo b7\nadvertise demo last 127.0.0.1:1 ttl=1h\n"' \
	    >"$SCRATCH/lines"
	socat -t 20 - "UNIX-CONNECT:$QORB_SOCKET" <"$SCRATCH/lines" \
	    >"$SCRATCH/answers"
	[[ $(grep -c '^ok$' "$SCRATCH/answers") -eq 20002 ]]
	[[ $(sed -n 20001p "$SCRATCH/answers") == 'error overloaded '* ]]
	wait_for all_are_known 20000
}
