#include "core/dns_answer.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

/* RFC 1035 section 2.3.4. */
#define LABEL_MAX     63
#define WIRE_NAME_MAX 255

/* What stands behind a backslash in a normal name. */
#define SPECIALS ".\\\"();@$"

static const struct {
	const char *word;
	const char *text;
} outcomes[DNS_OUTCOME_COUNT] = {
#define X(name, word, text) [DNS_##name] = { word, text },
	DNS_OUTCOME_TABLE(X)
#undef X
};

const char *
dns_outcome_word(enum dns_outcome outcome)
{
	ASSERT(outcome < DNS_OUTCOME_COUNT);
	return outcomes[outcome].word;
}

const char *
dns_outcome_text(enum dns_outcome outcome)
{
	ASSERT(outcome < DNS_OUTCOME_COUNT);
	return outcomes[outcome].text;
}

const char *
dns_type_name(enum dns_type type)
{
	static const char *const names[] = {
		[DNS_SRV] = "SRV",
		[DNS_AAAA] = "AAAA",
		[DNS_A] = "A",
		[DNS_CNAME] = "CNAME",
	};

	ASSERT(type < ARRAY_LEN(names));
	return names[type];
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads one byte of a label, escaped or not, and moves *p past it. */
static bool
read_byte(const char **p, unsigned char *byte)
{
	const char *s = *p;
	int n;

	if (s[0] != '\\') {
		*byte = (unsigned char)s[0];
		*p = s + 1;
		return true;
	}
	if (is_digit(s[1])) {
		if (!is_digit(s[2]) || !is_digit(s[3]))
			return false;
		n = (s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0');
		*byte = (unsigned char)n;
		*p = s + 4;
		return n <= 255;
	}
	*byte = (unsigned char)s[1];
	*p = s + 2;
	return s[1] != '\0';
}

static void
write_byte(struct text *out, unsigned char byte)
{
	if (byte >= 'A' && byte <= 'Z')
		byte = (unsigned char)(byte - 'A' + 'a');
	if (byte <= ' ' || byte >= 0x7F) {
		text_addf(out, "\\%03u", byte);
		return;
	}
	if (strchr(SPECIALS, byte) != NULL)
		text_add_char(out, '\\');
	text_add_char(out, (char)byte);
}

/* Copies one label up to its dot or the end; *wire grows by its length. */
static bool
copy_label(const char **p, struct text *out, size_t *wire, const char **why)
{
	unsigned char byte;
	size_t len = 0;

	while (**p != '\0' && **p != '.') {
		*why = "a '\\' stands before three digits up to 255, or "
		       "before one other character";
		if (!read_byte(p, &byte))
			return false;
		write_byte(out, byte);
		len++;
	}
	*why = "it has an empty label (two dots in a row, or one in front)";
	if (len == 0)
		return false;
	*why = "a label is longer than 63 bytes";
	if (len > LABEL_MAX)
		return false;
	*wire += len + 1;
	*why = "it is longer than 255 bytes";
	return *wire <= WIRE_NAME_MAX;
}

bool
dns_name_normalize(const char *text, char *out, const char **why)
{
	const char *p = text;
	struct text t;
	size_t wire = 1; /* the root's */

	text_init(&t, out, DNS_NAME_BYTES);
	*why = "it is empty";
	if (text[0] == '\0')
		return false;
	if (strcmp(text, ".") == 0) {
		text_add_char(&t, '.');
		return true;
	}
	while (*p != '\0') {
		if (!copy_label(&p, &t, &wire, why))
			return false;
		if (*p == '.')
			p++;
		if (*p != '\0')
			text_add_char(&t, '.');
	}
	ASSERT(!t.is_cut);
	return true;
}

void
dns_answer_init(struct dns_answer *answer, enum dns_outcome outcome)
{
	memset(answer, 0, sizeof(*answer));
	answer->outcome = outcome;
}

void
dns_answer_fini(struct dns_answer *answer)
{
	size_t i;

	for (i = 0; i < answer->count; i++) {
		free((char *)answer->records[i].owner);
		free((char *)answer->records[i].target);
	}
	free(answer->records);
	dns_answer_init(answer, answer->outcome);
}

static bool
copy_name(const char *name, char **copy)
{
	char normal[DNS_NAME_BYTES];
	const char *why;

	*copy = NULL;
	if (!dns_name_normalize(name, normal, &why))
		return false;
	*copy = mem_strdup(normal);
	return true;
}

static struct dns_record *
new_record(struct dns_answer *answer)
{
	size_t cap = answer->cap > 0 ? 2 * answer->cap : 8;

	if (answer->count == answer->cap) {
		answer->records = mem_grow(answer->records, answer->cap, cap,
		    sizeof(*answer->records));
		answer->cap = cap;
	}
	return &answer->records[answer->count++];
}

bool
dns_answer_add(struct dns_answer *answer, const struct dns_record *record)
{
	struct dns_record *added;
	char *owner;
	char *target = NULL;
	bool has_target = record->type == DNS_SRV || record->type == DNS_CNAME;

	if (answer->count >= DNS_RECORDS_MAX)
		return false;
	if (!copy_name(record->owner, &owner))
		return false;
	if (has_target && !copy_name(record->target, &target)) {
		free(owner);
		return false;
	}
	added = new_record(answer);
	*added = *record;
	added->owner = owner;
	added->target = target;
	if (added->ttl_s > DNS_TTL_MAX)
		added->ttl_s = DNS_TTL_MAX;
	return true;
}

static const struct dns_record *
find_cname(const struct dns_answer *answer, const char *owner)
{
	const struct dns_record *rec;
	size_t i;

	for (i = 0; i < answer->count; i++) {
		rec = &answer->records[i];
		if (rec->type == DNS_CNAME && !rec->is_additional &&
		    strcmp(rec->owner, owner) == 0)
			return rec;
	}
	return NULL;
}

const char *
dns_answer_follow(
    const struct dns_answer *answer, const char *name, uint32_t *ttl_s)
{
	const struct dns_record *cname;
	int steps;

	for (steps = 0; steps <= DNS_CNAMES_MAX; steps++) {
		cname = find_cname(answer, name);
		if (cname == NULL)
			return name;
		if (cname->ttl_s < *ttl_s)
			*ttl_s = cname->ttl_s;
		name = cname->target;
	}
	return NULL;
}
