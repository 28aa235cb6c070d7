"""A WebSocket client of a few lines, for tests: RFC 6455 with what Python has.

    ws_client.py [OPTION]... HOST:PORT PATH

It prints what it gets, a message a line, until it has --count of them; then
it says goodbye. A message that is no text is printed as `binary: ` and hex. A
refusal is printed as `refused: STATUS TEXT`, exit status 3; an end that the
server makes as `closed: CODE` (1006 without a word), exit status 4; a time out
ends it with 5.

    --count N        messages to wait for (1)
    --seconds S      all has to be done in this time (20)
    --header TEXT    one more header, or another one of the same name
    --clients N      as many at once, each for itself; prints what each got as
                     one line: `OK`, or what went wrong
    --mute           never reads, until the server closes the connection:
                     prints `closed after N bytes`
    --fragments      prints how many frames each message came in, before it
    --rcvbuf N       a receive buffer of N bytes
"""

import argparse
import base64
import hashlib
import os
import select
import socket
import struct
import sys
import time

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    pass


class Closed(Exception):
    pass


class Client:
    def __init__(self, options):
        host, _, port = options.address.rpartition(":")
        self.end = time.monotonic() + options.seconds
        self.data = b""
        family, _, _, _, to = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(self.left())
        if options.rcvbuf:
            self.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, options.rcvbuf)
        self.socket.connect(to)
        key = base64.b64encode(os.urandom(16)).decode()
        headers = {
            "Host": options.address,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        }
        for text in options.header:
            name, _, value = text.partition(": ")
            headers[name] = value
        request = "GET %s HTTP/1.1\r\n" % options.path
        for name, value in headers.items():
            if value:
                request += "%s: %s\r\n" % (name, value)
        self.socket.sendall((request + "\r\n").encode())
        head = self.take_until(b"\r\n\r\n").decode("latin-1")
        status = head.split(" ", 2)[1]
        if status != "101":
            raise Refused("%s %s" % (status, self.rest(head)))
        want = base64.b64encode(
            hashlib.sha1((key + GUID).encode()).digest()).decode()
        if want.lower() not in head.lower():
            raise Refused("a wrong Sec-WebSocket-Accept")

    def left(self):
        return max(0.01, self.end - time.monotonic())

    def read(self):
        self.socket.settimeout(self.left())
        more = self.socket.recv(1 << 20)
        if not more:
            raise Closed(1006)
        self.data += more

    def take(self, count):
        while len(self.data) < count:
            self.read()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def take_until(self, end):
        while end not in self.data:
            self.read()
        return self.take(self.data.index(end) + len(end))

    def rest(self, head):
        """The text of a refusal, as far as it comes."""
        try:
            for line in head.split("\r\n"):
                if line.lower().startswith("content-length:"):
                    return self.take(int(line[15:])).decode().strip()
        except (Closed, OSError):
            pass
        return self.data.decode("latin-1").strip()

    def send(self, opcode, payload=b""):
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(
            bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked)

    def frame(self):
        first, second = self.take(2)
        length = second & 0x7F
        if second & 0x80:
            raise ValueError("a server may not mask")
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        return first & 0x80, first & 0x0F, self.take(length)

    def message(self):
        """The next one, as text, and how many frames it came in."""
        parts, kind = [], None
        while True:
            is_last, opcode, payload = self.frame()
            if opcode == 8:
                raise Closed(struct.unpack(">H", payload[:2])[0]
                             if len(payload) >= 2 else 1005)
            if opcode == 9:
                self.send(10, payload)
            elif opcode in (0, 1, 2):
                kind = kind or opcode
                parts.append(payload)
                if is_last:
                    break
        whole = b"".join(parts)
        text = (whole.decode() if kind == 1 else "binary: " + whole.hex())
        return text, len(parts)

    def close(self):
        self.send(8, struct.pack(">H", 1000))
        self.socket.close()


def read_some(options, say):
    client = Client(options)
    for _ in range(options.count):
        text, frames = client.message()
        say("%d %s" % (frames, text) if options.fragments else text)
    client.close()


def read_nothing(options):
    client = Client(options)
    # Only a close wakes this one, not what there is to read.
    poll = select.poll()
    poll.register(client.socket, select.POLLRDHUP | select.POLLHUP |
                  select.POLLERR)
    if not poll.poll(client.left() * 1000):
        raise TimeoutError
    count = len(client.data)
    try:
        while True:
            client.data = b""
            client.read()
            count += len(client.data)
    except (Closed, ConnectionResetError):
        print("closed after %d bytes" % count)


def read_many(options):
    clients = [Client(options) for _ in range(options.clients)]
    bad = 0
    for client in clients:
        try:
            for _ in range(options.count):
                client.message()
            print("OK")
        except (Closed, OSError) as error:
            print(repr(error))
            bad = 1
    for client in clients:
        client.close()
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--clients", type=int, default=0)
    parser.add_argument("--mute", action="store_true")
    parser.add_argument("--fragments", action="store_true")
    parser.add_argument("--rcvbuf", type=int, default=0)
    parser.add_argument("address")
    parser.add_argument("path")
    options = parser.parse_args()
    try:
        if options.mute:
            read_nothing(options)
        elif options.clients:
            return read_many(options)
        else:
            read_some(options, lambda text: print(text, flush=True))
        return 0
    except Refused as error:
        print("refused:", error)
        return 3
    except Closed as error:
        print("closed:", error)
        return 4
    except ConnectionResetError:
        print("closed: reset")
        return 4
    except TimeoutError:
        print("nothing more came")
        return 5


if __name__ == "__main__":
    sys.exit(main())
