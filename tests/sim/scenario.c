/*
 * Scenarios as text, a line each, `#` starts a comment:
 *
 *   seed N               of all that is left open
 *   room N               claims in the table that the pools share
 *   batch N              most events before actions are carried out
 *   walk N               events between two full checks
 *   pool P [acquire] [POLICY=VALUE ...]        P counts from 0
 *   backend B name=N priority=N weight=N       B counts from 0
 *   AT claim P c=LABEL uid=N [wait=T] [lease=T] [hold=T] [cancel=T|vanish=T]
 *                 [end=ok|broken|gone|never] [backend=B] [key=N]
 *   AT mode B ok|slow|refuse|hang|close|flaky  how it takes connections
 *   AT checks B good|bad|hang|flaky|lie        how they answer checks
 *   AT kill B PERCENT                          so many of them die
 *   AT weigh B PRIORITY WEIGHT                 from the next source on
 *   AT source P [B ...]                        exactly these are named
 *   AT policy P NAME=VALUE ...
 *   AT pause P | resume P | stop P | start P | sweep P
 *   AT drain P B | undrain P B
 *   AT revoke P c=LABEL
 *   AT stall T           the caller of the core is busy elsewhere
 *   AT calm              faults stop: backends are good, nothing is paused
 *   AT settled           every pool must be as it is wanted
 *   AT even-begin, even-end     between them claims must spread evenly
 *
 * AT is microseconds from the start. T is a time as in policies (5ms, never).
 * sweep: the clients that would never give back go away.
 */

#include <stdlib.h>
#include <string.h>

#include "core/duration.h"
#include "core/number.h"
#include "core/text.h"
#include "sim.h"

const char *const op_names[OP_COUNT] = {
#define X(name, word) [OP_##name] = word,
	OP_TABLE(X)
#undef X
};

const char *const mode_names[MODE_COUNT] = { "ok", "slow", "refuse", "hang",
	"close", "flaky" };
const char *const checks_names[CHECKS_COUNT] = { "good", "bad", "hang", "flaky",
	"lie" };
const char *const fate_names[FATE_COUNT] = { "ok", "broken", "gone", "never" };

void
spec_init(struct spec *s)
{
	memset(s, 0, sizeof(*s));
	s->room = 1024;
	s->batch = 1;
	s->walk = 1;
	for (unsigned i = 0; i < POOLS_MAX; i++)
		policy_init(&s->pool[i].policy);
	for (unsigned i = 0; i < BACKENDS_MAX; i++)
		s->backend[i] = (struct backend_def){ (uint8_t)i, 0, 1 };
}

static bool
is_wide(const struct policy_row *row)
{
	return row->kind == POLICY_COUNT_OR_NEVER || row->kind == POLICY_SPAN ||
	       row->kind == POLICY_SPAN_OR_NEVER;
}

bool
policy_is_number(uint8_t row)
{
	return is_wide(&policy_rows[row]) ||
	       policy_rows[row].kind == POLICY_COUNT ||
	       policy_rows[row].kind == POLICY_CHOICE;
}

void
policy_put(struct policy *p, const struct change *c)
{
	const struct policy_row *row = &policy_rows[c->row];
	uint32_t n = (uint32_t)c->value;

	if (is_wide(row))
		memcpy((char *)p + row->offset, &c->value, sizeof(c->value));
	else
		memcpy((char *)p + row->offset, &n, sizeof(n));
}

uint64_t
policy_get(const struct policy *p, uint8_t row)
{
	const struct policy_row *r = &policy_rows[row];
	uint64_t wide;
	uint32_t n;

	if (is_wide(r)) {
		memcpy(&wide, (const char *)p + r->offset, sizeof(wide));
		return wide;
	}
	memcpy(&n, (const char *)p + r->offset, sizeof(n));
	return n;
}

uint8_t
policy_row_of(const char *name)
{
	const struct policy_row *row = policy_find(name);

	ASSERT(row != NULL);
	return (uint8_t)(row - policy_rows);
}

void
script_add(struct script *s, const struct op *op)
{
	if (s->count == s->room) {
		size_t room = s->room == 0 ? 256 : s->room * 2;

		s->ops = mem_grow(s->ops, s->room, room, sizeof(*op));
		s->room = room;
	}
	s->ops[s->count++] = *op;
}

void
script_free(struct script *s)
{
	free(s->ops);
	memset(s, 0, sizeof(*s));
}

static bool
script_next(void *ctx, struct op *op)
{
	struct script *s = ctx;

	if (s->at == s->count)
		return false;
	*op = s->ops[s->at++];
	return true;
}

/* From the start again. */
struct op_source
script_source(struct script *s)
{
	s->at = 0;
	return (struct op_source){ script_next, s };
}

/* --- writing ---------------------------------------------------------------
 */

static void
write_change(FILE *f, const struct policy *p, uint8_t row)
{
	char buf[64];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	policy_add_value(&t, p, &policy_rows[row]);
	fprintf(f, " %s=%s", policy_rows[row].name, buf);
}

static void
write_span(FILE *f, const char *name, uint64_t us)
{
	char buf[32];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_add_duration(&t, us);
	fprintf(f, " %s=%s", name, buf);
}

static void
write_claim(FILE *f, const struct op *op)
{
	fprintf(f, " %u c=%u uid=%u", op->pool, op->label, op->uid);
	if (op->wait_us != POOL_WAIT_DEFAULT)
		write_span(f, "wait", op->wait_us);
	if (op->lease_us != 0)
		write_span(f, "lease", op->lease_us);
	write_span(f, "hold", op->hold_us);
	if (op->cancel_us != NEVER)
		write_span(
		    f, op->is_vanishing ? "vanish" : "cancel", op->cancel_us);
	if (op->fate != FATE_OK)
		fprintf(f, " end=%s", fate_names[op->fate]);
	if (op->backend >= 0)
		fprintf(f, " backend=%d", op->backend);
	if (op->key >= 0)
		fprintf(f, " key=%d", op->key);
}

static void
write_names(FILE *f, uint64_t mask)
{
	for (unsigned i = 0; i < BACKENDS_MAX; i++) {
		if (mask >> i & 1)
			fprintf(f, " %u", i);
	}
}

static void
write_op(FILE *f, const struct op *op)
{
	struct policy p;

	fprintf(
	    f, "%llu %s", (unsigned long long)op->at_us, op_names[op->kind]);
	switch (op->kind) {
	case OP_CLAIM:
		write_claim(f, op);
		break;
	case OP_MODE:
		fprintf(f, " %d %s", op->backend, mode_names[op->mode]);
		break;
	case OP_CHECKS:
		fprintf(f, " %d %s", op->backend, checks_names[op->mode]);
		break;
	case OP_KILL:
		fprintf(f, " %d %u", op->backend, op->percent);
		break;
	case OP_WEIGH:
		fprintf(f, " %d %u %u", op->backend, op->priority, op->weight);
		break;
	case OP_SOURCE:
		fprintf(f, " %u", op->pool);
		write_names(f, op->mask);
		break;
	case OP_POLICY:
		fprintf(f, " %u", op->pool);
		policy_init(&p);
		for (int i = 0; i < op->change_count; i++) {
			policy_put(&p, &op->changes[i]);
			write_change(f, &p, op->changes[i].row);
		}
		break;
	case OP_DRAIN:
	case OP_UNDRAIN:
		fprintf(f, " %u %d", op->pool, op->backend);
		break;
	case OP_REVOKE:
		fprintf(f, " %u c=%u", op->pool, op->label);
		break;
	case OP_STALL:
		write_span(f, "for", op->span_us);
		break;
	case OP_PAUSE:
	case OP_RESUME:
	case OP_STOP:
	case OP_START:
	case OP_SWEEP:
		fprintf(f, " %u", op->pool);
		break;
	case OP_CALM:
	case OP_SETTLED:
	case OP_EVEN_BEGIN:
	case OP_EVEN_END:
	case OP_COUNT:
		break;
	}
	fputc('\n', f);
}

static void
write_spec(FILE *f, const struct spec *s)
{
	struct policy initial;

	policy_init(&initial);
	fprintf(f, "seed %llu\nroom %u\nbatch %u\nwalk %u\n",
	    (unsigned long long)s->seed, s->room, s->batch, s->walk);
	for (unsigned i = 0; i < s->pools; i++) {
		fprintf(f, "pool %u%s", i,
		    s->pool[i].has_acquire ? " acquire" : "");
		for (uint8_t r = 0; r < policy_row_count; r++) {
			if (policy_is_number(r) &&
			    policy_get(&initial, r) !=
				policy_get(&s->pool[i].policy, r))
				write_change(f, &s->pool[i].policy, r);
		}
		fputc('\n', f);
	}
	for (unsigned i = 0; i < s->backends; i++)
		fprintf(f, "backend %u name=%u priority=%u weight=%u\n", i,
		    s->backend[i].name, s->backend[i].priority,
		    s->backend[i].weight);
}

void
script_write(FILE *f, const struct script *s, const char *head)
{
	fprintf(f, "# %s\n", head);
	write_spec(f, &s->spec);
	for (size_t i = 0; i < s->count; i++)
		write_op(f, &s->ops[i]);
}

/* --- reading ---------------------------------------------------------------
 */

/* The words of a line that are left; what goes wrong ends up in why. */
struct reader {
	char *save;
	char *why;
	size_t cap;
	bool is_bad;
};

static void
complain(struct reader *r, const char *what, const char *word)
{
	if (!r->is_bad)
		snprintf(
		    r->why, r->cap, "%s: %s", word == NULL ? "" : word, what);
	r->is_bad = true;
}

static char *
next_word(struct reader *r)
{
	return strtok_r(NULL, " \t\n", &r->save);
}

static uint64_t
to_number(struct reader *r, const char *word, uint64_t most)
{
	uint64_t n = 0;

	if (word == NULL || !number_parse(word, 0, most, &n))
		complain(r, "a number is needed, or it is too large", word);
	return n;
}

static uint64_t
next_number(struct reader *r, uint64_t most)
{
	return to_number(r, next_word(r), most);
}

static uint64_t
to_span(struct reader *r, const char *word)
{
	uint64_t us = 0;

	if (!duration_parse(word, &us))
		complain(r, "a time is needed", word);
	return us;
}

static uint8_t
to_choice(struct reader *r, const char *word, const char *const *names,
    unsigned count)
{
	for (unsigned i = 0; word != NULL && i < count; i++) {
		if (strcmp(word, names[i]) == 0)
			return (uint8_t)i;
	}
	complain(r, "unknown word", word);
	return 0;
}

/* Splits NAME=VALUE; NULL when there is no "=". */
static char *
split(char *word)
{
	char *value = strchr(word, '=');

	if (value != NULL)
		*value++ = '\0';
	return value;
}

static void
read_change(struct reader *r, char *word, struct policy *p, struct change *c)
{
	const struct policy_row *row;
	char *value = split(word);
	char buf[256];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	row = policy_find(word);
	if (row == NULL || value == NULL ||
	    !policy_is_number((uint8_t)(row - policy_rows)) ||
	    !policy_set(p, row, value, &why)) {
		complain(r, "no such policy, or no such value", word);
		return;
	}
	c->row = (uint8_t)(row - policy_rows);
	c->value = policy_get(p, c->row);
}

static void
read_claim_word(struct reader *r, char *word, struct op *op)
{
	char *value = split(word);

	if (value == NULL) {
		complain(r, "NAME=VALUE is needed", word);
	} else if (strcmp(word, "c") == 0) {
		op->label = (uint32_t)to_number(r, value, LABELS_MAX - 1);
	} else if (strcmp(word, "uid") == 0) {
		op->uid = (uint32_t)to_number(r, value, USERS_MAX - 1);
	} else if (strcmp(word, "wait") == 0) {
		op->wait_us = to_span(r, value);
	} else if (strcmp(word, "lease") == 0) {
		op->lease_us = to_span(r, value);
	} else if (strcmp(word, "hold") == 0) {
		op->hold_us = to_span(r, value);
	} else if (strcmp(word, "cancel") == 0) {
		op->cancel_us = to_span(r, value);
	} else if (strcmp(word, "vanish") == 0) {
		op->cancel_us = to_span(r, value);
		op->is_vanishing = true;
	} else if (strcmp(word, "end") == 0) {
		op->fate = to_choice(r, value, fate_names, FATE_COUNT);
	} else if (strcmp(word, "backend") == 0) {
		op->backend = (int8_t)to_number(r, value, BACKENDS_MAX - 1);
	} else if (strcmp(word, "key") == 0) {
		op->key = (int32_t)to_number(r, value, 1000000);
	} else {
		complain(r, "unknown argument", word);
	}
}

static void
read_policy(struct reader *r, struct op *op)
{
	struct policy p;
	char *word;

	policy_init(&p);
	while (!r->is_bad && (word = next_word(r)) != NULL) {
		if (op->change_count == CHANGES_MAX) {
			complain(r, "too many settings in one line", word);
			return;
		}
		read_change(r, word, &p, &op->changes[op->change_count++]);
	}
}

static int8_t
next_backend(struct reader *r)
{
	return (int8_t)next_number(r, BACKENDS_MAX - 1);
}

static bool
has_pool(enum op_kind kind)
{
	static const unsigned without =
	    1u << OP_MODE | 1u << OP_CHECKS | 1u << OP_KILL | 1u << OP_WEIGH |
	    1u << OP_STALL | 1u << OP_CALM | 1u << OP_SETTLED |
	    1u << OP_EVEN_BEGIN | 1u << OP_EVEN_END;

	return (without & 1u << kind) == 0;
}

static void
read_claim(struct reader *r, struct op *op)
{
	char *word;

	while (!r->is_bad && (word = next_word(r)) != NULL)
		read_claim_word(r, word, op);
}

static void
read_op_rest(struct reader *r, struct op *op)
{
	char *word;

	switch (op->kind) {
	case OP_CLAIM:
	case OP_REVOKE:
		read_claim(r, op);
		break;
	case OP_MODE:
		op->backend = next_backend(r);
		op->mode = to_choice(r, next_word(r), mode_names, MODE_COUNT);
		break;
	case OP_CHECKS:
		op->backend = next_backend(r);
		op->mode =
		    to_choice(r, next_word(r), checks_names, CHECKS_COUNT);
		break;
	case OP_KILL:
		op->backend = next_backend(r);
		op->percent = (uint8_t)next_number(r, 100);
		break;
	case OP_WEIGH:
		op->backend = next_backend(r);
		op->priority = (uint16_t)next_number(r, UINT16_MAX);
		op->weight = (uint16_t)next_number(r, UINT16_MAX);
		break;
	case OP_SOURCE:
		while (!r->is_bad && (word = next_word(r)) != NULL)
			op->mask |= 1ULL
				    << to_number(r, word, BACKENDS_MAX - 1);
		break;
	case OP_POLICY:
		read_policy(r, op);
		break;
	case OP_DRAIN:
	case OP_UNDRAIN:
		op->backend = next_backend(r);
		break;
	case OP_STALL:
		word = next_word(r);
		word = word == NULL ? NULL : split(word);
		op->span_us = word == NULL ? 0 : to_span(r, word);
		break;
	case OP_PAUSE:
	case OP_RESUME:
	case OP_STOP:
	case OP_START:
	case OP_SWEEP:
	case OP_CALM:
	case OP_SETTLED:
	case OP_EVEN_BEGIN:
	case OP_EVEN_END:
	case OP_COUNT:
		break;
	}
}

static void
read_op(struct reader *r, const char *at, struct script *s)
{
	struct op op = { .backend = -1,
		.key = -1,
		.wait_us = POOL_WAIT_DEFAULT,
		.cancel_us = NEVER };

	op.at_us = to_number(r, at, UINT64_MAX / 4);
	op.kind = to_choice(r, next_word(r), op_names, OP_COUNT);
	if (has_pool(op.kind))
		op.pool = (uint8_t)next_number(r, POOLS_MAX - 1);
	read_op_rest(r, &op);
	if (next_word(r) != NULL)
		complain(r, "something is left over", NULL);
	if (s->count > 0 && s->ops[s->count - 1].at_us > op.at_us)
		complain(r, "goes back in time", at);
	script_add(s, &op);
}

static void
read_pool(struct reader *r, struct spec *s)
{
	uint64_t i = next_number(r, POOLS_MAX - 1);
	struct change c;
	char *word;

	if (i >= s->pools)
		s->pools = (unsigned)i + 1;
	while (!r->is_bad && (word = next_word(r)) != NULL) {
		if (strcmp(word, "acquire") == 0)
			s->pool[i].has_acquire = true;
		else
			read_change(r, word, &s->pool[i].policy, &c);
	}
}

static void
read_backend(struct reader *r, struct spec *s)
{
	uint64_t i = next_number(r, BACKENDS_MAX - 1);
	char *word;

	if (i >= s->backends)
		s->backends = (unsigned)i + 1;
	while (!r->is_bad && (word = next_word(r)) != NULL) {
		uint64_t n = to_number(r, split(word), UINT16_MAX);

		if (strcmp(word, "name") == 0)
			s->backend[i].name = (uint8_t)n;
		else if (strcmp(word, "priority") == 0)
			s->backend[i].priority = (uint16_t)n;
		else if (strcmp(word, "weight") == 0)
			s->backend[i].weight = (uint16_t)n;
		else
			complain(r, "unknown argument", word);
	}
}

static void
read_line(struct reader *r, char *line, struct script *s)
{
	char *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\n", &r->save);
	if (word == NULL)
		return;
	if (strcmp(word, "seed") == 0)
		s->spec.seed = next_number(r, UINT64_MAX);
	else if (strcmp(word, "room") == 0)
		s->spec.room = (uint32_t)next_number(r, 1000000);
	else if (strcmp(word, "batch") == 0)
		s->spec.batch = (uint32_t)next_number(r, 1000);
	else if (strcmp(word, "walk") == 0)
		s->spec.walk = (uint32_t)next_number(r, 1000000);
	else if (strcmp(word, "pool") == 0)
		read_pool(r, &s->spec);
	else if (strcmp(word, "backend") == 0)
		read_backend(r, &s->spec);
	else
		read_op(r, word, s);
}

bool
script_read(FILE *f, struct script *s, char *why, size_t cap)
{
	char line[1024];
	struct reader r = { NULL, why, cap, false };
	unsigned n = 0;

	memset(s, 0, sizeof(*s));
	spec_init(&s->spec);
	while (!r.is_bad && fgets(line, sizeof(line), f) != NULL) {
		n++;
		read_line(&r, line, s);
	}
	if (!r.is_bad)
		return true;
	snprintf(line, sizeof(line), "line %u: %.200s", n, why);
	snprintf(why, cap, "%s", line);
	script_free(s);
	return false;
}
