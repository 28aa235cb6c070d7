/*
 * The daemon as a source; see source.h.
 *
 * The client library owns the socket; libwebsockets watches a duplicate of it,
 * which it closes itself, some time after it was told to. What still comes from
 * a duplicate that is not the current one is nobody's.
 */

#include "source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <libwebsockets.h>

#include "core/addr.h"
#include "io/fd.h"
#include "io/log.h"

#define PROTOCOL "daemon"

/* What a reply is for. */
#define TAG_HELLO   "hello"
#define TAG_PING    "ping"
#define TAG_POOLS   "pools"
#define TAG_STATS   "stats"
#define TAG_METRICS "metrics"
#define TAG_EVENTS  "events"

/* The daemon may be silent for as long when it was asked: less than what those
 * who ask us wait, of whom Prometheus waits 10 s. It may be the connection that
 * is stuck: another one is tried now and then. */
#define SILENCE_US (4 * US_PER_S)
#define RENEW_US   (10 * US_PER_S)

/* From the end of a round to the next one, as a multiple of what it took, and
 * at most; so that with the silence it is still less than 10 s. */
#define PAUSE_TIMES   9
#define PAUSE_MOST_US (3 * US_PER_S)

#define RETRY_LEAST_US (100 * US_PER_MS)
#define RETRY_MOST_US  (5 * US_PER_S)

#define SERVER_BYTES 64

struct source {
	const char *path, *kinds;
	struct source_hooks hooks;
	struct lws_context *context; /* borrowed */
	struct lws_vhost *vhost;     /* borrowed */
	struct lws_protocols protocols[2];
	struct qorb_client *client; /* owned; NULL when not connected */
	struct lws *wsi;	    /* watches it; NULL likewise */
	uint64_t connection;	    /* how many there have been */
	struct picture *picture;    /* owned; the round under way, or NULL */
	char server[SERVER_BYTES];
	char error[SOURCE_WHY_BYTES]; /* "": none */
	bool is_silent;		      /* connected; it is down all the same */
	uint64_t heard_us; /* since then it has been asked or has answered */

	uint64_t interval_us;
	uint64_t ticked_us; /* when the last tick was */
	uint64_t began_us;  /* the round under way */
	uint64_t next_us;   /* no round begins before */
	bool wants_picture, wants_tick, wants_pong, wants_events;
	bool is_pinging, has_events; /* asked for, of this connection */
	bool is_tick;		     /* the round under way */
	bool is_over;

	uint64_t failed_us; /* when it last tried to connect in vain */
	uint64_t retry_us;  /* how long it then waits */
	lws_sorted_usec_list_t tick, retry, silence, pause;
};

static void try_connect(struct source *s);
static void ask(struct source *s);

static bool
is_wanted(const struct source *s)
{
	return s->wants_picture || s->wants_pong || s->wants_events ||
	       s->interval_us != NEVER;
}

static void
schedule(struct source *s, lws_sorted_usec_list_t *sul, sul_cb_t what,
    uint64_t span_us)
{
	lws_sul_schedule(s->context, 0, sul, what, (lws_usec_t)span_us);
}

static void
cancel(struct source *s, lws_sorted_usec_list_t *sul)
{
	lws_sul_schedule(
	    s->context, 0, sul, NULL, (lws_usec_t)LWS_SET_TIMER_USEC_CANCEL);
}

static void
on_retry(lws_sorted_usec_list_t *sul)
{
	struct source *s = CONTAINER_OF(sul, struct source, retry);

	if (s->client == NULL && is_wanted(s))
		try_connect(s);
}

static void
tell_down(struct source *s, bool is_news)
{
	s->wants_picture = s->wants_tick = s->wants_pong = false;
	s->hooks.on_down(s->hooks.ctx, is_news);
}

/* No connection now: whoever waits is told; whoever wants more will see it
 * tried again. */
static void
be_down(struct source *s, const char *why)
{
	char said[SOURCE_WHY_BYTES];
	bool is_news;

	(void)snprintf(said, sizeof(said), "%s: %s", s->path, why);
	is_news = strcmp(said, s->error) != 0;
	if (is_news)
		log_write(LOG_WARN, NULL, NULL, "%s", said);
	s->is_silent = false;
	memcpy(s->error, said, sizeof(said));
	s->retry_us = 2 * s->retry_us;
	if (s->retry_us > RETRY_MOST_US)
		s->retry_us = RETRY_MOST_US;
	tell_down(s, is_news);
	if (s->client == NULL && !s->is_over && is_wanted(s))
		schedule(s, &s->retry, on_retry, s->retry_us);
}

static void
disconnect(struct source *s)
{
	if (s->wsi != NULL)
		lws_set_timeout(
		    s->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	s->wsi = NULL;
	s->connection++;
	cancel(s, &s->silence);
	cancel(s, &s->pause);
	s->next_us = 0;
	qorb_client_free(&s->client);
	picture_free(&s->picture);
	s->is_pinging = s->has_events = false;
}

static void
lose(struct source *s, const char *why)
{
	char kept[SOURCE_WHY_BYTES];

	/* It may be the client's. */
	(void)snprintf(kept, sizeof(kept), "%s", why);
	disconnect(s);
	be_down(s, kept);
}

/* The connection stays: what it was asked it may still answer. */
static void
on_silence(lws_sorted_usec_list_t *sul)
{
	struct source *s = CONTAINER_OF(sul, struct source, silence);

	if (s->is_silent) {
		disconnect(s);
		try_connect(s);
		return;
	}
	s->is_silent = true;
	log_write(LOG_WARN, NULL, NULL, "%s", source_error(s));
	schedule(s, &s->silence, on_silence, RENEW_US);
	tell_down(s, true);
}

/* It will be silent if it says nothing from now on. */
static void
expect(struct source *s)
{
	s->heard_us = clock_us();
	schedule(s, &s->silence, on_silence, SILENCE_US);
}

static void
send_request(
    struct source *s, const char *tag, const char *verb, const char *word)
{
	(void)qorb_client_send(
	    s->client, tag, verb, &word, word == NULL ? 0 : 1);
}

static bool
is_answered(const struct source *s)
{
	return s->picture == NULL && !s->is_pinging;
}

static void
on_pause(lws_sorted_usec_list_t *sul)
{
	ask(CONTAINER_OF(sul, struct source, pause));
}

static void
begin_round(struct source *s)
{
	uint64_t now_us = clock_us();

	if (now_us < s->next_us) {
		schedule(s, &s->pause, on_pause, s->next_us - now_us);
		return;
	}
	s->began_us = now_us;
	s->picture = picture_new(s->server);
	s->is_tick = s->wants_tick;
	s->wants_picture = s->wants_tick = false;
	send_request(s, TAG_POOLS, "pools", NULL);
	send_request(s, TAG_STATS, "stats", NULL);
	send_request(s, TAG_METRICS, "metrics", NULL);
}

static void
ask_wanted(struct source *s)
{
	bool was_answered = is_answered(s);

	if ((s->wants_picture || s->wants_tick) && s->picture == NULL)
		begin_round(s);
	if (s->wants_pong && !s->is_pinging) {
		s->is_pinging = true;
		send_request(s, TAG_PING, "ping", NULL);
	}
	if (s->wants_events != s->has_events) {
		s->has_events = s->wants_events;
		if (s->wants_events)
			send_request(s, TAG_EVENTS, "events", s->kinds);
		else
			send_request(s, NULL, "unwatch", TAG_EVENTS);
	}
	if (was_answered && !is_answered(s))
		expect(s);
}

/* Asks for what is wanted and has not been asked for. */
static void
ask(struct source *s)
{
	if (s->client == NULL)
		return;
	if (!s->is_silent)
		ask_wanted(s);
	if (qorb_client_wants_write(s->client))
		lws_callback_on_writable(s->wsi);
}

/* A connected socket, or -1 with errno. Does not wait for a daemon that has
 * stopped to accept. */
static int
connect_to(const char *path)
{
	struct addr addr = { .kind = ADDR_UNIX };
	struct sockaddr_storage sa;
	socklen_t len;
	int fd;

	if (strlen(path) >= sizeof(addr.path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.path, path, strlen(path) + 1);
	len = addr_to_sockaddr(&addr, &sa);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
	if (!fd_set_cloexec(fd) || !fd_set_nonblocking(fd, true) ||
	    connect(fd, (struct sockaddr *)&sa, len) != 0)
		fd_close(&fd);
	return fd;
}

static void
be_down_errno(struct source *s, int e)
{
	char why[128];

	s->failed_us = clock_us();
	(void)snprintf(why, sizeof(why), "%s",
	    e == EAGAIN ? "the daemon accepts no more connections"
			: strerror(e));
	why[0] = (char)tolower((unsigned char)why[0]);
	be_down(s, why);
}

static void
try_connect(struct source *s)
{
	lws_sock_file_fd_type watched = { .filefd = -1 };
	int fd;

	if (s->is_over)
		return;
	fd = connect_to(s->path);
	if (fd >= 0)
		watched.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (watched.filefd < 0) {
		int e = errno;

		fd_close(&fd);
		be_down_errno(s, e);
		return;
	}
	/* It closes the descriptor also when it fails. */
	s->wsi = lws_adopt_descriptor_vhost(
	    s->vhost, LWS_ADOPT_RAW_FILE_DESC, watched, PROTOCOL, NULL);
	s->client = qorb_client_adopt(fd);
	if (s->wsi == NULL || s->client == NULL) {
		disconnect(s);
		be_down_errno(s, ENOMEM);
		return;
	}
	cancel(s, &s->retry);
	s->wants_picture |= s->interval_us != NEVER;
	send_request(s, TAG_HELLO, "hello", "client=qorb-web");
	if (s->is_silent)
		schedule(s, &s->silence, on_silence, RENEW_US);
	ask(s);
}

/* Somebody wants something: connects for it, unless that was tried just now. */
static void
serve(struct source *s)
{
	if (s->is_silent)
		tell_down(s, false);
	else if (s->client != NULL)
		ask(s);
	else if (clock_us() - s->failed_us >= RETRY_LEAST_US)
		try_connect(s);
	else
		tell_down(s, false);
}

static void
on_tick(lws_sorted_usec_list_t *sul)
{
	struct source *s = CONTAINER_OF(sul, struct source, tick);

	if (s->interval_us == NEVER)
		return;
	s->ticked_us = clock_us();
	schedule(s, &s->tick, on_tick, s->interval_us);
	if (s->client == NULL) /* that is on_retry's */
		return;
	s->wants_tick = true;
	ask(s);
}

static void
be_up(struct source *s)
{
	if (s->error[0] != '\0')
		log_write(LOG_INFO, NULL, NULL, "%s: the daemon answers again",
		    s->path);
	s->error[0] = '\0';
	s->retry_us = RETRY_LEAST_US / 2;
}

/* It answers after a silence; what it was asked then took it no longer than
 * that. */
static void
end_silence(struct source *s)
{
	s->is_silent = false;
	s->error[0] = '\0';
	s->began_us = clock_us();
	s->wants_picture |= s->interval_us != NEVER;
	log_write(
	    LOG_INFO, NULL, NULL, "%s: the daemon answers again", s->path);
}

static void
end_round(struct source *s)
{
	struct picture *p = s->picture;
	uint64_t now_us = clock_us();
	uint64_t pause_us = PAUSE_TIMES * (now_us - s->began_us);
	bool is_tick = s->is_tick;

	if (pause_us > PAUSE_MOST_US)
		pause_us = PAUSE_MOST_US;
	s->next_us = now_us + pause_us;
	s->picture = NULL;
	be_up(s);
	picture_end(p, clock_wall_us());
	s->hooks.on_picture(s->hooks.ctx, p, is_tick);
	picture_free(&p);
}

static void
on_ok(struct source *s, const struct qorb_reply *reply)
{
	const char *server;

	if (strcmp(reply->tag, TAG_HELLO) == 0) {
		server = qorb_reply_get(reply, "server");
		(void)snprintf(s->server, sizeof(s->server), "%s",
		    server == NULL ? "" : server);
		if (s->picture != NULL) { /* begun when it was not known */
			picture_free(&s->picture);
			s->picture = picture_new(s->server);
		}
	} else if (strcmp(reply->tag, TAG_METRICS) == 0 && s->picture != NULL) {
		end_round(s);
	} else if (strcmp(reply->tag, TAG_PING) == 0) {
		s->is_pinging = s->wants_pong = false;
		be_up(s);
		s->hooks.on_pong(s->hooks.ctx);
	}
}

static void
on_row(struct source *s, const struct qorb_reply *reply)
{
	if (strcmp(reply->tag, TAG_EVENTS) == 0)
		s->hooks.on_event(s->hooks.ctx, reply);
	else if (s->picture == NULL)
		return;
	else if (strcmp(reply->tag, TAG_POOLS) == 0)
		picture_add_pool(s->picture, reply);
	else if (strcmp(reply->tag, TAG_STATS) == 0)
		picture_add_stats(s->picture, reply);
	else if (strcmp(reply->tag, TAG_METRICS) == 0)
		picture_add_metrics(s->picture, reply);
}

static void
on_reply(struct source *s, const struct qorb_reply *reply)
{
	char why[SOURCE_WHY_BYTES];

	if (reply->fd != -1)
		(void)close(reply->fd);
	if (reply->kind == QORB_ERROR &&
	    (reply->tag == NULL || strcmp(reply->tag, TAG_METRICS) != 0 ||
		strcmp(reply->code, "unknown-verb") != 0)) {
		(void)snprintf(
		    why, sizeof(why), "%s: %s", reply->code, reply->message);
		lose(s, why);
	} else if (reply->kind == QORB_ERROR) { /* an older daemon */
		if (s->picture != NULL)
			end_round(s);
	} else if (reply->tag == NULL) {
		return;
	} else if (reply->kind == QORB_OK) {
		on_ok(s, reply);
	} else {
		on_row(s, reply);
	}
}

static void
take_replies(struct source *s)
{
	uint64_t connection = s->connection;
	struct qorb_reply reply;
	bool has_heard = false;

	while (s->connection == connection &&
	       qorb_client_next(s->client, &reply)) {
		has_heard = true;
		if (s->is_silent)
			end_silence(s);
		on_reply(s, &reply);
	}
	if (s->connection != connection)
		return;
	if (!qorb_client_is_up(s->client)) {
		lose(s, qorb_client_error(s->client));
		return;
	}
	if (is_answered(s))
		cancel(s, &s->silence);
	else if (has_heard)
		expect(s);
	ask(s);
}

static int
on_raw(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
    size_t len)
{
	const struct lws_protocols *protocol = lws_get_protocol(wsi);
	struct source *s = protocol == NULL ? NULL : protocol->user;

	(void)user;
	(void)in;
	(void)len;
	switch ((int)reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		if (wsi != s->wsi)
			return -1;
		(void)qorb_client_on_readable(s->client);
		take_replies(s);
		return wsi == s->wsi ? 0 : -1;
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
		if (wsi != s->wsi)
			return -1;
		(void)qorb_client_on_writable(s->client);
		if (qorb_client_wants_write(s->client))
			lws_callback_on_writable(wsi);
		take_replies(s);
		return wsi == s->wsi ? 0 : -1;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		if (wsi != s->wsi)
			return 0;
		s->wsi = NULL;
		if (!s->is_over)
			lose(s, "the daemon closed the connection");
		return 0;
	default:
		return 0;
	}
}

struct source *
source_new(
    const char *path, const char *kinds, const struct source_hooks *hooks)
{
	struct source *s = mem_new(1, sizeof(*s));

	s->path = path;
	s->kinds = kinds;
	s->hooks = *hooks;
	s->interval_us = NEVER;
	s->retry_us = RETRY_LEAST_US / 2;
	return s;
}

/* A host of its own, which listens nowhere: no client of the other one can ask
 * for this protocol. */
bool
source_begin(struct source *s, struct lws_context *context)
{
	struct lws_context_creation_info info = { .vhost_name = "daemon",
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = s->protocols };

	s->context = context;
	s->protocols[0] = (struct lws_protocols){
		.name = PROTOCOL, .callback = on_raw, .user = s
	};
	s->vhost = lws_create_vhost(context, &info);
	return s->vhost != NULL;
}

void
source_end(struct source *s)
{
	s->is_over = true;
	if (s->context == NULL)
		return;
	disconnect(s);
	cancel(s, &s->tick);
	cancel(s, &s->retry);
	cancel(s, &s->pause);
}

void
source_free(struct source **source)
{
	struct source *s = *source;

	*source = NULL;
	free(s);
}

void
source_ask(struct source *s)
{
	/* What is being asked for is as good as what would be. */
	if (s->picture != NULL && !s->is_silent)
		return;
	s->wants_picture = true;
	serve(s);
}

void
source_ping(struct source *s)
{
	s->wants_pong = true;
	if (!s->is_pinging || s->is_silent)
		serve(s);
}

void
source_every(struct source *s, uint64_t interval_us)
{
	uint64_t now_us = clock_us();
	uint64_t due_us;

	if (interval_us == s->interval_us)
		return;
	if (s->interval_us == NEVER) /* who begins is not late */
		s->ticked_us = now_us;
	s->interval_us = interval_us;
	if (interval_us == NEVER) {
		cancel(s, &s->tick);
		return;
	}
	due_us = s->ticked_us + interval_us;
	schedule(s, &s->tick, on_tick, due_us > now_us ? due_us - now_us : 0);
}

void
source_events(struct source *s, bool is_wanted_now)
{
	if (is_wanted_now == s->wants_events)
		return;
	s->wants_events = is_wanted_now;
	if (s->client != NULL || is_wanted_now)
		serve(s);
}

const char *
source_error(struct source *s)
{
	uint64_t span_us = clock_us() - s->heard_us;

	if (s->is_silent)
		(void)snprintf(s->error, sizeof(s->error),
		    "%s: the daemon has not answered for %llu s", s->path,
		    (unsigned long long)(span_us / US_PER_S));
	return s->error[0] == '\0' ? NULL : s->error;
}
