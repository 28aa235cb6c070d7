"""Replays the sessions of a manual page in mdoc against live daemons.

    replay.py PAGE list             the verb of each session, one a line
    replay.py PAGE run N PORT PORT  replays session N on $QORB_SOCKET

A session is a literal display whose first line is what is typed, after "> ";
it belongs to the verb of the .It before it. What the daemon says must be what
the page says, line by line and key by key, but for what differs each time:
times and spans (under the keys ANY) may be any numbers, ids (IDS) and backends
may be others, the same ones in all of a session. "..." stands for any lines, or
at the end of a line for any more keys. An indented line continues the last one.
"""
import re
import sys

from talk import Pool

ANY = re.compile(r"^(t|uid|claims_per_s|.*_us)$")
IDS = {"claim", "slot", "set", "pid", "pool-id", "resolve-id"}
BACKEND = re.compile(r"(echo00[12]\.test\.com:600[12]|\[::1\]:600[12])")
NUMBER = re.compile(r"^[0-9]+(\.[0-9]+)?$")


def sessions(page):
    """(verb, lines) of each."""
    verb, block, found = None, None, []
    for line in open(page):
        line = line.rstrip("\n")
        if line.startswith(".It Ic "):
            verb = line.split()[2]
        elif line.startswith(".Bd -literal"):
            block = []
        elif line == ".Ed":
            if block and block[0].startswith("> "):
                found.append((verb, join(block)))
            block = None
        elif block is not None:
            block.append(line.replace("\\&", "").replace("\\e", "\\"))
    return found


def join(block):
    lines = []
    for line in block:
        if line.startswith("  "):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


class Session:
    def __init__(self, ports):
        self.ids = {}       # (key, the page's) -> the daemon's
        self.backends = {}  # the page's 1 or 2 -> the daemon's
        self.ports = ports
        self.pool = Pool()

    def actual(self, text):
        """The page's text with the daemon's backends in it."""
        def swap(m):
            n = self.backends.get(m[0][-1], m[0][-1])
            port = self.ports[int(n) - 1]
            return f"echo00{n}.test.com:{port}" if m[0][0] == "e" \
                else f"[::1]:{port}"
        return BACKEND.sub(swap, text)

    def bind(self, table, want, got):
        """want stands for got, for good, and for nothing else."""
        if want in table:
            return table[want] == got
        if got in table.values():
            return False
        table[want] = got
        return True

    def is_backend(self, want, got):
        for n in "12":
            one = self.ports[int(n) - 1]
            if got in (f"echo00{n}.test.com:{one}", f"[::1]:{one}"):
                return got[0] == want[0] and \
                    self.bind(self.backends, want[-1], n)
        return False

    def same_word(self, want, got):
        key, eq, value = want.partition("=")
        got_key, got_eq, got_value = got.partition("=")
        if not eq or (key, eq) != (got_key, got_eq):
            return want == got
        if ANY.match(key):
            return bool(NUMBER.match(value) and NUMBER.match(got_value))
        if key in IDS and NUMBER.match(value):
            ids = self.ids.setdefault(key, {})
            return bool(NUMBER.match(got_value)) and \
                self.bind(ids, value, got_value)
        if key == "server" and value.startswith("["):  # a name server
            return bool(re.fullmatch(r"\[::1\]:[0-9]+", got_value))
        if key == "server":
            return value.split("/")[0] == got_value.split("/")[0]
        if BACKEND.fullmatch(value):
            return self.is_backend(value, got_value)
        return value == got_value

    def same(self, want, got):
        if re.match(r"(#\S+ )?error ", want):
            return self.with_ids(self.actual(want)) == got
        wants, gots = want.split(" "), got.split(" ")
        if wants[-1] == "...":
            wants.pop()
            gots = gots[:len(wants)]
        saved = ({k: dict(v) for k, v in self.ids.items()},
                 dict(self.backends))
        if len(wants) == len(gots) and \
                all(map(self.same_word, wants, gots)):
            return True
        self.ids, self.backends = saved
        return False

    def with_ids(self, line):
        """In a line that is typed, and in errors, a bare number is a claim."""
        claims = self.ids.get("claim", {})
        return re.sub(r"(?<= )[0-9]+(?=:| |$)",
                      lambda m: claims.get(m[0], m[0]), line)

    def expect(self, want, is_loose):
        while True:
            got = self.pool.line()
            assert got is not None, f"the daemon ended before: {want}"
            if self.same(want, got):
                return
            assert is_loose, f"the page: {want}\nthe daemon: {got}"

    def replay(self, lines):
        is_loose = False
        for line in lines:
            if line == "...":
                is_loose = True
            elif line.startswith("> "):
                self.pool.send(self.with_ids(self.actual(line[2:])))
            else:
                self.expect(line, is_loose)
                is_loose = False
        if not any(line.startswith("> #") for line in lines) and \
                not any("terminate" in line for line in lines):
            self.pool.send("#nothing-more ping")
            self.expect("#nothing-more ok", False)


if __name__ == "__main__":
    all_of_them = sessions(sys.argv[1])
    if sys.argv[2] == "list":
        print("\n".join(verb for verb, _ in all_of_them))
    else:
        Session(sys.argv[4:]).replay(all_of_them[int(sys.argv[3])][1])
