#include "live.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/options.h"
#include "tui/screen.h"
#include "show.h"
#include "source.h"
#include "view.h"

/* Rounds are shown no more often than that; keys at once. */
#define SHOW_US (50 * US_PER_MS)
/* From a loss to the next try, from a try to the one after it. */
#define RETRY_FIRST_US (250 * US_PER_MS)
#define RETRY_MOST_US  (10 * US_PER_S)

struct live {
	struct source_options options;
	struct loop *loop;	   /* owned */
	struct source *source;	   /* owned */
	struct loop_timer *retry;  /* owned */
	struct loop_timer *redraw; /* owned */
	uint64_t retry_us;	   /* to wait for the next time */
	uint64_t shown_us;	   /* when a round was shown */
	uint64_t rounds;	   /* still to come; NEVER for no end */
	struct model model;
	struct view view;
	struct screen *screen; /* owned; NULL before the source answered */
	int terminal;	       /* owned: for keys */
	struct loop_fd *keys;  /* owned */
};

static void
show(void *ctx)
{
	struct live *l = ctx;

	if (l->screen == NULL)
		return;
	loop_timer_stop(l->redraw);
	l->shown_us = clock_us();
	show_view(l->screen, &l->view);
}

/* ---- Keys and signals ---- */

static void
on_keys(void *ctx, bool can_read, bool can_write)
{
	struct live *l = ctx;
	unsigned key;

	(void)can_read;
	(void)can_write;
	while (!l->view.is_over &&
	       (key = screen_key(l->screen)) != SCREEN_KEY_NONE)
		view_on_key(&l->view, key);
	source_pause(l->source, l->view.is_paused);
	if (l->view.is_over || loop_fd_is_gone(l->keys))
		loop_stop(l->loop);
	else
		show(l);
}

static void
on_signal(void *ctx, int number)
{
	struct live *l = ctx;

	if (number == SIGWINCH) {
		screen_resize(l->screen);
		show(l);
	} else {
		loop_stop(l->loop);
	}
}

/* The loop makes what it waits for non-blocking, and whoever shares the
 * terminal would share that: so it waits on one opened for itself. */
static int
open_terminal(void)
{
	char name[128];
	int fd = -1;

	if (ttyname_r(STDIN_FILENO, name, sizeof(name)) == 0)
		fd = open(name, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
}

static void
start_screen(struct live *l)
{
	static const int signals[] = { SIGWINCH, SIGINT, SIGTERM, SIGHUP };
	const char *why;

	l->screen = screen_start(&why);
	if (l->screen == NULL)
		program_fail(EXIT_FAILED, "%s: use -b for plain tables", why);
	loop_catch(l->loop, signals, ARRAY_LEN(signals), on_signal, l);
	l->terminal = open_terminal();
	l->keys = loop_fd_new(l->loop, l->terminal, on_keys, l);
	if (l->keys == NULL)
		program_fail(EXIT_FAILED, "no descriptor is left for keys");
}

/* ---- The source ---- */

static void
on_up(void *ctx)
{
	struct live *l = ctx;

	if (l->screen == NULL)
		start_screen(l);
	view_on_up(&l->view);
	show(l);
}

static void
on_round(void *ctx)
{
	struct live *l = ctx;
	uint64_t now_us = clock_us();

	l->retry_us = RETRY_FIRST_US;
	view_on_round(&l->view);
	if (l->rounds != NEVER && --l->rounds == 0)
		loop_stop(l->loop);
	if (now_us - l->shown_us >= SHOW_US)
		show(l);
	else
		loop_timer_start(l->redraw, l->shown_us + SHOW_US - now_us);
}

static void
on_trouble(void *ctx, enum source_trouble trouble, const char *why)
{
	struct live *l = ctx;

	if (l->screen == NULL) {
		char buf[1024];
		struct text line;

		text_init(&line, buf, sizeof(buf));
		text_add_escaped(&line, why, strlen(why));
		program_fail(EXIT_FAILED, "%s", buf);
	}
	view_on_trouble(&l->view, trouble, why);
	if (trouble == SOURCE_LOST) {
		loop_timer_start(l->retry, l->retry_us);
		l->retry_us = 2 * l->retry_us < RETRY_MOST_US ? 2 * l->retry_us
							      : RETRY_MOST_US;
	}
	show(l);
}

static void
on_retry(void *ctx)
{
	struct live *l = ctx;

	source_free(&l->source);
	l->source = source_new(l->loop, &l->model, &l->options);
	source_pause(l->source, l->view.is_paused);
	l->view.source = source_name(l->source);
}

/* ---- Wiring ---- */

static void
begin(struct live *l, const struct settings *settings)
{
	l->options = (struct source_options){
		.url = settings->has_url ? &settings->url : NULL,
		.socket = settings->socket,
		.pool = settings->pool,
		.every_us = settings->every_us,
		.on_up = on_up,
		.on_round = on_round,
		.on_trouble = on_trouble,
		.ctx = l,
	};
	l->rounds = settings->rounds;
	l->retry_us = RETRY_FIRST_US;
	l->loop = loop_new();
	if (l->loop == NULL)
		program_fail(EXIT_FAILED, "cannot start an event loop");
	l->retry = loop_timer_new(l->loop, on_retry, l);
	l->redraw = loop_timer_new(l->loop, show, l);
	model_init(&l->model);
	l->model.keeps_history = true;
	l->source = source_new(l->loop, &l->model, &l->options);
	view_init(&l->view, &l->model, source_name(l->source));
}

/* What is taken down now is taken down in peace: a second signal is late. But
 * where the terminal is gone there is nothing left to be done well. */
static void
block_signals(void)
{
	sigset_t late;

	(void)sigemptyset(&late);
	(void)sigaddset(&late, SIGINT);
	(void)sigaddset(&late, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &late, NULL);
}

int
live_run(const struct settings *settings)
{
	struct live l = { .terminal = -1 };
	bool is_good;

	begin(&l, settings);
	is_good = loop_run(l.loop);
	block_signals();
	source_free(&l.source);
	loop_timer_free(&l.retry);
	loop_timer_free(&l.redraw);
	loop_fd_free(&l.keys);
	loop_free(&l.loop);
	screen_stop(&l.screen);
	fd_close(&l.terminal);
	view_fini(&l.view);
	model_fini(&l.model);
	if (!is_good)
		program_fail(EXIT_FAILED, "the event loop failed");
	return 0;
}
