#ifndef QORB_POOL_EVENTS_H
#define QORB_POOL_EVENTS_H

/* Events on their way to those who follow them: the trace probes, and the rows
 * of the verb `events`. A row is made only when somebody follows, once for all
 * of them. A client too slow for it loses events and is told how many. */

#include "core/event.h"

struct client;
struct daemon;
struct service;

/* The kinds of events that somebody follows, as a row or by a tracer. */
uint64_t events_wanted(struct daemon *d);

/* Something happened, in a pool or (service NULL) in the daemon. */
void events_tell(struct daemon *d, const struct service *service,
    const struct event_record *e);

/* Rows of what the client's streams have lost, now that it has read all. */
void events_tell_lost(struct client *c);

/* A client came or went. */
void events_client(struct client *c, enum event_kind kind);

/* A client's claim got this id. */
void events_claim(struct client *c, const struct service *s, uint64_t claim);

#endif
