/*
 * The table of backends: one list of columns, from which head, cells and order
 * come. A row lasts as long as its backend, a cell is written when its text
 * changes, and a sparkline only while it can be seen, so that a thousand rows are
 * no work to speak of.
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

const SVG = 'http://www.w3.org/2000/svg';

function tableNew() {
	const table = { by: COLUMNS[0], isFalling: false, filter: '',
		rows: new Map(), seen: new Set(), heads: new Map(), pool: null };

	table.watcher = new IntersectionObserver((entries) => {
		for (const e of entries)
			table.seen[e.isIntersecting ? 'add' : 'delete'](e.target);
		dispatchEvent(new Event('redraw'));
	}, { root: byId('rows').closest('.scroller') });
	for (const column of COLUMNS)
		addHead(table, column);
	byId('columns').append(make('th', { scope: 'col', className: 'spark',
		textContent: 'Last minute' }));
	followFilter(table);
	return table;
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
	    collator.compare(x.name, y.name) || collator.compare(x.addr, y.addr);
}

function rowNew(table, b) {
	const row = { b, texts: [], path: document.createElementNS(SVG, 'path') };
	const svg = document.createElementNS(SVG, 'svg');

	svg.setAttribute('viewBox', `0 0 ${SPARK} ${SPARK_HEIGHT}`);
	svg.setAttribute('preserveAspectRatio', 'none');
	svg.setAttribute('aria-hidden', 'true');
	svg.append(row.path);
	row.cells = COLUMNS.map((column) => make(
	    column.key === 'name' ? 'th' : 'td',
	    { className: column.isNumber ? 'number' : column.key }));
	row.cells[0].scope = 'row';
	row.node = make('tr', {}, ...row.cells,
	    make('td', { className: 'spark' }, svg));
	table.watcher.observe(row.node);
	return row;
}

function rowEnd(table, row) {
	table.watcher.unobserve(row.node);
	table.seen.delete(row.node);
	table.rows.delete(row.b);
	row.node.remove();
}

function rowWrite(row) {
	COLUMNS.forEach((column, i) => {
		const value = row.b[column.key];
		const text = column.format ? column.format(value) :
		    value || UNKNOWN;

		if (row.texts[i] === text)
			return;
		row.texts[i] = row.cells[i].textContent = text;
		if (column.isNumber)
			row.cells[i].classList.toggle('is-zero', !(value > 0));
		else
			row.cells[i].title = text;
	});
	if (row.node.dataset.state !== row.b.state)
		row.node.dataset.state = row.b.state;
}

/* The last minute of a backend, from zero to its own greatest. */
function rowSpark(model, row) {
	const line = row.b.line, first = model.columns - SPARK;
	let max = 0, path = '', isDown = false;

	for (let i = 0; i < SPARK; i++)
		max = Math.max(max, line[(first + i + SAMPLES) % SAMPLES] || 0);
	for (let i = 0; i < SPARK; i++) {
		const value = line[(first + i + SAMPLES) % SAMPLES];
		const y = SPARK_HEIGHT - 1 -
		    (SPARK_HEIGHT - 2) * (max > 0 ? value / max : 0);

		isDown = isDown && !Number.isNaN(value);
		if (!Number.isNaN(value))
			path += `${isDown ? 'L' : 'M'}${i + 0.5} ${y.toFixed(1)}`;
		isDown = !Number.isNaN(value);
	}
	row.path.setAttribute('d', path);
}

/* Rows are moved only when they are not where they belong. */
function placeRows(table, wanted) {
	const body = byId('rows');
	let at = body.firstChild;

	for (const b of wanted) {
		const node = table.rows.get(b).node;

		if (node === at)
			at = at.nextSibling;
		else
			body.insertBefore(node, at);
	}
	while (at !== null) {
		const next = at.nextSibling;

		at.remove();
		at = next;
	}
}

function sayCount(table, pool, shown, unshown) {
	const all = pool.shown.length;
	const text = `${shown === all ? '' : `${formatCount(shown)} of `}` +
	    formatCount(all) + (unshown > 0 ?
	    `, ${formatCount(unshown)} more are left out` : '');

	setText(byId('backend-count'), text);
	byId('no-rows').hidden = shown > 0;
	setText(byId('no-rows'), all > 0 ? 'No backend matches the filter.' :
	    'No source names a backend for this pool.');
}

function tableDraw(table, model, pool) {
	const wanted = pool.shown.filter((b) => isWanted(table, b))
	    .sort((x, y) => compareBackends(table, x, y));
	const here = new Set(wanted);

	for (const row of table.rows.values()) {
		if (!here.has(row.b))
			rowEnd(table, row);
	}
	for (const b of wanted) {
		let row = table.rows.get(b);

		if (row === undefined) {
			row = rowNew(table, b);
			table.rows.set(b, row);
		}
		rowWrite(row);
		if (table.seen.has(row.node))
			rowSpark(model, row);
	}
	placeRows(table, wanted);
	sayCount(table, pool, wanted.length, model.unshown);
}
