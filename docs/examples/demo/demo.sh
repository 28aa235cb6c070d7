#!/usr/bin/env bash
# Shows the main job of qorb from end to end, on this host alone:
#
#     docs/examples/demo/demo.sh [FOLDER OF THE PROGRAMS]
#
# A name server knows three echo servers; the daemon finds them, keeps warm
# connections to them, and lends these to a workload; one server is stopped
# under it and started again. Exits 0 only if no echo came back wrong and claims
# went on while the server was down. With DEMO=live in the environment all of it
# is left running until Ctrl-C.
#
# Socket and files are in a temporary folder of its own, ports are free ones:
# any number of demos may run side by side, and nothing is left behind.
set -u

bin=$(cd "${1:-build/bin}" && pwd) || exit 1
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

case ${DEMO-} in
'' | live) ;;
*)
	echo "demo: DEMO=$DEMO: leave it out, or write DEMO=live" >&2
	exit 2
	;;
esac

dir=$(mktemp -d "${TMPDIR:-/tmp}/qorb-demo.XXXXXX") || exit 1
export QORB_SOCKET=$dir/pool.sock

service=_echo._tcp.test.com
load_s=10
tasks=16
servers=(echo001 echo002 echo003)

# --- processes ---------------------------------------------------------------

declare -A pids=()

# Ends with us, however we end.
bound=()
if command -v setpriv >/dev/null; then
	bound=(setpriv --pdeathsig TERM)
fi

# In a trap the shell does not ask after its children: one that has ended may
# still have its number.
is_running()
{
	local stat
	kill -0 "$1" 2>/dev/null || return 1
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	[[ ${stat##*) } != Z* ]]
}

# A moment, without a process: a signal ends it.
pause()
{
	read -rt "$1" -u "$clock" || :
}
exec {clock}<> <(:)

# start NAME TEXT CMD ...: in the background, until it has written TEXT.
start()
{
	local name=$1 text=$2 n
	shift 2
	: >"$dir/$name.log" # of one that was started before
	"${bound[@]}" "$@" >"$dir/$name.log" 2>&1 </dev/null {clock}<&- &
	pids[$name]=$!
	for ((n = 0; n < 500; n++)); do
		! grep -qsE -- "$text" "$dir/$name.log" || return 0
		is_running "${pids[$name]}" || return 1
		pause 0.02
	done
	return 1
}

# stop NAME ...: asks them to end, and waits for it.
stop()
{
	local name n
	for name; do
		kill -TERM "${pids[$name]}" 2>/dev/null
	done
	for name; do
		for ((n = 0; n < 150; n++)); do
			is_running "${pids[$name]}" || break
			pause 0.02
		done
		kill -KILL "${pids[$name]}" 2>/dev/null
		wait "${pids[$name]}" 2>/dev/null
		unset "pids[$name]"
	done
}

clean_up()
{
	trap '' INT TERM HUP
	# First those that use the others.
	[[ -z ${pids[load]-} ]] || stop load
	[[ -z ${pids[pool]-} ]] || stop pool
	stop "${!pids[@]}"
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'echo; echo "demo: stopped, nothing is left behind"; exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# --- words -------------------------------------------------------------------

if [[ -t 1 ]]; then
	bold=$'\e[1m' plain=$'\e[0m'
else
	bold='' plain=''
fi

say()
{
	# The workload's progress line stands where we write.
	[[ -z ${pids[load]-} || ! -t 2 ]] || printf '\r%79s\r' '' >&2
	printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"
}

# Shows a command as one would type it, then runs it.
show()
{
	echo "\$ $*"
	PATH=$bin:$PATH "$@"
}

fail()
{
	local name
	printf '\ndemo: %s\n' "$*" >&2
	for name in "${!pids[@]}" ; do
		echo "--- the last words of $name" >&2
		tail -n 5 "$dir/$name.log" >&2
	done
	exit 1
}

# --- servers -----------------------------------------------------------------

# Distinct ports that nobody listens on. Another program may take one before
# we do: then everything is tried again with others.
choose_ports()
{
	local port
	ports=()
	while [[ ${#ports[@]} -lt 4 ]]; do
		port=$((10000 + RANDOM % 20000))
		[[ " ${ports[*]-} " != *" $port "* ]] || continue
		(: <"/dev/tcp/::1/$port") 2>/dev/null || ports+=("$port")
	done
}

# The files of the tour, with our ports and folder instead of the fixed ones.
write_zone()
{
	sed -e "s/\\b6001\\b/${ports[1]}/" -e "s/\\b6002\\b/${ports[2]}/" \
	    -e "s/\\b6003\\b/${ports[3]}/" docs/examples/dns/test.com.zone \
	    >"$dir/test.com.zone"
	sed -e "s/@5300/@${ports[0]}/" -e "s%docs/examples/dns%$dir%" \
	    -e "s%/tmp/qorb-tour%$dir/nsd%" -e "s%\"/tmp\"%\"$dir\"%" \
	    docs/examples/dns/nsd.conf >"$dir/nsd.conf"
}

start_echo()
{
	start "$1" 'ready to accept' "$bin/qorb-echo" -q "[::1]:$2"
}

start_servers()
{
	local i
	choose_ports
	write_zone
	start nsd 'nsd started' nsd -d -c "$dir/nsd.conf" || return 1
	for i in 0 1 2; do
		start_echo "${servers[i]}" "${ports[i + 1]}" || return 1
	done
}

# --- figures -----------------------------------------------------------------

# column NAME SERVER: a figure of a row of the table on stdin.
column()
{
	awk -v column="$1" -v row="$2" '
		$1 == "NAME" { for (i in HEAD) delete HEAD[i]
			for (i = 1; i <= NF; i++) HEAD[$i] = i }
		index($1, row ".") == 1 { print $(HEAD[column]) }'
}

table()
{
	"$bin/qtop" -b -n 1
}

# Claims that the servers which were not stopped have served so far.
claims_of_others()
{
	table >"$dir/table"
	echo $(($(column TOTAL echo001 <"$dir/table") +
	    $(column TOTAL echo003 <"$dir/table")))
}

# --- the show ----------------------------------------------------------------

set_up()
{
	local try
	say "A name server, and three echo servers that its zone test.com names"
	for try in 1 2 3 4 5; do
		if start_servers; then
			break
		fi
		[[ $try -lt 5 ]] || fail "a server does not start"
		stop "${!pids[@]}"
	done
	dns="[::1]:${ports[0]}"
	echo "nsd on $dns; qorb-echo on" \
	    "[::1]:${ports[1]}, [::1]:${ports[2]} and [::1]:${ports[3]}"
	say "What the name server says about the service"
	show qorb-resolve --dns "$dns" $service ||
	    fail "the service does not resolve"
	say "The daemon: it finds the servers and connects to them"
	echo "\$ qorb-pool --dns $dns --socket $QORB_SOCKET demo=$service &"
	start pool 'ready on' "$bin/qorb-pool" --dns "$dns" --socket "$QORB_SOCKET" \
	    "demo=$service" || fail "the daemon does not start"
	wait_until 'is_online echo001 && is_online echo002 && is_online echo003' ||
	    {
		table
		fail "not every server got online"
	}
	show qtop -b -n 1
}

is_online()
{
	table 2>/dev/null | grep -q "^$1\\..* online"
}

# Looks again and again, five seconds long.
wait_until()
{
	local n
	for ((n = 0; n < 100; n++)); do
		! eval "$1" || return 0
		pause 0.05
	done
	return 1
}

claim_once()
{
	say "One claim for a pipeline: six bytes there and back"
	echo '$ echo hello | qorb-claim --bytes 6 demo'
	echo hello | "$bin/qorb-claim" --bytes 6 demo >"$dir/answer" ||
	    fail "the claim failed"
	cat "$dir/answer"
	[[ $(<"$dir/answer") == hello ]] || fail "that was not what was sent"
}

start_load()
{
	say "A workload for $load_s seconds: $tasks tasks that claim, write," \
	    "read back and compare, release"
	echo "\$ qorb-load --tasks $tasks --duration ${load_s}s demo"
	# Its progress goes to the terminal, live; the report comes at the end.
	# Exchanges that the stop cuts off may fail, a wrong echo may not.
	"${bound[@]}" "$bin/qorb-load" --tasks $tasks --duration ${load_s}s \
	    --fail-above 1 --progress demo >"$dir/report" </dev/null {clock}<&- &
	pids[load]=$!
	pause 3
}

# The middle of the show: a server goes away under the load and comes back.
fail_over()
{
	local before after
	say "One of the servers is stopped: claims go to the others"
	stop echo002
	pause 0.5
	before=$(claims_of_others)
	pause 1.5
	after=$(claims_of_others)
	show qtop -b -n 1
	during=$((after - before))
	say "It is started again: the daemon finds it by itself"
	start_echo echo002 "${ports[2]}" || fail "the server did not come back"
	wait_until 'is_online echo002' || fail "the daemon did not find it"
	show qtop -b -n 1
}

end_load()
{
	local status=0
	wait "${pids[load]}" || status=$?
	unset 'pids[load]'
	say "What the workload saw"
	cat "$dir/report"
	[[ $status -eq 0 ]] || fail "the workload was not content ($status)"
	[[ $during -gt 0 ]] || fail "no claim was granted while a server was down"
	say "Every echo that came back was right, and" \
	    "$during claims were granted while one server was down"
	cut=$(awk '$1 == "errors" && $2 ~ /^[0-9]/ { print $2 }' "$dir/report")
	[[ ${cut:-0} == 0 ]] ||
	    echo "($cut exchanges were under way on the server that stopped)"
}

stay()
{
	say "All of it runs on until Ctrl-C. In a second terminal:"
	cat <<-END

	cd $(printf %q "$PWD")
	export PATH=$(printf %q "$bin"):\$PATH QORB_SOCKET=$QORB_SOCKET
	qtop -b -i 1
	qorb-load --tasks 8 --duration 30s demo
	echo hello | qorb-claim --bytes 6 demo
	qorb-resolve --dns '$dns' $service
	kill ${pids[echo003]}   # stops one of the servers
	END
	while is_running "${pids[pool]}"; do
		pause 1
	done
	fail "the daemon ended"
}

set_up
claim_once
start_load
fail_over
end_load
[[ ${DEMO-} != live ]] || stay
