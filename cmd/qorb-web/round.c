#include "round.h"

#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "message.h"
#include "metrics.h"

struct round_made {
	struct round_made *next;
	enum round_body body;
	const char *pool; /* borrowed from the picture; NULL: all */
	struct blob *blob;
};

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static char *
write_body(const struct round *r, enum round_body body, const char *pool)
{
	if (body == ROUND_METRICS)
		return metrics_text(r->picture, r->max_backends);
	if (r->picture == NULL)
		return message_error(r->why);
	return message_stats(r->picture, r->source, pool);
}

/* Names of pools that are not there are all the same one: there may be any
 * number of them. */
static const char *
name_of(const struct round *r, enum round_body body, const char *pool)
{
	const struct picture_pool *p;

	if (r->picture == NULL || body == ROUND_METRICS || pool == NULL)
		return NULL;
	p = picture_pool(r->picture, pool);
	return p == NULL ? "" : p->name;
}

struct blob *
round_body(struct round *r, enum round_body body, const char *pool)
{
	const char *name = name_of(r, body, pool);
	struct round_made *m;
	char *text;

	for (m = r->made; m != NULL; m = m->next) {
		if (m->body == body && is_same(m->pool, name))
			return m->blob;
	}
	text = write_body(r, body, name);
	m = mem_new(1, sizeof(*m));
	m->body = body;
	m->pool = name;
	m->blob = blob_new(text, strlen(text), r->sum);
	m->next = r->made;
	r->made = m;
	return m->blob;
}

void
round_fini(struct round *r)
{
	while (r->made != NULL) {
		struct round_made *m = r->made;

		r->made = m->next;
		blob_drop(&m->blob);
		free(m);
	}
}
