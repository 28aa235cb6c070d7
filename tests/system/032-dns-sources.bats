# What the daemon makes of DNS over time: several name servers, name servers
# that are found, and the last good set over a restart.

load helpers

zone_head='$ORIGIN test.com.
$TTL 1
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns AAAA ::1'

# write_zone FOLDER LINE ...: the zone test.com that its server serves.
write_zone()
{
	local folder=$SCRATCH/$1
	shift
	mkdir -p "$folder"
	printf '%s\n' "$zone_head" "$@" >"$folder/new"
	mv "$folder/new" "$folder/test.com.zone"
}

# serve NAME LINE ...: a name server of this name with a zone of its own; sets
# NSD_ADDR. Its pid is that of the daemon NAME.
serve()
{
	local name=$1
	write_zone "$@"
	NSD_NAME=$name start_nsd "$SCRATCH/$name"
}

has_backends()
{
	[[ $(ask 'backends demo' | sed -n 's/.*backend=\([^ ]*\).*/\1/p' |
	    sort | xargs) == "$*" ]]
}

resolver_is()
{
	[[ $(ask 'stats demo') == *" resolver=$1"* ]]
}

@test "dns-answers=merge uses the backends of all name servers" {
	local first
	serve ns1 '_echo._tcp SRV 0 1 1 a' 'a A 127.0.0.1'
	first=$NSD_ADDR
	serve ns2 '_echo._tcp SRV 0 1 2 b' 'b A 127.0.0.1'
	start_pool --set dns-answers=merge --dns "$first,$NSD_ADDR" \
	    demo=_echo._tcp.test.com
	wait_for has_backends a.test.com:1 b.test.com:2
	run_ok ask 'policy demo'
	assert_line --partial 'name=dns-answers value=merge default=first'
	# A server that is gone takes nothing with it.
	stop_daemon ns1
	wait_for resolver_is stale
	has_backends a.test.com:1 b.test.com:2
	run_ok ask 'set demo dns-answers=first'
	wait_for has_backends b.test.com:2
	wait_for resolver_is ok
}

@test "name servers found by resolver-service come and go" {
	local first port
	serve ns2 '_echo._tcp SRV 0 1 2 b' 'b A 127.0.0.1'
	port=${NSD_ADDR##*:}
	serve ns1 "_dns._udp SRV 0 1 $port ns" '_echo._tcp SRV 0 1 1 a' \
	    'a A 127.0.0.1'
	first=$NSD_ADDR
	start_pool --set dns-answers=merge --dns "$first" \
	    --set resolver-service=_dns._udp.test.com --log-level debug \
	    demo=_echo._tcp.test.com
	wait_for has_backends a.test.com:1 b.test.com:2
	write_zone ns1 '_dns._udp SRV 0 0 0 .' '_echo._tcp SRV 0 1 1 a' \
	    'a A 127.0.0.1'
	reload_nsd ns1
	wait_for has_backends a.test.com:1
	run_ok ask 'set demo resolver-service=none'
	run_ok ask 'set demo resolver-service=a..b'
	[[ $output == *'error bad-value'* ]]
}

start_saving()
{
	start_pool --dns "$NSD_ADDR" --set "state-file=$SCRATCH/state" \
	    demo=_echo._tcp.test.com
}

# saved_names [TTL]
saved_names()
{
	grep -q "a.test.com:1 127.0.0.1:1 5 7 ${1-1}\$" "$SCRATCH/state"
}

@test "a daemon starts from its last good set while DNS is down" {
	serve nsd '_echo._tcp SRV 5 7 1 a' 'a A 127.0.0.1'
	start_saving
	wait_for has_backends a.test.com:1
	wait_for saved_names
	stop_daemon pool
	stop_daemon nsd
	start_saving
	wait_for has_backends a.test.com:1
	wait_for resolver_is saved
	run_ok ask 'backends demo'
	assert_output --partial 'source=saved priority=5 weight=7'
	# It is not forgotten when DNS is down for another life.
	stop_daemon pool
	saved_names
	start_saving
	wait_for has_backends a.test.com:1
}

@test "what was saved is over when DNS speaks" {
	serve nsd '_echo._tcp SRV 5 7 1 a' 'a A 127.0.0.1'
	start_saving
	wait_for saved_names
	stop_daemon pool
	write_zone nsd '_echo._tcp SRV 5 7 2 b' 'b A 127.0.0.1'
	reload_nsd nsd
	wait_for zone_names b
	start_saving
	wait_for has_backends b.test.com:2
	wait_for resolver_is ok
	stop_daemon pool
	grep -q '^b.test.com:2 ' "$SCRATCH/state"
	run ! saved_names
}

saved_are()
{
	[[ $(sed -n 's/^\([^ ]*\.test\.com:[0-9]*\) .*/\1/p' "$SCRATCH/state" |
	    sort | xargs) == "$*" ]]
}

is_silent()
{
	[[ $(ask 'backends demo') == *"backend=$1 "*" rule=silent"* ]]
}

@test "what DNS withdraws while one of its servers is dead is not saved" {
	local first
	serve ns1 '_echo._tcp SRV 0 1 1 a' 'a A 127.0.0.1'
	first=$NSD_ADDR
	serve ns2 '_echo._tcp SRV 0 1 2 b' 'b A 127.0.0.1'
	start_pool --set dns-answers=merge --dns "$first,$NSD_ADDR" \
	    --set query-timeout=500ms --set "state-file=$SCRATCH/state" \
	    --set query-retry=100ms demo=_echo._tcp.test.com
	wait_for saved_are a.test.com:1 b.test.com:2
	stop_daemon ns1
	wait_for resolver_is stale
	write_zone ns2 '_echo._tcp SRV 0 1 3 c' 'c A 127.0.0.1'
	reload_nsd ns2
	wait_for has_backends a.test.com:1 c.test.com:3
	wait_for saved_are a.test.com:1 c.test.com:3
	# Failures alone take nothing out of it.
	stop_daemon ns2
	wait_for is_silent c.test.com:3
	run_ok ask 'set demo stale-for=0'
	wait_for has_backends
	stop_daemon pool
	saved_are a.test.com:1 c.test.com:3
}

zone_names()
{
	[[ $(qorb-resolve --dns "$NSD_ADDR" _echo._tcp.test.com) == "$1".* ]]
}

@test "a damaged state file is reported and ignored" {
	local damage file=$SCRATCH/state
	serve nsd '_echo._tcp SRV 5 7 1 a' 'a A 127.0.0.1'
	start_saving
	wait_for saved_names
	stop_daemon pool
	stop_daemon nsd
	cp "$file" "$SCRATCH/good"
	for damage in 's/127/126/' '$d' '2d' 's/$/\r/' 's/qorb/corb/' d; do
		sed "$damage" "$SCRATCH/good" >"$file"
		start_saving
		wait_for resolver_is failing
		run_ok ask 'backends demo'
		assert_output ok
		wait_for_text "$SCRATCH/pool.err" "state-file $file is ignored"
		stop_daemon pool
	done
}

@test "a state file that was never written to is no damaged one" {
	local life
	for life in first second; do
		echo "$life"
		start_pool --dns 127.0.0.1:1 --set "state-file=$SCRATCH/state" \
		    demo=_echo._tcp.test.com
		stop_daemon pool
	done
	run ! grep 'is ignored' "$SCRATCH/pool.err"
	[[ -s $SCRATCH/state ]]
}

@test "a state file is on the disk before it takes the old one's place" {
	command -v strace >/dev/null || skip "strace is not installed"
	strace -o /dev/null true || skip "strace may not trace here"
	serve nsd '_echo._tcp SRV 5 7 1 a' 'a A 127.0.0.1'
	export ASAN_OPTIONS=detect_leaks=0
	start_daemon -n pool -s "$QORB_SOCKET" strace -D -o "$SCRATCH/calls" \
	    -e trace=fdatasync,fsync,rename,renameat,renameat2 \
	    "$QORB_BIN/qorb-pool" --dns "$NSD_ADDR" \
	    --set "state-file=$SCRATCH/state" demo=_echo._tcp.test.com
	wait_for saved_names
	stop_daemon pool
	run cat "$SCRATCH/calls"
	assert_line --index 0 --regexp '^f(data)?sync\(.* = 0$'
	assert_line --index 1 --regexp '^rename.*state"\).* = 0$'
}

@test "a state file beyond the limit on the size of files is told" {
	# The log is a file too, and so has to be written by another process.
	# shellcheck disable=SC2016
	start_daemon -n pool -s "$QORB_SOCKET" bash -c 'exec 2> >(exec cat >"$1")
	    shift; ulimit -f 0; exec "$@"' - "$SCRATCH/log" \
	    qorb-pool --dns 127.0.0.1:1 --set "state-file=$SCRATCH/state" \
	    demo=_a._b
	wait_for_text "$SCRATCH/log" \
	    "state-file $SCRATCH/state cannot be written: File too large"
	stop_daemon pool
}

@test "two daemons never share a state file" {
	serve nsd '_echo._tcp SRV 5 7 1 a' 'a A 127.0.0.1'
	start_saving
	wait_for saved_names
	run_status 1 qorb-pool --socket "$SCRATCH/other.sock" \
	    --set "state-file=$SCRATCH/state" demo=_echo._tcp.test.com
	[[ $stderr == *"state-file $SCRATCH/state cannot be used: another process uses it"* ]]
	# The lock has moved on to the file that was written meanwhile.
	write_zone nsd '_echo._tcp SRV 5 7 2 b' 'b A 127.0.0.1'
	reload_nsd nsd
	wait_for grep -q '^b.test.com:2 ' "$SCRATCH/state"
	run_status 1 qorb-pool --socket "$SCRATCH/other.sock" \
	    --set "state-file=$SCRATCH/state" demo=_echo._tcp.test.com
	[[ $stderr == *'another process uses it'* ]]
}

@test "a state file that was removed is written again by the next look-up" {
	# It is looked up when we ask for it, and not before.
	serve nsd '_echo._tcp 3600 SRV 5 7 1 a' 'a 3600 A 127.0.0.1'
	start_saving
	wait_for saved_names 3600
	rm "$SCRATCH/state"
	run_ok ask 'resolve demo'
	wait_for saved_names 3600
	run_status 1 qorb-pool --socket "$SCRATCH/other.sock" \
	    --set "state-file=$SCRATCH/state" demo=_echo._tcp.test.com
	[[ $stderr == *'another process uses it'* ]]
	# Another daemon that was faster has its own there now.
	rm "$SCRATCH/state"
	start_daemon -n other -s "$SCRATCH/other.sock" qorb-pool \
	    --socket "$SCRATCH/other.sock" --dns 127.0.0.1:1 \
	    --set "state-file=$SCRATCH/state" demo=_other._tcp.test.com
	run_ok ask 'resolve demo'
	wait_for_text "$SCRATCH/pool.err" 'cannot be written: another process'
	stop_daemon other
	stop_daemon pool
	saved_names 3600
}

@test "a state file that cannot be used is said at the start" {
	run_status 1 qorb-pool --set "state-file=$SCRATCH/none/state" demo=_a._b
	[[ $stderr == *"state-file $SCRATCH/none/state cannot be used: No such"* ]]
	mkdir "$SCRATCH/folder"
	run_status 1 qorb-pool --set "state-file=$SCRATCH/folder" demo=_a._b
	[[ $stderr == *"cannot be used: Is a directory"* ]]
	mkfifo "$SCRATCH/fifo"
	run_status 1 qorb-pool --set "state-file=$SCRATCH/fifo" demo=_a._b
	[[ $stderr == *"it is no regular file"* ]]
	run_status 2 qorb-pool --set state-file=relative demo=_a._b
	[[ $stderr == *"an absolute path"* ]]
}

@test "a client cannot make the daemon write a file" {
	start_pool 'demo=[::1]:1'
	run_ok ask "set demo state-file=$SCRATCH/mine"
	[[ $output == 'error denied '* ]]
	[[ ! -e $SCRATCH/mine ]]
}
