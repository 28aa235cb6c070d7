#!/usr/bin/env bats
#
# qorb-ctl: verbs as they are typed, answers for people, for scripts and as
# JSON, streams, errors.

load helpers
load talk

# Runs a command line on a terminal of so many columns; its output.
on_terminal()
{
	local columns=$1
	shift
	script -qec "stty cols $columns; $*" /dev/null </dev/null | tr -d '\r'
}

# Shells start background jobs with SIGINT ignored, which programs respect.
HEARS_SIGINT=(perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV')

@test "verbs that change something say nothing; the daemon has done it" {
	start_demo
	run_ok qorb-ctl drain demo "$ADDR1"
	assert_equal "$output$stderr" ''
	run_ok qorb-ctl backends demo
	assert_output --partial draining
	run_ok qorb-ctl undrain demo "$ADDR1"
	run_ok qorb-ctl set demo max-slots=4 claim-timeout=250ms
	assert_equal "$output$stderr" ''
	run_ok qorb-ctl policy demo
	assert_line $'max-slots\t4\t16'
	assert_line $'claim-timeout\t250ms\t30s'
	run_ok qorb-ctl ping
	assert_equal "$output$stderr" ''
	run_ok qorb-ctl terminate grace=0
	wait_for has_ended "$(daemon_pid pool)"
	stop_daemon pool 2>/dev/null || true
}

@test "to a pipe: a line of keys, then fields with tabs, a table a shape" {
	start_demo
	run_ok qorb-ctl pools
	assert_line --index 0 $'pool\tservice\tbackends\tonline\tslots\tclaimed\tunclaimed\twaiting'
	assert_line --index 1 $'demo\tstatic\t2\t2\t8\t0\t8\t0'
	assert_equal "${#lines[@]}" 2
	run_ok qorb-ctl stats
	[[ $output == $'pool\tclaims\t'*$'\n\npool\tbackend\taddr\t'* ]]
	[[ $(awk 'NF == 0' <<<"$output" | wc -l) -eq 1 ]]
	run_ok qorb-ctl pick demo
	assert_line --index 0 $'backend\taddr'
	assert_equal "${#lines[@]}" 2
	run_ok qorb-ctl claims
	assert_output ''
}

@test "to a terminal: aligned columns that fit the screen" {
	command -v script >/dev/null || skip "no script(1)"
	start_demo
	run on_terminal 200 qorb-ctl pools
	assert_equal "$status" 0
	assert_line --index 0 'POOL  SERVICE  BACKENDS  ONLINE  SLOTS  CLAIMED  UNCLAIMED  WAITING'
	assert_line --index 1 'demo  static          2       2      8        0          8        0'
	run on_terminal 200 qorb-ctl stats
	assert_equal "${#lines[@]}" 5
	for columns in 60 80; do
		for what in '' stats metrics 'why demo' 'slots demo' \
		    'policy demo'; do
			run on_terminal "$columns" qorb-ctl "$what"
			[[ $status -eq 0 && ${#lines[@]} -gt 2 ]]
			awk -v most="$columns" 'length($0) > most {
				print "too wide:", $0; bad = 1
			} END { exit bad }' <<<"$output"
		done
	done
	run on_terminal 80 qorb-ctl --json pools
	assert_output --partial '{"pool":"demo","service":"static","backends":2,'
}

@test "JSON: each row an object, numbers are numbers, names are strings" {
	start_demo
	run_ok qorb-ctl --json stats
	python3 - "$output" <<-'EOF'
		import json, sys
		rows = [json.loads(line) for line in sys.argv[1].splitlines()]
		assert len(rows) == 3, rows
		assert rows[0]["slots"] == 8 and rows[0]["claims_per_s"] == 0.0
		assert rows[0]["pool"] == "demo" and rows[0]["resolver"] == "none"
		assert rows[1]["state"] == "online", rows
		assert isinstance(rows[1]["unclaimed"], int)
	EOF
	run_ok qorb-ctl hello client=007 -j
	[[ $output =~ ^\{\"protocol\":1,\"server\":\"qorb-pool/[0-9.]+\",\"pid\":[0-9]+,\"pools\":1\}$ ]]
	run_ok qorb-ctl -j ping
	assert_output ''
}

@test "arguments are sent as they are typed, whatever they hold" {
	start_demo
	run_ok qorb-ctl advertise demo $'a b%41\e[1m' "$ADDR1" ttl=1h weight=3
	run_ok qorb-ctl backends demo
	assert_line --partial $'a b%41\\x1B[1m\t'"$ADDR1"$'\tadvertised\t0\t3\t3600\t'
	run_ok qorb-ctl --json backends demo
	assert_line --partial '{"backend":"a b%41\u001B[1m",'
	run_ok qorb-ctl withdraw demo $'a b%41\e[1m'
	run_ok qorb-ctl -- pick demo 'key=50% = half'
	run_status 1 qorb-ctl stats '#a ping'
	assert_equal "$stderr" "qorb-ctl: no-such-pool: #a ping: no pool has this name"
	run_status 1 qorb-ctl 'stats demo'
	assert_equal "$output" ''
}

@test "a name with an equals sign is a name where the verb needs one" {
	start_demo
	run_ok qorb-ctl advertise demo 'a=b.t.com:1' "$ADDR1" ttl=1h weight=3
	run_ok qorb-ctl drain demo a=b.t.com:1
	run_ok ask 'backends demo'
	assert_line --regexp 'backend=a%3Db.t.com:1 .*state=draining'
	run_ok qorb-ctl undrain demo a=b.t.com:1
	run_ok qorb-ctl pick demo backend=a=b.t.com:1
	run_ok qorb-ctl withdraw demo a=b.t.com:1 "addr=$ADDR1"
	run_status 1 qorb-ctl advertise demo ttl=5.t.com:1 "$ADDR1"
	[[ $stderr == 'qorb-ctl: bad-argument: '* ]]
	# What is not needed has keys, that the daemon may know.
	run_status 1 qorb-ctl drain demo "$ADDR1" new=x
	[[ $stderr == 'qorb-ctl: bad-argument: new: '* ]]
	run_status 1 qorb-ctl stats new=x
	[[ $stderr == 'qorb-ctl: bad-argument: new: '* ]]
	run_status 1 qorb-ctl frobnicate new=x
	[[ $stderr == 'qorb-ctl: unknown-verb: '* ]]
}

@test "verbs that it does not know are the daemon's to judge" {
	start_demo
	run_status 1 qorb-ctl frobnicate demo x=1
	assert_equal "$stderr" "qorb-ctl: unknown-verb: frobnicate: no verb has this name"
	assert_equal "$output" ''
	run_status 1 qorb-ctl stats nosuch
	assert_equal "$stderr" "qorb-ctl: no-such-pool: nosuch: no pool has this name"
	run_status 1 qorb-ctl set demo max-slots=0
	[[ $stderr == "qorb-ctl: bad-value: max-slots: "?* ]]
	run_status 1 qorb-ctl release 5
	[[ $stderr == "qorb-ctl: no-such-claim: "?* ]]
}

@test "without a verb it lists those of the daemon" {
	start_pool 'a=[::1]:1'
	run_ok qorb-ctl
	assert_line --index 0 $'verb\tusage\thelp'
	assert_line --partial $'drain\tdrain POOL NAME\t'
	[[ ${#lines[@]} -eq $(($(ask help | grep -c "^\*") + 1)) ]]
}

@test "a claim is not made: it says who does" {
	run_status 2 qorb-ctl claim demo
	[[ $stderr == *"use qorb-claim"* ]]
	assert_equal "$output" ''
	run_status 2 qorb-ctl --frob
	run_status 2 qorb-ctl -t soon ping
	[[ $stderr == *"--timeout"* ]]
}

@test "no daemon, and one that is silent: one line and status 1" {
	run_status 1 qorb-ctl -s "$SCRATCH/none" pools
	assert_equal "$stderr" "qorb-ctl: cannot connect to $SCRATCH/none: No such file or directory; is qorb-pool running there?"
	start_daemon -n silent -s "$SCRATCH/silent.sock" \
	    socat -u "UNIX-LISTEN:$SCRATCH/silent.sock,fork" OPEN:/dev/null
	run_status 1 qorb-ctl -s "$SCRATCH/silent.sock" -t 100ms pools
	assert_equal "$stderr" "qorb-ctl: $SCRATCH/silent.sock: no answer in time"
	stop_daemon silent 143
	rm -f "$SCRATCH/silent.sock"
}

@test "events follow until they are interrupted, status 0" {
	start_demo
	start_daemon -n ctl "${HEARS_SIGINT[@]}" qorb-ctl events
	wait_for eval 'ask ping && grep -q client-connected "$SCRATCH/ctl.out"'
	run_ok qorb-claim demo true
	wait_for_text "$SCRATCH/ctl.out" handle-returned
	[[ $(head -n 1 "$SCRATCH/ctl.out") == $'t\tevent\tpool\targuments' ]]
	run_ok awk -F '\t' 'NF != 4 { print; exit 1 }' "$SCRATCH/ctl.out"
	grep -Eq $'^[0-9]+\\.[0-9]{6}\thandle-claimed\tdemo\tclaim=1 addr=' \
	    "$SCRATCH/ctl.out"
	stop_daemon -s INT ctl 0
	assert_equal "$(<"$SCRATCH/ctl.err")" ''
}

@test "SIGINT and SIGTERM end a stream with status 0" {
	start_demo
	for signal in INT TERM HUP; do
		start_daemon -n ctl -r '.' "${HEARS_SIGINT[@]}" \
		    qorb-ctl watch demo every=10ms
		stop_daemon -s "$signal" ctl 0
		assert_equal "$(<"$SCRATCH/ctl.err")" ''
	done
}

@test "watch: rounds of rows with their time" {
	start_demo
	start_daemon -n ctl -r '.' qorb-ctl watch demo every=10ms
	wait_for eval '[[ $(grep -c "^t" "$SCRATCH/ctl.out") -ge 6 ]]'
	stop_daemon ctl
	grep -Eq $'^t\tpool\tclaims\t' "$SCRATCH/ctl.out"
	grep -Eq $'^t\tpool\tbackend\taddr\t' "$SCRATCH/ctl.out"
	grep -Eq $'^[0-9]+\\.[0-9]{6}\tdemo\t0\t' "$SCRATCH/ctl.out"
	start_daemon -n ctl -r '"end":true' qorb-ctl --json watch every=10ms
	stop_daemon ctl
	python3 - "$SCRATCH/ctl.out" <<-'EOF'
		import json, sys
		rows = [json.loads(line) for line in open(sys.argv[1])]
		assert [set(r) for r in rows].count({"end", "t"}) >= 1
	EOF
	run_status 1 qorb-ctl watch nosuch
	run_status 1 qorb-ctl watch demo every=0
}

@test "a stream whose daemon goes: one line and status 1" {
	start_demo
	start_daemon -n ctl -r '.' qorb-ctl watch demo every=10ms
	kill -KILL "$(daemon_pid pool)"
	wait_for has_ended "$(daemon_pid ctl)"
	local status=0
	wait "$(daemon_pid ctl)" || status=$?
	assert_equal "$status" 1
	[[ $(<"$SCRATCH/ctl.err") == "qorb-ctl: the daemon closed the connection"* ]]
	[[ $(wc -l <"$SCRATCH/ctl.err") -eq 1 ]]
	rm "$SCRATCH/daemons/ctl" "$SCRATCH/daemons/pool" "$QORB_SOCKET"
}

@test "a stream that nobody reads any more ends, status 0" {
	start_demo
	local status
	mkfifo "$SCRATCH/fifo"
	timeout 10 qorb-ctl watch demo every=10ms >"$SCRATCH/fifo" 3>&- &
	local pid=$!
	head -n 1 <"$SCRATCH/fifo" >/dev/null
	wait "$pid" && status=0 || status=$?
	assert_equal "$status" 0
	# Nothing happens in this pool: it is not by writing that it is seen.
	timeout 10 qorb-ctl events demo >"$SCRATCH/fifo" 3>&- &
	pid=$!
	: <"$SCRATCH/fifo"
	wait "$pid" && status=0 || status=$?
	assert_equal "$status" 0
}

@test "output that cannot be written is an error" {
	[[ -c /dev/full ]] || skip "no /dev/full here"
	start_demo
	run_status 1 sh -c 'qorb-ctl pools >/dev/full'
	assert_equal "$stderr" "qorb-ctl: standard output: No space left on device"
}

@test "what is advertised without ttl is there as long as the command" {
	start_demo
	start_daemon -n ctl "${HEARS_SIGINT[@]}" \
	    qorb-ctl advertise demo extra "$ADDR1"
	wait_for eval 'qorb-ctl backends demo | grep -q ^extra'
	stop_daemon -s INT ctl 0
	wait_for eval '! qorb-ctl backends demo | grep -q ^extra'
	run_status 1 qorb-ctl advertise nosuch extra "$ADDR1"
}

@test "10,000 rows are a table" {
	start_pool 'demo=[::1]:1'
	for i in {1..10000}; do
		echo "advertise demo n$i [::1]:2 ttl=1h"
	done >"$SCRATCH/lines"
	socat -t 10 - "UNIX-CONNECT:$QORB_SOCKET" <"$SCRATCH/lines" \
	    >"$SCRATCH/out"
	[[ $(grep -cx ok "$SCRATCH/out") -eq 10000 ]]
	run_ok qorb-ctl backends demo
	assert_equal "${#lines[@]}" 10002
}

# --- completions and the manual ---------------------------------------------

verbs()
{
	sed -nE 's/^\t\[VERB_[A-Z]+\] = \{ "([a-z]+)".*/\1/p' \
	    "$ROOT/libcommon/core/verb.c"
}

@test "the completions of each shell name every verb but claim" {
	[[ $(verbs | wc -l) -ge 27 ]]
	for verb in $(verbs); do
		[[ $verb != claim ]] || continue
		for file in bash/qorb-ctl zsh/_qorb-ctl fish/qorb-ctl.fish; do
			grep -qE "(^|[^a-z-])$verb([^a-z-]|$)" \
			    "$ROOT/completions/$file" || {
				echo "$verb is not in $file"
				return 1
			}
		done
	done
}

# complete WORD ...: what bash offers for the last one.
complete_words()
{
	bash -c 'source "$ROOT/completions/bash/qorb-ctl"
	    COMP_WORDS=(qorb-ctl "$@") COMP_CWORD=$#
	    _qorb_ctl
	    echo "${COMPREPLY[*]}"' bash "$@" 2>/dev/null
}

@test "bash completes verbs, and asks the daemon for names" {
	start_demo
	assert_equal "$(complete_words und)" undrain
	assert_equal "$(complete_words --js)" --json
	assert_equal "$(complete_words drain '')" demo
	assert_equal "$(complete_words drain demo '')" "$ADDR1 $ADDR2"
	assert_equal "$(complete_words set demo max-s)" max-slots=
	assert_equal "$(complete_words -s "$QORB_SOCKET" stats d)" demo
	stop_daemon pool
	assert_equal "$(complete_words drain '')" ''
}
