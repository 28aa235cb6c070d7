#!/usr/bin/env bats
# Everything at once, for half a minute: what must hold then holds always.

load helpers

@test "in a storm no claim is lost, none is granted twice, all figures agree" {
	local addrs=() port
	for _ in 1 2 3; do
		port=$(free_port)
		addrs+=("[::1]:$port")
	done
	mkdir "$SCRATCH/zones"
	{
		cat <<-'EOF'
			$ORIGIN test.com.
			$TTL 1
			@ SOA ns hostmaster 1 3600 600 86400 1
			@ NS ns
			ns AAAA ::1
			echo AAAA ::1
		EOF
		printf '_echo._tcp SRV 0 10 %s echo\n' "${addrs[@]##*:}"
	} >"$SCRATCH/zone-a"
	# The third backend comes and goes, the second changes its weight.
	sed -e '$d' "$SCRATCH/zone-a" | sed -e '$s/ 10 / 30 /' >"$SCRATCH/zone-b"
	cp "$SCRATCH/zone-a" "$SCRATCH/zones/test.com.zone"
	start_nsd "$SCRATCH/zones"
	start_pool --dns "$NSD_ADDR" --set max-connection-backoff=500ms \
	    demo=_echo._tcp.test.com
	ZONE_A=$SCRATCH/zone-a ZONE_B=$SCRATCH/zone-b \
	    ZONE=$SCRATCH/zones/test.com.zone NSD_PID=$(daemon_pid nsd) \
	    PYTHONDONTWRITEBYTECODE=1 DEADLINE=90 run_ok \
	    python3 "$BATS_TEST_DIRNAME/storm.py" 30 "${addrs[@]}"
	echo "# $output" >&3
}
