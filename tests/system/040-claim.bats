#!/usr/bin/env bats
#
# qorb-claim, with a daemon that has one connection to one echo server: what
# port it has tells whether it was used again or closed.

load helpers

setup()
{
	helpers_begin
	start_echo echo -q
	start_pool --set max-slots=1 --set spares-wanted=1 "demo=$ECHO_ADDR"
}

# Our port of the connection that the pool has to lend now.
port_now()
{
	# shellcheck disable=SC2016
	qorb-claim --wait 5s demo sh -c 'echo "$TCPLOCALPORT"'
}

# Runs a command; the connection is the same after it, or it is not.
run_and_keep()
{
	local port
	port=$(port_now)
	run_status "$@"
	[ "$(port_now)" = "$port" ]
}

run_and_lose()
{
	local port
	port=$(port_now)
	run_status "$@"
	[ "$(port_now)" != "$port" ]
}

# Shells start background jobs with SIGINT ignored, which programs respect.
# shellcheck disable=SC2016
HEARS_SIGINT=(perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV')

is_claimed()
{
	ask 'backends demo' | grep -q ' claimed=1'
}

@test "a line goes out, its echo comes back, the connection is used again" {
	run_and_keep 0 qorb-claim --bytes 6 demo <<<hello
	assert_output hello
	[ "$stderr" = "" ]
	run_and_keep 0 qorb-claim demo --lines 1 <<<hello
	assert_output hello
	run_and_keep 0 qorb-claim --until lo demo < <(printf hello)
	assert_output hello
}

@test "megabytes go through both ways at once" {
	perl -e 'print chr(rand(256)) for 1 .. 3000000' >"$SCRATCH/in"
	qorb-claim --bytes 3000000 demo <"$SCRATCH/in" >"$SCRATCH/out"
	cmp "$SCRATCH/in" "$SCRATCH/out"
}

@test "a program gets the connection as 6 and 7, and UCSPI's environment" {
	# shellcheck disable=SC2016
	TCPREMOTEINFO=stale run_and_keep 0 qorb-claim demo -- sh -c '
	    echo hello >&7
	    head -n 1 <&6
	    echo "$PROTO [$TCPREMOTEIP]:$TCPREMOTEPORT [$TCPLOCALIP]"
	    echo "${TCPREMOTEINFO-none} $QORB_POOL $QORB_BACKEND"
	    [ "$TCPLOCALPORT" -gt 0 ] && [ "$QORB_CLAIM" -gt 0 ]'
	assert_line --index 0 hello
	assert_line --index 1 "TCP $ECHO_ADDR [::1]"
	assert_line --index 2 "none demo $ECHO_ADDR"
}

@test "--stdio: the connection is the program's input and output" {
	run_and_keep 0 qorb-claim --stdio demo sh -c \
	    'echo hello; read -r answer; echo "got $answer" >&2'
	assert_output ''
	[ "$stderr" = "got hello" ]
}

@test "a program gets no other descriptor of ours" {
	[ -d /proc/self/fd ] || skip "no /proc/self/fd here"
	# shellcheck disable=SC2016
	run_ok qorb-claim demo sh -c 'ls -l /proc/$$/fd | grep -c socket:'
	assert_output 2
	# shellcheck disable=SC2016
	run_ok qorb-claim --stdio demo sh -c \
	    'ls -l /proc/$$/fd | grep -c socket: >&2'
	[ "$stderr" = 2 ]
}

@test "the program's exit code is passed on, and a bad one closes the connection" {
	run_and_lose 3 qorb-claim demo sh -c 'exit 3'
	# shellcheck disable=SC2016
	run_and_lose 137 qorb-claim demo sh -c 'kill -KILL $$'
}

@test "a program that cannot be started costs nothing" {
	local port status=0
	port=$(port_now)
	# bats warns of 127 when it is run by run.
	qorb-claim demo /nonexistent/program 2>"$SCRATCH/said" || status=$?
	[ "$status" -eq 127 ]
	[ "$(<"$SCRATCH/said")" = "qorb-claim: /nonexistent/program: No such file or directory" ]
	[ "$(port_now)" = "$port" ]
	run_and_keep 126 qorb-claim demo "$SCRATCH"
	[ "$stderr" = "qorb-claim: $SCRATCH: Permission denied" ]
}

@test "--addr says which backend it would be" {
	run_and_keep 0 qorb-claim --addr demo
	assert_output "$ECHO_ADDR $ECHO_ADDR"
}

@test "signals reach the program" {
	mkfifo "$SCRATCH/fifo"
	for signal in TERM:143 INT:130 HUP:129; do
		start_daemon -n claim -r ready "${HEARS_SIGINT[@]}" \
		    qorb-claim demo \
		    sh -c "echo ready; exec cat '$SCRATCH/fifo'"
		stop_daemon -s "${signal%:*}" claim "${signal#*:}"
	done
	# This one ends in good order.
	start_daemon -n claim -r ready \
	    qorb-claim demo qorb-echo "[::1]:$(free_port)"
	stop_daemon claim 0
}

@test "a signal ends a pipeline, and its connection" {
	local port
	for signal in TERM:143 INT:130 HUP:129; do
		port=$(port_now)
		start_daemon -n claim "${HEARS_SIGINT[@]}" \
		    qorb-claim --bytes 1 demo
		wait_for is_claimed
		stop_daemon -s "${signal%:*}" claim "${signal#*:}"
		[ "$(port_now)" != "$port" ]
	done
}

@test "bytes after the end of the answer close the connection" {
	run_and_lose 1 qorb-claim --bytes 3 demo <<<hello
	assert_output hel
	[ "$stderr" = "qorb-claim: demo: $ECHO_ADDR sent 3 bytes after the end of the answer; the connection is not used again" ]
	run_and_lose 1 qorb-claim --lines 1 demo <<<$'a\nb'
	assert_output a
	run_and_lose 1 qorb-claim --until ll demo <<<hello
	assert_output hell
}

@test "an answer that does not end in time closes the connection" {
	run_and_lose 1 qorb-claim --bytes 9 --timeout 50ms demo <<<hello
	assert_output hello
	[ "$stderr" = "qorb-claim: demo: no end of the answer from $ECHO_ADDR in time, 6 bytes came" ]
	# Also when something comes all the time.
	run_status 1 qorb-claim --until x --timeout 50ms demo < <(yes)
}

@test "a backend that closes before the end is an error" {
	start_echo short -q --close-after 3
	start_daemon -n other -s "$SCRATCH/other.sock" \
	    qorb-pool --socket "$SCRATCH/other.sock" "demo=$ECHO_ADDR"
	run_status 1 qorb-claim -s "$SCRATCH/other.sock" --lines 1 demo <<<hello
	assert_output hel
	[ "$stderr" = "qorb-claim: demo: $ECHO_ADDR closed the connection before the end of the answer, of which 3 bytes came" ]
}

@test "output that cannot be written closes the connection" {
	local port codes
	port=$(port_now)
	codes=$(yes | head -c 1000000 |
	    qorb-claim --bytes 1000000 demo 2>"$SCRATCH/said" |
	    { head -c 1 >"$SCRATCH/head"; } && echo "${PIPESTATUS[2]}")
	[ "$codes" = 1 ]
	grep -q '^qorb-claim: standard output: ' "$SCRATCH/said"
	[ "$(port_now)" != "$port" ]
	[ -c /dev/full ] || return 0
	run_and_lose 1 sh -c 'echo hello | qorb-claim --bytes 6 demo >/dev/full'
	[ "$stderr" = "qorb-claim: standard output: No space left on device" ]
}

@test "a reader of the output who has gone is noticed while nothing comes" {
	local port
	port=$(port_now)
	mkfifo "$SCRATCH/pipe"
	start_daemon -n claim sh -c \
	    "exec qorb-claim --bytes 1 demo >'$SCRATCH/pipe'"
	exec 7<"$SCRATCH/pipe"
	wait_for is_claimed
	exec 7<&-
	wait_for has_ended "$(daemon_pid claim)"
	grep -q 'closed by its reader' "$SCRATCH/claim.err"
	rm "$SCRATCH/daemons/claim"
	[ "$(port_now)" != "$port" ]
}

@test "no input at all is an input that has ended" {
	run_status 1 qorb-claim --bytes 1 --timeout 20ms demo <&-
	assert_output ''
	[[ $stderr == *'in time, 0 bytes came' ]]
}

@test "an input that ends does not end the answer" {
	start_echo slow -q --delay 50ms
	start_daemon -n other -s "$SCRATCH/other.sock" \
	    qorb-pool --socket "$SCRATCH/other.sock" "demo=$ECHO_ADDR"
	run_ok qorb-claim -s "$SCRATCH/other.sock" --lines 1 demo <<<hello
	assert_output hello
}

@test "a lease ends the connection under the program" {
	run_and_lose 0 qorb-claim --lease 50ms demo sh -c 'cat <&6'
}

@test "no claim: 111, and the daemon's reason" {
	run_status 111 qorb-claim nosuch true
	[[ $stderr == 'qorb-claim: nosuch: no-such-pool: '* ]]
	start_daemon -n holder -r ready qorb-claim demo \
	    sh -c 'echo ready; exec cat <&6'
	run_status 111 qorb-claim --wait 0 demo true
	[[ $stderr == 'qorb-claim: demo: all-claims-used: '* ]]
	run_status 111 qorb-claim --wait 20ms --bytes 1 demo
	[[ $stderr == 'qorb-claim: demo: all-claims-used: '* ]]
	run_status 111 qorb-claim --wait 20ms --backend nosuch demo true
	[[ $stderr == 'qorb-claim: demo: '?*': '?* ]]
	stop_daemon holder 143
	run_ok qorb-claim --backend "$ECHO_ADDR" demo true
	run_ok qorb-claim --key somebody demo true
}

@test "no daemon: 111, and where it was looked for" {
	run_status 111 qorb-claim --socket "$SCRATCH/none" demo true
	[ "$stderr" = "qorb-claim: cannot connect to $SCRATCH/none: No such file or directory; is qorb-pool running there?" ]
	QORB_SOCKET=$SCRATCH/other run_status 111 qorb-claim --addr demo
	[[ $stderr == *"$SCRATCH/other: No such file"* ]]
	run_status 111 qorb-claim --addr --socket "$(printf '%0200d' 1)" demo
	[[ $stderr == *'at most 103 characters'* ]]
}

@test "something else on the socket: 111, and what it says" {
	echo 'HTTP/1.1 400 No' >"$SCRATCH/banner"
	start_daemon -n web -s "$SCRATCH/web.sock" socat -U \
	    "UNIX-LISTEN:$SCRATCH/web.sock,fork" "OPEN:$SCRATCH/banner"
	run_status 111 qorb-claim -s "$SCRATCH/web.sock" demo true
	assert_equal "$stderr" \
	    'qorb-claim: demo: what answers is no qorb-pool, it says "HTTP/1.1 400 No"'
}

@test "a daemon that ends while a claim waits: 111" {
	local pid status=0
	start_daemon -n holder -r ready qorb-claim demo \
	    sh -c 'echo ready; exec cat <&6'
	start_daemon -n waiter qorb-claim --wait 1m demo true
	wait_for eval "ask stats | grep -q waiting=1"
	kill -KILL "$(daemon_pid pool)"
	pid=$(daemon_pid waiter)
	wait_for has_ended "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 111 ]
	grep -q 'the daemon closed the connection' "$SCRATCH/waiter.err"
	rm "$SCRATCH/daemons/waiter" "$SCRATCH/daemons/pool" "$QORB_SOCKET"
}

# wrong RE ARG ...: a wrong use, said so.
wrong()
{
	local re=$1
	shift
	run_status 100 qorb-claim "$@"
	assert_output ''
	[[ ${stderr_lines[0]} =~ ^qorb-claim:\ $re ]] || {
		echo "said: $stderr"
		return 1
	}
	[ "${stderr_lines[1]}" = "try 'qorb-claim --help'" ]
}

@test "wrong uses: 100, and what would do" {
	wrong "no POOL"
	wrong "no POOL" ''
	wrong "no PROGRAM, and no end .* --bytes N, --lines N or --until" demo
	wrong "--stdio: no PROGRAM" --stdio demo
	wrong "--bytes and PROGRAM 'cat'" --bytes 1 demo cat
	wrong "--timeout and PROGRAM 'cat'" --timeout 1s demo cat
	wrong "--addr and PROGRAM 'cat'" --addr demo cat
	wrong "--addr and --lines" --addr --lines 1 demo
	wrong "--addr and --timeout" --addr --timeout 1s demo
	wrong "--bytes and --until" --bytes 1 --until x demo
	wrong "--backend and --key: one of the two" --backend b --key k demo true
	wrong "--backend and --key: one of the two" --key k demo --backend b true
	wrong "--bytes '0'" --bytes 0 demo
	wrong "--bytes '1k'" --bytes 1k demo
	wrong "--lines '-1'" --lines -1 demo
	wrong "--until: not a string of 1 to 1024 bytes" --until '' demo
	wrong "--wait 'soon'" --wait soon demo true
	wrong "--lease ''" --lease '' demo true
	wrong "--timeout '1 s'" --timeout '1 s' --bytes 1 demo
	wrong "unknown option '--bite'" --bite demo
	wrong "unknown option '--bite'" demo --bite
	wrong "option '--bytes' needs N" demo --bytes
}
