/*
 * The event stream, the newest first. What repeats itself within REPEAT_S is
 * one row with a count, so that a backend that fails for an hour does not push
 * all else out of the list. While it is paused, what comes is kept up to
 * EVENTS_MAX.
 */

const EVENTS_MAX = 200;
const REPEAT_S = 10;

/* Kinds that mean trouble, and those that end it; the others are neither. */
const TONES = {
	'slot-set-online': 'good', 'backend-added': 'good',
	'slot-set-offline': 'bad', 'backend-removed': 'bad',
	'connect-failed': 'bad', 'connection-lost': 'bad',
	'health-check-failed': 'bad', 'recycle-failed': 'bad',
	'claim-failed': 'bad', 'claim-leak': 'bad', 'lease-ended': 'bad',
	'resolve-failed': 'bad', 'lost': 'bad', 'stream-lost': 'bad',
};

/* Arguments that have a place of their own, or say nothing to a reader. */
const PLACED = new Set(['t', 'event', 'pool', 'addr', 'name', 'reason', 'how',
	'set', 'pool-id', 'resolve-id', 'has-unclaimed']);

function eventsNew() {
	const events = { kept: [], waiting: [], isPaused: false, pool: null };
	const button = byId('events-pause');

	button.addEventListener('click', () => {
		events.isPaused = !events.isPaused;
		button.setAttribute('aria-pressed', events.isPaused);
		for (const e of events.waiting.splice(0))
			keepEvent(events, e);
		sayPaused(events);
	});
	return events;
}

function sayPaused(events) {
	const n = events.waiting.length;

	setText(byId('events-state'), !events.isPaused ? '' :
	    n < EVENTS_MAX ? `Paused, ${n} new` : `Paused, ${n} or more new`);
}

/* Takes a row of /events; findName(pool, addr) is that of a backend. */
function eventsTake(events, m, findName) {
	const kind = words(m.event, '');

	if (kind === '')
		return;
	const addr = words(m.addr, '');
	const e = { kind, pool: words(m.pool, ''), addr,
		name: words(m.name, '') || findName(m.pool, addr),
		t: typeof m.t === 'number' ? m.t : Date.now() / 1000,
		detail: detailOf(m), tone: toneOf(m), times: 1, node: null };

	e.like = [kind, e.pool, addr, words(m.reason, ''), words(m.how, '')]
	    .join(' ');
	if (!events.isPaused) {
		keepEvent(events, e);
		return;
	}
	events.waiting.push(e);
	if (events.waiting.length > EVENTS_MAX)
		events.waiting.shift();
	sayPaused(events);
}

/* A claim that its client took back is no trouble. */
function toneOf(m) {
	return m.reason === 'cancelled' ? '' : TONES[m.event] ?? '';
}

/* slot=12, reason=refused as "refused, slot 12". */
function detailOf(m) {
	const parts = [words(m.reason, ''), words(m.how, '')]
	    .filter((text) => text !== '');

	for (const [key, value] of Object.entries(m)) {
		const text = words(value, '');

		if (!PLACED.has(key) && text !== '')
			parts.push(`${key} ${text}`);
	}
	return parts.join(', ').slice(0, TEXT_MAX);
}

function keepEvent(events, e) {
	const i = events.kept.findIndex((k) => k.like === e.like &&
	    e.t - k.t < REPEAT_S && e.t >= k.t);

	if (i >= 0) {
		const [k] = events.kept.splice(i, 1);

		e.times = k.times + 1;
		e.node = k.node;
	}
	events.kept.unshift(e);
	while (events.kept.length > EVENTS_MAX)
		events.kept.pop().node?.remove();
	showEvent(events, e);
}

function eventNode() {
	return make('li', {}, make('time', {}), make('span',
	    { className: 'kind' }), make('span', { className: 'times' }),
	    make('span', { className: 'who' }),
	    make('span', { className: 'detail' }));
}

function showEvent(events, e) {
	const list = byId('events');

	if (e.pool !== '' && e.pool !== events.pool)
		return;
	e.node ??= eventNode();
	const [time, kind, times, who, detail] = e.node.children;
	const at = new Date(1000 * e.t);

	e.node.className = e.tone;
	setText(time, formatClock(at));
	time.title = time.dateTime = Number.isNaN(at.getTime()) ? '' :
	    at.toISOString();
	setText(kind, e.kind);
	setText(times, e.times > 1 ? `× ${formatCount(e.times)}` : '');
	setText(who, e.name || e.addr);
	who.title = e.addr;
	setText(detail, e.detail);
	if (list.firstChild !== e.node)
		list.prepend(e.node);
	byId('no-events').hidden = true;
}

/* Shows those of another pool, and those that are of none. */
function eventsShowPool(events, pool) {
	if (events.pool === pool)
		return;
	events.pool = pool;
	byId('events').replaceChildren();
	byId('no-events').hidden = false;
	for (const e of [...events.kept].reverse())
		showEvent(events, e);
}
