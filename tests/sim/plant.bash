# What the scripts share that plant faults in copies of the core, to prove that a
# simulator bites; they are called with BUILD, where `make BUILD=... unit-tests`
# has built. CC compiles (cc). An edit that no longer changes its file fails too:
# it has to follow the core.
#
# shellcheck shell=bash
set -u -o pipefail

[[ $# -eq 1 ]] || {
	echo "usage: $0 BUILD" >&2
	exit 2
}
build=$1
cc=${CC:-cc}
work=$(mktemp -d "${TMPDIR:-/tmp}/qorb-planted.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
tests=0
failed=0

# The simulator's: its objects, and how it is run.
objects=()
flags=()

end_plants()
{
	exit $failed
}

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
	if said=$(timeout 60 "$work/sim" "${flags[@]}" 2>&1); then
		verdict bad "$name" "no seed caught it"
	else
		said=${said%%$'\n'*}
		verdict ok "$name (${said#*us: })"
	fi
}
