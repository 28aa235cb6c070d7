#!/bin/sh
# The backends of a pool that are not online, with what is known of them; exit
# status 1 when there are any, 2 when the daemon could not be asked.
# usage: stats.sh [POOL]
socket=${QORB_SOCKET:-/run/qorb/pool.sock}
answer=$(echo "stats $1" | socat -t 5 - "UNIX-CONNECT:$socket") || exit 2
case $answer in
*ok) ;;
*)
	echo "${answer##*error }" >&2
	exit 2
	;;
esac
! echo "$answer" | grep ' backend=' | grep -v ' state=online '
