#ifndef QTOP_SOURCE_H
#define QTOP_SOURCE_H

/*
 * Where figures come from: the daemon's socket, or a WebSocket that sends a
 * message now and then. Feeds the model with what comes, in the caller's event
 * loop. A source that was lost stays so: who wants it again makes another one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "model.h"
#include "url.h"

struct source;

/* How long the daemon may be silent beyond what it was asked for. */
#define SOURCE_SILENCE_US (10 * US_PER_S)

/* A WebSocket's message may have this many bytes. */
#define SOURCE_MESSAGE_BYTES (16U << 20)

enum source_trouble {
	SOURCE_ODD,   /* something that was not understood; it goes on */
	SOURCE_EMPTY, /* it says itself that it has no figures; it goes on */
	SOURCE_LOST,  /* no more will come */
};

struct source_options {
	const struct url *url; /* NULL for a daemon's socket */
	const char *socket;    /* NULL for the default one */
	const char *pool;      /* of the socket: NULL for all */
	uint64_t every_us;     /* of the socket; 0: only once */

	/* It answers and will send figures. */
	void (*on_up)(void *ctx);
	/* The model has a new round. */
	void (*on_round)(void *ctx);
	/* And why: one line, with whatever strangers wrote in it; borrowed for
	 * the call. SOURCE_LOST comes once, and is the last call. */
	void (*on_trouble)(
	    void *ctx, enum source_trouble trouble, const char *why);
	void *ctx;
};

/* Never NULL; what goes wrong is told from the loop. What the options point to
 * is borrowed for the source's life; loop and model too. Totals of before say
 * nothing to the model. */
struct source *source_new(struct loop *loop, struct model *model,
    const struct source_options *options);

/* Clears *source. Not from one of its callbacks. */
void source_free(struct source **source);

/* While it is paused rounds are dropped: the model stands still. */
void source_pause(struct source *source, bool is_paused);

/* What it reads, for a title. */
const char *source_name(const struct source *source);

#endif
