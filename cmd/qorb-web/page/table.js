/*
 * The table of backends: one list of columns, from which head, cells and order
 * come. Of many backends only those rows exist that can be seen, and some
 * around them: two empty rows stand for the others. A row belongs to a place,
 * not to a backend, so that sorting moves nothing; a cell is written when its
 * text changes.
 *
 * A click on a row chooses its backend. For the keyboard the name is a button,
 * and all of them are one stop of Tab: arrow keys go from row to row. What has
 * the focus is a backend, not a place: it goes along when the order changes,
 * and to the scroller when its row is not there any more, so that Enter never
 * chooses another one than was meant.
 */

const number = (key) => ({ key, format: formatCount, isNumber: true });

const COLUMNS = [
	{ title: 'Name', key: 'name' },
	{ title: 'Claims/s', ...number('claimsPerS'), format: formatRate },
	{ title: 'Connecting', ...number('connecting') },
	{ title: 'Unclaimed', ...number('unclaimed') },
	{ title: 'Claimed', ...number('claimed') },
	{ title: 'Checking', ...number('checking') },
	{ title: 'Total', ...number('total') },
	{ title: 'State', key: 'state' },
	{ title: 'Failures', ...number('failures') },
	{ title: 'Address', key: 'addr' },
];

/* Messages that a sparkline looks back over. */
const SPARK = 60;
const SPARK_HEIGHT = 18;

/* Up to here all rows exist; beyond, so many around those in sight. */
const ROWS_ALL = 60;
const ROWS_AROUND = 15;

/* Rows by which a key moves the focus. */
const ROW_KEYS = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10,
	Home: -Infinity, End: Infinity };

const SVG = 'http://www.w3.org/2000/svg';

/* onChoose(backend) is told of a row that is clicked. */
function tableNew(onChoose) {
	const body = byId('rows');
	const table = { by: COLUMNS[0], isFalling: false, filter: '', body,
		scroller: body.closest('.scroller'), rows: [], wanted: [],
		current: null, chosen: null, heads: new Map(),
		before: emptyRow(), after: emptyRow() };

	body.append(table.before, table.after);
	for (const column of COLUMNS)
		addHead(table, column);
	byId('columns').append(make('th', { scope: 'col', className: 'spark',
		textContent: 'Last minute' }));
	followFilter(table);
	followRows(table, onChoose);
	table.scroller.addEventListener('scroll', () => showRows(table));
	return table;
}

function emptyRow() {
	const row = make('tr', { hidden: true },
	    make('td', { colSpan: COLUMNS.length + 1 }));

	row.setAttribute('aria-hidden', 'true');
	return row;
}

function addHead(table, column) {
	const button = make('button', { type: 'button',
		textContent: column.title });
	const head = make('th', { scope: 'col',
		className: column.isNumber ? 'number' : column.key }, button);

	button.addEventListener('click', () => sortBy(table, column));
	table.heads.set(column, head);
	byId('columns').append(head);
	markHeads(table);
}

/* Numbers start with the greatest, and the same column again turns round. */
function sortBy(table, column) {
	table.isFalling = table.by === column ? !table.isFalling :
	    Boolean(column.isNumber);
	table.by = column;
	markHeads(table);
	dispatchEvent(new Event('redraw'));
}

function markHeads(table) {
	for (const [column, head] of table.heads)
		head.setAttribute('aria-sort', column !== table.by ? 'none' :
		    table.isFalling ? 'descending' : 'ascending');
}

function followFilter(table) {
	const input = byId('filter');

	input.addEventListener('input', () => {
		table.filter = input.value.trim().toLowerCase();
		dispatchEvent(new Event('redraw'));
	});
	document.addEventListener('keydown', (e) => {
		if (e.key === '/' && !e.ctrlKey && !e.metaKey && !e.altKey &&
		    !e.target.closest('input, select, textarea')) {
			e.preventDefault();
			input.focus();
			input.select();
		}
	});
}

function followRows(table, onChoose) {
	const rowAt = (node) =>
	    table.rows.find((row) => row.node === node.closest('tr'));

	table.body.addEventListener('focusin', (e) => {
		table.current = rowAt(e.target)?.b ?? null;
	});
	table.body.addEventListener('keydown', (e) => {
		const step = ROW_KEYS[e.key];

		if (step === undefined || e.ctrlKey || e.metaKey || e.altKey)
			return;
		e.preventDefault();
		goToRow(table, table.wanted.indexOf(table.current) + step);
	});
	table.body.addEventListener('click', (e) => {
		const row = rowAt(e.target);

		if (row === undefined || e.detail > 0 && hasMarks(row.node))
			return;
		table.current = row.b;
		onChoose(row.b);
	});
}

/* Who marks a text with the pointer, to copy it, has not meant the row. */
function hasMarks(node) {
	const marked = getSelection();

	return !marked.isCollapsed && marked.containsNode(node, true);
}

/* Scrolls no further than it must. The head lies over the first row. */
function goToRow(table, wish) {
	const { scroller, body, wanted } = table;
	const headHeight = body.parentNode.tHead.offsetHeight;
	const i = Math.max(0, Math.min(wanted.length - 1, wish));
	const { height } = rowsInSight(table);
	const room = scroller.clientHeight - headHeight;

	scroller.scrollTop = Math.min(i * height,
	    Math.max(scroller.scrollTop, (i + 1) * height - room));
	table.current = wanted[i];
	showRows(table);
	rowOf(table, table.current).cells[0].scrollIntoView(
	    { block: 'nearest', inline: 'nearest' });
}

function rowOf(table, b) {
	return table.rows.find((row) => row.b === b);
}

function isWanted(table, b) {
	return table.filter === '' || [b.name, b.addr, b.state]
	    .some((text) => text.toLowerCase().includes(table.filter));
}

function compareBackends(table, x, y) {
	const { key, isNumber } = table.by;
	const a = x[key], b = y[key];
	let order;

	if (isNumber)
		order = (Number.isNaN(a) ? -1 : a) - (Number.isNaN(b) ? -1 : b);
	else
		order = collator.compare(a, b);
	return (table.isFalling ? -order : order) ||
	    collator.compare(x.name, y.name) ||
	    collator.compare(x.addr, y.addr);
}

function rowNew() {
	const path = document.createElementNS(SVG, 'path');
	const svg = document.createElementNS(SVG, 'svg');
	const button = make('button', { type: 'button', tabIndex: -1 });
	const cells = COLUMNS.map((column) => make(
	    column.key === 'name' ? 'th' : 'td',
	    { className: column.isNumber ? 'number' : column.key }));

	svg.setAttribute('viewBox', `0 0 ${SPARK} ${SPARK_HEIGHT}`);
	svg.setAttribute('preserveAspectRatio', 'none');
	svg.setAttribute('aria-hidden', 'true');
	svg.append(path);
	cells[0].scope = 'row';
	cells[0].append(button);
	return { b: null, isChosen: null, cells, button, path, texts: [],
		node: make('tr', {}, ...cells,
		    make('td', { className: 'spark' }, svg)) };
}

function rowWrite(row, b, isChosen) {
	row.b = b;
	COLUMNS.forEach((column, i) => {
		const value = b[column.key];
		const text = column.format ? column.format(value) :
		    value || UNKNOWN;

		if (row.texts[i] === text)
			return;
		row.texts[i] = text;
		(i === 0 ? row.button : row.cells[i]).textContent = text;
		if (column.isNumber)
			row.cells[i].classList.toggle('is-zero', !(value > 0));
		else
			row.cells[i].title = text;
	});
	if (row.node.dataset.state !== b.state)
		row.node.dataset.state = b.state;
	if (row.isChosen !== isChosen) {
		row.isChosen = isChosen;
		row.node.classList.toggle('is-chosen', isChosen);
		row.button.ariaPressed = isChosen;
	}
}

/* The last minute of a backend, from zero to its own greatest. */
function rowSpark(row, line, columns) {
	const at = (i) => line[(columns - SPARK + i + SAMPLES) % SAMPLES];
	let max = 0, path = '', isDown = false;

	for (let i = 0; i < SPARK; i++)
		max = Math.max(max, at(i) || 0);
	for (let i = 0; i < SPARK; i++) {
		const part = max > 0 ? at(i) / max : at(i);
		const y = SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 2) * part;
		const isKnown = !Number.isNaN(part);

		if (isKnown)
			path += (isDown ? 'L' : 'M') +
			    `${i + 0.5} ${y.toFixed(1)}`;
		isDown = isKnown;
	}
	row.path.setAttribute('d', path);
}

/* The first row that exists, and the one after the last. */
function rowsInSight(table) {
	const all = table.wanted.length;
	const height = table.rows[0]?.node.offsetHeight || 30;
	const { scrollTop, clientHeight } = table.scroller;

	if (all <= ROWS_ALL)
		return { height, first: 0, end: all };
	const last = Math.ceil((scrollTop + clientHeight) / height);
	const end = Math.min(all, last + ROWS_AROUND);

	return { height, end, first: Math.max(0, Math.min(end,
	    Math.floor(scrollTop / height)) - ROWS_AROUND) };
}

/* Rows that are not there take their room all the same. */
function setRoom(row, height) {
	row.hidden = height === 0;
	row.firstChild.style.height = `${height}px`;
}

/* One row can be reached by Tab: that of the current backend, else the first in
 * sight. */
function placeFocus(table, firstInSight, hadFocus) {
	const row = rowOf(table, table.current);
	const stop = row ?? table.rows[firstInSight];

	for (const { button } of table.rows)
		button.tabIndex = button === stop?.button ? 0 : -1;
	if (hadFocus && document.activeElement !== row?.button)
		(row?.button ?? table.scroller).focus({ preventScroll: true });
}

function showRows(table) {
	const { height, first, end } = rowsInSight(table);
	const hadFocus = table.body.contains(document.activeElement);

	while (table.rows.length > end - first)
		table.rows.pop().node.remove();
	while (table.rows.length < end - first) {
		const row = rowNew();

		table.rows.push(row);
		table.after.before(row.node);
	}
	table.rows.forEach((row, i) => {
		const b = table.wanted[first + i];

		rowWrite(row, b, b === table.chosen);
		rowSpark(row, b.lines.claims, table.columns);
		row.node.setAttribute('aria-rowindex', first + i + 2);
	});
	setRoom(table.before, height * first);
	setRoom(table.after, height * (table.wanted.length - end));
	placeFocus(table,
	    Math.ceil(table.scroller.scrollTop / height) - first, hadFocus);
}

function sayCount(table, pool) {
	const { unshown } = pool.counts;
	const all = pool.shown.length, shown = table.wanted.length;
	const text = `${shown === all ? '' : `${formatCount(shown)} of `}` +
	    formatCount(all) + (unshown > 0 ?
	    `, ${formatCount(unshown)} more are left out` : '');

	setText(byId('backend-count'), text);
	byId('no-rows').hidden = shown > 0;
	setText(byId('no-rows'), all > 0 ? 'No backend matches the filter.' :
	    'No source names a backend for this pool.');
}

function tableDraw(table, model, pool, chosen) {
	table.chosen = chosen;
	table.columns = model.columns;
	table.wanted = pool.shown.filter((b) => isWanted(table, b))
	    .sort((x, y) => compareBackends(table, x, y));
	table.body.parentNode.setAttribute('aria-rowcount',
	    table.wanted.length + 1);
	showRows(table);
	sayCount(table, pool);
}
