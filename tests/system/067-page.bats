#!/usr/bin/env bats
#
# The page of qorb-web in a real browser: Chromium without a screen, driven by
# chromedriver, looks at a real daemon with real backends under a real load.
# One browser serves the whole file; each test has a world of its own.

load helpers

setup_file()
{
	helpers_begin
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	command -v chromedriver >/dev/null || return 0
	local port
	port=$(free_port)
	start_daemon -n chromedriver -r 'started successfully' \
	    chromedriver --port="$port"
	BROWSER=$(drive open "http://127.0.0.1:$port")
	export BROWSER
}

teardown_file()
{
	if [[ -n ${BROWSER-} ]]; then
		drive close
		stop_daemon chromedriver
		# Some of its threads may be behind the first one.
		wait_for eval '! curl -s "$BROWSER"'
	fi
	helpers_end
}

setup()
{
	[[ -n ${BROWSER-} ]] || skip 'chromedriver is not installed'
	helpers_begin
}

teardown()
{
	[[ -n ${BROWSER-} ]] || return 0
	page <<-'EOF'
		b.go("about:blank")
		b.cdp("Emulation.clearDeviceMetricsOverride")
		b.media(prefers_color_scheme="light")
		b.complaints()
	EOF
	helpers_end
}

drive()
{
	PYTHONDONTWRITEBYTECODE=1 timeout 30 \
	    python3 "$BATS_TEST_DIRNAME/browser.py" "$@"
}

# Runs the Python script on its standard input, with what follows at hand.
page()
{
	PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 \
	    timeout 50 python3 -c "$page_prelude
$(cat)"
}

read -r -d '' page_prelude <<'EOF' || :
from browser import *

b = Browser()
URL, ADDR1, ADDR2 = (os.environ.get(n) for n in ("URL", "ADDR1", "ADDR2"))
ROWS = '''return [...document.querySelectorAll('#rows tr:not([aria-hidden])')]
    .map((row) => [...row.children].map((cell) => cell.textContent))'''

def rows():
    return b.js(ROWS)

def status():
    return b.text("#status")

def wait_for_state(state):
    b.wait_for(state, "return document.body.className === arguments[0]", state)

def wait_until_live():
    wait_for_state("is-live")
    b.wait_for("rows", ROWS + ".length > 0")

def title():
    return b.text("#plots-title")

def wait_for_title(text):
    b.wait_for(text, "return document.querySelector("
        "'#plots-title').textContent === arguments[0]", text)

# Those that are shown as chosen, to eyes and to others.
def chosen():
    return b.js("""return [...document.querySelectorAll('#rows tr')]
	.filter((row) => row.classList.contains('is-chosen') ||
	    row.querySelector('[aria-pressed=true]'))
	.map((row) => row.className + ' ' + row.innerText.split(/\\s/)[0])
	""")

# A row is clicked in a cell of no other meaning.
def choose(addr):
    b.js("""[...document.querySelectorAll('#rows tr')]
	.find((row) => row.firstChild.textContent === arguments[0])
	.children[4].click()""", addr)

def wait_for_event(*texts):
    b.wait_for(texts, '''const has = [...arguments];
        return [...document.querySelectorAll('#events li')].some((li) =>
            has.every((text) => li.textContent.includes(text)))''', *texts)

def wait_for_backend(addr, state):
    b.wait_for(state, '''return [...document.querySelectorAll('#rows tr')]
        .find((row) => row.firstChild.textContent === arguments[0])
        ?.dataset.state === arguments[1]''', addr, state)

# From here on the page hears only what it is told.
def feed(message=None):
    if message is None:
        b.js("page.stats.on.message = page.stream.on.message = () => {};"
            "page.stats.silentS = Infinity; page.model = modelNew()")
    else:
        b.js("onStats(arguments[0]); draw()", message)

# A message of one pool with so many backends, as the server makes it.
def message(count, name="demo", **more):
    sets = {f"b{i:05}": {"pool": name, "name": f"b{i:05}",
        "addr": f"[::1]:{i}", "state": "online", "claimed_slots": 0,
        "checking_slots": 0, "unclaimed_slots": 1, "connecting_slots": 0,
        "total_claims": 0, **more} for i in range(1, count + 1)}
    return {"pools": {name: {"claims": 0, "slots": count,
        "backends": count, "online": count}}, "claims": 0, "sets": sets}

# Texts that are too like what is behind them, by the formula of the WCAG.
FAINT = '''
    const part = (c) => (c /= 255) <= 0.03928 ? c / 12.92 :
        ((c + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) =>
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
    const behind = (e) => {
        const c = rgb(getComputedStyle(e).backgroundColor);
        return c.length < 4 || c[3] > 0 ? c : behind(e.parentElement);
    };
    const faint = [];
    for (const e of document.querySelectorAll('body *')) {
        if (![...e.childNodes].some((n) => n.nodeType === 3 &&
            n.data.trim() !== '') || !e.checkVisibility())
            continue;
        const pair = [rgb(getComputedStyle(e).color), behind(e)]
            .map(light).sort((x, y) => y - x);
        if ((pair[0] + 0.05) / (pair[1] + 0.05) < 4.5)
            faint.push(`${e.className || e.tagName}: ${e.textContent}`);
    }
    return faint;
'''

# Whether each canvas has a pixel of the colour that is named for it.
INKED = '''
    const names = [...arguments];
    return [...document.querySelectorAll('canvas')].every((canvas, i) => {
        const g = canvas.getContext('2d');
        const { data } = g.getImageData(0, 0, canvas.width, canvas.height);
        const want = parseInt(ink(names[i]).slice(1), 16);
        for (let k = 0; k < data.length; k += 4) {
            if (data[k] * 65536 + data[k + 1] * 256 + data[k + 2] === want)
                return true;
        }
        return false;
    });
'''
EOF

# start_again NAME ADDR: an echo server where one has been.
start_again()
{
	start_daemon -n "$1" -r 'ready to accept' qorb-echo -q "$2"
}

# start_web PORT
start_web()
{
	start_daemon -n web -r 'ready on' qorb-web --listen "127.0.0.1:$1"
}

# A pool demo on two echo servers, $ADDR1 and $ADDR2, and its page at $URL.
start_world()
{
	start_echo echo1 -q
	ADDR1=$ECHO_ADDR
	start_echo echo2 -q
	ADDR2=$ECHO_ADDR
	start_pool "$@" "demo=$ADDR1,$ADDR2"
	WEB_PORT=$(free_port)
	start_web "$WEB_PORT"
	URL=http://127.0.0.1:$WEB_PORT/
	export ADDR1 ADDR2 URL
}

start_load()
{
	start_daemon -n load \
	    qorb-load --rate 200 --duration 300s --hold 5ms demo
}

@test "the page fills, and its counts move under a load" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		assert {row[0] for row in rows()} == {ADDR1, ADDR2}, rows()
		assert b.text("#pool-name") == "demo"
		assert "qorb-pool/" in b.text("#source"), b.text("#source")
	EOF
	start_load
	page <<-'EOF'
		total = ROWS + "[0][6].replace(',', '') * 1"
		first = b.wait_for("claims are counted", total)
		b.wait_for("more claims", total + " > arguments[0]", first)
		b.wait_for("a rate", "return parseFloat("
		    "document.querySelector('.value').textContent) > 20")
		assert "claims/s" in b.js("return document.title")
		b.wait_for("sparklines", "return document.querySelector("
		    "'.spark path').getAttribute('d').includes('L')")
		# Each plot has a line of its first colour, and says in words
		# what it shows.
		b.wait_for("lines", INKED, "--series-1", "--unclaimed",
		    "--series-1")
		said = b.js("return [...document.querySelectorAll('canvas')]"
		    ".map((c) => c.ariaValueText)")
		assert ADDR1 in said[0], said
		assert "unclaimed" in said[1] and "p99" in said[2], said
		# Nothing came from anywhere but this one document.
		assert b.js("return performance.getEntriesByType('resource')"
		    ".map((e) => e.name)") == []
		b.assert_quiet()
	EOF
}

@test "a backend that dies and comes back is shown and told" {
	start_world
	start_load
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		wait_for_backend(ADDR2, "online")
	EOF
	stop_daemon echo2
	page <<-'EOF'
		wait_for_backend(ADDR2, "offline")
		wait_for_event(ADDR2, "slot-set-offline")
		assert "1 of 2" in b.text("#figures"), b.text("#figures")
		# What repeats itself is one row.
		wait_for_event(ADDR2, "connect-failed", "×")
	EOF
	start_again echo2 "$ADDR2"
	page <<-'EOF'
		wait_for_backend(ADDR2, "online")
		wait_for_event(ADDR2, "slot-set-online")
		assert b.js("return page.plots.marks.map((m) => m.isGood)") == \
		    [False, True]
		b.click("#events-pause")
	EOF
	# Paused, the list stands still, and nothing is lost.
	stop_daemon echo2
	page <<-'EOF'
		newest = "return document.querySelector('#events li').innerText"
		before = b.js(newest)
		b.wait_for("events are kept back", "return /Paused, [1-9]/"
		    ".test(document.querySelector('#events-state').innerText)")
		assert b.js(newest) == before
		b.click("#events-pause")
		assert b.js(newest) != before
		assert b.text("#events-state") == ""
		b.assert_quiet()
	EOF
	start_again echo2 "$ADDR2"
}

@test "a server that goes is said to be lost, and found again" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		assert status() == "Live"
	EOF
	stop_daemon web
	page <<-'EOF'
		wait_for_state("is-lost")
		assert "connection to the server is lost" in status(), status()
		assert "The figures are those of" in status(), status()
		assert b.js("return document.title") == "lost · demo · qorb"
		b.wait_for("a promise", "return /^Trying again in [0-9]+ s[.]$/"
		    ".test(document.querySelector('#countdown').innerText)")
		b.wait_for("several tries", "return page.stats.tries > 1")
		# One connection looks for the server, the other waits for it.
		assert b.js("return page.stream.socket === null && "
		    "Number.isNaN(page.stream.retryAt)")
	EOF
	start_web "$WEB_PORT"
	page <<-'EOF'
		# It would come back by itself; this is sooner.
		b.js("document.querySelector('#retry-now').focus()")
		b.press(ENTER)
		wait_until_live()
		assert status() == "Live"
		# The time without it is a gap.
		b.wait_for("a gap", '''
		    const line = shownPool().lines.unclaimed;
		    const known = [...modelPast(page.model)]
			.map((c) => !Number.isNaN(line[c]));
		    return known.includes(false) && known[0] && known.at(-1);
		''')
		wait_for_event("stream-lost")
	EOF
	# By itself, too.
	stop_daemon web
	page <<-'EOF'
		wait_for_state("is-lost")
	EOF
	start_web "$WEB_PORT"
	page <<-'EOF'
		wait_until_live()
		# What the browser itself says of a server that is not there.
		b.assert_quiet("ERR_CONNECTION_REFUSED")
	EOF
}

@test "a server that says nothing more is taken for lost" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
	EOF
	kill -STOP "$(daemon_pid web)"
	page <<-'EOF'
		# Most of the time that it waits for a message is over.
		b.js("page.stats.heardAt -= 8")
		wait_for_state("is-lost")
	EOF
	kill -CONT "$(daemon_pid web)"
	page <<-'EOF'
		wait_until_live()
		b.assert_quiet()
	EOF
}

@test "a daemon that goes is said to be lost, and no rate is negative after" {
	start_world
	start_load
	page <<-'EOF'
		b.go(URL)
		b.wait_for("claims", "return shownPool()?.total > 50")
	EOF
	stop_daemon load
	stop_daemon pool
	page <<-'EOF'
		wait_for_state("is-lost")
		assert status().startswith("The server has lost the daemon: " +
		    os.environ["QORB_SOCKET"]), status()
	EOF
	start_pool "demo=$ADDR1,$ADDR2"
	page <<-'EOF'
		wait_until_live()
		columns = b.js("return page.model.columns")
		b.wait_for("messages",
		    "return page.model.columns > arguments[0] + 1", columns)
		lines = b.js("return [...page.model.lines].map((l) => [...l]"
		    ".filter((n) => !Number.isNaN(n)))")
		assert lines and all(0 <= n < 1e6 for l in lines for n in l)
		b.assert_quiet()
	EOF
}

@test "a server that falls silent while it has lost the daemon is lost, too" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
	EOF
	stop_daemon pool
	page <<-'EOF'
		b.wait_for("the loss of the daemon", "return document.querySelector("
		    "'#status').textContent.startsWith("
		    "'The server has lost the daemon')")
	EOF
	kill -STOP "$(daemon_pid web)"
	page <<-'EOF'
		# Most of the time that it waits for a message is over.
		b.js("page.stats.heardAt -= 8")
		b.wait_for("the silence", "return document.querySelector("
		    "'#status').textContent.startsWith("
		    "'The connection to the server is lost.')")
		b.wait_for("a button", "return document.querySelector("
		    "'#retry-now').checkVisibility()")
	EOF
	kill -CONT "$(daemon_pid web)"
	start_pool "demo=$ADDR1,$ADDR2"
	page <<-'EOF'
		wait_until_live()
		b.assert_quiet()
	EOF
}

@test "everything can be reached and used with a keyboard" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()

		def tab_to(selector):
		    for _ in range(30):
		        b.press(TAB)
		        if b.js("return document.activeElement.matches("
		            "arguments[0])", selector):
		            assert b.js("const e = document.activeElement;"
		                "return e.matches(':focus-visible') && "
		                "getComputedStyle(e).outlineStyle !== 'none'")
		            return
		    raise AssertionError(f"{selector} is not reached")

		def sort(n):
		    return b.js("return document.querySelector("
		        f"'#columns th:nth-child({n})').ariaSort")

		# A plot tells of the past.
		tab_to("canvas[aria-label^=Slots]")
		b.wait_for("a past", "return page.model.columns > 3")
		b.press(LEFT, LEFT, LEFT)
		b.wait_for("the cursor has moved", "const e ="
		    "document.activeElement; return e.ariaValueNow < 0 && "
		    "e.ariaValueText.includes(' s ago: ')")
		b.press(ESCAPE)
		b.wait_for("it is back", "return document.activeElement"
		    ".ariaValueText.startsWith('now: ')")

		# The table is sorted by a column's button.
		assert (sort(1), sort(2)) == ("ascending", "none")
		tab_to("th:nth-child(1) button")
		b.press(ENTER)
		assert sort(1) == "descending"
		b.wait_for("the order has turned",
		    ROWS + "[0][0] === arguments[0]", max(ADDR1, ADDR2))
		tab_to("th:nth-child(2) button")
		b.press(" ")
		assert (sort(1), sort(2)) == ("none", "descending")
		tab_to("#events-pause")
		b.press(" ")
		assert b.js("return document.activeElement"
		    ".ariaPressed === 'true'")

		# A slash goes to the filter.
		b.press("/", ADDR2)
		b.wait_for("one is left", ROWS + ".length === 1")
		assert rows()[0][0] == ADDR2
		assert b.text("#backend-count") == "1 of 2"
		b.press("/x")
		b.wait_for("none is left",
		    "return !document.querySelector('#no-rows').hidden")
		b.assert_quiet()
	EOF
}

@test "it fits a phone, in the light and in the dark" {
	start_world
	page <<-'EOF'
		b.size(360, 740, 2, True)
		b.go(URL)
		wait_until_live()
		grounds = set()
		for scheme in "light", "dark":
		    b.media(prefers_color_scheme=scheme)
		    b.wait_for(scheme, "return matchMedia("
		        f"'(prefers-color-scheme: {scheme})').matches")
		    b.js("chooseBackend(page.choice, null);"
		        "chooseBackend(page.choice, shownPool().shown[0]); draw()")
		    for state in "is-live", "is-lost":
		        b.js("page.state = document.body.className = arguments[0]",
		            state)
		        assert b.js(FAINT) == []
		        assert b.js("return document.documentElement"
		            ".scrollWidth") <= 360
		    grounds.add(b.js("return getComputedStyle(document.body)"
		        ".backgroundColor"))
		assert len(grounds) == 2, grounds
		# A pixel of the plots is one of the screen.
		b.wait_for("sharp plots", "return [...document"
		    ".querySelectorAll('canvas')].every((c) => "
		    "c.width === 2 * c.clientWidth && c.width > 400)")
		# What does not fit is scrolled in the table itself.
		assert b.js("const s = document.querySelector('.scroller');"
		    "return s.scrollWidth > s.clientWidth")
		# The plots are above what a phone shows with the table: who
		# chooses a backend is taken there.
		HEAD = "return document.querySelector('#plots-head')" \
		    ".getBoundingClientRect().top"
		b.press(ESCAPE)
		wait_for_title("All backends")
		b.js("document.querySelector('#backends').scrollIntoView()")
		assert b.js(HEAD) < -300, b.js(HEAD)
		choose(ADDR1)
		b.wait_for("the plots", f"const top = (() => {{ {HEAD} }})();"
		    "return top >= 0 && top < 40")
		wait_for_title("Backend " + ADDR1)
		b.assert_quiet()
	EOF
}

@test "the titles of all columns can be read, whatever it is sorted by" {
	start_world
	page <<-'EOF'
		b.size(850, 740)
		b.go(URL)
		wait_until_live()
		# Wider than its place, and beside the events.
		for width in 360, 850, 1560, 1920:
		    b.size(width, 740)
		    assert b.js("""
			const heads = [...document.querySelectorAll('thead th')];
			const isCut = (th) => {
			    const text = document.createRange();
			    text.selectNodeContents(th);
			    return th.scrollWidth > th.clientWidth ||
				text.getBoundingClientRect().right >
				th.getBoundingClientRect().right -
				parseFloat(getComputedStyle(th).paddingRight);
			};
			const cut = (sorted) => heads.filter(isCut)
			    .map((th) => [sorted, th.textContent]);
			return heads.flatMap((th) => {
			    th.querySelector('button')?.click();
			    return cut(th.textContent);
			});
		    """) == []
		b.assert_quiet()
	EOF
}

@test "a pool is chosen from several, and is kept in the address" {
	start_world "spare=[::1]:1"
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		assert b.text("#pool-name") == "demo"
		b.js("document.querySelector('#pool-select').focus()")
		b.press("spare")
		b.wait_for("the other pool", "return document.querySelector("
		    "'#pool-name').textContent === 'spare'")
		b.wait_for("its backend", ROWS + "[0][0] === '[::1]:1'")
		assert len(rows()) == 1
		assert b.js("return location.hash") == "#pool=spare"
		b.post("refresh")
		b.wait_for("its backend again", ROWS + "[0]?.[0] === '[::1]:1'")
		b.assert_quiet()
	EOF
}

@test "a pool that is not there is told of, and shown when it comes" {
	start_world
	page <<-'EOF'
		SERVICE = "return document.querySelector('#service').textContent"
		b.size(360, 740, 2, True)
		b.go(URL + "#pool=%3Cimg%20src=x%20onerror=alert(1)%3E" +
		    "x" * 1000)
		wait_until_live()
		said = b.js(SERVICE)
		assert said.startswith("No pool <img src=x onerror=alert(1)>xxx")
		assert said.endswith("xxx is known; this is another one."), said
		assert len(said) < 300, said
		assert b.js("return document.images.length") == 0
		assert b.js("return document.documentElement.scrollWidth") <= 360
		assert b.text("#pool-name") == "demo"
		for scheme in "light", "dark":
		    b.media(prefers_color_scheme=scheme)
		    b.wait_for(scheme, "return matchMedia("
		        f"'(prefers-color-scheme: {scheme})').matches")
		    assert b.js(FAINT) == []

		# Asked for one that is there, it does not say so any more.
		b.js("location.hash = 'pool=demo'")
		b.wait_for("the service", SERVICE + " === 'static'")
		b.js("location.hash = 'pool=late'")
		b.wait_for("the words",
		    SERVICE + ".startsWith('No pool late is known; ')")
		feed()
		m, late = message(2), message(1, "late")
		feed(m)
		assert b.text("#pool-name") == "demo"
		assert "No pool late" in b.js(SERVICE), b.js(SERVICE)
		m["pools"].update(late["pools"])
		m["sets"] = {"late/b": late["sets"]["b00001"], **m["sets"]}
		feed(m)
		assert b.js("return document.querySelector('#pool-select')"
		    ".value") == "late"
		assert b.js(SERVICE) == ""
		assert len(rows()) == 1, rows()
		b.assert_quiet()
	EOF
}

@test "what the server sends is text, whatever it looks like" {
	start_world
	local name='%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E'
	ask "advertise demo $name [::1]:1 ttl=60s"
	page <<-'EOF'
		# And an address that cannot be decoded.
		b.go(URL + "#pool=%E0%A4%A")
		wait_until_live()
		b.wait_for("the name",
		    ROWS + ".some((row) => row[0] === arguments[0])",
		    "<img src=x onerror=alert(1)>")
		assert b.js("return document.images.length") == 0
		b.assert_quiet()
		# And if it were not: the policy lets no such thing run.
		b.js("const s = document.createElement('script');"
		    "s.textContent = 'window.ran = 1'; document.body.append(s);"
		    "s.insertAdjacentHTML('afterend', arguments[0])",
		    "<img src=x onerror='window.ran = 1'><p style='color:red'>")
		b.wait_for("the picture", "return document.images[0].complete")
		assert b.js("return window.ran ?? null") is None
		assert len([c for c in b.complaints()
		    if "Content Security Policy" in c]) >= 3
	EOF
}

@test "messages of other servers, and broken ones, do no harm" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		# Rates after each message: of each pool, then of its backends.
		FEED = '''
		    const model = modelNew();
		    return arguments[0].map(([nowS, message]) => {
			modelTake(model, message, nowS);
			return [...model.pools.values()].flatMap((p) => [
			    p.claimsPerS, ...p.shown.map((b) => b.claimsPerS)]);
		    });
		'''

		def foreign(total, **more):
		    a = {"total_claims": total, "claimed_slots": 1, "new": [1]}
		    return {"claims": total, "new": {}, "sets": dict(more, a=a)}

		# The least that may be sent: rates by our own clock, at any
		# distance, and none from a total that fell.
		got = b.js(FEED, [[0, foreign(100)], [0.5, foreign(150)],
		    [10.5, foreign(250)], [11.5, foreign(7)],
		    [12.5, foreign(9)]])
		assert got == [[0, None], [100, 100], [10, 10], [0, None],
		    [2, 2]], got
		# One that was away starts anew.
		got = b.js(FEED, [[0, foreign(0, b={"total_claims": 5})],
		    [1, foreign(1)], [2, foreign(2, b={"total_claims": 500})],
		    [3, foreign(3, b={"total_claims": 501})]])
		assert got[2:] == [[1, 1, None], [2, 1, 1]], got
		# A clock that stands still or goes back.
		got = b.js(FEED, [[n, {"t": t, **foreign(n)}]
		    for n, t in enumerate([100, 100, 99, 100])])
		assert got == [[0, None], [0, None], [0, None], [1, 1]], got

		# Nonsense of every kind, to a page that goes on.
		strange = {"total_claims": "7", "name": {}, "pool": []}
		for m in (None, 1, "x", [], {}, {"sets": None}, {"sets": 7},
		    {"sets": {"a": None, "b": 1, "__proto__": {}}},
		    {"sets": {}, "pools": {"demo": "x", "__proto__": None}},
		    {"sets": {"a": strange}}, {"error": {}}, {"sets": {"a": {
		    "total_claims": -1, "claimed_slots": 1e300}}, "t": "soon"},
		    {"event": 7}, {"event": "lost", "count": 3},
		    {"event": "new", "t": "x", "addr": [], "how": "h" * 9999}):
		    b.js("const m = JSON.parse(arguments[0]);"
		        "onStats(m); onEvent(m); draw()", json.dumps(m))
		b.js("linkHear(page.stats, 'no JSON'); linkHear(page.stats,"
		    "new TextEncoder().encode('{}').buffer)")
		b.wait_for("it goes on", "return poolNames().join() === 'demo'")
		b.assert_quiet()
	EOF
}

@test "memory stays bounded: the past, gone backends, events" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		# New names at each message, for longer than the past is kept.
		got = b.js('''
		    const model = modelNew();
		    for (let i = 0; i < 3 * SAMPLES; i++)
			modelTake(model, { sets: {
			    [`a${i}`]: { pool: `p${i % 7 === 0 ? i : 0}` },
			    [`b${i}`]: { pool: 'p' } } }, i);
		    return [model.backends, model.lines.size, model.pools.size];
		''')
		assert got[0] <= 2 * 320 and got[2] <= 64, got
		assert got[1] <= 5 * got[0] + 6 * got[2], got
		got = b.js('''
		    for (let i = 0; i < 1000; i++)
			onEvent({ event: 'connect-failed', pool: 'demo',
			    t: i * 60, addr: `[::1]:${i}` });
		    return [page.events.kept.length,
			document.querySelectorAll('#events li').length];
		''')
		assert got == [200, 200], got
	EOF
}

@test "a thousand backends: only the rows in sight exist" {
	start_world
	local i lines=()
	for ((i = 1; i <= 1000; i++)); do
		printf -v lines[i] 'advertise demo name%04d [::1]:%d ttl=60s' \
		    "$i" "$i"
	done
	ask 'set demo max-slots=4' "${lines[@]}" >"$SCRATCH/advertised"
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		b.wait_for("all are known", "return document.querySelector("
		    "'#backend-count').textContent === '1,002'")
		assert len(rows()) < 100
		assert b.js("return document.querySelector('table')"
		    ".ariaRowCount") == "1003"
		b.js("const s = document.querySelector('.scroller');"
		    "s.scrollTop = s.scrollHeight")
		b.wait_for("the last one", ROWS + ".at(-1)[0] === 'name1000'")
		# It stays where the reader has scrolled it.
		assert b.js("""
		    const s = document.querySelector('.scroller');
		    let frames = 30;
		    s.scrollTop = 9000;
		    return new Promise((resolve) => {
			const next = () => {
			    if (frames-- > 20)
				s.scrollTop -= 100;
			    if (frames > 0)
				requestAnimationFrame(next);
			    else
				resolve(s.scrollTop);
			};
			next();
		    });
		""") == 8000
		assert len(rows()) < 100
		b.click("#columns th:first-child button")
		b.js("document.querySelector('.scroller').scrollTop = 0")
		b.wait_for("the last one first", ROWS + "[0][0] === 'name1000'")
		b.js("document.querySelector('#filter').focus()")
		b.press("name099")
		b.wait_for("ten are left", ROWS + ".length === 10")
		assert b.text("#backend-count") == "10 of 1,002"
		# The busiest have lines of their own, the rest share one.
		legend = b.js("return [...document.querySelectorAll("
		    "'.legend')[0].children].map((li) => li.innerText)")
		assert len(legend) == 6, legend
		assert "997 others, each" in legend[-1], legend
		b.assert_quiet()
	EOF
}

@test "a backend that is chosen is shown alone" {
	start_world
	start_load
	page <<-'EOF'
		b.size(1280, 900)
		b.go(URL)
		wait_until_live()
		b.wait_for("a past", "return page.model.columns > 4")
		assert title() == "All backends"
		assert chosen() == []

		choose(ADDR2)
		wait_for_title("Backend " + ADDR2)
		assert chosen() == ["is-chosen " + ADDR2], chosen()
		assert b.js("return [...document.querySelectorAll("
		    "'#rows [aria-pressed]')].map((e) => e.ariaPressed)") \
		    .count("true") == 1
		# The plots have its past from the first message on.
		assert b.js("""
		    const [one] = page.plots.claims.lines;
		    const b = [...shownPool().backends.values()]
			.find((b) => b.addr === arguments[0]);
		    const known = (line) =>
			line.filter((n) => !Number.isNaN(n)).length;
		    return page.plots.claims.lines.length === 1 &&
			one.values === b.lines.claims &&
			page.plots.slots.lines.length === 4 &&
			page.plots.slots.lines.every((line) =>
			    line.values === b.lines[line.name] &&
			    known(line.values) ===
			    known(shownPool().lines[line.name]) &&
			    line.values[modelNewest(page.model)] ===
			    b[line.name]);
		""", ADDR2)
		b.wait_for("lines", INKED,
		    b.js("return page.plots.claims.lines[0].color"),
		    "--unclaimed", "--series-1")
		# What is not its own is called the pool's, for all senses.
		plots = b.js("return [...document.querySelectorAll('figure')]"
		    ".map((f) => f.innerText.replaceAll('\\n', ' ') + '; ' +"
		    "f.querySelector('canvas').ariaLabel)")
		assert ADDR2 in plots[0] and ADDR1 not in plots[0], plots
		assert f"Slots by state of {ADDR2}" in plots[1], plots
		assert "pool" not in plots[0] + plots[1], plots
		assert plots[2].startswith("Wait for a claim, of the whole pool")
		assert "p99 of the pool" in plots[2], plots
		assert ADDR2 not in plots[2], plots
		assert "Waits are those of the pool" in b.text("#plots-note")

		# The other one, and three ways back.
		choose(ADDR1)
		wait_for_title("Backend " + ADDR1)
		assert chosen() == ["is-chosen " + ADDR1], chosen()
		choose(ADDR1)
		wait_for_title("All backends")
		assert chosen() == []
		assert "Wait for a claim\n" in b.text("#plots")
		choose(ADDR1)
		wait_for_title("Backend " + ADDR1)
		b.press(ESCAPE)
		wait_for_title("All backends")
		choose(ADDR1)
		wait_for_title("Backend " + ADDR1)
		b.js("document.querySelector('#plots-back').focus()")
		b.press(ENTER)
		wait_for_title("All backends")
		assert not b.js("return document.querySelector('#plots-back')"
		    ".checkVisibility()")
		assert b.js("return document.activeElement.id") == "plots-title"

		# A text that is marked with the pointer chooses nothing.
		x, y, width = b.js("""
		    const cell = document.querySelector('#rows .addr');
		    const r = cell.getBoundingClientRect();
		    return [r.x, r.y + r.height / 2, r.width]""")
		b.drag(x + 26, y, x + width - 30, y)
		assert b.js("return getSelection().toString()") != ""
		b.js("getSelection().empty()")
		# But a press does.
		b.drag(x + 26, y, x + 26, y)
		wait_for_title("Backend " + rows()[0][0])
		b.assert_quiet()
	EOF
}

@test "a chosen backend that goes is told of, and the pool shown again" {
	start_world "spare=[::1]:1"
	ask 'advertise demo guest [::1]:1 ttl=60s' \
	    'advertise demo guest [::1]:2 ttl=60s'
	page <<-'EOF'
		b.size(1280, 900)
		b.go(URL)
		wait_until_live()
		b.wait_for("both guests", ROWS +
		    ".filter((row) => row[0] === 'guest').length === 2")
		# The first of two that have one name.
		choose("guest")
		wait_for_title("Backend guest, [::1]:1")
	EOF
	ask 'withdraw demo guest'
	page <<-'EOF'
		wait_for_title("All backends")
		assert chosen() == []
		note = b.text("#plots-note")
		assert note.startswith("guest went away at "), note
		b.press(ESCAPE)
		b.wait_for("it is known", "return document.querySelector("
		    "'#plots-note').innerText.startsWith('Choose a backend')")
		# Another pool has other backends.
		choose(ADDR1)
		wait_for_title("Backend " + ADDR1)
		b.js("location.hash = 'pool=spare'")
		wait_for_title("All backends")
		b.wait_for("its backend", ROWS + "[0][0] === '[::1]:1'")
		assert chosen() == []
		# Nothing below the plots moves, though their legend is shorter: the
		# next press is to hit the same row.
		feed()
		m = message(9)
		for s in m["sets"].values():
		    s["name"] = "a-backend-of-a-long-name." + s["name"]
		feed(m)
		b.js("page.chosen = 'demo'; draw()")
		top = "return document.querySelector('#rows')" \
		    ".getBoundingClientRect().top"
		before = b.js(top)
		choose("a-backend-of-a-long-name.b00001")
		b.js("draw()")
		assert title().endswith(".b00001"), title()
		assert b.js(top) == before, (b.js(top), before)
		# One that gets another key in the message is no other one.
		feed()
		feed(message(2))
		b.js("page.chosen = 'demo'; draw()")
		choose("b00001")
		wait_for_title("Backend b00001")
		m = message(3)
		m["sets"] = {f"demo/{k} {s['addr']}": s
		    for k, s in m["sets"].items()}
		feed(m)
		assert title() == "Backend b00001"
		assert chosen() == ["is-chosen b00001"], chosen()
		assert b.js("return page.plots.slots.lines[2].values"
		    ".filter((n) => n === 1).length") == 2
		# Of the marks only its own.
		marks = """
		    plotsMark(page.plots, { atS: secondsNow(), pool: 'demo',
			addr: '[::1]:2', isGood: true });
		    plotsMark(page.plots, { atS: secondsNow(), pool: 'demo',
			addr: '[::1]:1', isGood: false });
		    const drawn = [], was = drawMarks;
		    drawMarks = (area, marks) => drawn.push(marks.length);
		    draw();
		    drawMarks = was;
		    return drawn;
		"""
		assert b.js(marks) == [1, 1, 1]
		# A server that is lost has taken nothing away.
		b.js("setLost('x'); draw()")
		assert title() == "Backend b00001"
		m["sets"].popitem()
		feed(m)
		assert title() == "Backend b00001"
		feed(message(0))
		assert title() == "All backends"
		b.assert_quiet()
	EOF
}

@test "a backend is chosen with the keyboard" {
	start_world
	page <<-'EOF'
		b.size(1280, 900)
		b.go(URL)
		wait_until_live()
		feed()
		feed(message(200))

		def focused():
		    return b.js("const e = document.activeElement; return "
		        "e.closest('#rows') ? e.textContent : e.className")

		# What has the focus can be seen, all of it.
		SEEN = """
		    const r = document.activeElement.getBoundingClientRect();
		    const head = document.querySelector('#columns th')
			.getBoundingClientRect();
		    const all = document.querySelector('.scroller')
			.getBoundingClientRect();
		    return r.top >= head.bottom - 1 && r.bottom <= innerHeight &&
			r.bottom <= all.bottom + 1
		"""

		# All rows are one stop of Tab.
		b.js("document.querySelector('#columns th:last-of-type "
		    "button, #columns th:nth-last-child(2) button').focus()")
		b.press(TAB)
		assert focused() == "b00001", focused()
		b.press(TAB)
		assert b.js("return document.activeElement.closest('#rows')") \
		    is None
		b.press((SHIFT, TAB))
		assert focused() == "b00001", focused()
		assert b.js("const e = document.activeElement;"
		    "return e.matches(':focus-visible') && "
		    "getComputedStyle(e).outlineStyle !== 'none'")
		b.press(DOWN, DOWN, UP)
		assert focused() == "b00002", focused()
		b.press(ENTER)
		wait_for_title("Backend b00002")
		assert chosen() == ["is-chosen b00002"], chosen()
		b.press(" ")
		wait_for_title("All backends")
		b.press(END)
		assert focused() == "b00200" and b.js(SEEN), focused()
		b.press(" ")
		wait_for_title("Backend b00200")
		b.press(*[UP] * 30)
		assert focused() == "b00170" and b.js(SEEN), focused()
		b.press(HOME)
		assert focused() == "b00001" and b.js(SEEN), focused()
		b.press(ESCAPE)
		wait_for_title("All backends")

		# The focus goes with the backend, or to where Enter does nothing.
		b.press(DOWN, DOWN)
		m = message(200)
		m["sets"]["b00003"]["name"] = "b00000"
		m["sets"]["b00003"]["addr"] = "[::1]:3"
		b.js("page.table.by = COLUMNS.find((c) => c.key === 'addr');"
		    "draw()")
		assert focused() == "b00003", focused()
		b.js("page.table.isFalling = true; draw()")
		assert focused() == "scroller", focused()
		b.press(ENTER)
		b.js("draw()")
		assert title() == "All backends"

		# Escape has other meanings first.
		b.js("page.table.isFalling = false; draw()")
		choose("b00001")
		wait_for_title("Backend b00001")
		b.press("/b0000")
		b.press(ESCAPE)
		b.wait_for("an empty filter",
		    "return document.querySelector('#filter').value === ''")
		b.js("draw()")
		assert title() == "Backend b00001"
		b.js("document.querySelector('canvas').focus()")
		b.press(LEFT, ESCAPE)
		b.js("draw()")
		assert title() == "Backend b00001"
		b.press(ESCAPE)
		wait_for_title("All backends")
		b.assert_quiet()
	EOF
}

@test "more backends than the page keeps are counted all the same" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		feed()
		def figure(title):
		    return b.js("""return [...document.querySelectorAll('dt')]
			.find((dt) => dt.textContent === arguments[0])
			.parentNode.innerText.split('\\n').slice(1)""", title)

		m = message(5300)
		for i in range(5201, 5301):
		    m["sets"][f"b{i:05}"].update(state="offline",
		        unclaimed_slots=0, connecting_slots=1)
		m["pools"]["demo"]["online"] = 5200
		small = message(3, "small")
		m["pools"].update(small["pools"])
		m["sets"].update({f"small/{k}": s
		    for k, s in small["sets"].items()})
		# With the pool's own counts, and without any.
		for pools in m["pools"], {}:
		    feed({**m, "pools": pools})
		    assert figure("Backends online") == ["5,200 of 5,300"]
		    assert figure("Slots claimed") == ["0 of 5,300",
		        "5,200 unclaimed, 100 connecting"]
		    # Those that are offline are among what is left out.
		    assert b.js("return document.querySelectorAll("
		        "'.figures .is-bad').length") == 1
		    assert b.js("return page.plots.slots.lines.map((line) =>"
		        "line.values[modelNewest(page.model)])") == \
		        [0, 0, 5200, 100]
		    assert b.text("#backend-count") == \
		        "5,000, 300 more are left out"
		b.js("location.hash = 'pool=small'; page.chosen = 'small';"
		    "draw()")
		assert b.text("#backend-count") == "0, 3 more are left out"
		# The count of the pool is the one that stands.
		m["pools"]["demo"].update(backends=6000, online=5900)
		b.js("page.chosen = 'demo'")
		feed(m)
		assert figure("Backends online") == ["5,900 of 6,000"]
		b.assert_quiet()
	EOF
}

@test "the labels of an axis are true" {
	start_world
	page <<-'EOF'
		b.go(URL)
		wait_until_live()
		feed()
		LABELS = """
		    const { canvas } = page.plots[arguments[0]], drawn = [];
		    const g = canvas.getContext('2d');
		    g.fillText = (text) => drawn.push(text);
		    draw();
		    delete g.fillText;
		    return drawn.filter((t) => !/min$|^now$/.test(t)).reverse();
		"""
		for slots, labels in (0, "3 2 1 0"), (1, "3 2 1 0"), \
		    (4, "4 3 2 1 0"), (7, "8 6 4 2 0"), (20, "20 15 10 5 0"), \
		    (100, "100 75 50 25 0"), (1300, "1,500 1,000 500 0"):
		    feed()
		    feed(message(1, unclaimed_slots=slots))
		    got = b.js(LABELS, "slots")
		    assert got == labels.split(), (slots, got)
		for rate, labels in (0.1, "1 0.5 0"), (75, "75 50 25 0"), \
		    (7, "7.5 5 2.5 0"):
		    feed()
		    feed(message(1, claims_per_s=rate))
		    got = b.js(LABELS, "claims")
		    assert got == labels.split(), (rate, got)
		# And of all that may be: it says what it is, and reaches the
		# greatest value in few steps.
		assert b.js("""
		    const number = (text) => Number(text.replaceAll(',', ''));
		    const bad = [];
		    for (const plot of [page.plots.slots, page.plots.claims]) {
			for (let max = 0; max < 3000; max += max < 5 ? 0.25 : 1) {
			    const { marks, place } = plotScale(plot, max);
			    const format = plot.formatMark ?? plot.format;
			    if (marks.some((v) => number(format(v)) !== v) ||
				place(max) > 1.001 || marks.length > 5 ||
				marks.at(-1) < plot.floor)
				bad.push([plot.title, max, ...marks]);
			}
		    }
		    return bad;
		""") == []
		b.assert_quiet()
	EOF
}

@test "a part of the page that is missing fails the build" {
	mkdir "$SCRATCH/page"
	cp "$ROOT"/cmd/qorb-web/page/* "$SCRATCH/page"
	cd "$SCRATCH/page"
	run_ok awk -f page.awk index.html
	refute_output --partial '@include'
	rm plot.js
	run_status 1 awk -f page.awk index.html
	assert_equal "$stderr" 'page.awk: plot.js is missing or empty'
}
