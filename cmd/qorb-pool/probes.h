#ifndef QORB_POOL_PROBES_H
#define QORB_POOL_PROBES_H

/*
 * The trace probes: each event is one of the provider `qorb`, with the
 * arguments that the table of event.h names. A probe that no tracer watches
 * costs a look at its semaphore a turn of the loop. Built without probes, none
 * is ever watched.
 */

#include "core/event.h"

/* The kinds of events that a tracer watches now. */
uint64_t probes_watched(void);

/* Fires the probe of the event, if it is watched. */
void probes_fire(const struct event_record *e);

#endif
