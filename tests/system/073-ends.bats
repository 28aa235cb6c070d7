#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031  # what a test sets is for that test
#
# How a claim ends: by its client, its backend, the network, or the daemon. Each
# time the counts are right afterwards, the slot comes back, and the daemon has
# no descriptor left over.

load helpers

setup()
{
	helpers_begin
	start_echo echo1
	ADDR1=$ECHO_ADDR
	export ADDR1
}

teardown()
{
	remove_network
	helpers_end
}

talk()
{
	PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 \
	    timeout 90 python3 -c "from talk import *
import signal, subprocess
ADDR = os.environ['ADDR1']
PID = int(Pool().ask('hello')['pid'])

def fds():
    return len(os.listdir(f'/proc/{PID}/fd'))

def settled(want=4):
    c = counts('demo')
    return c['unclaimed'] == want and sum(c.values()) == want

wait_for('warm', settled)
BEFORE = fds()

def all_is_as_before():
    wait_for('the slots are back', settled)
    wait_for('no descriptor is left', lambda: fds() <= BEFORE)
    row = stat('demo')
    assert row['waiting'] == '0' and row['slots'] == '4', row
    assert Pool().ask('claims').rows == []

def far_is(how):
    # Whatever the other host has to say goes nowhere.
    subprocess.run(['ip', '-6', '-n', os.environ['FAR'], 'route',
        {'silent': 'add', 'back': 'del'}[how],
        'blackhole', 'fd71:6f72:62::1'], check=True)
$(cat)"
}

# In the network namespace NEAR where there is one.
start_four()
{
	local within=()
	[[ -z ${NEAR-} ]] || within=(ip netns exec "$NEAR")
	start_daemon -n pool -s "$QORB_SOCKET" "${within[@]}" qorb-pool \
	    --set spares-wanted=4 --set max-slots=4 "$@" "demo=$ADDR1"
}

@test "a client killed with -9 ends its claims" {
	start_four
	talk <<-'EOF'
		read, write = os.pipe()
		child = os.fork()
		if child == 0:
		    p = Pool()
		    got = [p.ask("claim demo") for i in range(3)]
		    p.send("#w claim demo", "#w2 claim demo")
		    os.write(write, b"x")
		    signal.pause()
		assert os.read(read, 1) == b"x"
		wait_for("held", lambda: counts("demo")["claimed"] >= 3)
		os.kill(child, signal.SIGKILL)
		os.waitpid(child, 0)
		all_is_as_before()
	EOF
}

@test "a backend that closes, or resets, a claimed connection costs that claim" {
	start_daemon -n odd -r ready python3 -u -c '
import socket, struct, threading
s = socket.create_server(("::1", 0), family=socket.AF_INET6)
print("ready", s.getsockname()[1])
def serve(c):
    while True:
        what = c.recv(5)
        if what == b"reset":
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if not what or what in (b"close", b"reset"):
            c.close()
            return
        c.sendall(what)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
'
	ADDR1="[::1]:$(awk '{ print $2 }' "$SCRATCH/odd.out")"
	start_four
	talk <<-'EOF'
		e = Pool()
		assert e.ask("#e events demo kinds=handle-returned").line == "#e ok"
		for word in (b"close", b"reset"):
		    for how in ("ok", "broken", "gone"):
		        p = Pool()
		        r = p.ask("claim demo")
		        assert echo(r.fd)
		        r.fd.sendall(word)
		        assert is_closed(r.fd)
		        if how != "gone":
		            line = f"release {r['claim']} {how}".replace(" ok", "")
		            assert p.ask(line).line == "ok"
		        r.fd.close()
		        p.close()
		        row = e.reply()
		        assert (row["claim"], row["how"]) == (r["claim"], how), row
		        wait_for("made anew", settled)
		e.close()
		all_is_as_before()
	EOF
}

@test "a claimed connection that the backend has ended is seen while it is held" {
	start_four
	talk <<-'EOF'
		p, e = Pool(), Pool()
		assert e.ask("#e events demo").line == "#e ok"
		r = p.ask("claim demo backend=" + ADDR)
		os.environ["HELD"] = r["slot"]
		echo_pid = int(open(os.environ["SCRATCH"] + "/daemons/echo1").read())
		os.kill(echo_pid, signal.SIGTERM)
		while True:
		    row = e.reply()
		    if row.args.get("event") == "connection-lost" and \
		            row["slot"] == r["slot"]:
		        break
		assert row["reason"] in ("closed", "gone"), row
		assert stat("demo", backend=ADDR)["state"] == "offline"
		assert p.ask("release " + r["claim"]).line == "ok"
	EOF
	rm -f "$SCRATCH/daemons/echo1"
}

@test "revoke ends a claim, whoever holds it" {
	start_four
	talk <<-'EOF'
		p, e = Pool(), Pool()
		assert e.ask("#e events demo").line == "#e ok"
		r = p.ask("claim demo")
		assert Pool().ask("revoke " + r["claim"]).line == "ok"
		assert is_closed(r.fd)
		assert p.ask("release " + r["claim"]).code == "no-such-claim"
		names = []
		while "lease-ended" not in names:
		    names.append(e.reply().args.get("event"))
		r.fd.close()
		p.close(), e.close()
		all_is_as_before()
	EOF
}

@test "a client that goes on after its release is found out" {
	start_four
	talk <<-'EOF'
		p = Pool()
		r = p.ask("claim demo")
		cookie = r.fd.cookie
		assert p.ask("release " + r["claim"]).line == "ok"
		r.fd.sendall(b"late")
		q = Pool()
		def is_not_lent():
		    got = [q.ask("claim demo wait=0") for i in range(4)]
		    cookies = [g.fd.cookie for g in got if g.fd]
		    for g in got:
		        if g.fd:
		            q.ask("release " + g["claim"])
		            g.fd.close()
		    return cookie not in cookies and len(cookies) == 4
		wait_for("the connection is taken out", is_not_lent)
		r.fd.close(), p.close(), q.close()
		all_is_as_before()
	EOF
}

@test "what is wrong with a connection that comes back is said in its event" {
	start_four
	talk <<-'EOF'
		e = Pool()
		assert e.ask("#e events demo").line == "#e ok"
		def reason(what):
		    p = Pool()
		    r = p.ask("claim demo")
		    what(r.fd)
		    assert p.ask("release " + r["claim"]).line == "ok"
		    while True:
		        row = e.reply()
		        if row.args.get("event") == "recycle-failed":
		            assert row["slot"] == r["slot"], (row, r)
		            return row["reason"]
		def unread(s):
		    s.sendall(b"x")
		    s.recv(1, socket.MSG_PEEK)
		def urgent(s):
		    s.send(b"x", socket.MSG_OOB)
		    s.recv(1, socket.MSG_PEEK)
		assert reason(unread) == "unread-bytes"
		assert reason(lambda s: s.shutdown(socket.SHUT_WR)) in \
		    ("half-closed", "closed")
		assert reason(lambda s: s.shutdown(socket.SHUT_RDWR)) in \
		    ("half-closed", "closed", "reset")
		# An echo server that stands still, and more than its kernel takes.
		pid = int(open(os.environ["SCRATCH"] + "/daemons/echo1").read())
		def unsent(s):
		    os.kill(pid, signal.SIGSTOP)
		    s.setblocking(False)
		    try:
		        while True:
		            s.send(b"x" * 65536)
		    except BlockingIOError:
		        pass
		try:
		    assert reason(unsent) == "unsent-bytes"
		finally:
		    os.kill(pid, signal.SIGCONT)
		e.close()
		wait_for("the slots are back", settled)
	EOF
}

@test "a client that leaves its replies unread for half a minute is closed" {
	start_four
	DEADLINE=60 talk <<-'EOF'
		import talk as t
		t.DEADLINE = 60
		p = Pool()
		held = p.ask("claim demo")
		p.fill()
		wait_for("its claim has ended",
		    lambda: counts("demo")["claimed"] == 0)
		p.close(), held.fd.close()
		all_is_as_before()
	EOF
	wait_for_text "$SCRATCH/pool.err" 'is closed: it left replies unread'
}

@test "a limit of descriptors that is too low for the caps is told at the start" {
	command -v prlimit >/dev/null || skip "needs prlimit (util-linux)"
	start_daemon -n pool -s "$QORB_SOCKET" prlimit --nofile=100:100 \
	    qorb-pool --set max-slots=90 "demo=$ADDR1"
	wait_for_text "$SCRATCH/pool.err" \
	    'may have 100 descriptors, but max-slots lets it need 170'
}

# --- when things happen -----------------------------------------------------

# start_backend PYTHON: a backend on a port of its own; for each connection `c` it
# runs the script and then closes. Sets ADDR1.
start_backend()
{
	start_daemon -n odd -r ready python3 -u -c '
import socket, sys, threading, time
s = socket.create_server(("::1", 0), family=socket.AF_INET6)
print("ready", s.getsockname()[1])
def serve(c):
    exec(sys.argv[1], dict(globals(), c=c))
    c.close()
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
' "$1"
	ADDR1="[::1]:$(awk '/ready/ { print $2 }' "$SCRATCH/odd.out")"
}

@test "how long a connection took to be made is told, though nothing else happened" {
	start_backend 'time.sleep(0.3)
c.sendall(b"hi")
print("greeted")
c.recv(1)'
	cat >"$SCRATCH/conf" <<-EOF
		[connector slow]
		on-connect = expect "hi"
		[pool demo]
		backends = $ADDR1
		connector = slow
		max-slots = 1
	EOF
	start_daemon -n pool -s "$QORB_SOCKET" qorb-pool -s "$QORB_SOCKET" \
	    -c "$SCRATCH/conf"
	wait_for_text "$SCRATCH/odd.out" greeted
	PYTHONPATH=$BATS_TEST_DIRNAME timeout 60 python3 -c '
from talk import *
p = Pool()
took = wait_for("connected", lambda: stat("demo", backend="'"$ADDR1"'")
    .args.get("connect_p50_us") not in (None, "0") and
    int(stat("demo", backend="'"$ADDR1"'")["connect_p50_us"]))
assert took >= 250000, took
'
}

@test "a backend that accepts and closes is tried again after longer and longer" {
	start_backend 'time.sleep(0.05)
print("close", time.monotonic())'
	start_daemon -n pool -s "$QORB_SOCKET" qorb-pool --set max-slots=1 \
	    --set spares-wanted=1 --set spread=0 \
	    --set min-connection-backoff=20ms \
	    --set max-connection-backoff=200ms "demo=$ADDR1"
	wait_for six_closes
	# From each close to the next one: the wait before the next connection and
	# the 50 ms that it lives.
	run_ok awk '/close/ { if (last) print int(($2 - last) * 1000 + 0.5)
		last = $2 }' "$SCRATCH/odd.out"
	echo "$output"
	local i=0 least=(70 90 130 210 250)
	for gap in "${lines[@]:0:5}"; do
		[[ $gap -ge ${least[i]} ]]
		i=$((i + 1))
	done
}

six_closes()
{
	[[ $(grep -c close "$SCRATCH/odd.out") -ge 6 ]]
}

# --- a host that falls silent -----------------------------------------------

# Two hosts and a cable between them: network namespaces NEAR, for the daemon, and
# FAR with an echo server. Nothing of it is in sight of other tests, which may do
# the same at the same time.
make_network()
{
	[[ $EUID -eq 0 ]] || skip "needs root to make a network namespace"
	command -v ip >/dev/null || skip "needs ip (iproute2)"
	FAR=qorb-far-$$
	ip netns add "$FAR" || skip "no network namespaces here"
	NEAR=qorb-near-$$
	ip netns add "$NEAR"
	export FAR NEAR
	ip -n "$NEAR" link add near type veth peer name far netns "$FAR"
	ip -n "$NEAR" addr add fd71:6f72:62::1/64 dev near nodad
	ip -n "$NEAR" link set lo up
	ip -n "$NEAR" link set near up
	ip -n "$FAR" addr add fd71:6f72:62::2/64 dev far nodad
	ip -n "$FAR" link set far up
	start_daemon -n far -r 'ready to accept' ip netns exec "$FAR" \
	    qorb-echo -q '[fd71:6f72:62::2]:6001'
	ADDR1='[fd71:6f72:62::2]:6001'
}

# The cable goes with either of its ends.
remove_network()
{
	local name
	[[ -n ${FAR-} ]] || return 0
	for name in pool far; do
		[[ ! -f $SCRATCH/daemons/$name ]] || stop_daemon "$name"
	done
	for name in $FAR ${NEAR-}; do
		ip netns del "$name"
	done
	FAR='' NEAR=''
}

@test "a silent host is noticed on connections that nobody holds" {
	make_network
	# With a user time-out the kernel goes by that, not by the count.
	start_four --set tcp-keepalive=1s,1s,2 --set tcp-user-timeout=2s
	talk <<-'EOF'
		far_is("silent")
		wait_for("offline", lambda:
		    stat("demo", backend=ADDR)["state"] == "offline")
		far_is("back")
		all_is_as_before()
	EOF
}

@test "a silent host ends a claim that waits for its answer" {
	make_network
	start_four --set tcp-user-timeout=2s
	talk <<-'EOF'
		p = Pool()
		r = p.ask("claim demo")
		assert echo(r.fd)
		far_is("silent")
		r.fd.sendall(b"are you there")
		try:
		    r.fd.recv(1)
		    raise AssertionError("an answer from nobody")
		except TimeoutError:
		    pass
		assert p.ask("release " + r["claim"] + " broken").line == "ok"
		far_is("back")
		r.fd.close(), p.close()
		all_is_as_before()
	EOF
}
