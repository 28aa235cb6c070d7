/* Rows of events; see events.h. */

#include "events.h"

#include <string.h>

#include "client.h"
#include "daemon.h"
#include "io/fd.h"
#include "probes.h"
#include "service.h"

#define ROW_BYTES 2048

static void
add_stats(struct text *t, const struct slot_set_counts *n)
{
	char buf[128];
	struct text json;

	if (n == NULL)
		return;
	text_init(&json, buf, sizeof(buf));
	event_add_counts(&json, n);
	text_add_pair(t, "stats", buf);
}

static void
add_text(struct text *t, const char *key, const char *value)
{
	text_add_pair(t, key, value == NULL ? "" : value);
}

/* Adds the argument that an event's table row names by this word. The first of
 * a row is its id, whatever it is called. */
static void
add_argument(struct text *t, const char *word, const struct event_record *e,
    bool is_first)
{
	if (is_first)
		text_add_pair_u64(t, word, e->id);
	else if (strcmp(word, "slot") == 0)
		text_add_pair_u64(t, word, e->slot);
	else if (strcmp(word, "addr") == 0)
		add_text(t, word, e->addr);
	else if (strcmp(word, "old") == 0)
		add_text(t, word, e->old_state);
	else if (strcmp(word, "new") == 0)
		add_text(t, word, e->new_state);
	else if (strcmp(word, "stats") == 0)
		add_stats(t, e->counts);
	else if (strcmp(word, "service") == 0)
		add_text(t, word, e->service);
	else if (strcmp(word, "server") == 0)
		add_text(t, word, e->server);
	else if (strcmp(word, "uid") == 0)
		text_add_pair_u64(t, word, e->uid);
	else if (strcmp(word, "reason") == 0 || strcmp(word, "how") == 0 ||
		 strcmp(word, "name") == 0 || strcmp(word, "program") == 0)
		add_text(t, word, e->reason);
	else if (strcmp(word, "pool") != 0) /* that stands in front */
		text_add_pair_u64(t, word, e->number);
}

static void
format(struct text *t, const struct event_record *e)
{
	uint64_t now = clock_wall_us();
	const char *args = event_args(e->kind);
	bool is_first = true;

	text_addf(t, "* t=%llu.%06llu event=%s",
	    (unsigned long long)(now / US_PER_S),
	    (unsigned long long)(now % US_PER_S), event_name(e->kind));
	if (e->pool != NULL)
		text_add_pair(t, "pool", e->pool);
	while (*args != '\0') {
		char word[32];
		size_t n = strcspn(args, " ");

		ASSERT(n < sizeof(word));
		memcpy(word, args, n);
		word[n] = '\0';
		add_argument(t, word, e, is_first);
		is_first = false;
		args += n;
		args += *args == ' ';
	}
}

static void
tell_lost(struct stream *s)
{
	struct client *c = s->pending.client;
	struct text t;

	if (s->lost == 0)
		return;
	t = client_line(c, s->pending.tag, 64);
	text_add(&t, "* event=lost");
	text_add_pair_u64(&t, "count", s->lost);
	client_line_end(c, &t);
	s->lost = 0;
}

void
events_tell_lost(struct client *c)
{
	struct list_node *n = list_first(&c->streams);

	c->has_lost = false;
	for (; n != NULL; n = list_after(&c->streams, n))
		tell_lost(CONTAINER_OF(n, struct stream, link));
}

static void
send_row(struct stream *s, const struct text *row)
{
	struct client *c = s->pending.client;
	struct text t;

	if (out_pending(&c->out) > client_backlog(c)) {
		s->lost++;
		c->has_lost = true;
		return;
	}
	tell_lost(s);
	t = client_line(c, s->pending.tag, row->len);
	text_add_bytes(&t, row->buf, row->len);
	client_line_end(c, &t);
}

/* Tracers come and go unseen, so each turn looks for them, once. */
uint64_t
events_wanted(struct daemon *d)
{
	struct list_node *n = list_first(&d->subscribers);
	uint64_t kinds = 0;

	if (!d->is_watched_known) {
		d->watched = probes_watched();
		d->is_watched_known = true;
	}
	for (; n != NULL; n = list_after(&d->subscribers, n))
		kinds |= CONTAINER_OF(n, struct stream, subscriber)->kinds;
	return kinds | d->watched;
}

void
events_tell(struct daemon *d, const struct service *service,
    const struct event_record *e)
{
	char buf[ROW_BYTES];
	struct text row;
	struct list_node *n = list_first(&d->subscribers);

	probes_fire(e);
	text_init(&row, buf, sizeof(buf));
	for (; n != NULL; n = list_after(&d->subscribers, n)) {
		struct stream *s = CONTAINER_OF(n, struct stream, subscriber);

		if ((s->kinds & EVENT_BIT(e->kind)) == 0 ||
		    (s->service != NULL && s->service != service))
			continue;
		if (row.len == 0)
			format(&row, e);
		send_row(s, &row);
	}
}

void
events_client(struct client *c, enum event_kind kind)
{
	struct event_record e = { .kind = kind,
		.id = c->id,
		.number = (uint64_t)c->peer.pid,
		.uid = (uint64_t)c->peer.uid };

	events_tell(c->daemon, NULL, &e);
}

void
events_claim(struct client *c, const struct service *s, uint64_t claim)
{
	struct event_record e = { .kind = EVENT_CLIENT_CLAIM,
		.id = claim,
		.pool = pool_name(s->pool),
		.number = (uint64_t)c->peer.pid };

	if ((events_wanted(c->daemon) & EVENT_BIT(EVENT_CLIENT_CLAIM)) == 0)
		return;
	e.reason = peer_program(&c->peer);
	events_tell(c->daemon, s, &e);
}
