/*
 * A WebSocket to the server that comes back by itself. It is tried again after
 * a wait that doubles up to RETRY_MAX_S, at once when the machine is back on a
 * network or the reader looks again. One from which nothing has come for
 * silentS is taken for dead: a cable that was pulled says nothing.
 */

const RETRY_MIN_S = 1;
const RETRY_MAX_S = 30;

/* on.message(object) and on.lost(wasOpen): lost is also told of a try that came
 * to nothing. */
function linkNew(path, on) {
	const link = { path, on, socket: null, isOpen: false, isHeld: false,
		tries: 0, timer: 0, retryAt: NaN, silentS: Infinity,
		heardAt: NaN };

	addEventListener('online', () => linkRetry(link));
	document.addEventListener('visibilitychange', () => {
		if (!document.hidden)
			linkRetry(link);
	});
	linkOpen(link);
	return link;
}

function secondsNow() {
	return performance.now() / 1000;
}

/* Beside the page, wherever a proxy has put that. */
function linkUrl(path) {
	const url = new URL(path, location.href);

	url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
	url.hash = '';
	return url.href;
}

function linkOpen(link) {
	const socket = new WebSocket(linkUrl(link.path));

	socket.binaryType = 'arraybuffer';
	link.socket = socket;
	link.retryAt = NaN;
	link.heardAt = secondsNow();
	socket.onopen = () => {
		link.isOpen = true;
	};
	socket.onmessage = (e) => {
		link.tries = 0;
		link.heardAt = secondsNow();
		linkHear(link, e.data);
	};
	socket.onclose = () => linkLose(link);
}

/* Text and binary frames are the same to us; what is no JSON is left out. */
function linkHear(link, data) {
	let message;

	try {
		message = JSON.parse(typeof data === 'string' ? data :
		    new TextDecoder().decode(data));
	} catch {
		return;
	}
	link.on.message(message);
}

function linkLose(link) {
	const { socket, isOpen } = link;
	/* Some chance in it: all pages lose their server at the same time. */
	const waitS = Math.min(RETRY_MAX_S, RETRY_MIN_S * 2 ** link.tries) *
	    (0.8 + 0.4 * Math.random());

	if (socket === null)
		return;
	link.socket = null;
	link.isOpen = false;
	socket.onopen = socket.onmessage = socket.onclose = null;
	socket.close();
	link.tries++;
	link.retryAt = secondsNow() + waitS;
	link.timer = setTimeout(() => linkOpen(link), 1000 * waitS);
	link.on.lost(isOpen);
}

/* Now, when it is waiting for its next try. */
function linkRetry(link) {
	if (link.socket !== null || link.isHeld)
		return;
	clearTimeout(link.timer);
	linkOpen(link);
}

/* Ends it, and makes no try until linkResume. */
function linkHold(link) {
	link.isHeld = true;
	linkLose(link);
	clearTimeout(link.timer);
	link.retryAt = NaN;
}

function linkResume(link) {
	link.isHeld = false;
	linkRetry(link);
}

/* To be called now and then. */
function linkWatch(link) {
	if (link.socket !== null && secondsNow() - link.heardAt > link.silentS)
		linkLose(link);
}
