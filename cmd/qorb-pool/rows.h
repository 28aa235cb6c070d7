#ifndef QORB_POOL_ROWS_H
#define QORB_POOL_ROWS_H

/* Rows of figures as the protocol writes them. */

struct client;
struct service;

void rows_pool(struct client *c, const char *tag, struct service *s);
void rows_stats(struct client *c, const char *tag, struct service *s);
void rows_backends(struct client *c, const char *tag, struct service *s);

/* The end of a round of a stream. */
void rows_end(struct client *c, const char *tag);

#endif
