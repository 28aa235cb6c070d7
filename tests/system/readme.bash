# README.md as the tests read it: what it says to type, and what it shows.
#
# shellcheck shell=bash

# Writes what README.md holds, a line each: "at N" for a terminal's turn, "$ CMD"
# for a command, "> TEXT" for a line of what it prints.
readme()
{
	awk '
		/^```sh/ { kind = "$ "; next }
		/^```text/ { kind = "> "; next }
		/^```/ { kind = ""; next }
		kind != "" { print kind $0; next }
		match($0, /[Tt]erminal [0-9]\*\*/) {
			print "at " substr($0, RSTART + 9, 1)
		}' "$ROOT/README.md"
}

# Figures as #, single blanks: what stays the same from run to run.
without_figures()
{
	sed -E -e 's/[0-9][0-9.,]*(us|ms|s\b)?/#/g' -e 's/[[:space:]]+/ /g' \
	    -e 's/^ //' -e 's/ $//' -e 's%/[^ ]*/(qorb-demo\.)[A-Za-z#]*/%\1/%'
}
