#!/usr/bin/env bats
#
# tests/run counts right: it is run on a tree of its own, whose unit tests are
# scripts that speak TAP, or fail to.

load helpers

setup()
{
	helpers_begin
	mkdir -p "$SCRATCH/tree/tests/unit" "$SCRATCH/tree/out/unit" \
	    "$SCRATCH/tree/out/bin"
	cp "$ROOT/tests/run" "$SCRATCH/tree/tests/run"
	cd "$SCRATCH/tree" || return
	unset CI BUILD
}

# unit_test NAME: a program from stdin.
unit_test()
{
	: >"tests/unit/test_$1.c"
	{
		echo '#!/bin/sh'
		cat
	} >"out/unit/test_$1"
	chmod +x "out/unit/test_$1"
}

last_line()
{
	echo "${lines[${#lines[@]} - 1]}"
}

@test "passed, failed and skipped tests add up over programs and plans" {
	unit_test a <<<'echo 1..2; echo ok 1 - x; echo ok 2 - y
echo 1..1; echo ok 1 - z'
	unit_test b <<<'echo 1..3; echo ok 1 - x; echo not ok 2 - y
echo "# why"; echo "not ok 3 # SKIP s"; exit 1'
	run_status 1 tests/run --build out unit
	[ "$(last_line)" = "4 passed, 1 failed, 1 skipped" ]
	assert_line 'FAILED: unit: test_b: y'
	assert_line '    # why'
	assert_line 'skipped: unit: test_b: s'
	[ "$(grep -cE '^[0-9]+ passed' <<<"$output")" -eq 1 ]
}

@test "no failure: exit 0 and no word of skips" {
	unit_test a <<<'echo 1..1; echo ok 1 - x'
	run_ok tests/run --build out unit
	[ "$(last_line)" = "1 passed, 0 failed" ]
}

@test "a crash counts as a failure and shows what was said" {
	unit_test a <<<'echo 1..2; echo ok 1 - x; echo "heap on fire" >&2
kill -ABRT $$'
	run_status 1 tests/run --build out unit
	[ "$(last_line)" = "1 passed, 1 failed" ]
	assert_output --partial 'ran 1 of 2 tests (exit status 134)'
	assert_output --partial 'heap on fire'
}

@test "an exit status without a failed test counts as a failure" {
	unit_test a <<<'echo 1..1; echo ok 1 - x; echo "leak found"; exit 23'
	run_status 1 tests/run --build out unit
	[ "$(last_line)" = "1 passed, 1 failed" ]
	assert_output --partial 'leak found'
}

@test "no plan, an empty plan and no program at all are failures" {
	unit_test a <<<'echo ok 1 - x'
	unit_test b <<<'echo 1..0'
	run_status 1 tests/run --build out unit
	[ "$(last_line)" = "1 passed, 2 failed" ]
	rm tests/unit/*
	run_status 1 tests/run --build out unit
	[ "$(last_line)" = "0 passed, 1 failed" ]
}

@test "a program that hangs is stopped" {
	unit_test a <<<'echo 1..1; exec cat <"$HANG"'
	mkfifo hang
	HANG=hang UNIT_TIMEOUT=1 run_status 1 tests/run --build out unit
	[ "$(last_line)" = "0 passed, 1 failed" ]
	assert_output --partial 'exit status 124'
}

@test "a build that fails is said with the compiler's words" {
	printf '%s\n' 'all unit-tests:' '	@echo no such header >&2; false' \
	    >Makefile
	run_status 1 tests/run
	assert_output --partial 'FAILED: build'
	assert_output --partial 'no such header'
	[[ $(last_line) == "0 passed, "*" failed" ]]
}

@test "an unknown suite is a wrong use" {
	run_status 2 tests/run everything
	[[ $stderr == "usage: "* ]]
}

@test "the folder may have a blank in its name, and nothing is left" {
	unit_test a <<<'echo 1..1; echo ok 1 - x'
	mkdir "$SCRATCH/tmp"
	mv "$SCRATCH/tree" "$SCRATCH/a tree"
	TMPDIR=$SCRATCH/tmp run_ok "$SCRATCH/a tree/tests/run" --build out unit
	[ -z "$(ls -A "$SCRATCH/tmp")" ]
}

@test "a run that is told to stop ends what it started" {
	unit_test a <<<'echo 1..1; touch started; exec cat <hang'
	mkfifo hang
	mkdir "$SCRATCH/tmp"
	TMPDIR=$SCRATCH/tmp start_daemon -n run tests/run --build out unit
	wait_for test -e started
	stop_daemon run 143
	[ -z "$(ls -A "$SCRATCH/tmp")" ]
}
