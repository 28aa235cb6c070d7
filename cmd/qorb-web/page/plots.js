/*
 * The three plots of a pool or of one of its backends, each with a legend that
 * says in words what its lines are now, or under the cursor. All plots have one
 * cursor: it follows the pointer, or the arrow keys on a plot.
 *
 * Claims and slots are those of the backend, the wait is the pool's all the
 * same: a claim waits in the pool's one queue for a slot of any backend, and
 * the backend that it is given in the end is not what it has waited for. Waits
 * counted by the backend that ended them would be much the same for a quick one
 * and a slow one. The plot says whose they are.
 */

/* Lines with a name of their own; the other backends share one. */
const NAMED_MAX = 5;

/* Those that were the busiest stay until this many messages later. */
const NAME_EVERY = 10;

const MARKS_MAX = 20;

function plotsNew(parent) {
	const plots = { marks: [], cursorS: NaN, named: [], namedFor: null,
		namedOf: 0, namedAt: -Infinity, isAlone: false,
		others: new Float32Array(SAMPLES) };

	plots.claims = plotAdd(parent, plots, { title: 'Claims per second',
		format: formatRate, formatMark: formatRateMark, floor: 1 });
	plots.slots = plotAdd(parent, plots, { title: 'Slots by state',
		format: formatCount, floor: 3, isCount: true,
		isStacked: true });
	plots.wait = plotAdd(parent, plots, { title: 'Wait for a claim',
		format: formatSpan, floor: 10, isLog: true });
	return plots;
}

/* A canvas whose value is a moment: to a screen reader it is a slider over the
 * past, and the arrow keys move it. */
function plotAdd(parent, plots, plot) {
	plot.canvas = make('canvas', { tabIndex: 0 });
	for (const [name, value] of Object.entries({ role: 'slider',
		'aria-valuemin': -WINDOW_S, 'aria-valuemax': 0,
		'aria-valuenow': 0, 'aria-valuetext': '' }))
		plot.canvas.setAttribute(name, value);
	plot.heading = make('h3', { textContent: plot.title });
	plot.legend = make('ul', { className: 'legend' });
	plot.when = make('span', { className: 'when' });
	plot.lines = [];
	parent.append(make('figure', { className: 'panel' },
	    make('figcaption', {}, plot.heading, plot.when), plot.canvas,
	    plot.legend));
	followPointer(plot.canvas, plots);
	followKeys(plot.canvas, plots);
	new ResizeObserver(() => dispatchEvent(new Event('redraw')))
	    .observe(plot.canvas);
	return plot;
}

/* Where the table is far below, on a small screen, it would not be seen that
 * they are of something else now. */
function plotsBringToSight(plots) {
	const { bottom } = plots.claims.canvas.getBoundingClientRect();

	if (bottom < PLOT_BOTTOM)
		byId('plots-head').scrollIntoView();
}

function moveCursor(plots, atS) {
	plots.cursorS = atS;
	dispatchEvent(new Event('redraw'));
}

function followPointer(canvas, plots) {
	canvas.addEventListener('pointermove', (e) => {
		const width = canvas.clientWidth - PLOT_LEFT - PLOT_RIGHT;
		const back = 1 - (e.offsetX - PLOT_LEFT) / width;

		moveCursor(plots, back >= 0 && back <= 1 ?
		    secondsNow() - back * WINDOW_S : NaN);
	});
	canvas.addEventListener('pointerleave', () => moveCursor(plots, NaN));
}

/* Seconds by which a key moves the cursor. */
const CURSOR_KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30,
	Home: -WINDOW_S, End: WINDOW_S };

function followKeys(canvas, plots) {
	canvas.addEventListener('keydown', (e) => {
		const step = CURSOR_KEYS[e.key], nowS = secondsNow();

		if (e.key === 'Escape' && !Number.isNaN(plots.cursorS)) {
			e.preventDefault();
			moveCursor(plots, NaN);
		} else if (step !== undefined) {
			const atS = (plots.cursorS || nowS) + step;

			e.preventDefault();
			moveCursor(plots, atS >= nowS ? NaN :
			    Math.max(atS, nowS - WINDOW_S));
		}
	});
	canvas.addEventListener('blur', () => moveCursor(plots, NaN));
}

function plotsMark(plots, mark) {
	plots.marks.push(mark);
	if (plots.marks.length > MARKS_MAX)
		plots.marks.shift();
}

function sumOf(line) {
	let sum = 0;

	for (const value of line)
		sum += value || 0;
	return sum;
}

/* The backends with a line of their own. They stand for a while, and each keeps
 * its colour for as long as it is among them. */
function nameBackends(plots, model, pool) {
	const is = pool.shown.length;

	if (plots.namedFor === pool && plots.namedOf === is &&
	    model.columns - plots.namedAt < NAME_EVERY)
		return;
	if (plots.namedFor !== pool)
		plots.named = [];
	plots.namedFor = pool;
	plots.namedOf = is;
	plots.namedAt = model.columns;
	const busiest = [...pool.backends.values()]
	    .map((b) => ({ b, sum: sumOf(b.lines.claims) }))
	    .sort((x, y) => y.sum - x.sum ||
		collator.compare(x.b.name, y.b.name))
	    .slice(0, NAMED_MAX).map(({ b }) => b)
	    .sort((x, y) => collator.compare(x.name, y.name));

	giveColors(plots.named, busiest);
}

/* named[i] has colour i; it may have holes. */
function giveColors(named, busiest) {
	for (let i = 0; i < NAMED_MAX; i++) {
		if (!busiest.includes(named[i]))
			named[i] = undefined;
	}
	for (const b of busiest) {
		if (!named.includes(b))
			named[named.findIndex((c) => c === undefined)] = b;
	}
}

/* What the others have on the average: a sum would dwarf those with names. */
function meanOfOthers(plots, others) {
	const mean = plots.others;

	for (let c = 0; c < SAMPLES; c++) {
		let sum = 0, n = 0;

		for (const { lines } of others) {
			if (!Number.isNaN(lines.claims[c])) {
				sum += lines.claims[c];
				n++;
			}
		}
		mean[c] = n > 0 ? sum / n : NaN;
	}
	return mean;
}

function claimLine(plots, b) {
	const i = Math.max(0, plots.named.indexOf(b));

	return { name: backendTitle(b), color: `--series-${i + 1}`,
		values: b.lines.claims };
}

function claimLines(plots, model, pool) {
	nameBackends(plots, model, pool);
	const lines = plots.named.map((b) => b && claimLine(plots, b))
	    .filter((line) => line !== undefined)
	    .sort((x, y) => collator.compare(x.name, y.name));
	const others = pool.shown.filter((b) => !plots.named.includes(b));

	if (others.length > 0)
		lines.push({ name: `${formatCount(others.length)} others, each`,
			color: '--series-others',
			values: meanOfOthers(plots, others) });
	return lines;
}

/* Of a pool or of a backend. */
function stateLines({ lines }) {
	return SLOT_STATES.map((state) => ({ name: state,
		color: `--${state}`, values: lines[state] }));
}

function waitLines(pool, whose) {
	return [['p99', '--series-1'], ['p50', '--series-others']]
	    .map(([name, color]) => ({ name: name + whose, color,
		values: pool.lines[`wait_${name}_us`] }));
}

/* The column under the cursor, or the newest. */
function columnAt(model, cursorS) {
	let best = modelNewest(model);

	if (Number.isNaN(cursorS))
		return best;
	for (const c of modelPast(model)) {
		if (Math.abs(model.at[c] - cursorS) <
		    Math.abs(model.at[best] - cursorS))
			best = c;
	}
	return best;
}

function legendItem() {
	return make('li', {}, make('i', {}),
	    make('span', { className: 'name' }), make('b', {}));
}

function writeLegend(plot, column) {
	const items = plot.legend.children;

	while (items.length > plot.lines.length)
		plot.legend.lastChild.remove();
	while (items.length < plot.lines.length)
		plot.legend.append(legendItem());
	plot.lines.forEach((line, i) => {
		const [swatch, name, value] = items[i].children;

		swatch.className = `swatch ${line.color.slice(2)}`;
		setText(name, line.name);
		name.title = line.name;
		setText(value, plot.format(line.values[column]));
	});
	return plot.lines.map((line) =>
	    `${line.name} ${plot.format(line.values[column])}`).join(', ');
}

/* What a canvas shows, for those who cannot see it. */
function describe(plot, agoS, text) {
	const canvas = plot.canvas;

	canvas.setAttribute('aria-label',
	    `${plot.title}${plot.whose}, over the last 5 minutes`);
	canvas.setAttribute('aria-valuenow', -Math.round(agoS));
	canvas.setAttribute('aria-valuetext', `${formatAgo(agoS)}: ${text}`);
}

/* One backend has a shorter legend: what is below, with the row that was just
 * pressed, stays where it is all the same. */
function keepHeight(plots, isAlone) {
	const { legend } = plots.claims;

	if (isAlone === plots.isAlone)
		return;
	plots.isAlone = isAlone;
	legend.style.minHeight = isAlone ?
	    `${legend.getBoundingClientRect().height}px` : '';
}

/* What each plot is of; b is null for all backends. */
function fillPlots(plots, model, pool, b) {
	const { claims, slots, wait } = plots;

	keepHeight(plots, b !== null);
	claims.lines = b === null ? claimLines(plots, model, pool) :
	    [claimLine(plots, b)];
	slots.lines = stateLines(b ?? pool);
	wait.lines = waitLines(pool, b === null ? '' : ' of the pool');
	claims.whose = slots.whose = b === null ? '' :
	    ` of ${backendTitle(b)}`;
	wait.whose = b === null ? '' : ', of the whole pool';
	setText(wait.heading, wait.title + wait.whose);
}

function plotsDraw(plots, model, pool, b) {
	const nowS = secondsNow();
	const view = { nowS, cursorS: plots.cursorS,
		marks: plots.marks.filter((m) => m.pool === pool.name &&
		    (b === null || m.addr === b.addr)) };
	const column = columnAt(model, plots.cursorS);
	const isPast = !Number.isNaN(plots.cursorS);
	const agoS = isPast ? nowS - model.at[column] : 0;

	fillPlots(plots, model, pool, b);
	for (const plot of [plots.claims, plots.slots, plots.wait]) {
		plotDraw(plot, model, view);
		describe(plot, agoS, writeLegend(plot, column));
		setText(plot.when, isPast ?
		    formatClock(new Date(Date.now() - 1000 * agoS)) : '');
	}
}
