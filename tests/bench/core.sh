#!/bin/sh
# What a claim costs in the core alone, in time, and where valgrind is installed
# in instructions:
#
#     tests/bench/core.sh BENCH_CORE [RUNS]
set -eu

bench=$1
shift
"$bench" "$@"

if ! command -v valgrind >/dev/null; then
	echo "instructions are not counted: valgrind is not installed"
	exit 0
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# count BACKENDS HELD: instructions of one round.
count()
{
	rounds=$(valgrind --tool=callgrind --toggle-collect=one_round \
	    --callgrind-out-file=/dev/null --log-file="$log" \
	    "$bench" --rounds "$1" "$2")
	sed -n 's/.*Collected : //p' "$log" |
	    awk -v n="$rounds" '{ printf "%.0f\n", $1 / n }'
}

echo
echo "claim + release, instructions"
echo
printf '%8s %8s %14s\n' backends "none held" "half held"
for n in 1 3 10 32 100 316 1000 3162 10000; do
	echo "$n $(count $n 0) $(count $n $((n * 8)))"
done | awk '
{
	printf "%8d %8d %14d\n", $1, $2, $3
	x = log($1) / log(2)
	for (k = 2; k <= 3; k++) {
		sx[k] += x; sy[k] += $k; xx[k] += x * x; xy[k] += x * $k
		if (NR == 1)
			first[k] = $k
		last[k] = $k
	}
}
END {
	for (k = 2; k <= 3; k++)
		printf "%s held: %+.1f for each doubling of the backends; " \
		    "10,000 : 1 is %.2f\n", k == 2 ? "none" : "half",
		    (NR * xy[k] - sx[k] * sy[k]) / (NR * xx[k] - sx[k] ^ 2),
		    last[k] / first[k]
}'
