/*
 * The three plots of a pool, each with a legend that says in words what its
 * lines are now, or under the cursor. All plots have one cursor: it follows the
 * pointer, or the arrow keys on a plot.
 */

/* Lines with a name of their own; the other backends share one. */
const NAMED_MAX = 5;

/* Those that were the busiest stay until this many messages later. */
const CHOOSE_EVERY = 10;

const MARKS_MAX = 20;

function plotsNew(parent) {
	const plots = { marks: [], cursorS: NaN, chosen: [], chosenFor: null,
		chosenOf: 0, chosenAt: -Infinity,
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
		'aria-label': `${plot.title}, over the last 5 minutes`,
		'aria-valuemin': -WINDOW_S, 'aria-valuemax': 0,
		'aria-valuenow': 0, 'aria-valuetext': '' }))
		plot.canvas.setAttribute(name, value);
	plot.legend = make('ul', { className: 'legend' });
	plot.when = make('span', { className: 'when' });
	plot.lines = [];
	parent.append(make('figure', { className: 'panel' },
	    make('figcaption', {}, make('h2', { textContent: plot.title }),
		plot.when), plot.canvas, plot.legend));
	followPointer(plot.canvas, plots);
	followKeys(plot.canvas, plots);
	new ResizeObserver(() => dispatchEvent(new Event('redraw')))
	    .observe(plot.canvas);
	return plot;
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

		if (e.key === 'Escape') {
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

/* The backends with a line of their own. A choice stands for a while, and a
 * backend keeps its colour for as long as it is chosen. */
function chooseBackends(plots, model, pool) {
	const is = pool.shown.length;

	if (plots.chosenFor === pool && plots.chosenOf === is &&
	    model.columns - plots.chosenAt < CHOOSE_EVERY)
		return;
	if (plots.chosenFor !== pool)
		plots.chosen = [];
	plots.chosenFor = pool;
	plots.chosenOf = is;
	plots.chosenAt = model.columns;
	const busiest = [...pool.backends.values()]
	    .map((b) => ({ b, sum: sumOf(b.line) }))
	    .sort((x, y) => y.sum - x.sum ||
		collator.compare(x.b.name, y.b.name))
	    .slice(0, NAMED_MAX).map(({ b }) => b)
	    .sort((x, y) => collator.compare(x.name, y.name));

	giveColors(plots.chosen, busiest);
}

/* chosen[i] has colour i; it may have holes. */
function giveColors(chosen, busiest) {
	for (let i = 0; i < NAMED_MAX; i++) {
		if (!busiest.includes(chosen[i]))
			chosen[i] = undefined;
	}
	for (const b of busiest) {
		if (!chosen.includes(b))
			chosen[chosen.findIndex((c) => c === undefined)] = b;
	}
}

/* What the others have on the average: a sum would dwarf those with names. */
function meanOfOthers(plots, others) {
	const mean = plots.others;

	for (let c = 0; c < SAMPLES; c++) {
		let sum = 0, n = 0;

		for (const b of others) {
			if (!Number.isNaN(b.line[c])) {
				sum += b.line[c];
				n++;
			}
		}
		mean[c] = n > 0 ? sum / n : NaN;
	}
	return mean;
}

function claimLines(plots, model, pool) {
	chooseBackends(plots, model, pool);
	const lines = plots.chosen.map((b, i) => b && { name: b.name || b.key,
		color: `--series-${i + 1}`, values: b.line, b })
	    .filter((line) => line !== undefined)
	    .sort((x, y) => collator.compare(x.name, y.name));
	const others = pool.shown.filter((b) => !plots.chosen.includes(b));

	if (others.length > 0)
		lines.push({ name: `${formatCount(others.length)} others, each`,
			color: '--series-others',
			values: meanOfOthers(plots, others) });
	return lines;
}

function stateLines(pool) {
	return SLOT_STATES.map((state) => ({ name: state,
		color: `--${state}`, values: pool.lines[state] }));
}

function waitLines(pool) {
	return [['p99', '--series-1'], ['p50', '--series-others']]
	    .map(([name, color]) => ({ name, color,
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

	canvas.setAttribute('aria-valuenow', -Math.round(agoS));
	canvas.setAttribute('aria-valuetext', `${formatAgo(agoS)}: ${text}`);
}

function plotsDraw(plots, model, pool) {
	const nowS = secondsNow();
	const view = { nowS, cursorS: plots.cursorS,
		marks: plots.marks.filter((m) => m.pool === pool.name) };
	const column = columnAt(model, plots.cursorS);
	const isPast = !Number.isNaN(plots.cursorS);
	const agoS = isPast ? nowS - model.at[column] : 0;

	plots.claims.lines = claimLines(plots, model, pool);
	plots.slots.lines = stateLines(pool);
	plots.wait.lines = waitLines(pool);
	for (const plot of [plots.claims, plots.slots, plots.wait]) {
		plotDraw(plot, model, view);
		describe(plot, agoS, writeLegend(plot, column));
		setText(plot.when, isPast ?
		    formatClock(new Date(Date.now() - 1000 * agoS)) : '');
	}
}
