#!/usr/bin/env bats
#
# qtop without a screen, reading a real daemon.

load helpers

setup()
{
	helpers_begin
	start_echo first -q
	FIRST=$ECHO_ADDR
	start_echo second -q
	SECOND=$ECHO_ADDR
	start_pool "demo=$FIRST,$SECOND" "other=$FIRST"
	wait_for eval 'ask pools | grep -q "pool=demo.* online=2"'
	wait_for eval 'ask pools | grep -q "pool=other.* online=1"'
}

# perl_json CODE: runs it with @rounds, the objects of stdin's lines.
perl_json()
{
	perl -MJSON::PP -e '
		my @rounds = map { decode_json($_) } <STDIN>;
		eval $ARGV[0];
		die $@ if $@;' "$1"
}

@test "one table at once: title, pools, backends" {
	run_ok qtop -b -n 1
	assert_equal "${lines[0]}" "QTOP - $QORB_SOCKET - 0 claims/s"
	assert_line --regexp '^pool demo: 0\.0 claims/s, slots [0-9]+, waiting 0, refused 0, resolver '
	assert_line --regexp '^pool other: '
	assert_equal "$(grep -cE '^NAME +CLAIMS/s CONNECTING UNCLAIMED CLAIMED CHECKING TOTAL STATE +FAILURES ADDRESS$' <<<"$output")" 2
	assert_equal "$(grep -cF "$FIRST " <<<"$output")" 2
	assert_equal "$(grep -cF "$SECOND " <<<"$output")" 1
	[ "$stderr" = "" ]
}

@test "claims show up in TOTAL, and a held one in CLAIMED" {
	for _ in 1 2 3; do
		qorb-claim demo true
	done
	start_daemon -n holder -r ready qorb-claim demo \
	    sh -c 'echo ready; exec cat <&6'
	run_ok qtop -b -n 1 -p demo
	refute_output --partial 'pool other'
	awk '/online/ { total += $7; claimed += $5 }
	    END { exit !(total == 4 && claimed == 1) }' <<<"$output"
	stop_daemon holder 143
}

@test "several rounds, an empty line between" {
	qtop -b -n 3 -i 0.01 -p other >"$SCRATCH/rounds"
	assert_equal "$(grep -c ^QTOP "$SCRATCH/rounds")" 3
	assert_equal "$(grep -B 1 ^QTOP "$SCRATCH/rounds" | grep -c '^$')" 2
}

@test "JSON: an object a line, with rates of the time between" {
	start_daemon -n load qorb-load --tasks 4 --duration 1m demo
	wait_for eval "ask stats | grep -q 'pool=demo claims=[1-9]'"
	run_ok qtop --json -n 5 -i 50ms -p demo
	perl_json '
		my $last;
		die "rounds" if @rounds != 5;
		for my $r (@rounds) {
			my $p = $r->{pools}[0];
			die "pool" if @{$r->{pools}} != 1 || $p->{pool} ne "demo";
			die "backends" if @{$p->{backends}} != 2;
			my ($total, $rate) = (0, 0);
			for my $b (@{$p->{backends}}) {
				$total += $b->{total};
				$rate += $b->{claims_per_s};
				die "state" if $b->{state} ne "online";
			}
			die "total" if $total != $p->{claims};
			die "rate" if $r->{claims_per_s} != $p->{claims_per_s};
			if ($last) {
				my $n = $p->{claims} - $last->{pools}[0]{claims};
				my $s = $r->{t} - $last->{t};
				# Rounded to a digit, and t to a float.
				my $slack = 0.3 + $rate / 1000;
				die "per second" if
				    abs($n / $s - $p->{claims_per_s}) > $slack;
				die "sum" if
				    abs($rate - $p->{claims_per_s}) > $slack;
			}
			$last = $r;
		}
		die "nothing" if $last->{pools}[0]{claims} == 0;
	' <<<"$output"
	stop_daemon -s KILL load 137
}

@test "one round of JSON has the rates that the daemon gives" {
	run_ok qtop --json -n 1
	perl_json '
		die "rounds" if @rounds != 1;
		die "time" if abs($rounds[0]{t} - time) > 60;
		die "source" if $rounds[0]{source} ne $ENV{QORB_SOCKET};
		die "order" if join(" ", map { $_->{pool} }
		    @{$rounds[0]{pools}}) ne "demo other";
	' <<<"$output"
}

@test "a pool that is not there: 1, and the daemon's word for it" {
	run_status 1 qtop -b -n 1 -p nosuch
	assert_output ''
	[[ $stderr == 'qtop: no-such-pool: '* ]]
	run_status 1 qtop -b -p nosuch
	[[ $stderr == 'qtop: no-such-pool: '* ]]
}

@test "a daemon that goes away: one clear line, 1" {
	start_daemon -n qtop -r ^QTOP qtop -b -i 0.02
	stop_daemon pool
	local status=0 pid
	pid=$(daemon_pid qtop)
	wait_for has_ended "$pid"
	wait "$pid" || status=$?
	rm "$SCRATCH/daemons/qtop"
	[ "$status" -eq 1 ]
	assert_equal "$(<"$SCRATCH/qtop.err")" \
	    'qtop: the daemon closed the connection'
}

@test "no daemon: 1, and where it was looked for" {
	run_status 1 qtop -b -s "$SCRATCH/none"
	assert_output ''
	assert_equal "$stderr" "qtop: cannot connect to $SCRATCH/none: No such file or directory; is qorb-pool running there?"
}

@test "something else on the socket: 1, and what it says" {
	echo 'SSH-2.0-x' >"$SCRATCH/banner"
	start_daemon -n ssh -s "$SCRATCH/ssh.sock" socat -U \
	    "UNIX-LISTEN:$SCRATCH/ssh.sock,fork" "OPEN:$SCRATCH/banner"
	run_status 1 qtop -b -s "$SCRATCH/ssh.sock"
	assert_output ''
	assert_equal "$stderr" \
	    'qtop: what answers is no qorb-pool, it says "SSH-2.0-x"'
}

@test "rounds that come all at once are not more than were asked for" {
	{
		echo '#qtop ok'
		for n in 1 2 3 4 5; do
			echo "#qtop * pool=p claims=$n claims_per_s=0.5"
			echo "#qtop * a=row of=another kind"
			echo "#qtop * end t=100$n.500000"
		done
	} >"$SCRATCH/rounds"
	start_daemon -n fast -s "$SCRATCH/fast.sock" socat -U \
	    "UNIX-LISTEN:$SCRATCH/fast.sock,fork" "OPEN:$SCRATCH/rounds"
	run_ok qtop -b -n 2 -s "$SCRATCH/fast.sock"
	assert_equal "$(grep '^pool' <<<"$output")" \
	    "pool p: 0.5 claims/s, slots 0, waiting 0, refused 0, resolver -
pool p: 1.0 claims/s, slots 0, waiting 0, refused 0, resolver -"
}

@test "signals end it in good order" {
	for signal in TERM INT; do
		# Shells start background jobs with SIGINT ignored.
		# shellcheck disable=SC2016
		start_daemon -n qtop -r '"source"' \
		    perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' \
		    qtop --json -i 0.02
		stop_daemon -s "$signal" qtop 0
		perl_json 'die if @rounds < 1' <"$SCRATCH/qtop.out"
	done
}

@test "output that cannot be written: 1" {
	[ -c /dev/full ] || skip "no /dev/full here"
	run_status 1 sh -c 'qtop -b >/dev/full'
	assert_equal "$stderr" \
	    'qtop: standard output: No space left on device'
}

# wrong RE ARG ...: a wrong use, said so.
wrong()
{
	local re=$1
	shift
	run_status 2 qtop "$@"
	assert_output ''
	[[ ${stderr_lines[0]} =~ ^qtop:\ $re ]] || {
		echo "said: $stderr"
		return 1
	}
	[ "${stderr_lines[1]}" = "try 'qtop --help'" ]
}

@test "wrong uses: 2, and what would do" {
	wrong "-n '0'" -b -n 0
	wrong "-n 'x'" -b -n x
	wrong "-i '0': not a time from 10ms to 24h" -b -i 0
	wrong "-i '5ms': not a time" -b -i 5ms
	wrong "-i 'never': not a time" -b -i never
	wrong "-i 'often': not a time from 10ms to 24h, written as" -b -i often
	[[ $stderr != *never* ]]
	wrong "-p ''" -b -p ''
	wrong "'demo': not a URL; --socket names a daemon" -b demo
	wrong "'wss://h/': only ws://HOST:PORT is understood" -b wss://h/
	wrong "'ws://::1/': not HOST:PORT, with \[ \] around" -b ws://::1/
	wrong "'ws://h/': there is --socket already" -b -s /s ws://h/
	wrong "'ws://i/': one source at a time" -b ws://h/ ws://i/
	wrong "unknown option '--curses'" --curses
}
