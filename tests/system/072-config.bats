#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031  # what a test sets is for that test
#
# qorb-pool's configuration file: what it says, what is wrong with it, reading
# it again, who may do what, and how much of everything anybody may have.

load helpers
load talk

# The configuration of the test, from stdin.
configure()
{
	cat >"$SCRATCH/pool.conf"
}

start_configured()
{
	start_pool -c "$SCRATCH/pool.conf" "$@"
}

# --- the file ---------------------------------------------------------------

@test "each pool has what its section says" {
	start_echo echo1
	configure <<-END
		[daemon]
		socket-mode = 0600

		[pool one]
		backends = $ECHO_ADDR
		max-slots = 3
		connector = echo

		[pool two]
		backends = $ECHO_ADDR
		max-slots = 5
	END
	start_configured "three=$ECHO_ADDR" --set max-slots=7
	assert_equal "$(stat -c %a "$QORB_SOCKET")" 600
	for want in one:3 two:5 three:7; do
		run_ok ask "policy ${want%:*}"
		assert_output --partial "name=max-slots value=${want#*:} "
	done
	for pool in one two three; do
		run_ok qorb-claim --bytes 3 "$pool" <<<hi
		assert_output hi
	done
}

@test "the command line goes before the file for the whole daemon" {
	configure <<-END
		[daemon]
		socket = $SCRATCH/file.sock
		[pool a]
		backends = none
	END
	start_daemon -n one -s "$SCRATCH/file.sock" \
	    env -u QORB_SOCKET qorb-pool -c "$SCRATCH/pool.conf"
	stop_daemon one
	start_daemon -n two -s "$SCRATCH/line.sock" \
	    qorb-pool -c "$SCRATCH/pool.conf" --socket "$SCRATCH/line.sock"
	[[ ! -e $SCRATCH/file.sock ]]
}

@test "a file can be checked without starting anything" {
	run_ok qorb-pool --check-config -c "$ROOT/docs/examples/qorb.conf"
	assert_output 'OK: 6 pools'
	assert_equal "$stderr" ''
	run_ok qorb-pool --check-config 'a=[::1]:1'
	assert_output 'OK: 1 pool'
	configure <<<'[pool a'
	run_status 2 qorb-pool --check-config -c "$SCRATCH/pool.conf"
	assert_equal "$output" ''
	assert_equal "$stderr" \
	    "qorb-pool: $SCRATCH/pool.conf:1: a [section] without its ]"
	run_status 2 qorb-pool --check-config -c "$SCRATCH"
	[[ $stderr == *'no regular file'* ]]
	run_status 2 qorb-pool --check-config -c "$SCRATCH/none"
	[[ $stderr == *'No such file'* ]]
}

@test "a check whose result cannot be written fails" {
	[[ -c /dev/full ]] || skip "no /dev/full here"
	run_status 1 bash -c "qorb-pool --check-config 'a=[::1]:1' >/dev/full"
	assert_equal "$stderr" \
	    'qorb-pool: standard output: No space left on device'
	run_status 1 bash -c "qorb-pool --check-config 'a=[::1]:1' >&-"
	assert_equal "$stderr" \
	    'qorb-pool: standard output: Bad file descriptor'
}

@test "a wrong file starts nothing and is one line with file and line" {
	configure <<-END
		[pool a]
		backends = none
		max-slots = 0
	END
	run_status 2 qorb-pool -c "$SCRATCH/pool.conf"
	[[ $stderr == "qorb-pool: $SCRATCH/pool.conf:3: max-slots=0: "* ]]
	[[ $stderr != *$'\n'* && ! -e $QORB_SOCKET ]]
	configure <<<'[daemon]'
	run_status 2 qorb-pool -c "$SCRATCH/pool.conf"
	[[ $stderr == *"pool.conf: no pool"* ]]
	printf '[pool a]\nbackends=none\nallow = nobody-at-all\n' | configure
	run_status 2 qorb-pool -c "$SCRATCH/pool.conf"
	[[ $stderr == *"pool.conf:3: 'nobody-at-all': no user has"* ]]
	printf '[daemon]\nadmin-group=none-such\n[pool a]\nbackends=none' |
	    configure
	run_status 2 qorb-pool -c "$SCRATCH/pool.conf"
	[[ $stderr == *"pool.conf:2: 'none-such': no group has"* ]]
	printf '[pool a]\nbackends=none\n' | configure
	run_status 2 qorb-pool -c "$SCRATCH/pool.conf" 'a=[::1]:1'
	[[ $stderr == *"pool 'a' is named twice"* ]]
	run_status 2 qorb-pool -c "$SCRATCH/pool.conf" --set max-slots=1
	[[ $stderr == *"--set: it is for pools of the command line"* ]]
}

@test "the manual describes every key" {
	local key keys
	keys=$(sed -n 's/^	{ "\([a-z-]*\)", set_.*/\1/p' \
	    "$ROOT/libcommon/core/config_key.c")
	[[ $(wc -l <<<"$keys") -ge 15 ]]
	for key in $keys; do
		grep -q "^\.It Cm $key\b" "$ROOT/docs/man/qorb.conf.5" || {
			echo "qorb.conf.5 does not describe $key"
			return 1
		}
	done
}

# --- reading it again -------------------------------------------------------

# The local ports of the daemon's connections to an address.
local_ports()
{
	ss -Htnp state established dst "$1" |
	    grep "pid=$(daemon_pid pool)," | awk '{ print $3 }' | sort
}

has_ports()
{
	[[ $(local_ports "$1" | wc -l) -eq $2 ]]
}

# Two pools of four connections each.
start_two()
{
	start_echo echo1 -q
	ADDR1=$ECHO_ADDR
	start_echo echo2 -q
	ADDR2=$ECHO_ADDR
	export ADDR1 ADDR2
	two_pools | configure
	start_configured
	wait_for has_ports "$ADDR1" 4
	wait_for has_ports "$ADDR2" 4
}

two_pools()
{
	printf '%s\n' '[pool one]' "backends = $ADDR1" 'spares-wanted = 4' \
	    '[pool two]' "backends = $ADDR2" 'spares-wanted = 4'
}

@test "a reload leaves alone what did not change" {
	start_two
	local before1 before2
	before1=$(local_ports "$ADDR1") before2=$(local_ports "$ADDR2")
	run_ok ask 'set two spares-wanted=4 max-slots=9' reload
	assert_output $'ok\nok'
	{
		two_pools
		printf '%s\n' 'claim-timeout = 7s' '[pool three]' \
		    "backends = $ADDR1" 'spares-wanted = 2'
	} | configure
	run_ok ask reload
	assert_output ok
	wait_for has_ports "$ADDR1" 6
	# The first four are the same ones.
	[[ $(comm -12 <(echo "$before1") <(local_ports "$ADDR1")) == "$before1" ]]
	assert_equal "$(local_ports "$ADDR2")" "$before2"
	run_ok ask 'policy two'
	assert_output --partial 'name=claim-timeout value=7s '
	# What was set by hand, and the file is silent about, stays.
	assert_output --partial 'name=max-slots value=9 '
	run_ok qorb-claim --bytes 3 three <<<hi
	assert_output hi
}

@test "a bad file changes nothing and says where it is bad" {
	start_two
	local before1
	before1=$(local_ports "$ADDR1")
	printf '%s\n' '[pool new]' "backends = $ADDR1" '[pool one]' \
	    'max-slots = none' | configure
	run_ok ask reload
	assert_output "error bad-config $SCRATCH/pool.conf:4: max-slots=none:\
 a whole number from 1 to 1000000 is needed"
	run_ok ask pools
	assert_equal "${#lines[@]}" 3
	[[ $output != *pool=new* ]]
	assert_equal "$(local_ports "$ADDR1")" "$before1"
	kill -HUP "$(daemon_pid pool)"
	wait_for_text "$SCRATCH/pool.err" 'stays as it is: .*pool.conf:4: max-slots'
	rm "$SCRATCH/pool.conf"
	run_ok ask reload
	assert_output --partial "error bad-config $SCRATCH/pool.conf: No such file"
	{
		printf '%s\n' '[daemon]' "socket = $SCRATCH/other"
		two_pools
	} | configure
	run_ok ask reload
	assert_output --partial 'error bad-config'
	assert_output --partial 'pool.conf:2: socket: it cannot change'
	run_ok ask 'claim one'
	assert_output --partial 'ok claim='
}

@test "without a file there is nothing to read again" {
	start_pool 'a=[::1]:1'
	run_ok ask reload
	assert_output --partial 'error bad-config there is no configuration file'
	kill -HUP "$(daemon_pid pool)"
	wait_for_text "$SCRATCH/pool.err" 'there is no configuration file'
	run_ok ask ping
	assert_output ok
}

@test "SIGHUP reads it again too" {
	start_two
	two_pools | sed 's/two/zwei/' | configure
	kill -HUP "$(daemon_pid pool)"
	wait_for_text "$SCRATCH/pool.err" 'read again: 2 pools, 1 new, 0 changed, 1 gone'
	run_ok ask 'claim zwei' 'claim two'
	assert_output --partial 'ok claim='
	assert_output --partial 'error no-such-pool'
}

@test "a pool that is gone refuses who waits and lets who holds end in peace" {
	start_two
	two_pools | sed -n '/two/,$p' >"$SCRATCH/next"
	export SCRATCH
	talk <<-'END'
		import os
		p, q = Pool(), Pool()
		assert p.ask("set one max-slots=1").kind == "ok"
		held = p.ask("claim one")
		p.send("#w claim one", "#e events one", "#s watch one every=1h")
		while True:
		    r = p.reply()
		    if r.tag == "s" and r.kind == "ok":
		        break
		wait_for("it waits", lambda: stat("one")["waiting"] == "1")
		os.rename(os.environ["SCRATCH"] + "/next",
		          os.environ["SCRATCH"] + "/pool.conf")
		assert q.ask("reload").line == "ok"
		ended = set()
		while ended != {"w", "e", "s"}:
		    r = p.reply()
		    if r.kind == "error":
		        assert r.code == "terminated", r
		        ended.add(r.tag)
		assert echo(held.fd)
		assert p.ask("claim one").code == "no-such-pool"
		for line in "claims", "claims one":
		    rows = q.ask(line).rows
		    assert [r["claim"] for r in rows] == [held["claim"]], rows
		assert q.ask("claims two").rows == []
		assert q.ask("claims nosuch").code == "no-such-pool"
		assert [r["pool"] for r in q.ask("pools").rows] == ["two"]
		# Back under the same name, while the old one is still leaving.
		with open(os.environ["SCRATCH"] + "/pool.conf", "a") as f:
		    f.write("[pool one]\nbackends = %s\n" % os.environ["ADDR1"])
		assert q.ask("reload").line == "ok"
		fresh = q.ask("claim one")
		assert echo(fresh.fd) and echo(held.fd)
		assert p.ask("release " + held["claim"]).line == "ok"
		assert is_closed(held.fd)
		assert [r["claim"] for r in q.ask("claims one").rows] == \
		    [fresh["claim"]]
		assert echo(fresh.fd)
		assert q.ask("release " + fresh["claim"]).line == "ok"
	END
}

@test "a daemon that stops waits for the claims of a pool that is leaving" {
	start_two
	two_pools | sed -n '/two/,$p' >"$SCRATCH/next"
	export SCRATCH
	talk <<-'END'
		import os
		p = Pool()
		held = p.ask("claim one")
		os.rename(os.environ["SCRATCH"] + "/next",
		          os.environ["SCRATCH"] + "/pool.conf")
		assert p.ask("reload").line == "ok"
		assert p.ask("terminate grace=1h").line == "ok"
		assert p.ask("ping").line == "ok"
		assert echo(held.fd)
		assert p.ask("release " + held["claim"]).line == "ok"
		assert p.line() is None
	END
	wait_for has_ended "$(daemon_pid pool)"
	stop_daemon pool 0 || [[ $? -eq 1 ]]
}

@test "sources change while connections to what stays go on" {
	start_two
	local before
	before=$(local_ports "$ADDR1")
	two_pools | sed "s/backends = .*/backends = $ADDR1, $ADDR2/" |
	    configure
	run_ok ask reload
	assert_output ok
	run_ok ask 'backends one'
	assert_output --partial "backend=$ADDR1"
	assert_output --partial "backend=$ADDR2"
	two_pools | configure
	run_ok ask reload 'backends one'
	refute_output --partial "backend=$ADDR2 "
	wait_for has_ports "$ADDR1" 4
	[[ -n $(comm -12 <(echo "$before") <(local_ports "$ADDR1")) ]]
}

# says TEXT LINE...: the answer to the request has it.
says()
{
	local text=$1
	shift
	[[ $(ask "$*") == *"$text"* ]]
}

# zone PORT...: the service, a record a port.
zone()
{
	local port
	mkdir -p "$SCRATCH/zones"
	{
		printf '%s\n' '$ORIGIN test.com.' '$TTL 300' \
		    '@ SOA ns. root. 1 60 60 60 1'
		for port; do
			echo "_echo._tcp SRV 0 0 $port host"
		done
		echo 'host AAAA ::1'
	} >"$SCRATCH/zones/test.com.zone"
}

@test "other DNS servers are asked, and the old set stays until they answer" {
	start_echo echo1 -q
	zone "${ECHO_ADDR##*:}"
	start_nsd "$SCRATCH/zones"
	conf()
	{
		printf '%s\n' '[pool a]' 'service = _echo._tcp.test.com' \
		    "dns = $1" 'spares-wanted = 4' 'query-timeout = 200ms' \
		    'query-retry = 100ms'
	}
	conf "$NSD_ADDR" | configure
	start_configured
	wait_for has_ports "$ECHO_ADDR" 4
	local before
	before=$(local_ports "$ECHO_ADDR")
	# Nobody answers there.
	conf "[::1]:$(free_port)" | configure
	run_ok ask reload
	assert_output ok
	wait_for_text "$SCRATCH/pool.err" 'look-up of .* fails'
	assert_equal "$(local_ports "$ECHO_ADDR")" "$before"
	conf "$NSD_ADDR" | configure
	run_ok ask reload
	assert_output ok
	wait_for says 'resolver=ok' stats a
	assert_equal "$(local_ports "$ECHO_ADDR")" "$before"
	# From DNS to a list that has the same backend, and to none.
	printf '%s\n' '[pool a]' 'backends = none' | configure
	run_ok ask reload 'resolve a'
	assert_output --partial 'error resolve-failed'
	wait_for has_ports "$ECHO_ADDR" 0
}

@test "another connector makes new connections" {
	start_two
	local before
	before=$(local_ports "$ADDR1")
	two_pools | sed 's/^spares/connector = echo\nspares/' | configure
	run_ok ask reload
	assert_output ok
	wait_for has_ports "$ADDR1" 4
	[[ -z $(comm -12 <(echo "$before") <(local_ports "$ADDR1")) ]]
}

@test "rights and limits of the new file hold at once" {
	need_root
	start_two
	chmod 711 "$SCRATCH"
	{
		printf '%s\n' '[daemon]' 'socket-mode = 0666' \
		    'max-claims-per-client = 1'
		two_pools
		echo 'allow = 40002'
	} | configure
	run_ok ask reload
	assert_output ok
	assert_equal "$(stat -c %a "$QORB_SOCKET")" 666
	run_ok as 40003 40003 'claim two'
	assert_output --partial 'error denied'
	run_ok as 40002 40003 'claim two'
	assert_output --partial 'ok claim='
	run_ok ask 'claim two' 'claim two'
	assert_output --partial 'too-many-claims'
}

# --- connectors -------------------------------------------------------------

need()
{
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

# The pool has its two spares, checked right now or not.
has_spares()
{
	local row
	row=$(ask stats store)
	[[ $row =~ \ unclaimed=([0-9]+)\ checking=([0-9]+)\  ]] || return 1
	((BASH_REMATCH[1] + BASH_REMATCH[2] >= 2))
}

# start_store CONNECTOR BACKEND [LINE...]: a pool `store`, with lines of its own.
start_store()
{
	{
		printf '%s\n' '[pool store]' "backends = $2" "connector = $1" \
		    'spares-wanted = 2' 'max-slots = 4' 'health-interval = 20ms'
		shift 2
		[[ $# -eq 0 ]] || printf '%s\n' "$@"
	} | configure
	start_configured
	wait_for has_spares
}

# The unclaimed connections are checked again and again, and stay.
stays_after_checks()
{
	export BACKEND=$1
	talk <<-'END'
		p = Pool()
		p.send("#e events store")
		checks = 0
		while checks < 6:
		    r = p.reply()
		    assert r["event"] not in ("connection-lost",
		                              "health-check-failed",
		                              "connect-failed") \
		        if r.kind == "row" else True, r
		    if r.kind == "row" and r["event"] == "health-check-done":
		        checks += 1
	END
}

@test "redis connections are checked, and come back as new" {
	need redis-server
	local port
	port=$(free_port)
	start_daemon -n redis -r 'Ready to accept' redis-server --port "$port" \
	    --bind ::1 --save '' --appendonly no --dir "$SCRATCH" \
	    --enable-debug-command yes
	start_store redis "[::1]:$port"
	stays_after_checks "[::1]:$port"
	run_ok qorb-claim --until $'\r\n' store <<<$'SET k v\r'
	assert_output --partial '+OK'
	talk <<-'END'
		p = Pool()
		def ask(fd, text):
		    fd.sendall(text)
		    return fd.recv(4096)
		def lend():
		    r = p.ask("claim store")
		    assert r.fd, r
		    return r
		p.ask("set store max-slots=1 spares-wanted=1")
		wait_for("one is left",
		         lambda: stat("store")["slots"] == "1")
		r = lend()
		slot = r["slot"]
		# What a user leaves behind is undone ...
		assert ask(r.fd, b"SELECT 5\r\nWATCH k\r\n") == b"+OK\r\n+OK\r\n"
		addr = r.fd.getsockname()
		r.fd.close()
		assert p.ask("release " + r["claim"]).line == "ok"
		r = lend()
		assert r.fd.getsockname() == addr
		assert b"db=0 " in ask(r.fd, b"CLIENT INFO\r\n")
		# ... or, when it cannot be, the connection goes.
		assert ask(r.fd, b"MULTI\r\n") == b"+OK\r\n"
		r.fd.close()
		assert p.ask("release " + r["claim"]).line == "ok"
		r = lend()
		assert r.fd.getsockname() != addr
		assert ask(r.fd, b"GET k\r\n") == b"$1\r\nv\r\n"
	END
}

@test "a redis that wants a password gets it on connecting" {
	need redis-server
	local port
	port=$(free_port)
	start_daemon -n redis -r 'Ready to accept' redis-server --port "$port" \
	    --bind ::1 --save '' --appendonly no --dir "$SCRATCH" \
	    --requirepass sesame
	start_store secret "[::1]:$port" '[connector secret]' \
	    'on-connect = send "AUTH sesame\r\n" expect "+OK\r\n"' \
	    'is-valid = send "PING\r\n" expect "+PONG\r\n"'
	stays_after_checks "[::1]:$port"
	run_ok qorb-claim --until $'\r\n' store <<<$'SET k v\r'
	assert_output --partial '+OK'
	# With another one, none counts as connected.
	sed -i 's/sesame/mellon/' "$SCRATCH/pool.conf"
	run_ok ask reload
	assert_output ok
	wait_for says "last_error=unexpected-answer" why store
	run_ok ask 'claim store wait=0'
	assert_output --partial 'error no-backends-online'
}

@test "memcached connections are checked" {
	need memcached
	local port user=()
	port=$(free_port)
	[[ $(id -u) -ne 0 ]] || user=(-u nobody)
	start_daemon -n memcached memcached "${user[@]}" -U 0 -l ::1 -p "$port"
	start_store memcached "[::1]:$port"
	stays_after_checks "[::1]:$port"
	run_ok qorb-claim --lines 1 store <<<$'set k 0 0 1\r\nv\r'
	assert_output --partial STORED
}

@test "connections to a web server are checked and stay open" {
	need nginx
	local port
	port=$(free_port)
	printf '%s\n' "pid $SCRATCH/nginx.pid;" 'daemon off;' \
	    "error_log stderr notice;" 'worker_processes 1;' \
	    'events { worker_connections 64; }' \
	    "http { access_log off; client_body_temp_path $SCRATCH/b;" \
	    "proxy_temp_path $SCRATCH/p; fastcgi_temp_path $SCRATCH/f;" \
	    "uwsgi_temp_path $SCRATCH/u; scgi_temp_path $SCRATCH/s;" \
	    "server { listen [::1]:$port; location / { return 200 hello; } } }" \
	    >"$SCRATCH/nginx.conf"
	start_daemon -n nginx -r 'start worker process' \
	    nginx -e stderr -p "$SCRATCH" -c "$SCRATCH/nginx.conf"
	start_store http "[::1]:$port"
	stays_after_checks "[::1]:$port"
	run_ok qorb-claim --until hello store \
	    <<<$'GET / HTTP/1.1\r\nHost: x\r\n\r'
	assert_output --partial '200 OK'
	assert_output --partial hello
}

# start_script NAME PYTHON: a server that runs the script for each connection
# `f`, a file in both directions; sets SCRIPT_ADDR.
start_script()
{
	SCRIPT_ADDR="[::1]:$(free_port)"
	start_daemon -n "$1" -r listening python3 -u -c '
import socket, sys, threading
port, script = int(sys.argv[1]), sys.argv[2]
s = socket.create_server(("::1", port), family=socket.AF_INET6)
print("listening")
def serve(c):
    try:
        exec(script, {"f": c.makefile("rw", newline=""), "c": c})
    except OSError:
        pass
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
' "${SCRIPT_ADDR##*:}" "$2"
}

@test "a mail server greets and is asked for NOOP and RSET" {
	start_script mail '
print("220 mail ready", end="\r\n", file=f, flush=True)
for line in f:
    ok = line in ("NOOP\r\n", "RSET\r\n", "HELO x\r\n")
    print("250 ok" if ok else "500 what?", end="\r\n", file=f, flush=True)
'
	start_store smtp "$SCRIPT_ADDR"
	stays_after_checks "$SCRIPT_ADDR"
	# The greeting is not left for the client.
	run_ok qorb-claim --lines 1 store <<<$'HELO x\r'
	assert_output --partial '250 ok'
	wait_for has_spares
}

@test "a server that greets wrongly, or not at all, is not connected to" {
	start_script rude 'f.write("554 go away\r\n"); f.flush(); f.read()'
	rude=$SCRIPT_ADDR
	start_script mute 'f.read()'
	printf '%s\n' '[pool rude]' "backends = $rude" 'connector = smtp' \
	    '[pool mute]' "backends = $SCRIPT_ADDR" 'connector = smtp' \
	    'connect-timeout = 50ms' | configure
	start_configured
	wait_for says last_error=unexpected-answer why rude
	wait_for says last_error=timeout why mute
	run_ok ask 'claim rude wait=0' 'claim mute wait=0'
	assert_equal "${lines[0]%% back*}" \
	    'error no-backends-online'
	assert_equal "${lines[1]%% back*}" \
	    'error no-backends-online'
}

@test "on-acquire is said before a connection is lent" {
	start_script once '
for line in f:
    if line == "lend\n" and not globals().get("done"):
        f.write("yes\n"); f.flush(); globals()["done"] = True
    elif line == "lend\n":
        f.write("no\n"); f.flush()
'
	start_store once "$SCRIPT_ADDR" '[connector once]' \
	    'on-acquire = send "lend\n" expect-line "yes"'
	talk <<-'END'
		p = Pool()
		seen = set()
		# Each connection says yes once; then another one is made.
		for _ in range(6):
		    r = p.ask("claim store")
		    assert r.fd, r
		    assert r.fd.getsockname() not in seen
		    seen.add(r.fd.getsockname())
		    assert p.ask("release " + r["claim"]).line == "ok"
	END
}

@test "a drain takes an answer that comes in pieces" {
	start_script slow '
import time
for line in f:
    for piece in ("one\n", "two ", "three"):
        f.write(piece); f.flush(); time.sleep(0.01)
'
	start_store slow "$SCRIPT_ADDR" '[connector slow]' \
	    'is-valid = send "say\n" expect-line "one" drain' \
	    'on-recycle = none'
	# Where the server is held up between two pieces a drain may rightly end;
	# one that takes but what is there would lose every connection.
	talk <<-'END'
		p = Pool()
		p.send("#e events store kinds=health-check-done,"
		       "health-check-failed,connection-lost")
		assert p.reply().line == "#e ok"
		checks = {}
		while 4 not in checks.values():
		    r = p.reply()
		    slot = r["slot"]
		    is_good = r["event"] == "health-check-done"
		    checks[slot] = checks.get(slot, 0) + 1 if is_good else 0
	END
}

@test "a connector that changed makes new connections, another text does not" {
	start_echo echo1 -q
	start_store own "$ECHO_ADDR" '[connector own]' \
	    'is-valid = send "a" expect "a"'
	local before
	before=$(local_ports "$ECHO_ADDR")
	sed -i 's/send "a" expect "a"/send  "\\x61"\n  expect "a"/' \
	    "$SCRATCH/pool.conf"
	run_ok ask reload
	assert_output ok
	assert_equal "$(local_ports "$ECHO_ADDR")" "$before"
	sed -i 's/x61/x62/; s/expect "a"/expect "b"/' "$SCRATCH/pool.conf"
	run_ok ask reload
	assert_output ok
	wait_for has_ports "$ECHO_ADDR" 2
	[[ -z $(comm -12 <(echo "$before") <(local_ports "$ECHO_ADDR")) ]]
	stays_after_checks "$ECHO_ADDR"
}

# --- who may ----------------------------------------------------------------

need_root()
{
	[[ $(id -u) -eq 0 ]] || skip "only root can be several users"
}

# as UID GROUPS LINE: one request by another user.
as()
{
	setpriv --reuid "$1" --regid 40001 --groups "$2" \
	    socat -t 1 - "UNIX-CONNECT:$QORB_SOCKET" <<<"$3"
}

@test "a pool's allow says who may claim and pick" {
	need_root
	start_echo echo1
	configure <<-END
		[daemon]
		socket-mode = 0666
		[pool users]
		backends = $ECHO_ADDR
		allow = 40002, nobody
		[pool groups]
		backends = $ECHO_ADDR
		allow = @40010
		[pool all]
		backends = $ECHO_ADDR
	END
	chmod 711 "$SCRATCH"
	start_configured
	for pool in users groups all; do
		run_ok ask "claim $pool"
		assert_output --partial 'ok claim='
	done
	run_ok as 40002 40003 'claim users'
	assert_output --partial 'ok claim='
	run_ok as 65534 40003 'pick users'
	assert_output --partial 'ok backend='
	run_ok as 40004 40003 'claim users'
	assert_output "error denied claim: the pool's allow does not name this user"
	run_ok as 40004 40003 'pick users'
	assert_output "error denied pick: the pool's allow does not name this user"
	# A number of a user is none of a group, and the other way round.
	run_ok as 40010 40003 'claim groups'
	assert_output --partial 'error denied'
	run_ok as 40004 40003,40010 'claim groups'
	assert_output --partial 'ok claim='
	run_ok as 40004 40003 'claim all'
	assert_output --partial 'ok claim='
	run_ok as 40004 40003 'claim none'
	assert_output --partial 'error no-such-pool'
}

@test "members of the admin-group may change the daemon, and nobody else" {
	need_root
	configure <<-END
		[daemon]
		socket-mode = 0666
		admin-group = 40010
		[pool a]
		backends = none
	END
	chmod 711 "$SCRATCH"
	start_configured
	run_ok as 40004 40003 'set a max-slots=3'
	assert_output --partial 'error denied set: only root'
	run_ok as 40004 40003,40010 'set a max-slots=3'
	assert_output ok
	# The first group of a process counts as well.
	run_ok setpriv --reuid 40004 --regid 40010 --clear-groups \
	    socat -t 1 - "UNIX-CONNECT:$QORB_SOCKET" <<<'pause a'
	assert_output ok
	run_ok as 40010 40003 'pause a'
	assert_output --partial 'error denied'
}

# --- how much ---------------------------------------------------------------

@test "more clients than max-clients are told so, and room is had again" {
	configure <<-END
		[daemon]
		max-clients = 3
		[pool a]
		backends = none
	END
	start_configured
	talk <<-'END'
		held = [Pool() for _ in range(3)]
		for p in held:
		    assert p.ask("ping").kind == "ok"
		# Those that are refused do not take the places of others.
		for _ in range(200):
		    p = Pool()
		    r = p.reply()
		    assert r is None or (r.code == "too-many-clients" and
		                         "max-clients)" in r.text), r
		    assert r is None or p.line() is None
		for p in held:
		    assert p.ask("ping").kind == "ok"
		# Of very many at a time, only some are told why.
		crowd = [Pool() for _ in range(100)]
		told = sum(p.line() is not None for p in crowd)
		assert 0 < told <= 64, told
		for p in crowd:
		    p.close()
		held.pop().close()
		def served():
		    p = Pool()
		    try:
		        p.send("ping")
		        r = p.reply()
		        return r is not None and r.kind == "ok"
		    except OSError:
		        return False
		wait_for("a client is served again", served)
	END
}

@test "one user cannot take the places of the others" {
	need_root
	configure <<-END
		[daemon]
		socket-mode = 0666
		max-clients = 10
		max-clients-per-user = 2
		[pool a]
		backends = none
	END
	chmod 711 "$SCRATCH"
	start_configured
	talk <<-'END'
		import os
		held = [Pool() for _ in range(2)]
		for p in held:
		    assert p.ask("ping").kind == "ok"
		r = Pool().reply()
		assert r.code == "too-many-clients", r
		assert "max-clients-per-user" in r.text, r
		# A crowd that is refused counts for nobody.
		crowd = [Pool() for _ in range(20)]
		for p in crowd:
		    assert p.reply().code == "too-many-clients"
		if os.fork() == 0:
		    os.setuid(40002)
		    ok = Pool().ask("ping").kind == "ok"
		    os._exit(0 if ok else 1)
		assert os.wait()[1] == 0
	END
}

@test "more claims than a client and a user may have are refused" {
	start_echo echo1
	configure <<-END
		[daemon]
		max-claims-per-client = 2
		max-claims-per-user = 3
		[pool a]
		backends = $ECHO_ADDR
		max-slots = 8
	END
	start_configured
	talk <<-'END'
		one, two = Pool(), Pool()
		ids = [one.ask("claim a") for _ in range(2)]
		assert all(r.kind == "ok" for r in ids)
		r = one.ask("claim a")
		assert r.code == "too-many-claims", r
		assert "max-claims-per-client" in r.text, r
		assert two.ask("claim a").kind == "ok"
		r = two.ask("claim a")
		assert r.code == "too-many-claims", r
		assert "max-claims-per-user" in r.text, r
		# What ends, in whatever way, makes room.
		assert one.ask("release " + ids[0]["claim"]).kind == "ok"
		assert two.ask("claim a").kind == "ok"
		two.close()
		wait_for("the claims of a client that went",
		         lambda: counts("a")["claimed"] == 1)
		assert one.ask("claim a").kind == "ok"
	END
}

# Prints how many bytes the daemon takes from a client that reads nothing.
bytes_taken()
{
	talk <<-'END'
		import time
		p = Pool()
		p.s.setblocking(False)
		sent, end = 0, time.monotonic() + DEADLINE
		# It has come to a stand when others are served and this is not.
		still = 0
		while still < 20:
		    assert time.monotonic() < end and sent < 64 << 20, sent
		    try:
		        sent += p.s.send(b"ping\n" * 1000)
		        still = 0
		    except BlockingIOError:
		        assert Pool().ask("ping").kind == "ok"
		        still += 1
		print(sent)
	END
}

@test "a client that leaves more than its backlog unread is not read from" {
	local small large
	for backlog in 4096 4000000; do
		printf '%s\n' '[daemon]' "backlog = $backlog" '[pool a]' \
		    'backends = none' | configure
		start_configured
		bytes_taken >"$SCRATCH/$backlog"
		stop_daemon pool
	done
	small=$(<"$SCRATCH/4096") large=$(<"$SCRATCH/4000000")
	# An answer has three bytes, its request five.
	[[ $((large - small)) -gt 5000000 ]] || {
		echo "$small $large"
		return 1
	}
}
