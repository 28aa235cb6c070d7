#include "source.h"

#include <stdlib.h>

#include "source_priv.h"

static void
on_due(void *ctx)
{
	struct source *s = ctx;

	if (s->daemon != NULL)
		source_daemon_on_due(s);
	else
		source_ws_on_due(s);
}

struct source *
source_new(struct loop *loop, struct model *model,
    const struct source_options *options)
{
	struct source *s = mem_new(1, sizeof(*s));

	s->options = *options;
	s->loop = loop;
	s->model = model;
	s->due = loop_timer_new(loop, on_due, s);
	model_begin(model);
	model_start_anew(model);
	if (options->url != NULL)
		source_ws_begin(s);
	else
		source_daemon_begin(s);
	return s;
}

void
source_free(struct source **source)
{
	struct source *s = *source;

	*source = NULL;
	if (s == NULL)
		return;
	if (s->daemon != NULL)
		source_daemon_end(s);
	else
		source_ws_end(s);
	loop_timer_free(&s->due);
	free(s);
}

void
source_pause(struct source *source, bool is_paused)
{
	source->is_paused = is_paused;
}

const char *
source_name(const struct source *source)
{
	return source->daemon != NULL ? source_daemon_name(source)
				      : source_ws_name(source);
}

void
source_tell_round(struct source *s)
{
	if (!s->is_over)
		s->options.on_round(s->options.ctx);
}

void
source_tell_trouble(
    struct source *s, enum source_trouble trouble, const char *why)
{
	if (s->is_over)
		return;
	if (trouble == SOURCE_LOST) {
		s->is_over = true;
		loop_timer_stop(s->due);
	}
	s->options.on_trouble(s->options.ctx, trouble, why);
}
