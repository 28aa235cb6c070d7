#!/bin/sh
# Feeds a pool from a file of lines "NAME ADDR", which is read again each $EVERY
# seconds. What is no longer in it, or no longer told, ends after $TTL.
# usage: feed-from-file.sh POOL FILE
while :; do
	while read -r name addr; do
		echo "advertise $1 $name $addr ttl=${TTL:-30s}"
	done <"$2" | socat -t 5 - "UNIX-CONNECT:${QORB_SOCKET:-/run/qorb/pool.sock}" |
		grep -v '^ok' >&2
	sleep "${EVERY:-10}"
done
