#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031  # what a test sets is for that test
#
# qorb-pool: its command line, its socket, its verbs, and what it does to
# clients who mean well and to those who do not.

load helpers

# A daemon on two echo servers; options are qorb-pool's.
start_demo()
{
	start_echo echo1
	ADDR1=$ECHO_ADDR
	start_echo echo2
	ADDR2=$ECHO_ADDR
	start_pool "$@" "demo=$ADDR1,$ADDR2"
	export ADDR1 ADDR2
	wait_for is_warm
}

# As many connections as it wants, all unclaimed.
is_warm()
{
	[[ $(ask 'stats') == *' unclaimed='[1-9]* &&
		$(ask 'stats') != *' connecting='[1-9]* ]]
}

# Runs a Python script from stdin with talk.py at hand.
talk()
{
	PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 \
	    timeout 60 python3 -c "from talk import *
$(cat)"
}

# --- command line -----------------------------------------------------------

@test "help says how it is used and fits the screen" {
	run_ok qorb-pool --help
	assert_output --partial 'usage: qorb-pool'
	assert_output --partial 'Examples:'
	run_ok awk 'length($0) > 80 { exit 1 }' <<<"$output"
	run_ok qorb-pool --version
	assert_output --regexp '^qorb-pool [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "help ends with two examples" {
	for program in qorb-pool qorb-ctl qorb-echo; do
		run_ok "$program" --help
		run_ok awk '/^Examples:/ { n = -1 } { n++ } END { exit n != 2 }' \
		    <<<"$output"
	done
}

refuses()
{
	local want=$1
	shift
	run_status 2 qorb-pool "$@"
	assert_equal "$output" ''
	[[ $stderr == *"$want"* ]] || {
		echo "stderr: $stderr"
		return 1
	}
}

@test "a wrong command line is one clear line and status 2" {
	refuses "no pool is named"
	refuses "--frobnicate" --frobnicate 'a=[::1]:1'
	refuses "'nothing' names no pool" nothing
	refuses "'a=' names no pool" a=
	refuses "cannot be a pool's name" 'a b=[::1]:1'
	refuses "'[::1]' is not an address" 'a=[::1]'
	refuses "'[::1]:99999' is not an address" 'a=[::1]:99999'
	refuses "'[::1]:0' is not an address: the port is not a number from 1 to 65535" \
	    'a=[::1]:0'
	refuses "named twice" 'a=[::1]:1,[::1]:1'
	refuses "pool 'a' is named twice" 'a=[::1]:1' 'a=[::1]:2'
	refuses "neither a list of addresses" 'a=two words'
	refuses "'max-slots' sets nothing" --set max-slots 'a=[::1]:1'
	refuses "a whole number from 1" --set max-slots=0 'a=[::1]:1'
	refuses "is no policy" --set maxslots=1 'a=[::1]:1'
	refuses "there is no such connector" --set connector=gopher 'a=[::1]:1'
	refuses "above max-connection-backoff" \
	    --set min-connection-backoff=10s \
	    --set max-connection-backoff=1s 'a=[::1]:1'
	refuses "'::1' is not an address" --dns ::1 a=b
	refuses "the port is not a number from 1 to 65535" \
	    --dns '[::1]:0' a=b
	refuses "--socket" --socket "" 'a=[::1]:1'
	refuses "--log-level" --log-level loud 'a=[::1]:1'
}

@test "too long a path in the environment is told by its variable" {
	local long uid=$((50000 + $$ % 5000)) as=()
	long=/$(printf 'x%.0s' {1..120})
	export QORB_SOCKET=$long
	refuses "\$QORB_SOCKET: a path of at most 103 bytes is" 'a=[::1]:1'
	run_status 2 qorb-web
	[[ $stderr == *"\$QORB_SOCKET: a path of at most 103 bytes is"* ]]
	# To root it names none.
	[[ $EUID -ne 0 ]] || as=(setpriv --reuid "$uid" --clear-groups)
	"${as[@]}" "$QORB_BIN/qorb-pool" --version ||
	    skip "another user cannot run the programs from here"
	as+=(env -u QORB_SOCKET XDG_RUNTIME_DIR="$long")
	run_status 2 "${as[@]}" "$QORB_BIN/qorb-pool" 'a=[::1]:1'
	[[ $stderr == *"\$XDG_RUNTIME_DIR: a path of at most 88 bytes is"* ]]
	run_status 2 "${as[@]}" "$QORB_BIN/qorb-web"
	[[ $stderr == *"\$XDG_RUNTIME_DIR: a path of at most 88 bytes is"* ]]
}

@test "a socket that another daemon answers on is left alone" {
	start_pool 'a=[::1]:1'
	run_status 1 qorb-pool --socket "$QORB_SOCKET" 'b=[::1]:1'
	[[ $stderr == *"pid $(daemon_pid pool)"* ]]
	run_ok ask ping
	assert_output ok
}

@test "a socket file that nobody answers on is replaced" {
	start_pool 'a=[::1]:1'
	stop_daemon -s KILL pool 137
	[[ -S $QORB_SOCKET ]]
	start_pool 'a=[::1]:1'
	run_ok ask ping
	assert_output ok
}

# at_socket PYTHON: a process that listens at the daemon's socket, `s`.
at_socket()
{
	start_daemon -n other -r listens python3 -uc '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(os.environ["QORB_SOCKET"])
s.listen()
print("listens")
'"$1"
}

@test "a process that dies while it is asked is replaced" {
	at_socket '
import select
select.select([s], [], [])  # as one that was killed: it listens, and is gone
s.close()
'
	start_pool 'a=[::1]:1'
	run_ok ask ping
	assert_output ok
	rm "$SCRATCH/daemons/other"
}

@test "a process that is silent, or drops all who come, is left alone" {
	local script
	for script in 'import signal; signal.pause()' 'while True: s.accept()[0].close()'
	do
		at_socket "$script"
		run_status 1 qorb-pool 'a=[::1]:1'
		[[ $stderr == *"pid $(daemon_pid other), answers on"* ]]
		stop_daemon -s KILL other 137
		rm "$QORB_SOCKET"
	done
}

@test "a file that is no socket is never replaced" {
	echo precious >"$QORB_SOCKET"
	run_status 1 qorb-pool 'a=[::1]:1'
	[[ $stderr == *"is no socket"* ]]
	assert_equal "$(<"$QORB_SOCKET")" precious
}

@test "the folder of the socket is made, for its user alone under /tmp" {
	export QORB_SOCKET=$SCRATCH/new/pool.sock
	start_pool 'a=[::1]:1'
	assert_equal "$(stat -c %a "$SCRATCH/new")" 700
	assert_equal "$(stat -c %a "$QORB_SOCKET")" 660
	stop_daemon pool
	[[ ! -e $QORB_SOCKET ]]
}

@test "the folder of the socket elsewhere is for all, whatever the umask" {
	local top
	top=$(mktemp -d /var/tmp/qorb-test.XXXXXX)
	export QORB_SOCKET=$top/new/pool.sock
	umask 077
	start_pool 'a=[::1]:1'
	umask 022
	run stat -c %a "$top/new"
	stop_daemon pool
	rm -r "$top"
	assert_output 755
}

@test "a folder under /tmp that is not ours alone is not used" {
	mkdir -m 777 "$SCRATCH/open"
	run_status 1 qorb-pool --socket "$SCRATCH/open/s" 'a=[::1]:1'
	[[ $stderr == *"$SCRATCH/open "*"everybody may write to it"* ]]
	run_status 1 qorb-pool --socket "$SCRATCH/open/sub/s" 'a=[::1]:1'
	chmod 755 "$SCRATCH/open"
	[[ $EUID -eq 0 ]] || return 0
	chown 54321 "$SCRATCH/open"
	run_status 1 qorb-pool --socket "$SCRATCH/open/s" 'a=[::1]:1'
	assert_equal "${#stderr_lines[@]}" 1
	[[ $stderr == *"$SCRATCH/open "*"belongs to another user"* ]]
}

@test "a default folder under /tmp that is another user's is not trusted" {
	[[ $EUID -eq 0 ]] || skip "needs root to be two users"
	local uid=$((50000 + $$ % 5000))
	setpriv --reuid "$uid" --clear-groups "$QORB_BIN/qorb-ctl" --version ||
	    skip "another user cannot run the programs from here"
	as=(setpriv --reuid "$uid" --clear-groups env -u QORB_SOCKET
	    -u XDG_RUNTIME_DIR "$QORB_BIN/qorb-ctl" pools)
	mkdir -m 755 "/tmp/qorb-$uid"
	chown "$((uid + 1))" "/tmp/qorb-$uid"
	run -1 --separate-stderr "${as[@]}"
	rmdir "/tmp/qorb-$uid"
	[[ $stderr == *"/tmp/qorb-$uid "*"belongs to another user"* ]]
}

@test "a folder that cannot be made is said with its name" {
	echo >"$SCRATCH/file"
	run_status 1 qorb-pool --socket "$SCRATCH/file/sub/s" 'a=[::1]:1'
	[[ $stderr == *"cannot make the folder $SCRATCH/file/sub"* ]]
}

# --- verbs ------------------------------------------------------------------

@test "hello, ping, help and pools answer as the protocol says" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		r = p.ask("hello protocol=1 client=test")
		assert r["protocol"] == "1" and r["pools"] == "1", r
		assert r["server"].startswith("qorb-pool/"), r
		assert p.ask("#x.Y-9_z ping").line == "#x.Y-9_z ok"
		assert p.ask("ping").line == "ok"
		verbs = [row["verb"] for row in p.ask("help").rows]
		assert verbs[:5] == ["hello", "ping", "help", "pools", "claim"]
		assert len(p.ask("help claim").rows) == 1
		row = p.ask("pools").rows[0]
		assert row["pool"] == "demo" and row["backends"] == "2", row
		assert row["online"] == "2" and row["waiting"] == "0", row
	EOF
}

@test "what cannot be carried out is answered with its error" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		for line, code in [
		    ("frobnicate", "unknown-verb"), ("", "bad-syntax"),
		    ("#", "bad-syntax"), ("#a/b ping", "bad-syntax"),
		    ("ping %zz", "bad-syntax"), ("ping more", "bad-argument"),
		    ("claim", "bad-argument"), ("claim demo x", "bad-argument"),
		    ("claim demo frob=1", "bad-argument"),
		    ("claim demo wait=1s wait=1s", "bad-argument"),
		    ("claim demo wait=soon", "bad-value"),
		    ("claim demo lease=0", "bad-value"),
		    ("claim demo key=a backend=b", "bad-argument"),
		    ("claim demo backend=nobody", "no-such-backend"),
		    ("claim other", "no-such-pool"), ("stats other", "no-such-pool"),
		    ("backends other", "no-such-pool"), ("backends", "bad-argument"),
		    ("release", "bad-argument"), ("release x", "bad-value"),
		    ("release 1 gently", "bad-argument"),
		    ("release 99", "no-such-claim"), ("cancel x", "no-such-tag"),
		    ("unwatch x", "no-such-tag"), ("watch", "tag-needed"),
		    ("#w watch every=1us", "bad-value"),
		    ("#w watch every=never", "bad-value"),
		    ("help frob", "unknown-verb"), ("hello protocol=2", "bad-value"),
		    ("hello client=" + "x" * 65, "bad-value"),
		    ("terminate grace=x", "bad-value"),
		]:
		    r = p.ask(line)
		    assert r.kind == "error" and r.code == code, (line, r)
		    assert len(r.text) > 3, r
		assert p.ask("ping").line == "ok"
	EOF
}

@test "a claim lends a connection that works, blocking and close-on-exec" {
	start_demo
	talk <<-'EOF'
		import fcntl
		p = Pool()
		r = p.ask("claim demo")
		assert r["addr"] in (os.environ["ADDR1"], os.environ["ADDR2"]), r
		assert r["backend"] == r["addr"] and int(r["claim"]) > 0, r
		flags = fcntl.fcntl(r.fd.fileno(), fcntl.F_GETFL)
		assert not flags & os.O_NONBLOCK
		assert echo(r.fd)
		assert p.ask("release " + r["claim"]).line == "ok"
		wait_for("its slot is unclaimed", lambda: counts("demo")["claimed"] == 0)
		assert p.ask("release " + r["claim"]).code == "no-such-claim"
	EOF
}

@test "only the connection that made a claim can release it" {
	start_demo
	talk <<-'EOF'
		p, q = Pool(), Pool()
		r = p.ask("claim demo")
		assert q.ask("release " + r["claim"]).code == "no-such-claim"
		assert echo(r.fd)
		assert p.ask("release " + r["claim"]).kind == "ok"
	EOF
}

@test "many claims in one write come with as many descriptors, in order" {
	start_demo --set max-slots=200 --set max-count=200 --set spares-wanted=200
	talk <<-'EOF'
		wait_for("warm", lambda: counts("demo")["unclaimed"] == 200)
		p = Pool()
		p.send(*(f"#t{i} claim demo" for i in range(200)))
		got = [p.reply() for i in range(200)]
		assert [r.tag for r in got] == [f"t{i}" for i in range(200)]
		for i, r in enumerate(got):
		    peer = r.fd.getpeername()
		    assert r["addr"] == f"[{peer[0]}]:{peer[1]}", r
		assert echo(got[0].fd) and echo(got[199].fd)
		p.send(*("release " + r["claim"] for r in got))
		assert all(p.reply().line == "ok" for r in got)
		wait_for("all are back", lambda: counts("demo")["unclaimed"] == 200)
	EOF
}

@test "a claim waits for one to come back, and others are served meanwhile" {
	start_demo --set max-slots=1
	talk <<-'EOF'
		p = Pool()
		a = p.ask("claim demo")
		p.send("#wait claim demo", "#now claim demo wait=0", "ping")
		r = p.reply()
		assert (r.tag, r.code) == ("now", "all-claims-used"), r
		assert p.reply().line == "ok"
		assert p.ask("#wait ping").code == "tag-in-use"
		p.send("release " + a["claim"])
		assert p.reply().line == "ok"
		r = p.reply()
		assert r.tag == "wait" and echo(r.fd), r
	EOF
}

@test "claims are granted in the order in which they were asked" {
	start_demo --set max-slots=1
	talk <<-'EOF'
		p = Pool()
		held = p.ask("claim demo")
		others = [Pool() for i in range(5)]
		for i, o in enumerate(others):
		    o.send(f"#c{i} claim demo")
		    wait_for("queued", lambda: stat("demo")["waiting"] == str(i + 1))
		p.send("release " + held["claim"])
		for o in others:
		    r = o.reply()
		    assert r.kind == "ok", r
		    o.send("release " + r["claim"])
	EOF
}

@test "a waiting claim can be cancelled, and its time runs out" {
	start_demo --set max-slots=1
	talk <<-'EOF'
		p = Pool()
		a = p.ask("claim demo")
		p.send("#w claim demo", "#c cancel w")
		assert (lambda r: (r.tag, r.code))(p.reply()) == ("w", "cancelled")
		assert p.reply().line == "#c ok"
		r = p.ask("claim demo wait=50ms")
		assert r.code == "all-claims-used", r
		assert stat("demo")["waiting"] == "0"
	EOF
}

@test "a lease that ends shuts the connection and ends the claim" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		r = p.ask("claim demo lease=100ms")
		assert echo(r.fd)
		assert is_closed(r.fd)
		assert p.ask("release " + r["claim"]).code == "no-such-claim"
		wait_for("made anew", lambda: counts("demo")["claimed"] == 0)
	EOF
}

@test "a claim for one backend gets that backend" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		for addr in (os.environ["ADDR1"], os.environ["ADDR2"]):
		    got = [p.ask("claim demo backend=" + addr) for i in range(6)]
		    assert all(r["addr"] == addr for r in got), got
		    for r in got:
		        p.ask("release " + r["claim"])
		seen = set()
		for i in range(10):
		    r = p.ask("claim demo key=user%3D42")
		    seen.add(r["addr"])
		assert len(seen) == 1, seen
	EOF
}

@test "stats and backends have the rows and words of the protocol" {
	start_demo --set connector=echo
	talk <<-'EOF'
		p = Pool()
		r = p.ask("claim demo")
		rows = p.ask("stats demo").rows
		pool, backends = rows[0], rows[1:]
		for key in ("pool claims claims_per_s waiting refused wait_p50_us "
		    "wait_p99_us hold_p50_us hold_p99_us slots resolver").split():
		    assert key in pool.args, (key, pool)
		assert len(backends) == 2
		for b in backends:
		    for key in ("pool backend addr state connecting unclaimed "
		        "checking claimed total failures claims_per_s "
		        "connect_p50_us").split():
		        assert key in b.args, (key, b)
		    assert b["state"] == "online"
		states = ("connecting", "unclaimed", "checking", "claimed")
		total = sum(int(b[k]) for b in backends for k in states)
		assert int(pool["slots"]) == total
		assert sum(int(b["total"]) for b in backends) == int(pool["claims"])
		assert pool["claims"] == "1" and pool["resolver"] == "none"
		for b in p.ask("backends demo").rows:
		    assert b["source"] == "static" and b["state"] == "online", b
	EOF
}

@test "watch sends rounds of rows until it is told to stop" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		p.send("#w watch demo every=10ms")
		assert p.reply().line == "#w ok"
		for i in range(3):
		    for kind in ("pool", "backend", "backend"):
		        r = p.reply()
		        assert r.tag == "w" and r.kind == "row" and kind in r.args, r
		    r = p.reply()
		    assert r.line.startswith("#w * end t="), r
		p.send("unwatch w")
		while (r := p.reply()).tag == "w":
		    pass
		assert r.line == "ok"
		assert p.ask("ping").line == "ok"
	EOF
}

# --- clients who go, and clients who do harm --------------------------------

@test "a client that vanishes ends its claims, and its connection is not reused" {
	start_demo --set max-slots=2 --set spares-wanted=2
	talk <<-'EOF'
		p = Pool()
		r = p.ask("claim demo")
		cookie = r.fd.cookie
		waiting = Pool()
		waiting.send("claim demo", "claim demo", "claim demo")
		waiting.reply()
		waiting.close()
		p.close()
		assert is_closed(r.fd)
		wait_for("made anew", lambda: counts("demo")["unclaimed"] == 2)
		q = Pool()
		cookies = [q.ask("claim demo").fd.cookie for i in range(2)]
		assert cookie not in cookies
		assert stat("demo")["waiting"] == "0"
	EOF
}

@test "a connection that does not come back clean is closed, not reused" {
	start_demo --set max-slots=1
	talk <<-'EOF'
		def dirty(what):
		    p = Pool()
		    r = p.ask("claim demo")
		    cookie = r.fd.cookie
		    what(r.fd)
		    p.ask("release " + r["claim"])
		    r2 = p.ask("claim demo")
		    assert r2.fd.cookie != cookie, what
		    assert echo(r2.fd)
		    p.ask("release " + r2["claim"])
		def unread(s):
		    s.sendall(b"x")
		    s.recv(1, socket.MSG_PEEK)
		def hidden(s):
		    unread(s)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 100)
		dirty(unread)
		dirty(hidden)
		dirty(lambda s: s.shutdown(socket.SHUT_WR))
		dirty(lambda s: s.shutdown(socket.SHUT_RDWR))
		p = Pool()
		r = p.ask("claim demo")
		cookie = r.fd.cookie
		r.fd.setblocking(False)
		p.ask("release " + r["claim"])
		r = p.ask("claim demo")
		assert r.fd.cookie == cookie
		import fcntl
		assert not fcntl.fcntl(r.fd.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK
		p.ask("release " + r["claim"] + " broken")
		assert p.ask("claim demo").fd.cookie != cookie
	EOF
}

@test "what a client sets on a connection is gone when the next one has it" {
	start_demo --set max-slots=1 --set tcp-keepalive=100s,20s,4 \
	    --set tcp-user-timeout=33s
	talk <<-'EOF'
		import fcntl
		S, T = socket.SOL_SOCKET, socket.IPPROTO_TCP
		I, J = socket.IPPROTO_IP, socket.IPPROTO_IPV6
		BUF_LOCK, PEEK_OFF = 72, 42
		ints = {(S, socket.SO_RCVLOWAT): 1000, (S, PEEK_OFF): 1000,
		    (S, socket.SO_OOBINLINE): 1, (S, socket.SO_KEEPALIVE): 0,
		    (S, socket.SO_PRIORITY): 3, (S, 47): 1000000,
		    (T, socket.TCP_NODELAY): 0, (T, socket.TCP_CORK): 1,
		    (T, socket.TCP_KEEPIDLE): 7, (T, socket.TCP_KEEPINTVL): 7,
		    (T, socket.TCP_KEEPCNT): 7, (T, socket.TCP_USER_TIMEOUT): 7,
		    (T, socket.TCP_NOTSENT_LOWAT): 1024,
		    (S, socket.SO_DONTROUTE): 1, (I, socket.IP_TTL): 1,
		    (J, socket.IPV6_UNICAST_HOPS): 1, (J, socket.IPV6_TCLASS): 8}
		more = [(S, socket.SO_LINGER, struct.pack("ii", 1, 0)),
		    (S, socket.SO_RCVTIMEO, struct.pack("ll", 0, 1000)),
		    (S, socket.SO_SNDTIMEO, struct.pack("ll", 0, 1000)),
		    (S, socket.SO_RCVBUF, struct.pack("i", 5000)),
		    (S, socket.SO_SNDBUF, struct.pack("i", 5000))]
		def look(s):
		    got = {k: s.getsockopt(*k) for k in list(ints) + [(S, BUF_LOCK)]}
		    for level, name, value in more[:3]:
		        got[level, name] = s.getsockopt(level, name, len(value))
		    got["flags"] = fcntl.fcntl(s.fileno(), fcntl.F_GETFL)
		    got["owner"] = fcntl.fcntl(s.fileno(), fcntl.F_GETOWN)
		    return got
		def spoil(s):
		    for (level, name), value in ints.items():
		        s.setsockopt(level, name, value)
		    for option in more:
		        s.setsockopt(*option)
		    fcntl.fcntl(s.fileno(), fcntl.F_SETOWN, os.getpid())
		    fcntl.fcntl(s.fileno(), fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
		p, q = Pool(), Pool()
		r = p.ask("claim demo")
		first, cookie = look(r.fd), r.fd.cookie
		assert first[T, socket.TCP_KEEPIDLE] == 100, first
		assert first[T, socket.TCP_USER_TIMEOUT] == 33000, first
		def next_one(client):
		    got = client.reply()
		    assert got.fd.cookie == cookie, "another connection"
		    now = look(got.fd)
		    assert now == first, [(k, first[k], now[k]) for k in first
		        if first[k] != now[k]]
		    assert echo(got.fd)
		    return got
		# Somebody waits for it, and then: it lies idle before it is lent again.
		spoil(r.fd)
		q.send("claim demo")
		wait_for("queued", lambda: stat("demo")["waiting"] == "1")
		assert p.ask("release " + r["claim"]).line == "ok"
		r = next_one(q)
		spoil(r.fd)
		assert q.ask("release " + r["claim"]).line == "ok"
		q.send("claim demo")
		r = next_one(q)
		# The same client in the same turn keeps what harms nobody else.
		r.fd.setsockopt(S, socket.SO_RCVTIMEO, struct.pack("ll", 0, 1000))
		r.fd.setsockopt(S, socket.SO_RCVLOWAT, 1000)
		q.send("release " + r["claim"], "claim demo")
		assert q.reply().line == "ok"
		r = q.reply()
		assert look(r.fd)[S, socket.SO_RCVLOWAT] == 1
		assert q.ask("release " + r["claim"]).line == "ok"
		q.send("claim demo")
		next_one(q)
	EOF
}

@test "bytes that come late are seen, whatever the last client has set" {
	start_demo --set max-slots=1
	talk <<-'EOF'
		e = Pool()
		e.send("#e events demo kinds=connection-lost")
		assert e.reply().line == "#e ok"
		def late(name, value, is_before):
		    p = Pool()
		    r = p.ask("claim demo")
		    if is_before:
		        r.fd.setsockopt(socket.SOL_SOCKET, name, value)
		    assert p.ask("release " + r["claim"]).line == "ok"
		    if not is_before:
		        r.fd.setsockopt(socket.SOL_SOCKET, name, value)
		    r.fd.send(b"hi")
		    row = e.reply()
		    assert row["slot"] == r["slot"], row
		    assert row["reason"] == "unexpected-data", row
		    p.close()
		late(socket.SO_RCVLOWAT, 1000, True)
		late(42, 1000, True)  # SO_PEEK_OFF
		late(42, 1000, False)
		p = Pool()
		assert echo(p.ask("claim demo").fd)
	EOF
}

@test "bytes that came before a claim are seen before it is granted" {
	start_demo --set max-slots=1
	talk <<-'EOF'
		import select, signal
		pid = int(Pool().ask("hello")["pid"])
		p = Pool()
		r = p.ask("claim demo")
		cookie = r.fd.cookie
		assert p.ask("release " + r["claim"]).line == "ok"
		assert p.ask("ping").line == "ok"
		# The claim's line is ready before the bytes are, both in one turn.
		stop_process(pid)
		try:
		    p.send("claim demo")
		    r.fd.send(b"late")
		    assert select.select([r.fd], [], [], DEADLINE)[0]
		finally:
		    os.kill(pid, signal.SIGCONT)
		got = p.reply()
		assert got.fd.cookie != cookie
		assert echo(got.fd)
	EOF
}

@test "garbage and a line without an end cost the client, not the daemon" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		p.raw(os.urandom(3000).replace(b"\n", b"x") + b"\n")
		assert p.reply().code == "bad-syntax"
		p.raw(b"#t  ping a\0\n\xff\xfe\n")
		assert p.reply().line == \
		    "#t error bad-syntax word 3: a NUL byte in the line"
		assert p.reply().line == \
		    "error bad-syntax word 1: the line is not UTF-8"
		assert p.ask("ping").line == "ok"
		p.raw(b"ping " + b"x" * 4091 + b"\n")
		assert p.reply().code == "bad-argument"
		q = Pool()
		held = q.ask("claim demo")
		try:
		    p.raw(b"#long " + b"y" * 1000000)
		except (BrokenPipeError, ConnectionResetError):
		    pass
		r = p.reply()
		assert (r.tag, r.code) == ("long", "line-too-long"), r
		try:
		    assert p.reply() is None
		except ConnectionResetError:
		    pass
		assert echo(held.fd) and q.ask("ping").line == "ok"
	EOF
}

@test "descriptors that a client sends are thrown away" {
	start_demo
	talk <<-'EOF'
		pid = Pool().ask("hello")["pid"]
		count = lambda: len(os.listdir(f"/proc/{pid}/fd"))
		p = Pool()
		before = wait_for("counted", count)
		for i in range(20):
		    socket.send_fds(p.s, [b"ping\n"], [0, 1, 2])
		    assert p.reply().line == "ok"
		assert count() <= before, (before, count())
	EOF
}

@test "a client that does not read is not read from, and delays nobody" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		p.s.settimeout(0.5)
		sent = 0
		try:
		    while sent < 200 * 1000 * 1000:
		        sent += p.s.send(b"help\n" * 1000)
		except (TimeoutError, BlockingIOError):
		    pass
		assert sent < 20 * 1000 * 1000, "the daemon took all of it"
		assert Pool().ask("ping").line == "ok"
		import threading
		p.s.settimeout(DEADLINE)
		last = threading.Thread(target=p.raw, args=(b"\n#end ping\n",))
		last.start()
		while p.reply().tag != "end":
		    pass
		last.join()
	EOF
}

@test "nothing leaks: descriptors and slots are the same after many claims" {
	start_demo
	talk <<-'EOF'
		pid = Pool().ask("hello")["pid"]
		count = lambda: len(os.listdir(f"/proc/{pid}/fd"))
		def settled():
		    c = counts("demo")
		    return c["unclaimed"] == 8 and c["claimed"] == 0
		wait_for("warm", settled)
		before = count()
		for i in range(50):
		    p = Pool()
		    for k in range(10):
		        r = p.ask("claim demo")
		        if k % 3 == 0:
		            p.ask("release " + r["claim"])
		        elif k % 3 == 1:
		            p.ask("release " + r["claim"] + " broken")
		    p.close()
		wait_for("all slots are back",
		    lambda: counts("demo")["claimed"] == 0)
		wait_for("no descriptor is left", lambda: count() <= before + 8)
	EOF
}

@test "clients wait to be accepted while descriptors are kept for slots" {
	command -v prlimit >/dev/null || skip "needs prlimit (util-linux)"
	start_echo echo1
	start_daemon -n pool -s "$QORB_SOCKET" prlimit --nofile=150:150 \
	    qorb-pool "demo=$ECHO_ADDR"
	talk <<-'EOF'
		got = [Pool() for i in range(100)]
		for p in got:
		    p.send("ping")
		    p.s.setblocking(False)
		served, waiting = [], got
		def look():
		    global waiting
		    rest = []
		    for p in waiting:
		        try:
		            assert p.reply().line == "ok"
		            p.s.settimeout(DEADLINE)
		            served.append(p)
		        except BlockingIOError:
		            rest.append(p)
		    waiting = rest
		    return len(served) >= 70
		# 150, less 16 for slots and 64 that the daemon keeps.
		wait_for("the first are served", look)
		assert len(served) == 70, len(served)
		r = served[0].ask("claim demo")
		assert echo(r.fd)
		for p in served[1:]:
		    p.close()
		for p in waiting:
		    p.s.settimeout(DEADLINE)
		    assert p.reply().line == "ok"
	EOF
	wait_for_text "$SCRATCH/pool.err" 'no new clients until some are free'
	wait_for_text "$SCRATCH/pool.err" 'new clients are accepted again'
}

# --- backends that fail -----------------------------------------------------

@test "a refused connection and a service without backends say which it is" {
	start_pool "down=[::1]:$(free_port)" 'none=_none._tcp.test.invalid' \
	    --dns "[::1]:$(free_port)"
	talk <<-'EOF'
		p = Pool()
		assert p.ask("claim down wait=100ms").code == "no-backends-online"
		assert p.ask("claim none wait=100ms").code == "no-backends"
		assert p.ask("claim none wait=0").code == "no-backends"
		row = p.ask("backends down").rows[0]
		assert row["state"] == "offline" and int(row["failures"]) > 0, row
		wait_for("the look-up failed",
		    lambda: stat("none")["resolver"] == "failing")
	EOF
}

@test "claims go on when a backend dies, and it is used again when it is back" {
	start_demo --set connector=echo
	stop_daemon echo1
	talk <<-'EOF'
		wait_for("seen", lambda: stat("demo", addr=os.environ["ADDR1"])
		    ["state"] == "offline")
		p = Pool()
		for i in range(20):
		    r = p.ask("claim demo")
		    assert r["addr"] == os.environ["ADDR2"] and echo(r.fd)
		    p.ask("release " + r["claim"])
		row = stat("demo", addr=os.environ["ADDR1"])
		assert int(row["connecting"]) == 1, row
	EOF
	start_daemon -n echo1 -r 'ready to accept' qorb-echo -q "$ADDR1"
	talk <<-'EOF'
		wait_for("back", lambda: stat("demo", addr=os.environ["ADDR1"])
		    ["state"] == "online")
		def used():
		    p = Pool()
		    # All there are: while it failed of late, others come first.
		    got = [p.ask("claim demo") for i in range(16)]
		    return os.environ["ADDR1"] in [r["addr"] for r in got]
		wait_for("used", used)
	EOF
}

@test "a backend that is in use again, or new, gets its share of a full pool" {
	start_demo --set spares-wanted=4
	start_echo echo3
	export ADDR3=$ECHO_ADDR
	talk <<-'EOF'
		p = Pool()
		one = os.environ["ADDR1"]
		unclaimed = lambda a: int(stat("demo", addr=a)["unclaimed"])
		assert p.ask("drain demo " + one).line == "ok"
		wait_for("all on the other",
		    lambda: unclaimed(os.environ["ADDR2"]) == 4)
		assert p.ask("undrain demo " + one).line == "ok"
		wait_for("its share", lambda: unclaimed(one) == 2)
		assert p.ask("advertise demo new " + os.environ["ADDR3"]).line == "ok"
		wait_for("the new one's share",
		    lambda: unclaimed(os.environ["ADDR3"]) >= 1)
		wait_for("no more than are wanted",
		    lambda: counts("demo")["unclaimed"] == 4)
	EOF
}

@test "a backend whose checks fail is taken out, one that lies is found out" {
	start_daemon -n liar -r ready python3 -u -c '
import socket, threading
s = socket.create_server(("::1", 0), family=socket.AF_INET6)
print("ready", s.getsockname()[1])
def serve(c):
    while c.recv(10):
        c.sendall(b"b")
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
'
	start_echo echo1
	port=$(awk '{ print $2 }' "$SCRATCH/liar.out")
	start_pool --set connector=echo --set health-interval=50ms \
	    "demo=[::1]:$port,$ECHO_ADDR"
	LIAR="[::1]:$port" talk <<-'EOF'
		wait_for("found out", lambda: int(stat("demo",
		    addr=os.environ["LIAR"])["failures"]) > 0)
	EOF
	wait_for_text "$SCRATCH/pool.err" 'health check failed: unexpected-answer'
}

@test "a pool of Unix sockets works like one of ports" {
	start_daemon -n uecho -s "$SCRATCH/echo.sock" \
	    socat "UNIX-LISTEN:$SCRATCH/echo.sock,fork" EXEC:cat
	start_pool "local=unix:$SCRATCH/echo.sock"
	talk <<-'EOF'
		p = Pool()
		r = p.ask("claim local")
		assert echo(r.fd) and r["addr"].startswith("unix:/"), r
		assert p.ask("release " + r["claim"]).line == "ok"
	EOF
	stop_daemon pool
	stop_daemon uecho 143
	rm -f "$SCRATCH/echo.sock"
}

@test "a claimed connection to a Unix socket that has ended is no proof of life" {
	start_daemon -n leaver -r ready python3 -uc '
import os, signal, socket
s = socket.socket(socket.AF_UNIX)
s.bind(os.environ["SCRATCH"] + "/leaver.sock")
s.listen()
print("ready")
c = s.accept()[0]
c.recv(1)
s.close()
c.close()
signal.pause()
'
	start_pool --set max-slots=1 --set when-offline=fail \
	    "local=unix:$SCRATCH/leaver.sock"
	talk <<-'EOF'
		p, e = Pool(), Pool()
		e.send("#e events local kinds=connection-lost")
		assert e.reply().line == "#e ok"
		r = p.ask("claim local")
		r.fd.send(b"x")
		row = e.reply()
		assert (row["slot"], row["reason"]) == (r["slot"], "gone"), row
		backend = next(b for b in p.ask("stats local").rows
		    if "backend" in b.args)
		assert backend["state"] == "offline", backend
		assert p.ask("claim local wait=5s").code == "no-backends-online"
		assert p.ask("release " + r["claim"]).line == "ok"
	EOF
	stop_daemon pool
	stop_daemon leaver 143
	rm -f "$SCRATCH/leaver.sock"
}

@test "a connection to a Unix socket that comes back half-closed is not lent" {
	start_daemon -n mute -r ready python3 -uc '
import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind(os.environ["SCRATCH"] + "/mute.sock")
s.listen()
print("ready")
kept = []
while True:
    kept.append(s.accept()[0])
'
	start_pool --set max-slots=1 "local=unix:$SCRATCH/mute.sock"
	talk <<-'EOF'
		p, e = Pool(), Pool()
		e.send("#e events local kinds=recycle-failed")
		assert e.reply().line == "#e ok"
		r = p.ask("claim local")
		assert p.ask("release " + r["claim"]).line == "ok"
		r = p.ask("claim local")
		r.fd.shutdown(socket.SHUT_WR)
		assert p.ask("release " + r["claim"]).line == "ok"
		row = e.reply()
		assert (row["slot"], row["reason"]) == (r["slot"], "half-closed"), row
		p.ask("claim local").fd.send(b"x")
	EOF
	stop_daemon pool
	stop_daemon mute 143
	rm -f "$SCRATCH/mute.sock"
}

# --- the manual -------------------------------------------------------------

@test "the manual and the completions name every policy" {
	names=$(sed -nE 's/^\t\{ "([a-z-]+)", POLICY_.*/\1/p' \
	    "$ROOT/libcommon/core/policy.c"
	    grep -oE 'X\((SPAN|COUNT|FAMILY|ANSWERS), [a-z_]+, "[a-z-]+"' \
	        "$ROOT/libcommon/core/resolve.h" | grep -oE '[a-z-]+"' |
	        tr -d '"')
	[[ $(wc -l <<<"$names") -ge 39 ]]
	for name in $names; do
		for file in docs/man/qorb-pool.8 completions/bash/qorb-pool \
		    completions/zsh/_qorb-pool \
		    completions/fish/qorb-pool.fish; do
			grep -qE "(^|[^a-z-])$name([^a-z-]|$)" "$ROOT/$file" || {
				echo "$name is not in $file"
				return 1
			}
		done
	done
}

# --- DNS --------------------------------------------------------------------

@test "backends come from DNS with their priority and weight, and go with it" {
	start_echo echo1
	ADDR1=$ECHO_ADDR
	start_echo echo2
	ADDR2=$ECHO_ADDR
	mkdir "$SCRATCH/zones"
	zone()
	{
		cat <<-EOF
			\$ORIGIN test.com.
			\$TTL 1
			@ SOA ns hostmaster 1 3600 600 86400 1
			@ NS ns
			ns AAAA ::1
			e1 AAAA ::1
			e2 AAAA ::1
			_echo._tcp SRV 10 20 ${ADDR1##*:} e1
		EOF
	}
	{
		zone
		echo "_echo._tcp SRV 10 30 ${ADDR2##*:} e2"
	} >"$SCRATCH/zones/test.com.zone"
	start_nsd "$SCRATCH/zones"
	start_pool --dns "$NSD_ADDR" demo=_echo._tcp.test.com
	export ADDR1 ADDR2
	talk <<-'EOF'
		rows = wait_for("both", lambda: (lambda r: r if len(r) == 2 else None)(
		    Pool().ask("backends demo").rows))
		by = {r["addr"]: r for r in rows}
		one = by[os.environ["ADDR1"]]
		assert one["source"] == "dns" and one["priority"] == "10", one
		assert one["weight"] == "20" and one["ttl"] == "1", one
		assert one["backend"].startswith("e1.test.com:"), one
		assert stat("demo")["resolver"] == "ok"
	EOF
	zone >"$SCRATCH/zones/test.com.zone"
	reload_nsd
	talk <<-'EOF'
		wait_for("gone", lambda: len(Pool().ask("backends demo").rows) == 1)
		assert Pool().ask("claim demo")["addr"] == os.environ["ADDR1"]
	EOF
}

# --- the end ----------------------------------------------------------------

@test "SIGTERM refuses who waits, gives who holds a while, and exits 0" {
	start_demo --set max-slots=1
	talk <<-'EOF'
		import signal
		p = Pool()
		pid = int(p.ask("hello")["pid"])
		held = p.ask("claim demo")
		p.send("#w claim demo")
		wait_for("queued", lambda: stat("demo")["waiting"] == "1")
		os.kill(pid, signal.SIGTERM)
		r = p.reply()
		assert (r.tag, r.code) == ("w", "terminated"), r
		assert p.ask("claim demo").code == "terminated"
		assert echo(held.fd)
		assert p.ask("release " + held["claim"]).line == "ok"
		assert p.reply() is None
	EOF
	wait_for has_ended "$(daemon_pid pool)"
	[[ ! -e $QORB_SOCKET ]]
	stop_daemon pool 2>/dev/null || true
}

@test "signals that mean nothing to it do not end it" {
	local signal
	start_demo
	for signal in USR1 USR2 XFSZ PIPE; do
		kill -s "$signal" "$(daemon_pid pool)"
	done
	run_ok ask ping
	assert_output ok
	stop_daemon pool
	[[ ! -e $QORB_SOCKET ]]
}

@test "terminate ends it, at once when there is no grace" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		held = p.ask("claim demo")
		assert p.ask("terminate grace=0").line == "ok"
		assert is_closed(held.fd)
		assert p.reply() is None
	EOF
	wait_for has_ended "$(daemon_pid pool)"
	[[ ! -e $QORB_SOCKET ]]
	stop_daemon pool 2>/dev/null || true
}

@test "terminate is for root and the daemon's own user" {
	[[ $EUID -eq 0 ]] || skip "needs root to be two users"
	start_pool 'a=[::1]:1'
	chmod 777 "$SCRATCH" "$QORB_SOCKET"
	run_ok setpriv --reuid 65534 --clear-groups \
	    socat -t 2 - "UNIX-CONNECT:$QORB_SOCKET" <<<terminate
	assert_output --partial 'error denied'
	run_ok ask ping
}

@test "a connection used by one user is never lent to another" {
	[[ $EUID -eq 0 ]] || skip "needs root to be two users"
	start_demo --set max-slots=1
	chmod 755 "$SCRATCH"
	chmod 777 "$QORB_SOCKET"
	talk <<-'EOF'
		import subprocess
		p = Pool()
		r = p.ask("claim demo")
		cookie = r.fd.cookie
		p.ask("release " + r["claim"])
		r = p.ask("claim demo")
		assert r.fd.cookie == cookie, "not even the same user"
		p.ask("release " + r["claim"])
		child = os.fork()
		if child == 0:
		    os.setgroups([])
		    os.setuid(65534)
		    r = Pool().ask("claim demo")
		    os._exit(1 if r.fd.cookie == cookie else 0)
		assert os.waitpid(child, 0)[1] == 0
	EOF
}
