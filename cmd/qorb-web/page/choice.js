/*
 * What the plots show: the pool or, while one is chosen in the table, a backend
 * of it. The heading over the plots says which. A choice ends by itself when
 * its backend goes, which is told, and when another pool is shown.
 */

function choiceNew() {
	const choice = { pool: null, backend: null, gone: '',
		title: byId('plots-title'), note: byId('plots-note'),
		back: byId('plots-back') };

	choice.back.addEventListener('click',
	    () => chooseBackend(choice, null));
	document.addEventListener('keydown', (e) => {
		if (e.key === 'Escape' && !e.defaultPrevented &&
		    !isOfField(e.target))
			chooseBackend(choice, null);
	});
	return choice;
}

/* Escape has a meaning there: it empties the filter, it closes a list. */
function isOfField(node) {
	return node.matches('select') ||
	    node.matches('input') && node.value !== '';
}

/* Another one, or none: the same again is none. */
function chooseBackend(choice, b) {
	choice.backend = b === choice.backend ? null : b;
	choice.gone = '';
	dispatchEvent(new Event('redraw'));
}

function backendTitle(b) {
	return b.name || b.key;
}

/* To be called before what depends on it is drawn. */
function choiceFollow(choice, pool) {
	const b = choice.backend;

	if (choice.pool !== pool) {
		choice.pool = pool;
		choice.backend = null;
		choice.gone = '';
	} else if (b !== null && !b.isThere) {
		choice.backend = null;
		choice.gone = `${backendTitle(b)} went away at ` +
		    `${formatClock(new Date())}. All are shown again.`;
	}
}

/* With its address where the pool has others of its name. */
function choiceTitle({ backend, pool }) {
	if (backend === null)
		return 'All backends';
	const isOne = pool.shown.every((b) => b === backend ||
	    b.name !== backend.name);

	return `Backend ${backendTitle(backend)}` +
	    (isOne ? '' : `, ${backend.addr}`);
}

function choiceNote(choice) {
	if (choice.backend !== null)
		return 'Its claims and slots. Waits are those of the pool: ' +
		    'a claim waits for any backend.';
	return choice.gone || 'Choose a backend in the table to see it alone.';
}

function choiceDraw(choice) {
	const { backend, back, title } = choice;

	setText(title, choiceTitle(choice));
	setText(choice.note, choiceNote(choice));
	choice.note.classList.toggle('is-news', choice.gone !== '');
	/* What is hidden cannot keep the focus. */
	if (backend === null && document.activeElement === back)
		title.focus({ preventScroll: true });
	back.hidden = backend === null;
}
