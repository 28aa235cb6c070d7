#!/usr/bin/env bats
#
# The set-up finds what is missing and installs it by the package manager that
# is there, or says the one line to type. Managers, sudo and the user's number
# are stand-ins here, in a PATH of their own; nothing is really installed.

load helpers

setup()
{
	helpers_begin
	BASE=$SCRATCH/bin
	mkdir "$BASE"
	# Not links: a test that replaced one would write into the system.
	local tool
	for tool in sh bash env mktemp rm tr sed grep tail sleep flock touch \
	    cc make nsd dnsmasq clang bats true clang-format mandoc parallel perl python3 jq socat tmux strace curl \
	    redis-server memcached nginx promtool chromedriver \
	    setpriv ip pgrep uname dtrace bpftrace; do
		stand_in $tool
	done
	stub id 'echo "${USER_ID-0}"'
	# Knows each module but those in $WITHOUT.
	stub pkg-config 'for m; do case " ${WITHOUT-} " in
	*" $m "*) [ -e "$STUBS/module-$m" ] || exit 1;; esac; done'
	export STUBS=$BASE
	# What is missing: shellcheck, for it is not in there.
}

# The system's own program.
stand_in()
{
	stub "$1" "exec '$(type -P "$1")' \"\$@\""
}

# stub NAME SCRIPT
stub()
{
	printf '%s\n' '#!/bin/sh' "$2" >"$BASE/$1"
	chmod +x "$BASE/$1"
}

# A package manager that notes its arguments and brings what is asked for.
manager()
{
	stub "$1" 'echo "$(basename "$0") $*" >>"$STUBS/log"
for word; do case $word in
shellcheck|ShellCheck|hs-ShellCheck) touch "$STUBS/shellcheck"
	chmod +x "$STUBS/shellcheck" ;;
*ares*) touch "$STUBS/module-libcares" ;;
esac; done'
	stand_in basename
	stand_in chmod
}

set_up()
{
	env PATH="$BASE" "$ROOT/tests/setup/deps.sh" "$1"
}

@test "nothing is said when nothing is missing" {
	run_ok "$ROOT/tests/setup/deps.sh" build
	[ -z "$output$stderr" ]
	touch "$BASE/shellcheck"
	chmod +x "$BASE/shellcheck"
	run_ok set_up check
	[ -z "$output$stderr" ]
}

@test "only what the goal needs is missing" {
	run_ok set_up build
	run_ok set_up demo
	run_status 1 set_up check
}

@test "root installs with the manager that is there" {
	local name package
	while read -r name package; do
		rm -f "$BASE/shellcheck" "$BASE/log"
		manager "$name"
		run_ok set_up check
		grep -q "^$name .*$package" "$BASE/log"
		[[ $stderr == "setup: installing with $name: $package" ]]
		rm "$BASE/$name"
	done <<-'END'
	apt-get shellcheck
	dnf ShellCheck
	apk shellcheck
	pacman shellcheck
	brew shellcheck
	pkg hs-ShellCheck
	END
}

@test "a library is asked for by the name that the system gives it" {
	local name package
	touch "$BASE/shellcheck"
	chmod +x "$BASE/shellcheck"
	while read -r name package; do
		rm -f "$BASE/log" "$BASE/module-libcares"
		manager "$name"
		WITHOUT=libcares run_ok set_up build
		grep -qx "$name .*[ ]$package" "$BASE/log"
		rm "$BASE/$name"
	done <<-'END'
	apt-get libc-ares-dev
	dnf c-ares-devel
	apk c-ares-dev
	pacman c-ares
	brew c-ares
	pkg c-ares
	END
}

@test "a user without sudo is told the one line, and nothing happens" {
	manager apt-get
	USER_ID=1000 run_status 1 set_up check
	[ ! -e "$BASE/log" ]
	[ "$(grep -c 'apt-get' <<<"$stderr")" -eq 1 ]
	grep -qx '    apt-get update && apt-get install -y shellcheck' \
	    <<<"$stderr"
}

@test "sudo is used when it asks nothing, and only then" {
	manager apt-get
	stub sudo 'echo sudo "$@" >>"$STUBS/log"; [ -n "$NO_QUESTION" ] || exit 1
shift; exec "$@"'
	USER_ID=1000 NO_QUESTION='' run_status 1 set_up check
	run ! grep -q '^apt-get' "$BASE/log"
	USER_ID=1000 NO_QUESTION=1 run_ok set_up check
	grep -q '^apt-get' "$BASE/log"
	run ! grep -q '^sudo [^-]' "$BASE/log"
}

@test "apt's lists are read anew only when an installation fails" {
	manager apt-get
	run_ok set_up check
	run ! grep -q update "$BASE/log"
	rm "$BASE/shellcheck" "$BASE/log"
	stub apt-get 'case "$*" in *update*) touch "$STUBS/lists"; exit;; esac
[ -e "$STUBS/lists" ] || exit 100
touch "$STUBS/shellcheck"; chmod +x "$STUBS/shellcheck"'
	run_ok set_up check
}

@test "a manager that fails is quoted, with the line to type" {
	stub dnf 'echo "no such mirror"; exit 1'
	run_status 1 set_up check
	[[ $stderr == *"no such mirror"*"    dnf install -y ShellCheck"* ]]
}

@test "a manager that waits for another's lock is asked again" {
	stub apk '[ ! -e "$STUBS/asked" ] || {
	touch "$STUBS/shellcheck"; chmod +x "$STUBS/shellcheck"; exit; }
case "$*" in *-U*) touch "$STUBS/asked";; esac
echo "Unable to lock database"; exit 1'
	stand_in chmod
	stub sleep :
	run_ok set_up check
}

@test "what an installation did not bring is named" {
	stub pacman 'exit 0'
	run_status 1 set_up check
	[[ $stderr == *"yet still missing: shellcheck"* ]]
}

@test "without a manager that it knows it names what is missing" {
	run_status 1 set_up check
	[[ $stderr == *"missing for check: shellcheck"*"by hand"* ]]
}

@test "two at once install once" {
	manager apt-get
	set_up check 2>/dev/null &
	local first=$!
	set_up check 2>/dev/null &
	wait $! $first
	[ "$(wc -l <"$BASE/log")" -eq 1 ]
}

@test "an unknown goal is a wrong use" {
	run_status 2 "$ROOT/tests/setup/deps.sh" everything
	[[ $stderr == "usage: "* ]]
}

@test "make names what is missing and how to get it" {
	stub pkg-config 'exit 1'
	stand_in mkdir
	run_status 2 env PATH="$BASE" make -C "$ROOT" BUILD="$SCRATCH/build"
	[[ $stderr == *"missing: libevent_core libcares"* ]]
	[[ $stderr == *"install it with: make setup"* ]]
	run_status 2 env PATH="$BASE" make -C "$ROOT" BUILD="$SCRATCH/build" \
	    CC=no-such-cc
	[[ $stderr == *"missing: no-such-cc"* ]]
}
