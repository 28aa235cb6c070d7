#include "rows.h"

#include <stdlib.h>
#include <string.h>

/* Two arguments for %llu.%06llu. */
#define SECONDS(us)                            \
	(unsigned long long)((us) / US_PER_S), \
	    (unsigned long long)((us) % US_PER_S)

enum change {
	CHANGE_NONE,
	CHANGE_REMOVED,
	CHANGE_ADDED,
	CHANGE_CHANGED,
};

static const struct {
	const char *sign;
	const char *word;
} changes[] = {
	[CHANGE_NONE] = { "", "" },
	[CHANGE_REMOVED] = { "- ", "removed" },
	[CHANGE_ADDED] = { "+ ", "added" },
	[CHANGE_CHANGED] = { "~ ", "changed" },
};

void
rows_init(struct rows *rows, const struct backend_spec *specs, size_t count)
{
	size_t i;

	rows->count = count;
	rows->origins = NULL;
	rows->specs = mem_new(count, sizeof(*specs));
	for (i = 0; i < count; i++) {
		rows->specs[i] = specs[i];
		rows->specs[i].name = mem_strdup(specs[i].name);
	}
}

void
rows_fini(struct rows *rows)
{
	size_t i;

	for (i = 0; i < rows->count; i++)
		free((char *)rows->specs[i].name);
	free(rows->specs);
	free(rows->origins);
	memset(rows, 0, sizeof(*rows));
}

void
rows_explain(struct rows *rows)
{
	free(rows->origins);
	rows->origins = mem_new(rows->count, sizeof(*rows->origins));
}

/* A name holds printing ASCII alone, so these two are all that JSON minds. */
static void
print_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void
print_json_origin(
    const struct row_origin *origin, enum change change, FILE *out)
{
	fprintf(out, ",\"source\":\"dns\",\"server\":");
	print_quoted(origin->server, out);
	fprintf(out, ",\"seen\":%llu.%06llu", SECONDS(origin->seen_us));
	if (origin->absent_us != 0)
		fprintf(
		    out, ",\"absent\":%llu.%06llu", SECONDS(origin->absent_us));
	if (change == CHANGE_REMOVED)
		return;
	fprintf(out, ",\"rule\":\"%s\",\"why\":", origin->rule);
	print_quoted(origin->why, out);
}

static void
print_json(const struct rows *rows, size_t i, enum change change, FILE *out)
{
	const struct backend_spec *spec = &rows->specs[i];
	char addr[ADDR_TEXT_BYTES];

	fputc('{', out);
	if (change != CHANGE_NONE)
		fprintf(out, "\"change\":\"%s\",", changes[change].word);
	fputs("\"name\":", out);
	print_quoted(spec->name, out);
	fprintf(out,
	    ",\"addr\":\"%s\",\"priority\":%u,\"weight\":%u,\"ttl\":%u",
	    addr_text(&spec->addr, addr), spec->priority, spec->weight,
	    spec->ttl_s);
	if (rows->origins != NULL)
		print_json_origin(&rows->origins[i], change, out);
	fputs("}\n", out);
}

static void
print_origin(const struct row_origin *origin, enum change change, FILE *out)
{
	fprintf(out, " source=dns server=%s seen=%llu.%06llu",
	    origin->server[0] != '\0' ? origin->server : "-",
	    SECONDS(origin->seen_us));
	if (origin->absent_us != 0)
		fprintf(out, " absent=%llu.%06llu", SECONDS(origin->absent_us));
	else
		fputs(" absent=-", out);
	/* No rule has in the set what is gone. */
	fprintf(out, " rule=%s", change == CHANGE_REMOVED ? "-" : origin->rule);
}

static void
print_row(const struct rows *rows, size_t i, enum change change, bool is_json,
    FILE *out)
{
	const struct backend_spec *spec = &rows->specs[i];
	char addr[ADDR_TEXT_BYTES];

	if (is_json) {
		print_json(rows, i, change, out);
		return;
	}
	fprintf(out, "%s%s %s priority=%u weight=%u ttl=%u",
	    changes[change].sign, spec->name, addr_text(&spec->addr, addr),
	    spec->priority, spec->weight, spec->ttl_s);
	if (rows->origins != NULL)
		print_origin(&rows->origins[i], change, out);
	fputc('\n', out);
}

void
rows_print(const struct rows *rows, bool is_json, FILE *out)
{
	size_t i;

	for (i = 0; i < rows->count; i++)
		print_row(rows, i, CHANGE_NONE, is_json, out);
}

static int
compare_ids(const void *a, const void *b)
{
	const struct backend_spec *x = *(const struct backend_spec *const *)a;
	const struct backend_spec *y = *(const struct backend_spec *const *)b;
	int by_name = strcmp(x->name, y->name);
	int by_ip = memcmp(x->addr.ip, y->addr.ip, sizeof(x->addr.ip));

	if (by_name != 0)
		return by_name;
	if (x->addr.kind != y->addr.kind)
		return x->addr.kind < y->addr.kind ? -1 : 1;
	return by_ip;
}

/* The specs of a set in the order of their names and addresses. */
static const struct backend_spec **
make_index(const struct rows *rows)
{
	const struct backend_spec **index =
	    mem_new(rows->count, sizeof(const struct backend_spec *));
	size_t i;

	for (i = 0; i < rows->count; i++)
		index[i] = &rows->specs[i];
	qsort(index, rows->count, sizeof(*index), compare_ids);
	return index;
}

static const struct backend_spec *
find(const struct backend_spec *const *index, size_t count,
    const struct backend_spec *spec)
{
	const struct backend_spec *const *at =
	    bsearch(&spec, index, count, sizeof(*index), compare_ids);

	return at != NULL ? *at : NULL;
}

static const char *
rule_of(const struct rows *rows, const struct backend_spec *spec)
{
	return rows->origins == NULL ? ""
				     : rows->origins[spec - rows->specs].rule;
}

/* From a backend of the old rows (NULL: it was not there) to one of the new. */
static enum change
change_of(const struct rows *old, const struct backend_spec *before,
    const struct rows *new, const struct backend_spec *now)
{
	if (before == NULL)
		return CHANGE_ADDED;
	if (before->priority != now->priority ||
	    before->weight != now->weight ||
	    strcmp(rule_of(old, before), rule_of(new, now)) != 0)
		return CHANGE_CHANGED;
	return CHANGE_NONE;
}

void
rows_see(struct rows *rows, const struct rows *now)
{
	const struct backend_spec **index = make_index(now);
	const struct backend_spec *spec;
	size_t i;

	for (i = 0; i < rows->count; i++) {
		spec = find(index, now->count, &rows->specs[i]);
		if (spec != NULL)
			rows->origins[i].seen_us =
			    now->origins[spec - now->specs].seen_us;
	}
	free(index);
}

static void
print_gone(
    struct rows *rows, size_t i, uint64_t now_us, bool is_json, FILE *out)
{
	if (rows->origins != NULL && rows->origins[i].absent_us == 0)
		rows->origins[i].absent_us = now_us;
	print_row(rows, i, CHANGE_REMOVED, is_json, out);
}

void
rows_print_changes(struct rows *old, const struct rows *new, uint64_t now_us,
    bool is_json, FILE *out)
{
	const struct backend_spec **old_index = make_index(old);
	const struct backend_spec **new_index = make_index(new);
	const struct backend_spec *spec;
	enum change change;
	size_t i;

	for (i = 0; i < old->count; i++) {
		spec = &old->specs[i];
		if (find(new_index, new->count, spec) == NULL)
			print_gone(old, i, now_us, is_json, out);
	}
	for (i = 0; i < new->count; i++) {
		spec = &new->specs[i];
		change = change_of(
		    old, find(old_index, old->count, spec), new, spec);
		if (change != CHANGE_NONE)
			print_row(new, i, change, is_json, out);
	}
	free(old_index);
	free(new_index);
}
