/* Ready-made connectors, and dialogues as they run; see connector.h. */

#include "core/connector.h"

#include <string.h>

static const struct dialogue_step echo_steps[] = {
	{ STEP_SEND, "a", 1 },
	{ STEP_EXPECT, "a", 1 },
	{ STEP_END, NULL, 0 },
};

static const struct connector connectors[] = {
	{ "tcp", { { NULL }, { NULL }, { NULL }, { NULL } } },
	{ "echo", { { NULL }, { echo_steps }, { NULL }, { echo_steps } } },
};

const struct connector *
connector_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(connectors); i++) {
		if (strcmp(connectors[i].name, name) == 0)
			return &connectors[i];
	}
	return NULL;
}

const char *
connector_names(void)
{
	return "tcp, echo";
}

static void
skip_finished(struct dialogue_run *run)
{
	while (run->step != NULL && run->done == run->step->len) {
		run->step++;
		run->done = 0;
		if (run->step->kind == STEP_END)
			run->step = NULL;
	}
}

void
dialogue_start(struct dialogue_run *run, const struct dialogue *d)
{
	run->step = d->steps;
	run->done = 0;
	if (run->step != NULL && run->step->kind == STEP_END)
		run->step = NULL;
	skip_finished(run);
}

enum dialogue_wish
dialogue_next(const struct dialogue_run *run, const char **bytes, size_t *len)
{
	if (run->step == NULL)
		return DIALOGUE_DONE;
	*bytes = run->step->bytes + run->done;
	*len = run->step->len - run->done;
	return run->step->kind == STEP_SEND ? DIALOGUE_SEND : DIALOGUE_RECEIVE;
}

void
dialogue_sent(struct dialogue_run *run, size_t len)
{
	ASSERT(run->step != NULL && run->step->kind == STEP_SEND);
	ASSERT(len <= run->step->len - run->done);
	run->done += len;
	skip_finished(run);
}

bool
dialogue_received(struct dialogue_run *run, const char *bytes, size_t len)
{
	if (run->step == NULL || run->step->kind != STEP_EXPECT ||
	    len > run->step->len - run->done ||
	    memcmp(bytes, run->step->bytes + run->done, len) != 0)
		return false;
	run->done += len;
	skip_finished(run);
	return true;
}
