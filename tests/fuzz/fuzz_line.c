/*
 * The line codec under any bytes: the reader gives the same lines however the
 * bytes are split; what request_parse and reply_parse take, encoded again, is
 * read back as the same; the reader ends empty.
 *
 * The first byte of the input says how large the parts are.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/line.h"
#include "core/text.h"

#define CAP (2 * (LINE_MAX_BYTES + 2))
/* Each byte may become three. */
#define TEXT_BYTES (3 * LINE_MAX_BYTES + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_same_args(const struct line_arg *a, const struct line_arg *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ASSERT(same(a[i].key, b[i].key));
		ASSERT(same(a[i].value, b[i].value));
	}
}

static void
encode_args(struct text *t, const struct line_arg *args, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ASSERT(args[i].value != NULL);
		if (args[i].key != NULL) {
			ASSERT(*args[i].key != '\0');
			text_add_pair(t, args[i].key, args[i].value);
		} else {
			ASSERT(*args[i].value != '\0');
			text_add_char(t, ' ');
			text_add_value(t, args[i].value);
		}
	}
}

static void
begin_line(struct text *t, char *buf, const char *tag)
{
	text_init(t, buf, TEXT_BYTES);
	if (tag != NULL) {
		ASSERT(line_is_tag(tag));
		text_addf(t, "#%s ", tag);
	}
}

/* A copy that ends where a sanitizer sees it. */
static char *
copy_line(const char *line, size_t len)
{
	char *copy = mem_new(len + 1, 1);

	memcpy(copy, line, len);
	return copy;
}

static void
check_request(const char *line, size_t len)
{
	char *copy = copy_line(line, len);
	struct request *r = mem_new(2, sizeof(*r));
	char buf[TEXT_BYTES];
	const char *what = NULL;
	struct text t;

	if (request_parse(copy, len, &r[0], &what) != ERR_NONE) {
		ASSERT(what != NULL && *what != '\0');
		ASSERT(r->tag == NULL || line_is_tag(r->tag));
	} else {
		ASSERT(memchr(line, '\0', len) == NULL);
		ASSERT(*r->verb != '\0' && r->argc <= LINE_MAX_ARGS);
		begin_line(&t, buf, r->tag);
		text_add(&t, r->verb);
		encode_args(&t, r->args, r->argc);
		ASSERT(!t.is_cut);
		ASSERT(request_parse(buf, t.len, &r[1], &what) == ERR_NONE);
		ASSERT(same(r[0].tag, r[1].tag));
		ASSERT(same(r[0].verb, r[1].verb));
		ASSERT(r[0].argc == r[1].argc);
		check_same_args(r[0].args, r[1].args, r[0].argc);
	}
	free(r);
	free(copy);
}

static void
encode_reply(struct text *t, const struct reply *r)
{
	if (r->kind == REPLY_ERROR) {
		ASSERT(r->argc == 0);
		text_addf(t, "error %s %s", r->code, r->message);
		return;
	}
	ASSERT(r->code == NULL && r->message == NULL);
	text_add(t, r->kind == REPLY_ROW ? "*" : "ok");
	encode_args(t, r->args, r->argc);
}

static void
check_reply(const char *line, size_t len)
{
	char *copy = copy_line(line, len);
	struct reply *r = mem_new(2, sizeof(*r));
	char buf[TEXT_BYTES];
	struct text t;

	if (reply_parse(copy, len, &r[0])) {
		begin_line(&t, buf, r->tag);
		encode_reply(&t, &r[0]);
		ASSERT(!t.is_cut);
		ASSERT(reply_parse(buf, t.len, &r[1]));
		ASSERT(r[0].kind == r[1].kind && r[0].argc == r[1].argc);
		ASSERT(same(r[0].tag, r[1].tag));
		ASSERT(same(r[0].code, r[1].code));
		ASSERT(same(r[0].message, r[1].message));
		check_same_args(r[0].args, r[1].args, r[0].argc);
	}
	free(r);
	free(copy);
}

/* What a reader gave out, to compare two of them. */
struct tally {
	uint64_t lines;
	uint64_t hash;
};

/* Hands data to a reader in parts and checks each line; whether the last of
 * it was a whole line. */
static bool
read_all(const uint8_t *data, size_t size, size_t part, struct tally *tally)
{
	struct line_in in;
	bool is_empty;

	line_in_init(&in, CAP);
	while (size > 0 && !in.is_long) {
		size_t room, len;
		char *space = line_in_space(&in, &room);
		size_t n = size < part ? size : part;
		char *line;

		ASSERT(room > 0);
		n = n < room ? n : room;
		memcpy(space, data, n);
		line_in_added(&in, n);
		data += n;
		size -= n;
		while (line_in_next(&in, &line, &len) == LINE_OK) {
			ASSERT(len <= LINE_MAX_BYTES && line[len] == '\0');
			ASSERT(memchr(line, '\n', len) == NULL);
			tally->lines++;
			for (size_t i = 0; i <= len; i++)
				tally->hash =
				    tally->hash * 31 + (uint8_t)line[i];
			check_request(line, len);
			check_reply(line, len);
		}
	}
	is_empty = in.head == in.tail && !in.is_long;
	line_in_fini(&in);
	return is_empty;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally parts = { 0 }, whole = { 0 };
	bool is_ended, is_empty;

	if (size < 2)
		return 0;
	is_ended = data[size - 1] == '\n';
	is_empty = read_all(data + 1, size - 1, 1 + data[0], &parts);
	ASSERT(read_all(data + 1, size - 1, CAP, &whole) == is_empty);
	ASSERT(parts.lines == whole.lines && parts.hash == whole.hash);
	/* Without a line that is too long, only a line without end is left. */
	if (size <= LINE_MAX_BYTES)
		ASSERT(is_empty == is_ended);
	return 0;
}
