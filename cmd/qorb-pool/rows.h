#ifndef QORB_POOL_ROWS_H
#define QORB_POOL_ROWS_H

/* Rows of figures as the protocol writes them. */

struct client;
struct service;

void rows_pool(struct client *c, const char *tag, struct service *s);
void rows_stats(struct client *c, const char *tag, struct service *s);
void rows_metrics(struct client *c, const char *tag, struct service *s);
void rows_backends(struct client *c, const char *tag, struct service *s);

void rows_slots(struct client *c, const char *tag, struct service *s);
void rows_claims(struct client *c, const char *tag, struct service *s);
void rows_policy(struct client *c, const char *tag, struct service *s);

/* Evidence: the pool's state against its limits, its source, its backends and
 * what ails each. */
void rows_why(struct client *c, const char *tag, struct service *s);

/* The end of a round of a stream. */
void rows_end(struct client *c, const char *tag);

#endif
