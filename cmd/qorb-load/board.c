#include "board.h"

#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "failure.h"
#include "numbers.h"

#define TASKS_FIRST 16

const struct table_column board_columns[BOARD_COLUMNS] = {
	[BOARD_INDEX] = { "INDEX", "#", 5, false },
	[BOARD_CLAIMED] = { "[CLAIMED]", "CLAIMED", 0, false },
	[BOARD_DURATION] = { "[CLAIM DURATION (ms)]", "MS", 7, false },
	[BOARD_SUCCESSES] = { "[SUCCESSES]", "OK", 7, false },
	[BOARD_SERVER_FAILURES] = { "[SERVER FAILURES]", "SERVER", 7, false },
	[BOARD_CLAIM_FAILURES] = { "[CLAIM FAILURES]", "CLAIM", 7, false },
};

static const char *const state_words[TASK_STATES] = {
	[TASK_IDLE] = "rests",
	[TASK_CLAIMING] = "waits for a connection",
	[TASK_ECHOING] = "waits for its echo",
	[TASK_HOLDING] = "holds its connection",
};

void
board_init(struct board *b, const char *pool, const struct figures *figures)
{
	memset(b, 0, sizeof(*b));
	b->pool = pool;
	b->figures = figures;
}

void
board_fini(struct board *b)
{
	free(b->tasks);
	b->tasks = NULL;
}

static uint64_t
board_bound_hold(uint64_t hold_us)
{
	if (hold_us < BOARD_HOLD_STEP_US)
		return BOARD_HOLD_STEP_US;
	return hold_us < BOARD_HOLD_MAX_US ? hold_us : BOARD_HOLD_MAX_US;
}

/* A task that is added is looked at. */
void
board_add(struct board *b, uint64_t hold_us)
{
	if (b->count == b->cap) {
		size_t cap = b->cap > 0 ? 2 * b->cap : TASKS_FIRST;

		b->tasks = mem_grow(b->tasks, b->cap, cap, sizeof(*b->tasks));
		b->cap = cap;
	}
	memset(&b->tasks[b->count], 0, sizeof(b->tasks[b->count]));
	b->tasks[b->count].hold_us = board_bound_hold(hold_us);
	table_view_fit(&b->view, ++b->count, b->view.height);
	table_view_select(&b->view, b->count - 1);
}

void
board_remove(struct board *b)
{
	ASSERT(b->count > 0);
	table_view_fit(&b->view, --b->count, b->view.height);
}

void
board_change_hold(struct board *b, int steps)
{
	struct board_task *t;
	int64_t hold_us;

	if (b->count == 0)
		return;
	t = &b->tasks[b->view.selected];
	hold_us = (int64_t)t->hold_us + steps * (int64_t)BOARD_HOLD_STEP_US;
	t->hold_us = board_bound_hold(hold_us > 0 ? (uint64_t)hold_us : 0);
}

void
board_on_granted(
    struct board *b, size_t task, const char *backend, uint64_t wait_us)
{
	struct board_task *t;
	struct text name;

	ASSERT(task < b->count);
	t = &b->tasks[task];
	text_init(&name, t->backend, sizeof(t->backend));
	text_add(&name, backend);
	t->wait_us = wait_us;
}

void
board_on_outcome(struct board *b, size_t task, unsigned failure)
{
	struct board_task *t;

	ASSERT(task < b->count);
	t = &b->tasks[task];
	if (failure == 0)
		t->successes++;
	else if (failure_is_server(failure))
		t->server_failures++;
	else
		t->claim_failures++;
	if (failure != 0)
		t->failure = failure;
}

void
board_on_second(struct board *b)
{
	sparkline_push(&b->rates, b->figures->granted - b->granted);
	b->granted = b->figures->granted;
}

static void
board_set_note(struct board *b, const char *text)
{
	struct text note;

	text_init(&note, b->note, sizeof(b->note));
	text_add(&note, text);
}

void
board_on_up(struct board *b, const char *server)
{
	b->is_up = true;
	board_set_note(b, server);
}

void
board_on_down(struct board *b, const char *why)
{
	b->losses += b->is_up;
	b->is_up = false;
	board_set_note(b, why);
}

/* ---- Cells ---- */

void
board_add_cell(
    const struct board *b, size_t task, unsigned column, struct text *out)
{
	const struct board_task *t;

	ASSERT(task < b->count);
	t = &b->tasks[task];
	switch ((enum board_column)column) {
	case BOARD_INDEX:
		text_add_u64(out, task);
		break;
	case BOARD_CLAIMED:
		text_add(out, t->state >= TASK_ECHOING ? "yes" : "no");
		break;
	case BOARD_DURATION:
		text_add_u64(out, t->hold_us / US_PER_MS);
		break;
	case BOARD_SUCCESSES:
		text_add_u64(out, t->successes);
		break;
	case BOARD_SERVER_FAILURES:
		text_add_u64(out, t->server_failures);
		break;
	case BOARD_CLAIM_FAILURES:
		text_add_u64(out, t->claim_failures);
		break;
	case BOARD_COLUMNS:
		break;
	}
}

enum screen_style
board_cell_style(const struct board *b, size_t task, unsigned column)
{
	const struct board_task *t = &b->tasks[task];

	if (column == BOARD_CLAIMED && t->state >= TASK_ECHOING)
		return SCREEN_GOOD;
	if (column == BOARD_SERVER_FAILURES && t->server_failures > 0)
		return SCREEN_BAD;
	if (column == BOARD_CLAIM_FAILURES && t->claim_failures > 0)
		return SCREEN_BAD;
	return SCREEN_PLAIN;
}

/* ---- Lines ---- */

static void
board_add_plural(struct text *out, uint64_t n, const char *word)
{
	numbers_add_count(out, n);
	text_addf(out, " %s%s", word, n == 1 ? "" : "s");
}

void
board_add_title(const struct board *b, struct text *out)
{
	text_add(out, " QORB-LOAD - ");
	text_add_escaped(out, b->pool, strlen(b->pool));
	text_add(out, " - ");
	board_add_plural(out, b->count, "task");
	text_add(out, b->is_up ? " - connected" : " - DAEMON GONE, retrying: ");
	if (b->is_up && b->note[0] != '\0')
		text_add(out, " to ");
	text_add_escaped(out, b->note, strlen(b->note));
	if (!b->is_up || b->losses == 0)
		return;
	text_add(out, ", lost ");
	board_add_plural(out, b->losses, "time");
}

void
board_add_selected(const struct board *b, struct text *out)
{
	const struct board_task *t;

	if (b->count == 0) {
		text_add(out, "No task yet: TAB adds one");
		return;
	}
	t = &b->tasks[b->view.selected];
	text_addf(
	    out, "Task %zu %s; ", b->view.selected, state_words[t->state]);
	if (t->backend[0] == '\0') {
		text_add(out, "no claim granted yet");
		return;
	}
	text_add(out, "last claim waited ");
	numbers_add_span(out, t->wait_us);
	text_add(out, ", on ");
	text_add_escaped(out, t->backend, strlen(t->backend));
}

void
board_add_failure(const struct board *b, struct text *out)
{
	const struct board_task *t;

	if (b->count == 0)
		return;
	t = &b->tasks[b->view.selected];
	text_addf(out, "Task %zu", b->view.selected);
	if (t->failure == 0)
		text_add(out, " has had no failure");
	else
		text_addf(out, "'s last failure: %s, %s",
		    failure_code(t->failure), failure_text(t->failure));
}

void
board_add_rate(
    const struct board *b, struct text *out, unsigned cols, bool is_utf8)
{
	char count_buf[NUMBERS_BYTES];
	struct text count;
	uint64_t rate = b->rates.count > 0 ? sparkline_value(&b->rates, 0) : 0;

	text_init(&count, count_buf, sizeof(count_buf));
	numbers_add_count(&count, rate);
	text_addf(out, "%7s claims/s ", count_buf);
	if (out->len < cols)
		sparkline_add(
		    &b->rates, out, cols - (unsigned)out->len, is_utf8);
}

void
board_add_errors(const struct board *b, struct text *out)
{
	const struct figures *f = b->figures;
	const char *before = ": ";
	char count[NUMBERS_BYTES];

	text_addf(out, "%7s error%s", numbers_count(count, figures_failures(f)),
	    figures_failures(f) == 1 ? "" : "s");
	for (unsigned i = 0; i < FAILURE_COUNT; i++) {
		if (f->failures[i] == 0)
			continue;
		text_addf(out, "%s%s ", before, failure_code(i));
		numbers_add_count(out, f->failures[i]);
		before = ", ";
	}
}
