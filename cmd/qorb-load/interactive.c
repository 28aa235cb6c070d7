#include "interactive.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "core/base.h"
#include "io/options.h"
#include "tui/screen.h"
#include "board.h"
#include "figures.h"
#include "session.h"
#include "show.h"

/* The picture is brought up to date this often. */
#define SHOW_US (100 * US_PER_MS)

struct interactive {
	struct event_base *base;
	struct screen *screen;
	struct session *session;
	struct board board;
	bool is_over;
};

static void
interactive_on_key(struct interactive *in, unsigned key)
{
	switch (key) {
	case SCREEN_KEY_TAB:
		(void)session_add(in->session);
		break;
	case SCREEN_KEY_BACKTAB:
		(void)session_remove(in->session);
		break;
	case SCREEN_KEY_LEFT:
		board_change_hold(&in->board, -1);
		break;
	case SCREEN_KEY_RIGHT:
		board_change_hold(&in->board, 1);
		break;
	case 'q':
	case 'Q':
	case SCREEN_KEY_CLOSED:
		in->is_over = true;
		break;
	default:
		(void)table_view_key(&in->board.view, key);
		break;
	}
}

static void
interactive_on_input(evutil_socket_t fd, short what, void *arg)
{
	struct interactive *in = arg;
	unsigned key;

	(void)fd;
	(void)what;
	while (
	    !in->is_over && (key = screen_key(in->screen)) != SCREEN_KEY_NONE)
		interactive_on_key(in, key);
	show_board(in->screen, &in->board);
}

static void
interactive_on_show(evutil_socket_t fd, short what, void *arg)
{
	struct interactive *in = arg;

	(void)fd;
	(void)what;
	show_board(in->screen, &in->board);
}

static void
interactive_on_resize(evutil_socket_t number, short what, void *arg)
{
	struct interactive *in = arg;

	(void)number;
	(void)what;
	screen_resize(in->screen);
	show_board(in->screen, &in->board);
}

static void
interactive_on_end(evutil_socket_t number, short what, void *arg)
{
	struct interactive *in = arg;

	(void)number;
	(void)what;
	in->is_over = true;
}

/* ---- Wiring ---- */

enum { EVENT_INPUT, EVENT_SHOW, EVENT_WINCH, EVENT_SIGNALS, EVENTS = 6 };

static const int end_signals[EVENTS - EVENT_SIGNALS] = { SIGINT, SIGTERM,
	SIGHUP };

static void
interactive_add_events(struct interactive *in, struct event events[EVENTS])
{
	const struct timeval show = { .tv_usec = SHOW_US };

	event_assign(&events[EVENT_INPUT], in->base, STDIN_FILENO,
	    EV_READ | EV_PERSIST, interactive_on_input, in);
	event_assign(&events[EVENT_SHOW], in->base, -1, EV_PERSIST,
	    interactive_on_show, in);
	event_assign(&events[EVENT_WINCH], in->base, SIGWINCH,
	    EV_SIGNAL | EV_PERSIST, interactive_on_resize, in);
	for (unsigned i = EVENT_SIGNALS; i < EVENTS; i++)
		event_assign(&events[i], in->base,
		    end_signals[i - EVENT_SIGNALS], EV_SIGNAL | EV_PERSIST,
		    interactive_on_end, in);
	for (unsigned i = 0; i < EVENTS; i++)
		event_add(&events[i], i == EVENT_SHOW ? &show : NULL);
}

static void
interactive_loop(struct interactive *in)
{
	struct event events[EVENTS];

	interactive_add_events(in, events);
	show_board(in->screen, &in->board);
	while (!in->is_over) {
		if (event_base_loop(in->base, EVLOOP_ONCE) != 0)
			break;
		session_turn(in->session);
	}
	session_end(in->session);
	for (unsigned i = 0; i < EVENTS; i++)
		event_del(&events[i]);
}

int
interactive_run(
    const struct workload *work, struct event_base *base, unsigned tasks_max)
{
	struct workload most = *work;
	struct figures *figures = figures_new(false);
	struct interactive in = { .base = base };
	const struct session_params params = {
		.work = &most,
		.figures = figures,
		.board = &in.board,
		.base = base,
	};
	const char *why;

	most.tasks = tasks_max;
	board_init(&in.board, work->pool, figures);
	in.session = session_new(&params);
	why = session_connect(in.session);
	if (why != NULL)
		program_fail(1, "%s", why);
	for (unsigned i = 0; i < work->tasks; i++)
		(void)session_add(in.session);
	in.screen = screen_start(&why);
	if (in.screen == NULL)
		program_fail(1, "%s: use --duration or --claims", why);
	interactive_loop(&in);
	screen_stop(&in.screen);
	session_free(&in.session);
	board_fini(&in.board);
	figures_free(&figures);
	return 0;
}
