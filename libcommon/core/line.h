#ifndef QORB_CORE_LINE_H
#define QORB_CORE_LINE_H

/*
 * The line protocol as text, qorb-protocol(7): bytes become lines, lines
 * become requests (the daemon's side) or replies (the client's side). No I/O;
 * the caller moves bytes. Everything is parsed in place: the words of a
 * request or reply are borrowed from the line they came from, which lasts
 * until the next line_in_next or line_in_space on the same reader.
 *
 * Limits: LINE_MAX_BYTES a line without its end, LINE_MAX_ARGS arguments,
 * LINE_MAX_TAG characters of a tag.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"
#include "core/error.h"

#define LINE_MAX_BYTES 4096
#define LINE_MAX_TAG   32
#define LINE_MAX_ARGS  64

/* Bytes on their way to lines. Opaque to callers but for its size, which is
 * chosen at init: at least 2 * (LINE_MAX_BYTES + 2). */
struct line_in {
	char *buf;    /* owned, cap bytes */
	size_t cap;   /* size of buf */
	size_t head;  /* first byte not yet given out */
	size_t tail;  /* end of what was read */
	size_t seen;  /* bytes from head known to hold no LF */
	bool is_long; /* an overlong line came: nothing more comes out */
};

enum line_status {
	LINE_NONE,     /* no whole line yet */
	LINE_OK,       /* *line is a line without its end, NUL-terminated */
	LINE_TOO_LONG, /* more than LINE_MAX_BYTES; sticky */
};

void line_in_init(struct line_in *in, size_t cap);
void line_in_fini(struct line_in *in);

/* The tag of the line that is too long, NULL when it has none; once only, what
 * is kept of the line ends with it. */
const char *line_in_tag(struct line_in *in);

/* Where to read to: *room bytes at the result, at least 1 after line_in_next
 * said LINE_NONE, 0 when the reader is_long. (Whole lines not yet taken may
 * fill it too: take them first, a read of 0 bytes looks like the peer's end.)
 * Moves what is left of earlier bytes to the front: lines given out before are
 * gone. */
char *line_in_space(struct line_in *in, size_t *room);

/* n bytes were read to where line_in_space said. */
void line_in_added(struct line_in *in, size_t n);

/* The next line, without the CR that its end may have. *line is borrowed and
 * may be written to; *len is its length, which a NUL inside makes longer than
 * strlen says; line[len] is NUL. */
enum line_status line_in_next(struct line_in *in, char **line, size_t *len);

/* One argument: key is NULL for a bare word; value is decoded. */
struct line_arg {
	const char *key;
	const char *value;
};

struct request {
	const char *tag; /* without '#', or NULL */
	const char *verb;
	unsigned wrong_word; /* from 1, where the line could not be read on */
	size_t argc;
	struct line_arg args[LINE_MAX_ARGS];
};

/* Takes a line (line[len] is NUL) apart as [#TAG] VERB [ARG ...]. Anything but
 * ERR_NONE is the error to answer, with *what (a static string) the words that
 * explain it; tag is set when it could be read. Checks UTF-8, NUL, control
 * bytes, %XX, the tag's characters; only a value is decoded, and then holds any
 * bytes but NUL. A second '=' or a %00 in an argument, like an empty line or
 * one without a verb, is ERR_BAD_SYNTAX; too many arguments ERR_BAD_ARGUMENT.
 * Spaces at the start and the end are skipped. */
enum error request_parse(
    char *line, size_t len, struct request *r, const char **what) MUST_CHECK;

/* Value of the first argument with this key, or NULL. */
const char *request_get(const struct request *r, const char *key);

enum reply_kind {
	REPLY_ROW,   /* [#TAG] * key=value ... */
	REPLY_OK,    /* [#TAG] ok [key=value ...] */
	REPLY_ERROR, /* [#TAG] error CODE message... */
};

struct reply {
	enum reply_kind kind;
	const char *tag;     /* or NULL */
	const char *code;    /* of an error, else NULL */
	const char *message; /* of an error ("" when none), else NULL */
	size_t argc;	     /* of a row or ok */
	struct line_arg args[LINE_MAX_ARGS];
};

/* Takes a reply line (line[len] is NUL) apart in place; false when it is not
 * one (a client treats that as a broken daemon). Rows may hold bare words (key
 * NULL). An error's code may be one that error_find does not know. */
bool reply_parse(char *line, size_t len, struct reply *r) MUST_CHECK;

/* Value of the argument with this key, or NULL. */
const char *reply_get(const struct reply *r, const char *key);

/* Is this a tag: 1 to LINE_MAX_TAG of A-Za-z0-9._- */
bool line_is_tag(const char *text);

#endif
