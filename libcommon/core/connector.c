/* Connectors and their dialogues as they run; see connector.h. */

#include "core/connector.h"

#include <stdlib.h>
#include <string.h>

static const char *const phase_names[CONNECTOR_PHASES] = {
	[CONNECTOR_ON_CONNECT] = "on-connect",
	[CONNECTOR_IS_VALID] = "is-valid",
	[CONNECTOR_ON_ACQUIRE] = "on-acquire",
	[CONNECTOR_ON_RECYCLE] = "on-recycle",
};

/* What there is of ready-made ones, in the words of the configuration. What a
 * user may have left in a connection is undone where the protocol has a word
 * for it; in redis RESET would undo more, but only newer ones know it. HTTP has
 * no state between requests, so that nothing has to be said for it. */
static const struct ready {
	const char *name;
	const char *phases[CONNECTOR_PHASES]; /* NULL: not said */
} ready_made[] = {
	{ "tcp", { NULL } },
	{ "echo", { [CONNECTOR_IS_VALID] = "send \"a\" expect \"a\"" } },
	{ "redis",
	    { [CONNECTOR_IS_VALID] = "send \"PING\\r\\n\" "
				     "expect \"+PONG\\r\\n\"",
		[CONNECTOR_ON_RECYCLE] = "send \"UNWATCH\\r\\nSELECT 0\\r\\n\" "
					 "expect \"+OK\\r\\n+OK\\r\\n\"" } },
	{ "memcached", { [CONNECTOR_IS_VALID] = "send \"version\\r\\n\" "
						"expect-line \"VERSION \"" } },
	{ "http", { [CONNECTOR_IS_VALID] = "send \"HEAD / HTTP/1.1\\r\\n"
					   "Host: localhost\\r\\n\\r\\n\" "
					   "expect-line \"HTTP/1.1 \" drain",
		      [CONNECTOR_ON_RECYCLE] = "none" } },
	{ "smtp", { [CONNECTOR_ON_CONNECT] = "expect-line \"220 \"",
		      [CONNECTOR_IS_VALID] = "send \"NOOP\\r\\n\" "
					     "expect-line \"250 \"",
		      [CONNECTOR_ON_RECYCLE] = "send \"RSET\\r\\n\" "
					       "expect-line \"250 \"" } },
};

const char *
connector_names(void)
{
	return "tcp, echo, redis, memcached, http, smtp";
}

const char *
connector_phase_name(enum phase phase)
{
	return phase_names[phase];
}

struct connector *
connector_new(const char *name)
{
	struct connector *c = mem_new(1, sizeof(*c));

	c->name = mem_strdup(name);
	c->refs = 1;
	return c;
}

struct connector *
connector_hold(struct connector *c)
{
	c->refs++;
	return c;
}

static void
dialogue_fini(struct dialogue *d)
{
	struct dialogue_step *s = d->steps;

	for (; s != NULL && s->kind != STEP_END; s++)
		free(s->bytes);
	free(d->steps);
	d->steps = NULL;
}

void
connector_drop(struct connector **connector)
{
	struct connector *c = *connector;

	*connector = NULL;
	if (c == NULL || --c->refs > 0)
		return;
	for (size_t i = 0; i < CONNECTOR_PHASES; i++)
		dialogue_fini(&c->phases[i]);
	free(c->name);
	free(c);
}

struct connector *
connector_ready(const char *name)
{
	char buf[128];
	struct text why;

	for (size_t i = 0; i < ARRAY_LEN(ready_made); i++) {
		const struct ready *r = &ready_made[i];
		struct connector *c;

		if (strcmp(r->name, name) != 0)
			continue;
		c = connector_new(name);
		text_init(&why, buf, sizeof(buf));
		for (int p = 0; p < CONNECTOR_PHASES; p++)
			ASSERT(r->phases[p] == NULL ||
			       connector_set(
				   c, (enum phase)p, r->phases[p], &why));
		return c;
	}
	return NULL;
}

const struct dialogue *
connector_dialogue(const struct connector *c, enum phase phase)
{
	if (phase == CONNECTOR_ON_RECYCLE && !c->is_said[phase])
		phase = CONNECTOR_IS_VALID;
	return &c->phases[phase];
}

static bool
is_same_dialogue(const struct dialogue *a, const struct dialogue *b)
{
	const struct dialogue_step *x = a->steps, *y = b->steps;

	if (x == NULL || y == NULL)
		return x == y;
	for (; x->kind == y->kind; x++, y++) {
		if (x->kind == STEP_END)
			return true;
		if (x->len != y->len || memcmp(x->bytes, y->bytes, x->len) != 0)
			return false;
	}
	return false;
}

bool
connector_same(const struct connector *a, const struct connector *b)
{
	if (strcmp(a->name, b->name) != 0)
		return false;
	for (int p = 0; p < CONNECTOR_PHASES; p++) {
		if (!is_same_dialogue(connector_dialogue(a, (enum phase)p),
			connector_dialogue(b, (enum phase)p)))
			return false;
	}
	return true;
}

/* --- dialogues from text ---------------------------------------------------
 */

struct parser {
	const char *at;
	struct text *why;
	size_t steps, bytes; /* so far */
};

static bool
fail(struct parser *p, const char *reason)
{
	text_addf(p->why, "at '%.40s': %s", p->at, reason);
	return false;
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	at = c == '\0' ? NULL : strchr(digits, c);
	return at == NULL ? -1 : (int)(at - digits);
}

/* p->at is behind a backslash. */
static bool
parse_escape(struct parser *p, char *byte)
{
	static const char letters[] = "rnt\\\"", bytes[] = "\r\n\t\\\"";
	const char *letter = *p->at == '\0' ? NULL : strchr(letters, *p->at);
	int high, low;

	if (letter != NULL) {
		*byte = bytes[letter - letters];
		p->at++;
		return true;
	}
	high = *p->at == 'x' ? hex_digit(p->at[1]) : -1;
	low = high < 0 ? -1 : hex_digit(p->at[2]);
	if (low < 0) {
		p->at--;
		return fail(
		    p, "\\r, \\n, \\t, \\\\, \\\" or \\xNN is needed here");
	}
	*byte = (char)(high * 16 + low);
	p->at += 3;
	return true;
}

/* A string in quotes; s gets its bytes. */
static bool
parse_string(struct parser *p, struct dialogue_step *s)
{
	const char *start = p->at;

	if (*p->at != '"')
		return fail(p, "a string in \" is needed here");
	p->at++;
	s->bytes = mem_new(strlen(p->at) + 1, 1);
	while (*p->at != '"') {
		unsigned char byte = (unsigned char)*p->at;

		if (byte == '\0') {
			p->at = start;
			return fail(p, "the string has no end");
		}
		if (byte < 0x20 || byte == 0x7F)
			return fail(p, "a control byte is written as \\xNN");
		p->at++;
		s->bytes[s->len] = (char)byte;
		if (byte == '\\' && !parse_escape(p, &s->bytes[s->len]))
			return false;
		s->len++;
	}
	p->at++;
	p->bytes += s->len;
	if (p->bytes > DIALOGUE_BYTES_MAX)
		return fail(p, "the dialogue has too many bytes");
	return true;
}

static const struct {
	const char *word;
	enum dialogue_step_kind kind;
} words[] = {
	{ "send", STEP_SEND },
	{ "expect", STEP_EXPECT },
	{ "expect-line", STEP_EXPECT_LINE },
	{ "drain", STEP_DRAIN },
};

static bool
parse_step(struct parser *p, struct dialogue_step *s)
{
	size_t n = strcspn(p->at, " \t\"");
	const char *start = p->at;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i].word) == n &&
		    memcmp(p->at, words[i].word, n) == 0)
			s->kind = words[i].kind;
	}
	if (s->kind == STEP_END)
		return fail(
		    p, "send, expect, expect-line or drain is needed here");
	p->at += n;
	p->at += strspn(p->at, " \t");
	if (s->kind == STEP_DRAIN) {
		s->bytes = mem_new(1, 1);
		return true;
	}
	if (!parse_string(p, s))
		return false;
	p->at += strspn(p->at, " \t");
	if (s->len == 0 && s->kind != STEP_EXPECT_LINE) {
		p->at = start;
		return fail(p, "an empty string does nothing");
	}
	if (s->kind == STEP_EXPECT_LINE && memchr(s->bytes, '\n', s->len)) {
		p->at = start;
		return fail(p, "a line has no \\n before its end");
	}
	return true;
}

bool
connector_set(
    struct connector *c, enum phase phase, const char *text, struct text *why)
{
	struct parser p = { .at = text, .why = why };
	struct dialogue d = { NULL };

	p.at += strspn(p.at, " \t");
	if (strcmp(p.at, "none") != 0) {
		d.steps = mem_new(1, sizeof(d.steps[0]));
		do {
			if (p.steps == DIALOGUE_STEPS_MAX) {
				(void)fail(&p, "there are too many steps");
				goto bad;
			}
			d.steps = mem_grow(d.steps, p.steps + 1, p.steps + 2,
			    sizeof(d.steps[0]));
			if (!parse_step(&p, &d.steps[p.steps++]))
				goto bad;
		} while (*p.at != '\0');
	}
	dialogue_fini(&c->phases[phase]);
	c->phases[phase] = d;
	c->is_said[phase] = true;
	return true;
bad:
	dialogue_fini(&d);
	return false;
}

/* --- dialogues as they run -------------------------------------------------
 */

static void
next_step(struct dialogue_run *run)
{
	run->step++;
	run->done = 0;
	if (run->step->kind == STEP_END)
		run->step = NULL;
}

void
dialogue_start(struct dialogue_run *run, const struct dialogue *d)
{
	run->step = d->steps;
	run->done = 0;
	if (run->step != NULL && run->step->kind == STEP_END)
		run->step = NULL;
}

enum dialogue_wish
dialogue_next(const struct dialogue_run *run, const char **bytes, size_t *len)
{
	const struct dialogue_step *s = run->step;

	if (s == NULL)
		return DIALOGUE_DONE;
	*bytes = s->bytes;
	*len = 0;
	switch (s->kind) {
	case STEP_SEND:
	case STEP_EXPECT:
		*bytes = s->bytes + run->done;
		*len = s->len - run->done;
		return s->kind == STEP_SEND ? DIALOGUE_SEND : DIALOGUE_RECEIVE;
	case STEP_EXPECT_LINE:
		*len = DIALOGUE_LINE_MAX - run->done;
		return DIALOGUE_PEEK;
	case STEP_DRAIN:
		return DIALOGUE_DRAIN;
	case STEP_END:
		break;
	}
	return DIALOGUE_DONE;
}

void
dialogue_sent(struct dialogue_run *run, size_t len)
{
	ASSERT(run->step != NULL && run->step->kind == STEP_SEND);
	ASSERT(len <= run->step->len - run->done);
	run->done += len;
	if (run->done == run->step->len)
		next_step(run);
}

void
dialogue_drained(struct dialogue_run *run)
{
	ASSERT(run->step != NULL && run->step->kind == STEP_DRAIN);
	next_step(run);
}

/* Bytes of the line that come after run->done others of it. */
static bool
line_received(
    struct dialogue_run *run, const char *bytes, size_t len, size_t *taken)
{
	const struct dialogue_step *s = run->step;
	const char *end = memchr(bytes, '\n', len);
	size_t left = run->done < s->len ? s->len - run->done : 0;

	*taken = end == NULL ? len : (size_t)(end - bytes) + 1;
	if (left > *taken)
		left = *taken;
	if (left > 0 && memcmp(bytes, s->bytes + run->done, left) != 0)
		return false;
	run->done += *taken;
	if (end != NULL) /* the prefix, which has no \n, is there in whole */
		next_step(run);
	else if (run->done >= DIALOGUE_LINE_MAX)
		return false;
	return true;
}

bool
dialogue_received(
    struct dialogue_run *run, const char *bytes, size_t len, size_t *taken)
{
	const struct dialogue_step *s = run->step;

	*taken = len;
	if (s != NULL && s->kind == STEP_EXPECT_LINE)
		return line_received(run, bytes, len, taken);
	if (s == NULL || s->kind != STEP_EXPECT || len > s->len - run->done ||
	    memcmp(bytes, s->bytes + run->done, len) != 0)
		return false;
	run->done += len;
	if (run->done == s->len)
		next_step(run);
	return true;
}
