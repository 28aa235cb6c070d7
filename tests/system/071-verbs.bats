#!/usr/bin/env bats
#
# Every verb of the line protocol that 070-pool.bats leaves out: what it does,
# the keys of its rows, its errors, and who may say it.

load helpers
load talk

# --- rows -------------------------------------------------------------------

@test "the rows of each verb have exactly the words that the manual names" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		p.ask("hello client=me")
		r = p.ask("claim demo")
		def keys(line, words):
		    rows = p.ask(line).rows
		    assert rows, line
		    for row in rows:
		        assert set(row.args) == set(words.split()), (line, row)
		    return rows
		keys("help", "verb usage help")
		keys("pools", "pool service backends online slots claimed "
		    "unclaimed waiting")
		keys("backends demo", "backend addr source priority weight ttl "
		    "state connecting unclaimed checking claimed failures")
		row = keys("claims demo", "claim pool slot addr pid uid client "
		    "held_us")[0]
		assert (row["claim"], row["slot"]) == (r["claim"], r["slot"]), row
		assert row["pid"] == str(os.getpid()), row
		assert row["uid"] == str(os.getuid()), row
		assert (row["client"], row["pool"]) == ("me", "demo"), row
		assert row["addr"] == r["addr"], row
		assert len(p.ask("claims").rows) == 1
		rows = keys("slots demo", "slot backend addr state age_us idle_us "
		    "claims")
		assert len(rows) == int(stat("demo")["slots"])
		held = [row for row in rows if row["state"] == "claimed"]
		assert [row["slot"] for row in held] == [r["slot"]], held
		assert held[0]["claims"] == "1" and held[0]["idle_us"] == "0", held
		rows = keys("policy demo", "name value default")
		by = {row["name"]: row for row in rows}
		assert by["max-slots"].line == \
		    "* name=max-slots value=16 default=16", by["max-slots"]
		assert by["tcp-keepalive"]["value"] == "30s,10s,3"
		assert len(by) == len(rows) >= 36
	EOF
}

@test "metrics: what only grows, of the pool and of each backend" {
	start_echo second -q
	export ECHO_ADDR
	start_pool --set max-slots=2 --set spares-wanted=2 \
	    "demo=$ECHO_ADDR,[::1]:$(free_port)" none=none
	wait_for eval 'ask "stats demo" | grep -q "unclaimed=1"'
	talk <<-'EOF'
		p = Pool()
		def metrics(pool):
		    rows = p.ask("metrics " + pool).rows
		    assert {row["pool"] for row in rows} == {pool}, rows
		    return rows
		def one(name, pool="demo"):
		    row, = [r for r in metrics(pool) if r["name"] == name]
		    return row
		def counts(row):
		    return [int(w.split("=")[1]) for w in row.line.split()
		        if w.startswith("le_")]
		assert one("limits").line == \
		    "* pool=demo name=limits max_slots=2 max_waiting=4096"
		held = p.ask("claim demo")
		assert p.ask("claim demo wait=0").code == "all-claims-used"
		refused = {r["code"]: r["value"] for r in metrics("demo")
		    if r["name"] == "refused"}
		assert refused == {"no-backends": "0", "no-backends-online": "0",
		    "all-claims-used": "1", "overloaded": "0",
		    "cancelled": "0", "terminated": "0"}, refused
		wait = one("wait")
		assert wait["count"] == "1" and len(counts(wait)) == 21, wait
		assert counts(wait) == sorted(counts(wait))
		assert wait["le_60000000us"] == "1", wait
		assert one("hold")["count"] == "0"
		p.ask("release " + held["claim"])
		hold = one("hold")
		assert hold["count"] == hold["le_60000000us"] == "1", hold
		assert int(hold["sum_us"]) >= 0
		assert int(one("connect")["count"]) >= 1
		wait_for("a failure", lambda: int(one("failures")["value"]) > 0)
		up, down = [r for r in metrics("demo") if r["name"] == "backend"]
		assert up["addr"] == os.environ["ECHO_ADDR"], up
		assert int(up["connects"]) >= 1 and up["failures"] == "0", up
		assert down["connects"] == "0" and int(down["failures"]) > 0, down
		assert one("connect")["count"] == up["connects"]
		# What a backend leaves behind stays when it goes.
		p.ask("set demo max-slots=8 max-connection-backoff=100ms")
		assert p.ask("advertise demo gone " + down["addr"]).kind == "ok"
		wait_for("it fails", lambda: [r for r in metrics("demo")
		    if r.line.find(" backend=gone ") > 0 and
		    int(r["failures"]) > 0])
		before = int(one("failures")["value"])
		p.ask("withdraw demo gone")
		wait_for("it is gone",
		    lambda: "gone" not in str([r.line for r in metrics("demo")]))
		assert int(one("failures")["value"]) >= before
		assert counts(one("wait", "none")) == [0] * 21
		assert {r["pool"] for r in p.ask("metrics").rows} == \
		    {"demo", "none"}
	EOF
}

@test "why: evidence on the pool, its sources and each backend" {
	start_pool "demo=[::1]:$(free_port)" none=_none._tcp.test.invalid \
	    --dns "[::1]:$(free_port)"
	talk <<-'EOF'
		p, q = Pool(), Pool()
		q.send("#a claim demo wait=never")
		wait_for("queued", lambda: stat("demo")["waiting"] == "1")
		wait_for("tried", lambda: int(
		    Pool().ask("backends demo").rows[0]["failures"]) > 0)
		rows = p.ask("why demo").rows
		pool, source, backend = rows
		assert pool.line.startswith("* pool=demo state=running "), pool
		assert pool["waiting"] == "1" and int(pool["oldest_wait_us"]) > 0
		for key in ("max-waiting", "slots", "max-slots", "backends",
		    "online", "next_retry_us"):
		    assert pool[key].isdigit(), (key, pool)
		assert source.line.startswith(
		    "* source=static resolver=none"), source
		assert "advertised_age_us" not in source.args, source
		assert backend.line.startswith("* backend="), backend
		assert backend["state"] == "offline"
		assert backend["priority"] == backend["weight"] == "0"
		assert backend["last_error"] == "refused", backend
		assert int(backend["last_error_age_us"]) >= 0
		assert int(backend["next_retry_us"]) >= 0
		p.ask("claim demo wait=0")
		assert p.ask("why demo").rows[0]["refused-no-backends-online"] == "1"
		assert p.ask("advertise demo n [::1]:1").line == "ok"
		source = p.ask("why demo").rows[1]
		assert source["advertised"] == "1", source
		assert int(source["advertised_age_us"]) >= 0, source
		p.ask("advertise demo w [::1]:2 priority=3 weight=7")
		told = [r for r in p.ask("why demo").rows if "priority" in r.args]
		assert {(r["priority"], r["weight"]) for r in told} == {
		    ("0", "0"), ("3", "7")}, told
		r = p.ask("advertise demo n [::1]:0")
		assert r.text.endswith("from 1 to 65535"), r
		wait_for("the look-up failed",
		    lambda: stat("none")["resolver"] == "failing")
		rows = p.ask("why none").rows
		assert rows[1]["source"] == "_none._tcp.test.invalid", rows
		assert rows[2]["source"] == "dns" and rows[2]["error"], rows
	EOF
}

@test "help names every verb, with a usage that begins with it" {
	start_pool 'a=[::1]:1'
	talk <<-'EOF'
		p = Pool()
		for row in p.ask("help").rows:
		    usage = row["usage"].replace("%20", " ").replace("%3D", "=")
		    assert usage.split(" ")[0] == row["verb"], row
		    one = p.ask("help " + row["verb"]).rows
		    assert [r.line for r in one] == [row.line], one
	EOF
}

# --- errors -----------------------------------------------------------------

@test "each wrong use of a verb is answered with its error, and harms nothing" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		holder = Pool()
		held = holder.ask("claim demo")
		a = os.environ["ADDR1"]
		for line, code in [
		    ("pick", "bad-argument"), ("pick nosuch", "no-such-pool"),
		    ("pick demo backend=nobody", "no-such-backend"),
		    ("pick demo key=a backend=" + a, "bad-argument"),
		    ("pick demo wait=1s", "bad-argument"),
		    ("why", "bad-argument"), ("why nosuch", "no-such-pool"),
		    ("events", "tag-needed"), ("#e events nosuch", "no-such-pool"),
		    ("#e events demo demo", "bad-argument"),
		    ("#e events every=1s", "bad-argument"),
		    ("#e events kinds=", "bad-value"),
		    ("#e events kinds=nosuch", "bad-value"),
		    ("#e events kinds=claim-done,", "bad-value"),
		    ("#e events kinds=,claim-done", "bad-value"),
		    ("#w watch nosuch", "no-such-pool"),
		    ("#w watch every=0", "bad-value"),
		    ("slots", "bad-argument"), ("slots nosuch", "no-such-pool"),
		    ("claims nosuch", "no-such-pool"),
		    ("metrics nosuch", "no-such-pool"),
		    ("metrics demo demo", "bad-argument"),
		    ("policy", "bad-argument"), ("policy nosuch", "no-such-pool"),
		    ("advertise demo", "bad-argument"),
		    ("advertise demo n", "bad-argument"),
		    ("advertise nosuch n [::1]:1", "no-such-pool"),
		    ("advertise demo n ::1", "bad-value"),
		    ("advertise demo n [::1]:0", "bad-value"),
		    ("advertise demo n [::1]:65536", "bad-value"),
		    ("advertise demo " + "n" * 320 + " [::1]:1", "bad-value"),
		    ("advertise demo n [::1]:1 priority=65536", "bad-value"),
		    ("advertise demo n [::1]:1 weight=-1", "bad-value"),
		    ("advertise demo n [::1]:1 ttl=0", "bad-value"),
		    ("advertise demo n [::1]:1 ttl=soon", "bad-value"),
		    ("advertise demo n [::1]:1 wait=1s", "bad-argument"),
		    ("withdraw demo", "bad-argument"),
		    ("withdraw nosuch n", "no-such-pool"),
		    ("withdraw demo n", "no-such-backend"),
		    ("withdraw demo " + a, "no-such-backend"),
		    ("withdraw demo n mine", "bad-argument"),
		    ("withdraw demo n own own", "bad-argument"),
		    ("withdraw demo n addr=", "bad-value"),
		    ("withdraw demo n addr=nowhere", "bad-value"),
		    ("withdraw demo n own", "no-such-backend"),
		    ("withdraw demo n addr=[::1]:1", "no-such-backend"),
		    ("drain demo", "bad-argument"), ("drain nosuch n", "no-such-pool"),
		    ("drain demo nobody", "no-such-backend"),
		    ("undrain demo nobody", "no-such-backend"),
		    ("pause", "bad-argument"), ("pause nosuch", "no-such-pool"),
		    ("resume nosuch", "no-such-pool"),
		    ("revoke", "bad-argument"), ("revoke x", "bad-value"),
		    ("revoke -1", "bad-value"), ("revoke 999999", "no-such-claim"),
		    ("release " + held["claim"], "no-such-claim"),
		    ("resolve", "bad-argument"), ("resolve nosuch", "no-such-pool"),
		    ("resolve demo", "resolve-failed"),
		    ("set", "bad-argument"), ("set demo", "bad-argument"),
		    ("set nosuch max-slots=1", "no-such-pool"),
		    ("set demo maxslots=1", "bad-argument"),
		    ("set demo max-slots", "bad-argument"),
		    ("set demo max-slots=0", "bad-value"),
		    ("set demo max-slots=many", "bad-value"),
		    ("set demo max-slots=1 max-slots=2", "bad-argument"),
		    ("#" + "t" * 33 + " ping", "bad-syntax"),
		    ("ping a=b=c", "bad-syntax"), ("ping %00", "bad-syntax"),
		    ("ping " + "a " * 65, "bad-argument"),
		]:
		    r = p.ask(line)
		    assert r.kind == "error" and r.code == code, (line, r)
		    assert len(r.text) > 3, r
		assert p.ask("ping").line == "ok"
		assert echo(held.fd)
		rows = p.ask("policy demo").rows
		assert all(row["value"] == row["default"] for row in rows), rows
	EOF
}

@test "what a client sent comes back in an error as text that harms no terminal" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		for word in ("%FF%FE", "%1B[2J", "%C2%9B2J", "%0Aok", "%E2%80%AE",
		    "x" * 199 + "%C3%A9", "%7F"):
		    r = p.ask("stats " + word)
		    assert r.code == "no-such-pool", r
		    assert all(c.isprintable() for c in r.line), r
		assert "\u00e9" in p.ask("stats %C3%A9").text
		assert p.ask("ping").line == "ok"
	EOF
}

@test "a connection has 4,096 claims and no more, waiting ones too" {
	start_demo --set max-slots=4 --set max-waiting=5000
	talk <<-'EOF'
		p = Pool()
		p.send(*("#c%d claim demo wait=never" % i for i in range(4096)))
		held = [p.reply() for i in range(4)]
		assert all(r.kind == "ok" for r in held), held
		wait_for("queued", lambda: stat("demo")["waiting"] == "4092")
		assert p.ask("claim demo wait=0").code == "too-many-claims"
		assert Pool().ask("claim demo wait=0").code == "all-claims-used"
		assert p.ask("release " + held[0]["claim"]).line == "ok"
		r = p.reply()
		assert (r.tag, r.kind) == ("c4", "ok"), r
		p.send("cancel c4095")
		assert (p.reply().code, p.reply().line) == ("cancelled", "ok")
		assert p.ask("claim demo wait=0").code == "all-claims-used"
	EOF
}

@test "a queue that is full answers overloaded at once" {
	start_demo --set max-slots=1 --set max-waiting=2
	talk <<-'EOF'
		p = Pool()
		p.ask("claim demo")
		p.send("#a claim demo", "#b claim demo", "#c claim demo")
		r = p.reply()
		assert (r.tag, r.code) == ("c", "overloaded"), r
		assert stat("demo")["waiting"] == "2"
	EOF
}

# --- streams ----------------------------------------------------------------

@test "events: each has the arguments of its kind, in the order of its life" {
	start_demo
	talk <<-'EOF'
		e = Pool()
		assert e.ask("#e events").line == "#e ok"
		p = Pool()
		r = p.ask("claim demo")
		p.ask("release " + r["claim"])
		seen = []
		def until(name):
		    while True:
		        row = e.reply()
		        assert row.tag == "e" and row.kind == "row", row
		        assert row.line.startswith("#e * t="), row
		        float(row["t"])
		        seen.append(row)
		        if row["event"] == name:
		            return row
		row = until("client-connected")
		assert row["pid"] == str(os.getpid()), row
		assert row["uid"] == str(os.getuid()), row
		until("claim-start")
		row = until("handle-claimed")
		for key in ("claim", "addr", "slot"):
		    assert row[key] == r[key], (key, row)
		assert row["pool"] == "demo"
		row = until("handle-returned")
		assert row["claim"] == r["claim"] and row["how"] == "ok", row
		until("recycle-start")
		p.close()
		until("client-gone")
		changes = [(s["old"], s["new"]) for s in seen
		    if s["event"] == "slot-state-change"
		    and s["slot"] == r["slot"]]
		assert changes[0] == ("unclaimed", "claimed"), changes
		assert changes[1] == ("claimed", "checking"), changes
		import json
		for s in seen:
		    if s["event"] == "slot-state-change":
		        counts = json.loads(s["stats"])
		        assert set(counts) == {"connecting", "unclaimed",
		            "checking", "claimed"}, s
		e.send("unwatch e")
		while (row := e.reply()).tag == "e":
		    pass
		assert row.line == "ok"
		Pool().ask("ping")
		assert e.ask("ping").line == "ok"
	EOF
}

@test "events of one pool are of that pool alone" {
	start_echo echo1 -q
	start_pool "a=$ECHO_ADDR" "b=$ECHO_ADDR"
	talk <<-'EOF'
		wait_for("warm", lambda: counts("a")["unclaimed"] and
		    counts("b")["unclaimed"])
		e = Pool()
		assert e.ask("#e events b").line == "#e ok"
		assert e.ask("#e events a").code == "tag-in-use"
		assert e.ask("#e ping").code == "tag-in-use"
		for pool in "ab":
		    p = Pool()
		    p.ask("release " + p.ask("claim " + pool)["claim"])
		    p.close()
		while True:
		    row = e.reply()
		    assert row["pool"] == "b", row
		    if row["event"] == "handle-returned":
		        break
	EOF
}

@test "a claim that is held for too long is told of, and counted" {
	start_demo --set leak-after=10ms
	talk <<-'EOF'
		p, e = Pool(), Pool()
		assert e.ask("#e events kinds=claim-leak").line == "#e ok"
		def leaks():
		    return [r["value"] for r in p.ask("metrics demo").rows
		        if r["name"] == "leaks"]
		assert leaks() == ["0"]
		r = p.ask("claim demo")
		row = e.reply()
		assert (row["event"], row["claim"]) == ("claim-leak", r["claim"])
		assert leaks() == ["1"]
		assert p.ask("why demo").rows[0]["leaks"] == "1"
		assert p.ask("release " + r["claim"]).line == "ok"
	EOF
}

@test "events of some kinds are of these alone, for each reader" {
	start_demo
	talk <<-'EOF'
		all, some, none = Pool(), Pool(), Pool()
		assert all.ask("#e events").line == "#e ok"
		assert some.ask("#e events demo kinds=handle-returned,"
		    "handle-claimed").line == "#e ok"
		assert none.ask("#e events kinds=claim-leak").line == "#e ok"
		p = Pool()
		claim = p.ask("claim demo")["claim"]
		p.ask("release " + claim)
		assert [some.reply()["event"] for _ in range(2)] == \
		    ["handle-claimed", "handle-returned"]
		seen = set()
		while "handle-returned" not in seen:
		    seen.add(all.reply()["event"])
		assert seen >= {"claim-start", "claim-done", "handle-claimed"}
		# The one that wants all has gone: the others have what they want.
		all.ask("unwatch e")
		p.ask("release " + p.ask("claim demo")["claim"])
		assert [some.reply()["event"] for _ in range(2)] == \
		    ["handle-claimed", "handle-returned"]
		assert none.ask("ping").line == "ok"
	EOF
}

@test "a reader of events that is too slow loses some and is told how many" {
	start_demo --set max-slots=64 --set spares-wanted=64 --set max-count=64
	talk <<-'EOF'
		e = Pool()
		assert e.ask("#e events demo").line == "#e ok"
		p = Pool()
		# More than the kernel and the daemon keep for one reader.
		for i in range(400):
		    p.send(*["claim demo"] * 32)
		    got = [p.reply() for i in range(32)]
		    assert all(r.kind == "ok" for r in got), got
		    p.send(*("release " + r["claim"] for r in got))
		    assert all(p.reply().line == "ok" for r in got)
		    for r in got:
		        r.fd.close()
		lost = 0
		rows = 0
		import threading
		stop = threading.Event()
		def go_on(): # each event may be the one that finds room again
		    q = Pool()
		    while not stop.is_set():
		        r = q.ask("claim demo")
		        q.ask("release " + r["claim"])
		        r.fd.close()
		t = threading.Thread(target=go_on)
		t.start()
		try:
		    while True:
		        row = e.reply()
		        rows += 1
		        if row["event"] == "lost":
		            assert row.line.startswith("#e * event=lost count=")
		            lost = int(row["count"])
		            break
		finally:
		    stop.set()
		    t.join()
		assert lost > 1000 and rows > 100, (lost, rows)
		assert Pool().ask("ping").line == "ok"
	EOF
}

@test "watch without a pool shows all; a stream ends with its connection" {
	start_echo echo1 -q
	start_pool "a=$ECHO_ADDR" "b=$ECHO_ADDR"
	talk <<-'EOF'
		w = Pool()
		assert w.ask("#w watch every=20ms").line == "#w ok"
		seen = set()
		while not (row := w.reply()).line.startswith("#w * end t="):
		    seen.add(row["pool"])
		assert seen == {"a", "b"}, seen
		w.send("#v watch b every=20ms")
		while w.reply().line != "#v ok":
		    pass
		while (row := w.reply()).tag != "v":
		    pass
		assert row["pool"] == "b", row
		w.close()
		assert Pool().ask("ping").line == "ok"
	EOF
}

# --- pick, claims by name and key -------------------------------------------

@test "pick says what a claim would use, and takes nothing" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		r = p.ask("pick demo")
		assert set(r.args) == {"backend", "addr"}, r
		one = p.ask("claim demo")
		r = p.ask("pick demo")
		assert r["addr"] != one["addr"], "one has a claim more"
		assert p.ask("claim demo")["addr"] == r["addr"]
		for addr in (os.environ["ADDR1"], os.environ["ADDR2"]):
		    r = p.ask("pick demo backend=" + addr)
		    assert r["backend"] == addr and r["addr"] == addr, r
		for i in range(20):
		    key = f"key=user%20{i}"
		    r = p.ask("pick demo " + key)
		    c = p.ask("claim demo " + key)
		    assert c["addr"] == r["addr"], (key, r, c)
		    p.ask("release " + c["claim"])
		assert counts("demo")["claimed"] == 2
	EOF
}

@test "pick says why there is nothing to pick" {
	start_pool "down=[::1]:$(free_port)" none=_none._tcp.test.invalid \
	    --dns "[::1]:$(free_port)"
	talk <<-'EOF'
		p = Pool()
		wait_for("offline", lambda: int(
		    Pool().ask("backends down").rows[0]["failures"]) > 0)
		assert p.ask("pick down").code == "no-backends-online"
		assert p.ask("pick down key=x").code == "no-backends-online"
		assert p.ask("pick none").code == "no-backends"
		assert p.ask("pick none key=x").code == "no-backends"
	EOF
}

@test "a key's backend that is drained is replaced, and comes back" {
	start_demo --set rebalance-interval=100ms
	talk <<-'EOF'
		p = Pool()
		first = p.ask("pick demo key=k")["backend"]
		assert p.ask("drain demo " + first).line == "ok"
		r = p.ask("claim demo key=k")
		assert r["backend"] != first, r
		p.ask("release " + r["claim"])
		assert p.ask("undrain demo " + first).line == "ok"
		wait_for("back",
		    lambda: p.ask("pick demo key=k").args.get("backend") == first)
	EOF
}

# --- leases and revoke ------------------------------------------------------

@test "the end of a lease, and revoke, are events with their reason" {
	start_demo
	talk <<-'EOF'
		e = Pool()
		e.ask("#e events demo")
		def until(name):
		    while (row := e.reply())["event"] != name:
		        pass
		    return row
		p = Pool()
		a = p.ask("claim demo lease=20ms")
		row = until("lease-ended")
		assert row["claim"] == a["claim"] and row["how"] == "lease", row
		b = p.ask("claim demo")
		assert Pool().ask("revoke " + b["claim"]).line == "ok"
		row = until("lease-ended")
		assert row["claim"] == b["claim"] and row["how"] == "revoked", row
		assert is_closed(a.fd) and is_closed(b.fd)
		for r in (a, b):
		    assert p.ask("release " + r["claim"]).code == "no-such-claim"
	EOF
}

@test "max-hold is the lease of those who ask for none" {
	start_demo --set max-hold=50ms
	talk <<-'EOF'
		p = Pool()
		r = p.ask("claim demo")
		assert is_closed(r.fd)
		assert p.ask("release " + r["claim"]).code == "no-such-claim"
		r = p.ask("claim demo lease=never")
		s = p.ask("claim demo")
		assert is_closed(s.fd)
		assert echo(r.fd), "it asked for longer"
	EOF
}

@test "revoke and release in one write, in both orders and twice" {
	start_demo --set max-slots=4
	talk <<-'EOF'
		p = Pool()
		for i in range(20):
		    r = p.ask("claim demo")
		    id = r["claim"]
		    p.send(f"revoke {id}", f"release {id}", f"revoke {id}")
		    got = [p.reply() for k in range(3)]
		    assert [g.code for g in got] == [None, "no-such-claim",
		        "no-such-claim"], got
		    assert is_closed(r.fd)
		    r = p.ask("claim demo")
		    id = r["claim"]
		    p.send(f"release {id}", f"revoke {id}", f"release {id}")
		    got = [p.reply() for k in range(3)]
		    assert [g.code for g in got] == [None, "no-such-claim",
		        "no-such-claim"], got
		# A claim that waits cannot be revoked: it has no connection.
		held = [p.ask("claim demo") for i in range(4)]
		p.send("#w claim demo")
		p.ask("ping")
		next_id = int(held[-1]["claim"]) + 1
		assert p.ask(f"revoke {next_id}").code == "no-such-claim"
		q = Pool()
		q.send(*("revoke " + h["claim"] for h in held))
		assert all(q.reply().line == "ok" for h in held)
		r = p.reply()
		assert r.tag == "w" and echo(r.fd), r
		p.close()
		wait_for("all slots are back", lambda: counts("demo")["claimed"] == 0)
	EOF
}

@test "a claim that is revoked as its client goes is ended once" {
	start_demo --set max-slots=4
	talk <<-'EOF'
		for i in range(50):
		    p, q = Pool(), Pool()
		    r = p.ask("claim demo")
		    q.send("revoke " + r["claim"])
		    p.close()
		    q.reply()
		wait_for("all slots are back", lambda: counts("demo")["claimed"] == 0)
		assert Pool().ask("claims demo").rows == []
	EOF
}

@test "claims that end in every way at once harm nobody" {
	start_demo --set max-slots=3 --set spares-wanted=3
	talk <<-'EOF'
		import random
		random.seed(5)
		for i in range(300):
		    ps = [Pool() for k in range(3)]
		    held = [p.ask("claim demo wait=5s") for p in ps]
		    for k, p in enumerate(ps):
		        p.send(f"#w{k} claim demo wait=1ms", f"#x{k} claim demo")
		    todo = [lambda: ps[0].send("release " + held[0]["claim"]),
		        lambda: ps[1].send("revoke " + held[0]["claim"],
		            "revoke " + held[2]["claim"], "cancel w1"),
		        lambda: ps[2].send("cancel x2",
		            "release " + held[2]["claim"] + " broken")]
		    random.shuffle(todo)
		    for f in todo[:random.randrange(4)]:
		        f()
		    random.shuffle(ps)
		    for p in ps:
		        p.close()
		    for r in held:
		        r.fd.close()
		wait_for("all slots are back", lambda: counts("demo")["claimed"] == 0)
		assert stat("demo")["waiting"] == "0"
		p = Pool()
		assert all(echo(p.ask("claim demo").fd) for i in range(3))
	EOF
}

# --- drain, pause -----------------------------------------------------------

@test "a drained backend gets no new claim, and claims held go on" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		one, two = os.environ["ADDR1"], os.environ["ADDR2"]
		held = p.ask("claim demo backend=" + one)
		assert p.ask("drain demo " + one).line == "ok"
		assert p.ask("drain demo " + one).line == "ok"
		assert stat("demo", backend=one)["state"] == "draining"
		for i in range(8):
		    r = p.ask("claim demo")
		    assert r["addr"] == two and echo(r.fd), r
		    p.ask("release " + r["claim"])
		r = p.ask("claim demo wait=50ms backend=" + one)
		assert r.kind == "error", r
		assert echo(held.fd)
		assert p.ask("release " + held["claim"]).line == "ok"
		wait_for("its connections are closed", lambda: all(
		    stat("demo", backend=one)[k] == "0"
		    for k in ("unclaimed", "claimed", "checking")))
		assert p.ask("undrain demo " + one).line == "ok"
		r = p.ask("claim demo backend=" + one)
		assert r["addr"] == one and echo(r.fd), r
	EOF
}

@test "a paused pool queues, its claims' time runs on, and resume grants" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		held = p.ask("claim demo")
		assert p.ask("pause demo").line == "ok"
		assert p.ask("pause demo").line == "ok"
		assert p.ask("why demo").rows[0]["state"] == "paused"
		r = p.ask("claim demo wait=30ms")
		assert r.kind == "error", r
		assert p.ask("claim demo wait=0").kind == "error"
		p.send("#a claim demo", "#b claim demo")
		assert p.ask("release " + held["claim"]).line == "ok"
		wait_for("queued", lambda: stat("demo")["waiting"] == "2")
		assert p.ask("resume demo").line == "ok"
		got = [p.reply(), p.reply()]
		assert [r.tag for r in got] == ["a", "b"], got
		assert all(echo(r.fd) for r in got)
		assert p.ask("why demo").rows[0]["state"] == "running"
		assert p.ask("resume demo").line == "ok"
	EOF
}

# --- set --------------------------------------------------------------------

@test "set changes all of its line or nothing" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		def policy():
		    return {r["name"]: r["value"] for r in p.ask("policy demo").rows}
		before = policy()
		for line, code in [
		    ("max-slots=4 max-count=x", "bad-value"),
		    ("max-slots=4 maxcount=2", "bad-argument"),
		    ("max-slots=4 min-connection-backoff=1m "
		        "max-connection-backoff=1s", "bad-value")]:
		    r = p.ask("set demo " + line)
		    assert r.code == code, (line, r)
		    assert policy() == before, line
		assert p.ask("set demo max-slots=4 health-interval=250ms "
		    "balance=p2c tcp-keepalive=10s,5s,2").line == "ok"
		after = policy()
		assert after["max-slots"] == "4" and after["balance"] == "p2c"
		assert after["health-interval"] == "250ms"
		assert after["tcp-keepalive"] == "10s,5s,2"
		rows = {r["name"]: r for r in p.ask("policy demo").rows}
		assert rows["max-slots"]["default"] == "16"
		wait_for("shrunk", lambda: int(stat("demo")["slots"]) <= 4)
		assert p.ask("set demo max-slots=12 spares-wanted=12").line == "ok"
		wait_for("grown", lambda: int(stat("demo")["slots"]) == 12)
	EOF
}

@test "what policy shows, set takes back as it is" {
	start_demo
	talk <<-'EOF'
		p = Pool()
		rows = p.ask("policy demo").rows
		for r in rows:
		    line = f"set demo {r['name']}={r['value']}"
		    if r["name"] == "state-file": # a path is for the configuration
		        assert p.ask(line).code == "denied", line
		    else:
		        assert p.ask(line).line == "ok", line
		assert [r.line for r in p.ask("policy demo").rows] == \
		    [r.line for r in rows]
	EOF
}

# --- advertise, withdraw ----------------------------------------------------

@test "an advertised backend is used, and goes with its advertiser" {
	start_echo more -q
	export MORE=$ECHO_ADDR
	start_demo
	talk <<-'EOF'
		more = os.environ["MORE"]
		a, p = Pool(), Pool()
		assert a.ask(f"advertise demo more {more} priority=0 weight=7")\
		    .line == "ok"
		row = [r for r in p.ask("backends demo").rows
		    if r["backend"] == "more"][0]
		assert row["source"] == "advertised" and row["addr"] == more, row
		assert (row["priority"], row["weight"], row["ttl"]) == \
		    ("0", "7", "0"), row
		r = p.ask("claim demo backend=more")
		assert r["addr"] == more and r["backend"] == "more", r
		a.close()
		wait_for("it goes", lambda: not any(r["backend"] == "more" and
		    r["state"] != "draining"
		    for r in Pool().ask("backends demo").rows))
		assert echo(r.fd), "a claim that is held goes on"
		p.ask("release " + r["claim"])
		wait_for("it is gone", lambda: len(
		    Pool().ask("backends demo").rows) == 2)
		assert p.ask("claim demo backend=more wait=1s").code == \
		    "no-such-backend"
	EOF
}

@test "withdraw takes an advertised backend away, whoever says it" {
	start_demo
	talk <<-'EOF'
		a, b = Pool(), Pool()
		addr = os.environ["ADDR1"]
		assert a.ask("advertise demo x " + addr).line == "ok"
		assert a.ask("advertise demo y " + addr + " ttl=1m").line == "ok"
		assert len(b.ask("backends demo").rows) == 4
		assert b.ask("withdraw demo x").line == "ok"
		assert b.ask("withdraw demo x").code == "no-such-backend"
		assert a.ask("withdraw demo y").line == "ok"
		wait_for("gone", lambda: len(b.ask("backends demo").rows) == 2)
	EOF
}

@test "of two who advertise a name, each withdraws an address of its own" {
	start_demo
	talk <<-'EOF'
		addrs = os.environ["ADDR1"], os.environ["ADDR2"]
		two, p = (Pool(), Pool()), Pool()
		known = lambda: sorted(r["addr"] for r in
		    p.ask("backends demo").rows if r["backend"] == "x")
		for a in two:
		    for addr in addrs:
		        assert a.ask("advertise demo x " + addr).line == "ok"
		assert known() == sorted(addrs)
		gone = f"withdraw demo x own addr={addrs[1]}"
		assert two[0].ask(gone).line == "ok"
		assert two[0].ask(gone).code == "no-such-backend"
		assert known() == sorted(addrs), "the other has it still"
		assert two[1].ask(gone).line == "ok"
		wait_for("gone", lambda: known() == [addrs[0]])
		two[1].close()
		wait_for("one advertises", lambda: any(" advertised=1" in r.line
		    for r in p.ask("why demo").rows))
		assert known() == [addrs[0]]
		assert p.ask("withdraw demo x own").code == "no-such-backend"
		assert p.ask(f"withdraw demo x addr={addrs[0]}").line == "ok"
		wait_for("gone", lambda: not known())
	EOF
}

@test "with a ttl it outlives its advertiser, until nobody repeats it" {
	start_demo
	talk <<-'EOF'
		a, p = Pool(), Pool()
		addr = os.environ["ADDR1"]
		names = lambda: [r["backend"] for r in p.ask("backends demo").rows]
		assert a.ask(f"advertise demo x {addr} ttl=1h").line == "ok"
		assert a.ask(f"advertise demo y {addr} ttl=never").line == "ok"
		a.close()
		b = Pool()
		row = [r for r in b.ask("backends demo").rows
		    if r["backend"] == "x"][0]
		assert row["ttl"] == "3600", row
		assert {"x", "y"} <= set(names()), names()
		assert b.ask(f"advertise demo x {addr} ttl=50ms").line == "ok"
		wait_for("ended", lambda: "x" not in names())
		assert "y" in names(), names()
		assert b.ask("withdraw demo y").line == "ok"
	EOF
}

@test "two who advertise the same: it stays until both have gone" {
	start_demo
	talk <<-'EOF'
		addr = os.environ["ADDR1"]
		names = lambda: [r["backend"] for r in
		    Pool().ask("backends demo").rows]
		for first in (0, 1):
		    two = [Pool(), Pool()]
		    for a in two:
		        assert a.ask(f"advertise demo x {addr}").line == "ok"
		    assert names().count("x") == 1, names()
		    two[first].close()
		    wait_for("it is seen to be gone", lambda: True)
		    Pool().ask("ping")
		    assert "x" in names(), (first, names())
		    two[1 - first].close()
		    wait_for("gone", lambda: "x" not in names())
	EOF
}

@test "1,000 advertisers come and go" {
	start_demo --set max-slots=8
	talk <<-'EOF'
		import resource
		soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
		resource.setrlimit(resource.RLIMIT_NOFILE,
		    (max(soft, min(hard, 4096)), hard))
		addr = os.environ["ADDR1"]
		count = lambda: len(Pool().ask("backends demo").rows)
		all = [Pool() for i in range(1000)]
		for i, a in enumerate(all):
		    a.send(f"advertise demo n{i} {addr} weight={i % 7}")
		for a in all:
		    assert a.reply().line == "ok"
		assert count() == 1002, count()
		p = Pool()
		r = p.ask("claim demo")
		assert echo(r.fd)
		assert int(stat("demo")["slots"]) <= 8
		for a in all[:500]:
		    a.close()
		wait_for("half are gone", lambda: count() <= 503)
		for a in all[500:]:
		    a.close()
		wait_for("all are gone", lambda: count() <= 3)
		p.close()
		wait_for("the first two are left", lambda: count() == 2)
	EOF
}

# --- resolve ----------------------------------------------------------------

@test "resolve answers when a fresh look-up has ended, with what it found" {
	mkdir "$SCRATCH/zones"
	zone()
	{
		cat <<-EOF
			\$ORIGIN test.com.
			\$TTL 600
			@ SOA ns hostmaster $1 3600 600 86400 600
			@ NS ns
			ns AAAA ::1
			e1 AAAA ::1
			_echo._tcp SRV 0 0 $(free_port) e1
		EOF
	}
	zone 1 >"$SCRATCH/zones/test.com.zone"
	start_nsd "$SCRATCH/zones"
	start_pool --dns "$NSD_ADDR" demo=_echo._tcp.test.com
	talk <<-'EOF'
		p = Pool()
		r = p.ask("#r resolve demo")
		assert r.line == "#r ok backends=1", r
		assert stat("demo")["resolver"] == "ok"
		# Whoever asks, and goes before the answer, harms nobody.
		q = Pool()
		q.send("resolve demo", "#x resolve demo")
		q.close()
		e = Pool()
		e.ask("#e events demo")
		assert p.ask("resolve demo").line == "ok backends=1"
		row = e.reply()
		while row["event"] != "resolve-start":
		    row = e.reply()
		assert row["service"] and "server" in row.args, row
		while row["event"] != "resolve-done":
		    row = e.reply()
		assert row["count"] == "1" and row["resolve-id"], row
	EOF
	{
		zone 2
		echo "_echo._tcp SRV 0 0 $(free_port) e1"
	} >"$SCRATCH/zones/test.com.zone"
	reload_nsd
	talk <<-'EOF'
		wait_for("two", lambda: Pool().ask("resolve demo").args
		    .get("backends") == "2")
		assert len(Pool().ask("backends demo").rows) == 2
	EOF
	stop_daemon nsd
	talk <<-'EOF'
		p = Pool()
		e = Pool()
		e.ask("#e events demo")
		r = p.ask("resolve demo")
		assert r.code == "resolve-failed" and r.text, r
		while (row := e.reply())["event"] != "resolve-failed":
		    pass
		assert row["reason"], row
		assert len(p.ask("backends demo").rows) == 2, "the set stays"
		assert stat("demo")["resolver"] == "stale"
	EOF
}

# --- the end of the daemon --------------------------------------------------

@test "while the daemon stops, every verb is answered" {
	start_demo
	talk <<-'EOF'
		p, q, w = Pool(), Pool(), Pool()
		held = p.ask("claim demo")
		w.ask("#e events")
		assert q.ask("terminate grace=1m").line == "ok"
		for line in ("hello", "ping", "help", "pools", "stats", "claims",
		    "stats demo", "metrics", "backends demo", "why demo", "slots demo",
		    "policy demo", "set demo max-slots=20", "pause demo",
		    "resume demo"):
		    assert q.ask(line).kind == "ok", line
		assert q.ask("why demo").rows[0]["state"] == "stopping"
		assert q.ask("claim demo").code == "terminated"
		for line in ("pick demo", "resolve demo",
		    "drain demo " + held["backend"],
		    "undrain demo " + held["backend"]):
		    assert q.ask(line).code == "terminated", line
		q.ask("advertise demo x " + os.environ["ADDR1"])
		assert q.ask("claim demo").code == "terminated"
		assert echo(held.fd)
		p.send("release " + held["claim"])
		assert p.reply().line == "ok" and p.reply() is None
	EOF
	wait_for has_ended "$(daemon_pid pool)"
	stop_daemon pool 2>/dev/null || true
}

# --- rights -----------------------------------------------------------------

@test "verbs that change something are denied to others, the rest is not" {
	[[ $EUID -eq 0 ]] || skip "needs root to be two users"
	start_demo
	chmod 755 "$SCRATCH"
	chmod 777 "$QORB_SOCKET"
	talk <<-'EOF'
		root = Pool()
		held = root.ask("claim demo")
		os.setgroups([])
		os.setuid(65534)
		p = Pool()
		addr = os.environ["ADDR1"]
		for line in ("advertise demo x " + addr, "withdraw demo x",
		    "drain demo " + addr, "undrain demo " + addr, "pause demo",
		    "resume demo", "revoke " + held["claim"], "resolve demo",
		    "set demo max-slots=1", "terminate", "terminate grace=0"):
		    assert p.ask(line).code == "denied", line
		for line in ("hello", "ping", "help", "pools", "stats",
		    "metrics", "backends demo", "pick demo", "why demo", "slots demo",
		    "claims", "policy demo", "#w watch every=1m", "#e events",
		    "unwatch w", "unwatch e"):
		    p.send(line)
		    while (r := p.reply()).kind == "row" or r.tag == "e":
		        if r.kind == "ok":
		            break
		    assert r.kind == "ok", (line, r)
		row = p.ask("claims demo").rows[0]
		assert row["uid"] == "0", row
		mine = p.ask("claim demo")
		assert echo(mine.fd)
		assert p.ask("release " + held["claim"]).code == "no-such-claim"
		assert echo(held.fd)
		assert stat("demo", backend=addr)["state"] == "online"
	EOF
}

@test "the daemon's own user may do all when it is not root" {
	[[ $EUID -eq 0 ]] || skip "needs root to be two users"
	chown 65534 "$SCRATCH"
	start_daemon -n pool -s "$QORB_SOCKET" setpriv --reuid 65534 \
	    --clear-groups --pdeathsig TERM qorb-pool 'demo=[::1]:1'
	talk <<-'EOF'
		os.setgroups([])
		os.setuid(65534)
		p = Pool()
		assert p.ask("pause demo").line == "ok"
		assert p.ask("set demo max-slots=2").line == "ok"
		assert p.ask("terminate grace=0").line == "ok"
	EOF
	wait_for has_ended "$(daemon_pid pool)"
	stop_daemon pool 2>/dev/null || true
}
