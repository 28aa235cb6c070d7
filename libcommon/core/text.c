#include "core/text.h"

#include <stdio.h>
#include <string.h>

/* Digits of the largest uint64_t. */
#define U64_DIGITS 20

static const char hex[] = "0123456789ABCDEF";

void
text_init(struct text *t, char *buf, size_t cap)
{
	ASSERT(cap > 0);
	t->buf = buf;
	t->cap = cap;
	t->len = 0;
	t->is_cut = false;
	buf[0] = '\0';
}

/* All n bytes or none: for what makes no sense in part. */
static void
add_whole(struct text *t, const char *bytes, size_t n)
{
	if (t->is_cut || n >= t->cap - t->len) {
		t->is_cut = true;
		return;
	}
	memcpy(t->buf + t->len, bytes, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

void
text_add_bytes(struct text *t, const char *bytes, size_t n)
{
	size_t room = t->cap - 1 - t->len;

	if (n <= room) {
		add_whole(t, bytes, n);
		return;
	}
	/* Not in the middle of a UTF-8 character. */
	while (room > 0 && ((unsigned char)bytes[room] & 0xC0) == 0x80)
		room--;
	add_whole(t, bytes, room);
	t->is_cut = true;
}

void
text_add(struct text *t, const char *s)
{
	text_add_bytes(t, s, strlen(s));
}

void
text_add_char(struct text *t, char c)
{
	add_whole(t, &c, 1);
}

void
text_add_u64(struct text *t, uint64_t n)
{
	char digits[U64_DIGITS];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	add_whole(t, digits + at, sizeof(digits) - at);
}

/* The n bytes at s without a character of UTF-8 that was cut short at their
 * end. */
static size_t
end_of_whole_chars(const char *s, size_t n)
{
	size_t start = n;

	while (start > 0 && n - start < 4) {
		unsigned char c = (unsigned char)s[--start];

		if ((c & 0xC0) != 0x80)
			return c < 0xC0 || text_utf8_len(s + start, n - start)
				   ? n
				   : start;
	}
	return n;
}

void
text_addv(struct text *t, const char *fmt, va_list ap)
{
	size_t room = t->cap - t->len;
	int n;

	if (t->is_cut)
		return;
	n = vsnprintf(t->buf + t->len, room, fmt, ap);
	if (n >= 0 && (size_t)n < room) {
		t->len += (size_t)n;
		return;
	}
	t->is_cut = true;
	if (n >= 0)
		t->len = end_of_whole_chars(t->buf, t->cap - 1);
	t->buf[t->len] = '\0';
}

void
text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_addv(t, fmt, ap);
	va_end(ap);
}

static bool
is_plain(unsigned char c)
{
	return c > ' ' && c <= 0x7E && c != '%' && c != '=';
}

void
text_add_value(struct text *t, const char *s)
{
	while (*s != '\0' && !t->is_cut) {
		size_t run = 0;
		unsigned char c;

		while (is_plain((unsigned char)s[run]))
			run++;
		text_add_bytes(t, s, run);
		s += run;
		c = (unsigned char)*s;
		if (c != '\0') {
			char code[3] = { '%', hex[c >> 4], hex[c & 15] };

			add_whole(t, code, sizeof(code));
			s++;
		}
	}
}

static void
add_key(struct text *t, const char *key)
{
	text_add_char(t, ' ');
	text_add(t, key);
	text_add_char(t, '=');
}

void
text_add_pair(struct text *t, const char *key, const char *value)
{
	add_key(t, key);
	text_add_value(t, value);
}

void
text_add_pair_u64(struct text *t, const char *key, uint64_t value)
{
	add_key(t, key);
	text_add_u64(t, value);
}

void
text_add_duration(struct text *t, uint64_t span_us)
{
	static const struct unit {
		uint64_t us;
		const char *name;
	} units[] = {
		{ 3600 * US_PER_S, "h" },
		{ 60 * US_PER_S, "m" },
		{ US_PER_S, "s" },
		{ US_PER_MS, "ms" },
		{ 1, "us" },
	};
	size_t i = 0;

	if (span_us == NEVER || span_us == 0) {
		text_add(t, span_us == 0 ? "0s" : "never");
		return;
	}
	while (span_us % units[i].us != 0)
		i++;
	text_add_u64(t, span_us / units[i].us);
	text_add(t, units[i].name);
}

/* How far the first byte of a character reaches, and what its second byte may
 * be: that is where overlong forms, surrogates and what lies beyond U+10FFFF
 * are told from the rest. */
static size_t
utf8_shape(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
	*high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
	if (c < 0x80)
		return 1;
	if (c < 0xC2)
		return 0;
	return c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
}

size_t
text_utf8_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char low, high;
	size_t len;

	if (n == 0)
		return 0;
	len = utf8_shape(u[0], &low, &high);
	if (len > n || (len > 1 && (u[1] < low || u[1] > high)))
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((u[i] & 0xC0) != 0x80)
			return 0;
	}
	return len;
}

/* Valid UTF-8, but a terminal obeys it or a reader is misled by it: C1
 * controls, line separators, changes of direction. */
static bool
is_unseen(const unsigned char *u, size_t len)
{
	if (len == 2)
		return u[0] == 0xC2 && u[1] < 0xA0;
	if (len != 3 || u[0] != 0xE2)
		return false;
	return (u[1] == 0x80 && u[2] >= 0xA8 && u[2] <= 0xAE) ||
	       (u[1] == 0x81 && u[2] >= 0xA6 && u[2] <= 0xA9);
}

void
text_add_escaped(struct text *t, const char *bytes, size_t n)
{
	while (n > 0 && !t->is_cut) {
		const unsigned char *u = (const unsigned char *)bytes;
		size_t len = text_utf8_len(bytes, n);

		if (len == 1 && (*u < ' ' || *u == 0x7F))
			len = 0;
		if (len > 0 && !is_unseen(u, len)) {
			add_whole(t, bytes, len);
		} else {
			char code[4] = { '\\', 'x', hex[*u >> 4],
				hex[*u & 15] };

			add_whole(t, code, sizeof(code));
			len = 1;
		}
		bytes += len;
		n -= len;
	}
}
