# What the programs say of words that would play tricks with a terminal: one
# line, and nothing that a terminal obeys.

load helpers

# one_line STATUS WORD ...: what this command says of a\nb\e[1m.
one_line()
{
	local want=$1 lines_of
	shift
	run_status "$want" "$@"
	# A wrong use has a second line, which says where the help is.
	lines_of=$(grep -vc "^try '" <<<"$stderr")
	[[ $lines_of -eq 1 && ($stderr == *'a\x0Ab\x1B[1m'* ||
		$stderr == *'a%0Ab%1B[1m'*) ]] || {
		printf 'of %q:\n%s\n' "$*" "$stderr"
		return 1
	}
	[[ $stderr != *$'\e'* && $output != *$'\e'* ]]
}

@test "words of a command line come back as one line of plain text" {
	local bad=$'a\nb\e[1m' port
	port=$(free_port)
	start_pool "demo=[::1]:$port"
	one_line 1 qorb-load --claims 1 "$bad"
	one_line 1 qorb-load --claims 1 --compare "$bad"
	one_line 2 qorb-load --claims "$bad" demo
	one_line 2 qorb-load "--$bad" demo
	one_line 1 qorb-load --claims 1 --socket "$SCRATCH/$bad" demo
	one_line 1 qorb-load --claims 1 --replay "$SCRATCH/$bad" demo
	one_line 1 qorb-resolve --timeout 100ms --dns "[::1]:$port" "$bad"
	one_line 2 qorb-resolve --dns "$bad" x
	one_line 2 qorb-resolve x "$bad"
	one_line 111 qorb-claim "$bad" true
	one_line 100 qorb-claim --wait "$bad" demo true
	one_line 1 qorb-ctl backends "$bad"
	one_line 1 qorb-ctl "$bad"
	one_line 1 qorb-ctl --socket "$SCRATCH/$bad" pools
	one_line 2 qorb-echo "$bad"
	one_line 2 qorb-echo --delay "$bad"
	one_line 2 qorb-pool "$bad"
	one_line 2 qorb-pool "$bad=[::1]:1"
	one_line 2 qorb-pool --set "$bad=1" 'demo=[::1]:1'
	one_line 2 qorb-pool --check-config -c "$SCRATCH/$bad"
}
