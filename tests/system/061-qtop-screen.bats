#!/usr/bin/env bats
#
# The screen of qtop, as a person at a terminal has it: keys go in and what the
# terminal shows is read, by tmux.
#
# Each test has the output of its own runs.
# shellcheck disable=SC2030,SC2031

load helpers
load screen

setup()
{
	screen_begin
}

some='[1-9][0-9]*'

# Two pools: demo has two backends and one that nobody listens for, other has
# one. Sets ONE, TWO, GONE to their addresses, and POOLS.
start_all()
{
	start_echo one -q
	ONE=$ECHO_ADDR
	start_echo two -q
	TWO=$ECHO_ADDR
	GONE="[::1]:$(free_port)"
	POOLS=("demo=$ONE,$TWO,$GONE" "other=$ONE")
	start_pool "${POOLS[@]}"
	wait_for eval 'ask pools | grep -q "pool=demo.* online=2"'
	wait_for eval 'ask pools | grep -q "pool=other.* online=1"'
}

# A row that begins with this word has these next; extended expressions.
see_row()
{
	local re
	printf -v re ' +%s' "${@:2}"
	see "^${1//[\[\]]/.}$re"
}

# The lines of the screen, without blanks at their ends, from one that begins
# with NAME to the first empty one: the table of backends.
table()
{
	screen | sed -E 's/ +$//' | sed -n '/^NAME/,/^$/p' | sed '$d'
}

# The first words of the table's rows, in their order.
order()
{
	table | sed -E '1d; s/ .*//' | tr '\n' ' '
}

order_is()
{
	[ "$(order)" = "$1 " ]
}

has_styled()
{
	screen -e | grep -q -- "$1"
}

# Waits until a line matches, colours and attributes too; a basic expression.
see_styled()
{
	if ! wait_for has_styled "$1"; then
		screen -e
		return 1
	fi
}

# The line that says how many backends, and in which order.
see_summary()
{
	see "^$1 *\$"
}

@test "title, queue, waits and backends at 80x24" {
	start_all
	open_screen 80 24 qtop
	see "^ QTOP - $QORB_SOCKET - 0 claims/s *$"
	see '^POOL +CLAIMS/s +WAITING +WAIT p50 +p99 +HOLD p50 +p99 +REFUSED +RESOLVER'
	see '^demo +0\.0 +0 +0us +0us +0us +0us +0 +none'
	see '^NAME +CLAIMS/s +CONNECTING +UNCLAIMED +CLAIMED +CHECKING +TOTAL'
	see_row "demo/$ONE" '0\.0' 0 "$some" 0 0 0
	see_row "demo/$GONE" '0\.0' 1 0 0 0 0
	see_row "other/$ONE" '0\.0' 0 "$some" 0 0 0
	see_summary '4 backends by CLAIMS/s, falling'
	see '^q quit +s sort +r reverse +/ filter +p pool +Space pause +\? help'
	keys q
	see 'the shell>$'
	see_no QTOP
}

@test "all columns at 120x40, and claims as they come" {
	start_all
	start_daemon -n load qorb-load --tasks 4 --rate 50 --duration 5m demo
	open_screen 120 40 qtop
	see '^NAME .* TOTAL +STATE +FAILURES +ADDRESS +HISTORY$'
	see "^ QTOP - .* - $some claims/s"
	see_row "demo/$GONE" '0\.0' '[01]' 0 0 0 0 offline "$some" \
	    "${GONE//[\[\]]/.}"
	see_row "demo/${ONE//[\[\]]/.}" '[0-9.]+' 0 "$some" "[0-9]+" 0 \
	    "$some" online 0 "${ONE//[\[\]]/.}" '.*█$'
	see '^demo +[1-9][0-9.]* +0 +[0-9.]+[um]?s .* 0 +none +2/3 +[0-9]+'
	# One that is held.
	start_daemon -n holder -r ready qorb-claim other \
	    sh -c 'echo ready; exec cat <&6'
	see_row "other/$ONE" '0\.0' 0 "$some" 1 0 1 online
	stop_daemon holder 143
	see_row "other/$ONE" '0\.0' 0 "$some" 0 0 1 online
	stop_daemon -s KILL load 137
	see '^ QTOP - .* - 0 claims/s'
}

@test "s and r change the order" {
	start_all
	open_screen 120 40 qtop -p other -p demo
	see_summary '3 backends by CLAIMS/s, falling'
	keys s
	see_summary '3 backends by CONNECTING, falling'
	# Its title alone is inverted.
	see_styled $'NAME.*;7m[^ ]*mCONNECTING\033[^7 ]*m '
	wait_for eval '[[ $(order) == "$GONE "* ]]'
	keys r
	see_summary '3 backends by CONNECTING, rising'
	wait_for eval '[[ $(order) == *" $GONE " ]]'
	keys s s s s s
	see_summary '3 backends by STATE, rising'
	wait_for eval '[[ $(order) == "$GONE "* ]]'
	keys s s s
	see_summary '3 backends by NAME, rising'
	wait_for order_is "$(printf '%s\n' "$ONE" "$TWO" "$GONE" |
	    LC_ALL=C sort | paste -sd ' ')"
	keys s
	see_summary '3 backends by CLAIMS/s, falling'
}

@test "a filter is typed, kept, edited and taken away" {
	start_all
	open_screen 80 24 qtop
	see_summary '4 backends by CLAIMS/s, falling'
	keys / o f f q
	see '^filter: offq_ '
	see_summary '0 of 4 backends by CLAIMS/s, falling'
	keys BSpace
	see_summary '1 of 4 backends by CLAIMS/s, falling'
	wait_for order_is "demo/$GONE"
	keys Enter
	see_summary '1 of 4 backends by CLAIMS/s, falling, filter off'
	see '^q quit'
	keys Escape
	see_summary '4 backends by CLAIMS/s, falling'
	keys / x Escape
	see_summary '4 backends by CLAIMS/s, falling'
	keys q
	see 'the shell>$'
}

@test "p shows one pool, the next, and all again" {
	start_all
	open_screen 80 24 qtop
	see "^demo/"
	keys p
	see_summary '3 backends of pool demo by CLAIMS/s, falling'
	see_row "$GONE" '0\.0' 1
	see_no '^other'
	keys p
	see_summary '1 backend of pool other by CLAIMS/s, falling'
	see '^other +0\.0'
	see_no '^demo'
	keys p
	see_summary '4 backends by CLAIMS/s, falling'
	see '^demo/'
	see '^other/'
}

@test "arrows select, and who is selected stays so" {
	start_all
	open_screen 120 24 qtop -p demo
	see_summary '3 backends by CLAIMS/s, falling'
	keys s
	see "^${GONE//[\[\]]/.}  ${GONE//[\[\]]/.}  offline  failures $some"
	keys End
	see_no "^${GONE//[\[\]]/.}  ${GONE//[\[\]]/.}  offline"
	local name
	name=$(screen | grep -E '^(.*)  \1  online  ' | cut -d ' ' -f 1)
	[ -n "$name" ]
	# From the end of the order to its begin, and on.
	keys r
	see_summary '3 backends by CONNECTING, rising'
	see "^${name//[\[\]]/.}  ${name//[\[\]]/.}  online"
	keys s s s s s s s s
	see_summary '3 backends by NAME, rising'
	see "^${name//[\[\]]/.}  ${name//[\[\]]/.}  online"
	keys r
	see_summary '3 backends by NAME, falling'
	see "^${name//[\[\]]/.}  ${name//[\[\]]/.}  online"
	# Inverted, and it alone of the rows.
	assert_equal "$(screen -e | grep -c $'^[^ ]*[;[]7m[^ ]*\\[::1\\]:')" 1
}

@test "Space stands still, and goes on" {
	start_all
	open_screen 80 24 qtop -i 0.1
	see "^ QTOP - $QORB_SOCKET - 0 claims/s *$"
	keys Space
	see "^ QTOP - .* - 0 claims/s - PAUSED *$"
	start_daemon -n load qorb-load --tasks 4 --rate 50 --duration 5m demo
	wait_for eval "ask stats demo | grep -q 'claims=[1-9]'"
	# Some rounds pass meanwhile.
	run_ok qtop -b -n 4 -i 0.2
	keys s r r
	see_summary '4 backends by CONNECTING, falling'
	screen_has '^ QTOP - .* - 0 claims/s - PAUSED'
	keys Space
	see "^ QTOP - .* - $some claims/s *$"
	see_no PAUSED
	stop_daemon -s KILL load 137
}

@test "? tells the keys, and any key goes on" {
	start_all
	open_screen 80 24 qtop
	see '^demo/'
	keys '?'
	see '─ Keys ─'
	see '│ Space +pause: figures stand still +│'
	see '│ q +quit +│'
	see_summary '4 backends by CLAIMS/s, falling'
	keys s
	see_no 'Keys'
	see_summary '4 backends by CLAIMS/s, falling'
	keys '?'
	see '─ Keys ─'
	keys q
	see 'the shell>$'
}

# A pool of so many backends that all refuse at once.
start_many()
{
	local i addrs=''
	for ((i = 0; i < $1; i++)); do
		printf -v addrs '%s,unix:%s/no-%04d' "$addrs" "$SCRATCH" "$i"
	done
	start_pool --set max-slots=2 "many=${addrs#,}"
}

@test "1,000 backends scroll" {
	start_many 1000
	open_screen 80 24 qtop
	see_summary '1000 backends by CLAIMS/s, falling'
	see '^many +0\.0 .* 0/1000'
	see '^unix:.*….*/no-0000 +0\.0 +[01] +0 '
	keys Down Down
	see '/no-0002  unix:'
	keys NPage
	see '/no-0019  unix:'
	# Half a screen of them at once, as one who leans on the key has it.
	keys -N 100 Down
	see '/no-0119  unix:'
	keys End
	see '/no-0999  unix:'
	assert_equal "$(screen | grep -c '/no-09.. * 0\.0 ')" 17
	keys PPage
	see '/no-0982  unix:'
	keys Home
	see '/no-0000  unix:'
	see '^unix:.*/no-0000 +0\.0 '
	keys / n o - 0 9 9
	see_summary '10 of 1000 backends by CLAIMS/s, falling'
	keys Enter
	mux resize-window -x 300 -y 80
	see '^NAME .* HISTORY$'
	see '/no-0999 +0\.0 '
	keys Escape End
	see '/no-0999  unix:'
	assert_equal "$(screen | grep -c '/no-09.. * 0\.0 ')" 72
}

@test "a daemon that is killed is said, and its return is seen" {
	start_all
	open_screen 100 24 qtop
	see "^ QTOP - $QORB_SOCKET - 0 claims/s *$"
	keys p s r / '[' Enter
	see_summary '3 of 3 backends of pool demo by CONNECTING, rising, filter \['
	keys End
	see "^${GONE//[\[\]]/.}  ${GONE//[\[\]]/.}  offline"
	stop_daemon -s KILL pool 137
	see "^ QTOP - $QORB_SOCKET - LOST, trying again: "
	see '^cannot connect to .*: '
	# What was known is still there.
	screen_has "^${GONE//[\[\]]/.} +0\.0"
	see_styled $'\033\[[0-9;]*31[0-9;]*m *QTOP'
	start_pool "${POOLS[@]}"
	see "^ QTOP - $QORB_SOCKET - 0 claims/s *$"
	see_row "$ONE" '0\.0' 0 "$some" 0 0 0
	see_summary '3 of 3 backends of pool demo by CONNECTING, rising, filter \['
	see "^${GONE//[\[\]]/.}  ${GONE//[\[\]]/.}  offline"
	see_styled $'\033\[[0-9;]*36[0-9;]*m *QTOP'
}

@test "any size: from a corner to a wall, and back" {
	local size
	start_all
	open_screen 80 24 qtop
	see '^demo/'
	keys '?'
	for size in '60 12' '40 10' '20 6' '7 4' '2 2' '1 1' '300 80' '1 80' \
	    '300 1'; do
		mux resize-window -x "${size% *}" -y "${size#* }"
		keys Down s
		keys '?'
	done
	mux resize-window -x 80 -y 24
	see '^ QTOP - .* - 0 claims/s'
	keys '?'
	see '^NAME +CLAIMS/s +CONNECTING +UNCLAIMED +CLAIMED +CHECKING +TOTAL'
	keys q
	see 'the shell>$'
	# On a narrow one the titles are short, and the figures are all there.
	keys clear Enter
	mux resize-window -x 60 -y 12
	keys 'qtop -p demo' Enter
	see '^NAME +CL/s +CONN +UNCL +CLAIM +CHECK +TOTAL'
	see_row "$GONE" '0\.0' 1 0 0 0 0
}

@test "colours where the terminal has them, and none where not" {
	local plain
	start_all
	open_screen 120 24 qtop -p demo
	see_row "$GONE" '0\.0' 1
	# The one that is offline comes last, where it is not selected.
	keys s s s s s s r
	see_summary '3 backends by STATE, falling'
	see_styled $'\033\[[0-9;]*36[0-9;]*m *QTOP'
	see_styled $'\033\[[0-9;]*31[0-9;]*m *offline'
	see_styled $'\033\[[0-9;]*32[0-9;]*m *online'
	keys q
	see 'the shell>$'
	for plain in NO_COLOR=1 TERM=vt100; do
		keys "clear; $plain qtop -p demo" Enter
		see_row "$GONE" '0\.0' 1
		# Attributes may be there, colours (30 to 49) may not.
		run ! grep -Eq $'\033\\[([0-9;]*;)?[34][0-8]m' <<<"$(screen -e)"
		see_styled $'\033\[[0-9;]*7m *QTOP'
		keys q
		see 'the shell>$'
	done
}

@test "a terminal without UTF-8 gets plain characters" {
	start_all
	start_daemon -n load qorb-load --tasks 4 --rate 50 --duration 5m demo
	open_screen 120 24 LC_ALL=C qtop -p demo
	see_row "$ONE" '.* [.:=+*#@-]+$'
	run ! grep -q '[▁-█]' <<<"$(screen)"
	keys '?'
	see ' Keys '
	stop_daemon -s KILL load 137
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
perl -MFcntl -e 'print fcntl(STDIN, F_GETFL, 0), "\n"' >>$SCRATCH/before
qtop -p demo
echo exit-of-$1: $?
stty -g >$SCRATCH/after
perl -MFcntl -e 'print fcntl(STDIN, F_GETFL, 0), "\n"' >>$SCRATCH/after
END
	mkfifo "$SCRATCH/no-input"
	for how in q C-c TERM HUP TERMS-{1..6} KILL-POOL SEGV ABRT QUIT; do
		keys "sh $SCRATCH/script $how" Enter
		see '^ QTOP - .* claims/s'
		pid=$(pgrep -f "^qtop -p demo" \
		    --parent "$(pgrep -f "^sh $SCRATCH/script")")
		case $how in
		q | C-c) keys "$how" ;;
		TERMS-*) # until it is gone, and so in the middle of its end too
			while kill -s TERM "$pid" 2>/dev/null; do
				read -rt "0.000${how#*-}" <>"$SCRATCH/no-input" || :
			done
			;;
		KILL-POOL)
			stop_daemon -s KILL pool 137
			see 'LOST, trying again'
			keys q
			;;
		*) kill -s "$how" "$pid" ;;
		esac
		case $how in
		SEGV | ABRT | QUIT) see "^exit-of-$how: $some" ;;
		*) see "^exit-of-$how: 0" ;;
		esac
		see 'the shell>$'
		screen -S - | grep '^before-it'
		see_no 'QTOP'
		cmp "$SCRATCH/before" "$SCRATCH/after"
		[ "$(mux display -p '#{cursor_flag}#{alternate_on}')" = 10 ]
		keys "clear; echo before-it" Enter
		see_no "exit-of-$how"
		[ "$how" != KILL-POOL ] || start_pool "${POOLS[@]}"
	done
}

@test "no flicker: only what changes is drawn" {
	start_all
	start_daemon -n load qorb-load --tasks 4 --rate 50 --duration 5m demo
	open_screen 120 40 qtop -i 0.05
	see "^ QTOP - .* - $some claims/s"
	mux pipe-pane "cat >$SCRATCH/drawn"
	wait_for eval '[[ $(stat -c %s "$SCRATCH/drawn") -gt 4000 ]]'
	keys Down Up s
	see_summary '4 backends by CONNECTING, falling'
	mux pipe-pane
	# Nothing clears the screen, or the rest of it.
	run ! grep -q $'\033\[[0-3]*J' "$SCRATCH/drawn"
	# Of the longest lines, only where they differ.
	run ! grep -q 'CLAIMS/s.*CONNECTING.*UNCLAIMED' "$SCRATCH/drawn"
	stop_daemon -s KILL load 137
}

@test "Ctrl-Z and fg" {
	start_all
	open_screen 80 24 qtop
	see '^ QTOP - .* - 0 claims/s'
	keys C-z
	see 'Stopped'
	keys fg Enter
	see '^ QTOP - .* - 0 claims/s'
	keys s
	see_summary '4 backends by CONNECTING, falling'
	keys q
	see 'the shell>$'
}

@test "-n ends the screen after so many rounds" {
	start_all
	open_screen 80 24 "qtop -n 3 -i 0.1; echo exit: \$?"
	see '^exit: 0'
}

@test "what cannot be shown is said in one line before the screen" {
	start_all
	open_screen 80 24 true
	see 'the shell>$'
	keys "qtop -p nope; echo exit: \$?" Enter
	see '^qtop: no-such-pool: '
	see '^exit: 1'
	keys "clear; qtop -s $SCRATCH/none; echo exit: \$?" Enter
	see "^qtop: cannot connect to $SCRATCH/none: No such file or directory"
	see '^exit: 1'
	local term
	for term in nope dumb; do
		keys "clear; TERM=$term qtop; echo exit: \$?" Enter
		see '^qtop: the terminal \(TERM\) is not known .*: use -b'
		see '^exit: 1'
	done
	keys "clear; qtop </dev/null; echo exit: \$?" Enter
	see '^qtop: standard input and output are not both .*: use -b'
	see '^exit: 1'
}
