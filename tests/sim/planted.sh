#!/usr/bin/env bash
# Proves that the simulator bites: ten faults are planted, one at a time, in
# copies of the core, and each must be caught within fifty seeds, by the model
# alone (pool_check is left out).
#
#     tests/sim/planted.sh BUILD
#
# BUILD is where `make BUILD=... unit-tests` has built. CC compiles (cc). An edit
# that no longer changes its file fails too: it has to follow the core.
set -u -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
[[ $# -eq 1 ]] || {
	echo "usage: tests/sim/planted.sh BUILD" >&2
	exit 2
}
build=$1
cc=${CC:-cc}
work=$(mktemp -d "${TMPDIR:-/tmp}/qorb-planted.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
tests=0
failed=0

# Those of the simulator; the fleet has a main of its own.
objects=()
for source in tests/sim/*.c; do
	[[ $source == */fleet.c ]] ||
	    objects+=("$build/obj/${source%.c}.o")
done

verdict()
{
	tests=$((tests + 1))
	if [[ $1 == ok ]]; then
		echo "ok $tests - $2"
		return
	fi
	failed=1
	echo "not ok $tests - $2"
	shift 2
	printf '# %s\n' "$@"
}

# plant NAME FILE EXPRESSION: FILE of the core, changed by sed's EXPRESSION.
plant()
{
	local name=$1 file=$2 said
	sed -E "$3" "libcommon/core/$file.c" >"$work/$file.c"
	if cmp -s "$work/$file.c" "libcommon/core/$file.c"; then
		verdict bad "$name" "the edit of $file.c changes nothing"
		return
	fi
	# The changed part comes before the archive that has the others.
	if ! "$cc" -std=c11 -O1 -Ilibcommon -c -o "$work/$file.o" \
	    "$work/$file.c" 2>"$work/said" ||
	    ! "$cc" -o "$work/sim" "${objects[@]}" \
	    "$work/$file.o" "$build/lib/libcore.a" 2>>"$work/said"; then
		verdict bad "$name" "it cannot be built:" "$(head "$work/said")"
		return
	fi
	if said=$(timeout 60 "$work/sim" --seeds 1:50 --events 20000 --once \
	    --no-walks --first 2>&1); then
		verdict bad "$name" "no seed of fifty caught it"
	else
		said=${said%%$'\n'*}
		verdict ok "$name (${said#*us: })"
	fi
}

echo 1..10
plant 'a cap that is off by one is caught' spread \
    's/return p->policy\.max_count;/return p->policy.max_count + 1;/'
plant 'a lost wake-up is caught' slot \
    's/c = (claim_next_for\(p, s\));/c = s->claims > 0 ? \1 : NULL;/'
plant 'a double grant is caught' pool \
    '/a->kind = ACTION_GRANT;/a if (c->deadline_us != 1) { c->deadline_us = 1; list_push_back(\&p->answers, \&c->answer); }'
plant 'barging is caught' claim \
    's/own != NULL && own->seq < any->seq/own != NULL/'
plant 'a leaked slot is caught' slot \
    's/time_after\(p->now_us, p->policy\.health_check_timeout\)/NEVER/'
plant 'a wrong sum is caught' pool \
    's/p->refused\[e\]\+\+;//'
plant 'probes that take no turns are caught' spread \
    '/^spread_probe_turn/,/^}/s/p->probes\.count == 0/p->total > 0/'
plant 'a stale handle that is accepted is caught' pool \
    's/ && s->gen == ref\.gen//'
plant 'a deadline that is missed is caught' slot \
    's/heap_set\(&p->deadlines, &c->deadline, c->deadline_us\)/heap_remove(\&p->deadlines, \&c->deadline)/'
plant 'an unfair order is caught' claim \
    's/last != NULL && last->seq > c->seq/false/'
exit $failed
