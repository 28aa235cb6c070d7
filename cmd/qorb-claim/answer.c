#include "answer.h"

#include <string.h>

void
answer_init_count(struct answer *a, enum answer_kind kind, uint64_t n)
{
	ASSERT(n > 0 && (kind == ANSWER_BYTES || kind == ANSWER_LINES));
	*a = (struct answer){ .kind = kind, .left = n };
}

/* One step of the match: how much of until ends with this byte. */
static size_t
step(const struct answer *a, size_t matched, char byte)
{
	while (matched > 0 && a->until[matched] != byte)
		matched = a->back[matched - 1];
	return a->until[matched] == byte ? matched + 1 : 0;
}

bool
answer_init_string(struct answer *a, const char *until)
{
	size_t n = strlen(until);

	if (n == 0 || n > ANSWER_STRING_MAX)
		return false;
	*a = (struct answer){
		.kind = ANSWER_STRING, .until = until, .until_len = n
	};
	for (size_t i = 1; i < n; i++)
		a->back[i] = (uint16_t)step(a, a->back[i - 1], until[i]);
	return true;
}

static size_t
feed_bytes(struct answer *a, size_t n)
{
	size_t used = n < a->left ? n : (size_t)a->left;

	a->left -= used;
	a->is_done = a->left == 0;
	return used;
}

static size_t
feed_lines(struct answer *a, const char *bytes, size_t n)
{
	const char *at = bytes;
	const char *end = bytes + n;

	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));

		if (lf == NULL)
			return n;
		at = lf + 1;
		if (--a->left == 0) {
			a->is_done = true;
			return (size_t)(at - bytes);
		}
	}
	return n;
}

static size_t
feed_string(struct answer *a, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		a->matched = step(a, a->matched, bytes[i]);
		if (a->matched == a->until_len) {
			a->is_done = true;
			return i + 1;
		}
	}
	return n;
}

size_t
answer_feed(struct answer *a, const char *bytes, size_t n)
{
	if (a->is_done)
		return 0;
	switch (a->kind) {
	case ANSWER_BYTES:
		return feed_bytes(a, n);
	case ANSWER_LINES:
		return feed_lines(a, bytes, n);
	case ANSWER_STRING:
		return feed_string(a, bytes, n);
	case ANSWER_NONE:
		break;
	}
	return n;
}
