/*
 * Wires the parts: two connections, one model, what is drawn of it. Drawing is
 * asked for by a 'redraw' event and done once a frame; once a second without
 * one, so that a gap is seen to grow.
 */

/* The server sends each second, without its daemon each few; it is taken for
 * dead after this. */
const SILENT_S = 10;

const page = { model: modelNew(), chosen: '', shown: '', isDrawn: true,
	drawnAt: 0, state: 'is-waiting', status: 'Connecting to the server',
	liveAt: null };

/* --- which pool ---------------------------------------------------------- */

function poolNames() {
	return [...page.model.pools.values()].filter((p) => p.isThere)
	    .map((p) => p.name).sort(collator.compare);
}

/* The one that the address names (so that it can be kept as a bookmark), else
 * the one that was shown, else the first. One that is gone is shown for as long
 * as it is remembered. */
function shownPool() {
	const { pools } = page.model;
	const name = [page.chosen, page.shown, poolNames()[0]]
	    .find((known) => pools.has(known));

	page.shown = name ?? '';
	return pools.get(name);
}

function hashPool() {
	try {
		return decodeURIComponent(
		    location.hash.replace(/^#pool=|^#.*/, ''));
	} catch {
		return '';
	}
}

/* Its service, or why this is not what the reader looks for. */
function drawService(pool) {
	const isOther = page.chosen !== '' && page.chosen !== pool.name;
	const node = byId('service');

	setText(node, isOther ? `No pool ${words(page.chosen, '')} is known; ` +
	    'this is another one.' : pool.isThere ? pool.service :
	    'The daemon has no such pool now.');
	node.classList.toggle('is-news', isOther || !pool.isThere);
}

function drawPools(pool) {
	const names = poolNames(), select = byId('pool-select');
	const all = names.includes(pool.name) ? names : [pool.name, ...names];

	setText(byId('pool-name'), pool.name || 'all');
	drawService(pool);
	byId('pool-choice').hidden = all.length < 2;
	byId('pool-name').classList.toggle('unseen', all.length > 1);
	if (select.dataset.names !== JSON.stringify(all)) {
		select.dataset.names = JSON.stringify(all);
		select.replaceChildren(...all.map((name) =>
		    make('option', { value: name, textContent: name })));
	}
	if (select.value !== pool.name)
		select.value = pool.name;
}

/* --- drawing ------------------------------------------------------------- */

function draw() {
	const pool = shownPool();

	page.isDrawn = true;
	page.drawnAt = secondsNow();
	drawStatus();
	if (pool === undefined)
		return;
	drawPools(pool);
	eventsShowPool(page.events, pool.name);
	figuresDraw(page.figures, pool);
	choiceFollow(page.choice, pool);
	choiceDraw(page.choice);
	plotsDraw(page.plots, page.model, pool, page.choice.backend);
	tableDraw(page.table, page.model, pool, page.choice.backend);
	setText(byId('source'), [page.model.server, page.model.source]
	    .filter((text) => text !== '').join(' · '));
}

/* Also while the page is in the background, where nothing is drawn. */
function drawTitle() {
	const pool = shownPool();

	const first = page.state === 'is-lost' ? 'lost' :
	    pool && `${formatRate(pool.claimsPerS)} claims/s`;

	document.title = [first, pool?.name, 'qorb'].filter(Boolean)
	    .join(' · ');
}

function askDraw() {
	drawTitle();
	if (!page.isDrawn)
		return;
	page.isDrawn = false;
	requestAnimationFrame(draw);
}

/* --- the state of the connection ----------------------------------------- */

function setLive() {
	page.state = 'is-live';
	page.status = 'Live';
	page.liveAt = new Date();
	askDraw();
}

function setLost(why) {
	modelGap(page.model, secondsNow());
	page.state = 'is-lost';
	page.status = why + (page.liveAt === null ? '' :
	    ` The figures are those of ${formatClock(page.liveAt)}.`);
	askDraw();
}

/* What is announced changes only with the state; the seconds until the next try
 * stand beside it. */
function drawStatus() {
	const waitS = page.stats.retryAt - secondsNow();

	document.body.className = page.state;
	setText(byId('status'), page.status);
	byId('retry').hidden = !(waitS > 0);
	setText(byId('countdown'), waitS > 0 ?
	    `Trying again in ${Math.ceil(waitS)} s.` : '');
}

function onStats(m) {
	if (modelTake(page.model, m, secondsNow())) {
		if (page.state !== 'is-live')
			linkResume(page.stream);
		setLive();
		return;
	}
	const error = words(Object(m).error, '');

	if (error !== '')
		setLost(`The server has lost the daemon: ${error}.`);
}

/* Both go to the same server: one of them is enough to find it again. */
function onStatsLost() {
	setLost('The connection to the server is lost.');
	linkHold(page.stream);
}

/* --- events -------------------------------------------------------------- */

function nameOf(poolName, addr) {
	const pool = page.model.pools.get(poolName);

	for (const b of pool === undefined ? [] : pool.backends.values()) {
		if (b.addr === addr)
			return b.name;
	}
	return '';
}

function onEvent(m) {
	if (m === null || typeof m !== 'object')
		return;
	eventsTake(page.events, m, nameOf);
	if (m.event === 'slot-set-online' || m.event === 'slot-set-offline') {
		plotsMark(page.plots, { atS: secondsNow(),
			pool: words(m.pool, ''), addr: words(m.addr, ''),
			isGood: m.event === 'slot-set-online' });
		askDraw();
	}
}

/* A row where some may be missing. */
function onStreamLost(wasOpen) {
	if (wasOpen)
		eventsTake(page.events, { event: 'stream-lost' }, () => '');
}

/* --- start --------------------------------------------------------------- */

addEventListener('redraw', askDraw);
addEventListener('hashchange', () => {
	page.chosen = hashPool();
	askDraw();
});
byId('pool-select').addEventListener('change', (e) => {
	location.hash = `pool=${encodeURIComponent(e.target.value)}`;
});
byId('retry-now').addEventListener('click', () => {
	linkRetry(page.stats);
	askDraw();
});

page.chosen = hashPool();
page.figures = figuresNew(byId('figures'));
page.choice = choiceNew();
page.plots = plotsNew(byId('plots'));
page.table = tableNew((b) => {
	chooseBackend(page.choice, b);
	if (page.choice.backend !== null)
		plotsBringToSight(page.plots);
});
page.events = eventsNew();
page.stats = linkNew('qtop/stats', { message: onStats, lost: onStatsLost });
page.stats.silentS = SILENT_S;
page.stream = linkNew('events', { message: onEvent, lost: onStreamLost });

setInterval(() => {
	linkWatch(page.stats);
	if (page.state !== 'is-live' || secondsNow() - page.drawnAt > 1)
		askDraw();
}, 500);
