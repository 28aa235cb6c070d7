# What the checks look at: the tree's own files of a kind, one a line, without
# build folders. Sourced by the checks, which run at the top of the tree.
#
# shellcheck shell=bash

set -u -o pipefail

# find_files EXPRESSION: the files that find's expression is true for.
find_files()
{
	find . \( -path './build*' -o -path './.git' \) -prune -o \
	    -type f \( "$@" \) -print | sed 's%^\./%%' | sort
}

c_files()
{
	find_files -name '*.[ch]'
}

# Scripts by their name, or by their first line where the name says nothing.
shell_files()
{
	local file
	find_files -name '*.sh' -o -name '*.bash' -o -name '*.bats' \
	    -o -path './completions/bash/*'
	find_files -perm -u+x ! -name '*.*' | while IFS= read -r file; do
		if head -n 1 "$file" | grep -Eq '^#!.*\b(ba)?sh$'; then
			echo "$file"
		fi
	done
}

program_names()
{
	local main
	for main in cmd/*/main.c; do
		[[ ! -f $main ]] || basename "${main%/main.c}"
	done
}

# The C dialect of a file, as the Makefile has it.
dialect()
{
	case $1 in
	libcommon/core/*) echo -std=c11 ;;
	*) echo -std=c11 -D_GNU_SOURCE ;;
	esac
}
