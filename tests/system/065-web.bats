#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031  # what a test sets is for that test
#
# qorb-web: what it serves and to whom, how it bears clients that behave badly
# and a daemon that comes and goes, and how qorb-pool runs it.

load helpers

# start_web [OPTION ...]: sets WEB, where it listens.
start_web()
{
	WEB="127.0.0.1:$(free_port)"
	export WEB
	start_daemon -n web -r 'ready on' qorb-web --listen "$WEB" "$@"
}

# A pool with two backends, and qorb-web for it.
start_all()
{
	start_echo echo1 -q
	ADDR1=$ECHO_ADDR
	start_echo echo2 -q
	ADDR2=$ECHO_ADDR
	start_pool "demo=$ADDR1,$ADDR2" "other=$ADDR1"
	wait_for eval 'ask pools | grep -q "pool=demo.* online=2"'
	wait_for eval 'ask pools | grep -q "pool=other.* online=1"'
	start_web "$@"
}

ws()
{
	python3 "$BATS_TEST_DIRNAME/ws_client.py" "$@"
}

# with_ws: Python from stdin, with the client of ws_client.py.
with_ws()
{
	PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 \
	    timeout 60 python3 -c "
import argparse, json, os, select, signal, socket, sys, time
from ws_client import Client, Closed, Refused

def connect(path, seconds=20, header=(), rcvbuf=0):
    return Client(argparse.Namespace(address=os.environ['WEB'], path=path,
        seconds=seconds, header=header, rcvbuf=rcvbuf))

def get(client):
    return json.loads(client.message()[0])

$(cat)"
}

# get PATH [CURL'S OPTION ...]: the status and a blank before the body.
get()
{
	local path=$1
	shift
	curl -s -m "$DEADLINE" -w '\n%{http_code}' "$@" "http://$WEB$path" |
	    awk '{ line[NR] = $0 } END {
		printf "%s", line[NR]
		for (i = 1; i < NR; i++) print (i == 1 ? " " : "") line[i]
	    }'
}

# Raw bytes of stdin as a request; what comes back until the end.
raw()
{
	socat -t "$DEADLINE" -T "$DEADLINE" - "TCP:$WEB"
}

listeners()
{
	ss -Hltn "sport = :$1" | awk '{ print $4 }' | sort
}

# --- where it listens --------------------------------------------------------

@test "it listens where it is told, and nowhere else" {
	local port
	for ip in 127.0.0.1 '[::1]' 0.0.0.0; do
		port=$(free_port)
		start_daemon -n web -r "ready on http://" \
		    qorb-web --listen "$ip:$port"
		assert_equal "$(listeners "$port")" "$ip:$port"
		grep -qF "ready on http://$ip:$port/" "$SCRATCH/web.err"
		stop_daemon web
	done
	port=$(free_port)
	start_daemon -n web -r "ready on http://" \
	    qorb-web --listen "[::]:$port"
	[[ $(listeners "$port") =~ ^(\*|\[::\]):$port$ ]]
}

@test "with port 0 the system chooses one, and the log says which" {
	start_daemon -n web -r 'ready on' qorb-web --listen 127.0.0.1:0
	[[ $(<"$SCRATCH/web.err") =~ ready\ on\ http://127.0.0.1:([0-9]+)/ ]]
	assert_equal "$(listeners "${BASH_REMATCH[1]}")" \
	    "127.0.0.1:${BASH_REMATCH[1]}"
}

@test "an address that cannot be had: one line, 1" {
	local port
	port=$(free_port)
	start_daemon -n other -r 'ready to accept' \
	    qorb-echo "127.0.0.1:$port"
	run_status 1 qorb-web --listen "127.0.0.1:$port"
	assert_output ''
	assert_equal "$stderr" "qorb-web: cannot listen on 127.0.0.1:$port: Address already in use; --listen names another one"
	run_status 1 qorb-web --listen 192.0.2.1:1024
	assert_equal "$stderr" "qorb-web: cannot listen on 192.0.2.1:1024: Cannot assign requested address"
	run_status 1 qorb-web --listen "[2001:db8::1]:$port"
	assert_equal "$stderr" "qorb-web: cannot listen on [2001:db8::1]:$port: Cannot assign requested address"
}

# --- what it serves ----------------------------------------------------------

@test "the page: one document, whose policy names its own nonce, once" {
	local first second nonce
	start_all
	curl -si "http://$WEB/" | tr -d '\r' >"$SCRATCH/first"
	curl -si "http://$WEB/" | tr -d '\r' >"$SCRATCH/second"
	first=$(<"$SCRATCH/first")
	[[ $first == 'HTTP/1.1 200 OK'* ]]
	grep -qx 'content-type: text/html; charset=utf-8' "$SCRATCH/first"
	grep -qx 'cache-control: no-store' "$SCRATCH/first"
	grep -qx 'x-content-type-options: nosniff' "$SCRATCH/first"
	grep -qx 'referrer-policy: no-referrer' "$SCRATCH/first"
	nonce=$(sed -n "s/.*script-src 'nonce-\([^']*\)'.*/\1/p" \
	    "$SCRATCH/first")
	[[ $nonce =~ ^[A-Za-z0-9+/]{24}$ ]]
	grep -qxF "content-security-policy: default-src 'none'; connect-src 'self' ws://$WEB wss://$WEB; style-src 'nonce-$nonce'; script-src 'nonce-$nonce'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" \
	    "$SCRATCH/first"
	grep -qF "<script nonce=\"$nonce\">" "$SCRATCH/first"
	! grep -q '@NONCE@' "$SCRATCH/first" || return 1
	! grep -qF "$nonce" "$SCRATCH/second" || return 1
	# As it is in the source, but for the nonce.
	diff <(sed '1,/^$/d' "$SCRATCH/first" | sed "s%$nonce%N%g") \
	    <(sed '1,/^$/d' "$SCRATCH/second" |
		sed -E 's%nonce="[A-Za-z0-9+/]{24}"%nonce="N"%g')
	# Of an address of IPv6 a policy cannot speak.
	run_ok curl -si -H 'Host: [::1]:80' "http://$WEB/"
	assert_output --partial "connect-src 'self'; style-src"
}

@test "the message of /stats.json has what the daemon says" {
	start_all
	for _ in 1 2 3; do
		qorb-claim demo true
	done
	run_status 1 qorb-ctl claims nosuch
	ask 'set other max-slots=1' 'pause other' 'claim other wait=0' >/dev/null
	run_ok get /stats.json
	[[ $output == 200\ * ]]
	python3 - "${output#200 }" "$ADDR1" "$ADDR2" <<-'EOF'
		import json, os, sys, time
		m = json.loads(sys.argv[1])
		one, two = sys.argv[2:]
		assert m["version"] == 1 and abs(m["t"] - time.time()) < 60, m
		assert m["server"].startswith("qorb-pool/"), m
		assert m["source"] == os.environ["QORB_SOCKET"], m
		assert m["claims"] == 3, m
		assert list(m["pools"]) == ["demo", "other"], m
		demo, other = m["pools"].values()
		assert demo["service"] == "static" and demo["claims"] == 3, demo
		assert (demo["backends"], demo["online"]) == (2, 2), demo
		assert demo["refused"] == 0 and demo["refusals"] == {}, demo
		assert other["refused"] == 1, other
		assert other["refusals"] == {"all-claims-used": 1}, other
		for key in ("waiting", "wait_p50_us", "wait_p99_us",
		    "hold_p50_us", "hold_p99_us"):
		    assert isinstance(demo[key], int), (key, demo)
		assert isinstance(demo["claims_per_s"], float), demo
		assert demo["resolver"] == "none", demo
		names = sorted("demo/" + a for a in (one, two)) + ["other/" + one]
		assert list(m["sets"]) == names, m["sets"]
		total = 0
		for name, s in m["sets"].items():
		    assert name == s["pool"] + "/" + s["name"], (name, s)
		    assert s["addr"] == s["name"] and s["state"] == "online", s
		    for key in ("connecting_slots", "checking_slots",
		        "claimed_slots", "failures"):
		        assert s[key] == 0, (key, s)
		    assert isinstance(s["connect_p50_us"], int), s
		    assert isinstance(s["claims_per_s"], float), s
		    total += s["total_claims"]
		assert total == 3
		assert demo["slots"] == sum(s["unclaimed_slots"]
		    for s in m["sets"].values() if s["pool"] == "demo") >= 8, m
	EOF
	run_ok get '/stats.json?pool=other'
	[[ $(jq -c '[.claims, (.pools | keys), (.sets | keys)]' \
	    <<<"${output#200 }") == "[0,[\"other\"],[\"$ADDR1\"]]" ]]
	run_ok get '/stats.json?pool=nosuch'
	[[ $output == '404 {"version":1,"error":"no-such-pool: '* ]]
}

@test "names that are of no use as they are come out as they can be told" {
	start_all
	ask "advertise other a%22b%C3%A4 $ADDR1 ttl=1h" \
	    "advertise other %FF%01 $ADDR1 ttl=1h" \
	    "advertise other twice $ADDR1 ttl=1h" \
	    "advertise other twice $ADDR2 ttl=1h" >/dev/null
	run_ok get '/stats.json?pool=other'
	assert_equal "$(jq -r '.sets | keys[]' <<<"${output#200 }" | sort)" \
	    "$(printf '%s\n' "$ADDR1" 'a"bä' "twice $ADDR1" \
		"twice $ADDR2" '\xFF\x01' | sort)"
	run_ok get /metrics
	assert_line --regexp '^qorb_backend_up\{pool="other",backend="a\\"bä",addr="'
	assert_line --regexp '^qorb_backend_up\{pool="other",backend="\\\\xFF\\\\x01",addr="'
	curl -s "http://$WEB/metrics" | promtool check metrics
}

@test "GET and HEAD, and the paths that there are" {
	start_all
	for path in / /metrics /healthz /stats.json; do
		run_ok get "$path"
		[[ $output == 200\ * ]]
		run_ok curl -sI -m 5 "http://$WEB$path"
		[[ $output == 'HTTP/1.1 200 OK'* ]]
		[[ $output =~ content-length:\ [1-9] ]]
	done
	for path in /qtop/stats /events; do
		run_ok get "$path"
		[[ $output == '426 this is for WebSockets'* ]]
	done
	for path in /index.html /metrics/ /qtop /../../etc/passwd /..%2fetc; do
		run_ok get "$path" --path-as-is
		[[ $output == 404\ * ]]
	done
	run_ok get /nosuch
	[[ $output == 404\ * ]]
	for method in POST PUT DELETE OPTIONS PATCH; do
		run_ok curl -si -m 5 -X $method -d 'a=b' "http://$WEB/stats.json"
		[[ $output == 'HTTP/1.1 405 '*'allow: GET, HEAD'* ]]
	done
	# It is still there, and so is a connection that goes on.
	run_ok curl -s -w '%{num_connects}\n' "http://$WEB/healthz" \
	    "http://$WEB/stats.json" "http://$WEB/nosuch" -o /dev/null \
	    -o /dev/null -o /dev/null
	assert_output $'1\n0\n0'
}

@test "what is too long, half, or of another protocol is ended, not served" {
	start_all
	run_ok get "/$(head -c 9000 /dev/zero | tr '\0' a)"
	[[ $output == 404\ * ]]
	run_ok get "/stats.json?pool=$(head -c 65 /dev/zero | tr '\0' a)"
	[[ $output == '400 pool: '* ]]
	run_ok get "/stats.json?pool=$(head -c 3000 /dev/zero | tr '\0' a)"
	[[ $output == '400 an argument is too long'* ]]
	run curl -s -m "$DEADLINE" "http://$WEB/$(head -c 40000 /dev/zero |
	    tr '\0' a)"
	[[ $status -eq 52 || $status -eq 56 ]]
	local target
	for target in 'TRACE /' 'PROPFIND /' "GET http://$WEB/healthz" \
	    'OPTIONS *'; do
		run_ok raw <<<"$target"$' HTTP/1.1\r\nHost: localhost\r\n\r'
		[[ $output == *' 403 '* ]]
	done
	run_ok raw <<<$'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r'
	assert_output ''
	run_ok get /healthz --http2
	[[ $output == 505\ * ]]
	for method in HEAD POST; do
		run_ok raw <<<"$method"$' /qtop/stats HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r'
		[[ $output == *' 404 '* ]]
	done
	run_ok raw <<<$'GET /healthz HTTP/1.0\r\n\r'
	[[ $output == *' 403 '* ]]
	head -c 20000 /dev/urandom | raw >/dev/null || true
	printf '\x16\x03\x01\x02\x00\x01' | raw >/dev/null || true
	run_ok get /healthz
	assert_output '200 ok'
	# Two requests at once.
	run_ok raw <<<$'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nosuch HTTP/1.1\r\nHost: localhost\r\n\r'
	assert_equal "$(grep -c '^HTTP/1.1 [24]0' <<<"$output")" 2
}

@test "a client that does not end its request is closed" {
	start_all
	exec {half}<>"/dev/tcp/${WEB%:*}/${WEB#*:}"
	printf 'GET /healthz HTTP/1.1\r\nHost: loc' >&"$half"
	exec {silent}<>"/dev/tcp/${WEB%:*}/${WEB#*:}"
	# Until the end of what comes.
	timeout "$DEADLINE" cat <&"$half"
	timeout "$DEADLINE" cat <&"$silent"
	exec {half}<&- {silent}<&-
	run_ok get /healthz
	assert_output '200 ok'
}

# --- who may look ------------------------------------------------------------

@test "only a Host that is this host's, and its own pages" {
	start_all --host pool1.example.com -H other.example.com
	local host
	for host in localhost LocalHost:80 127.0.0.1 '[::1]:8080' 192.0.2.1 \
	    pool1.example.com Other.Example.COM:443; do
		run_ok get /healthz -H "Host: $host"
		assert_output '200 ok'
		run_ok ws --header "Host: $host" \
		    --header "Origin: https://$host" "$WEB" /qtop/stats
	done
	for host in evil.example localhost.evil.example pool1.example.com. \
	    127.0.0.1.example '[evil]' 127.1; do
		for path in / /metrics /stats.json /healthz; do
			run_ok get "$path" -H "Host: $host"
			[[ $output == '403 this Host is '* ]]
		done
		run_status 3 ws --header "Host: $host" "$WEB" /qtop/stats
		[[ $output == 'refused: 403 '* ]]
	done
	for origin in http://evil.example "http://$WEB.evil.example" null \
	    "http://localhost:${WEB#*:}" "ftp://$WEB" "http://$WEB/" file://; do
		run_ok get /stats.json -H "Origin: $origin"
		[[ $output == '403 a page from elsewhere'* ]]
		for path in /qtop/stats /events; do
			run_status 3 ws --header "Origin: $origin" "$WEB" $path
			[[ $output == 'refused: 403 '* ]]
		done
	done
	run_ok get /stats.json -H "Origin: http://$WEB"
	[[ $output == 200\ * ]]
	# Refusals are no clients any more.
	run_ok ws --clients 50 "$WEB" /qtop/stats
}

# --- the stream of figures ---------------------------------------------------

@test "/qtop/stats: the message at once, then at the interval asked for" {
	start_all
	with_ws <<-'EOF'
		began = time.monotonic()
		c = connect("/qtop/stats?pool=demo")
		first = get(c)
		assert time.monotonic() - began < 5
		assert list(first["pools"]) == ["demo"], first
		assert first["claims"] == 0 and len(first["sets"]) == 2, first
		s = list(first["sets"].values())[0]
		assert set(s) >= {"connecting_slots", "unclaimed_slots",
		    "checking_slots", "claimed_slots", "total_claims"}, s
		os.system("qorb-claim demo true")
		second = get(c)
		assert second["claims"] == 1, second
		assert 0.3 < second["t"] - first["t"] < 5, (first, second)
		c.close()
		# Each for itself: five of the one are about one of the other.
		fast = connect("/qtop/stats?update_secs=0.2")
		slow = connect("/qtop/stats?update_secs=1")
		a, b = get(slow), get(slow)
		times = [get(fast)["t"] for _ in range(6)]
		assert 0.5 < b["t"] - a["t"] < 2.5, (a["t"], b["t"])
		mean = (times[5] - times[1]) / 4
		assert 0.1 < mean < 1, times
	EOF
}

@test "update_secs: out of range is clamped, garbage is refused" {
	start_all
	with_ws <<-'EOF'
		for text in ("0", "0.0", "-1", "0.0000001", "0.1", ".1"):
		    c = connect("/qtop/stats?update_secs=" + text)
		    times = [get(c)["t"] for _ in range(6)]
		    assert 0.05 < (times[5] - times[1]) / 4 < 1, (text, times)
		    c.close()
		for text in ("3600", "1e", "1e3", "0x1", "", "inf", "nan", "1s",
		    "--1", ".", "1,5", "+1", "1%201"):
		    try:
		        c = connect("/qtop/stats?update_secs=" + text)
		        assert text == "3600", text
		    except Refused as e:
		        assert "400" in str(e), (text, e)
		for text in ("999999999999999999999999999999", "3600",
		    "99999999999999999999999.99999999999999999"):
		    c = connect("/qtop/stats?update_secs=" + text)
		    assert get(c)["version"] == 1
		    c.close()
		for text in ("?pool=", "?pool=" + "a" * 65):
		    try:
		        connect("/qtop/stats" + text)
		        assert False, text
		    except Refused as e:
		        assert "400" in str(e), (text, e)
		assert get(connect("/qtop/stats?pool=nosuch")) == {"version": 1,
		    "error": "no-such-pool: no pool has this name"}
		assert get(connect("/qtop/stats?unknown=1&_=&a&pool=other"))[
		    "claims"] == 0
	EOF
}

@test "200 browsers at once are one client of the daemon" {
	start_all
	with_ws <<-'EOF'
		import subprocess
		clients = [connect("/qtop/stats?update_secs=0.1" +
		    ("&pool=demo" if i % 2 else "")) for i in range(200)]
		for c in clients:
		    for _ in range(5):
		        assert get(c)["version"] == 1
		# The daemon's ends of connections, but for the one that listens.
		ends = subprocess.run(["ss", "-Hx", "state", "connected", "src",
		    os.environ["QORB_SOCKET"]], capture_output=True, text=True,
		    check=True).stdout.splitlines()
		assert len(ends) == 1, ends
		for c in clients:
		    c.close()
	EOF
	run_ok ws --clients 200 --count 3 "$WEB" '/qtop/stats?update_secs=0'
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" '200 OK'
}

# many COUNT: as many backends, under names of their own.
many()
{
	local lines=() i
	for ((i = 0; i < $1; i++)); do
		lines+=("advertise other backend-$i $ADDR1 ttl=1h")
	done
	ask 'set other max-slots=4' "${lines[@]}" >/dev/null
	wait_for eval "ask pools | grep -q 'pool=other.* backends=$(($1 + 1)) '"
}

@test "a long message comes in several frames, whole" {
	start_all
	run_ok ws --fragments "$WEB" /qtop/stats
	[[ $output == '1 {"version":1,'* ]]
	many 600
	run_ok ws --fragments "$WEB" /qtop/stats
	[[ $output == [2-9]' {"version":1,'* ]]
	assert_equal "$(jq '.sets | length' <<<"${output#* }")" 603
	run_ok get /stats.json
	assert_equal "$(jq '.sets | length' <<<"${output#200 }")" 603
}

@test "a slow reader gets what is newest, and costs no memory" {
	start_all
	many 1000
	with_ws <<-'EOF'
		pid = int(open(os.environ["SCRATCH"] + "/daemons/web").read())
		clients = [connect("/qtop/stats?update_secs=0", rcvbuf=4096)
		    for _ in range(10)]
		clock = connect("/qtop/stats?update_secs=0.1&pool=demo")
		began = get(clock)["t"]
		while (now := get(clock)["t"]) < began + 5:
		    pass
		# From here on there is nothing new. What the kernel has taken is old,
		# and so is the message under way; what waits behind it is not.
		pool = int(open(os.environ["SCRATCH"] + "/daemons/pool").read())
		os.kill(pool, signal.SIGSTOP)
		try:
		    for c in clients:
		        old = t = get(c)["t"]
		        while t <= now - 1:
		            old, t = t, get(c)["t"]
		        assert old < began + 4, "it gets all that was ever said"
		finally:
		    os.kill(pool, signal.SIGCONT)
		with open(f"/proc/{pid}/status") as status:
		    most, = [line.split()[1] for line in status
		        if line.startswith("VmHWM")]
		# The address sanitizer keeps freed memory for a while.
		exe = open(f"/proc/{pid}/exe", "rb").read()
		assert b"__asan_init" in exe or int(most) < 30000, most
	EOF
}

@test "a client that never reads is closed" {
	start_all --timeout 2s
	run_ok ws --mute "$WEB" '/qtop/stats?update_secs=0.1'
	[[ $output == 'closed after '* ]]
	run_ok ws --mute "$WEB" /events
	[[ $output == 'closed after '* ]]
	# One that answers pings stays.
	with_ws <<-'EOF'
		c = connect("/qtop/stats?update_secs=3600")
		get(c)
		c.end = time.monotonic() + 5
		try:
		    c.message()
		    assert False, "there is no more"
		except TimeoutError:
		    pass
	EOF
	# And one that takes nothing of an answer goes. It may not see that: what
	# the kernel has taken to be sent stands before the end.
	many 1000
	run_ok get /healthz
	run_ok python3 - <<-'EOF'
		import os, socket, time
		pid = open(os.environ["SCRATCH"] + "/daemons/web").read().strip()
		def clients():
		    at = f"/proc/{pid}/fd"
		    count = 0
		    for n in os.listdir(at):
		        try:
		            count += os.readlink(f"{at}/{n}").startswith("socket:")
		        except FileNotFoundError:
		            pass
		    return count
		def wait_until(condition):
		    end = time.monotonic() + 20
		    while not condition():
		        assert time.monotonic() < end, clients()
		        time.sleep(0.05)
		wait_until(lambda: clients() == 3)  # it listens; the daemon, twice
		host, port = os.environ["WEB"].split(":")
		s = socket.socket()
		s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		s.connect((host, int(port)))
		for _ in range(30):
		    s.sendall(b"GET /stats.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
		wait_until(lambda: clients() == 4)
		wait_until(lambda: clients() == 3)
	EOF
}

@test "readers that are too slow keep 64 MiB of old rounds, not more" {
	# A round of more than 20 MiB.
	awk 'BEGIN {
		name = sprintf("%3000s", "")
		gsub(" ", "x", name)
		for (i = 0; i < 3500; i++)
			printf "* pool=p backend=%s%d addr=a\n", name, i
		print "ok"
	}' >"$SCRATCH/rows"
	scripted_daemon 'pools=* pool=p\nok' "stats=@$SCRATCH/rows"
	start_web
	with_ws <<-'EOF'
		host, port = os.environ["WEB"].split(":")
		def ask():
		    s = socket.socket()
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		    s.settimeout(20)
		    s.connect((host, int(port)))
		    s.sendall(b"GET /stats.json HTTP/1.0\r\nHost: localhost\r\n\r\n")
		    assert s.recv(1, socket.MSG_PEEK)
		    return s
		def read(s):
		    parts = []
		    while part := s.recv(1 << 20):
		        parts.append(part)
		    return b"".join(parts).partition(b"\r\n\r\n")[2]
		first = ask()
		second = connect("/qtop/stats?update_secs=3600", rcvbuf=4096)
		assert select.select([second.socket], [], [], 20)[0]
		third, fourth, fifth = ask(), ask(), ask()
		# Those that were furthest behind get what had been sent.
		assert len(read(first)) < 20 << 20
		second.socket.settimeout(20)
		assert len(read(second.socket)) < 20 << 20
		# Those who are left get all of theirs.
		for s in third, fourth, fifth:
		    body = read(s)
		    assert len(body) > 20 << 20, len(body)
		    assert len(json.loads(body)["sets"]) == 3500
	EOF
	grep -q 'readers that are too slow hold 8[0-9] MiB' "$SCRATCH/web.err"
}

@test "more clients than are served are told so, yet more are closed" {
	start_all --max-clients 3
	with_ws <<-'EOF'
		import http.client, socket
		held = [connect("/qtop/stats") for _ in range(3)]
		for c in held:
		    get(c)
		def ask():
		    h = http.client.HTTPConnection(os.environ["WEB"], timeout=20)
		    h.request("GET", "/healthz")
		    r = h.getresponse()
		    return r.status, r.read().decode()
		assert ask() == (503,
		    "as many clients as are served; try later\n")
		try:
		    connect("/events")
		    assert False
		except Refused as e:
		    assert "503" in str(e), e
		host, port = os.environ["WEB"].split(":")
		more = [socket.create_connection((host, int(port)), 20)
		    for _ in range(40)]
		assert more[-1].recv(1) == b""
		for s in more:
		    s.close()
		held.pop().close()
		end = time.monotonic() + 20
		def is_served():
		    try:
		        return ask()[0] == 200
		    except OSError:
		        return False
		while not is_served():
		    assert time.monotonic() < end
		get(held[0])
	EOF
}

@test "those who wait for the same round get the same body, made once" {
	start_all
	many 1000
	# Theirs is no room of its own that it grows by.
	run_ok get /stats.json
	run_ok get /metrics
	with_ws <<-'EOF'
		host, port = os.environ["WEB"].split(":")
		pool = int(open(os.environ["SCRATCH"] + "/daemons/pool").read())
		def ask(path):
		    s = socket.socket()
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		    s.settimeout(20)
		    s.connect((host, int(port)))
		    s.sendall(b"GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" % path)
		    return s
		def read(s):
		    parts = []
		    while part := s.recv(65536):
		        parts.append(part)
		    return b"".join(parts)
		os.kill(pool, signal.SIGSTOP)
		try:
		    asked = [ask(b"/stats.json") for _ in range(200)]
		    metrics = [ask(b"/metrics") for _ in range(10)]
		    # What is answered later than they were asked.
		    assert b" 200 " in read(ask(b"/"))
		finally:
		    os.kill(pool, signal.SIGCONT)
		answers = {read(s) for s in asked}
		assert len(answers) == 1, len(answers)
		head, _, body = answers.pop().partition(b"\r\n\r\n")
		assert b" 200 " in head and len(json.loads(body)["sets"]) == 1003
		assert len({read(s) for s in metrics}) == 1
		pid = open(os.environ["SCRATCH"] + "/daemons/web").read()
		with open(f"/proc/{pid.strip()}/status") as status:
		    most, = [line.split()[1] for line in status
		        if line.startswith("VmHWM")]
		exe = open(f"/proc/{pid.strip()}/exe", "rb").read()
		assert b"__asan_init" in exe or int(most) < 30000, most
	EOF
}

@test "short visits at another interval put nobody's turn off" {
	start_all
	with_ws <<-'EOF'
		steady = connect("/qtop/stats?update_secs=1&pool=demo")
		get(steady)
		began = time.monotonic()
		count = 0
		while count < 3:
		    guest = connect("/qtop/stats?update_secs=0.5&pool=other")
		    get(guest)
		    if select.select([steady.socket], [], [], 0.3)[0]:
		        get(steady)
		        count += 1
		    guest.close()
		    assert time.monotonic() < began + 10, count
	EOF
}

@test "a subprotocol is refused; what clients send is not looked at" {
	start_all
	local path offer
	for path in /qtop/stats /events; do
		for offer in http chat 'chat, http'; do
			run_status 3 ws --header "Sec-WebSocket-Protocol: $offer" \
			    "$WEB" "$path"
			[[ $output == 'refused: 400 '*'no subprotocol here; '* ]]
		done
	done
	with_ws <<-'EOF'
		c = connect("/qtop/stats?update_secs=0.1")
		for i in range(20):
		    c.send(1, b"x" * 100)
		    c.send(2, b"\xff" * 100)
		    c.send(9, b"ping")
		    get(c)
		# What breaks the protocol ends the connection, and nothing else.
		c.socket.sendall(b"\xff\xff\xff\xff")
		try:
		    while True:
		        get(c)
		except (Closed, ConnectionResetError):
		    pass
	EOF
	run_ok get /healthz
	assert_output '200 ok'
}

# --- the stream of events ----------------------------------------------------

@test "/events: what happens to backends and what fails, of the pool" {
	start_all
	with_ws <<-'EOF'
		import signal
		every, demo, other = (connect("/events" + q) for q in
		    ("", "?pool=demo", "?pool=other"))
		stats = connect("/qtop/stats?update_secs=0.1")
		get(stats)
		# The daemon has been asked when it answers what was asked later.
		os.system("qorb-claim demo true")
		pid = int(open(os.environ["SCRATCH"] + "/daemons/echo2").read())
		os.kill(pid, signal.SIGTERM)
		def until(c, event):
		    seen = []
		    while True:
		        e = get(c)
		        seen.append(e)
		        if e["event"] == event:
		            return seen
		a, b = until(every, "slot-set-offline"), until(demo,
		    "slot-set-offline")
		lost = b[0]
		assert lost["event"] == "connection-lost", b
		assert lost["pool"] == "demo" and isinstance(lost["slot"], int)
		assert lost["addr"].startswith("[::1]:"), lost
		assert abs(lost["t"] - time.time()) < 60, lost
		assert isinstance(lost["reason"], str), lost
		kinds = {e["event"] for e in a + b}
		assert not kinds & {"claim-start", "claim-done", "connect-done",
		    "slot-state-change", "client-connected", "resolve-done"}, kinds
		os.system("qorb-claim --wait 0 other true; "
		    "qorb-ctl advertise other new [::1]:1 ttl=1m")
		o = until(other, "backend-added")
		assert o[-1]["name"] == "new" and {e["pool"] for e in o} == {
		    "other"}, o
		# The first one is another client's now; nothing is sent to it.
		demo.close()
	EOF
	stop_daemon echo2 2>/dev/null || true
}

@test "of a pool that comes later, streams and figures come then" {
	printf '[pool demo]\nbackends = [::1]:1\n' >"$SCRATCH/pool.conf"
	start_pool -c "$SCRATCH/pool.conf"
	start_web
	run_ok get '/stats.json?pool=late'
	[[ $output == '404 {"version":1,"error":"no-such-pool: '* ]]
	with_ws <<-'EOF'
		e = connect("/events?pool=late")
		c = connect("/qtop/stats?update_secs=0.1&pool=late")
		# A round later the daemon has been asked for events, too.
		for _ in range(2):
		    assert get(c)["error"].startswith("no-such-pool: ")
		with open(os.environ["SCRATCH"] + "/pool.conf", "a") as f:
		    f.write("[pool late]\nbackends = [::1]:2\n")
		os.system("qorb-ctl reload")
		m = get(e)
		while m["event"] != "backend-added":
		    m = get(e)
		assert (m["pool"], m["name"]) == ("late", "[::1]:2"), m
		while "error" in (m := get(c)):
		    pass
		assert list(m["pools"]) == ["late"], m
	EOF
	run_ok get '/stats.json?pool=late'
	[[ $output == 200\ * ]]
}

@test "/events: a flood is cut to 20 a second, and what is lost is counted" {
	start_all
	ask 'set other max-slots=1' 'pause other' >/dev/null
	with_ws <<-'EOF'
		c = connect("/events?pool=other")
		import socket
		s = socket.socket(socket.AF_UNIX)
		s.connect(os.environ["QORB_SOCKET"])
		def refuse(n):
		    s.sendall(b"claim other wait=0\n" * n)
		    left = n
		    while left:
		        left -= s.recv(65536).count(b"\n")
		# Until the stream has begun.
		end = time.monotonic() + 20
		sent = 0
		while True:
		    refuse(1)
		    sent += 1
		    c.end = time.monotonic() + 0.2
		    try:
		        assert get(c)["event"] == "claim-failed"
		        break
		    except TimeoutError:
		        assert time.monotonic() < end
		c.end = end
		told, lost = 1, 0
		refuse(300)
		sent += 300
		second = time.monotonic()
		while told + lost < 300:
		    e = get(c)
		    if e["event"] == "lost":
		        lost += e["count"]
		    else:
		        assert e["event"] == "claim-failed", e
		        assert e["reason"] == "all-claims-used", e
		        told += 1
		    if time.monotonic() - second > 1.2:
		        refuse(1)
		        sent += 1
		        second = time.monotonic()
		assert lost >= 200 and told <= 61, (told, lost)
		assert told + lost <= sent, (told, lost, sent)
	EOF
}

# --- the daemon goes and comes -----------------------------------------------

@test "a daemon that goes away is told of, and its return" {
	start_all
	local log=$SCRATCH/seen
	start_daemon -n viewer -r '"t":' python3 \
	    "$BATS_TEST_DIRNAME/ws_client.py" --count 1000 --seconds 60 \
	    "$WEB" '/qtop/stats?update_secs=0.1&pool=demo'
	stop_daemon pool
	wait_for_text "$SCRATCH/viewer.out" \
	    "^\{\"version\":1,\"error\":\"$QORB_SOCKET: [a-z ]+\"\}$"
	run_ok get /healthz
	[[ $output == "503 $QORB_SOCKET: no such file or directory"* ]]
	run_ok get /stats.json
	assert_output "503 {\"version\":1,\"error\":\"$QORB_SOCKET: no such file or directory\"}"
	run_ok get /metrics
	[[ $output == 200\ * ]]
	assert_line 'qorb_up 0'
	refute_output --partial qorb_claims_total
	# One who comes now is told at once.
	run_ok ws "$WEB" /qtop/stats
	assert_output "{\"version\":1,\"error\":\"$QORB_SOCKET: no such file or directory\"}"
	start_pool "demo=$ADDR1"
	grep -c '"t":' "$SCRATCH/viewer.out" >"$log"
	wait_for eval '[[ $(tail -n 1 "$SCRATCH/viewer.out") == *\"t\":* ]]'
	# Two reasons: that it closed, and that nobody is there.
	[[ $(grep '"error"' "$SCRATCH/viewer.out" | sort -u | wc -l) -le 3 ]]
	grep -q ": $QORB_SOCKET: the daemon answers again" "$SCRATCH/web.err"
	run_ok get /healthz
	assert_output '200 ok'
	stop_daemon -s KILL viewer 137
}

@test "why there are no figures is told again, each 2 to 5 s" {
	start_all
	with_ws <<-'EOF'
		import subprocess
		def until(c, what):
		    while what not in (m := get(c)):
		        pass
		    return m, time.monotonic()
		fast, three, slow = (connect("/qtop/stats?update_secs=" + n, 60)
		    for n in ("0.1", "3", "3600"))
		for c in fast, three, slow:
		    get(c)
		pool = int(open(os.environ["SCRATCH"] + "/daemons/pool").read())
		os.kill(pool, signal.SIGKILL)
		def spans(c, count):
		    # The reason changes from one to the other at first.
		    old, then = until(c, "error")
		    while True:
		        m, now = until(c, "error")
		        if m == old:
		            yield now - then
		            if (count := count - 1) == 0:
		                return
		        old, then = m, now
		# All at once, by their own times.
		import threading
		seen = {}
		def look(name, c, count):
		    seen[name] = list(spans(c, count))
		threads = [threading.Thread(target=look, args=a) for a in
		    (("fast", fast, 3), ("three", three, 2), ("slow", slow, 1))]
		for t in threads:
		    t.start()
		for t in threads:
		    t.join()
		assert all(1.9 < n < 4 for n in seen["fast"]), seen
		assert all(2.9 < n < 5 for n in seen["three"]), seen
		assert all(4.9 < n < 8 for n in seen["slow"]), seen
		# And who comes now is told at once.
		began = time.monotonic()
		assert until(connect("/qtop/stats"), "error")[1] < began + 1.5
		p = subprocess.Popen(["qorb-pool", "demo=[::1]:1"],
		    stderr=open(os.environ["SCRATCH"] + "/again.err", "w"))
		try:
		    for c in fast, three, slow:
		        until(c, "pools")
		    # Then that is over.
		    for _ in range(30):
		        assert "error" not in get(fast)
		finally:
		    p.terminate()
		    p.wait()
	EOF
	rm "$SCRATCH/daemons/pool"
}

@test "a daemon that crashes and comes back under the same name" {
	start_all
	with_ws <<-'EOF'
		import signal, subprocess
		c = connect("/qtop/stats?update_secs=0.1")
		e = connect("/events")
		get(c)
		pid = int(open(os.environ["SCRATCH"] + "/daemons/pool").read())
		os.kill(pid, signal.SIGKILL)
		while "error" not in get(c):
		    pass
		p = subprocess.Popen(["qorb-pool", "demo=[::1]:1"],
		    stderr=open(os.environ["SCRATCH"] + "/again.err", "w"))
		try:
		    while "error" in (m := get(c)):
		        pass
		    assert list(m["pools"]) == ["demo"], m
		    # The events too go on.
		    os.system("qorb-ctl advertise demo new [::1]:2 ttl=1m")
		    while get(e)["event"] != "backend-added":
		        pass
		finally:
		    p.terminate()
		    p.wait()
	EOF
	rm "$SCRATCH/daemons/pool"
}

# A daemon of a few lines: answers what it is asked with the words of its
# arguments, VERB=ANSWER, and writes down what that was. A row ~N is none: it
# waits for N seconds there. An ANSWER @FILE is in a file.
scripted_daemon()
{
	start_daemon -n scripted -s "$QORB_SOCKET" python3 -c '
import os, socketserver, sys, threading
answers = dict(a.split("=", 1) for a in sys.argv[1:])
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            words = line.decode().split()
            tag = words.pop(0) + " " if words[0][0] == "#" else ""
            print(words[0], flush=True)
            answer = answers.get(words[0], "ok")
            rows = answer.split("\\n")
            if answer[0] == "@":
                rows = open(answer[1:]).read().splitlines()
            for row in rows:
                if row[0] == "~":
                    threading.Event().wait(float(row[1:]))
                else:
                    self.wfile.write((tag + row + "\n").encode())
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
import signal
signal.signal(signal.SIGTERM, lambda *_: (os.unlink(os.environ["QORB_SOCKET"]),
    os._exit(0)))
Server(os.environ["QORB_SOCKET"], Handler).serve_forever()' "$@"
}

@test "it asks once for all, and nothing when nobody looks" {
	scripted_daemon
	start_web
	run_ok get /healthz
	run_ok ws --clients 20 --count 3 "$WEB" '/qtop/stats?update_secs=0.1'
	run_ok ws "$WEB" '/qtop/stats?update_secs=0.1'
	local rounds
	rounds=$(grep -c '^stats$' "$SCRATCH/scripted.out")
	[[ $rounds -ge 3 && $rounds -le 30 ]]
	assert_equal "$(grep -c '^metrics$' "$SCRATCH/scripted.out")" "$rounds"
	! grep -q events "$SCRATCH/scripted.out" || return 1
	# The one who looked last has gone: a later question is the next one.
	run_ok get /healthz
	rounds=$(wc -l <"$SCRATCH/scripted.out")
	run_ok timeout 1 tail -f /dev/null || true
	run_ok get /healthz
	assert_equal "$(tail -n "+$((rounds + 1))" "$SCRATCH/scripted.out")" ping
}

@test "a round that takes the daemon long comes more seldom" {
	scripted_daemon 'stats=~0.1\nok'
	start_web
	with_ws <<-'EOF'
		import urllib.request
		c = connect("/qtop/stats?update_secs=0.1")
		get(c)
		began = time.monotonic()
		for _ in range(3):
		    get(c)
		assert 2.7 < time.monotonic() - began < 10
		# Whoever asks.
		c.close()
		def ask():
		    with urllib.request.urlopen("http://" + os.environ["WEB"] +
		        "/stats.json", timeout=20) as r:
		        assert r.status == 200
		    return time.monotonic()
		first = ask()
		assert ask() - first > 0.9
	EOF
}

@test "a daemon that is older or younger is understood as far as it goes" {
	scripted_daemon 'hello=ok server=qorb-pool/9.9.9 new=1' \
	    'metrics=error unknown-verb metrics: no verb has this name' \
	    'pools=* pool=p backends=1 what=ever\n* other=row\nok' \
	    'stats=* pool=p claims=x claims_per_s=nan slots=-1\n* pool=q claims=1\n* pool=p backend=b addr=a total=99999999999999999999 claims_per_s=1e999\nok'
	start_web
	run_ok get /stats.json
	[[ $(jq -c '[.server, .claims, .pools.p.claims_per_s, .pools.p.slots,
	    .pools.p.service, .sets.b.total_claims, .sets.b.state]' \
	    <<<"${output#200 }") == '["qorb-pool/9.9.9",0,0,0,"",0,""]' ]]
	run_ok get /metrics
	assert_line 'qorb_build_info{version="9.9.9"} 1'
	curl -s "http://$WEB/metrics" | promtool check metrics
}

@test "what is no daemon, or refuses, is told of" {
	scripted_daemon 'hello=SSH-2.0-x'
	start_web
	run_ok get /stats.json
	[[ $output == "503 "*"what answers is no qorb-pool"* ]]
	stop_daemon scripted
	scripted_daemon 'stats=error denied stats: not you'
	run_ok get /stats.json
	[[ $output == "503 "*": denied: stats: not you"* ]]
	wait_for eval '[[ $(get /healthz) == "200 ok" ]]'
}

# silent_for LEAST: what /healthz says of a daemon that is silent, for at least
# as long and not for longer than since $BEGAN.
silent_for()
{
	run_ok get /healthz -m 2
	[[ $output =~ ^"503 $QORB_SOCKET: the daemon has not answered for "([0-9]+)" s"$ ]] || {
		echo "said: $output"
		return 1
	}
	[[ ${BASH_REMATCH[1]} -ge $1 ]]
	[[ ${BASH_REMATCH[1]} -le $((SECONDS - BEGAN + 1)) ]]
}

@test "a daemon that says nothing any more is down until it does" {
	local BEGAN=$SECONDS
	start_all
	run_ok get /metrics
	assert_line 'qorb_up 1'
	kill -STOP "$(daemon_pid pool)"
	# Prometheus waits 10 s.
	run_ok get /metrics -m 8
	assert_output --partial 'qorb_up 0'
	[[ $output == 200\ * ]]
	# Now it is known, for all who ask.
	run_ok get /metrics -m 2
	assert_output --partial 'qorb_up 0'
	run_ok get /stats.json -m 2
	[[ $output == "503 {\"version\":1,\"error\":\"$QORB_SOCKET: the daemon has not answered for "* ]]
	silent_for 4
	run_ok ws --seconds 2 "$WEB" /qtop/stats
	assert_output --partial '"error":"'
	wait_for silent_for 6
	kill -CONT "$(daemon_pid pool)"
	wait_for eval '[[ $(get /healthz) == "200 ok" ]]'
	run_ok get /metrics
	assert_line 'qorb_up 1'
	run_ok get /stats.json
	[[ $output == 200\ * ]]
	run_ok ws --count 3 "$WEB" '/qtop/stats?update_secs=0.1'
	refute_output --partial '"error"'
	grep -q ": $QORB_SOCKET: the daemon answers again" "$SCRATCH/web.err"
}

@test "who looks on sees a daemon fall silent, and answer again" {
	start_all
	with_ws <<-'EOF'
		c = connect("/qtop/stats?update_secs=0.1")
		e = connect("/events")
		get(c)
		pool = int(open(os.environ["SCRATCH"] + "/daemons/pool").read())
		os.kill(pool, signal.SIGSTOP)
		stopped = time.monotonic()
		try:
		    for _ in range(2):
		        while "error" not in (m := get(c)):
		            pass
		        assert "has not answered for" in m["error"], m
		        assert time.monotonic() - stopped > 3.5, m
		finally:
		    os.kill(pool, signal.SIGCONT)
		while "error" in (m := get(c)):
		    pass
		for _ in range(20):
		    assert "error" not in get(c)
		os.system("qorb-ctl advertise demo new [::1]:2 ttl=1m")
		while get(e)["event"] != "backend-added":
		    pass
	EOF
}

@test "a daemon that accepts nobody is down at once" {
	start_daemon -n full -r ready python3 -uc '
import os, signal, socket
at = os.environ["QORB_SOCKET"]
s = socket.socket(socket.AF_UNIX)
s.bind(at)
s.listen(0)
waiting = []
try:
    while True:
        waiting.append(socket.socket(socket.AF_UNIX))
        waiting[-1].setblocking(False)
        waiting[-1].connect(at)
except BlockingIOError:
    print("ready")
signal.pause()'
	start_web
	run_ok get /healthz -m 2
	assert_output "503 $QORB_SOCKET: the daemon accepts no more connections"
	stop_daemon full 143
	rm "$QORB_SOCKET"
}

@test "another connection is tried when one stays silent" {
	printf '~60\nok\n' >"$SCRATCH/hello"
	scripted_daemon "hello=@$SCRATCH/hello"
	start_web
	run_ok get /healthz -m 8
	[[ $output == "503 "*"the daemon has not answered for "* ]]
	echo ok >"$SCRATCH/hello"
	wait_for eval '[[ $(get /healthz) == "200 ok" ]]'
	assert_equal "$(grep -c '^hello$' "$SCRATCH/scripted.out")" 2
}

@test "a daemon that is long in answering is not silent while it does" {
	scripted_daemon 'pools=~1.5\n* pool=p\n~1.5\n* pool=q\n~1.5\n* pool=r\nok'
	start_web
	run_ok get /stats.json
	[[ $(jq -c '.pools | keys' <<<"${output#200 }") == '["p","q","r"]' ]]
	refute grep -q 'has not answered' "$SCRATCH/web.err"
}

# --- the end, and wrong uses -------------------------------------------------

@test "signals end it in good order, whoever looks" {
	start_all
	local signal
	for signal in TERM INT; do
		stop_daemon web
		# Shells start background jobs with SIGINT ignored.
		# shellcheck disable=SC2016
		start_daemon -n web -r 'ready on' \
		    perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' \
		    qorb-web --listen "$WEB"
		start_daemon -n viewer -r '"t":' python3 \
		    "$BATS_TEST_DIRNAME/ws_client.py" --count 1000 \
		    "$WEB" '/qtop/stats?update_secs=0.1'
		start_daemon -n events -r '' python3 \
		    "$BATS_TEST_DIRNAME/ws_client.py" "$WEB" /events
		stop_daemon -s $signal web
		wait_for has_ended "$(daemon_pid viewer)"
		wait_for has_ended "$(daemon_pid events)"
		start_daemon -n web -r 'ready on' qorb-web --listen "$WEB"
	done
}

@test "more signals while it ends are as good as one" {
	WEB="127.0.0.1:$(free_port)"
	export WEB
	with_ws <<-'EOF'
		import subprocess
		for _ in range(5):
		    web = subprocess.Popen(["qorb-web", "--listen", os.environ["WEB"]],
		        stderr=subprocess.PIPE, text=True)
		    assert "ready on" in web.stderr.readline()
		    clients = [connect("/events") for _ in range(150)]
		    for _ in range(20000):
		        web.send_signal(signal.SIGTERM)
		        web.send_signal(signal.SIGINT)
		        if web.poll() is not None:
		            break
		    assert web.wait(20) == 0, web.returncode
		    web.stderr.close()
	EOF
}

# wrong RE ARG ...: a wrong use, said so.
wrong()
{
	local re=$1
	shift
	run_status 2 qorb-web "$@"
	assert_output ''
	[[ ${stderr_lines[0]} =~ ^qorb-web:\ $re ]] || {
		echo "said: $stderr"
		return 1
	}
}

@test "wrong uses: 2, and what would do" {
	wrong "--listen 'x': not an address" --listen x
	wrong "--listen '127.0.0.1': not an address" --listen 127.0.0.1
	wrong "--listen 'localhost:80': not an address" --listen localhost:80
	wrong "--listen 'unix:/x': an address and a port" --listen unix:/x
	wrong "--host 'a:80': not a name" --host a:80
	wrong "--host '': not a name" --host ''
	wrong "--host '\[::1\]': not a name" --host '[::1]'
	wrong "--max-clients '0'" --max-clients 0
	wrong "--max-backends '-1'" --max-backends -1
	wrong "--timeout '1s': not a time from 2s to 1h" --timeout 1s
	wrong "--timeout 'never': not a time" --timeout never
	wrong "--timeout 'x': not a time from 2s to 1h, written as" --timeout x
	wrong "--log-level 'loud'" --log-level loud
	local path
	path=/$(head -c 103 /dev/zero | tr '\0' a)
	wrong "--socket '$path': a path of 1 to 103 bytes" --socket "$path"
	wrong "--socket '': a path of 1 to 103 bytes" --socket ''
	wrong "'extra': qorb-web takes no argument" extra
	run_status 1 qorb-web --listen 127.0.0.1:0 --max-clients 100000
	[[ $stderr == *'raise its limit (ulimit -n) or lower --max-clients' ]]
}

# --- beside the daemon -------------------------------------------------------

# A daemon with a qorb-web of its own, which serves.
start_beside()
{
	WEB="127.0.0.1:$(free_port)"
	export WEB
	start_pool --web "$WEB" 'demo=[::1]:1'
	wait_for_text "$SCRATCH/pool.err" "ready on http://$WEB/"
	CHILD=$(child)
}

child()
{
	pgrep -P "$(daemon_pid pool)"
}

@test "qorb-pool --web runs it, and takes it along" {
	start_beside
	run_ok get /healthz
	assert_output '200 ok'
	assert_equal "$(listeners "${WEB#*:}")" "$WEB"
	grep -q "qorb-web started for $WEB as process $CHILD" "$SCRATCH/pool.err"
	stop_daemon pool
	has_ended "$CHILD"
	assert_equal "$(listeners "${WEB#*:}")" ''
}

@test "the daemon's descriptors are its own" {
	exec {extra}<"$0"
	start_beside
	exec {extra}<&-
	python3 - "$(daemon_pid pool)" "$CHILD" <<-'EOF'
		import os, sys
		def fds(pid):
		    at = f"/proc/{pid}/fd"
		    return {os.readlink(f"{at}/{n}") for n in os.listdir(at)
		        if int(n) > 2}
		pool, web = map(fds, sys.argv[1:])
		shared = {f for f in pool & web if not f.startswith("anon_inode")}
		assert not shared, shared
		assert not [f for f in web if f.endswith(".bats") or
		    "bats-exec" in f], web
	EOF
}

@test "when it dies it is started again" {
	start_beside
	kill -KILL "$CHILD"
	wait_for_text "$SCRATCH/pool.err" \
	    'qorb-web was ended by signal 9 .* tried again in 1 s'
	wait_for eval '[[ $(get /healthz) == "200 ok" ]]'
	[[ $(child) != "$CHILD" ]]
	kill -TERM "$(child)"
	wait_for_text "$SCRATCH/pool.err" \
	    'qorb-web ended with exit status 0; .* again in 2 s'
	# The daemon does not mind, nor does it wait.
	run_ok ask ping
	assert_output ok
	stop_daemon pool
}

@test "when the daemon crashes it ends too" {
	start_beside
	kill -KILL "$(daemon_pid pool)"
	wait_for has_ended "$CHILD"
	rm "$SCRATCH/daemons/pool" "$QORB_SOCKET"
}

@test "a port in use: one line, and the daemon serves its clients" {
	local port
	port=$(free_port)
	start_daemon -n other -r 'ready to accept' qorb-echo "127.0.0.1:$port"
	start_pool --web "127.0.0.1:$port" 'demo=[::1]:1'
	wait_for_text "$SCRATCH/pool.err" \
	    "^qorb-web: cannot listen on 127.0.0.1:$port: Address already in use"
	wait_for_text "$SCRATCH/pool.err" \
	    'qorb-web ended with exit status 1; it is tried again in 1 s'
	run_ok ask ping
	assert_output ok
	stop_daemon other
	wait_for eval "[[ \$(WEB=127.0.0.1:$port get /healthz) == '200 ok' ]]"
}

@test "an address that is none: 2, and what would do" {
	local text
	for text in x 127.0.0.1 localhost:80 127.0.0.1:0 unix:/x; do
		run_status 2 qorb-pool --web "$text" 'demo=[::1]:1'
		[[ $stderr == "qorb-pool: --web: '$text': an IP address and a port are needed, such as 127.0.0.1:42069: "* ]]
	done
	for text in '127.0.0.1:0' '[::1]:0' 127.0.0.1:65536; do
		run_status 2 qorb-pool --web "$text" 'demo=[::1]:1'
		[[ $stderr == *": the port is not a number from 1 to 65535"* ]]
	done
	printf '[daemon]\nweb = x\n[pool a]\nbackends = none\n' \
	    >"$SCRATCH/pool.conf"
	run_status 2 qorb-pool --check-config -c "$SCRATCH/pool.conf"
	[[ $stderr == "qorb-pool: $SCRATCH/pool.conf:2: web: 'x': "* ]]
}

@test "a program that is not there is told of; one in PATH is found" {
	mkdir "$SCRATCH/bin"
	cp "$QORB_BIN/qorb-pool" "$SCRATCH/bin"
	start_daemon -n pool -s "$QORB_SOCKET" \
	    env "PATH=/nowhere" "$SCRATCH/bin/qorb-pool" \
	    --web "127.0.0.1:$(free_port)" 'demo=[::1]:1'
	wait_for_text "$SCRATCH/pool.err" \
	    'qorb-web is neither beside qorb-pool nor in \$PATH; it is tried'
	stop_daemon pool
	start_daemon -n pool -s "$QORB_SOCKET" "$SCRATCH/bin/qorb-pool" \
	    --web "127.0.0.1:$(free_port)" 'demo=[::1]:1'
	wait_for_text "$SCRATCH/pool.err" 'ready on http://'
}

@test "a reload moves it, ends it and begins it" {
	local first second
	first=$(free_port)
	second=$(free_port)
	configure()
	{
		printf '[daemon]\nweb = %s\n[pool demo]\nbackends = [::1]:1\n' \
		    "$1" >"$SCRATCH/pool.conf"
	}
	configure "127.0.0.1:$first"
	start_pool -c "$SCRATCH/pool.conf"
	wait_for_text "$SCRATCH/pool.err" "ready on http://127.0.0.1:$first/"
	configure "[::1]:$second"
	run_ok ask reload
	wait_for_text "$SCRATCH/pool.err" "ready on http://\[::1\]:$second/"
	assert_equal "$(listeners "$first")$(listeners "$second")" \
	    "[::1]:$second"
	CHILD=$(child)
	# What stays the same is not touched.
	echo 'max-slots = 3' >>"$SCRATCH/pool.conf"
	run_ok ask reload
	assert_equal "$(child)" "$CHILD"
	configure none
	run_ok ask reload
	wait_for has_ended "$CHILD"
	wait_for_text "$SCRATCH/pool.err" 'qorb-web stopped'
	assert_equal "$(child)" ''
	configure "127.0.0.1:$first"
	run_ok ask reload
	wait_for eval "[[ \$(WEB=127.0.0.1:$first get /healthz) == '200 ok' ]]"
}
