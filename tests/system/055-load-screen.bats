#!/usr/bin/env bats
#
# The screen of qorb-load, as a person at a terminal has it: keys go in and
# what the terminal shows is read, by tmux.
#
# Each test has the output of its own runs.
# shellcheck disable=SC2030,SC2031

load helpers
load screen

setup()
{
	screen_begin
}

# Three echo servers and a pool over them, with options for the daemon.
start_all()
{
	local name addrs=''
	for name in one two three; do
		start_echo "$name"
		addrs+=,$ECHO_ADDR
	done
	POOL=demo=${addrs#,}
	start_pool "$@" "$POOL"
}

# see_task INDEX CLAIMED MS SUCCESSES SERVER CLAIM: extended expressions.
see_task()
{
	see "^ *$1  *$2  *$3  *$4  *$5  *$6 *$"
}

some='[1-9][0-9]*'
any='[0-9]+'

@test "TAB three times makes three tasks that count up" {
	local task
	start_all
	open_screen 80 24 qorb-load --pause 100ms --hold 100ms demo
	see 'No task yet: TAB adds one'
	keys Tab Tab Tab
	for task in 0 1 2; do
		see_task "$task" '(yes|no)' 100 "$some" 0 0
	done
	see 'QORB-LOAD - demo - 3 tasks - connected to qorb-pool/'
	see "^Task 2 .*; last claim waited [0-9.]+(us|ms|s), on \[::1\]:[0-9]+"
	see "^ +$some claims/s .*█"
	keys q
	see 'the shell>$'
}

@test "SHIFT+TAB removes the last task, and gives back what it held" {
	start_all
	open_screen 80 24 qorb-load --pause 0 --hold 1h demo
	keys Tab Tab
	see_task 0 yes 3600000 0 0 0
	see_task 1 yes 3600000 0 0 0
	keys BTab
	see ' - 1 task - '
	see_no '^ +1 '
	[[ $(ask pools) == *' claimed=1 '* ]]
	keys BTab BTab BTab
	see 'No task yet'
	# One that was removed comes back with nothing counted.
	keys Tab
	see_task 0 yes 3600000 0 0 0
	keys q
	see 'the shell>$'
}

@test "LEFT and RIGHT change the claim duration, never below 100 ms" {
	start_all
	open_screen 80 24 qorb-load demo
	keys Tab Tab
	see_task 1 no 1000 0 0 0
	keys Right
	see_task 1 no 1100 0 0 0
	keys Up Left Left
	see_task 0 '(yes|no)' 800 "$any" 0 0
	keys Left Left Left Left Left Left Left Left Left Left
	see_task 0 '(yes|no)' 100 "$any" 0 0
	see_task 1 '(yes|no)' 1100 "$any" 0 0
	see_task 0 '(yes|no)' 100 "$some" 0 0
}

@test "a backend that dies is a server failure" {
	start_echo one
	start_pool "demo=$ECHO_ADDR"
	open_screen 80 24 qorb-load --pause 0 --hold 1h demo
	keys Tab
	see_task 0 yes 3600000 0 0 0
	stop_daemon one
	see_task 0 no 3600000 0 "$some" "$any"
	see "^ +$some errors?: .*io-(closed|reset) $some"
	see "^Task 0's last failure: "
}

@test "a full pool is a claim failure, and is not hammered" {
	local begun_us count
	start_all --set max-slots=1
	open_screen 80 24 qorb-load --pause 0 --hold 1h --wait 0 demo
	keys Tab
	see_task 0 yes 3600000 0 0 0
	begun_us=${EPOCHREALTIME//[.,]/}
	keys Tab
	see_task 1 no 3600000 0 0 '[1-9][0-9]+'
	# Each waits 10 ms for the next; it counts thousands where they do not.
	count=$(screen | sed -nE 's/^ *1 +no .* ([0-9]+) *$/\1/p')
	[ "$count" -le $(((${EPOCHREALTIME//[.,]/} - begun_us) / 5000 + 1)) ]
	see "^Task 1's last failure: all-claims-used, "
	see_task 0 yes 3600000 0 0 0
}

@test "a task that waits holds up neither the others nor the screen" {
	start_all --set max-slots=1
	open_screen 80 24 qorb-load --pause 0 --hold 1h --wait never demo
	keys Tab
	see_task 0 yes 3600000 0 0 0
	keys Tab Right
	see '^Task 1 waits for a connection; no claim granted yet'
	see_task 1 no 3600000 0 0 0
	keys Left
	see_task 1 no 3599900 0 0 0
	# It gets what the other one gives back; that one waits from then on.
	keys Up Left
	ask "revoke $(ask claims | sed -n 's/.* claim=\([^ ]*\) .*/\1/p')"
	see_task 0 no 3599900 0 1 0
	see_task 1 yes 3599900 0 0 0
	see '^Task 0 waits for a connection; last claim waited '
}

@test "a task writes hello, after a rest of a second" {
	local port begun_us
	port=$(free_port)
	start_daemon -n one -r listening socat -x -d -d \
	    "TCP6-LISTEN:$port,bind=[::1],fork,reuseaddr" PIPE
	start_pool "demo=[::1]:$port"
	open_screen 80 24 qorb-load demo
	see 'No task yet'
	begun_us=${EPOCHREALTIME//[.,]/}
	keys Tab
	see_task 0 yes 1000 0 0 0
	[ $((${EPOCHREALTIME//[.,]/} - begun_us)) -ge 1000000 ]
	see_task 0 '(yes|no)' 1000 "$some" 0 0
	# There and back, and nothing else.
	grep -q '^ 68 65 6c 6c 6f$' "$SCRATCH/one.err"
	run ! grep -E '^( [0-9a-f]{2})+$' \
	    <(grep -v '^ 68 65 6c 6c 6f$' "$SCRATCH/one.err")
	keys q
	see 'the shell>$'
	stop_daemon one 143
}

@test "a daemon that stops is a claim failure, and its restart is seen" {
	start_all
	open_screen 100 24 qorb-load --pause 100ms --hold 100ms demo
	keys Tab
	see_task 0 '(yes|no)' 100 "$some" 0 0
	stop_daemon -s KILL pool 137
	see 'DAEMON GONE, retrying: '
	see_task 0 no 100 "$any" "$any" "$some"
	see "^ +$some errors?: .*daemon-lost $some"
	start_pool "$POOL"
	see 'connected to qorb-pool/[^ ]*, lost 1 time'
	keys BTab Tab
	see_task 0 '(yes|no)' 100 "$some" 0 "$any"
}

@test "a daemon that goes away while a claim is held costs nothing but the claim" {
	start_all
	open_screen 100 24 qorb-load --pause 0 --hold 2s demo
	keys Tab
	see_task 0 yes 2000 0 0 0
	stop_daemon -s KILL pool 137
	start_pool "$POOL"
	# Its connection is its own: the echo was right.
	see_task 0 '(yes|no)' 2000 1 0 "$any"
	see 'connected to qorb-pool/'
	# The new daemon was not asked to take it back.
	screen_has '[0-9] error'
	run ! screen_has no-such-claim
	keys BTab
	see 'No task yet'
	[[ $(ask pools) == *' claimed=0 '* ]]
}

# The screen without what differs from run to run.
layout()
{
	screen | sed -E -e 's/qorb-pool\/[0-9.]+/qorb-pool\/V/' -e 's/ +$//' \
	    -e 's/(claims\/s).*/\1/' -e 's/^ +[0-9]+ claims/ N claims/' \
	    -e '/^$/d'
}

@test "the layout at 80x24" {
	start_all
	open_screen 80 24 qorb-load --pause 1h --tasks 2 demo
	see 'connected to qorb-pool'
	see '2 tasks'
	[ "$(layout)" = "$(cat <<'END'
 QORB-LOAD - demo - 2 tasks - connected to qorb-pool/V
INDEX [CLAIMED][CLAIM DURATION (ms)][SUCCESSES][SERVER FAILURES][CLAIM FAILURES]
    0        no                 1000          0                0               0
    1        no                 1000          0                0               0
Task 1 rests; no claim granted yet
Task 1 has had no failure
 N claims/s
      0 errors
┌─ Keys ───────────────────────────────────────────────────────────────────────┐
│ TAB add a task   SHIFT+TAB remove the last   UP/DOWN select   q quit         │
│ LEFT/RIGHT claim duration of the selected task, 100 ms at least              │
└──────────────────────────────────────────────────────────────────────────────┘
END
)" ] || { screen; return 1; }
	# The frame is at the bottom, the table at the top.
	[ "$(screen | grep -n 'INDEX' | cut -d: -f1)" -eq 2 ]
	[ "$(screen | grep -n '└' | cut -d: -f1)" -eq 24 ]
}

@test "the layout at 120x40, and after a change of size" {
	local line='INDEX  [CLAIMED]  [CLAIM DURATION (ms)]  [SUCCESSES]'
	line+='  [SERVER FAILURES]  [CLAIM FAILURES]'
	start_all
	open_screen 120 40 qorb-load --pause 1h --tasks 50 demo
	see 'connected to qorb-pool'
	[ "$(screen | sed -n 2p)" = "$line" ]
	see '^ *49 +no +1000 +0 +0 +0$'
	[ "$(screen | grep -c '^ *[0-9]* *no  *1000  *0  *0  *0$')" -eq 30 ]
	[ "$(screen | grep -n '└' | cut -d: -f1)" -eq 40 ]
	[ "$(screen | sed -n 40p | tr -d '\n' | wc -m)" -eq 120 ]
	# The same with few tasks, whole.
	mux send-keys -N 47 BTab
	see ' - 3 tasks - '
	see_no '^ +3 '
	[ "$(layout)" = "$(cat <<'END'
 QORB-LOAD - demo - 3 tasks - connected to qorb-pool/V
INDEX  [CLAIMED]  [CLAIM DURATION (ms)]  [SUCCESSES]  [SERVER FAILURES]  [CLAIM FAILURES]
    0         no                   1000            0                  0                 0
    1         no                   1000            0                  0                 0
    2         no                   1000            0                  0                 0
Task 2 rests; no claim granted yet
Task 2 has had no failure
 N claims/s
      0 errors
┌─ Keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
│ TAB add a task   SHIFT+TAB remove the last   UP/DOWN select   q quit                                                 │
│ LEFT/RIGHT claim duration of the selected task, 100 ms at least                                                      │
└──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
END
)" ] || { screen; return 1; }
	mux send-keys -N 47 Tab
	see ' - 50 tasks - '
	mux resize-window -x 80 -y 24
	see '^INDEX \[CLAIMED\]\[CLAIM'
	wait_for eval '[[ $(screen | sed -n 24p) == └* ]]'
	see '^ *49 +no'
	mux resize-window -x 50 -y 10
	see '^ +#  CLAIMED       MS       OK'
	see_no 'Keys'
	see '^ *49 +no'
	mux resize-window -x 20 -y 3
	see '^ +# '
	see '^ *49 '
	mux resize-window -x 120 -y 40
	wait_for eval '[[ $(screen | sed -n 2p) == "'"$line"'" ]]'
}

@test "more tasks than rows scroll, and 300 of them work side by side" {
	start_all --set max-slots=400
	open_screen 80 24 qorb-load --pause 500ms --hold 100ms --tasks 300 demo
	see_task 299 '(yes|no)' 100 "$some" 0 0
	keys Home
	see_task 0 '(yes|no)' 100 "$some" 0 0
	see_no '^ *299 '
	keys NPage
	see '^Task 14 '
	keys End Up
	see '^Task 298 '
	keys q
	see 'the shell>$'
	wait_for eval '[[ $(ask pools) == *" claimed=0 "* ]]'
}

@test "whatever ends it, the terminal is as it was" {
	local how pid
	start_all
	open_screen 80 24 true
	see 'the shell>$'
	keys "echo before-it" Enter
	see '^before-it'
	# Told by a shell that mends nothing itself, as one for people would.
	cat >"$SCRATCH/script" <<'END'
ulimit -c 0
trap : INT
stty -g >$SCRATCH/before
qorb-load --tasks 1 demo
echo exit-of-$1: $?
stty -g >$SCRATCH/after
END
	for how in q C-c TERM HUP SEGV ABRT QUIT; do
		keys "sh $SCRATCH/script $how" Enter
		see 'QORB-LOAD - demo - 1 task'
		pid=$(pgrep -f "^qorb-load --tasks 1 demo" \
		    --parent "$(pgrep -f "^sh $SCRATCH/script")")
		case $how in
		q | C-c) keys "$how" ;;
		*) kill -s "$how" "$pid" ;;
		esac
		see "^exit-of-$how: $any"
		see 'the shell>$'
		screen -S - | grep '^before-it'
		see_no 'QORB-LOAD'
		cmp "$SCRATCH/before" "$SCRATCH/after"
		[ "$(mux display -p '#{cursor_flag}#{alternate_on}')" = 10 ]
		keys "clear; echo before-it" Enter
		see_no "exit-of-$how"
	done
}

@test "also when the daemon has crashed" {
	start_all
	open_screen 80 24 true
	see 'the shell>$'
	keys "clear; stty -g >$SCRATCH/before" Enter
	wait_for test -s "$SCRATCH/before"
	keys "qorb-load --tasks 3 demo; echo exit: \$?" Enter
	see 'QORB-LOAD - demo - 3 tasks'
	stop_daemon -s KILL pool 137
	see 'DAEMON GONE, retrying: '
	keys q
	see '^exit: 0'
	see_no 'QORB-LOAD - '
	[ "$(mux display -p '#{cursor_flag}#{alternate_on}')" = 10 ]
	keys "stty -g >$SCRATCH/after" Enter
	wait_for test -s "$SCRATCH/after"
	cmp "$SCRATCH/before" "$SCRATCH/after"
	rm -f "$QORB_SOCKET"
}

@test "a run with an end shows its progress on one line, then its report" {
	start_all
	open_screen 100 24 qorb-load --tasks 4 --pause 10ms --duration 1h demo
	see "^ +[12]s +$some claims/s  p50 .* errors 0\$"
	see "^ +[3-9]s +$some claims/s  p50 .* errors 0\$"
	[ "$(screen | grep -c 'claims/s')" -eq 1 ]
	keys C-c
	see '^pool demo of qorb-pool/.*, 4 tasks, closed model, '
	see '^qorb-load itself: '
	see 'the shell>$'
	see_no 'claims/s'
}

@test "the exit status is 0 after q, Ctrl-C and SIGTERM" {
	local key
	start_all
	open_screen 80 24 true
	for key in q C-c TERM; do
		see 'the shell>$'
		keys "qorb-load demo; echo exit-of-$key: \$?" Enter
		see 'QORB-LOAD'
		case $key in
		TERM) kill "$(pgrep -f '^qorb-load demo' \
		    --parent "$(mux display -p '#{pane_pid}')")" ;;
		*) keys "$key" ;;
		esac
		see "^exit-of-$key: 0"
		keys clear Enter
	done
}

@test "colours where the terminal has them, and none where not" {
	start_all
	open_screen 80 24 qorb-load --pause 0 --hold 1h demo
	keys Tab Tab
	see_task 0 yes 3600000 0 0 0
	screen -e | grep -q $'\033\[.*36m.*QORB-LOAD'
	screen -e | grep -q $'\033\[32m.*yes'
	keys q
	see 'the shell>$'
	local plain
	for plain in NO_COLOR=1 TERM=vt100; do
		keys "$plain qorb-load --pause 0 --hold 1h demo" Enter
		see 'QORB-LOAD'
		keys Tab Tab
		see_task 0 yes 3600000 0 0 0
		# Attributes may be there, colours (30 to 49) may not.
		run ! grep -Eq $'\033\\[([0-9;]*;)?[34][0-8]m' <<<"$(screen -e)"
		screen -e | grep -q $'\033\[7m *QORB-LOAD'
		keys q
		see 'the shell>$'
	done
}

@test "a terminal without UTF-8 gets plain characters" {
	start_all
	open_screen 80 24 LC_ALL=C qorb-load --pause 100ms --hold 100ms demo
	keys Tab
	see_task 0 '(yes|no)' 100 "$some" 0 0
	see '^ +[0-9]+ claims/s +.*@'
}

@test "what cannot be shown is said in one line before the screen" {
	start_all
	open_screen 80 24 true
	see 'the shell>$'
	keys "qorb-load nope; echo exit: \$?" Enter
	see '^qorb-load: pool nope: no-such-pool: '
	see '^exit: 1'
	keys "clear; qorb-load -s $SCRATCH/none demo; echo exit: \$?" Enter
	see "^qorb-load: .*$SCRATCH/none"
	see '^exit: 1'
	keys "clear; TERM=nope qorb-load demo; echo exit: \$?" Enter
	see '^qorb-load: the terminal \(TERM\) is not known'
	see '^exit: 1'
	keys "clear; qorb-load --rate 5 demo; echo exit: \$?" Enter
	see '^qorb-load: --rate: needs --duration D or --claims N'
	see '^exit: 2'
	# Without a terminal there is no screen.
	run_status 2 qorb-load demo
	[[ $stderr == 'qorb-load: no end is set: give --duration D or --claims N'* ]]
}
