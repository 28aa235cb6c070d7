#!/bin/sh
# Takes a backend out of use and waits until nobody has a connection to it, so
# that its host can be restarted. `undrain` ends that.
# usage: drain.sh POOL BACKEND
ask()
{
	echo "$1" | socat -t 5 - "UNIX-CONNECT:${QORB_SOCKET:-/run/qorb/pool.sock}"
}

answer=$(ask "drain $1 $2")
[ "$answer" = ok ] || {
	echo "${answer:-no daemon}" >&2
	exit 1
}
while ask "backends $1" | grep -F "* backend=$2 " | grep -q ' claimed=[1-9]'; do
	sleep 1
done
