/* Rows as JSON; see json.h. */

#include "json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/base.h"
#include "table.h"

/* Values under these keys are texts, also when they are made of digits. */
static const char *const names[] = { "pool", "backend", "addr", "service",
	"source", "server", "client", "name", "verb", "usage", "help", "event",
	"reason", "how", "old", "new", "state", "resolver", "error",
	"last_error" };

static bool
is_name(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], key) == 0)
			return true;
	}
	return false;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)? is what JSON takes as it is. */
static bool
is_number(const char *s)
{
	s += *s == '-';
	if (!isdigit((unsigned char)*s) ||
	    (*s == '0' && isdigit((unsigned char)s[1])))
		return false;
	s += strspn(s, "0123456789");
	if (*s == '.' && isdigit((unsigned char)s[1]))
		s += 1 + strspn(s + 1, "0123456789");
	return *s == '\0';
}

static void
put_text(FILE *out, const char *text)
{
	json_t *o = json_string(text);
	char *escaped;

	if (o == NULL) { /* no UTF-8 */
		escaped = table_escape(text);
		o = json_string(escaped);
		free(escaped);
	}
	ASSERT(o != NULL);
	(void)json_dumpf(o, out, JSON_ENCODE_ANY);
	json_decref(o);
}

/* An object that came as a value stays one; false when it is none. */
static bool
put_object(FILE *out, const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	bool is_object = json_is_object(o);

	if (is_object)
		(void)json_dumpf(o, out, JSON_COMPACT);
	json_decref(o);
	return is_object;
}

static void
put_value(FILE *out, const char *key, const char *value)
{
	if (strcmp(key, "stats") == 0 && put_object(out, value))
		return;
	if (!is_name(key) && is_number(value))
		(void)fputs(value, out);
	else
		put_text(out, value);
}

void
json_print(FILE *out, const struct qorb_reply *row)
{
	for (size_t i = 0; i < row->argc; i++) {
		const struct qorb_arg *arg = &row->args[i];

		(void)fputs(i == 0 ? "{" : ",", out);
		put_text(out, arg->key == NULL ? arg->value : arg->key);
		(void)fputc(':', out);
		if (arg->key == NULL)
			(void)fputs("true", out);
		else
			put_value(out, arg->key, arg->value);
	}
	if (row->argc > 0)
		(void)fputs("}\n", out);
}
