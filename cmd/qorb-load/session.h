#ifndef QORB_LOAD_SESSION_H
#define QORB_LOAD_SESSION_H

/*
 * The tasks behind the interactive screen: a person adds and removes them one
 * by one, each goes on by itself, for ever. Each rests (the workload's pause),
 * claims, writes, holds the claim as long as the board says for it, gives it
 * back.
 *
 * The daemon may go away and come back: claims that wait for it fail, and so
 * does each one that is begun meanwhile; it is looked for once a second. What
 * was lent before it went is not given back to the next one.
 *
 * A task that is removed finishes what it has under way, out of sight; one
 * that is added at its place begins when that is over.
 */

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "board.h"
#include "figures.h"
#include "workload.h"

struct session;

struct session_params {
	const struct workload *work; /* all borrowed; work->tasks is the most
				      * there may be */
	struct figures *figures;
	struct board *board;
	struct event_base *base;
};

struct session *session_new(const struct session_params *params);

/* Whatever is still held is closed: those claims end as broken. */
void session_free(struct session **session);

/* The first connection to the daemon; why it cannot be had (until the next
 * call), or NULL. */
const char *session_connect(struct session *s) MUST_CHECK;

/* False when there are as many as there may be; or none. */
bool session_add(struct session *s);
bool session_remove(struct session *s);

/* At the end of each turn of the event loop. */
void session_turn(struct session *s);

/* Gives back what is held, as far as that can be done at once. */
void session_end(struct session *s);

#endif
