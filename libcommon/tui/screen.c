#include "tui/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define NCURSES_NOMACROS
#include <curses.h>

#include "core/base.h"
#include "core/text.h"
#include "tui/columns.h"

/* After an escape character this long without more, it was the key. */
#define ESCAPE_DELAY_MS 25
/* Bytes of a line as it is drawn. */
#define LINE_BYTES  4096
#define RESET_BYTES 256

static const int fatal_signals[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL,
	SIGQUIT, SIGHUP };
/* Those that ncurses takes for itself. */
static const int curses_signals[] = { SIGINT, SIGTERM, SIGTSTP, SIGWINCH };

struct screen {
	SCREEN *term; /* owned */
	bool has_colours;
	bool is_utf8;
	attr_t styles[SCREEN_STYLES];
	struct sigaction before[ARRAY_LEN(curses_signals)];
};

/* What a signal handler or exit() needs to restore the terminal. They have no
 * argument, and a process has one terminal: so this is static. */
static struct {
	volatile sig_atomic_t is_on;
	struct termios termios;
	char reset[RESET_BYTES]; /* what the terminal is to be sent */
	size_t reset_len;
	struct sigaction before[ARRAY_LEN(fatal_signals)];
	void (*assert_hook)(const char *file, int line, const char *what);
	bool has_exit;
} rescue;

/* ---- Whatever happens, the terminal is restored ---- */

/* Only what a signal handler may call: endwin() may not be. */
static void
screen_rescue(void)
{
	ssize_t done;

	if (!rescue.is_on)
		return;
	rescue.is_on = 0;
	done = write(STDOUT_FILENO, rescue.reset, rescue.reset_len);
	(void)done;
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &rescue.termios);
}

static void
screen_on_fatal(int number)
{
	screen_rescue();
	for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++) {
		if (fatal_signals[i] == number)
			(void)sigaction(number, &rescue.before[i], NULL);
	}
	/* Blocked until this returns, then it does what it always did. */
	(void)raise(number);
}

static void
screen_on_assert(const char *file, int line, const char *what)
{
	screen_rescue();
	if (rescue.assert_hook != NULL)
		rescue.assert_hook(file, line, what);
}

static bool
rescue_add(const char *capability)
{
	const char *text = tigetstr((char *)capability);
	size_t n;

	if (text == NULL || text == (const char *)-1)
		return false;
	n = strlen(text);
	if (n > sizeof(rescue.reset) - rescue.reset_len)
		return false;
	memcpy(rescue.reset + rescue.reset_len, text, n);
	rescue.reset_len += n;
	return true;
}

static void
rescue_take_signals(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = screen_on_fatal;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++) {
		(void)sigaction(fatal_signals[i], NULL, &rescue.before[i]);
		if (rescue.before[i].sa_handler != SIG_IGN)
			(void)sigaction(fatal_signals[i], &action, NULL);
	}
}

static void
rescue_begin(const struct termios *termios)
{
	rescue.termios = *termios;
	rescue.reset_len = 0;
	(void)rescue_add("sgr0");  /* no colours and attributes */
	(void)rescue_add("cnorm"); /* the cursor shows */
	(void)rescue_add("rmkx");  /* keys as they were */
	/* The picture as it was, or none. */
	if (!rescue_add("rmcup"))
		(void)rescue_add("clear");
	rescue.assert_hook = assert_hook;
	assert_hook = screen_on_assert;
	if (!rescue.has_exit)
		rescue.has_exit = atexit(screen_rescue) == 0;
	rescue_take_signals();
	rescue.is_on = 1;
}

static void
rescue_end(void)
{
	rescue.is_on = 0;
	assert_hook = rescue.assert_hook;
	for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++)
		(void)sigaction(fatal_signals[i], &rescue.before[i], NULL);
}

/* ---- Start and stop ---- */

struct style_row {
	attr_t attrs; /* with colours */
	short colour; /* -1: the terminal's own */
	attr_t plain; /* attributes without colours */
};

static const struct style_row style_rows[SCREEN_STYLES] = {
	[SCREEN_PLAIN] = { A_NORMAL, -1, A_NORMAL },
	[SCREEN_TITLE] = { A_BOLD | A_REVERSE, COLOR_CYAN, A_REVERSE },
	[SCREEN_HEAD] = { A_BOLD, COLOR_CYAN, A_BOLD },
	[SCREEN_SELECTED] = { A_REVERSE, -1, A_REVERSE },
	[SCREEN_STRONG] = { A_BOLD, -1, A_BOLD },
	[SCREEN_DIM] = { A_DIM, -1, A_NORMAL },
	[SCREEN_ALARM] = { A_BOLD | A_REVERSE, COLOR_RED, A_BOLD | A_REVERSE },
	[SCREEN_GOOD] = { A_NORMAL, COLOR_GREEN, A_NORMAL },
	[SCREEN_BAD] = { A_BOLD, COLOR_RED, A_BOLD },
};

static void
screen_set_styles(struct screen *s)
{
	const char *no_color = getenv("NO_COLOR");
	bool is_wanted = no_color == NULL || no_color[0] == '\0';

	s->has_colours = is_wanted && has_colors() && start_color() == OK &&
			 use_default_colors() == OK;
	for (short i = 0; i < SCREEN_STYLES; i++) {
		const struct style_row *row = &style_rows[i];

		s->styles[i] = s->has_colours ? row->attrs : row->plain;
		if (!s->has_colours || row->colour < 0)
			continue;
		(void)init_pair((short)(i + 1), row->colour, -1);
		s->styles[i] |= (attr_t)COLOR_PAIR(i + 1);
	}
}

static void
screen_set_modes(void)
{
	(void)cbreak();
	(void)noecho();
	(void)nonl();
	(void)intrflush(stdscr, FALSE);
	(void)keypad(stdscr, TRUE);
	(void)nodelay(stdscr, TRUE);
	(void)leaveok(stdscr, TRUE);
	(void)set_escdelay(ESCAPE_DELAY_MS);
	(void)curs_set(0);
}

static void
screen_restore_signals(const struct screen *s)
{
	for (size_t i = 0; i < ARRAY_LEN(curses_signals); i++)
		(void)sigaction(curses_signals[i], &s->before[i], NULL);
}

/* A dumb terminal cannot even do this. */
static bool
screen_can_move(void)
{
	const char *text = tigetstr((char *)"cup");

	return text != NULL && text != (const char *)-1;
}

struct screen *
screen_start(const char **why)
{
	struct termios termios;
	struct screen *s;

	*why = "standard input and output are not both a terminal";
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &termios) != 0)
		return NULL;
	(void)setlocale(LC_CTYPE, "");
	s = mem_new(1, sizeof(*s));
	for (size_t i = 0; i < ARRAY_LEN(curses_signals); i++)
		(void)sigaction(curses_signals[i], NULL, &s->before[i]);
	s->term = newterm(NULL, stdout, stdin);
	if (s->term == NULL || !screen_can_move()) {
		*why = "the terminal (TERM) is not known or cannot show a "
		       "screen";
		if (s->term != NULL) {
			(void)endwin();
			delscreen(s->term);
		}
		screen_restore_signals(s);
		free(s);
		return NULL;
	}
	s->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	rescue_begin(&termios);
	screen_set_modes();
	screen_set_styles(s);
	return s;
}

void
screen_stop(struct screen **screen)
{
	struct screen *s = *screen;

	if (s == NULL)
		return;
	/* Where the picture before it cannot come back, nothing is better than
	 * the rest of this one. */
	(void)erase();
	(void)refresh();
	(void)endwin();
	rescue_end();
	delscreen(s->term);
	screen_restore_signals(s);
	free(s);
	*screen = NULL;
}

/* ---- Size and keys ---- */

unsigned
screen_rows(const struct screen *s)
{
	(void)s;
	return (unsigned)getmaxy(stdscr);
}

unsigned
screen_cols(const struct screen *s)
{
	(void)s;
	return (unsigned)getmaxx(stdscr);
}

bool
screen_is_utf8(const struct screen *s)
{
	return s->is_utf8;
}

bool
screen_has_colours(const struct screen *s)
{
	return s->has_colours;
}

void
screen_resize(struct screen *s)
{
	struct winsize size;

	(void)s;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 ||
	    size.ws_col == 0)
		return;
	(void)resizeterm(size.ws_row, size.ws_col);
	/* Whatever the terminal made of the old picture: draw all of it. */
	(void)clearok(curscr, TRUE);
}

struct key_row {
	wint_t code;
	enum screen_key key;
};

static const struct key_row key_rows[] = {
	{ KEY_BTAB, SCREEN_KEY_BACKTAB },
	{ KEY_UP, SCREEN_KEY_UP },
	{ KEY_DOWN, SCREEN_KEY_DOWN },
	{ KEY_LEFT, SCREEN_KEY_LEFT },
	{ KEY_RIGHT, SCREEN_KEY_RIGHT },
	{ KEY_HOME, SCREEN_KEY_HOME },
	{ KEY_END, SCREEN_KEY_END },
	{ KEY_PPAGE, SCREEN_KEY_PAGE_UP },
	{ KEY_NPAGE, SCREEN_KEY_PAGE_DOWN },
	{ KEY_BACKSPACE, SCREEN_KEY_BACKSPACE },
	{ KEY_ENTER, SCREEN_KEY_ENTER },
};

static unsigned
screen_key_of(wint_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(key_rows); i++) {
		if (key_rows[i].code == code)
			return key_rows[i].key;
	}
	return SCREEN_KEY_OTHER;
}

/* get_wch() says no more of a terminal that is gone than of one where nothing
 * is typed; who then waits for it would be told at once, over and over. */
static unsigned
screen_no_key(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	if (poll(&input, 1, 0) > 0 &&
	    (input.revents & (POLLHUP | POLLERR | POLLNVAL)))
		return SCREEN_KEY_CLOSED;
	return SCREEN_KEY_NONE;
}

unsigned
screen_key(struct screen *s)
{
	wint_t code;
	int kind = get_wch(&code);

	(void)s;
	if (kind == ERR)
		return screen_no_key();
	if (kind == KEY_CODE_YES)
		return screen_key_of(code);
	if (code == 0)
		return SCREEN_KEY_OTHER;
	if (code == 0x7f || code == 0x08)
		return SCREEN_KEY_BACKSPACE;
	return code == '\n' ? SCREEN_KEY_ENTER : code;
}

/* ---- Drawing ---- */

void
screen_clear(struct screen *s)
{
	(void)s;
	(void)erase();
}

void
screen_show(struct screen *s)
{
	(void)s;
	(void)refresh();
}

void
screen_put(struct screen *s, struct screen_place place, enum screen_style style,
    const char *text)
{
	char buf[LINE_BYTES];
	unsigned cols = screen_cols(s);
	unsigned used;
	struct text line;

	if (place.row >= screen_rows(s) || place.col >= cols)
		return;
	if (place.width > cols - place.col)
		place.width = cols - place.col;
	text_init(&line, buf, sizeof(buf));
	used = columns_fit(&line, text, place.width);
	while (used++ < place.width)
		text_add_char(&line, ' ');
	(void)attrset((int)s->styles[style]);
	(void)mvaddstr((int)place.row, (int)place.col, buf);
	(void)attrset(A_NORMAL);
}

void
screen_box(struct screen *s, struct screen_place place, unsigned rows,
    const char *title)
{
	WINDOW *frame;

	if (rows < 2 || place.width < 2 || place.row + rows > screen_rows(s) ||
	    place.col + place.width > screen_cols(s))
		return;
	/* A window of its own clears what is inside: so it comes first. */
	frame = derwin(stdscr, (int)rows, (int)place.width, (int)place.row,
	    (int)place.col);
	if (frame == NULL)
		return;
	(void)box(frame, 0, 0);
	(void)delwin(frame);
	(void)touchwin(stdscr);
	if (place.width <= 4 || title[0] == '\0')
		return;
	place.col += 2;
	place.width -= 4;
	if (columns_width(title) < place.width)
		place.width = columns_width(title);
	screen_put(s, place, SCREEN_STRONG, title);
}
