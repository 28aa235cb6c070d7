#!/usr/bin/env bats
#
# The helpers keep their promises: each test runs a small bats file of its own
# that breaks one of them, and looks at what comes of it.

load helpers

# Runs the bats file on stdin, in which TEST stands for @test, in a new
# environment. OUTER is this test's folder.
run_file()
{
	mkdir -p "$SCRATCH/inner"
	{
		echo "load '$ROOT/tests/system/helpers'"
		sed 's/^TEST /@test /'
	} >"$SCRATCH/inner/inner.bats"
	# The folder of bats' inner parts has a bats of its own.
	local path=:$PATH:
	path=${path//":$BATS_LIBEXEC:"/:}
	run env -i PATH="$path" HOME="$HOME" OUTER="$SCRATCH" \
	    bats --formatter tap "$SCRATCH/inner"
}

@test "a test that cleans up passes" {
	run_file <<-'END'
	TEST "tidy" {
		start_daemon -n one -r ready bash -c 'echo ready; read -r _ <> <(:)'
		kill -0 "$DAEMON_PID"
		stop_daemon one 143
	}
	END
	[ "$status" -eq 0 ]
	[[ $output == *"ok 1 tidy"* ]]
}

@test "what a test left running is stopped" {
	run_file <<-'END'
	TEST "untidy" {
		start_daemon -n one -r ready bash -c 'echo ready; read -r _ <> <(:)'
		echo "$DAEMON_PID" >"$OUTER/pid"
	}
	END
	[ "$status" -eq 0 ]
	run ! kill -0 "$(cat "$SCRATCH/pid")"
}

@test "a daemon that does not end on SIGTERM fails the test" {
	run_file <<-'END'
	TEST "stubborn" {
		DEADLINE=1
		start_daemon -n one -r ready \
		    bash -c "trap '' TERM; echo ready; read -r _ <> <(:)"
	}
	END
	[ "$status" -ne 0 ]
	[[ $output == *"one did not end on SIGTERM"* ]]
}

@test "a stray process fails the test and is ended" {
	run_file <<-'END'
	TEST "stray" {
		setsid bash -c 'read -r _ <> <(:)' </dev/null >/dev/null 2>&1 3>&- 4>&- &
	}
	END
	[ "$status" -ne 0 ]
	[[ $output == *"stray process"* ]]
}

@test "a socket left behind fails the test" {
	run_file <<-'END'
	TEST "socket" {
		perl -MIO::Socket::UNIX -e \
		    'IO::Socket::UNIX->new(Local => "$ENV{SCRATCH}/s", Listen => 1)'
	}
	END
	[ "$status" -ne 0 ]
	[[ $output == *"socket left behind"* ]]
}

@test "a sanitizer's complaint of a daemon fails the test" {
	run_file <<-'END'
	TEST "complaint" {
		start_daemon -n one -r ready \
		    bash -c 'echo ready; echo "x.c:1: runtime error: y" >&2
		    read -r _ <> <(:)'
	}
	END
	[ "$status" -ne 0 ]
	[[ $output == *"a daemon complained"* ]]
}

@test "a daemon that dies at once is said to, with its output" {
	run_file <<-'END'
	TEST "dead" {
		start_daemon -n one -r ready bash -c 'echo no such luck >&2; exit 1'
	}
	END
	[ "$status" -ne 0 ]
	[[ $output == *"one did not get ready"*"no such luck"* ]]
}

@test "a wrong exit status shows command and output" {
	run_file <<-'END'
	TEST "status" {
		run_status 3 bash -c 'echo out; echo err >&2; exit 4'
	}
	END
	[ "$status" -ne 0 ]
	[[ $output == *"exit status: 4, not 3"*"stdout: out"*"stderr: err"* ]]
}

@test "a command that hangs is stopped at the deadline" {
	run_file <<-'END'
	TEST "hangs" {
		DEADLINE=1
		run_ok bash -c 'read -r _ <> <(:)'
	}
	END
	[ "$status" -ne 0 ]
	[[ $output == *"it was stopped after 1 s"* ]]
}

@test "ports are below 32768, differ, and are given back" {
	run_file <<-'END'
	TEST "ports" {
		a=$(free_port) b=$(free_port)
		[ "$a" -lt 32768 ] && [ "$a" -ge 1024 ] && [ "$a" != "$b" ]
		[ -L "/tmp/qorb-ports/$a" ]
		echo "$a" >"$OUTER/port"
	}
	END
	[ "$status" -eq 0 ]
	[ ! -L "/tmp/qorb-ports/$(cat "$SCRATCH/port")" ]
}

@test "a port that is still listened on fails the test" {
	run_file <<-'END'
	TEST "listens" {
		# Without our mark, so that it is not found as a process.
		env -u QORB_MARK socat -T 3 \
		    "TCP6-LISTEN:$(free_port),bind=[::1]" /dev/null \
		    >/dev/null 2>&1 3>&- 4>&- &
		echo $! >"$OUTER/pid"
		wait_for bash -c 'grep -qs socat /proc/$1/cmdline' - $!
		wait_for grep -qi ": .* 0A " /proc/net/tcp6
	}
	END
	kill "$(cat "$SCRATCH/pid")"
	[ "$status" -ne 0 ]
	[[ $output == *"is still listened on"* ]]
}

@test "daemons of setup_file last for the file and end with it" {
	run_file <<-'END'
	setup_file() {
		helpers_begin
		start_daemon -n one -r ready bash -c 'echo ready; read -r _ <> <(:)'
	}
	teardown_file() { helpers_end; }
	TEST "first" {
		kill -0 "$(daemon_pid one)"
		[ "$QORB_SOCKET" = "$FILE_SCRATCH/pool.sock" ]
		[ "$SCRATCH" != "$FILE_SCRATCH" ]
	}
	TEST "second" {
		kill -0 "$(daemon_pid one)"
		daemon_pid one >"$OUTER/pid"
	}
	END
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	run ! kill -0 "$(cat "$SCRATCH/pid")"
}

@test "a name server answers from the zones of a folder" {
	mkdir "$SCRATCH/zones"
	printf '%s\n' '$ORIGIN example.test.' '$TTL 5' \
	    '@ SOA ns admin 1 60 60 60 5' '@ NS ns' 'ns AAAA ::1' \
	    'a AAAA ::1' >"$SCRATCH/zones/example.test.zone"
	start_nsd "$SCRATCH/zones"
	[[ $NSD_ADDR == "[::1]:"* ]]
	# The question as bytes: one for a.example.test, type AAAA.
	run_ok bash -c 'printf "%b" \
	    "\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x04test\x00\x00\x1c\x00\x01" |
	    socat -t 2 - "UDP6:$1" | od -An -tx1 -v' - "$NSD_ADDR"
	[[ ${output//$'\n'/} == *"00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"* ]]
	stop_daemon nsd
}
