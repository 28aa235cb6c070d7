#ifndef QTOP_SOURCE_H
#define QTOP_SOURCE_H

/*
 * The daemon's socket as a source: asks for its figures once, or again and
 * again, and feeds the model with what comes. Runs in the caller's event loop.
 */

#include <stdint.h>

#include "model.h"

struct event_base;
struct source;

/* How long the daemon may be silent beyond what it was asked for. */
#define SOURCE_SILENCE_US (10 * US_PER_S)

struct source_options {
	const char *socket; /* NULL for the default one */
	const char *pool;   /* NULL for all */
	uint64_t every_us;  /* 0: only once */

	/* The model has a new round. */
	void (*on_round)(void *ctx);
	/* No more will come, and why: one line, borrowed for the call. Not
	 * called from source_new. */
	void (*on_lost)(void *ctx, const char *why);
	void *ctx;
};

/* Never NULL; what goes wrong is told from the loop. Strings of the options
 * are borrowed for the source's life; base and model too. */
struct source *source_new(struct event_base *base, struct model *model,
    const struct source_options *options);

/* Clears *source. Not from one of its callbacks. */
void source_free(struct source **source);

/* What it reads, for a title. */
const char *source_name(const struct source *source);

#endif
