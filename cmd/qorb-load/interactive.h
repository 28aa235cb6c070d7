#ifndef QORB_LOAD_INTERACTIVE_H
#define QORB_LOAD_INTERACTIVE_H

/*
 * The workload on a screen: keys add, remove, select and change tasks until q
 * or a signal. Prints nothing before it has begun but an error that ends the
 * program: a daemon that is missing, a pool that it does not know, a terminal
 * that cannot show a screen.
 */

#include <event2/event.h>

#include "workload.h"

/* The workload's tasks are there from the start; tasks_max is how many there
 * may be. The exit status of the program. */
int interactive_run(
    const struct workload *work, struct event_base *base, unsigned tasks_max);

#endif
