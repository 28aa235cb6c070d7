#!/usr/bin/env bats
#
# Programs that are started with standard streams closed: nothing else takes
# their place, and output that goes nowhere is an error like others.

load helpers

BAD='standard output: Bad file descriptor'

start_all()
{
	start_echo echo -q
	start_pool "demo=$ECHO_ADDR"
	wait_for eval 'ask pools | grep -q "pool=demo.* online=1"'
}

# What each of the descriptors 0, 1 and 2 of a daemon is.
streams_of()
{
	local fd pid
	pid=$(daemon_pid "$1")
	for fd in 0 1 2; do
		readlink "/proc/$pid/fd/$fd"
	done
}

no_stream_is_open()
{
	[[ $(streams_of "$1") == $'/dev/null\n/dev/null\n/dev/null' ]]
}

# SIGTERM is caught, or kept for later.
hears_term()
{
	local key mask
	while read -r key mask; do
		[[ $key != SigBlk: && $key != SigCgt: ]] ||
		    ((!(0x$mask >> 14 & 1))) || return 0
	done <"/proc/$(daemon_pid "$1")/status"
	return 1
}

# without_streams NAME CMD ...: as start_daemon, with all three closed; waits
# until it has begun, and can be stopped.
without_streams()
{
	local name=$1
	shift
	[ -d /proc/self/fd ] || skip "no /proc/self/fd here"
	# shellcheck disable=SC2016
	start_daemon -n "$name" bash -c 'exec "$@" <&- >&- 2>&-' - "$@"
	wait_for no_stream_is_open "$name"
	wait_for hears_term "$name"
}

# No stream of a daemon is another descriptor of it now, either.
check_streams()
{
	if ! no_stream_is_open "$1"; then
		streams_of "$1"
		return 1
	fi
}

@test "qorb-pool serves, and logs nowhere" {
	start_echo echo -q
	without_streams pool qorb-pool "demo=$ECHO_ADDR"
	wait_for socket_answers "$QORB_SOCKET"
	# Something to log; the daemon goes on to hear its signals.
	kill -HUP "$(daemon_pid pool)"
	run_ok qorb-claim --lines 1 demo <<<hello
	assert_output hello
	check_streams pool
	stop_daemon pool
}

@test "qorb-web serves, and logs nowhere" {
	local port
	port=$(free_port)
	start_all
	without_streams web qorb-web --listen "127.0.0.1:$port"
	wait_for curl -fs "http://127.0.0.1:$port/stats.json"
	check_streams web
	stop_daemon web
}

@test "qorb-echo serves without input and messages, but not without output" {
	run_status 1 bash -c 'exec qorb-echo >&-'
	assert_equal "$stderr" "qorb-echo: $BAD"
	start_daemon -n quiet -r 'ready to accept' \
	    bash -c 'exec qorb-echo <&- 2>&-'
	run_ok eval 'streams_of quiet | sed -n "1p;3p"'
	assert_output $'/dev/null\n/dev/null'
	stop_daemon quiet
}

@test "qorb-resolve says that its output goes nowhere" {
	mkdir "$SCRATCH/zones"
	# shellcheck disable=SC2016
	printf '%s\n' '$ORIGIN test.com.' '$TTL 60' \
	    '@ SOA ns hostmaster 1 3600 600 86400 1' '@ NS ns' 'ns AAAA ::1' \
	    '_a._tcp SRV 0 10 1 ns' >"$SCRATCH/zones/test.com.zone"
	start_nsd "$SCRATCH/zones"
	run_status 1 bash -c \
	    "exec qorb-resolve --dns '$NSD_ADDR' _a._tcp.test.com >&-"
	assert_equal "$stderr" "qorb-resolve: $BAD"
	without_streams watch \
	    qorb-resolve --watch --dns 127.0.0.1:1 _a._tcp.test.com
	check_streams watch
	stop_daemon watch
}

@test "qorb-ctl says that its output goes nowhere" {
	start_all
	run_status 1 bash -c 'exec qorb-ctl pools >&-'
	assert_equal "$stderr" "qorb-ctl: $BAD"
	without_streams ctl qorb-ctl events
	check_streams ctl
	stop_daemon ctl
}

@test "qorb-ctl says no error to the daemon" {
	local said=$SCRATCH/said
	start_daemon -n other -s "$SCRATCH/other.sock" socat -u \
	    "UNIX-LISTEN:$SCRATCH/other.sock,fork" "OPEN:$said,creat,append"
	run_status 1 bash -c "exec qorb-ctl -s '$SCRATCH/other.sock' \
	    --timeout 50ms pools 2>&-"
	wait_for_text "$said" 'pools'
	run_status 1 grep 'no answer' "$said"
}

@test "qorb-claim says that its output goes nowhere" {
	start_all
	run_status 1 bash -c 'exec qorb-claim --bytes 6 demo >&-' <<<hello
	assert_equal "$stderr" "qorb-claim: $BAD"
	run_status 1 bash -c 'exec qorb-claim --addr demo >&-'
	assert_equal "$stderr" "qorb-claim: $BAD"
}

@test "a program that qorb-claim runs has its streams as they were" {
	[ -d /proc/self/fd ] || skip "no /proc/self/fd here"
	start_all
	# shellcheck disable=SC2016
	run_ok bash -c 'exec qorb-claim demo bash -c "[ ! -e /proc/\$\$/fd/2 ] &&
	    ls -l /proc/\$\$/fd | grep -c socket:" 2>&-'
	assert_output 2
}

@test "qorb-load says that its report goes nowhere" {
	start_all
	run_status 1 bash -c 'exec qorb-load --claims 4 demo >&-'
	assert_equal "$stderr" \
	    'qorb-load: standard output: cannot be written: Bad file descriptor'
	without_streams load qorb-load --claims 1000 --rate 1 --progress demo
	check_streams load
	stop_daemon load 1
}

@test "qtop says that its output goes nowhere" {
	start_all
	run_status 1 bash -c 'exec qtop -b -n 1 >&-'
	assert_equal "$stderr" "qtop: $BAD"
	start_daemon -n qtop -r "$QORB_SOCKET" \
	    bash -c 'exec qtop -b <&- 2>&-'
	run_ok eval 'streams_of qtop | sed -n "1p;3p"'
	assert_output $'/dev/null\n/dev/null'
	stop_daemon qtop
}
