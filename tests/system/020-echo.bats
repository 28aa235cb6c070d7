# qorb-echo: echoes, fails on request, and survives its clients.
#
# Each test is a shell of its own, and so are its variables.
# shellcheck disable=SC2030,SC2031

load helpers

# client WHAT [ARG ...]: see echo_client.py; all talk to the last started echo.
client()
{
	local what=$1
	shift
	run_ok "$ROOT/tests/system/echo_client.py" "$what" "$ECHO_ADDR" "$@"
}

# The counts that SIGUSR1 gives, once it gives them again.
counts_now()
{
	local before
	before=$(grep -c ' open=' "$SCRATCH/echo.err") || :
	kill -USR1 "$(daemon_pid echo)"
	wait_for more_counts_than "$before"
	counts=$(grep ' open=' "$SCRATCH/echo.err" | tail -n 1)
}

more_counts_than()
{
	[[ $(grep -c ' open=' "$SCRATCH/echo.err") -gt $1 ]]
}

nobody_is_connected()
{
	counts_now
	[[ $counts == *' open=0 '* ]]
}

@test "an echo server says where it listens and sends back what it gets" {
	start_echo echo
	run_ok cat "$SCRATCH/echo.out"
	assert_output "listening started on $ECHO_ADDR, ready to accept"
	run_ok socat - "TCP6:$ECHO_ADDR" <<<'hello, echo'
	assert_output 'hello, echo'
	wait_for_text "$SCRATCH/echo.err" \
	    '^qorb-echo: \[::1\]:[0-9]+: 12 bytes echoed, closed by the client$'
}

@test "without an address a free port of ::1 is taken and told" {
	start_daemon -n echo -r 'ready to accept' qorb-echo
	run_ok cat "$SCRATCH/echo.out"
	[[ $output =~ ^listening\ started\ on\ \[::1\]:([0-9]+), ]]
	[[ ${BASH_REMATCH[1]} -gt 0 ]]
	run_ok socat - "TCP6:[::1]:${BASH_REMATCH[1]}" <<<x
	assert_output x
}

@test "IPv4 works as IPv6 does" {
	ECHO_ADDR="127.0.0.1:$(free_port)"
	start_daemon -n echo -r "started on $ECHO_ADDR," qorb-echo "$ECHO_ADDR"
	client pipelined
}

@test "a client that closes its sending side gets the rest and the end" {
	start_echo echo
	client half-close 0
	client half-close 1
	client half-close 3000000
}

@test "a client that writes and never reads costs no memory" {
	start_echo echo
	client greedy "$(daemon_pid echo)"
}

@test "a client that resets its connection harms nobody" {
	start_echo echo
	for _ in 1 2 3 4 5; do
		client reset
	done
	client pipelined
	wait_for nobody_is_connected
}

@test "10,000 connections are served at a time" {
	[[ $(ulimit -Hn) == unlimited || $(ulimit -Hn) -gt 10100 ]] ||
	    skip "no 10,000 descriptors here (ulimit -Hn)"
	# With a soft limit that does not do, as most shells have it.
	ECHO_ADDR="[::1]:$(free_port)"
	start_daemon -n echo -r 'ready to accept' \
	    bash -c 'ulimit -Sn 1024; exec "$@"' - qorb-echo -q "$ECHO_ADDR"
	DEADLINE=60
	client all-at-once 10000
	counts_now
	[[ $counts == *'connections=10000 '*' pauses=0 bytes=160000' ]]
	wait_for nobody_is_connected
}

@test "out of descriptors, it lets clients wait and serves them later" {
	ECHO_ADDR="[::1]:$(free_port)"
	start_daemon -n echo -r 'ready to accept' \
	    bash -c 'ulimit -n 40; exec "$@"' - qorb-echo -q "$ECHO_ADDR"
	client more-than-fit 100
	wait_for_text "$SCRATCH/echo.err" 'accepting pauses with [0-9]+ conn'
	wait_for nobody_is_connected
	[[ $counts == *'connections=100 open=0 failed=0 '* ]]
	[[ $counts != *' pauses=0 '* ]]
}

@test "--close-after gives exactly so many bytes and a clean end" {
	start_echo echo --close-after 1000
	client cut 1000
	assert_output 1000
	client cut 5000
	assert_output 1000
	wait_for_text "$SCRATCH/echo.err" \
	    ' 1000 bytes echoed, closed \(--close-after\)$'
}

@test "--close-after counts the bytes of several answers" {
	start_echo echo --delay 1ms --close-after 40000
	client cut 60000
	assert_output 40000
}

@test "--close-after lets a client that still writes come to its end" {
	start_echo echo --close-after 10000
	client cut 5000000
	assert_output 10000
}

@test "--delay holds each answer back" {
	start_echo echo --delay 0.2
	client delayed 0.2
	client half-close 100000
}

@test "a long --delay holds neither the server nor its end up" {
	local slow
	start_echo echo --delay 1h
	exec {slow}<>"/dev/tcp/::1/${ECHO_ADDR##*:}"
	printf 'slow\n' >&"$slow"
	client reset
	wait_for served_and_silent
	stop_daemon echo
	run_status 1 read -rt "$DEADLINE" -u "$slow"
	exec {slow}>&-
}

served_and_silent()
{
	counts_now
	[[ $counts == *'connections=2 '*' bytes=0' ]]
}

@test "--fail-rate drops that share, and the seed says which" {
	start_echo echo --fail-rate 40% --seed 7
	client fates 50
	first=$output
	stop_daemon echo
	[[ $first == *e* && $first == *d* && $first != *h* ]]
	dropped=${first//e/}
	[[ ${#dropped} -ge 8 && ${#dropped} -le 32 ]]
	run_ok cat "$SCRATCH/echo.err"
	assert_line --partial "failed=${#dropped} "
	[[ $(grep -c 'dropped (--fail-rate)' "$SCRATCH/echo.err") -eq \
	    ${#dropped} ]]

	start_echo again --fail-rate 0.4 --seed 7
	client fates 50
	[[ $output == "$first" ]]
	start_echo other --fail-rate 0.4 --seed 8
	client fates 50
	[[ $output != "$first" ]]
}

@test "--fail-rate 1 drops all, 0 none" {
	start_echo all --fail-rate 1
	client fates 5
	assert_output ddddd
	start_echo none --fail-rate 0
	client fates 5
	assert_output eeeee
}

@test "--hang-rate never answers, and sees the client go" {
	start_echo echo --hang-rate 100%
	client fates 2 1
	assert_output hh
	wait_for nobody_is_connected
	[[ $counts == *' hung=2 '* ]]
}

@test "-q leaves out the lines of connections and keeps the counts" {
	start_echo echo -q --close-after 3
	client cut 3
	client reset
	wait_for nobody_is_connected
	stop_daemon echo
	# But for the counts, nothing: grep finds no other line.
	run_status 1 grep -v ' connections=' "$SCRATCH/echo.err"
}

@test "SIGINT and SIGTERM end it with the counts and exit 0" {
	local signal held
	for signal in INT TERM; do
		start_echo echo
		exec {held}<>"/dev/tcp/::1/${ECHO_ADDR##*:}"
		printf 'abc\n' >&"$held"
		read -rt "$DEADLINE" -u "$held"
		stop_daemon -s $signal echo 0
		exec {held}>&-
		run_ok cat "$SCRATCH/echo.err"
		assert_line --index 0 --regexp ': 4 bytes echoed, server stops$'
		assert_line --index 1 --partial 'connections=1 open=0 '
		assert_line --index 1 --partial ' bytes=4'
	done
}

@test "it starts again at once on the port that it had" {
	local held
	start_echo echo
	for _ in 1 2 3; do
		# The side that closes first is left with a TIME-WAIT: ours.
		exec {held}<>"/dev/tcp/::1/${ECHO_ADDR##*:}"
		printf 'abc\n' >&"$held"
		read -rt "$DEADLINE" -u "$held"
		stop_daemon echo
		exec {held}>&-
		start_daemon -n echo -r 'ready to accept' qorb-echo "$ECHO_ADDR"
	done
	client pipelined
}

@test "a port that is taken is one clear line and exit 1" {
	start_echo echo
	run_status 1 qorb-echo "$ECHO_ADDR"
	assert_output ''
	[[ $stderr == "qorb-echo: $ECHO_ADDR: cannot listen: another program"* ]]
	[[ $(wc -l <<<"$stderr") -eq 1 ]]
	client pipelined
}

@test "an address of another machine is one clear line and exit 1" {
	run_status 1 qorb-echo 192.0.2.1:7777
	assert_output ''
	[[ $stderr == 'qorb-echo: 192.0.2.1:7777: cannot listen: no interface'* ]]
	[[ $(wc -l <<<"$stderr") -eq 1 ]]
}

@test "a bad address is a wrong use" {
	local addr
	for addr in '' 6001 ::1:6001 '[::1]' '[::1]:99999' localhost:80 \
	    '[fe80::1%lo]:80' unix:/tmp/x; do
		run_status 2 qorb-echo "$addr"
		assert_output ''
		[[ $stderr == "qorb-echo: ADDR '$addr': not an "* ]]
		[[ $stderr == *"try 'qorb-echo --help'" ]]
	done
}

@test "wrong options and arguments are told, with exit 2" {
	local row
	for row in "--foo|unknown option '--foo'" "-x|unknown option '-x'" \
	    "--delay|option '--delay' needs DURATION" \
	    "--quiet=1|option '--quiet' takes no argument: '--quiet=1'" \
	    "--delay=1d|--delay '1d': not a time from 0s up, written as" \
	    "--delay=never|--delay 'never': not a time" \
	    "--close-after=0|--close-after '0': not a whole number from 1" \
	    "--close-after=1k|--close-after '1k': not a whole number" \
	    "--fail-rate=2|--fail-rate '2': not a share" \
	    "--hang-rate=x|--hang-rate 'x': not a share" \
	    "--seed=-1|--seed '-1': not a whole number"; do
		run_status 2 qorb-echo "${row%%|*}"
		assert_output ''
		[[ $stderr == "qorb-echo: ${row#*|}"* ]]
	done
	run_status 2 qorb-echo '[::1]:0' '[::1]:0'
	[[ $stderr == "qorb-echo: '[::1]:0': one ADDR is enough"* ]]
}

@test "--help and --version print to standard output" {
	run_ok qorb-echo --help
	assert_line --index 0 'usage: qorb-echo [options] [ADDR]'
	assert_line --regexp '^  qorb-echo --fail-rate'
	[[ -z $stderr ]]
	run_ok qorb-echo --version
	assert_output --regexp '^qorb-echo [0-9]+\.[0-9]+\.[0-9]+$'
	run_status 1 bash -c 'qorb-echo --help >/dev/full'
	run_status 1 bash -c 'qorb-echo >/dev/full'
}
