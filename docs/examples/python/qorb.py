"""A client of qorb-pool in Python 3, without any other library.

    import qorb

    with qorb.Client() as client:
        with client.claim("demo", wait="250ms") as connection:
            connection.sock.sendall(b"hello\n")
            print(connection.sock.recv(6))

The connection goes back to the pool at the end of the inner block; when an
exception left it, it is given back as broken. A client is for one thread.
The protocol is in qorb-protocol(7).
"""
import array
import os
import socket
from urllib.parse import quote, unquote

# What need not be written as %XX: printing ASCII but for space, % and =.
SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in "%=")


class Error(Exception):
    """The daemon's error; code is one of those of the manual page."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def default_path():
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if "QORB_SOCKET" in os.environ:
        return os.environ["QORB_SOCKET"]
    if os.getuid() == 0:
        return "/run/qorb/pool.sock"
    return f"{runtime}/qorb/pool.sock" if runtime \
        else f"/tmp/qorb-{os.getuid()}/pool.sock"


def parse(words):
    pairs = (word.partition("=") for word in words)
    return {key: unquote(value) for key, _, value in pairs}


class Claim:
    """A connection lent to us: sock, and backend and addr of what it is to."""

    def __init__(self, client, answer, fd):
        self.client, self.id = client, answer["claim"]
        self.backend, self.addr = answer["backend"], answer["addr"]
        self.sock = socket.socket(fileno=fd)

    def release(self, broken=False):
        self.sock.close()
        self.client.call("release", self.id, *["broken"] * broken)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.release(broken=kind is not None)


class Client:
    def __init__(self, path=None):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path or default_path())
        self.data, self.fds = b"", []

    def close(self):
        """Ends the claims that are still held, as broken."""
        self.sock.close()
        while self.fds:
            os.close(self.fds.pop())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, verb, *words, **pairs):
        words = [verb, *(quote(str(word), SAFE) for word in words)]
        words += [f"{key}={quote(str(value), SAFE)}"
                  for key, value in pairs.items() if value is not None]
        self.sock.sendall(" ".join(words).encode() + b"\n")

    def line(self):
        """The next line, as its words. The descriptors that come with lines
        are put aside, in their order."""
        while b"\n" not in self.data:
            data, control, flags, _ = self.sock.recvmsg(
                65536, socket.CMSG_SPACE(64 * 4), socket.MSG_CMSG_CLOEXEC)
            for level, kind, value in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self.fds += array.array("i", value[:len(value) & ~3])
            if not data or flags & socket.MSG_CTRUNC:
                self.close()  # which claim lost its descriptor is not known
                raise ConnectionError("the daemon closed the connection"
                                      if not data else "out of descriptors")
            self.data += data
        line, self.data = self.data.split(b"\n", 1)
        return line.decode().split(" ")

    def call(self, verb, *words, **pairs):
        """Any request but a stream: its rows and what its ok says, as dicts."""
        self.send(verb, *words, **pairs)
        rows = []
        while True:
            kind, *rest = self.line()
            if kind == "*":
                rows.append(parse(rest))
            elif kind == "ok":
                return rows, parse(rest)
            else:
                raise Error(rest[0], " ".join(rest[1:]))

    def claim(self, pool, wait=None, lease=None, backend=None, key=None):
        """A connection; times are texts like "250ms"."""
        _, answer = self.call("claim", pool, wait=wait, lease=lease,
                              backend=backend, key=key)
        # The k-th answer to a claim belongs to the k-th descriptor.
        return Claim(self, answer, self.fds.pop(0))

    def events(self, *pool):
        """What happens, as dicts, without an end: on a client of its own."""
        self.send("#events events", *pool)
        while True:
            _, kind, *rest = self.line()
            if kind == "error":
                raise Error(rest[0], " ".join(rest[1:]))
            if kind == "*":
                yield parse(rest)
