"""A client of the daemon for the system tests: speaks the line protocol and
takes descriptors, and can misbehave. Every wait has a deadline.

    from talk import *
    p = Pool()                     # $QORB_SOCKET
    p.send("#a claim demo")
    reply = p.reply()              # the next line, as a Reply
    reply.fd                       # the descriptor of an `ok claim=` line
"""
import array
import os
import select
import signal
import socket
import struct
import sys
import time

DEADLINE = 10.0
SO_COOKIE = 57


class Reply:
    """A line: tag, kind (row, ok, error), the words and the key=value pairs."""

    def __init__(self, line):
        self.line = line
        words = line.split(" ")
        self.tag = words.pop(0)[1:] if words[0].startswith("#") else None
        self.kind = {"*": "row"}.get(words[0], words[0])
        words.pop(0)
        self.code = words.pop(0) if self.kind == "error" else None
        self.text = " ".join(words)
        self.args = dict(w.split("=", 1) for w in words if "=" in w)
        self.fd = None

    def __getitem__(self, key):
        return self.args[key]

    def __repr__(self):
        return repr(self.line)


class Lent(socket.socket):
    """A connection that was claimed. Reading has a deadline that is not in the
    socket, since its options and its mode are shared with the daemon."""

    def recv(self, *args):
        if self.getblocking() and not select.select([self], [], [], DEADLINE)[0]:
            raise BlockingIOError("nothing comes")
        return super().recv(*args)

    @property
    def cookie(self):
        """Of this connection alone, in all the time that the system runs. (Two
        to different backends may have the same port.)"""
        return self.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8).hex()


class Pool:
    def __init__(self, path=None):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.settimeout(DEADLINE)
        self.s.connect(path or os.environ["QORB_SOCKET"])
        self.data = b""
        self.fds = []

    def send(self, *lines):
        self.raw("".join(line + "\n" for line in lines).encode())

    def raw(self, data):
        self.s.sendall(data)

    def fill(self):
        """Asks for more and more, and reads nothing, until no more is taken."""
        self.s.setblocking(False)
        try:
            while True:
                self.s.send(b"help\n" * 1000)
        except BlockingIOError:
            self.s.settimeout(DEADLINE)

    def read_more(self):
        room = socket.CMSG_SPACE(64 * 4)
        data, control, flags, _ = self.s.recvmsg(65536, room)
        assert not flags & socket.MSG_CTRUNC, "descriptors were cut off"
        for level, kind, value in control:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            fds = array.array("i")
            fds.frombytes(value[: len(value) - len(value) % fds.itemsize])
            self.fds += fds
        return data

    def line(self):
        """The next line, None at the end of the connection."""
        while b"\n" not in self.data:
            more = self.read_more()
            if not more:
                assert not self.data, f"a line was cut: {self.data!r}"
                return None
            self.data += more
        line, self.data = self.data.split(b"\n", 1)
        return line.decode()

    def reply(self):
        line = self.line()
        if line is None:
            return None
        r = Reply(line)
        if r.kind == "ok" and "claim" in r.args:
            r.fd = Lent(fileno=self.fds.pop(0))
        return r

    def ask(self, line):
        """Sends a request and returns its end; rows are in .rows."""
        self.send(line)
        rows = []
        while True:
            r = self.reply()
            assert r is not None, f"no answer to {line!r}"
            if r.kind != "row":
                r.rows = rows
                return r
            rows.append(r)

    def close(self):
        self.s.close()


def stat(pool, **want):
    """The stats row of the pool, or of the backend that want names."""
    for row in Pool().ask("stats " + pool).rows:
        if all(row.args.get(k) == v for k, v in want.items()):
            return row
    raise AssertionError(f"no row with {want}")


def wait_for(what, condition):
    """Looks until condition() is true; its value."""
    end = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)


def process_state(pid):
    """One letter: R runs, S rests, T is stopped."""
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def stop_process(pid):
    """Stops it, and waits until it is: the signal alone says nothing, it may
    still come back from a call of the system with what there was."""
    os.kill(pid, signal.SIGSTOP)
    wait_for("stopped", lambda: process_state(pid) == "T")


def counts(pool):
    """Connecting, unclaimed, checking and claimed over all backends."""
    total = dict.fromkeys(("connecting", "unclaimed", "checking", "claimed"), 0)
    for row in Pool().ask("stats " + pool).rows:
        if "backend" in row.args:
            for k in total:
                total[k] += int(row[k])
    return total


def echo(s, data=b"hello\n"):
    """True when the connection echoes the data."""
    s.sendall(data)
    got = b""
    while len(got) < len(data):
        more = s.recv(len(data) - len(got))
        if not more:
            return False
        got += more
    return got == data


def is_closed(s):
    """The other side has ended it."""
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True
    except BlockingIOError:
        return False


def linger_reset(s):
    """Closing it sends a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
