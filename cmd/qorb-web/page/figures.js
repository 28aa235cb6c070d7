/*
 * The figures of the pool: one table of what is shown, each with a second line
 * that says more.
 */

function otherSlotsInWords(pool) {
	return SLOT_STATES
	    .filter((s) => s !== 'claimed' && pool.figures[s] > 0)
	    .map((state) => `${formatCount(pool.figures[state])} ${state}`)
	    .join(', ');
}

function figure(pool, name) {
	return pool.figures[name] ?? NaN;
}

function totalSlots(pool) {
	const n = figure(pool, 'slots');

	return Number.isNaN(n) ?
	    SLOT_STATES.reduce((sum, s) => sum + figure(pool, s), 0) : n;
}

function refusedInWords(pool) {
	return pool.refusals.map(([code, n]) =>
	    `${code.slice(0, TEXT_MAX)} ${formatCount(n)}`).join(', ');
}

function onlineInWords(pool) {
	const online = figure(pool, 'online');
	const all = formatCount(figure(pool, 'backends'));

	return Number.isNaN(online) ? all : `${formatCount(online)} of ${all}`;
}

/* Looked at when a refusal is no longer news. */
const REFUSED_NEWS_S = 15;

function hasNewRefusals(pool) {
	const n = figure(pool, 'refused'), nowS = secondsNow();

	if (n > pool.refusedBefore)
		pool.refusedAt = nowS;
	pool.refusedBefore = n;
	return nowS - pool.refusedAt < REFUSED_NEWS_S;
}

/* value and more say what stands there, isBad whether it wants attention. */
const FIGURES = [
	{ title: 'Claims/s', value: (p) => formatRate(p.claimsPerS),
		more: (p) => Number.isNaN(p.total) ? '' :
		    `${formatCount(p.total)} in all` },
	{ title: 'Waiting', value: (p) => formatCount(figure(p, 'waiting')),
		more: () => 'claims in the queue' },
	{ title: 'Refused', value: (p) => formatCount(figure(p, 'refused')),
		more: refusedInWords, isBad: hasNewRefusals },
	{ title: 'Backends online', value: onlineInWords,
		more: (p) => p.resolver === '' ? '' : `resolver ${p.resolver}`,
		isBad: (p) => p.figures.offline > 0 ||
		    ['stale', 'saved', 'failing'].includes(p.resolver) },
	{ title: 'Slots claimed', more: otherSlotsInWords,
		value: (p) => `${formatCount(figure(p, 'claimed'))} of ` +
		    formatCount(totalSlots(p)) },
	{ title: 'Wait p50', value: (p) => formatSpan(figure(p, 'wait_p50_us')),
		more: (p) => `p99 ${formatSpan(figure(p, 'wait_p99_us'))}` },
	{ title: 'Hold p50', value: (p) => formatSpan(figure(p, 'hold_p50_us')),
		more: (p) => `p99 ${formatSpan(figure(p, 'hold_p99_us'))}` },
];

function figuresNew(parent) {
	return FIGURES.map((row) => {
		const value = make('dd', { className: 'value' });
		const more = make('dd', { className: 'more' });
		const box = make('div', {},
		    make('dt', { textContent: row.title }), value, more);

		parent.append(box);
		return { row, box, value, more };
	});
}

function figuresDraw(figures, pool) {
	for (const { row, box, value, more } of figures) {
		setText(value, row.value(pool));
		setText(more, row.more(pool));
		more.title = more.textContent;
		box.classList.toggle('is-bad', Boolean(row.isBad?.(pool)));
	}
}
