#ifndef QORB_TUI_SCREEN_H
#define QORB_TUI_SCREEN_H

/*
 * The terminal as a screen: start and stop, keys, styled text at a place.
 * The only part that knows ncurses.
 *
 * There is one screen at a time, on standard input and output. Whatever ends
 * the program, the terminal is as it was before: screen_stop does it, exit()
 * does, and so do the signals of a crash (SEGV, ABRT, BUS, FPE, ILL), SIGQUIT
 * and SIGHUP before they do what they did without us; a failed ASSERT says its
 * line on the restored terminal. INT and TERM end the program in order too
 * until the program sets handlers of its own, which it does after screen_start
 * and takes off before screen_stop. Ctrl-Z and fg work.
 *
 * The program waits for input itself: when standard input is readable it calls
 * screen_key until there is none, on SIGWINCH screen_resize. Nothing here
 * blocks. screen_start sets the locale (LC_CTYPE) from the environment.
 *
 * Colours are used where the terminal has them and NO_COLOR is not set; each
 * style also has a form without.
 */

#include <stdbool.h>

struct screen;

/* What screen_key gives: a character's code point, or one of these. */
enum screen_key {
	SCREEN_KEY_NONE = 0, /* nothing more was typed */
	SCREEN_KEY_TAB = 9,
	SCREEN_KEY_ENTER = 13,
	SCREEN_KEY_ESCAPE = 27,
	SCREEN_KEY_FIRST = 0x110000, /* above all code points */
	SCREEN_KEY_BACKTAB = SCREEN_KEY_FIRST,
	SCREEN_KEY_UP,
	SCREEN_KEY_DOWN,
	SCREEN_KEY_LEFT,
	SCREEN_KEY_RIGHT,
	SCREEN_KEY_HOME,
	SCREEN_KEY_END,
	SCREEN_KEY_PAGE_UP,
	SCREEN_KEY_PAGE_DOWN,
	SCREEN_KEY_BACKSPACE,
	SCREEN_KEY_OTHER,  /* one that nobody here uses */
	SCREEN_KEY_CLOSED, /* the terminal went away */
};

enum screen_style {
	SCREEN_PLAIN,
	SCREEN_TITLE,
	SCREEN_HEAD,
	SCREEN_SELECTED,
	SCREEN_STRONG,
	SCREEN_DIM,
	SCREEN_ALARM, /* a title that says bad news */
	SCREEN_GOOD,
	SCREEN_BAD,
	SCREEN_STYLES,
};

/* A line's part: from 0 at the top and at the left. */
struct screen_place {
	unsigned row;
	unsigned col;
	unsigned width; /* columns */
};

/* NULL when standard input or output is no terminal or one that cannot show
 * a screen; *why (static) says it. */
struct screen *screen_start(const char **why);

/* The terminal as it was; clears *screen. NULL is allowed. */
void screen_stop(struct screen **screen);

unsigned screen_rows(const struct screen *s);
unsigned screen_cols(const struct screen *s);
bool screen_is_utf8(const struct screen *s);
bool screen_has_colours(const struct screen *s);

/* The next character or key; characters are not echoed. */
unsigned screen_key(struct screen *s);

/* The terminal may have another size: draw anew after it. */
void screen_resize(struct screen *s);

/* Starts a new picture, and shows it. */
void screen_clear(struct screen *s);
void screen_show(struct screen *s);

/* Text in that place, cut at its end or filled with blanks. A place outside
 * of the screen is left out. */
void screen_put(struct screen *s, struct screen_place place,
    enum screen_style style, const char *text);

/* A frame of that many rows and columns, at least 2 each, with a title in its
 * upper line. What is inside is left alone. */
void screen_box(struct screen *s, struct screen_place place, unsigned rows,
    const char *title);

#endif
