#!/usr/bin/env python3
"""A WebSocket server for tests, that says what a file tells it to.

usage: ws_script.py ADDRESS PORT FILE

FILE is read anew for each connection; its lines are steps, done in turn:
  text WORDS        a text frame
  binary WORDS      a binary frame
  pieces N WORDS    a text message in N frames, a ping between each two
  padded BYTES      a minimal message of about so many bytes
  grow PER_S NAME   a minimal message whose total is what PER_S claims a second
                    have come to since the server began
  fields JSON       as grow 0, with these fields of a set added or replaced
  ping WORD         a ping; waits for its pong
  close CODE WORDS  a close frame, then the end
  drop              the end without a word
  hex DIGITS        these bytes as they are
  pause MS          nothing for so long
  wait PATH         nothing until PATH exists
  hold              nothing until the client ends it
  again             from the first step
  status CODE       as the first step: an HTTP answer instead of the upgrade
  silent            as the first step: no answer at all
After the last step the connection is closed without a word. FILE.log gets a
line for each request, header and pong.
"""

import base64
import hashlib
import json
import os
import select
import socket
import struct
import sys
import threading
import time

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
BEGIN = time.monotonic()


def frame(opcode, data, is_final=True):
    head = bytes([(0x80 if is_final else 0) | opcode])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 65536:
        return head + bytes([126]) + struct.pack("!H", len(data)) + data
    return head + bytes([127]) + struct.pack("!Q", len(data)) + data


def minimal(name, total, **fields):
    figures = {"connecting_slots": 1, "unclaimed_slots": 2,
               "checking_slots": 3, "claimed_slots": 4, "total_claims": total}
    figures.update(fields)
    return json.dumps({"claims": total, "sets": {name: figures}})


class Connection:
    def __init__(self, conn, path):
        self.conn, self.path, self.data = conn, path, b""
        self.ponged = None

    def log(self, line):
        with open(self.path + ".log", "a") as f:
            f.write(line + "\n")

    def read(self, n):
        while len(self.data) < n:
            more = self.conn.recv(65536)
            if not more:
                raise ConnectionError
            self.data += more
        out, self.data = self.data[:n], self.data[n:]
        return out

    def read_frame(self):
        first, second = self.read(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self.read(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self.read(8))[0]
        mask = self.read(4) if second & 0x80 else bytes(4)
        data = self.read(size)
        return first & 15, bytes(c ^ mask[i % 4] for i, c in enumerate(data))

    def take_frame(self):
        opcode, data = self.read_frame()
        if opcode == PING:
            self.conn.sendall(frame(PONG, data))
        if opcode == PONG:
            self.ponged = data.decode()
            self.log("pong " + self.ponged)
        if opcode == CLOSE:
            raise ConnectionError
        return opcode, data

    def request(self):
        while b"\r\n\r\n" not in self.data:
            more = self.conn.recv(65536)
            if not more:
                raise ConnectionError
            self.data += more
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        for line in lines:
            self.log(line)
        return dict((k.lower(), v) for k, v in
                    (x.split(": ", 1) for x in lines[1:]))

    def upgrade(self, headers):
        key = headers["sec-websocket-key"] + MAGIC
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
        self.conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\n"
                          b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                          b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")

    def until(self, seconds, is_done=lambda: False):
        """Answers what comes for so long."""
        end = None if seconds is None else time.monotonic() + seconds
        while not is_done() and (end is None or time.monotonic() < end):
            left = 0.02 if end is None else max(0, end - time.monotonic())
            if self.data or select.select([self.conn], [], [],
                                          min(left, 0.02))[0]:
                self.take_frame()

    def pieces(self, words):
        count, text = words.split(" ", 1)
        data, size = text.encode(), -(-len(text) // int(count))
        parts = [data[i:i + size] for i in range(0, len(data), size)]
        for i, part in enumerate(parts):
            self.conn.sendall(frame(0 if i else TEXT, part,
                                    i == len(parts) - 1))
            if i < len(parts) - 1:
                self.conn.sendall(frame(PING, b"between"))

    def ping(self, word):
        """A client answers one of several pings that come together: so this
        is sent until there is an answer."""
        self.ponged = None
        while self.ponged != word:
            self.conn.sendall(frame(PING, word.encode()))
            self.until(0.2, lambda: self.ponged == word)

    def step(self, verb, words):
        send = self.conn.sendall
        if verb == "text":
            send(frame(TEXT, words.encode()))
        elif verb == "binary":
            send(frame(BINARY, words.encode()))
        elif verb == "pieces":
            self.pieces(words)
        elif verb == "padded":
            text = minimal("padded", 5)
            send(frame(TEXT, (text + " " * (int(words) - len(text))).encode()))
        elif verb == "grow":
            per_s, name = words.split()
            total = int(float(per_s) * (time.monotonic() - BEGIN))
            send(frame(TEXT, minimal(name, total).encode()))
        elif verb == "fields":
            send(frame(TEXT, minimal("set", 5, **json.loads(words)).encode()))
        elif verb == "ping":
            self.ping(words)
        elif verb == "close":
            code, reason = words.split(" ", 1)
            send(frame(CLOSE, struct.pack("!H", int(code)) + reason.encode()))
            raise ConnectionError
        elif verb == "hex":
            send(bytes.fromhex(words))
        elif verb == "pause":
            self.until(int(words) / 1000)
        elif verb == "wait":
            self.until(None, lambda: os.path.exists(words))
        elif verb == "hold":
            self.until(None)
        else:
            raise ValueError(verb)

    def run(self):
        with open(self.path) as f:
            steps = [(x.rstrip("\n").split(" ", 1) + [""])[:2]
                     for x in f if x.strip()]
        headers = self.request()
        if steps[0][0] == "status":
            self.conn.sendall(b"HTTP/1.1 " + steps[0][1].encode() +
                              b" No\r\nContent-Length: 3\r\n\r\nno\n")
            return
        if steps[0][0] == "silent":
            self.conn.recv(1)
            return
        self.upgrade(headers)
        at = 0
        while at < len(steps) and steps[at][0] != "drop":
            if steps[at][0] == "again":
                at = 0
            else:
                self.step(*steps[at])
                at += 1


def talk(conn, path):
    with conn:
        try:
            Connection(conn, path).run()
        except OSError:
            pass


def main():
    address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family)
    print("ready", flush=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=talk, args=(conn, path), daemon=True).start()


main()
