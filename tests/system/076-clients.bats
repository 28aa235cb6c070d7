#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031  # what a test sets is for that test
#
# Clients that do not read, read slowly, ask for much at a time or leave half a
# connection: what they cost others, and what they get themselves.

load helpers
load talk

# --- clients that do not read -----------------------------------------------

@test "clients that leave connections unread keep nobody else from theirs" {
	[[ $EUID -eq 0 ]] || skip "needs root to run a daemon as another user"
	# Descriptors in flight count for a user, and nobody else is this one.
	local uid=$((60000 + $$ % 5000))
	setpriv --reuid "$uid" --clear-groups "$QORB_BIN/qorb-pool" --version ||
	    skip "another user cannot run the programs from here"
	start_echo echo1 -q
	chmod 755 "$SCRATCH"
	mkdir "$SCRATCH/run"
	chown "$uid" "$SCRATCH/run"
	export QORB_SOCKET=$SCRATCH/run/pool.sock
	start_daemon -n pool -s "$QORB_SOCKET" prlimit --nofile=400:400 \
	    setpriv --reuid "$uid" --clear-groups qorb-pool \
	    --set max-slots=64 --set max-count=64 "demo=$ECHO_ADDR"
	talk <<-'EOF'
		pid = Pool().ask("hello")["pid"]
		fds = lambda: len(os.listdir(f"/proc/{pid}/fd"))
		beside_slots = lambda: fds() - int(stat("demo")["slots"])
		p = Pool()
		def use(client):
		    r = client.ask("claim demo")
		    assert r.kind == "ok" and echo(r.fd), r
		    assert client.ask("release " + r["claim"]).line == "ok"
		    r.fd.close()
		    return int(r["claim"])
		use(p)
		wait_for("settled", lambda: counts("demo")["connecting"] == 0)
		before = beside_slots()
		made = lambda: int(stat("demo")["claims"])
		deaf = []
		for n in range(40):
		    deaf.append(Pool())
		    at, was = use(p), made()
		    deaf[-1].send(*[line for i in range(at + 1, at + 17)
		        for line in ("claim demo", f"release {i}")])
		    wait_for("they have claimed", lambda: made() > was)
		assert fds() < 350, fds()
		for n in range(20):
		    use(p)
		    use(Pool())
		# One that asks for many and reads them gets them all.
		p.send(*["claim demo"] * 100)
		left = 200
		while left > 0:
		    r = p.reply()
		    assert r.kind == "ok", r
		    left -= 1
		    if r.fd:
		        r.fd.close()
		        p.send("release " + r["claim"])
		for d in deaf:
		    d.close()
		wait_for("no descriptor is left", lambda:
		    beside_slots() <= before + 4)
	EOF
}

@test "clients that leave their replies unread for half a minute are closed" {
	start_demo --set max-slots=64 --set max-count=64 --set spares-wanted=8
	DEADLINE=60 talk <<-'EOF'
		import talk as t
		t.DEADLINE = 60
		admin = Pool()
		def held_by(p):
		    return [r for r in admin.ask("claims").rows
		        if r["client"] == p.name]
		def client(name):
		    p = Pool()
		    p.name = name
		    assert p.ask("hello client=" + name).kind == "ok"
		    return p
		# Too many bytes; too many connections; few, but it has said its last.
		bytes_, fds, ended, reader = map(client, ("b", "f", "e", "r"))
		bytes_.fill()
		first = int(admin.ask("claim demo")["claim"]) + 1
		fds.send(*[line for i in range(first, first + 600)
		    for line in ("claim demo", f"release {i}")])
		ended.send("claim demo", *["help"] * 200)
		ended.s.shutdown(socket.SHUT_WR)
		# It always has more to read than it reads.
		reader.fill()
		got = 0
		def reads_slowly():
		    global got
		    got += len(reader.s.recv(2000))
		    reader.fill()
		    return not held_by(ended) and not held_by(fds)
		wait_for("they have claims", lambda: held_by(ended))
		wait_for("their claims have ended", reads_slowly)
		assert got > 0
		reader.s.setblocking(False)
		reader.data = b""
		try:
		    while True:
		        assert reader.s.recv(65536), "closed after all"
		except BlockingIOError:
		    pass
	EOF
	wait_for has_closed_three
}

has_closed_three()
{
	[[ $(grep -c 'is closed: it left replies unread' "$SCRATCH/pool.err") -eq 3 ]]
}

# --- half a connection ------------------------------------------------------

@test "a client that has said its last gets the answers to it, however slowly it reads" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		p.send(*["help"] * 1000, "#last ping")
		p.s.shutdown(socket.SHUT_WR)
		oks = 0
		while (r := p.reply()).tag != "last":
		    oks += r.kind == "ok"
		assert oks == 1000 and r.line == "#last ok", (oks, r)
		assert p.reply() is None
	EOF
	# Also by the tools of a shell.
	for i in {1..2000}; do
		echo "advertise demo n$i [::1]:$i ttl=1h"
	done >"$SCRATCH/adverts"
	run_ok socat -t 5 - "UNIX-CONNECT:$QORB_SOCKET" <"$SCRATCH/adverts"
	assert_equal "$(sort -u <<<"$output")" ok
	run_ok socat -t 5 - "UNIX-CONNECT:$QORB_SOCKET" <<<'backends demo'
	assert_equal "${#lines[@]}" 2003
	assert_equal "${lines[-1]}" ok
}

@test "a claim of a client that has said its last is answered at once" {
	start_demo
	talk <<-'EOF'
		def last(*lines):
		    p = Pool()
		    p.send(*lines)
		    p.s.shutdown(socket.SHUT_WR)
		    return p
		p = last("#e events", "#w watch every=1h", "#a claim demo wait=0")
		lines = []
		while (line := p.line()) is not None:
		    lines.append(line)
		assert lines[0] == "#e ok" and "#w ok" in lines, lines
		assert any(line.startswith("#a ok claim=") for line in lines), lines
		assert len(p.fds) == 1
		q = Pool()
		assert q.ask("pause demo").line == "ok"
		p = last("#b claim demo wait=never")
		r = p.reply()
		assert (r.tag, r.code) == ("b", "cancelled"), r
		assert p.reply() is None
		assert stat("demo")["waiting"] == "0"
		assert counts("demo")["claimed"] == 0
	EOF
}

# --- streams ----------------------------------------------------------------

@test "a client, and a user, has so many streams and no more" {
	start_echo echo1 -q
	cat >"$SCRATCH/conf" <<-EOF
		[daemon]
		max-streams-per-client = 3
		max-streams-per-user = 5
		[pool demo]
		backends = $ECHO_ADDR
	EOF
	start_daemon -n pool -s "$QORB_SOCKET" qorb-pool -s "$QORB_SOCKET" \
	    -c "$SCRATCH/conf"
	talk <<-'EOF'
		p, q = Pool(), Pool()
		def ask(p, line):
		    p.send(line)
		    while (r := p.reply()).kind == "row":
		        pass
		    return r
		for line in ("#a watch every=1h", "#b events demo", "#c events"):
		    assert ask(p, line).line.endswith(" ok")
		for verb in ("watch", "events"):
		    r = ask(p, "#d " + verb)
		    assert (r.tag, r.code) == ("d", "too-many-streams"), r
		    assert "max-streams-per-client" in r.text, r
		for line in ("#a watch every=1h", "#b events demo"):
		    assert ask(q, line).line.endswith(" ok")
		r = ask(q, "#c events")
		assert r.code == "too-many-streams", r
		assert "max-streams-per-user" in r.text, r
		assert ask(p, "unwatch a").line == "ok"
		assert ask(q, "#c events").line == "#c ok"
		p.close()
		wait_for("theirs are free",
		    lambda: ask(Pool(), "#x watch").line == "#x ok")
	EOF
}

@test "what a stream has lost is told when its client has read the rest" {
	start_demo
	talk <<-'EOF'
		e, p = Pool(), Pool()
		e.send("#e events demo kinds=claim-start")
		assert e.reply().line == "#e ok"
		# More than its backlog and its socket take, and then no more events.
		sent = 0
		while sent < 20000:
		    p.send(*["claim demo wait=0 backend=none"] * 1000)
		    for i in range(1000):
		        assert p.reply().kind == "error"
		    sent += 1000
		seen = 0
		while (r := e.reply())["event"] == "claim-start":
		    seen += 1
		assert r["event"] == "lost", r
		assert seen + int(r["count"]) == sent, (seen, r, sent)
	EOF
}

# --- verbs that waited for room ---------------------------------------------

@test "a verb that had to wait for room is carried out before the daemon rests" {
	start_demo
	talk <<-'EOF'
		import select, signal
		p = Pool()
		pid = int(p.ask("hello")["pid"])
		row = sum(len(r.line) + 1 for r in p.ask("help").rows)
		for i in range(5):
		    w, c = Pool(), Pool()
		    assert p.ask("pause demo").line == "ok"
		    w.send("#w claim demo wait=never")
		    wait_for("queued", lambda: stat("demo")["waiting"] == "1")
		    # As much as its backlog takes; what follows has to wait.
		    c.send(*["help"] * (262144 // row + 1), "#last resume demo")
		    while (r := c.reply()).tag != "last":
		        pass
		    # It has answered, and rests: nothing else will happen now.
		    wait_for("at rest", lambda: process_state(pid) == "S")
		    stop_process(pid)
		    try:
		        assert select.select([w.s], [], [], 0)[0], "not granted yet"
		    finally:
		        os.kill(pid, signal.SIGCONT)
		    w.close(), c.close()
	EOF
}

# --- memory -----------------------------------------------------------------

# Counts what a process allocates in the file $COUNT_FILE.
make_counter()
{
	cat >"$SCRATCH/count.c" <<-'EOF'
		#include <fcntl.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <unistd.h>

		extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t),
		    *__libc_realloc(void *, size_t);
		static unsigned long dummy, *count = &dummy;

		__attribute__((constructor)) static void
		begin(void)
		{
			int fd = open(getenv("COUNT_FILE"), O_RDWR);
			void *p = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);

			close(fd);
			if (p != MAP_FAILED)
				count = p;
		}

		void *malloc(size_t n) { ++*count; return __libc_malloc(n); }
		void *calloc(size_t a, size_t n) { ++*count; return __libc_calloc(a, n); }
		void *realloc(void *p, size_t n) { ++*count; return __libc_realloc(p, n); }
	EOF
	export COUNT_FILE=$SCRATCH/count
	head -c 8 /dev/zero >"$COUNT_FILE"
	cc -shared -fPIC -o "$SCRATCH/count.so" "$SCRATCH/count.c"
}

@test "nothing is allocated between a claim's line and its grant" {
	! nm "$QORB_BIN/qorb-pool" 2>/dev/null | grep -q __asan_init ||
	    skip "a sanitizer has the allocator"
	make_counter || skip "cannot count here what is allocated"
	start_echo echo1 -q
	start_daemon -n pool -s "$QORB_SOCKET" env \
	    LD_PRELOAD="$SCRATCH/count.so" qorb-pool --set max-slots=200 \
	    --set max-count=200 --set spares-wanted=200 "demo=$ECHO_ADDR"
	talk <<-'EOF'
		def count():
		    with open(os.environ["COUNT_FILE"], "rb") as f:
		        return struct.unpack("l", f.read(8))[0]
		assert count() > 0
		wait_for("warm", lambda: counts("demo")["unclaimed"] == 200)
		def claim(p, n):
		    p.send(*["claim demo"] * n)
		    return [p.reply() for i in range(n)]
		def release(p, got):
		    p.send(*["release " + r["claim"] for r in got])
		    for r in got:
		        r.fd.close()
		        assert p.reply().line == "ok"
		# The loop learns of all connections; every client is a new one.
		for n in (200, 1, 12, 200):
		    p = Pool()
		    assert p.ask("ping").line == "ok"
		    before = count()
		    got = claim(p, n)
		    assert p.ask("ping").line == "ok"
		    taken = count() - before
		    release(p, got)
		    assert p.ask("ping").line == "ok"
		    assert taken == 0, (n, taken)
		    assert count() == before, (n, count() - before)
	EOF
}
