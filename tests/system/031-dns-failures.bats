# Whatever happens to DNS, claims go on: real name servers and a scripted one
# fail in all ways while a pool that hangs on them is used.
#
# shellcheck disable=SC2030,SC2031  # what a test sets is for that test

load helpers

zone_head='$ORIGIN test.com.
$TTL 1
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns AAAA ::1'

write_zone()
{
	mkdir -p "$SCRATCH/zones"
	printf '%s\n' "$zone_head" "$@" >"$SCRATCH/zones/new"
	mv "$SCRATCH/zones/new" "$SCRATCH/zones/test.com.zone"
}

# script MODE: how the scripted server answers from now on.
script()
{
	printf '%s\n' "$1" \
	    "_echo._tcp.test.com ${TTL-1} SRV 0 10 $PORT1 e1.test.com" \
	    "_echo._tcp.test.com ${TTL-1} SRV 0 10 $PORT2 e2.test.com" \
	    "e1.test.com ${TTL-1} AAAA ::1" "e2.test.com ${TTL-1} AAAA ::1" \
	    >"$SCRATCH/script.new"
	mv "$SCRATCH/script.new" "$SCRATCH/script"
}

start_echoes()
{
	start_echo one -q
	PORT1=${ECHO_ADDR##*:}
	start_echo two -q
	PORT2=${ECHO_ADDR##*:}
}

start_scripted()
{
	local port
	port=$(free_port)
	SCRIPT_ADDR=127.0.0.1:$port
	script "$1"
	start_daemon -n script -r ready "$BATS_TEST_DIRNAME/dns_script.py" \
	    "$port" "$SCRATCH/script"
}

start_hasty_pool()
{
	start_pool --set query-timeout=300ms --set query-retry=100ms \
	    --set min-query-interval=100ms "$@" demo=_echo._tcp.test.com
}

resolver_is()
{
	[[ $(ask 'stats demo') == *" resolver=$1"* ]]
}

backends_are()
{
	[[ $(ask 'backends demo' | sed -n 's/.*backend=\([^ ]*\).*/\1/p' |
	    sort | xargs) == "$*" ]]
}

both_are_there()
{
	[[ $(ask 'pools') == *' online=2 '* ]]
}

# The server has been asked since this many times.
asked_more_than()
{
	[[ $(wc -c <"$SCRATCH/script.asked") -gt $1 ]]
}

# Claims go on now, on both backends, without a single error.
claims_go_on()
{
	run_ok qorb-load --tasks 8 --claims 200 --json demo
	jq -e '.errors.total == 0 and (.backends | length) == 2' <<<"$output" || {
		echo "$output"
		return 1
	}
}

# Nobody has named the backends for twice as long as their TTL is.
records_are_over()
{
	ask 'backends demo' |
	    grep -Eq 'seen_us=([2-9]|[1-9][0-9])[0-9]{6} absent_us=[0-9]+ rule=silent$'
}

# All is well, the server begins to fail like this, and nobody minds; then it
# is well again.
survives()
{
	start_echoes
	start_scripted records
	start_hasty_pool --dns "$SCRIPT_ADDR"
	wait_for resolver_is ok
	wait_for both_are_there
	start_daemon -n events -r event qorb-ctl events demo
	script "$1"
	wait_for resolver_is stale
	claims_go_on
	wait_for_text "$SCRATCH/events.out" 'resolve-failed.*reason='
	wait_for_text "$SCRATCH/pool.err" \
	    'look-up of .* fails: .*; the last good set stays'
	wait_for records_are_over
	resolver_is stale
	claims_go_on
	script records
	wait_for resolver_is ok
	wait_for_text "$SCRATCH/events.out" 'resolve-done.*count=2'
}

@test "the last good set ends after stale-for, and comes back" {
	start_echoes
	start_scripted records
	start_hasty_pool --set stale-for=2s --dns "$SCRIPT_ADDR"
	wait_for both_are_there
	script servfail
	wait_for resolver_is stale
	claims_go_on
	wait_for resolver_is failing
	backends_are ''
	run_ok ask 'claim demo wait=0'
	assert_output --partial 'error no-backends '
	script records
	wait_for both_are_there
	claims_go_on
}

@test "the target dot empties a pool at once, and no server need agree" {
	start_echoes
	write_zone "_echo._tcp SRV 0 1 $PORT1 e1" "_echo._tcp SRV 0 1 $PORT2 e2" \
	    'e1 AAAA ::1' 'e2 AAAA ::1'
	start_nsd "$SCRATCH/zones"
	start_hasty_pool --set empty-answers=1000 --dns "$NSD_ADDR"
	wait_for both_are_there
	write_zone '_echo._tcp SRV 0 0 0 .'
	reload_nsd
	wait_for backends_are ''
	resolver_is none
	run_ok qorb-ctl --json resolve demo
	[[ $(jq -r .backends <<<"$output") == 0 ]]
}

@test "queries say with EDNS how much fits, and are few at a time" {
	local port i records=()
	for i in {1..16}; do
		records+=("_echo._tcp.test.com 60 SRV 0 1 6001 t$i.test.com"
		    "t$i.test.com 60 A 127.0.0.$i")
	done
	port=$(free_port)
	printf '%s\n' batch "${records[@]}" >"$SCRATCH/script"
	start_daemon -n script -r ready "$BATS_TEST_DIRNAME/dns_script.py" \
	    "$port" "$SCRATCH/script"
	start_pool --set max-dns-concurrency=3 --set family=inet \
	    --dns "127.0.0.1:$port" demo=_echo._tcp.test.com
	wait_for resolver_is ok
	run_ok ask pools
	assert_output --partial ' backends=16 '
	# All that fits into a packet that is not torn apart.
	run_ok grep -c ' edns=1232$' "$SCRATCH/script.out"
	assert_output 17
	run_ok sed -n 's/^batch=//p' "$SCRATCH/script.out"
	assert_output $'1\n3\n3\n3\n3\n3\n1'
}

@test "claims go on when the name server is silent" {
	survives silent
}

@test "claims go on when the name server says SERVFAIL" {
	survives servfail
}

@test "claims go on when the name server says REFUSED" {
	survives refused
}

@test "claims go on when the name server sends garbage" {
	survives garbage
}

@test "claims go on when answers are cut in their middle" {
	survives cut
}

@test "claims go on when answers are truncated, over TCP too" {
	survives truncated
}

@test "claims go on when answers come under another id" {
	survives wrong-id
}

@test "claims go on when answers come from another port" {
	survives wrong-port
}

@test "claims go on when names in answers are loops" {
	survives loop
}

@test "claims go on when the port of the name server is closed" {
	start_echoes
	write_zone "_echo._tcp SRV 0 1 $PORT1 e1" "_echo._tcp SRV 0 1 $PORT2 e2" \
	    'e1 AAAA ::1' 'e2 AAAA ::1'
	start_nsd "$SCRATCH/zones"
	start_hasty_pool --dns "$NSD_ADDR"
	wait_for both_are_there
	stop_daemon nsd
	wait_for resolver_is stale
	claims_go_on
	run_ok ask 'why demo'
	assert_output --partial 'nothing%20can%20be%20reached%20there'
}

@test "claims go on when nsd loses its zone, and fails" {
	start_echoes
	write_zone "_echo._tcp SRV 0 1 $PORT1 e1" "_echo._tcp SRV 0 1 $PORT2 e2" \
	    'e1 AAAA ::1' 'e2 AAAA ::1'
	start_nsd "$SCRATCH/zones"
	start_hasty_pool --dns "$NSD_ADDR"
	wait_for both_are_there
	stop_daemon nsd
	echo 'this is no zone' >"$SCRATCH/zones/test.com.zone"
	serve_again
	wait_for why_says SERVFAIL
	resolver_is stale
	claims_go_on
}

why_says()
{
	[[ $(ask 'why demo') == *"$1"* ]]
}

# The same name server on the port that it had.
serve_again()
{
	start_daemon -n nsd -r 'nsd started' nsd -d -c "$SCRATCH/nsd.home/nsd.conf"
}

@test "claims go on when the name server stands still" {
	local pid
	start_echoes
	write_zone "_echo._tcp SRV 0 1 $PORT1 e1" "_echo._tcp SRV 0 1 $PORT2 e2" \
	    'e1 AAAA ::1' 'e2 AAAA ::1'
	start_nsd "$SCRATCH/zones"
	start_hasty_pool --dns "$NSD_ADDR"
	wait_for both_are_there
	for pid in $(nsd_pids); do
		kill -STOP "$pid"
	done
	wait_for resolver_is stale
	claims_go_on
	for pid in $(nsd_pids); do
		kill -CONT "$pid"
	done
	wait_for resolver_is ok
}

# nsd and its children.
nsd_pids()
{
	local pid
	pid=$(daemon_pid nsd)
	echo "$pid"
	# shellcheck disable=SC2046
	pgrep -P "$(echo "$pid" $(pgrep -P "$pid") | tr ' ' ,)" || :
}

start_dnsmasq()
{
	local port
	command -v dnsmasq >/dev/null || skip "dnsmasq is not installed"
	port=$(free_port)
	DNSMASQ_ADDR=127.0.0.1:$port
	start_daemon -n dnsmasq -r 'started, version' dnsmasq --keep-in-foreground \
	    --no-resolv --no-hosts --conf-file=/dev/null --pid-file= \
	    --log-facility=- --user= --port="$port" --bind-interfaces \
	    --listen-address=127.0.0.1 --local=/test.com/ --local-ttl=1 "$@"
}

@test "dnsmasq will do, and claims go on when it is gone" {
	start_echoes
	start_dnsmasq --srv-host="_echo._tcp.test.com,e1.test.com,$PORT1,0,10" \
	    --srv-host="_echo._tcp.test.com,e2.test.com,$PORT2,0,10" \
	    --host-record=e1.test.com,::1 --host-record=e2.test.com,::1
	start_hasty_pool --dns "$DNSMASQ_ADDR"
	wait_for both_are_there
	resolver_is ok
	claims_go_on
	stop_daemon dnsmasq
	wait_for resolver_is stale
	claims_go_on
}

@test "an empty name server beside one with records empties nothing" {
	local asked
	start_echoes
	start_dnsmasq
	start_scripted records
	start_hasty_pool --dns "$DNSMASQ_ADDR,$SCRIPT_ADDR"
	wait_for both_are_there
	asked=$(wc -c <"$SCRATCH/script.asked")
	wait_for asked_more_than $((asked + 9))
	resolver_is ok
	backends_are "e1.test.com:$PORT1 e2.test.com:$PORT2"
	claims_go_on
}

@test "a name server that is empty once empties nothing, twice it does" {
	start_echoes
	start_scripted records
	start_pool --set query-retry=1s --set empty-answers=3 \
	    --dns "$SCRIPT_ADDR" demo=_echo._tcp.test.com
	wait_for both_are_there
	script nxdomain
	wait_for resolver_is stale
	claims_go_on
	wait_for resolver_is none
	backends_are ''
	script records
	wait_for both_are_there
}

@test "a dead name server delays neither a good one nor the end" {
	start_echoes
	start_scripted records
	start_daemon -n silent -r ready "$BATS_TEST_DIRNAME/dns_script.py" \
	    "$(free_port)" "$(silent_script)"
	start_pool --set query-timeout=10m \
	    --dns "$(silent_addr),$SCRIPT_ADDR" demo=_echo._tcp.test.com
	wait_for both_are_there
	claims_go_on
	stop_daemon pool
	# With nobody but the dead one, too.
	start_pool --set query-timeout=10m --dns "$(silent_addr)" \
	    demo=_echo._tcp.test.com
	: >"$SCRATCH/silent.asked"
	wait_for_text "$SCRATCH/silent.asked" '.'
	stop_daemon pool
}

silent_script()
{
	echo silent >"$SCRATCH/silent"
	echo "$SCRATCH/silent"
}

silent_addr()
{
	tr '\0' ' ' <"/proc/$(daemon_pid silent)/cmdline" |
	    awk '{ print "127.0.0.1:" $(NF - 1) }'
}

@test "any TTL will do: 0, 1, 60 and the largest" {
	local ttl
	start_echoes
	for ttl in 0 1 60 2147483647; do
		TTL=$ttl start_scripted records
		start_hasty_pool --dns "$SCRIPT_ADDR"
		wait_for both_are_there
		run_ok ask 'backends demo'
		assert_output --partial " ttl=$ttl "
		claims_go_on
		stop_daemon script 143
		claims_go_on
		backends_are "e1.test.com:$PORT1 e2.test.com:$PORT2"
		stop_daemon pool
	done
}

has_weight()
{
	[[ $(ask 'backends demo') == *"backend=$1 "*" weight=$2 "* ]]
}

has_addr()
{
	[[ $(ask 'backends demo') == *"backend=$1 addr=$2 "* ]]
}

@test "zones are reloaded under load: claims move, none is lost" {
	local port3
	start_echoes
	start_echo three -q
	port3=${ECHO_ADDR##*:}
	# One more behind the same port, at another address.
	start_daemon -n four -r 'ready to accept' qorb-echo -q "127.0.0.1:$port3"
	write_zone "_echo._tcp SRV 0 10 $PORT1 e1" \
	    "_echo._tcp SRV 0 10 $PORT2 e2" 'e1 AAAA ::1' 'e2 AAAA ::1'
	start_nsd "$SCRATCH/zones"
	start_hasty_pool --set max-slots=12 --dns "$NSD_ADDR"
	wait_for both_are_there
	start_daemon -n load -r 'claims/s' qorb-load --progress --tasks 8 \
	    --duration 60s --json demo
	# One comes.
	write_zone "_echo._tcp SRV 0 10 $PORT1 e1" \
	    "_echo._tcp SRV 0 10 $PORT2 e2" "_echo._tcp SRV 0 10 $port3 e3" \
	    'e1 AAAA ::1' 'e2 AAAA ::1' 'e3 AAAA ::1'
	reload_nsd
	wait_for claims_reach "e3.test.com:$port3"
	# One goes, and one counts for more.
	write_zone "_echo._tcp SRV 0 90 $PORT2 e2" \
	    "_echo._tcp SRV 0 10 $port3 e3" 'e2 AAAA ::1' 'e3 AAAA ::1'
	reload_nsd
	wait_for backends_are "e2.test.com:$PORT2 e3.test.com:$port3"
	wait_for has_weight "e2.test.com:$PORT2" 90
	run_ok qorb-load --tasks 4 --claims 200 --json demo
	jq -e '[.backends[].name] | map(select(startswith("e1."))) == []' \
	    <<<"$output"
	# One moves.
	write_zone "_echo._tcp SRV 0 90 $PORT2 e2" \
	    "_echo._tcp SRV 0 10 $port3 e3" 'e2 AAAA ::1' 'e3 A 127.0.0.1'
	reload_nsd
	wait_for has_addr "e3.test.com:$port3" "127.0.0.1:$port3"
	wait_for claims_reach "e3.test.com:$port3"
	stop_daemon -s INT load
	jq -e '.errors.total == 0 and .cycles.whole > 100' "$SCRATCH/load.out" || {
		cat "$SCRATCH/load.out"
		return 1
	}
	# One row a name: e1, e2, e3.
	jq -e '.backends | length == 3' "$SCRATCH/load.out"
}

# Among the events there is none of a claim that went to a backend after it had
# been removed; $1 is how many were removed at least.
no_claim_after_removal()
{
	awk -F '\t' -v least="$1" '
	match($4, /addr=[^ ]*/) { addr = substr($4, RSTART, RLENGTH) }
	$2 == "backend-added" { delete gone[addr] }
	$2 == "backend-removed" { gone[addr] = 1; removed++ }
	$2 == "claim-done" { claims++ }
	$2 == "claim-done" && addr in gone { print "claimed after all: " $0 }
	$2 == "lost" { print "events were lost" }
	END { if (removed < least || claims < 10 * least)
		print removed + 0 " were removed, " claims + 0 " claims" }
	' "$SCRATCH/events.out"
}

@test "whatever the TTL, a removed backend gets no claim once it is seen" {
	local ttl port3
	start_echoes
	start_echo three -q
	port3=${ECHO_ADDR##*:}
	start_daemon -n four -r 'ready to accept' qorb-echo -q "127.0.0.1:$port3"
	write_zone "_echo._tcp SRV 0 10 $PORT1 e1" 'e1 AAAA ::1'
	start_nsd "$SCRATCH/zones"
	start_hasty_pool --set max-slots=12 --set query-interval=200ms \
	    --dns "$NSD_ADDR"
	wait_for backends_are "e1.test.com:$PORT1"
	start_daemon -n events -r event qorb-ctl events demo
	start_daemon -n load -r 'claims/s' qorb-load --progress --tasks 4 \
	    --pause 5ms --duration 60s --json demo
	for ttl in 0 1 60 2147483647; do
		write_zone "\$TTL $ttl" "_echo._tcp SRV 0 10 $PORT1 e1" \
		    "_echo._tcp SRV 0 10 $PORT2 e2" 'e1 AAAA ::1' 'e2 AAAA ::1'
		reload_nsd
		wait_for backends_are "e1.test.com:$PORT1 e2.test.com:$PORT2"
		# One comes, one goes, one counts for more.
		write_zone "\$TTL $ttl" "_echo._tcp SRV 0 90 $PORT2 e2" \
		    "_echo._tcp SRV 0 10 $port3 e3" 'e2 AAAA ::1' 'e3 AAAA ::1'
		reload_nsd
		wait_for backends_are "e2.test.com:$PORT2 e3.test.com:$port3"
		wait_for has_weight "e2.test.com:$PORT2" 90
		wait_for claims_reach "e3.test.com:$port3"
		run_ok ask 'backends demo'
		assert_output --partial " ttl=$ttl "
		# One moves.
		write_zone "\$TTL $ttl" "_echo._tcp SRV 0 90 $PORT2 e2" \
		    "_echo._tcp SRV 0 10 $port3 e3" 'e2 AAAA ::1' 'e3 A 127.0.0.1'
		reload_nsd
		wait_for has_addr "e3.test.com:$port3" "127.0.0.1:$port3"
		wait_for claims_reach "e3.test.com:$port3"
	done
	stop_daemon -s INT load
	jq -e '.errors.total == 0' "$SCRATCH/load.out"
	stop_daemon events
	run no_claim_after_removal 11
	assert_output ''
}

# Claims have gone to this backend.
claims_reach()
{
	ask 'stats demo' | grep -Eq "backend=$1 .* total=[1-9]"
}

@test "--watch tells each kind of failure once, and that all is well again" {
	PORT1=1 PORT2=2
	start_scripted records
	start_daemon -n watch -r '^\+ e2' qorb-resolve --watch \
	    --dns "$SCRIPT_ADDR" _echo._tcp.test.com
	script servfail
	wait_for_text "$SCRATCH/watch.err" 'the last answer stays: .*SERVFAIL'
	script refused
	wait_for_text "$SCRATCH/watch.err" 'the last answer stays: .*REFUSED'
	script records
	wait_for_text "$SCRATCH/watch.err" \
	    '^qorb-resolve: _echo._tcp.test.com: resolved again$'
	stop_daemon watch
	[[ $(wc -l <"$SCRATCH/watch.err") -eq 3 ]]
}
