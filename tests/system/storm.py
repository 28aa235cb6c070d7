"""A storm over the daemon: 64 clients that claim, echo and release, of whom some
are killed; backends that are killed and started again; a zone that is reloaded.
Watches meanwhile that the figures agree at every look, that no connection is
held twice, that every echo is right, and that the daemon's memory stays flat.

    storm.py SECONDS ECHO_ADDR... with $SCRATCH, $QORB_SOCKET, $ZONE_A, $ZONE_B,
    $ZONE, $NSD_PID
"""
import random
import shutil
import signal
import subprocess

from talk import *

CLIENTS = 64
HELD = os.environ["SCRATCH"] + "/held"


def hold(s):
    """Marks the connection as held; fails when another client holds it, or was
    killed while it did: what is on its way there then belongs to nobody."""
    name = f"{HELD}/{s.cookie}"
    try:
        with open(name, "x") as mark:
            mark.write(str(os.getpid()))
    except FileExistsError:
        holder = open(name).read()
        raise AssertionError(f"{name} is held by {holder}, too") from None
    return name


def client(number, counts_fd):
    """Claims, echoes and releases until it is killed."""
    random.seed(number)
    p = Pool()
    done = wrong = 0
    while True:
        r = p.ask("claim demo wait=20s")
        if r.kind == "error":
            assert r.code in ("no-backends-online", "no-backends"), r
            continue
        mark = hold(r.fd)
        data = f"{os.getpid()}.{done}.{random.random()}\n".encode()
        got = b""
        try:
            r.fd.sendall(data)
            while len(got) < len(data):
                more = r.fd.recv(len(data) - len(got))
                if not more:
                    break
                got += more
        except OSError:
            pass
        if not data.startswith(got):
            wrong += 1
        is_good = got == data
        os.unlink(mark)
        r.fd.close()
        p.ask("release " + r["claim"] + ("" if is_good else " broken"))
        done += is_good
        if done % 20 == 0:
            os.write(counts_fd, b"x" if wrong == 0 else b"!")


def start_client(number, counts_fd):
    pid = os.fork()
    if pid == 0:
        try:
            client(number, counts_fd)
        except BaseException as e:  # not a word must get lost
            os.write(counts_fd, b"!")
            print(f"client {number}: {e!r}", file=sys.stderr, flush=True)
            os._exit(1)
    return pid


class Backend:
    def __init__(self, addr):
        self.addr = addr
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(["qorb-echo", "-q", self.addr],
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None


def check_figures(p):
    """Sums are sums and caps are caps."""
    rows = p.ask("stats demo").rows
    pool, backends = rows[0], rows[1:]
    states = ("connecting", "unclaimed", "checking", "claimed")
    total = sum(int(b[k]) for b in backends for k in states)
    assert total == int(pool["slots"]) <= 16, rows
    return pool


def resident_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])


def end(clients, backends):
    """A child that stayed would keep our output open, and its reader waiting."""
    while clients:
        os.kill(clients[-1], signal.SIGKILL)
        os.waitpid(clients.pop(), 0)
    for b in backends:
        if b.process:
            b.kill()


def storm(seconds, clients, backends):
    read, write = os.pipe()
    os.set_blocking(read, False)
    watcher = Pool()
    pid = int(watcher.ask("hello")["pid"])
    wait_for("warm", lambda: counts("demo")["unclaimed"] > 0)
    fds = len(os.listdir(f"/proc/{pid}/fd"))
    clients += [start_client(i, write) for i in range(CLIENTS)]
    start = time.monotonic()
    next_kill = next_client = next_zone = start
    memory = None
    progress = b""
    killed = reloads = looks = 0
    while time.monotonic() < start + seconds:
        now = time.monotonic()
        check_figures(watcher)
        looks += 1
        try:
            progress += os.read(read, 65536)
        except BlockingIOError:
            pass
        assert b"!" not in progress, "a client found something wrong"
        if now > next_kill:
            next_kill = now + random.uniform(0.5, 2)
            b = random.choice(backends)
            b.kill() if b.process else b.start()
        if now > next_client:
            next_client = now + 0.3
            i = random.randrange(CLIENTS)
            os.kill(clients[i], signal.SIGKILL)
            os.waitpid(clients[i], 0)
            clients[i] = start_client(killed + 1000, write)
            killed += 1
        if now > next_zone:
            next_zone = now + 2
            zone = os.environ["ZONE_A" if reloads % 2 else "ZONE_B"]
            shutil.copy(zone, os.environ["ZONE"] + ".new")
            os.rename(os.environ["ZONE"] + ".new", os.environ["ZONE"])
            os.kill(int(os.environ["NSD_PID"]), signal.SIGHUP)
            reloads += 1
        if memory is None and now > start + seconds / 3:
            memory = resident_kib(pid)
        time.sleep(0.05)
    grown = resident_kib(pid) - memory
    end(clients, [])
    for b in backends:
        b.process or b.start()
    wait_for("every claim has ended", lambda: counts("demo")["claimed"] == 0)
    assert watcher.ask("claims").rows == []
    wait_for("no client is left over",
             lambda: len(os.listdir(f"/proc/{pid}/fd")) <= fds + 16)
    pool = check_figures(watcher)
    assert pool["waiting"] == "0", pool
    # The address sanitizer keeps freed memory for a while, so that it grows.
    is_sanitized = b"__asan_init" in open(f"/proc/{pid}/exe", "rb").read()
    assert is_sanitized or grown < 2048, f"the daemon grew by {grown} KiB"
    claims = int(pool["claims"])
    print(f"{claims} claims, {len(progress) * 20} echoes, {killed} clients "
          f"killed, {reloads} reloads, {looks} looks, {grown} KiB grown")
    assert claims > 100 and len(progress) > 5 and killed > 5 and reloads > 3


def main():
    clients, backends = [], []
    os.mkdir(HELD)
    try:
        for addr in sys.argv[2:]:
            backends.append(Backend(addr))
        storm(float(sys.argv[1]), clients, backends)
    finally:
        end(clients, backends)


main()
