#ifndef QORB_CORE_TEXT_H
#define QORB_CORE_TEXT_H

/*
 * A bounded string under construction in the caller's memory. Adding never
 * writes past the end: what does not fit is left out and is_cut says so, and
 * from then on nothing is added. A string is cut between characters of UTF-8;
 * a number or a %XX goes in whole or not at all. The text always ends with a
 * NUL, so cap bytes hold cap - 1 characters.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

struct text {
	char *buf;   /* borrowed for the life of the text */
	size_t cap;  /* bytes of buf, at least 1 */
	size_t len;  /* characters so far, < cap */
	bool is_cut; /* something did not fit */
};

void text_init(struct text *t, char *buf, size_t cap);

void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *bytes, size_t n);
void text_add_char(struct text *t, char c);
void text_add_u64(struct text *t, uint64_t n);
void text_addf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_addv(struct text *t, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/* Adds a value of the line protocol: a space, %, =, control bytes and bytes
 * over 0x7E as %XX. An empty string adds nothing. */
void text_add_value(struct text *t, const char *s);

/* Adds " key=" and the encoded value. */
void text_add_pair(struct text *t, const char *key, const char *value);
void text_add_pair_u64(struct text *t, const char *key, uint64_t value);

/* Adds a span of time as the line protocol writes it: the largest unit of
 * us, ms, s, m, h that divides it ("250ms"), "0s", or "never". */
void text_add_duration(struct text *t, uint64_t span_us);

/* Adds what a stranger sent, for a log or a screen: bytes that are no printing
 * ASCII or UTF-8, and characters that a terminal obeys or that hide others
 * (C1 controls, line separators, changes of direction), as \xNN. */
void text_add_escaped(struct text *t, const char *bytes, size_t n);

/* Bytes of the UTF-8 character (RFC 3629) that the n bytes at s start with,
 * 1 to 4; 0 when that is none or cut short. */
size_t text_utf8_len(const char *s, size_t n);

#endif
