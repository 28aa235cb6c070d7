#!/usr/bin/env bats
#
# The example clients, in Python and in sh, with a daemon.

load helpers
load talk

PYTHON=$ROOT/docs/examples/python
SHELL_EXAMPLES=$ROOT/docs/examples/shell

# Runs a Python script from stdin with the example client at hand.
with_qorb()
{
	PYTHONPATH=$PYTHON:$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 \
	    timeout 60 python3 -W error -c "import qorb
from talk import *
$(cat)"
}

@test "hello.py says hello and who answered" {
	start_demo
	run_ok env PYTHONDONTWRITEBYTECODE=1 "$PYTHON/hello.py" demo 4
	assert_equal "${#lines[@]}" 6
	assert_line --index 0 --regexp '^\[::1\]:[0-9]+ hello$'
	assert_line --partial ' online '
	assert_equal "$(ask 'stats demo' | sed -nE 's/.* claims=([0-9]+) .*/\1/p')" 4
	run_status 1 env PYTHONDONTWRITEBYTECODE=1 "$PYTHON/hello.py" nosuch
	assert_equal "$stderr" "hello.py: no-such-pool: nosuch: no pool has this name"
	stop_daemon pool
	run_status 1 env PYTHONDONTWRITEBYTECODE=1 "$PYTHON/hello.py"
	[[ $stderr == "hello.py: "* ]]
}

@test "Python: a block that is left in order releases, one by an exception breaks" {
	start_demo --set max-slots=1
	with_qorb <<-'EOF'
		with qorb.Client() as c:
		    def port():
		        with c.claim("demo") as conn:
		            assert echo(conn.sock)
		            return conn.sock.getsockname()[1]
		    first = port()
		    assert port() == first
		    try:
		        with c.claim("demo") as conn:
		            raise KeyError
		    except KeyError:
		        pass
		    assert port() != first
		    conn = c.claim("demo")
		    try:
		        c.claim("demo", wait=0)
		        assert False
		    except qorb.Error as e:
		        assert e.code == "all-claims-used", e
		    assert echo(conn.sock)
		    conn.release()
		assert counts("demo")["claimed"] == 0
	EOF
}

@test "Python: many claims held at once each have their own connection" {
	start_demo --set max-slots=16 --set spares-wanted=16
	with_qorb <<-'EOF'
		c = qorb.Client()
		held = [c.claim("demo", wait="5s") for i in range(16)]
		assert len({conn.sock.getsockname() for conn in held}) == 16
		for conn in held:
		    peer = conn.sock.getpeername()
		    assert conn.addr == f"[{peer[0]}]:{peer[1]}"
		    assert not conn.sock.get_inheritable()
		    conn.release()
		c.close()
	EOF
}

@test "Python: values of any kind go there and back; events come" {
	start_demo
	with_qorb <<-'EOF'
		c, e = qorb.Client(), qorb.Client()
		name = "a b%=\u00e9\n"
		c.call("hello", client=name)
		stream = e.events("demo")
		import threading
		first = []
		t = threading.Thread(target=lambda: first.append(next(
		    ev for ev in stream if ev["event"] == "handle-claimed")))
		t.start()
		while t.is_alive():
		    with c.claim("demo") as conn:
		        rows, _ = c.call("claims", "demo")
		        assert rows[0]["client"] == name, rows
		        assert echo(conn.sock)
		    t.join(0.02)
		assert first[0]["pool"] == "demo" and first[0]["addr"], first
		c.close()
		e.close()
		for what in (lambda: qorb.Client().call("claim"),
		    lambda: next(qorb.Client().events("nosuch"))):
		    try:
		        what()
		        assert False
		    except qorb.Error as err:
		        assert err.code in ("bad-argument", "no-such-pool")
	EOF
}

@test "Python: a client that may have no more descriptors says so" {
	start_demo
	with_qorb <<-'EOF'
		import resource
		c = qorb.Client()
		hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
		resource.setrlimit(resource.RLIMIT_NOFILE, (c.sock.fileno() + 1, hard))
		try:
		    c.claim("demo")
		    assert False
		except ConnectionError as e:
		    assert "out of descriptors" in str(e), e
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
		wait_for("it ended", lambda: counts("demo")["claimed"] == 0)
	EOF
}

@test "stats.sh names backends that are not online" {
	start_demo
	run_ok "$SHELL_EXAMPLES/stats.sh"
	assert_output ''
	ask "drain demo $ADDR1"
	run_status 1 "$SHELL_EXAMPLES/stats.sh" demo
	assert_output --partial "backend=$ADDR1 "
	assert_equal "${#lines[@]}" 1
	run_status 2 "$SHELL_EXAMPLES/stats.sh" nosuch
	assert_equal "$stderr" 'no-such-pool nosuch: no pool has this name'
	QORB_SOCKET=$SCRATCH/none run_status 2 "$SHELL_EXAMPLES/stats.sh"
}

@test "drain.sh waits until nobody has a connection to the backend" {
	start_demo
	start_daemon -n holder -r ready qorb-claim --backend "$ADDR1" demo \
	    sh -c 'echo ready; exec cat <&6'
	start_daemon -n drain "$SHELL_EXAMPLES/drain.sh" demo "$ADDR1"
	wait_for eval 'ask "stats demo" | grep -q state=draining'
	is_running "$(daemon_pid drain)"
	stop_daemon holder 143
	wait_for has_ended "$(daemon_pid drain)"
	wait "$(daemon_pid drain)"
	rm "$SCRATCH/daemons/drain"
	[[ $(ask 'stats demo' | grep -F "backend=$ADDR1 ") == *' claimed=0 '* ]]
	run_status 1 "$SHELL_EXAMPLES/drain.sh" demo nobody
	[[ $stderr == 'error no-such-backend nobody: '* ]]
}

@test "follow-events.sh shows backends that come and fail" {
	start_demo
	# timeout(1) ends all of the pipeline.
	start_daemon -n follow timeout 30 "$SHELL_EXAMPLES/follow-events.sh" demo
	wait_for eval 'ask "advertise demo more [::1]:1 ttl=20ms";
	    grep -q " backend-removed pool=demo .* name=more" "$SCRATCH/follow.out"'
	grep -Eq '^[0-9]+\.[0-9]{6} backend-added pool=demo .* name=more$' \
	    "$SCRATCH/follow.out"
	stop_daemon echo1
	wait_for_text "$SCRATCH/follow.out" ' slot-set-offline pool=demo '
	stop_daemon follow 143 || [[ ! -e $SCRATCH/daemons/follow ]]
	assert_equal "$(<"$SCRATCH/follow.err")" ''
}
