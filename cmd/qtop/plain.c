#include "plain.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "io/options.h"
#include "batch.h"
#include "source.h"

struct plain {
	const struct settings *settings;
	struct loop *loop;     /* owned */
	struct source *source; /* owned */
	struct model model;
	uint64_t rounds; /* still to be shown; NEVER for no end */
	bool is_odd;	 /* it was said that something is */
	int status;
};

/* The first end counts: what else had been read then is not shown, nor how the
 * source went. */
static bool
has_ended(const struct plain *p)
{
	return loop_is_stopped(p->loop);
}

static void
end(struct plain *p, int status)
{
	p->status = status;
	loop_stop(p->loop);
}

static void
on_up(void *ctx)
{
	(void)ctx;
}

static void
on_round(void *ctx)
{
	struct plain *p = ctx;
	const char *name = source_name(p->source);

	if (has_ended(p))
		return;
	p->is_odd = false;
	if (p->settings->is_json)
		batch_json(stdout, &p->model, name);
	else
		batch_table(stdout, &p->model, name);
	if (fflush(stdout) != 0) {
		program_warn("standard output: %s", strerror(errno));
		end(p, EXIT_FAILED);
		return;
	}
	if (p->rounds != NEVER && --p->rounds == 0)
		end(p, 0);
}

/* Strangers may have had a say in it. */
static void
warn(const struct plain *p, const char *why)
{
	char buf[1024];
	struct text line;

	text_init(&line, buf, sizeof(buf));
	if (p->settings->has_url) {
		url_add_text(&p->settings->url, &line);
		text_add(&line, ": ");
	}
	text_add_escaped(&line, why, strlen(why));
	program_warn("%s", buf);
}

static void
on_trouble(void *ctx, enum source_trouble trouble, const char *why)
{
	struct plain *p = ctx;

	if (has_ended(p))
		return;
	if (trouble != SOURCE_ODD) {
		warn(p, why);
		end(p, EXIT_FAILED);
	} else if (!p->is_odd) {
		warn(p, why);
		p->is_odd = true;
	}
}

static void
on_signal(void *ctx, int number)
{
	(void)number;
	end(ctx, 0);
}

int
plain_run(const struct settings *settings)
{
	static const int signals[] = { SIGINT, SIGTERM };
	struct plain p = { .settings = settings, .rounds = settings->rounds };
	const struct source_options options = {
		.url = settings->has_url ? &settings->url : NULL,
		.socket = settings->socket,
		.pool = settings->pool,
		.every_us = settings->rounds == 1 ? 0 : settings->every_us,
		.on_up = on_up,
		.on_round = on_round,
		.on_trouble = on_trouble,
		.ctx = &p,
	};

	p.loop = loop_new();
	if (p.loop == NULL)
		program_fail(EXIT_FAILED, "cannot start an event loop");
	loop_catch(p.loop, signals, ARRAY_LEN(signals), on_signal, &p);
	model_init(&p.model);
	p.source = source_new(p.loop, &p.model, &options);
	if (!loop_run(p.loop))
		program_fail(EXIT_FAILED, "the event loop failed");
	source_free(&p.source);
	loop_free(&p.loop);
	model_fini(&p.model);
	return p.status;
}
