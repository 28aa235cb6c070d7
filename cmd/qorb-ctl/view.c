/* What comes, as it is to be seen; see view.h. */

#include "view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/text.h"
#include "json.h"

#define CLOCK_BYTES 32

/* The longest name of an event that is common. */
#define EVENT_WIDTH 19

bool
view_clock(const char *t, char *buf, size_t cap)
{
	char *end;
	long long seconds = strtoll(t, &end, 10);
	time_t at = (time_t)seconds;
	char hms[16];
	struct tm tm;

	if (end == t || (*end != '.' && *end != '\0') ||
	    localtime_r(&at, &tm) == NULL ||
	    strftime(hms, sizeof(hms), "%H:%M:%S", &tm) == 0)
		return false;
	(void)snprintf(buf, cap, "%s%.7s", hms, end);
	return true;
}

/* An argument of an event as the protocol writes it, so that a space is the end
 * of a value; on a screen as people read it. */
static void
put_argument(const struct view *v, const struct qorb_arg *arg)
{
	size_t cap = 4 * strlen(arg->value) + 1;
	char *value = table_escape(arg->value);
	struct text t;

	if (v->kind == VIEW_TABS) {
		free(value);
		value = malloc(cap);
		if (value == NULL)
			return;
		text_init(&t, value, cap);
		text_add_value(&t, arg->value);
	}
	if (arg->key != NULL)
		(void)fprintf(v->out, "%s=%s", arg->key, value);
	else
		(void)fputs(value, v->out);
	free(value);
}

static bool
is_column(const struct qorb_arg *arg)
{
	return arg->key != NULL &&
	       (strcmp(arg->key, "t") == 0 || strcmp(arg->key, "event") == 0 ||
		   strcmp(arg->key, "pool") == 0);
}

static char *
get_column(const struct qorb_reply *row, const char *key)
{
	const char *value = qorb_reply_get(row, key);

	return table_escape(value == NULL ? "" : value);
}

static void
put_arguments(const struct view *v, const struct qorb_reply *row)
{
	const char *between = v->kind == VIEW_TABS ? "\t" : "  ";

	for (size_t i = 0; i < row->argc; i++) {
		if (is_column(&row->args[i]))
			continue;
		(void)fputs(between, v->out);
		put_argument(v, &row->args[i]);
		between = " ";
	}
	if (v->kind == VIEW_TABS && between[0] == '\t')
		(void)fputs(between, v->out);
	(void)fputc('\n', v->out);
}

static void
put_event(struct view *v, const struct qorb_reply *row)
{
	char *t = get_column(row, "t"), *event = get_column(row, "event");
	char *pool = get_column(row, "pool");
	char at[CLOCK_BYTES];

	if (v->kind == VIEW_TABS) {
		if (!v->has_head)
			(void)fputs("t\tevent\tpool\targuments\n", v->out);
		(void)fprintf(v->out, "%s\t%s\t%s", t, event, pool);
	} else {
		if (!view_clock(t, at, sizeof(at)))
			(void)snprintf(at, sizeof(at), "%15s", "");
		(void)fprintf(
		    v->out, "%s  %-*s  %s", at, EVENT_WIDTH, event, pool);
	}
	v->has_head = true;
	put_arguments(v, row);
	free(t);
	free(event);
	free(pool);
}

/* The end of a round: the time at which it was is said with it. */
static void
put_round(struct view *v, const struct qorb_reply *end)
{
	char *t = get_column(end, "t");
	char at[CLOCK_BYTES];

	if (v->has_round)
		(void)fputc('\n', v->out);
	v->has_round = true;
	if (v->kind == VIEW_TABS) {
		tables_print_tabs(&v->tables, v->out, "t", t);
	} else {
		if (view_clock(t, at, sizeof(at)))
			(void)fprintf(v->out, "%s\n", at);
		tables_print(&v->tables, v->out, v->width);
	}
	tables_clear(&v->tables);
	free(t);
}

static bool
is_round_end(const struct qorb_reply *row)
{
	return row->argc > 0 && row->args[0].key == NULL &&
	       strcmp(row->args[0].value, "end") == 0;
}

void
view_reply(struct view *v, const struct qorb_reply *reply)
{
	if (v->kind == VIEW_JSON)
		json_print(v->out, reply);
	else if (v->is_stream && qorb_reply_get(reply, "event") != NULL)
		put_event(v, reply);
	else if (v->is_stream && is_round_end(reply))
		put_round(v, reply);
	else
		tables_add(&v->tables, reply);
}

void
view_end(struct view *v)
{
	if (v->kind == VIEW_TABS)
		tables_print_tabs(&v->tables, v->out, NULL, NULL);
	else
		tables_print(&v->tables, v->out, v->width);
	tables_clear(&v->tables);
}
