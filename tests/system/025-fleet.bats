#!/usr/bin/env bats
#
# A fleet of pools spreads its connections over the backends as is promised: a
# smaller fleet than that of `make fleet`, with as many connections to each.

load helpers

setup()
{
	helpers_begin
	fleet=$QORB_BIN/../sim/fleet
}

@test "a fleet's connections are even, and few move when a backend goes" {
	run "$fleet" --tap 300 150 16
	assert_success
	assert_line "1..4"
	refute_line --partial "not ok"
}

@test "the fleet's promises can break: two hosts leave backends without any" {
	run "$fleet" 2 500 16
	assert_failure 1
	assert_line "BROKEN no backend is without"
}
