#!/usr/bin/env bats
#
# qorb-protocol(7): it names all that there is, and each of its example
# sessions is what a live daemon says.

load helpers
load talk

PAGE=docs/man/qorb-protocol.7

replay()
{
	PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 \
	    timeout 60 python3 "$BATS_TEST_DIRNAME/replay.py" "$ROOT/$PAGE" "$@"
}

verbs()
{
	ask help | sed -nE 's/^\* verb=([a-z]+) .*/\1/p'
}

# The names of an X table.
names_of()
{
	grep -oE 'X\([A-Z_]+, "[a-z-]+"' "$ROOT/libcommon/core/$1.h" |
	    grep -oE '"[a-z-]+"' | tr -d '"' | grep -vxE 'code|name'
}

@test "the page names every verb, error and event, with a session for each verb" {
	start_pool 'a=[::1]:1'
	[[ $(verbs | wc -l) -ge 27 && $(names_of error | wc -l) -ge 23 &&
		$(names_of event | wc -l) -ge 36 ]]
	replay list | sort -u >"$SCRATCH/sessions"
	for verb in $(verbs); do
		grep -Eq "^\.It Ic $verb( |$)" "$ROOT/$PAGE" || {
			echo "no verb $verb"
			return 1
		}
		grep -qx "$verb" "$SCRATCH/sessions" || {
			echo "no session for $verb"
			return 1
		}
	done
	for code in $(names_of error); do
		grep -qx ".It Er $code" "$ROOT/$PAGE" || {
			echo "no error $code"
			return 1
		}
	done
	for event in $(names_of event); do
		grep -qx ".It Li $event" "$ROOT/$PAGE" || {
			echo "no event $event"
			return 1
		}
	done
}

@test "the arguments of each event are those of the table" {
	perl -0ne 's/\\\n//g;
	    print "$1 $2\n" while /X\(\w+,\s*"([a-z-]+)",\s*"([a-z -]+)"\)/g' \
	    "$ROOT/libcommon/core/event.h" |
	    sed -E 's/ pool( |$)/\1/' >"$SCRATCH/table"
	[[ $(wc -l <"$SCRATCH/table") -ge 36 ]]
	while read -r event args; do
		run grep -A 1 -x ".It Li $event" "$ROOT/$PAGE"
		assert_line --index 1 "${args// /, }"
	done <"$SCRATCH/table"
}

# A name server with the two backends of the page, at ports of our own.
start_world()
{
	start_echo echo1 -q
	PORT1=${ECHO_ADDR##*:}
	start_echo echo2 -q
	PORT2=${ECHO_ADDR##*:}
	mkdir "$SCRATCH/zones"
	cat >"$SCRATCH/zones/test.com.zone" <<-EOF
		\$ORIGIN test.com.
		\$TTL 60
		@ SOA ns hostmaster 1 3600 600 86400 60
		@ NS ns
		ns AAAA ::1
		echo001 AAAA ::1
		echo002 AAAA ::1
		_echo._tcp SRV 0 0 $PORT1 echo001
		_echo._tcp SRV 0 0 $PORT2 echo002
	EOF
	start_nsd "$SCRATCH/zones"
	printf '%s\n' '[daemon]' "dns = $NSD_ADDR" '[pool demo]' \
	    'service = _echo._tcp.test.com' >"$SCRATCH/pool.conf"
}

has_eight()
{
	[[ $(ask pools) == *' online=2 slots=8 claimed=0 unclaimed=8 '* ]]
}

@test "each session of the page is what a daemon says" {
	local n=0 verb
	start_world
	replay list >"$SCRATCH/sessions"
	while read -r verb; do
		start_pool -c "$SCRATCH/pool.conf"
		wait_for has_eight
		replay run "$n" "$PORT1" "$PORT2" || {
			echo "in the session of $verb"
			return 1
		}
		stop_daemon pool 2>/dev/null ||
		    [[ $verb == terminate ]]
		n=$((n + 1))
	done <"$SCRATCH/sessions"
	[[ $n -ge 27 ]]
}
