/*
 * Draws a plot of lines over the last WINDOW_S seconds into a canvas, sharp on
 * any screen. It knows of a model only its ring of columns. A plot is:
 *
 *	canvas, title	where, and what it is called for those who cannot see it
 *	format		a value as text
 *	formatMark	a mark of its axis as text, if not as other values
 *	isCount		its values are whole numbers, so its marks are, too
 *	isStacked	the lines are areas that stand on each other
 *	floor		how far up it reaches at least
 *	isLog		each mark of its axis is ten times the one below, which
 *			begins with floor
 *	lines		{ name, color, values }, drawn the first on top; color
 *			is the name of a custom property
 *
 * A line ends where its value is NaN or where the next column is late: nothing
 * is drawn where nothing is known.
 */

const WINDOW_S = 300;
const LATE_S = 4.5;

/* Space around what is drawn, for the labels. */
const PLOT_LEFT = 52;
const PLOT_RIGHT = 10;
const PLOT_TOP = 8;
const PLOT_BOTTOM = 22;

let inkCache = new Map();

/* A custom property of the document's colour scheme. */
function ink(name) {
	let value = inkCache.get(name);

	if (value === undefined) {
		value = getComputedStyle(document.documentElement)
		    .getPropertyValue(name).trim();
		inkCache.set(name, value);
	}
	return value;
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
	inkCache = new Map();
	dispatchEvent(new Event('redraw'));
});

/* The axis of values up to max: its marks, and where a value stands, 0 to 1.
 * The format of rates has one digit behind the point, of counts none: a step
 * that needs more would have labels that are not true. From a floor of 1 on, a
 * third of what is reached needs no more than one. */
function linearScale(max, { floor, isCount }) {
	const reach = Math.max(max, floor);
	const rough = reach / (isCount ? 4 : 3);
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = [1, 2, 2.5, 5, 10].map((n) => n * power)
	    .find((n) => n >= rough && (!isCount || Number.isInteger(n)));
	const steps = Math.ceil(reach / step * 0.999);

	return { marks: Array.from({ length: steps + 1 }, (_, i) => i * step),
		place: (value) => value / (steps * step) };
}

/* What is below floor is not told apart. */
function logScale(max, { floor }) {
	const steps = Math.max(2, Math.ceil(Math.log10(max / floor) * 0.999));

	return { marks: Array.from({ length: steps + 1 },
	    (_, i) => floor * 10 ** i),
	place: (value) => Math.log10(Math.max(value, floor) / floor) / steps };
}

function plotScale(plot, max) {
	return (plot.isLog ? logScale : linearScale)(max, plot);
}

/* Gives the canvas as many pixels as the screen has in its place. */
function plotFit(canvas) {
	const ratio = devicePixelRatio || 1;
	const width = canvas.clientWidth, height = canvas.clientHeight;
	const context = canvas.getContext('2d');

	if (canvas.width !== Math.round(width * ratio) ||
	    canvas.height !== Math.round(height * ratio)) {
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
	}
	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	context.clearRect(0, 0, width, height);
	return { context, left: PLOT_LEFT, right: width - PLOT_RIGHT,
		top: PLOT_TOP, bottom: height - PLOT_BOTTOM };
}

/* What is drawn of each line: its values or, stacked, the sums up to it. */
function plotLevels(plot) {
	if (!plot.isStacked)
		return plot.lines.map((line) => line.values);
	const sum = new Float32Array(SAMPLES);

	return plot.lines.map((line) => {
		for (let c = 0; c < SAMPLES; c++)
			sum[c] += line.values[c];
		return sum.slice();
	});
}

/* The greatest value that is to be seen. */
function plotMax(model, levels, nowS) {
	let max = 0;

	for (const c of modelPast(model)) {
		if (nowS - model.at[c] > WINDOW_S)
			continue;
		for (const level of levels) {
			if (level[c] > max)
				max = level[c];
		}
	}
	return max;
}

function axisX(area, nowS, atS) {
	return area.right - (area.right - area.left) * (nowS - atS) / WINDOW_S;
}

function axisY(area, scale, value) {
	return area.bottom - (area.bottom - area.top) * scale.place(value);
}

/* Half a pixel off, a line of one pixel is one. */
function crisp(x) {
	return Math.round(x) + 0.5;
}

function drawGrid(area, plot, scale) {
	const g = area.context;

	g.font = `11px ${ink('--sans')}`;
	g.lineWidth = 1;
	g.strokeStyle = ink('--grid');
	g.fillStyle = ink('--muted');
	g.textAlign = 'right';
	g.textBaseline = 'middle';
	g.beginPath();
	for (const value of scale.marks) {
		const y = crisp(axisY(area, scale, value));

		g.moveTo(area.left, y);
		g.lineTo(area.right, y);
		g.fillText((plot.formatMark ?? plot.format)(value),
		    area.left - 8, y);
	}
	g.stroke();
	g.textBaseline = 'top';
	for (let min = 0; min <= WINDOW_S / 60; min++) {
		const x = axisX(area, 0, -60 * min);

		g.textAlign = min === 0 ? 'right' : 'center';
		g.fillText(min === 0 ? 'now' : `−${min} min`,
		    min === 0 ? x + PLOT_RIGHT - 2 : x, area.bottom + 7);
	}
}

/* The pieces of a line between its gaps, each a list of [x, y]. */
function linePieces(model, area, level, nowS, scale) {
	const pieces = [];
	let piece = null, earlierS = NaN;

	for (const c of modelPast(model)) {
		const atS = model.at[c];

		if (Number.isNaN(level[c]) || nowS - atS > WINDOW_S) {
			piece = null;
			continue;
		}
		if (piece === null || atS - earlierS > LATE_S)
			pieces.push(piece = []);
		piece.push([axisX(area, nowS, atS),
		    axisY(area, scale, level[c])]);
		earlierS = atS;
	}
	return pieces;
}

function tracePiece(g, piece) {
	g.moveTo(...piece[0]);
	/* A piece of one point becomes a dot by its round ends. */
	for (const point of piece)
		g.lineTo(...point);
}

function drawLine(area, pieces, color) {
	const g = area.context;

	g.strokeStyle = color;
	g.lineWidth = 1.75;
	g.lineJoin = g.lineCap = 'round';
	g.beginPath();
	for (const piece of pieces)
		tracePiece(g, piece);
	g.stroke();
}

function drawArea(area, pieces, color) {
	const g = area.context;

	g.fillStyle = color;
	g.beginPath();
	for (const piece of pieces) {
		tracePiece(g, piece);
		g.lineTo(piece[piece.length - 1][0], area.bottom);
		g.lineTo(piece[0][0], area.bottom);
		g.closePath();
	}
	g.fill();
}

/* When backends came and went: a tick from the bottom, with a head that tells
 * the two apart without their colours. */
function drawMarks(area, marks, nowS) {
	const g = area.context;

	for (const mark of marks) {
		const x = crisp(axisX(area, nowS, mark.atS));
		const up = mark.isGood ? 1 : -1;

		if (x < area.left)
			continue;
		g.fillStyle = ink(mark.isGood ? '--good' : '--bad');
		g.strokeStyle = g.fillStyle;
		g.lineWidth = 1;
		g.setLineDash([2, 3]);
		g.beginPath();
		g.moveTo(x, area.top);
		g.lineTo(x, area.bottom);
		g.stroke();
		g.setLineDash([]);
		g.beginPath();
		g.moveTo(x, area.bottom + 3.5 - 3.5 * up);
		g.lineTo(x - 4, area.bottom + 3.5 + 3.5 * up);
		g.lineTo(x + 4, area.bottom + 3.5 + 3.5 * up);
		g.fill();
	}
}

function drawCursor(area, nowS, cursorS) {
	const g = area.context;
	const x = crisp(axisX(area, nowS, cursorS));

	if (Number.isNaN(x) || x < area.left)
		return;
	g.strokeStyle = ink('--text');
	g.lineWidth = 1;
	g.beginPath();
	g.moveTo(x, area.top);
	g.lineTo(x, area.bottom);
	g.stroke();
}

/* view: { nowS, cursorS, marks }, the same for all plots. */
function plotDraw(plot, model, view) {
	const area = plotFit(plot.canvas);
	const levels = plotLevels(plot);
	const scale = plotScale(plot, plotMax(model, levels, view.nowS));

	if (area.right <= area.left)
		return;
	if (!plot.isStacked)
		drawGrid(area, plot, scale);
	for (let i = levels.length - 1; i >= 0; i--) {
		const color = ink(plot.lines[i].color);
		const pieces = linePieces(model, area, levels[i], view.nowS,
		    scale);

		(plot.isStacked ? drawArea : drawLine)(area, pieces, color);
	}
	/* Areas would hide it. */
	if (plot.isStacked)
		drawGrid(area, plot, scale);
	drawMarks(area, view.marks, view.nowS);
	drawCursor(area, view.nowS, view.cursorS);
}
