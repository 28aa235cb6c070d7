#!/usr/bin/env bash
# Makes the pictures of this folder again, from what is built:
#
#     docs/pictures/make.sh [FOLDER OF THE PROGRAMS]
#
# For five minutes, which is what the plots show, a workload runs over the three
# servers of the examples; one of them is stopped and started again meanwhile.
# qtop is looked at while it is down, the page of qorb-web at the end. The
# daemon's socket is $QORB_SOCKET, or one below /tmp.
set -eu -o pipefail

bin=$(cd "${1:-build/bin}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=$PWD/docs/pictures
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

dir=$(mktemp -d /tmp/qorb-pictures.XXXXXX)
export QORB_SOCKET=${QORB_SOCKET:-$dir/pool.sock}
trap 'tmux -S "$dir/tmux" kill-server || :
	kill $(jobs -p) 2>/dev/null; wait; rm -rf "$dir"' EXIT

# Five ports in a row that nobody listens on: of the web server, of DNS, and of
# the three backends.
is_free()
{
	local port
	for port in $(seq "$1" $(($1 + 4))); do
		! (: <"/dev/tcp/::1/$port") 2>/dev/null || return 1
	done
}

port=$((10000 + RANDOM % 20000))
until is_free $port; do
	port=$((port + 5))
done
web=127.0.0.1:$port

run()
{
	"$@" >>"$dir/log" 2>&1 &
}

load()
{
	run "$bin/qorb-load" "$@" demo
}

sed -e "s/\\b6001\\b/$((port + 2))/" -e "s/\\b6002\\b/$((port + 3))/" \
    -e "s/\\b6003\\b/$((port + 4))/" docs/examples/dns/test.com.zone \
    >"$dir/test.com.zone"
sed -e "s/5300/$((port + 1))/" -e "s%docs/examples/dns%$dir%" \
    -e "s%/tmp/qorb-tour%$dir/nsd%" -e "s%\"/tmp\"%\"$dir\"%" \
    docs/examples/dns/nsd.conf >"$dir/nsd.conf"
run nsd -d -c "$dir/nsd.conf"
for n in 2 3 4; do
	run "$bin/qorb-echo" -q "[::1]:$((port + n))"
	third=$!
done
run "$bin/qorb-pool" --dns "[::1]:$((port + 1))" --set max-slots=24 \
    demo=_echo._tcp.test.com
until "$bin/qorb-claim" --addr demo >/dev/null 2>&1; do
	sleep 0.1
done
run "$bin/qorb-web" --listen $web
LC_ALL=C.UTF-8 tmux -S "$dir/tmux" -f /dev/null -u new-session -d -x 124 -y 15 \
    "$bin/qtop"

load --duration 400s --rate 260 --hold 14ms
load --duration 400s --tasks 4 --hold 30ms --pause 50ms
LINGER=310 run python3 tests/system/browser.py shot "http://$web/" \
    "$out/qorb-web.png" 1280 800
picture=$!
sleep 60
load --duration 35s --tasks 36 --hold 20ms
sleep 80
load --duration 30s --tasks 12 --hold 12ms
sleep 70
kill "$third"
sleep 15
tmux -S "$dir/tmux" capture-pane -e -p |
    python3 docs/pictures/screen.py qtop >"$dir/screen.html"
python3 tests/system/browser.py shot "file://$dir/screen.html" "$out/qtop.png"
sleep 15
run "$bin/qorb-echo" -q "[::1]:$((port + 4))"
wait $picture
