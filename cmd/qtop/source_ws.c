/*
 * A WebSocket as a source: connects once, puts the pieces of a message together
 * and has it read.
 */

#include "source_priv.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "core/text.h"
#include "io/fd.h"
#include "message.h"

#define WHY_BYTES  512
#define HOST_BYTES (URL_HOST_BYTES + 16)
/* A server silent so long is asked whether it is there; then given up. */
#define PING_S	 20
#define HANGUP_S 30
/* What the library says when nobody listens. */
#define UNABLE	     "Unable to connect"
#define BUFFER_FIRST 65536

struct source_ws {
	struct loop_socket socket;
	struct lws *wsi; /* NULL when there is no connection */
	bool is_up;
	bool is_too_long; /* the message that comes: it is passed over */
	char *buf;	  /* owned; the message that comes */
	size_t len;
	size_t cap;
	char name[URL_BYTES + URL_HOST_BYTES];
	char lost[WHY_BYTES]; /* why it ends, "" for nothing known yet */
};

static const lws_retry_bo_t idle_policy = {
	.secs_since_valid_ping = PING_S,
	.secs_since_valid_hangup = HANGUP_S,
};

/* ---- Its end ---- */

/* The first reason that is known is the one. */
static void set_lost(struct source_ws *w, const char *format, ...)
    PRINTF_LIKE(2, 3);

static void
set_lost(struct source_ws *w, const char *format, ...)
{
	struct text t;
	va_list ap;

	if (w->lost[0] != '\0')
		return;
	text_init(&t, w->lost, sizeof(w->lost));
	va_start(ap, format);
	text_addv(&t, format, ap);
	va_end(ap);
}

/* The user hears of it from the loop, not from within the library. */
static void
end_connection(struct source *s)
{
	s->ws->wsi = NULL;
	loop_timer_start(s->due, 0);
}

void
source_ws_on_due(struct source *s)
{
	source_tell_trouble(s, SOURCE_LOST, s->ws->lost);
}

/* ---- Messages ---- */

static void
take_message(struct source *s)
{
	struct source_ws *w = s->ws;
	const struct message message = { .bytes = w->buf,
		.len = w->len,
		.clock_us = clock_us(),
		.wall_us = clock_wall_us() };
	char buf[WHY_BYTES];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	switch (message_read(&message, s->is_paused ? NULL : s->model, &why)) {
	case MESSAGE_ROUND:
		if (!s->is_paused)
			source_tell_round(s);
		break;
	case MESSAGE_ERROR:
		source_tell_trouble(s, SOURCE_EMPTY, buf);
		break;
	case MESSAGE_ODD:
		source_tell_trouble(s, SOURCE_ODD, buf);
		break;
	}
}

static void
add_bytes(struct source_ws *w, const char *bytes, size_t n)
{
	size_t cap = w->cap > 0 ? w->cap : BUFFER_FIRST;

	if (w->is_too_long || n > SOURCE_MESSAGE_BYTES - w->len) {
		w->is_too_long = true;
		return;
	}
	while (cap < w->len + n)
		cap *= 2;
	if (cap > w->cap) {
		w->buf = mem_grow(w->buf, w->cap, cap, 1);
		w->cap = cap;
	}
	if (n > 0)
		memcpy(w->buf + w->len, bytes, n);
	w->len += n;
}

static void
take_bytes(struct source *s, const char *bytes, size_t n)
{
	struct source_ws *w = s->ws;
	bool is_whole;

	if (lws_is_first_fragment(w->wsi)) {
		w->len = 0;
		w->is_too_long = false;
	}
	add_bytes(w, bytes, n);
	is_whole = lws_is_final_fragment(w->wsi) &&
		   lws_remaining_packet_payload(w->wsi) == 0;
	if (!is_whole)
		return;
	/* Who sends is there, whether it answers a ping or not. */
	lws_validity_confirmed(w->wsi);
	if (w->is_too_long)
		source_tell_trouble(
		    s, SOURCE_ODD, "a message of more than 16 MiB");
	else
		take_message(s);
}

/* ---- The connection ---- */

static void
on_refused(struct source_ws *w, struct lws *wsi, const char *text)
{
	unsigned status = lws_http_client_http_response(wsi);

	if (status != 0 && status != 101)
		set_lost(w,
		    "the server answers %u: there is no WebSocket of figures",
		    status);
	else if (strcmp(text, UNABLE) == 0)
		set_lost(w, UNABLE "; does a server listen there?");
	else
		set_lost(w, "no WebSocket there: %s", text);
}

static void
on_end(struct source *s)
{
	if (s->ws->is_up)
		set_lost(s->ws, "the connection was lost");
	else
		set_lost(s->ws, "the server does not answer");
	end_connection(s);
}

/* Nothing was begun: as a rule the name has no address. */
static const char *
why_not(const struct url *url)
{
	struct addrinfo *found = NULL;
	int error = getaddrinfo(url->host, NULL, NULL, &found);

	if (error != 0)
		return gai_strerror(error);
	freeaddrinfo(found);
	return UNABLE;
}

/* What the server's close says: two bytes of a code, and a reason. */
static void
on_close_frame(struct source_ws *w, const unsigned char *bytes, size_t n)
{
	if (n < 2)
		set_lost(w, "the server closed the connection");
	else
		set_lost(w, "the server closed the connection: %u %.*s",
		    (unsigned)(bytes[0] << 8 | bytes[1]), (int)(n - 2),
		    (const char *)bytes + 2);
}

static int
on_event(void *ctx, struct lws *wsi, int reason, void *in, size_t len)
{
	struct source *s = ctx;
	struct source_ws *w = s->ws;

	/* Nothing but these. */
	if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
		w->is_up = true;
		if (!s->is_over)
			s->options.on_up(s->options.ctx);
	} else if (reason == LWS_CALLBACK_CLIENT_RECEIVE) {
		take_bytes(s, in, len);
	} else if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
		on_close_frame(w, in, len);
	} else if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
		on_refused(w, wsi, in != NULL ? in : "no answer");
		on_end(s);
	} else if (reason == LWS_CALLBACK_CLIENT_CLOSED ||
		   reason == LWS_CALLBACK_WSI_DESTROY) {
		on_end(s);
	}
	return 0;
}

void
source_ws_begin(struct source *s)
{
	const struct url *url = s->options.url;
	struct source_ws *w = mem_new(1, sizeof(*w));
	char host[HOST_BYTES];
	struct text t;
	const struct lws_client_connect_info info = {
		.context = loop_context(s->loop),
		.address = url->host,
		.port = url->port,
		.path = url->target,
		.host = host,
		.local_protocol_name = LOOP_SOCKET_PROTOCOL,
		.opaque_user_data = &w->socket,
		.pwsi = &w->wsi,
		.retry_and_idle_policy = &idle_policy,
	};

	s->ws = w;
	w->socket = (struct loop_socket){ on_event, s };
	text_init(&t, w->name, sizeof(w->name));
	url_add_text(url, &t);
	text_init(&t, host, sizeof(host));
	url_add_authority(url, &t);
	if (lws_client_connect_via_info(&info) == NULL) {
		set_lost(w, "%s: %s", url->host, why_not(url));
		end_connection(s);
	}
}

void
source_ws_end(struct source *s)
{
	struct source_ws *w = s->ws;

	if (w->wsi != NULL) {
		lws_set_opaque_user_data(w->wsi, NULL);
		lws_set_timeout(w->wsi, 1, LWS_TO_KILL_ASYNC);
	}
	free(w->buf);
	free(w);
	s->ws = NULL;
}

const char *
source_ws_name(const struct source *s)
{
	return s->ws->name;
}
