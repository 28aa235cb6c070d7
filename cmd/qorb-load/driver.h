#ifndef QORB_LOAD_DRIVER_H
#define QORB_LOAD_DRIVER_H

/*
 * Runs a workload: a few connections to the daemon (links), or a connection a
 * claim without one (direct), many tasks, one event loop. It decides when each
 * task begins a cycle (closed model: after its pause; open model: when an
 * arrival is due), carries claims, releases and their answers, and ends the
 * run. Prints nothing: it fills figures, and tells whoever shows them once a
 * second.
 *
 * A turn of the loop: all that is ready is read, tasks move, requests queue
 * up; then each link is written once. A claim's latency starts at that write:
 * what we spent before it is ours, and shows in the processor's share of the
 * run instead.
 *
 * Phases of a run: running; ending, when nothing new begins, waiting claims
 * are cancelled and echoes under way are still waited for; closing, when a
 * last ping on each link proves that the daemon has read all releases; done.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <event2/event.h>

#include "figures.h"
#include "workload.h"

/* How a run came to its end. */
enum driver_end {
	DRIVER_COMPLETE,    /* all of the duration or all claims */
	DRIVER_INTERRUPTED, /* by driver_stop */
	DRIVER_REFUSED,	    /* no claim of this kind can ever be had */
	DRIVER_LOST,	    /* the daemon went away or talks nonsense */
};

struct driver;

struct driver_params {
	const struct workload *work; /* all four borrowed */
	struct figures *figures;
	struct event_base *base;
	void *ctx;
	void (*on_second)(void *ctx); /* each second of the run; may be NULL */
	FILE *record; /* borrowed; where arrivals go, NULL for nowhere */
};

struct driver *driver_new(const struct driver_params *params);

/* Whatever is still held is closed: those claims end as broken. */
void driver_free(struct driver **driver);

/* Connects to the daemon; false when it is not there, driver_why says it. */
bool driver_connect(struct driver *d) MUST_CHECK;

/* Runs the workload to its end. */
enum driver_end driver_run(struct driver *d);

/* Ends the run before its time; the second call does not wait for what is
 * under way. For a signal's event. */
void driver_stop(struct driver *d);

/* One line of why it ended so; "" for a run that is complete. */
const char *driver_why(const struct driver *d);

/* What the daemon calls itself ("qorb-pool/1.0"), "" until it has said so. */
const char *driver_server(const struct driver *d);

/* Tasks that a final time limit found still waiting for an answer. */
unsigned driver_unanswered(const struct driver *d);

#endif
