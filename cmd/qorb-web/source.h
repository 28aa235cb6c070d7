#ifndef QORB_WEB_SOURCE_H
#define QORB_WEB_SOURCE_H

/*
 * The daemon's socket as a source, in the loop of libwebsockets. It connects
 * when somebody wants something of it, asks for each thing once however many
 * want it, and connects again by itself, after a growing wait, for as long as
 * somebody does. Nothing here waits.
 *
 * A daemon that was asked and says nothing for a while is silent: it is down
 * until it says something, and is not asked for more until then.
 *
 * Figures of many backends are work for the daemon, and while it does that its
 * clients wait: so what it is asked takes at most about a tenth of its time,
 * and who asks for more gets it later.
 *
 * The callbacks are called from the loop, and also from the functions below,
 * which fail at once when there is no daemon. They may call these functions.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/qorb_client.h"
#include "core/base.h"
#include "picture.h"

struct lws_context;
struct source;

/* Room for source_error. */
#define SOURCE_WHY_BYTES 640

struct source_hooks {
	/* All figures; lent for the call. is_tick: the ones of source_every,
	 * else somebody asked for them. */
	void (*on_picture)(void *ctx, const struct picture *p, bool is_tick);
	/* It answered source_ping. */
	void (*on_pong)(void *ctx);
	/* A row of events, of the kinds that source_new was given; lent for
	 * the call. */
	void (*on_event)(void *ctx, const struct qorb_reply *row);
	/* What was asked for will not come, and source_error says why. is_news:
	 * there has been an answer since this was last said, or it is another
	 * reason. */
	void (*on_down)(void *ctx, bool is_news);
	void *ctx;
};

/* path of the socket and kinds= of events are borrowed. */
struct source *source_new(
    const char *path, const char *kinds, const struct source_hooks *hooks);

/* Where it lives; once, before anything else. */
bool source_begin(struct source *s, struct lws_context *context) MUST_CHECK;

/* Closes what is open. The context may only be destroyed afterwards, and the
 * source only be freed after that. */
void source_end(struct source *s);
void source_free(struct source **s);

/* on_picture, as soon as may be. */
void source_ask(struct source *s);

/* on_pong. */
void source_ping(struct source *s);

/* on_picture each interval, counted from the last time that was; NEVER ends
 * it. */
void source_every(struct source *s, uint64_t interval_us);

/* on_event for all that happens, or no more. */
void source_events(struct source *s, bool is_wanted);

/* Why there is nothing to be had; NULL when there may be. It stands until the
 * next call. */
const char *source_error(struct source *s);

#endif
