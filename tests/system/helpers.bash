# What the system tests share. A test file is then:
#
#     load helpers
#
#     @test "an echo server says where it listens" {
#             start_daemon -n echo -r 'ready to accept' \
#                 qorb-echo "[::1]:$(free_port)"
#             run_status 0 qorb-claim --addr demo
#             [[ $output == *6001* ]]
#     }
#
# Loading it gives the file setup and teardown (and bats-support, bats-assert).
# A file with a setup or teardown of its own calls helpers_begin first in the
# one and helpers_end last in the other; the same two do for setup_file and
# teardown_file, and what was started there lasts for the whole file.
#
# In a test:
#   $SCRATCH      a folder of its own with a short path, gone after the test
#   $QORB_SOCKET  $SCRATCH/pool.sock (the file's, when setup_file has begun one)
#   $ROOT         the top of the source tree
#   $PATH         starts with the programs under test ($QORB_BIN, build/bin)
#
#   run_ok CMD ...           must exit 0; sets output, stderr, lines, status
#   run_status N CMD ...     must exit N. Programs get $DEADLINE seconds (20).
#                            Input by <<< or <: a pipe would lose the output
#   wait_for CMD ...         until CMD succeeds, for $DEADLINE seconds at most
#   wait_for_text FILE RE    until a line of FILE matches the extended RE
#   free_port                prints a port below 32768 that was free for TCP and
#                            UDP on [::1] and 127.0.0.1 and is ours till the end
#   start_daemon -n NAME [-r RE] [-s SOCKET] CMD ...
#                            starts CMD, waits until a line of its output
#                            matches RE, or SOCKET answers. Its pid is
#                            $DAEMON_PID and $(daemon_pid NAME), its output is
#                            $SCRATCH/NAME.out and NAME.err. Never call it by
#                            run or in $(...): it dies with the shell it is
#                            started from
#   stop_daemon [-s SIGNAL] NAME [STATUS]
#                            TERM, waits for the end, wants exit STATUS (0)
#   start_echo NAME [OPTION ...]   a qorb-echo; sets ECHO_ADDR
#   start_pool [OPTION ...] POOL=...   a qorb-pool on $QORB_SOCKET, answering
#   start_nsd FOLDER         nsd with each FOLDER/ZONE.zone; sets NSD_ADDR; the
#                            files are read again after reload_nsd [NAME]. With
#                            NSD_NAME it has another name than nsd
#   ask LINE ...             sends lines to $QORB_SOCKET, prints what comes back
#
# The teardown stops what is still running and fails the test when something
# did not end on SIGTERM, died of a sanitizer or an assertion, or left behind a
# process, a socket file or a listening port.
#
# shellcheck shell=bash

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
QORB_BIN=${QORB_BIN:-$ROOT/build/bin}
PATH=$QORB_BIN:$PATH:/usr/local/sbin:/usr/sbin:/sbin
export ROOT QORB_BIN PATH LC_ALL=C.UTF-8

# Seconds that anything may take; far more than it needs.
: "${DEADLINE:=20}"

# Ports in use by tests of any user and checkout on this machine: a link each,
# named by the port, pointing at the pid that has it.
PORTS_DIR=/tmp/qorb-ports

setup()
{
	helpers_begin
}

teardown()
{
	helpers_end
}

helpers_begin()
{
	SCRATCH=$(mktemp -d /tmp/qorb-test.XXXXXX)
	mkdir "$SCRATCH/daemons" "$SCRATCH/ports"
	# Found again in the environment of every process that we start.
	QORB_MARK=$SCRATCH
	export SCRATCH QORB_MARK
	if [[ -z ${BATS_TEST_NUMBER-} || -z ${FILE_SCRATCH-} ]]; then
		export QORB_SOCKET=$SCRATCH/pool.sock
	fi
	if [[ -z ${BATS_TEST_NAME-} ]]; then
		export FILE_SCRATCH=$SCRATCH
	fi
}

helpers_end()
{
	local trouble=0
	if [[ -z ${BATS_TEST_NAME-} ]]; then
		SCRATCH=$FILE_SCRATCH
	fi
	[[ -n ${SCRATCH-} && -d $SCRATCH ]] || return 0
	stop_all || trouble=1
	check_strays || trouble=1
	check_complaints || trouble=1
	release_ports || trouble=1
	if [[ $trouble -ne 0 ]]; then
		show_daemons
	fi
	rm -rf "$SCRATCH"
	return $trouble
}

# --- waiting and running ----------------------------------------------------

# A moment between two looks at something, without a process.
pause()
{
	[[ -n ${PAUSE_FD-} ]] || exec {PAUSE_FD}<> <(:)
	read -rt 0.02 -u "$PAUSE_FD" || :
}

wait_for()
{
	local end=$((SECONDS + DEADLINE + 1))
	until "$@" >/dev/null 2>&1; do
		if [[ $SECONDS -ge $end ]]; then
			echo "waited $DEADLINE s in vain for: $*"
			return 1
		fi
		pause
	done
}

wait_for_text()
{
	if ! wait_for grep -Eq -- "$2" "$1"; then
		echo "$1 holds:"
		cat "$1"
		return 1
	fi
}

run_ok()
{
	run_status 0 "$@"
}

run_status()
{
	local want=$1 limit=()
	shift
	if [[ $(type -t "$1") == file ]]; then
		limit=(timeout -k 2 "$DEADLINE")
	fi
	run --separate-stderr "${limit[@]}" "$@"
	# run sets status, output and stderr.
	# shellcheck disable=SC2154
	if [[ $status -ne $want ]]; then
		echo "ran: $*"
		echo "exit status: $status, not $want"
		if [[ ${#limit[@]} -gt 0 && $status -eq 124 ]]; then
			echo "(it was stopped after $DEADLINE s)"
		fi
		echo "stdout: $output"
		echo "stderr: ${stderr-}"
		return 1
	fi
}

# --- ports ------------------------------------------------------------------

# Takes a link in PORTS_DIR and shows the port when it can be bound, strictly
# (no SO_REUSEADDR), in all four ways.
read -r -d '' find_port <<'PERL' || :
use strict;
use Errno;
use Socket qw(:all);

my ($dir, $owner) = @ARGV;

sub is_free {
	my $port = shift;
	for my $type (SOCK_STREAM, SOCK_DGRAM) {
		my @to = (
		    [AF_INET6, sub { pack_sockaddr_in6($port, IN6ADDR_LOOPBACK) }],
		    [AF_INET, sub { pack_sockaddr_in($port, INADDR_LOOPBACK) }]);
		for my $to (@to) {
			socket(my $s, $to->[0], $type, 0) or next;
			bind($s, $to->[1]->()) or return 0;
		}
	}
	return 1;
}

for my $try (1 .. 500) {
	my $port = 10000 + int(rand(32768 - 10000));
	if (!-d $dir) {
		mkdir($dir) and chmod(01777, $dir);
	}
	my $link = "$dir/$port";
	my $holder = readlink($link);
	if (defined $holder && !kill(0, $holder) && !$!{EPERM}) {
		unlink($link);
	}
	symlink($owner, $link) or next;
	if (is_free($port)) {
		print "$port\n";
		exit 0;
	}
	unlink($link);
}
die "no free port found\n";
PERL

free_port()
{
	local port
	port=$(perl -e "$find_port" "$PORTS_DIR" "$$") || return 1
	: >"$SCRATCH/ports/$port"
	echo "$port"
}

nobody_listens_on()
{
	local hex
	printf -v hex '%04X' "$1"
	! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
	    grep -Eq "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F:]+ 0A "
}

# Fails when something listens on a port after all of ours has ended; the threads
# of a process may end a moment after it.
release_ports()
{
	local port trouble=0
	for port in "$SCRATCH"/ports/*; do
		port=${port##*/}
		[[ $port != '*' ]] || continue
		if ! DEADLINE=5 wait_for nobody_listens_on "$port"; then
			echo "port $port is still listened on"
			trouble=1
		fi
		rm -f "$PORTS_DIR/$port"
	done
	rmdir "$PORTS_DIR" 2>/dev/null || :
	return $trouble
}

# --- daemons ----------------------------------------------------------------

daemon_pid()
{
	cat "$SCRATCH/daemons/$1" 2>/dev/null ||
	    cat "$FILE_SCRATCH/daemons/$1"
}

# Also a process that has ended and that its parent has not asked after is no
# more: a shell in a trap may be late with that.
is_running()
{
	local stat
	kill -0 "$1" 2>/dev/null || return 1
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	[[ ${stat##*) } != [ZX]* ]]
}

# The daemon has said that it is ready; also true when it is no more, so that
# the waiting ends at once.
is_ready()
{
	local name=$1 re=$2 socket=$3
	is_running "$(daemon_pid "$name")" || return 0
	if [[ -n $re ]]; then
		grep -Eqs -- "$re" "$SCRATCH/$name.out" "$SCRATCH/$name.err" ||
		    return 1
	fi
	[[ -z $socket ]] || socket_answers "$socket"
}

socket_answers()
{
	[[ -S $1 ]] && socat -u OPEN:/dev/null "UNIX-CONNECT:$1"
}

start_daemon()
{
	local OPTIND=1 opt name='' re='' socket='' bound=()
	while getopts n:r:s: opt; do
		case $opt in
		n) name=$OPTARG ;;
		r) re=$OPTARG ;;
		s) socket=$OPTARG ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	if command -v setpriv >/dev/null; then
		bound=(setpriv --pdeathsig TERM)
	fi
	# What one of this name said before must not be taken for its word.
	: >"$SCRATCH/$name.out"
	: >"$SCRATCH/$name.err"
	"${bound[@]}" "$@" >"$SCRATCH/$name.out" 2>"$SCRATCH/$name.err" \
	    </dev/null 3>&- 4>&- &
	DAEMON_PID=$!
	echo "$DAEMON_PID" >"$SCRATCH/daemons/$name"
	if ! wait_for is_ready "$name" "$re" "$socket" ||
	    ! is_running "$DAEMON_PID"; then
		echo "$name did not get ready: $*"
		cat "$SCRATCH/$name.out" "$SCRATCH/$name.err"
		return 1
	fi
}

has_ended()
{
	! is_running "$1"
}

stop_daemon()
{
	local OPTIND=1 opt signal=TERM pid status=0
	while getopts s: opt; do
		case $opt in
		s) signal=$OPTARG ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	pid=$(daemon_pid "$1")
	rm -f "$SCRATCH/daemons/$1"
	kill -s "$signal" "$pid"
	if ! wait_for has_ended "$pid"; then
		kill -KILL "$pid"
		echo "$1 did not end on SIG$signal"
		return 1
	fi
	# The status is known only to the shell that started it.
	wait "$pid" 2>/dev/null || status=$?
	if [[ $status -ne ${2:-0} && $status -ne 127 ]]; then
		echo "$1 ended with status $status, not ${2:-0}"
		cat "$SCRATCH/$1.err"
		return 1
	fi
}

stop_all()
{
	local file pid trouble=0
	for file in "$SCRATCH"/daemons/*; do
		[[ -f $file ]] && kill -TERM "$(<"$file")" 2>/dev/null
	done
	for file in "$SCRATCH"/daemons/*; do
		[[ -f $file ]] || continue
		pid=$(<"$file")
		if ! wait_for has_ended "$pid"; then
			kill -KILL "$pid"
			echo "${file##*/} did not end on SIGTERM"
			trouble=1
		fi
	done
	return $trouble
}

# --- what must not be left behind -------------------------------------------

# Pids of processes that carry our mark, but for this shell and its helpers.
marked_processes()
{
	local file pid
	for file in $(grep -lzsxF "QORB_MARK=$SCRATCH" /proc/[0-9]*/environ); do
		pid=${file//[!0-9]/}
		grep -qs bats-exec "/proc/$pid/cmdline" || echo "$pid"
	done
}

no_marked_process()
{
	[[ -z $(marked_processes) ]]
}

check_strays()
{
	local pid trouble=0
	# What was told to end may take a moment.
	if ! DEADLINE=5 wait_for no_marked_process; then
		for pid in $(marked_processes); do
			echo "stray process $pid:" \
			    "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
			kill -KILL "$pid"
		done
		trouble=1
	fi
	if [[ -n $(find "$SCRATCH" -type s) ]]; then
		echo "socket left behind: $(find "$SCRATCH" -type s)"
		trouble=1
	fi
	return $trouble
}

check_complaints()
{
	local words='AddressSanitizer|LeakSanitizer|runtime error:'
	words+='|[Aa]ssertion .*failed|WARNING: .*Sanitizer'
	if grep -Eqs "$words" "$SCRATCH"/*.err "$SCRATCH"/*.out; then
		echo "a daemon complained"
		return 1
	fi
}

show_daemons()
{
	local file
	for file in "$SCRATCH"/*.out "$SCRATCH"/*.err; do
		[[ -s $file ]] || continue
		echo "--- ${file##*/}"
		tail -n 30 "$file"
	done
}

# --- the programs and a name server -----------------------------------------

start_echo()
{
	local name=$1
	shift
	ECHO_ADDR="[::1]:$(free_port)"
	start_daemon -n "$name" -r 'ready to accept' \
	    qorb-echo "$@" "$ECHO_ADDR"
}

start_pool()
{
	start_daemon -n pool -s "$QORB_SOCKET" qorb-pool "$@"
}

ask()
{
	printf '%s\n' "$@" | socat -t 1 - "UNIX-CONNECT:$QORB_SOCKET"
}

start_nsd()
{
	local folder=$1 name=${NSD_NAME:-nsd} zone port
	local home=$SCRATCH/$name.home
	port=$(free_port)
	mkdir -p "$home"
	{
		printf '%s\n' 'server:' "  ip-address: ::1@$port" \
		    '  server-count: 1' '  username: ""' '  database: ""' \
		    '  pidfile: ""' "  zonesdir: \"$folder\"" \
		    "  xfrdfile: \"$home/xfrd\"" "  xfrdir: \"$home\"" \
		    "  zonelistfile: \"$home/zones\"" \
		    '  rrl-ratelimit: 0' \
		    'remote-control:' '  control-enable: no'
		for zone in "$folder"/*.zone; do
			zone=${zone##*/}
			printf '%s\n' 'zone:' "  name: \"${zone%.zone}\"" \
			    "  zonefile: \"$zone\""
		done
	} >"$home/nsd.conf"
	# For the tests that use it.
	# shellcheck disable=SC2034
	NSD_ADDR="[::1]:$port"
	start_daemon -n "$name" -r 'nsd started' nsd -d -c "$home/nsd.conf"
}

reload_nsd()
{
	kill -HUP "$(daemon_pid "${1:-nsd}")"
}
