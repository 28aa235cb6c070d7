#!/usr/bin/env bats
#
# qtop reading a WebSocket, from a server that says what a file tells it to.
#
# Each test has the output of its own runs.
# shellcheck disable=SC2030,SC2031

load helpers
load screen

setup()
{
	screen_begin
	SCRIPT=$SCRATCH/script
	# What says how far a server has come.
	GO=$SCRATCH/go
}

# server [ADDRESS]: one that does the steps of stdin; sets URL.
server()
{
	local address=${1:-::1} host port
	host=$address
	cat >"$SCRIPT"
	: >"$SCRIPT.log"
	port=$(free_port)
	[[ $host != *:* ]] || host="[$host]"
	URL=ws://$host:$port
	start_daemon -n server -r ready \
	    python3 "$ROOT/tests/system/ws_script.py" "$address" "$port" "$SCRIPT"
}

# perl_json CODE: runs it with @rounds, the objects of stdin's lines.
perl_json()
{
	perl -MJSON::PP -e '
		my @rounds = map { decode_json($_) } <STDIN>;
		eval $ARGV[0];
		die $@ if $@;' "$1"
}

minimal='{"claims": 7, "sets": {"b": {"connecting_slots": 1, "unclaimed_slots": 2, "checking_slots": 3, "claimed_slots": 4, "total_claims": 7}}}'

@test "the minimal message, as text and as binary" {
	local kind
	for kind in text binary; do
		server <<<"$kind $minimal
hold"
		run_ok qtop -b -n 1 "$URL"
		assert_equal "$output" "QTOP - $URL/qtop/stats - 0 claims/s

pool -: 0.0 claims/s
NAME CLAIMS/s CONNECTING UNCLAIMED CLAIMED CHECKING TOTAL STATE FAILURES ADDRESS
b         0.0          1         2       4        3     7 -            0 -"
		[ "$stderr" = "" ]
		stop_daemon server 143
	done
}

@test "the request: path, host, query, no subprotocol, no proxy" {
	server <<<"text $minimal
hold"
	run_ok qtop -b -n 1 "$URL"
	grep -qx 'GET /qtop/stats HTTP/1.1' "$SCRIPT.log"
	grep -qxF "Host: ${URL#ws://}" "$SCRIPT.log"
	run ! grep -qiE '^(Sec-WebSocket-(Protocol|Extensions)|Origin):' \
	    "$SCRIPT.log"
	export http_proxy=http://127.0.0.1:1
	run_ok qtop -b -n 1 -i 0.5 -p 'a b' "$URL?x=1"
	grep -qx 'GET /qtop/stats?x=1&update_secs=0.500000&pool=a%20b HTTP/1.1' \
	    "$SCRIPT.log"
	run_ok qtop -b -n 1 -i 2 -p a "$URL/other?update_secs=7&pool=b"
	grep -qx 'GET /other?update_secs=7&pool=b HTTP/1.1' "$SCRIPT.log"
}

@test "IPv4, and names" {
	server 127.0.0.1 <<<"text $minimal
hold"
	run_ok qtop -b -n 1 "$URL"
	run_ok qtop -b -n 1 "${URL/127.0.0.1/localhost}"
	grep -qx "Host: localhost:${URL##*:}" "$SCRIPT.log"
	run_status 1 qtop -b ws://no-such-name.invalid:6001
	[[ $stderr == 'qtop: ws://no-such-name.invalid:6001/qtop/stats: no-such-name.invalid: '* ]]
}

@test "a message in pieces, with pings between and after" {
	server <<<"pieces 7 $minimal
ping are-you-there
text $minimal
hold"
	run_ok qtop --json -n 2 "$URL"
	perl_json '
		die "rounds" if @rounds != 2;
		die "total" if $rounds[0]{pools}[0]{backends}[0]{total} != 7;
	' <<<"$output"
	grep -qx 'pong are-you-there' "$SCRIPT.log"
}

@test "a big message is read, one too big is said and passed over" {
	server <<<"padded 16777216
padded 16777217
text $minimal
hold"
	run_ok qtop --json -n 2 "$URL"
	assert_equal "$stderr" \
	    "qtop: $URL/qtop/stats: a message of more than 16 MiB"
	perl_json '
		die "first" if $rounds[0]{pools}[0]{backends}[0]{total} != 5;
		die "second" if $rounds[1]{pools}[0]{backends}[0]{total} != 7;
	' <<<"$output"
}

@test "broken messages are said once, and it goes on" {
	server <<<"text {\"claims\": 5, \"sets\": {\"b
text []
text {\"hello\": 1}
text 
binary $(printf 'a\001\302\233b')
text $minimal
text {\"sets\"
text $minimal
hold"
	run_ok qtop --json -n 2 "$URL"
	assert_equal "$(grep -c . <<<"$stderr")" 2
	[[ ${stderr_lines[0]} == "qtop: $URL/qtop/stats: a message that is no JSON: "* ]]
	[[ ${stderr_lines[1]} == "qtop: $URL/qtop/stats: a message that is no JSON: "* ]]
	perl_json 'die if @rounds != 2' <<<"$output"
	run ! grep -q $'\001' <<<"$stderr"
}

@test "unknown fields are ignored, and what is no number is not given" {
	server <<<"fields {\"total_claims\": \"many\", \"claimed_slots\": -3, \"unclaimed_slots\": 2.9, \"checking_slots\": 99999999999999999999999999, \"new\": {\"deep\": [1, {}]}}
hold"
	run_ok qtop --json -n 1 "$URL"
	perl_json '
		my $b = $rounds[0]{pools}[0]{backends}[0];
		die "total" if $b->{total} != 0;
		die "claimed" if $b->{claimed} != 0;
		die "unclaimed" if $b->{unclaimed} != 2;
		die "checking" if $b->{checking} != 0;
		die "connecting" if $b->{connecting} != 1;
	' <<<"$output"
}

@test "rates are per second, whatever the intervals" {
	server <<<"grow 1000 a
pause 300
grow 1000 a
pause 120
grow 1000 a
pause 700
grow 1000 a
grow 1000 a
grow 1000 a
pause 200
grow 1000 a
hold"
	run_ok qtop --json -n 7 "$URL"
	perl_json '
		die "first" if $rounds[0]{claims_per_s} != 0;
		for my $r (@rounds[1 .. 6]) {
			my $b = $r->{pools}[0]{backends}[0];
			for my $rate ($r->{claims_per_s}, $b->{claims_per_s}) {
				# The moments of sending and arriving differ.
				die "rate $rate" if $rate < 500 || $rate > 1500;
			}
		}
	' <<<"$output"
}

@test "backends that vanish and return with less: never negative or absurd" {
	server <<<'text {"claims": 1000000, "sets": {"a": {"total_claims": 1000000}, "b": {"total_claims": 5}}}
pause 150
text {"claims": 5, "sets": {"b": {"total_claims": 5}}}
pause 150
text {"claims": 15, "sets": {"a": {"total_claims": 10}, "b": {"total_claims": 5}}}
pause 150
text {"claims": 3, "sets": {"a": {"total_claims": 0}, "b": {"total_claims": 3}}}
pause 150
text {"claims": 18446744073709551615, "sets": {"a": {"total_claims": -1}, "b": {"total_claims": 3}}}
pause 150
text {"claims": 3, "sets": {"a": {"total_claims": 1000000}, "b": {"total_claims": 3}}}
hold'
	run_ok qtop --json -n 6 "$URL"
	perl_json '
		for my $r (@rounds) {
			die "all $r->{claims_per_s}" if
			    $r->{claims_per_s} < 0 || $r->{claims_per_s} > 200;
			for my $b (@{$r->{pools}[0]{backends}}) {
				die "$b->{backend} $b->{claims_per_s}"
				    if $b->{claims_per_s} != 0;
			}
		}
		die "gone" if @{$rounds[1]{pools}[0]{backends}} != 1;
	' <<<"$output"
}

@test "our own message: clock, pools, states and waits" {
	server <<'END'
text {"version":1,"t":1795388400.5,"claims":30,"pools":{"demo":{"claims":20,"claims_per_s":12.5,"waiting":1,"refused":3,"slots":16,"resolver":"ok","wait_p50_us":12,"wait_p99_us":340,"hold_p50_us":90,"hold_p99_us":800},"other":{"claims":10,"claims_per_s":0.5}},"sets":{"demo/e:6001":{"connecting_slots":0,"unclaimed_slots":3,"checking_slots":0,"claimed_slots":2,"total_claims":4711,"pool":"demo","name":"e:6001","addr":"[::1]:6001","state":"offline","failures":9,"claims_per_s":4.2}}}
text {"version":1,"t":1795388402.5,"claims":50,"pools":{"demo":{"claims":40}},"sets":{"e:6001":{"total_claims":4731,"pool":"demo","name":"e:6001","addr":"[::1]:6001","state":"online"}}}
hold
END
	run_ok qtop -b -n 2 "$URL"
	assert_line 'pool demo: 12.5 claims/s, slots 16, waiting 1, refused 3, resolver ok'
	assert_line 'wait p50 12us p99 340us, hold p50 90us p99 800us'
	assert_line --regexp '^e:6001 +4\.2 .* 4711 offline +9 \[::1\]:6001$'
	# By the clock of the message, not by ours.
	assert_line --regexp '^e:6001 +10\.0 .* 4731 online +0 \[::1\]:6001$'
}

@test "a close ends it: 1, and what the server says of it" {
	server <<<"text $minimal
close 1001 going $(printf '\033')[2Jaway"
	run_status 1 qtop --json "$URL"
	assert_equal "$stderr" "qtop: $URL/qtop/stats: the server closed the connection: 1001 going \\x1B[2Jaway"
	perl_json 'die if @rounds != 1' <<<"$output"
	echo drop >"$SCRIPT"
	run_status 1 qtop -b "$URL"
	assert_equal "$stderr" "qtop: $URL/qtop/stats: the connection was lost"
	# A frame that ends in its middle.
	echo 'hex 8105' >"$SCRIPT"
	run_status 1 qtop -b "$URL"
	assert_equal "$stderr" "qtop: $URL/qtop/stats: the connection was lost"
}

@test "a server that has no figures says why: 1" {
	server <<<'text {"version":1,"error":"/s: connection refused"}
hold'
	run_status 1 qtop -b "$URL"
	assert_equal "$stderr" "qtop: $URL/qtop/stats: /s: connection refused"
}

@test "no server, no WebSocket: 1, and what it is" {
	server <<<'status 404'
	run_status 1 qtop -b "$URL"
	assert_equal "$stderr" "qtop: $URL/qtop/stats: the server answers 404: there is no WebSocket of figures"
	stop_daemon server 143
	run_status 1 qtop -b "$URL"
	assert_equal "$stderr" "qtop: $URL/qtop/stats: Unable to connect; does a server listen there?"
}

@test "signals end it in good order, a reader that goes away too" {
	local signal
	server <<<"text $minimal
pause 20
again"
	for signal in TERM INT; do
		# Shells start background jobs with SIGINT ignored.
		# shellcheck disable=SC2016
		start_daemon -n qtop -r '"source"' \
		    perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' \
		    qtop --json "$URL"
		stop_daemon -s "$signal" qtop 0
	done
	run_ok bash -c 'qtop --json "$1" | head -n 1; echo "${PIPESTATUS[0]}"' \
	    - "$URL"
	# As the shell says of SIGPIPE.
	assert_equal "${lines[1]}" 141
}

# --- on a screen --------------------------------------------------------------

@test "the screen says what is wrong, and goes on" {
	server <<<"text $minimal
wait $GO-1
text {\"sets\":
wait $GO-2
text $minimal
wait $GO-3
text {\"version\":1,\"error\":\"/s: connection refused\"}
text {\"version\":1,\"error\":\"/s: connection refused\"}
wait $GO-4
text {\"version\":1,\"error\":\"/s: no such file\"}
wait $GO-5
text $minimal
hold"
	open_screen 100 24 qtop "$URL"
	see "^ QTOP - ws://.*/qtop/stats - 0 claims/s *$"
	see '^- +0\.0 +- +- '
	see '^b +0\.0 +1 +2 +4 +3 +7 -'
	: >"$GO-1"
	see '^ QTOP - .* - 0 claims/s - NOT UNDERSTOOD: a message that is no J'
	see '^b +0\.0 +1 +2 +4 +3 +7 -'
	: >"$GO-2"
	see '^ QTOP - .* - 0 claims/s *$'
	: >"$GO-3"
	see '^ QTOP - .* - NO FIGURES: /s: connection refused'
	see '^b +0\.0 +1 +2 +4 +3 +7 -'
	: >"$GO-4"
	see '^ QTOP - .* - NO FIGURES: /s: no such file'
	: >"$GO-5"
	see '^ QTOP - .* - 0 claims/s *$'
}

@test "a server that goes away is tried again, and comes back" {
	local port
	server <<<"text $minimal
hold"
	port=${URL##*:}
	open_screen 100 24 qtop "$URL"
	see '^b +0\.0 '
	stop_daemon server 143
	see '^ QTOP - ws://.* - LOST, trying again: '
	see '^Unable to connect'
	echo 'close 1001 not yet' >"$SCRIPT"
	start_daemon -n server -r ready \
	    python3 "$ROOT/tests/system/ws_script.py" ::1 "$port" "$SCRIPT"
	see '^ QTOP - ws://.* - LOST, trying again: the server closed the conn'
	# Another one, that has done more: what the first had done says nothing.
	printf 'text %s\nhold\n' "${minimal//7/9000000}" >"$SCRIPT"
	see '^b +0\.0 .* 9000000 '
	see '^ QTOP - .* - 0 claims/s *$'
	keys q
	see 'the shell>$'
}
