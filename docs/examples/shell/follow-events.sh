#!/bin/sh
# Shows which backends come, go and fail, as it happens, until interrupted.
# usage: follow-events.sh [POOL]
echo "#e events $1" |
	socat -,ignoreeof "UNIX-CONNECT:${QORB_SOCKET:-/run/qorb/pool.sock}" |
	while read -r _ star at event rest; do
		case $star:$event in
		error:*) echo "$at $event $rest" >&2 ;;
		\*:*=slot-set-o* | \*:*=backend-* | \*:*-failed | \*:*=lost)
			echo "${at#t=} ${event#event=} $rest"
			;;
		esac
	done
