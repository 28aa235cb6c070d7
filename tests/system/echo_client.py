#!/usr/bin/env python3
"""What the tests of qorb-echo do to it as clients: echo_client.py WHAT ADDR
[ARG ...]. Exits 0 when the server did as it should, else says what it did.

  half-close SIZE      sends SIZE bytes, closes its sending side, reads all back
  greedy PID           writes and never reads: the server takes no more memory
  all-at-once COUNT    COUNT connections open at a time, each of them echoed
  more-than-fit COUNT  COUNT connections to a server that has descriptors for
                       some: as those end, the others are served
  fates COUNT [S]      a letter a connection: e echoed, d dropped, h hung,
                       which is no answer in S seconds
  delayed S            no answer comes before S seconds have passed
  cut SIZE             sends SIZE bytes at once, prints how many came back
                       before the end
  reset                sends a byte and resets the connection
  pipelined            sends in parts without reading, then compares
"""

import resource
import select
import socket
import struct
import sys
import time

DEADLINE = 20


def connect(addr):
    host, port = addr.rsplit(":", 1)
    s = socket.create_connection((host.strip("[]"), int(port)), DEADLINE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_all(s):
    """What comes until the end; None when the connection is reset."""
    parts = []
    try:
        while part := s.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        return None
    return b"".join(parts)


def read_exactly(s, n):
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        if not part:
            break
        got += part
    return got


def pattern(n):
    return bytes(i * 7 % 251 for i in range(n))


def close_hard(s):
    """Without a TIME-WAIT that would keep the port for a minute."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def send_while_reading(s, data):
    """Sends data, reads what fits in between; what was read."""
    got = b""
    s.setblocking(False)
    while data:
        r, w, _ = select.select([s], [s], [], DEADLINE)
        assert r or w, "the server stands still"
        if r:
            got += s.recv(65536)
        if w:
            data = data[s.send(data) :]
    s.settimeout(DEADLINE)
    return got


def half_close(addr, size):
    s = connect(addr)
    data = pattern(int(size))
    got = send_while_reading(s, data)
    s.shutdown(socket.SHUT_WR)
    got += read_all(s)
    assert got == data, f"{len(got)} of {len(data)} bytes came back"


def memory_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])


def greedy(addr, pid):
    block = pattern(1 << 16)
    before = memory_kib(pid)
    s = connect(addr)
    s.setblocking(False)
    sent = 0
    # Until the windows of both sides are full and stay so: a server that
    # kept reading would let this go on to the limit.
    while sent < 1 << 28:
        _, w, _ = select.select([], [s], [], 1)
        if not w:
            break
        sent += s.send(block[sent % len(block) :])
    grown = memory_kib(pid) - before
    assert sent < 1 << 28, f"the server took {sent} bytes"
    assert grown < 4096, f"the server grew by {grown} KiB after {sent} bytes"
    # It still serves others, and this one as soon as it reads.
    other = connect(addr)
    other.sendall(b"x")
    assert other.recv(1) == b"x"
    s.settimeout(DEADLINE)
    want = (block * (sent // len(block) + 1))[:sent]
    assert read_exactly(s, sent) == want, "other bytes came back"


def all_at_once(addr, count):
    count = int(count)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = [connect(addr) for _ in range(count)]
    for round in range(2):
        for i, s in enumerate(clients):
            s.sendall(struct.pack("II", i, round))
        for i, s in enumerate(clients):
            got = read_exactly(s, 8)
            assert got == struct.pack("II", i, round), f"client {i}: {got}"
    for s in clients:
        close_hard(s)


def is_served(s):
    r, _, _ = select.select([s], [], [], 0)
    return bool(r)


def more_than_fit(addr, count):
    waiting = [connect(addr) for _ in range(int(count))]
    for s in waiting:
        s.sendall(b"x")
    rounds = 0
    while waiting:
        r, _, _ = select.select(waiting, [], [], DEADLINE)
        assert r, f"{len(waiting)} clients are left waiting"
        for s in r:
            assert s.recv(1) == b"x"
            waiting.remove(s)
            s.close()
        rounds += 1
    assert rounds > 1, "all were served at once: nothing was short"


def fates(addr, count, patience=DEADLINE):
    letters = []
    for _ in range(int(count)):
        s = connect(addr)
        try:
            s.sendall(b"x")
            s.settimeout(float(patience))
            got = s.recv(1)
            letters.append("e" if got else "d")
        except TimeoutError:
            letters.append("h")
        except (ConnectionResetError, BrokenPipeError):
            letters.append("d")
        s.close()
    print("".join(letters))


def delayed(addr, seconds):
    clients = [connect(addr) for _ in range(3)]
    start = time.monotonic()
    for s in clients:
        s.sendall(b"x")
    for s in clients:
        assert s.recv(1) == b"x"
        took = time.monotonic() - start
        assert took >= float(seconds), f"the answer came after {took} s"


def cut(addr, size):
    s = connect(addr)
    s.sendall(pattern(int(size)))
    got = read_all(s)
    assert got is not None, "the connection was reset"
    assert got == pattern(int(size))[: len(got)], "other bytes came back"
    print(len(got))


def reset(addr):
    s = connect(addr)
    s.sendall(b"x")
    close_hard(s)


def pipelined(addr):
    s = connect(addr)
    parts = [b"part %d;" % i for i in range(50)]
    for part in parts:
        s.sendall(part)
    want = b"".join(parts)
    assert read_exactly(s, len(want)) == want


ACTIONS = {
    "half-close": half_close,
    "greedy": greedy,
    "all-at-once": all_at_once,
    "more-than-fit": more_than_fit,
    "fates": fates,
    "cut": cut,
    "delayed": delayed,
    "reset": reset,
    "pipelined": pipelined,
}

ACTIONS[sys.argv[1]](*sys.argv[2:])
