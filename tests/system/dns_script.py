#!/usr/bin/env python3
"""A name server for tests, UDP and TCP, that also does what real ones cannot.

usage: dns_script.py PORT FILE

FILE is read anew for each query. Its first line says how to answer:
  records      from the lines that follow: NAME TTL TYPE DATA...
               (SRV PRIORITY WEIGHT PORT TARGET, A ADDRESS, AAAA ADDRESS)
  silent       not at all
  servfail, refused, nxdomain, nodata
  garbage      with bytes that are no answer, under the right id
  cut          as records, but the message ends in its middle
  truncated    with TC over UDP, and over TCP too
  wrong-id     as records, but under another id
  wrong-port   as records, but from another port
  loop         with a name that points at itself
  batch        as records, but all at once when no more queries come

Standard output has a line a query over UDP: NAME TYPE edns=BYTES (0: no EDNS),
and with `batch` a line batch=N for each time that N were answered.
"""

import os
import socket
import struct
import sys
import threading

TYPES = {"A": 1, "SRV": 33, "AAAA": 28}
CODES = {"servfail": 2, "nxdomain": 3, "refused": 5}


def pack_name(name):
    labels = [x for x in name.rstrip(".").split(".") if x]
    return b"".join(bytes([len(x)]) + x.encode() for x in labels) + b"\0"


def pack_record(words):
    name, ttl, kind, data = words[0], int(words[1]), words[2], words[3:]
    if kind == "SRV":
        body = struct.pack("!HHH", *map(int, data[:3])) + pack_name(data[3])
    else:
        family = socket.AF_INET if kind == "A" else socket.AF_INET6
        body = socket.inet_pton(family, data[0])
    head = pack_name(name) + struct.pack("!HHIH", TYPES[kind], 1, ttl, len(body))
    return head + body


def read_question(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    kind = struct.unpack("!H", query[at + 1:at + 3])[0]
    return ".".join(labels), kind, query[12:at + 5]


def describe(query):
    name, kind, question = read_question(query)
    rest, edns = query[12 + len(question):], 0
    if struct.unpack("!H", query[10:12])[0] and rest[:3] == b"\0\0\x29":
        edns = struct.unpack("!H", rest[3:5])[0]
    names = {v: k for k, v in TYPES.items()}
    return f"{name} {names.get(kind, kind)} edns={edns}"


def mode_of(path):
    with open(path) as f:
        return f.readline().strip()


def answer(query, path, is_tcp):
    """The message to send, or None."""
    with open(path) as f:
        lines = [x.split() for x in f if x.strip()]
    mode = lines[0][0]
    name, kind, question = read_question(query)
    records = [pack_record(x) for x in lines[1:]
               if x[0].rstrip(".").lower() == name and TYPES[x[2]] == kind]
    flags = 0x8400 | CODES.get(mode, 0)
    if mode == "silent":
        return None
    if mode in CODES or mode in ("nodata", "truncated"):
        records = []
    if mode == "truncated":
        flags |= 0x0200
    if mode == "garbage":
        return query[:2] + os.urandom(40)
    if mode == "loop":
        here = struct.pack("!H", 0xC000 | 12 + len(question))
        records = [here + struct.pack("!HHIH", kind, 1, 60, 0)]
    head = query[:2]
    if mode == "wrong-id":
        head = bytes([query[0] ^ 255, query[1]])
    message = head + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) \
        + question + b"".join(records)
    return message[:-3] if mode == "cut" else message


def serve_tcp(listener, path):
    def talk(conn):
        with conn:
            data = b""
            while True:
                more = conn.recv(65536)
                if not more:
                    return
                data += more
                while len(data) >= 2 and len(data) >= 2 + (data[0] << 8 | data[1]):
                    size = data[0] << 8 | data[1]
                    message = answer(data[2:2 + size], path, True)
                    data = data[2 + size:]
                    if message is not None:
                        conn.sendall(struct.pack("!H", len(message)) + message)

    while True:
        conn, _ = listener.accept()
        threading.Thread(target=talk, args=(conn,), daemon=True).start()


def main():
    port, path = int(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("127.0.0.1", port))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind(("127.0.0.1", 0))
    threading.Thread(target=serve_tcp, args=(listener, path), daemon=True).start()
    print("ready", flush=True)
    held = []
    while True:
        try:
            query, peer = udp.recvfrom(4096)
        except TimeoutError:
            print(f"batch={len(held)}", flush=True)
            for message, peer in held:
                udp.sendto(message, peer)
            held = []
            udp.settimeout(None)
            continue
        print(describe(query), flush=True)
        message = answer(query, path, False)
        with open(path + ".asked", "a") as f:
            f.write(".")
        if message is None:
            continue
        if mode_of(path) == "batch":
            held.append((message, peer))
            udp.settimeout(0.1)
        else:
            is_other = mode_of(path) == "wrong-port"
            (other if is_other else udp).sendto(message, peer)


main()
