#ifndef QORB_CORE_CONNECTOR_H
#define QORB_CORE_CONNECTOR_H

/*
 * Connectors: how a connection of a service is made ready, checked and cleaned,
 * said as dialogues: bytes to send, bytes that must come back. A dialogue being
 * run is stepped: it says what to send and how many bytes it waits for; the
 * caller moves bytes and bounds the time.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"

enum dialogue_step_kind {
	STEP_END,
	STEP_SEND,   /* these bytes go out */
	STEP_EXPECT, /* exactly these bytes must come */
};

struct dialogue_step {
	enum dialogue_step_kind kind;
	const char *bytes;
	size_t len;
};

/* Steps up to a STEP_END; NULL steps: nothing to do, always good. */
struct dialogue {
	const struct dialogue_step *steps;
};

enum phase {
	CONNECTOR_ON_CONNECT,
	CONNECTOR_IS_VALID,
	CONNECTOR_ON_ACQUIRE,
	CONNECTOR_ON_RECYCLE, /* the connector table repeats IS_VALID here
			       * unless it has one of its own */
	CONNECTOR_PHASES,
};

struct connector {
	const char *name;
	struct dialogue phases[CONNECTOR_PHASES];
};

/* A ready-made connector, NULL when there is none of this name. */
const struct connector *connector_find(const char *name);

/* Their names with ", " between, for messages. Static. */
const char *connector_names(void);

struct dialogue_run {
	const struct dialogue_step *step; /* NULL: at the end */
	size_t done;			  /* bytes of the step */
};

enum dialogue_wish {
	DIALOGUE_DONE,
	DIALOGUE_SEND,	  /* *bytes, *len are to go out */
	DIALOGUE_RECEIVE, /* up to *len bytes are to come */
};

void dialogue_start(struct dialogue_run *run, const struct dialogue *d);

/* What it needs next. */
enum dialogue_wish dialogue_next(
    const struct dialogue_run *run, const char **bytes, size_t *len);

void dialogue_sent(struct dialogue_run *run, size_t len);

/* False when these are not the bytes that had to come: it has failed. */
bool dialogue_received(
    struct dialogue_run *run, const char *bytes, size_t len) MUST_CHECK;

#endif
