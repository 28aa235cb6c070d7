#ifndef QORB_WEB_HTTP_H
#define QORB_WEB_HTTP_H

/* Requests of HTTP: the page, and what is there to be fetched. */

#include <stdbool.h>
#include <stddef.h>

#include "conn.h"
#include "round.h"

/* What comes from the daemon. */
enum http_need {
	HTTP_NOTHING,
	HTTP_PICTURE,
	HTTP_PONG,
};

/* A request has come: answers it, or lets it wait for the daemon. 0, or -1 when
 * the connection is to be closed. */
int http_on_request(struct conn *c, const char *path);

/* The connection takes more. */
int http_on_writeable(struct conn *c);

/* What it waited for is there. */
void http_on_picture(struct conn *c, struct round *r);
void http_on_pong(struct conn *c);

/* It will not come. */
void http_on_down(struct conn *c, struct round *r);

#endif
