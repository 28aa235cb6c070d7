#ifndef QORB_CORE_CONNECTOR_H
#define QORB_CORE_CONNECTOR_H

/*
 * Connectors: how a connection of a service is made ready, checked and cleaned,
 * said as dialogues. A dialogue is steps:
 *
 *	send "BYTES"		these bytes go out
 *	expect "BYTES"		exactly these must come
 *	expect-line "PREFIX"	a line that begins so must come
 *	drain			all that comes is thrown away, until nothing has
 *				come for a moment
 *
 * or none. In strings \r, \n, \t, \\, \" and \xNN stand for a byte. Ready-made
 * connectors are written in the same words.
 *
 * A dialogue being run is stepped: it says what to send and what it waits for;
 * the caller moves bytes and bounds the time. It reads no byte beyond what it
 * is about, so that what a peer sends too much is found by whoever looks next.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base.h"
#include "core/text.h"

/* Steps, and bytes in all their strings, that a dialogue may have. */
#define DIALOGUE_STEPS_MAX 64
#define DIALOGUE_BYTES_MAX 4096

/* Longest line, with its end, that expect-line takes. */
#define DIALOGUE_LINE_MAX 4096

enum dialogue_step_kind {
	STEP_END,
	STEP_SEND,
	STEP_EXPECT,
	STEP_EXPECT_LINE,
	STEP_DRAIN,
};

struct dialogue_step {
	enum dialogue_step_kind kind;
	char *bytes; /* owned */
	size_t len;
};

/* Steps up to a STEP_END; NULL steps: nothing to do, always good. */
struct dialogue {
	struct dialogue_step *steps; /* owned */
};

enum phase {
	CONNECTOR_ON_CONNECT,
	CONNECTOR_IS_VALID,
	CONNECTOR_ON_ACQUIRE,
	CONNECTOR_ON_RECYCLE,
	CONNECTOR_PHASES,
};

struct connector {
	char *name; /* owned */
	unsigned refs;
	struct dialogue phases[CONNECTOR_PHASES];
	bool is_said[CONNECTOR_PHASES];
};

/* One without any dialogue. Whoever keeps a pointer to a connector holds it; it
 * is freed when the last one has dropped it. */
struct connector *connector_new(const char *name) MUST_CHECK;
struct connector *connector_hold(struct connector *c);
void connector_drop(struct connector **c);

/* "on-connect", "is-valid", "on-acquire", "on-recycle". */
const char *connector_phase_name(enum phase phase);

/* Sets what is to be said in a phase; false: why says what is wrong. */
bool connector_set(struct connector *c, enum phase phase, const char *text,
    struct text *why) MUST_CHECK;

/* What is said in a phase; where nothing was set for on-recycle, is-valid. */
const struct dialogue *connector_dialogue(
    const struct connector *c, enum phase phase);

/* Do they say the same under the same name? */
bool connector_same(const struct connector *a, const struct connector *b);

/* A ready-made connector, held for the caller; NULL when there is none of this
 * name. */
struct connector *connector_ready(const char *name) MUST_CHECK;

/* Their names with ", " between, for messages. Static. */
const char *connector_names(void);

struct dialogue_run {
	const struct dialogue_step *step; /* NULL: at the end */
	size_t done; /* bytes of the step, or of the line */
};

enum dialogue_wish {
	DIALOGUE_DONE,
	DIALOGUE_SEND,	  /* *bytes, *len are to go out */
	DIALOGUE_RECEIVE, /* up to *len bytes are to come */
	DIALOGUE_PEEK,	  /* likewise; it may leave some of them unread */
	DIALOGUE_DRAIN,	  /* what comes is to be thrown away */
};

void dialogue_start(struct dialogue_run *run, const struct dialogue *d);

/* What it needs next. */
enum dialogue_wish dialogue_next(
    const struct dialogue_run *run, const char **bytes, size_t *len);

void dialogue_sent(struct dialogue_run *run, size_t len);

/* These bytes have come (RECEIVE), or are to be read (PEEK); it takes the first
 * *taken of them, which is all for RECEIVE. False when they are not what had to
 * come: it has failed. */
bool dialogue_received(struct dialogue_run *run, const char *bytes, size_t len,
    size_t *taken) MUST_CHECK;

/* Nothing came for a moment. */
void dialogue_drained(struct dialogue_run *run);

#endif
