#!/usr/bin/env bats
#
# The trace probes, seen by a real tracer: bpftrace, as root, where the kernel
# lets it; gdb reads what the program says about them anywhere.

load helpers
load talk

setup_file()
{
	# One tracer at a time.
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	helpers_begin
	# What a tracer says with no probe of ours tells whether it works here.
	TRACER=
	if [[ $(id -u) -ne 0 ]]; then
		TRACER='only root may trace'
	elif ! command -v bpftrace >/dev/null; then
		TRACER='bpftrace is not installed'
	elif ! timeout 20 bpftrace -e 'uprobe:/proc/self/exe:main { }
	    BEGIN { exit() }' >/dev/null 2>"$SCRATCH/why"; then
		TRACER="bpftrace does not work here: $(tail -n 1 "$SCRATCH/why")"
	fi
	export TRACER
}

teardown_file()
{
	helpers_end
}

setup()
{
	helpers_begin
	needs_probes
}

# Names as the provider has them.
probe_names()
{
	grep -oE '^	probe [a-z_]+' "$ROOT/probes/qorb.d" |
	    sed 's/.* //' | sort
}

needs_probes()
{
	command -v readelf >/dev/null || skip 'readelf is not installed'
	readelf -n "$QORB_BIN/qorb-pool" | grep -q 'Provider: qorb' ||
	    skip 'qorb-pool was built without probes'
}

needs_tracer()
{
	[[ -z $TRACER ]] || skip "$TRACER"
}

# trace TEXT: a tracer of the daemon runs the program. What is attached last
# says that all before it is.
trace()
{
	printf '%s\n' "$1" \
	    'interval:ms:20 /!@on/ { @on = 1; printf("on\n"); }' \
	    >"$SCRATCH/trace.bt"
	DEADLINE=30 start_daemon -n trace -r '^on$' \
	    bpftrace -B line -p "$(daemon_pid pool)" "$SCRATCH/trace.bt"
}

trace_script()
{
	trace "$(<"$ROOT/probes/$1.bt")"
}

# Waits for a line of what is traced.
sees()
{
	wait_for_text "$SCRATCH/trace.out" "$1"
}

# Ends the tracer, which prints what it has counted. bpftrace 0.17 was seen to go
# on after a first SIGINT, once in some hundred times.
end_trace()
{
	local pid
	pid=$(daemon_pid trace)
	kill -INT "$pid"
	DEADLINE=5 wait_for has_ended "$pid" || kill -INT "$pid"
	DEADLINE=30 wait_for has_ended "$pid"
}

load_demo()
{
	run_ok qorb-load --tasks 4 --claims 40 --hold 1ms --pause 1ms demo
}

@test "gdb and readelf see every probe, each with a semaphore" {
	local name
	readelf -n "$QORB_BIN/qorb-pool" | grep -A 2 'Provider: qorb' \
	    >"$SCRATCH/notes"
	sed -n 's/^ *Name: //p' "$SCRATCH/notes" | sort -u >"$SCRATCH/names"
	diff "$SCRATCH/names" <(probe_names)
	run ! grep -q 'Semaphore: 0x0*$' "$SCRATCH/notes"
	command -v gdb >/dev/null || skip 'gdb is not installed'
	run_ok gdb -nx -batch -ex 'info probes stap qorb' "$QORB_BIN/qorb-pool"
	for name in $(probe_names); do
		[[ $output == *" $name "* ]]
	done
}

@test "gdb stops at a probe and reads its arguments" {
	command -v gdb >/dev/null || skip 'gdb is not installed'
	start_echo echo -q
	DEADLINE=60 run_ok gdb -nx -batch -ex 'set breakpoint pending on' \
	    -ex 'handle SIGPIPE nostop' \
	    -ex 'break -probe-stap qorb:backend__added' -ex run \
	    -ex 'printf "it is %s of %s\n", (char *)$_probe_arg1, (char *)$_probe_arg2' \
	    -ex kill --args "$QORB_BIN/qorb-pool" -s "$SCRATCH/gdb.sock" \
	    "demo=$ECHO_ADDR"
	rm -f "$SCRATCH/gdb.sock" # what is killed does not clear away
	[[ $output == *"it is $ECHO_ADDR of demo"* ]]
}

@test "bpftrace lists every probe, of the program and of a running daemon" {
	needs_tracer
	start_demo
	DEADLINE=30 run_ok bpftrace -l "usdt:$QORB_BIN/qorb-pool:qorb:*"
	diff <(grep -oE '[a-z_]+$' <<<"$output" | sort) <(probe_names)
	DEADLINE=30 run_ok bpftrace -l 'usdt:*:qorb:*' \
	    -p "$(daemon_pid pool)"
	diff <(grep -oE '[a-z_]+$' <<<"$output" | sort) <(probe_names)
}

@test "numbers and texts of the probes are those of the answers" {
	needs_tracer
	start_demo --set max-slots=2 --set max-count=1
	trace 'usdt:*:qorb:handle__claimed { printf("claimed claim=%lu addr=%s pool=%s slot=%lu.\n", arg0, str(arg1), str(arg2), arg3); }
	usdt:*:qorb:handle__returned { printf("returned claim=%lu addr=%s pool=%s slot=%lu how=%s.\n", arg0, str(arg1), str(arg2), arg3, str(arg4)); }
	usdt:*:qorb:slot__state__change { printf("slot=%lu addr=%s pool=%s old=%s new=%s stats=%s.\n", arg0, str(arg1), str(arg2), str(arg3), str(arg4), str(arg5)); }
	usdt:*:qorb:claim__failed { printf("failed reason=%s pool=%s.\n", str(arg1), str(arg2)); }
	usdt:*:qorb:client__connected { printf("connected pid=%lu uid=%lu.\n", arg1, arg2); }
	usdt:*:qorb:client__claim { printf("asked claim=%lu pool=%s pid=%lu program=%s.\n", arg0, str(arg1), arg2, str(arg3)); }'
	talk >"$SCRATCH/said" <<-'EOF'
		p = Pool()
		r = p.ask("claim demo")
		print("connected pid=%d uid=%d." % (os.getpid(), os.getuid()))
		print("asked claim=%s pool=demo pid=%d program=%s." % (r["claim"],
		    os.getpid(), open("/proc/self/comm").read().strip()))
		what = "claim=%s addr=%s pool=demo slot=%s" % (r["claim"],
		    r["addr"], r["slot"])
		print("claimed " + what + ".")
		print("slot=%s addr=%s pool=demo old=unclaimed new=claimed stats="
		    % (r["slot"], r["addr"]), end="")
		print('{"connecting":0,"unclaimed":0,"checking":0,"claimed":1}.')
		p.ask("release " + r["claim"])
		print("returned " + what + " how=ok.")
		p.ask("claim demo backend=none")
		print("failed reason=no-such-backend pool=demo.")
	EOF
	sees '^failed '
	end_trace
	while IFS= read -r line; do
		if ! grep -qxF -- "$line" "$SCRATCH/trace.out"; then
			echo "not traced: $line"
			cat "$SCRATCH/trace.out"
			return 1
		fi
	done <"$SCRATCH/said"
}

@test "the two one-liners say where claims go, and for how long" {
	needs_tracer
	start_demo
	trace 'usdt:*:qorb:handle__claimed { printf("claimed %s\n", str(arg1)); }
	usdt:*:qorb:handle__claimed { @claims[arg0] = nsecs; @addrs[arg0] = str(arg1); }
	usdt:*:qorb:handle__returned /@claims[arg0]/ { printf("Held conn to %s for %d ms\n", @addrs[arg0], (nsecs - @claims[arg0]) / 1000 / 1000); delete(@claims[arg0]); delete(@addrs[arg0]); }'
	run_ok qorb-claim --addr demo
	local addr=${output##* }
	[[ $addr == "$ADDR1" || $addr == "$ADDR2" ]]
	sees '^Held'
	grep -qxF "claimed $addr" "$SCRATCH/trace.out"
	grep -qE '^Held conn to \[::1\]:[0-9]+ for [0-9]+ ms$' \
	    "$SCRATCH/trace.out"
	grep -qF "to $addr for" "$SCRATCH/trace.out"
}

@test "claimed and hold-time: a line a claim" {
	needs_tracer
	start_demo
	local script
	for script in 'claimed ^claimed' 'hold-time ^Held.conn.to'; do
		trace_script "${script% *}"
		load_demo
		end_trace
		[[ $(grep -cE "${script#* } ?(\[::1\]:[0-9]+)" \
		    "$SCRATCH/trace.out") -eq 40 ]]
		grep -qF "$ADDR1" "$SCRATCH/trace.out"
		grep -qF "$ADDR2" "$SCRATCH/trace.out"
	done
}

# The sum of the counts of a histogram, a line "[LOW, HIGH) COUNT |@@@ |" each.
histogram_sum()
{
	sed -nE 's/^[[(][^|]*[])] +([0-9]+) \|.*/\1/p' "$SCRATCH/trace.out" |
	    awk '{ n += $1 } END { print n + 0 }'
}

@test "claim-latency: every claim is in the histogram of its pool" {
	needs_tracer
	start_demo
	trace_script claim-latency
	load_demo
	end_trace
	grep -qx '@us\[demo\]: *' "$SCRATCH/trace.out"
	[[ $(histogram_sum) -eq 40 ]]
}

@test "connect-latency: every connection is in the histogram of its backend" {
	needs_tracer
	start_demo --set spares-wanted=2
	trace_script connect-latency
	run_ok ask "set demo spares-wanted=6"
	[[ $output == *ok* ]]
	wait_for have_three_each
	end_trace
	grep -qF "@us[$ADDR1]:" "$SCRATCH/trace.out"
	grep -qF "@us[$ADDR2]:" "$SCRATCH/trace.out"
	[[ $(histogram_sum) -ge 4 ]]
}

have_three_each()
{
	[[ $(ask stats | grep -c ' unclaimed=3 ') -eq 2 ]]
}

@test "failures: a claim, a connection and a backend that fail are told" {
	needs_tracer
	start_demo
	trace_script failures
	ask 'claim demo backend=none' >/dev/null
	sees '^demo: claim failed: no-such-backend$'
	run_status 7 qorb-claim demo sh -c 'exit 7'
	sees '^demo \[::1\]:[0-9]+: claimed connection: broken$'
	stop_daemon echo1
	sees '^demo \[::1\]:[0-9]+: connection lost: .'
	sees '^demo \[::1\]:[0-9]+: connect failed: .'
}

@test "slot-states: from unclaimed to claimed, checking and unclaimed" {
	needs_tracer
	start_demo
	trace_script slot-states
	run_ok qorb-claim --addr demo
	local state
	for state in 'unclaimed -> claimed' 'claimed -> checking' \
	    'checking -> unclaimed'; do
		sees "^demo \[::1\]:[0-9]+ slot [0-9]+: $state \{\"connecting\":[0-9]+,"
	done
}

@test "queue: a claim that waits is counted, then its wait" {
	needs_tracer
	start_demo --set max-slots=2 --set max-count=1
	trace_script queue
	talk <<-'EOF'
		p = Pool()
		held = [p.ask("claim demo")["claim"] for i in range(2)]
		p.send("#w claim demo")
		def sees(text):
		    end = time.monotonic() + 20
		    while text not in open(os.environ["SCRATCH"] +
		        "/trace.out").read():
		        assert time.monotonic() < end, text
		        p.ask("ping")
		sees("@waiting[demo]: 1\n")
		p.send("release " + held[0])
		sees("@waiting[demo]: 0\n")
		sees("@longest_us[demo]: ")
	EOF
}

# Is this what was said last of how many wait?
last_count_is()
{
	[[ $(grep '^@waiting' "$SCRATCH/trace.out" | tail -n 1) == \
		"@waiting[demo]: $1" ]]
}

are_waiting()
{
	[[ $(ask 'stats demo') == *" waiting=$1 "* ]]
}

@test "queue: claims that began before it are not counted, nor counted off" {
	needs_tracer
	start_demo --set max-slots=2 --set max-count=1
	start_daemon -n old qorb-load --tasks 5 --claims 5 --wait 60s \
	    --hold 60s demo
	wait_for are_waiting 3
	trace_script queue
	start_daemon -n new qorb-load --tasks 2 --claims 2 --wait 60s demo
	wait_for last_count_is 2
	stop_daemon old
	wait_for last_count_is 0
}

# More claims wait than a map of bpftrace has room for, and then are served.
flood()
{
	run_ok ask 'pause demo'
	start_daemon -n load qorb-load --tasks 7000 --claims 7000 --wait 60s demo
	wait_for are_waiting 7000
	"$@"
	run_ok ask 'resume demo'
	DEADLINE=60 wait_for has_ended "$(daemon_pid load)"
	grep -qE '^cycles +7,000 ' "$SCRATCH/load.out"
}

@test "queue: counts right though more wait than a map has room for" {
	needs_tracer
	start_demo --set max-waiting=8000
	trace_script queue
	flood wait_for last_count_is 7000
	wait_for last_count_is 0
}

@test "claim-latency: BPFTRACE_MAP_KEYS_MAX makes room for more claims" {
	needs_tracer
	start_demo --set max-waiting=8000
	BPFTRACE_MAP_KEYS_MAX=8192 trace_script claim-latency
	flood true
	end_trace
	[[ $(histogram_sum) -eq 7000 ]]
}

@test "who: claims by pool, pid and program" {
	needs_tracer
	start_demo
	trace_script who
	load_demo
	end_trace
	grep -qE '^@claims\[demo, [0-9]+, qorb-load\]: 40$' \
	    "$SCRATCH/trace.out"
}

# One line an event, its name and what joins it to others. A look-up at several
# servers is one a server.
print_all()
{
	local name join
	for name in $(probe_names); do
		case $name in
		client__claim | *__change) continue ;;
		resolve__*) join='str(arg2)' ;;
		*) join='"-"' ;;
		esac
		printf 'usdt:*:qorb:%s { printf("%s %%lu %%s\\n", arg0, %s); }\n' \
		    "$name" "$name" "$join"
	done
}

# Prints each start without an end, and what ended twice. What began before the
# tracer did has only an end. A tracer's lines come in the order of each
# processor alone, so no order is looked at.
unmet()
{
	sed -nE -e 's/^handle__claimed /handle__start /' \
	    -e 's/^handle__returned /handle__end /' \
	    -e 's/^client__connected /client__start /' \
	    -e 's/^client__gone /client__end /' \
	    -e 's/__(done|failed) /__end /' \
	    -e '/^claim__acquire__/d' \
	    -e 's/^([a-z_]+)__(start|end) (.*)/\1 \3 \2/p' "$1" |
	    awk '{ n[$1 " " $2 " " $3] += $4 == "start" ? 1 : -1 }
		END { for (i in n) if (n[i] > 0 || n[i] < -1) print i, n[i] }'
}

# A server that never answers, neither a connect nor a query, at $SILENT.
start_silent()
{
	SILENT="[::1]:$(free_port)"
	start_daemon -n silent -r '^ready$' python3 -c '
import signal, socket, sys
port = int(sys.argv[1])
tcp = socket.create_server(("::1", port), family=socket.AF_INET6, backlog=0)
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.bind(("::1", port))
full = [socket.socket(socket.AF_INET6) for i in range(4)]
for s in full:
    s.setblocking(False)
    s.connect_ex(("::1", port))
print("ready", flush=True)
signal.pause()' "${SILENT##*:}"
}

@test "each start meets its end, whatever happens" {
	needs_tracer
	start_silent
	start_demo --dns "$SILENT" --set connect-timeout=20s \
	    --set min-connection-backoff=5ms --set max-connection-backoff=20ms \
	    --set query-timeout=4s --set query-retry=100ms \
	    --set min-query-interval=100ms "lost=_echo._tcp.test.invalid"
	start_echo flaky -q --close-after 3 --fail-rate 20% --hang-rate 10%
	run_ok ask "advertise demo flaky $ECHO_ADDR ttl=60s"
	[[ $output == *ok* ]]
	trace "$(print_all)"
	talk <<-'EOF'
		p = Pool()
		for i in range(30):
		    p.send("claim demo wait=50ms")
		    q = Pool()
		    q.send("#%d claim demo" % i)
		    q.send("#x claim demo backend=none")
		    q.send("#y claim lost wait=0s")
		    q.send("cancel %d" % i)
		    q.close()
		p.close()
	EOF
	sees '^handle__returned '
	stop_daemon flaky
	sees '^connect__failed '
	# An attempt to connect and a look-up are under way as it ends.
	run_ok ask "advertise demo silent $SILENT ttl=60s"
	sees '^backend__added '
	sees '^resolve__start '
	stop_daemon pool
	wait_for has_ended "$(daemon_pid trace)"
	[[ $(grep -c __start "$SCRATCH/trace.out") -gt 100 ]]
	[[ $(grep -c client__connected "$SCRATCH/trace.out") -gt 30 ]]
	run unmet "$SCRATCH/trace.out"
	echo "unmet: $output"
	[[ -z $output ]]
}
