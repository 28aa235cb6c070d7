# qorb-resolve against a real name server and against broken ones.

load helpers

zone_head='$ORIGIN test.com.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns AAAA ::1'

# write_zone LINE ...: the zone test.com that the next nsd serves.
write_zone()
{
	mkdir -p "$SCRATCH/zones"
	printf '%s\n' "$zone_head" "$@" >"$SCRATCH/zones/new"
	mv "$SCRATCH/zones/new" "$SCRATCH/zones/test.com.zone"
}

# serve LINE ...: a name server with this zone.
serve()
{
	write_zone "$@"
	start_nsd "$SCRATCH/zones"
}

serve_three()
{
	serve '_echo._tcp SRV 0 10 6001 echo001' \
	    '_echo._tcp SRV 0 10 6002 echo002' \
	    '_echo._tcp 30 SRV 0 10 6003 echo003' \
	    'echo001 AAAA ::1' 'echo002 AAAA ::1' 'echo003 AAAA ::1'
}

three='echo001.test.com:6001 [::1]:6001 priority=0 weight=10 ttl=60
echo002.test.com:6002 [::1]:6002 priority=0 weight=10 ttl=60
echo003.test.com:6003 [::1]:6003 priority=0 weight=10 ttl=30'

# start_fake NAME PERL: a UDP socket bound to $FAKE_ADDR; PERL gets it as $s.
start_fake()
{
	local port
	port=$(free_port)
	FAKE_ADDR=127.0.0.1:$port
	start_daemon -n "$1" -r ready perl -e '
		use Socket;
		$SIG{TERM} = sub { exit 0 };
		socket($s, AF_INET, SOCK_DGRAM, 0) or die;
		bind($s, pack_sockaddr_in('"$port"', INADDR_LOOPBACK)) or die;
		$| = 1;
		print "ready\n";
		'"$2"
}

# A name server that reads nothing.
start_silent()
{
	start_fake "$1" 'while (1) { select(undef, undef, undef, 1) }'
}

# A name server that answers each query with what PERL makes of $q.
start_scripted()
{
	start_fake "$1" 'while (my $to = recv($s, my $q, 4096, 0)) {
		my $question = substr($q, 12);
		my $end = 1 + index($question, "\0");
		$question = substr($question, 0, $end + 4);
		my $a = do { '"$2"' };
		send($s, substr($q, 0, 2) . $a, 0, $to);
	}'
}

@test "the backends of a service are printed, one a line" {
	serve_three
	run_ok qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	assert_output "$three"
	[[ -z $stderr ]]
	run_ok qorb-resolve --dns "$NSD_ADDR" _ECHO._tcp.Test.com.
	assert_output "$three"
}

@test "both families, several addresses and several ports are backends" {
	serve '_echo._tcp SRV 5 1 6001 both' '_echo._tcp SRV 5 1 6002 both' \
	    'both AAAA ::2' 'both AAAA ::1' 'both 20 A 127.0.0.1'
	run_ok qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	assert_line --index 0 \
	    'both.test.com:6001 [::1]:6001 priority=5 weight=1 ttl=60'
	assert_line --index 1 \
	    'both.test.com:6001 [::2]:6001 priority=5 weight=1 ttl=60'
	assert_line --index 2 \
	    'both.test.com:6001 127.0.0.1:6001 priority=5 weight=1 ttl=20'
	assert_line --index 3 \
	    'both.test.com:6002 [::1]:6002 priority=5 weight=1 ttl=60'
	[[ ${#lines[@]} -eq 6 ]]
	run_ok qorb-resolve --family inet -d "$NSD_ADDR" _echo._tcp.test.com
	[[ ${#lines[@]} -eq 2 && $output != *'[::'* ]]
	run_ok qorb-resolve -f inet6 -d "$NSD_ADDR" _echo._tcp.test.com
	[[ ${#lines[@]} -eq 4 && $output != *127.* ]]
}

@test "priority and weight are shown, the lowest priority first" {
	serve '_echo._tcp SRV 20 0 1 a' '_echo._tcp SRV 10 65535 65535 b' \
	    'a A 127.0.0.1' 'b A 127.0.0.2'
	run_ok qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	assert_output "b.test.com:65535 127.0.0.2:65535 priority=10 weight=65535 ttl=60
a.test.com:1 127.0.0.1:1 priority=20 weight=0 ttl=60"
}

@test "backends of one answer were seen at one time" {
	local i lines=()
	for i in {1..300}; do
		lines+=("_echo._tcp SRV 0 0 $i a")
	done
	serve "${lines[@]}" 'a A 127.0.0.1'
	run_ok qorb-resolve --explain --json --dns "$NSD_ADDR" _echo._tcp.test.com
	[[ $(jq -s 'length' <<<"$output") -eq 300 ]]
	[[ $(jq -s 'map(.seen) | unique | length' <<<"$output") -eq 1 ]]
}

@test "records of which none can be used are told as such" {
	serve '_echo._tcp SRV 0 0 0 a' 'a A 127.0.0.1'
	run_status 1 qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	[[ $stderr == *': no record can be used; 1 unusable record left out (is its port 0'* ]]
	[[ $stderr != *'cannot be read'* && -z $output ]]
}

@test "CNAMEs on the service and on a target are followed" {
	serve '_echo._tcp 50 CNAME _real._tcp' '_real._tcp SRV 0 0 1 a' \
	    'a 40 CNAME b' 'b AAAA ::b'
	run_ok qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	assert_output 'a.test.com:1 [::b]:1 priority=0 weight=0 ttl=40'
}

@test "names with odd bytes are escaped and found" {
	serve '_echo._tcp SRV 0 0 1 a\032b\010\.c\"' 'a\032b\010\.c\" AAAA ::1'
	run_ok qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	assert_output \
	    'a\032b\010\.c\".test.com:1 [::1]:1 priority=0 weight=0 ttl=60'
	run_ok qorb-resolve --json --dns "$NSD_ADDR" _echo._tcp.test.com
	run_ok jq -r .name <<<"$output"
	assert_output 'a\032b\010\.c\".test.com:1'
}

@test "a service and a target with odd bytes are asked for under their names" {
	# A name server adds no addresses behind a CNAME: they are asked for.
	serve '_e\032\255._tcp SRV 0 0 1 x\255\010' 'x\255\010 CNAME y' \
	    'y AAAA ::1' '_zero._tcp SRV 0 0 1 x\000' 'x\000 CNAME y'
	if [[ $(pkg-config --modversion libcares) != 1.1[0-9].* ]]; then
		skip 'this c-ares asks for no such name'
	fi
	run_ok qorb-resolve --dns "$NSD_ADDR" '_e\032\255._tcp.test.com'
	assert_output \
	    'x\255\010.test.com:1 [::1]:1 priority=0 weight=0 ttl=60'
	run_ok qorb-resolve --dns "$NSD_ADDR" $'_e \xff._tcp.test.com'
	assert_output --partial 'x\255\010.test.com:1 '
	run_status 1 qorb-resolve --dns "$NSD_ADDR" _zero._tcp.test.com
	[[ $stderr == *': AAAA of x\000.test.com: the query could not be sent '*'None can be asked for with \000)' ]]
}

@test "a name of 255 bytes is found, one too long with its escapes left out" {
	local label long odd
	label=$(printf 'x%.0s' {1..63})
	# 253 characters are 255 bytes on the wire.
	long=$label.$label.$label.${label:0:52}
	odd=$(printf '\\001%.0s' {1..63})
	odd=$odd.$odd
	serve "_echo._tcp SRV 0 0 6001 $long" "_echo._tcp SRV 0 0 6001 $odd" \
	    "$long AAAA ::1" "$odd AAAA ::2"
	run_ok qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	assert_output \
	    "$long.test.com:6001 [::1]:6001 priority=0 weight=0 ttl=60"
}

@test "JSON is an object a line" {
	serve_three
	run_ok qorb-resolve --json --dns "$NSD_ADDR" _echo._tcp.test.com
	run_ok jq -r '"\(.name) \(.addr) priority=\(.priority) weight=\(.weight) ttl=\(.ttl)"' <<<"$output"
	assert_output "$three"
}

@test "no such name, and no records of the name, exit 3" {
	serve_three
	run_status 3 qorb-resolve --dns "$NSD_ADDR" _none._tcp.test.com
	[[ -z $output ]]
	[[ $stderr == "qorb-resolve: _none._tcp.test.com: $NSD_ADDR: there is no such name" ]]
	run_status 3 qorb-resolve --dns "$NSD_ADDR" echo001.test.com
	[[ $stderr == *': the name has no SRV records (an SRV name looks like'* ]]
}

@test "targets without addresses exit 3 and are named" {
	serve '_echo._tcp SRV 0 0 1 a' 'a TXT x'
	run_status 3 qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	[[ $stderr == *': no target has an address, as a.test.com' ]]
	[[ -z $output ]]
}

@test "the target dot means that there is no such service" {
	serve '_echo._tcp SRV 0 0 0 .'
	run_status 3 qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	[[ $stderr == *': there is no such service (target ".")' ]]
	[[ -z $output ]]
}

@test "a server that refuses is a failed look-up" {
	serve_three
	run_status 1 qorb-resolve --dns "$NSD_ADDR" _echo._tcp.other.com
	[[ $stderr == *"$NSD_ADDR: the server refused to answer (REFUSED) ("* ]]
}

@test "a server that fails is a failed look-up" {
	mkdir "$SCRATCH/zones"
	: >"$SCRATCH/zones/test.com.zone"
	start_nsd "$SCRATCH/zones"
	run_status 1 qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	[[ $stderr == *"$NSD_ADDR: the server failed (SERVFAIL)" ]]
}

@test "a silent server is a failed look-up after the time-out" {
	start_silent silent
	run_status 1 qorb-resolve --timeout 300ms --dns "$FAKE_ADDR" \
	    _echo._tcp.test.com
	[[ $stderr == *"$FAKE_ADDR: no answer came in time ("*--timeout* ]]
}

@test "a closed port is a failed look-up" {
	local addr
	addr=127.0.0.1:$(free_port)
	run_status 1 qorb-resolve --dns "$addr" _echo._tcp.test.com
	[[ $stderr == *"$addr: nothing can be reached there"* ]]
}

@test "an answer that cannot be read is a failed look-up" {
	# One record is promised, its bytes are none.
	start_scripted garbage \
	    '"\x84\0\0\1\0\1\0\0\0\0" . $question . "\xC0\x0C\0\x21garbage"'
	run_status 1 qorb-resolve --timeout 2s --dns "$FAKE_ADDR" \
	    _echo._tcp.test.com
	[[ $stderr == *"$FAKE_ADDR: the answer cannot be read" ]]
}

@test "an answer that refers to other servers is a failed look-up" {
	start_scripted referral '"\x80\0\0\1\0\0\0\1\0\0" . $question .
	    "\3com\0\0\2\0\1\0\0\1\0\0\4\2ns\0"'
	run_status 1 qorb-resolve --dns "$FAKE_ADDR" _echo._tcp.test.com
	[[ $stderr == *"$FAKE_ADDR: the server only refers to other servers" ]]
}

@test "a dead, a silent and a refusing server do not keep a good one away" {
	local dead silent
	dead=127.0.0.1:$(free_port)
	serve_three
	start_silent silent
	silent=$FAKE_ADDR
	start_scripted refusing '"\x80\5\0\1\0\0\0\0\0\0" . $question'
	run_ok qorb-resolve --timeout 5m --dns "$dead,$silent" \
	    --dns "$FAKE_ADDR,$NSD_ADDR" _echo._tcp.test.com
	assert_output "$three"
	[[ -z $stderr ]]
}

@test "a server that knows no such name does not win over one with records" {
	serve_three
	start_scripted empty '"\x84\3\0\1\0\0\0\0\0\0" . $question'
	run_ok qorb-resolve --dns "$FAKE_ADDR,$NSD_ADDR" _echo._tcp.test.com
	assert_output "$three"
	run_status 3 qorb-resolve --dns "$FAKE_ADDR" _echo._tcp.test.com
}

@test "more records than fit into one message are a failed look-up" {
	local i records=()
	for i in {1..2500}; do
		records+=("_echo._tcp SRV 0 0 6001 target$i")
	done
	serve "${records[@]}"
	run_status 1 qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	[[ $stderr == *': the answer came cut short, even over TCP' ]]
	[[ -z $output ]]
}

@test "a thousand targets with both families come complete over TCP" {
	local i records=()
	for i in {1..1000}; do
		records+=("_echo._tcp SRV 0 $i 6001 t$i" "t$i AAAA ::$i"
		    "t$i A 127.0.$((i / 250)).$((i % 250))")
	done
	serve "${records[@]}"
	run_ok qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com
	[[ ${#lines[@]} -eq 2000 && -z $stderr ]]
	assert_line --index 0 \
	    't1.test.com:6001 [::1]:6001 priority=0 weight=1 ttl=60'
	assert_line --index 1999 \
	    't1000.test.com:6001 127.0.4.0:6001 priority=0 weight=1000 ttl=60'
}

@test "--watch prints what changes when the zone does" {
	serve '_echo._tcp 1 SRV 0 10 6001 a' '_echo._tcp 1 SRV 0 10 6002 b' \
	    'a 1 AAAA ::a' 'b 1 AAAA ::b'
	start_daemon -n watch -r '^\+ b' \
	    qorb-resolve --watch --dns "$NSD_ADDR" _echo._tcp.test.com
	write_zone '_echo._tcp 1 SRV 0 20 6001 a' \
	    '_echo._tcp 1 SRV 0 10 6003 c' 'a 1 AAAA ::a' 'c 1 AAAA ::c'
	reload_nsd
	wait_for_text "$SCRATCH/watch.out" '^~'
	stop_daemon watch
	run_ok cat "$SCRATCH/watch.out"
	assert_output '+ a.test.com:6001 [::a]:6001 priority=0 weight=10 ttl=1
+ b.test.com:6002 [::b]:6002 priority=0 weight=10 ttl=1
- b.test.com:6002 [::b]:6002 priority=0 weight=10 ttl=1
+ c.test.com:6003 [::c]:6003 priority=0 weight=10 ttl=1
~ a.test.com:6001 [::a]:6001 priority=0 weight=20 ttl=1'
	[[ ! -s $SCRATCH/watch.err ]]
}

@test "--watch keeps the backends while the name server is gone" {
	serve '_echo._tcp 1 SRV 0 10 6001 a' 'a 1 AAAA ::a'
	start_daemon -n watch -r '"added".*"a.test.com:6001"' \
	    qorb-resolve -w -j --dns "$NSD_ADDR" _echo._tcp.test.com
	stop_daemon nsd
	wait_for_text "$SCRATCH/watch.err" 'the last answer stays'
	stop_daemon -s INT watch
	run_ok cat "$SCRATCH/watch.out"
	[[ ${#lines[@]} -eq 1 ]]
}

@test "--watch begins before there is a name server, and notices it" {
	local addr
	addr=127.0.0.1:$(free_port)
	start_daemon -n watch \
	    qorb-resolve --watch --dns "$addr" _echo._tcp.test.com
	wait_for_text "$SCRATCH/watch.err" 'nothing can be reached there'
	stop_daemon watch
	[[ ! -s $SCRATCH/watch.out ]]
}

@test "--explain says who named a backend, when, and why it stays" {
	local seen
	serve_three
	seen='seen=[0-9]{10}\.[0-9]{6}'
	run_ok qorb-resolve --explain --dns "$NSD_ADDR" _echo._tcp.test.com
	assert_line --index 2 --regexp "^echo003.*ttl=30 source=dns server=${NSD_ADDR//[\[\]]/.} $seen absent=- rule=named\$"
	run_ok qorb-resolve -e --json --dns "$NSD_ADDR" _echo._tcp.test.com
	run_ok jq -r '"\(.source) \(.server) \(.rule) \(.why) \(has("absent"))"' \
	    <<<"${lines[0]}"
	assert_output "dns $NSD_ADDR named the last look-up names it false"
}

@test "--watch --explain tells when a backend is kept without DNS" {
	serve '_echo._tcp 1 SRV 0 10 6001 a' 'a 1 AAAA ::a'
	start_daemon -n watch -r '^\+ a' \
	    qorb-resolve -w -e --dns "$NSD_ADDR" _echo._tcp.test.com
	stop_daemon nsd
	wait_for_text "$SCRATCH/watch.out" \
	    '^~ a.*seen=[0-9.]+ absent=[0-9.]+ rule=silent$'
	stop_daemon watch
}

@test "--watch --explain has no rule for what is gone" {
	local b='b.test.com:6002 .* source=dns server=[^ ]+ seen=[0-9.]+'
	serve '_echo._tcp 1 SRV 0 10 6001 a' '_echo._tcp 1 SRV 0 10 6002 b' \
	    'a 1 AAAA ::a' 'b 1 AAAA ::b'
	start_daemon -n watch -r "^\+ $b absent=- rule=named\$" \
	    qorb-resolve -w -e --dns "$NSD_ADDR" _echo._tcp.test.com
	start_daemon -n json -r '"added".*"b.test.com:6002".*"rule"' \
	    qorb-resolve -w -e -j --dns "$NSD_ADDR" _echo._tcp.test.com
	write_zone '_echo._tcp 1 SRV 0 10 6001 a' 'a 1 AAAA ::a'
	reload_nsd
	wait_for_text "$SCRATCH/watch.out" "^- $b absent=[0-9.]+ rule=-\$"
	wait_for_text "$SCRATCH/json.out" '"removed"'
	run_ok jq -r 'select(.change == "removed") |
	    "\(.absent >= .seen) \(has("rule")) \(has("why"))"' \
	    "$SCRATCH/json.out"
	assert_output 'true false false'
	stop_daemon watch
	stop_daemon json
}

@test "a wrong use says what would be right, and exits 2" {
	local bad
	for bad in ::1 ::1:5353 127.0.0.1:99999 127.0.0.1:0 '[::1' \
	    ns.test.com '127.0.0.1,' unix:/tmp/x ' 127.0.0.1' ''; do
		run_status 2 qorb-resolve --dns "$bad" _echo._tcp.test.com
		[[ ${stderr%%$'\n'*} == *": not a name server: "* ]]
	done
	run_status 2 qorb-resolve
	[[ $stderr == *'NAME is missing'* ]]
	run_status 2 qorb-resolve a b
	[[ $stderr == *"'b': one NAME is enough"* ]]
	for bad in '' a..b .a 'a\25' "$(printf 'x%.0s' {1..64})"; do
		run_status 2 qorb-resolve "$bad"
		[[ $stderr == *': not a DNS name: '* ]]
	done
	for bad in 127.0.0.1 ::1 127.0.0.1:80 '[::1]:80' unix:/x; do
		run_status 2 qorb-resolve "$bad"
		[[ $stderr == *"'$bad' is an address: "* ]]
	done
	run_status 2 qorb-resolve --family ipv6 _echo._tcp.test.com
	[[ $stderr == *'not one of any, inet6, inet'* ]]
	for bad in 0 never 1h 10parsecs; do
		run_status 2 qorb-resolve --timeout $bad _echo._tcp.test.com
		[[ $stderr == *"--timeout '$bad': not a time from 10ms to 10m, "* ]]
	done
	run_status 2 qorb-resolve --feed '' _echo._tcp.test.com
	[[ $stderr == *'a pool is needed'* ]]
	run_status 2 qorb-resolve --socket /x _echo._tcp.test.com
	[[ $stderr == *'of no use without --feed'* ]]
	run_status 2 qorb-resolve --nonsense _echo._tcp.test.com
}

@test "a full disk is noticed" {
	[[ -c /dev/full ]] || skip "no /dev/full"
	serve_three
	run_status 1 bash -c \
	    "qorb-resolve --dns '$NSD_ADDR' _echo._tcp.test.com >/dev/full"
	[[ $stderr == *'standard output: '* ]]
}
