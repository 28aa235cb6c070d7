#ifndef QORB_POOL_VERBS_H
#define QORB_POOL_VERBS_H

/* What the daemon does for each verb of the table in core/verb.h. */

#include "core/line.h"

struct client;

/* Carries out a request and answers it, or leaves it to be answered later. */
void verbs_run(struct client *c, struct request *r);

#endif
