/*
 * Numbers and texts as a reader wants them. What comes from the server may be
 * of any type: count() and words() make something harmless of it.
 */

/* A number that is not there is NaN, and shown as this. */
const UNKNOWN = '–';

const TEXT_MAX = 200;

function count(value) {
	return typeof value === 'number' && value >= 0 && value < Infinity ?
	    value : NaN;
}

function words(value, otherwise) {
	if (typeof value !== 'string' && typeof value !== 'number')
		return otherwise;
	return String(value).slice(0, TEXT_MAX);
}

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

function formatCount(n) {
	return Number.isNaN(n) ? UNKNOWN : grouped.format(n);
}

/* A fraction only where it says something. */
function formatRate(n) {
	if (Number.isNaN(n))
		return UNKNOWN;
	return n > 0 && n < 99.95 ? n.toFixed(1) : grouped.format(n);
}

/* Beside others of the same axis: 50 below 100, not 50.0. */
function formatRateMark(n) {
	return Number.isInteger(n) ? formatCount(n) : formatRate(n);
}

/* Three digits that count: 340 µs, 1.25 ms, 12.5 s. */
function formatSpan(us) {
	if (Number.isNaN(us))
		return UNKNOWN;
	const [n, unit] = us < 1e3 ? [us, 'µs'] : us < 1e6 ? [us / 1e3, 'ms'] :
	    [us / 1e6, 's'];

	return `${Number(n.toPrecision(3))} ${unit}`;
}

/* How long ago, in words. */
function formatAgo(s) {
	const whole = Math.max(0, Math.round(s));
	const min = Math.floor(whole / 60);

	if (whole === 0)
		return 'now';
	return (min > 0 ? `${min} min ` : '') +
	    (whole % 60 > 0 || min === 0 ? `${whole % 60} s ` : '') + 'ago';
}

function twoDigits(n) {
	return String(n).padStart(2, '0');
}

/* The reader's own time of day. */
function formatClock(date) {
	return [date.getHours(), date.getMinutes(), date.getSeconds()]
	    .map(twoDigits).join(':');
}

/* Text is written only where it changes: laying out is what costs. */
function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

/* make('p', { className: 'note', textContent: … }, child, …) */
function make(tag, properties, ...children) {
	const node = Object.assign(document.createElement(tag), properties);

	node.append(...children);
	return node;
}

function byId(id) {
	return document.getElementById(id);
}

/* One collation for all that is sorted by name: echo2 before echo10. */
const collator = new Intl.Collator('en', { numeric: true });
