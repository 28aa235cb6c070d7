/*
 * What the page knows: the pools, their backends, and the last minutes of each.
 *
 * The past is a ring of SAMPLES columns, a column a message. model.at says when
 * each message came, on the page's own clock (performance.now() in seconds), so
 * that a clock that is set does not tear the plots; a line is one number a
 * column, NaN where nothing is known. A gap is a column in which all lines are
 * NaN.
 *
 * Memory is bounded: by the ring, by BACKENDS_MAX and POOLS_MAX. Each backend
 * has its past from when it was first heard of, so that plots of it are full as
 * soon as it is chosen: five lines, 6.4 kB, and 32 MB for BACKENDS_MAX.
 *
 * Only `claims` and `sets` with their numbers can be relied on: other servers
 * of the same endpoint send no more. Rates are differences over the message's
 * own time, and never negative: a total that falls belongs to another daemon.
 */

const SAMPLES = 320;
const POOLS_MAX = 64;
const BACKENDS_MAX = 5000;

const BACKEND_STATES = ['online', 'offline', 'untried', 'draining'];
const SLOT_STATES = ['claimed', 'checking', 'unclaimed', 'connecting'];

function modelNew() {
	return {
		at: new Float64Array(SAMPLES).fill(NaN),
		columns: 0, /* ever begun; the newest is columns - 1 */
		isGap: true,
		lines: new Set(),
		pools: new Map(),
		backends: 0, /* in all pools, gone ones too */
		server: '',
		source: '',
		t: NaN,
	};
}

function modelLine(model) {
	const line = new Float32Array(SAMPLES).fill(NaN);

	model.lines.add(line);
	return line;
}

/* One for each name. */
function modelLines(model, names) {
	return Object.fromEntries(
	    names.map((name) => [name, modelLine(model)]));
}

function forgetLines(model, lines) {
	for (const line of Object.values(lines))
		model.lines.delete(line);
}

/* Begins a column and says where it is in each line. */
function modelColumn(model, nowS) {
	const c = model.columns++ % SAMPLES;

	for (const line of model.lines)
		line[c] = NaN;
	model.at[c] = nowS;
	model.isGap = false;
	return c;
}

/* From here on nothing is known until the next message. */
function modelGap(model, nowS) {
	if (model.isGap)
		return;
	modelColumn(model, nowS);
	model.isGap = true;
	model.t = NaN;
}

/* The places of the columns in the order of time. */
function* modelPast(model) {
	const first = Math.max(0, model.columns - SAMPLES);

	for (let i = first; i < model.columns; i++)
		yield i % SAMPLES;
}

function modelNewest(model) {
	return (model.columns + SAMPLES - 1) % SAMPLES;
}

/* What a total has grown by over spanS seconds, else what the source says. */
function modelRate(thing, total, spanS, given) {
	const grown = total - thing.total;
	const rate = grown >= 0 && spanS > 0 ? grown / spanS : given;

	thing.total = total;
	return rate;
}

function poolNew(model, name) {
	const lines = modelLines(model,
	    [...SLOT_STATES, 'wait_p50_us', 'wait_p99_us']);

	return { name, service: '', resolver: '', figures: {}, refusals: [],
		total: NaN, claimsPerS: NaN, lines, backends: new Map(),
		shown: [], counts: countsNew(), isThere: false, seen: 0 };
}

/* What is counted of the backends that a message names, those for which there
 * is no room too: they are not shown, but they are not nothing. */
function countsNew() {
	const counts = { backends: 0, unshown: 0 };

	for (const state of [...BACKEND_STATES, ...SLOT_STATES])
		counts[state] = 0;
	return counts;
}

function countBackend(counts, m) {
	counts.backends++;
	if (BACKEND_STATES.includes(m.state))
		counts[m.state]++;
	for (const state of SLOT_STATES)
		counts[state] += count(m[`${state}_slots`]) || 0;
}

function modelPool(model, name) {
	let pool = model.pools.get(name);

	if (pool === undefined && model.pools.size < POOLS_MAX) {
		pool = poolNew(model, name);
		model.pools.set(name, pool);
	}
	if (pool !== undefined)
		pool.seen = model.columns;
	return pool;
}

/* A set's key is another one when a pool or a backend of the same name comes,
 * so a backend is known by its name and address where it has them. */
function modelBackend(model, pool, set, m) {
	const key = typeof m.name === 'string' && typeof m.addr === 'string' ?
	    `${m.name} ${m.addr}` : set;
	let b = pool.backends.get(key);

	if (b === undefined && model.backends < BACKENDS_MAX) {
		b = { key, name: '', addr: '', state: '', total: NaN,
			lines: modelLines(model, ['claims', ...SLOT_STATES]),
			isThere: false, seen: 0 };
		pool.backends.set(key, b);
		model.backends++;
	}
	return b;
}

/* All of a pool that is not counted from its backends. */
function takePool(model, name, m, spanS) {
	const pool = modelPool(model, name);

	if (pool === undefined)
		return;
	pool.isThere = true;
	pool.service = words(m.service, '');
	pool.resolver = words(m.resolver, '');
	for (const key of ['waiting', 'refused', 'slots', 'backends', 'online',
	    'wait_p50_us', 'wait_p99_us', 'hold_p50_us', 'hold_p99_us'])
		pool.figures[key] = count(m[key]);
	pool.refusals = Object.entries(Object(m.refusals))
	    .filter(([, n]) => count(n) > 0);
	pool.claimsPerS = modelRate(pool, count(m.claims), spanS,
	    count(m.claims_per_s));
}

function takeBackend(model, set, m, spanS, column) {
	const pool = modelPool(model, words(m.pool, ''));

	if (pool === undefined)
		return;
	const b = modelBackend(model, pool, set, m);

	pool.isThere = true;
	countBackend(pool.counts, m);
	if (b === undefined) {
		pool.counts.unshown++;
		return;
	}
	/* One that has been away has no total to go on from. */
	if (!b.isThere)
		b.total = NaN;
	b.isThere = true;
	b.seen = model.columns;
	b.name = words(m.name, set.slice(0, TEXT_MAX));
	b.addr = words(m.addr, '');
	b.state = words(m.state, '');
	b.failures = count(m.failures);
	for (const state of SLOT_STATES)
		b[state] = b.lines[state][column] = count(m[`${state}_slots`]);
	b.claimsPerS = modelRate(b, count(m.total_claims), spanS,
	    count(m.claims_per_s));
	b.lines.claims[column] = b.claimsPerS;
	pool.shown.push(b);
}

/* What is counted of a server that does not say which backends are online. */
function onlineCounted(counts) {
	return BACKEND_STATES.some((state) => counts[state] > 0) ?
	    counts.online : NaN;
}

/* Sums over the backends, and the pool's own figures where it sends none. */
function endPool(pool, column) {
	const { counts, figures } = pool;
	let rate = 0;

	for (const state of SLOT_STATES)
		figures[state] = pool.lines[state][column] = counts[state];
	figures.offline = counts.offline;
	if (!(figures.backends >= 0))
		figures.backends = counts.backends;
	if (!(figures.online >= 0))
		figures.online = onlineCounted(counts);
	for (const b of pool.shown)
		rate += b.claimsPerS || 0;
	if (Number.isNaN(pool.claimsPerS) && pool.shown.length > 0)
		pool.claimsPerS = rate;
	for (const wait of ['wait_p50_us', 'wait_p99_us'])
		pool.lines[wait][column] = count(pool.figures[wait]);
}

function forgetBackend(model, pool, b) {
	forgetLines(model, b.lines);
	pool.backends.delete(b.key);
	model.backends--;
}

/* What is gone is kept for as long as the plots can show it. */
function forgetOld(model) {
	const oldest = model.columns - SAMPLES;

	for (const pool of model.pools.values()) {
		for (const b of pool.backends.values()) {
			if (b.seen <= oldest)
				forgetBackend(model, pool, b);
		}
		if (!pool.isThere && pool.seen <= oldest) {
			forgetLines(model, pool.lines);
			model.pools.delete(pool.name);
		}
	}
}

function beginMessage(model) {
	for (const pool of model.pools.values()) {
		pool.isThere = false;
		pool.shown = [];
		pool.figures = {};
		pool.counts = countsNew();
		pool.claimsPerS = NaN;
	}
}

/* Backends that this message does not name. */
function endBackends(pool, columns) {
	for (const b of pool.backends.values())
		b.isThere = b.seen === columns;
}

/* Takes a message of /qtop/stats; false when it is none. */
function modelTake(model, m, nowS) {
	if (m === null || typeof m !== 'object' || typeof m.sets !== 'object' ||
	    m.sets === null)
		return false;
	const t = typeof m.t === 'number' ? m.t : nowS;
	const spanS = t - model.t;
	const column = modelColumn(model, nowS);

	model.t = t;
	model.server = words(m.server, '');
	model.source = words(m.source, '');
	beginMessage(model);
	for (const [name, p] of Object.entries(Object(m.pools)))
		takePool(model, name, Object(p), spanS);
	for (const [set, b] of Object.entries(m.sets))
		takeBackend(model, set, Object(b), spanS, column);
	for (const pool of model.pools.values()) {
		if (pool.isThere)
			endPool(pool, column);
		endBackends(pool, model.columns);
	}
	forgetOld(model);
	return true;
}
