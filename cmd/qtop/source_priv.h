#ifndef QTOP_SOURCE_PRIV_H
#define QTOP_SOURCE_PRIV_H

/* What the kinds of source share: for source*.c. */

#include "source.h"

struct source_daemon;
struct source_ws;

struct source {
	struct source_options options;
	struct loop *loop;	/* borrowed */
	struct model *model;	/* borrowed */
	struct loop_timer *due; /* owned; runs on_due of its kind */
	bool is_paused;
	bool is_over; /* lost, or the one round asked for has come */

	/* Owned; the other one is NULL. */
	struct source_daemon *daemon;
	struct source_ws *ws;
};

/* Each kind: begins, ends, is due, names itself. */
void source_daemon_begin(struct source *s);
void source_daemon_end(struct source *s);
void source_daemon_on_due(struct source *s);
const char *source_daemon_name(const struct source *s);

void source_ws_begin(struct source *s);
void source_ws_end(struct source *s);
void source_ws_on_due(struct source *s);
const char *source_ws_name(const struct source *s);

/* For the kinds: tell the user, unless it is over. */
void source_tell_round(struct source *s);
void source_tell_trouble(
    struct source *s, enum source_trouble trouble, const char *why);

#endif
