"""A headless Chromium for the system tests, driven by WebDriver over HTTP.

    browser.py open URL       begins a session at the chromedriver of that URL
                              and prints its own URL, which goes into $BROWSER
    browser.py close          ends it
    browser.py shot URL FILE [WIDTH HEIGHT]
                              with a chromedriver and a session of its own looks
                              at a page for $LINGER seconds (2) and writes a PNG
                              file: of the whole page, or of so much of it

    from browser import *
    b = Browser()             # the session of $BROWSER
    b.go("http://[::1]:8080/")
    b.js("return document.title")
    b.press("/", "abc", ENTER)
    b.wait_for("rows", "return rows.length > 2")

Every wait has a deadline.
"""
import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

DEADLINE = 20.0

# Keys as WebDriver names them.
TAB, ENTER, ESCAPE, SHIFT = "\ue004", "\ue007", "\ue00c", "\ue008"
END, HOME, LEFT, RIGHT = "\ue010", "\ue011", "\ue012", "\ue014"
UP, DOWN = "\ue013", "\ue015"

# No sandbox: the tests may run as root. The rest keeps it from talking to
# anything but the page, and to its driver by a pipe instead of a port.
ARGUMENTS = """--headless=new --no-sandbox --disable-gpu --disable-quic
    --disable-dev-shm-usage --no-first-run --no-default-browser-check
    --disable-background-networking --disable-component-update
    --disable-sync --disable-default-apps --disable-extensions
    --force-color-profile=srgb --hide-scrollbars
    --remote-debugging-pipe""".split()


def call(method, url, body=None):
    """A WebDriver command; its value."""
    request = urllib.request.Request(
        url, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"})
    # Nothing of the environment's: no proxy for what is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=DEADLINE) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as e:
        value = json.load(e)["value"]
        raise AssertionError(f"{value['error']}: {value['message']}") from None


def open_session(driver, folder):
    """A browser with a profile below folder; its URL."""
    profile = tempfile.mkdtemp(prefix="chromium.", dir=folder)
    value = call("POST", driver + "/session", {"capabilities": {"alwaysMatch": {
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {
            "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}}}})
    return f"{driver}/session/{value['sessionId']}"


class Browser:
    def __init__(self, url=None):
        self.url = url or os.environ["BROWSER"]

    def post(self, command, **body):
        return call("POST", f"{self.url}/{command}", body)

    def cdp(self, command, **params):
        return self.post("goog/cdp/execute", cmd=command, params=params)

    def go(self, url):
        self.post("url", url=url)

    def js(self, script, *args):
        return self.post("execute/sync", script=script, args=list(args))

    def press(self, *keys):
        """Types texts and keys, one after the other; a pair holds its first."""
        actions = []
        for key in keys:
            held, key = key if isinstance(key, tuple) else (None, key)
            if held:
                actions.append({"type": "keyDown", "value": held})
            for c in key:
                actions += [{"type": kind, "value": c}
                            for kind in ("keyDown", "keyUp")]
            if held:
                actions.append({"type": "keyUp", "value": held})
        self.post("actions", actions=[
            {"type": "key", "id": "keyboard", "actions": actions}])

    def point(self, x, y):
        """Moves the pointer to a place in the viewport."""
        self.post("actions", actions=[{
            "type": "pointer", "id": "mouse", "actions": [{
                "type": "pointerMove", "duration": 0, "x": round(x),
                "y": round(y), "origin": "viewport"}]}])

    def drag(self, *places):
        """Presses the button at the first x, y and lets it go at the last."""
        moves = [{"type": "pointerMove", "duration": 0, "x": round(x),
                  "y": round(y), "origin": "viewport"}
                 for x, y in zip(places[::2], places[1::2])]
        moves.insert(1, {"type": "pointerDown", "button": 0})
        self.post("actions", actions=[{
            "type": "pointer", "id": "mouse",
            "actions": [*moves, {"type": "pointerUp", "button": 0}]}])

    def click(self, selector):
        self.js("document.querySelector(arguments[0]).click()", selector)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])"
                       "?.innerText ?? null", selector)

    def wait_for(self, what, script, *args):
        """Until the script's value is true; that value."""
        end = time.monotonic() + DEADLINE
        while True:
            value = self.js(script, *args)
            if value:
                return value
            assert time.monotonic() < end, \
                f"waited in vain: {what}\n{self.text('body')}"
            time.sleep(0.03)

    def size(self, width, height, ratio=1, mobile=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=ratio, mobile=mobile)

    def media(self, **features):
        """prefers_color_scheme="dark" and the like."""
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": name.replace("_", "-"), "value": value}
            for name, value in features.items()])

    def complaints(self):
        """What the console has said since the last look."""
        return [entry["message"] for entry in self.post(
            "se/log", type="browser") if entry["level"] != "DEBUG"]

    def assert_quiet(self, *expected):
        """The console has said nothing but what has one of these texts."""
        others = [c for c in self.complaints()
            if not any(text in c for text in expected)]
        if others:
            raise AssertionError("\n".join(others))

    def shot(self, file):
        data = call("GET", self.url + "/screenshot")
        with open(file, "wb") as f:
            f.write(base64.b64decode(data))

    def close(self):
        call("DELETE", self.url)


def free_port():
    """Below those that the system gives to anybody."""
    for port in range(10000 + os.getpid() % 20000, 32768):
        with socket.socket() as s:
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port
    raise AssertionError("no free port")


@contextlib.contextmanager
def own_browser():
    """A chromedriver and a browser for the time of a with block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            b = Browser(open_when_ready(url, folder))
            yield b
            b.close()
        finally:
            os.killpg(driver.pid, signal.SIGTERM)
            driver.wait()


def open_when_ready(url, folder):
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return open_session(url, folder)
        except urllib.error.URLError:
            assert time.monotonic() < end, "chromedriver does not answer"
            time.sleep(0.05)


def main(command, *args):
    # An end by a signal is to take the browser along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if command == "open":
        print(open_session(args[0], os.environ["SCRATCH"]))
    elif command == "close":
        Browser().close()
    elif command == "shot":
        url, file, *size = args
        with own_browser() as b:
            b.size(*[int(n) for n in size or (1280, 800)])
            b.media(prefers_color_scheme="light")
            b.go(url)
            time.sleep(float(os.environ.get("LINGER", 2)))
            if not size:
                b.size(*b.js("const r = document.body.getBoundingClientRect();"
                             "return [Math.ceil(r.width), Math.ceil(r.height)]"))
            b.shot(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
