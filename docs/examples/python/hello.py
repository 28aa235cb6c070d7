#!/usr/bin/env python3
"""Says hello over a pooled connection, several times, and who answered.

usage: hello.py [POOL [TIMES]]
"""
import sys

import qorb

pool = sys.argv[1] if len(sys.argv) > 1 else "demo"
times = int(sys.argv[2]) if len(sys.argv) > 2 else 3

try:
    with qorb.Client() as client:
        for _ in range(times):
            with client.claim(pool, wait="1s") as connection:
                connection.sock.settimeout(5)
                connection.sock.sendall(b"hello\n")
                answer = connection.sock.makefile("rb").readline()
                print(connection.backend, answer.decode().strip())
        for row in client.call("stats", pool)[0]:
            if "backend" in row:
                print(row["backend"], row["state"], row["total"], "claims")
except (qorb.Error, OSError) as e:
    sys.exit(f"hello.py: {e}")
