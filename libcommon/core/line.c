#include "core/line.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

void
line_in_init(struct line_in *in, size_t cap)
{
	ASSERT(cap >= 2 * (LINE_MAX_BYTES + 2));
	*in = (struct line_in){ .buf = mem_new(cap, 1), .cap = cap };
}

void
line_in_fini(struct line_in *in)
{
	free(in->buf);
	*in = (struct line_in){ 0 };
}

char *
line_in_space(struct line_in *in, size_t *room)
{
	size_t left = in->tail - in->head;

	if (in->head > 0) {
		memmove(in->buf, in->buf + in->head, left);
		in->head = 0;
		in->tail = left;
	}
	*room = in->is_long ? 0 : in->cap - in->tail;
	return in->buf + in->tail;
}

void
line_in_added(struct line_in *in, size_t n)
{
	ASSERT(n <= in->cap - in->tail);
	in->tail += n;
}

static enum line_status
too_long(struct line_in *in)
{
	in->is_long = true;
	return LINE_TOO_LONG;
}

enum line_status
line_in_next(struct line_in *in, char **line, size_t *len)
{
	char *start = in->buf + in->head;
	size_t have = in->tail - in->head;
	char *end;
	size_t n;

	if (in->is_long)
		return LINE_TOO_LONG;
	end = memchr(start + in->seen, '\n', have - in->seen);
	if (end == NULL) {
		/* One byte more may be the CR of an end still under way. */
		in->seen = have;
		if (have > LINE_MAX_BYTES + 1 ||
		    (have == LINE_MAX_BYTES + 1 && start[have - 1] != '\r'))
			return too_long(in);
		return LINE_NONE;
	}
	n = (size_t)(end - start);
	if (n > 0 && start[n - 1] == '\r')
		n--;
	if (n > LINE_MAX_BYTES)
		return too_long(in);
	start[n] = '\0';
	in->head += (size_t)(end - start) + 1;
	in->seen = 0;
	*line = start;
	*len = n;
	return LINE_OK;
}

/* Reads through a line once, cutting it into words as it goes. */
struct cursor {
	char *at;
	char *end;	 /* holds a NUL */
	const char *why; /* what is wrong, once something is */
	unsigned words;	 /* begun so far */
};

static bool
wrong(struct cursor *c, const char *why)
{
	c->why = why;
	return false;
}

static const char *
control_name(unsigned char byte)
{
	return byte == '\0' ? "a NUL byte in the line"
			    : "a control byte in the line: write it as %XX";
}

/* Bytes of the character at the cursor; 0 and c->why when it may not be. */
static size_t
char_len(struct cursor *c)
{
	unsigned char byte = (unsigned char)*c->at;
	size_t n;

	if (byte >= ' ' && byte < 0x7F)
		return 1;
	if (byte < ' ' || byte == 0x7F) {
		c->why = control_name(byte);
		return 0;
	}
	n = text_utf8_len(c->at, (size_t)(c->end - c->at));
	if (n == 0)
		c->why = "the line is not UTF-8";
	return n;
}

static void
skip_spaces(struct cursor *c)
{
	while (*c->at == ' ')
		c->at++;
}

static bool
at_end(const struct cursor *c)
{
	return c->at == c->end;
}

/* Ends the word that stops at the cursor and steps over the space. */
static void
end_word(struct cursor *c, char *word_end)
{
	if (c->at < c->end)
		c->at++;
	*word_end = '\0';
}

/* The next word as it stands; "" at the end of the line. */
static bool
next_word(struct cursor *c, char **word)
{
	skip_spaces(c);
	*word = c->at;
	c->words++;
	while (c->at < c->end && *c->at != ' ') {
		size_t n = char_len(c);

		if (n == 0)
			return false;
		c->at += n;
	}
	end_word(c, c->at);
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The byte that the %XX at the cursor stands for. */
static bool
decode(struct cursor *c, char *byte)
{
	int high = hex_digit(c->at[1]);
	int low = high < 0 ? -1 : hex_digit(c->at[2]);

	if (low < 0)
		return wrong(c, "a % without two hexadecimal digits after it");
	if (high == 0 && low == 0)
		return wrong(c, "%00, a NUL byte, in a value");
	*byte = (char)(high << 4 | low);
	c->at += 3;
	return true;
}

/* The '=' at the cursor ends the key that starts at start; to is where the next
 * decoded byte would go. */
static bool
end_key(struct cursor *c, struct line_arg *arg, char *start, const char *to)
{
	if (arg->key != NULL)
		return wrong(c, "a second '=' in an argument: write it as %3D");
	if (c->at == start)
		return wrong(c, "an '=' without a key before it");
	if (c->at != to)
		return wrong(c, "a '%' in a key");
	*c->at++ = '\0';
	arg->key = start;
	arg->value = c->at;
	return true;
}

/* The argument at the cursor, decoded in place. */
static bool
next_arg(struct cursor *c, struct line_arg *arg)
{
	char *start = c->at;
	char *to = start;

	*arg = (struct line_arg){ .key = NULL, .value = start };
	c->words++;
	while (c->at < c->end && *c->at != ' ') {
		size_t n;

		if (*c->at == '=') {
			if (!end_key(c, arg, start, to))
				return false;
			to = c->at;
			continue;
		}
		if (*c->at == '%') {
			if (!decode(c, to++))
				return false;
			continue;
		}
		n = char_len(c);
		if (n == 0)
			return false;
		while (n-- > 0)
			*to++ = *c->at++;
	}
	end_word(c, to);
	return true;
}

/* The arguments from the cursor to the end of the line. */
static enum error
next_args(struct cursor *c, struct line_arg *args, size_t *argc)
{
	for (skip_spaces(c); !at_end(c); skip_spaces(c)) {
		if (*argc == LINE_MAX_ARGS) {
			c->why = "more than 64 arguments";
			c->words++;
			return ERR_BAD_ARGUMENT;
		}
		if (!next_arg(c, &args[*argc]))
			return ERR_BAD_SYNTAX;
		(*argc)++;
	}
	return ERR_NONE;
}

/* The tag at the cursor, when there is one. */
static bool
next_tag(struct cursor *c, const char **tag)
{
	char *word;

	*tag = NULL;
	skip_spaces(c);
	if (*c->at != '#')
		return true;
	if (!next_word(c, &word))
		return false;
	if (!line_is_tag(word + 1))
		return wrong(c, "a tag is 1 to 32 of A-Z a-z 0-9 . _ -");
	*tag = word + 1;
	return true;
}

enum error
request_parse(char *line, size_t len, struct request *r, const char **what)
{
	struct cursor c = { .at = line, .end = line + len };
	enum error e = ERR_BAD_SYNTAX;
	char *verb = NULL;

	ASSERT(line[len] == '\0');
	r->argc = 0;
	r->verb = NULL;
	if (next_tag(&c, &r->tag) && next_word(&c, &verb)) {
		r->verb = verb;
		if (*verb == '\0')
			c.why = "no verb";
		else
			e = next_args(&c, r->args, &r->argc);
	}
	r->wrong_word = e == ERR_NONE ? 0 : c.words;
	*what = e == ERR_NONE ? "" : c.why;
	return e;
}

const char *
line_in_tag(struct line_in *in)
{
	char *start = in->buf + in->head;
	size_t most = LINE_MAX_TAG + 2; /* with the '#' and the space */
	struct cursor c = { .at = start, .end = start + most };
	const char *tag;

	ASSERT(in->is_long && in->tail - in->head > most);
	*c.end = '\0';
	return next_tag(&c, &tag) ? tag : NULL;
}

static const char *
args_get(const struct line_arg *args, size_t argc, const char *key)
{
	for (size_t i = 0; i < argc; i++) {
		if (args[i].key != NULL && strcmp(args[i].key, key) == 0)
			return args[i].value;
	}
	return NULL;
}

const char *
request_get(const struct request *r, const char *key)
{
	return args_get(r->args, r->argc, key);
}

/* After `error`: a code, then free text to the end of the line. */
static bool
parse_error(struct cursor *c, struct reply *r)
{
	char *code;

	r->kind = REPLY_ERROR;
	if (!next_word(c, &code) || *code == '\0')
		return false;
	r->code = code;
	skip_spaces(c);
	r->message = c->at;
	while (!at_end(c)) {
		size_t n = char_len(c);

		if (n == 0)
			return false;
		c->at += n;
	}
	return true;
}

bool
reply_parse(char *line, size_t len, struct reply *r)
{
	struct cursor c = { .at = line, .end = line + len };
	char *kind;

	ASSERT(line[len] == '\0');
	r->argc = 0;
	r->code = r->message = NULL;
	if (!next_tag(&c, &r->tag) || !next_word(&c, &kind))
		return false;
	if (strcmp(kind, "error") == 0)
		return parse_error(&c, r);
	if (strcmp(kind, "*") == 0)
		r->kind = REPLY_ROW;
	else if (strcmp(kind, "ok") == 0)
		r->kind = REPLY_OK;
	else
		return false;
	return next_args(&c, r->args, &r->argc) == ERR_NONE;
}

const char *
reply_get(const struct reply *r, const char *key)
{
	return args_get(r->args, r->argc, key);
}

static bool
is_tag_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool
line_is_tag(const char *text)
{
	size_t n = 0;

	while (is_tag_char(text[n])) {
		if (++n > LINE_MAX_TAG)
			return false;
	}
	return n > 0 && text[n] == '\0';
}
