# A terminal for the tests of screens: what a person at it has, by tmux. Loaded
# after helpers; the file's setup begins with screen_begin, its teardown is
# there.
#
#   open_screen COLUMNS ROWS WORDS...   the words run by a shell in a terminal,
#                                       which is there before and after them
#   keys KEY ...                        as tmux names them, or letters
#   screen [OPTION ...]                 what it shows; -e with colours
#   see RE, see_no RE                   waits until a line matches, or none does
#
# shellcheck shell=bash

screen_begin()
{
	helpers_begin
	command -v tmux >/dev/null || skip "tmux is not installed"
}

teardown()
{
	[[ ! -S $SCRATCH/tmux ]] || mux kill-server || :
	rm -f "$SCRATCH/tmux"
	helpers_end
}

mux()
{
	tmux -S "$SCRATCH/tmux" -f /dev/null -u "$@" 3>&- 4>&-
}

open_screen()
{
	local cols=$1 rows=$2
	shift 2
	mux new-session -d -x "$cols" -y "$rows" \
	    "PS1='the shell> ' exec bash --norc --noprofile"
	see 'the shell>$'
	mux send-keys "$*" Enter
}

keys()
{
	mux send-keys "$@"
}

# Most often without an option.
# shellcheck disable=SC2119,SC2120
screen()
{
	mux capture-pane -p "$@"
}

# shellcheck disable=SC2119
screen_has()
{
	screen | grep -Eq -- "$1"
}

# shellcheck disable=SC2119
see()
{
	if ! wait_for screen_has "$1"; then
		screen
		return 1
	fi
}

# shellcheck disable=SC2119
see_no()
{
	if ! wait_for eval '! screen_has "$1"'; then
		screen
		return 1
	fi
}
