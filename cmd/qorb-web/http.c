/* Requests of HTTP; see http.h. */

#include "http.h"

#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "core/base.h"
#include "live.h"
#include "metrics.h"
#include "page.h"
#include "server.h"

#define HEAD_BYTES 2048
#define HOST_BYTES 300

#define TYPE_HTML "text/html; charset=utf-8"
#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_JSON "application/json"

/* So that what is no page cannot be made to act as one. */
#define PLAIN_POLICY "default-src 'none'; frame-ancestors 'none'"

struct http_path {
	const char *path;
	enum http_need need;
	/* The round is NULL when none is needed, or a pong. */
	void (*answer)(struct conn *c, struct round *r);
	void (*fail)(struct conn *c, struct round *r);
};

/* From now on the client has to take something now and then. */
static void
limit_wait(struct conn *c)
{
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT,
	    (int)(c->server->options->timeout_us / US_PER_S));
}

static void
answer(struct conn *c, unsigned status, const char *type, struct blob *body)
{
	c->status = status;
	c->type = type;
	blob_drop(&c->out);
	c->out = body;
	c->sent = 0;
	c->has_head = false;
	server_set_kind(c, CONN_HTTP);
	limit_wait(c);
	lws_callback_on_writable(c->wsi);
}

/* A line that says what is wrong, or not. */
static void
answer_line(struct conn *c, unsigned status, const char *line)
{
	size_t cap = strlen(line) + 2;
	char *text = mem_new(cap, 1);
	struct text t;

	text_init(&t, text, cap);
	text_addf(&t, "%s\n", line);
	answer(c, status, TYPE_TEXT, blob_new(text, t.len, NULL));
}

static void
answer_page(struct conn *c, struct round *r)
{
	char *nonce = mem_new(PAGE_NONCE_BYTES, 1);

	(void)r;
	if (!page_nonce(nonce)) {
		free(nonce);
		answer_line(c, 500, "no random numbers");
		return;
	}
	c->nonce = nonce;
	answer(c, 200, TYPE_HTML, page_document(nonce));
}

static void
answer_stats(struct conn *c, struct round *r)
{
	const char *pool = query_pool(&c->query);
	bool is_there = pool == NULL || picture_pool(r->picture, pool) != NULL;

	answer(c, is_there ? 200 : 404, TYPE_JSON,
	    blob_hold(round_body(r, ROUND_STATS, pool)));
}

static void
fail_stats(struct conn *c, struct round *r)
{
	answer(c, 503, TYPE_JSON, blob_hold(round_body(r, ROUND_STATS, NULL)));
}

/* That the daemon cannot be reached is a figure too. */
static void
answer_metrics(struct conn *c, struct round *r)
{
	answer(c, 200, METRICS_TYPE,
	    blob_hold(round_body(r, ROUND_METRICS, NULL)));
}

static void
answer_health(struct conn *c, struct round *r)
{
	(void)r;
	answer_line(c, 200, "ok");
}

static void
fail_health(struct conn *c, struct round *r)
{
	answer_line(c, 503, r->why);
}

static const struct http_path paths[] = {
	{ "/", HTTP_NOTHING, answer_page, NULL },
	{ "/metrics", HTTP_PICTURE, answer_metrics, answer_metrics },
	{ "/healthz", HTTP_PONG, answer_health, fail_health },
	{ "/stats.json", HTTP_PICTURE, answer_stats, fail_stats },
};

static const struct http_path *
find_path(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		if (strcmp(paths[i].path, path) == 0)
			return &paths[i];
	}
	return NULL;
}

static bool
has(const struct conn *c, enum lws_token_indexes token)
{
	return lws_hdr_total_length(c->wsi, token) > 0;
}

/* The method and what there is to read of the request. */
static bool
read_request(struct conn *c)
{
	char length[8];

	(void)server_header(
	    c, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof(length));
	c->is_head = has(c, WSI_TOKEN_HEAD_URI);
	c->has_body = (has(c, WSI_TOKEN_HTTP_CONTENT_LENGTH) &&
			  strcmp(length, "0") != 0) ||
		      has(c, WSI_TOKEN_HTTP_TRANSFER_ENCODING);
	return c->is_head || has(c, WSI_TOKEN_GET_URI);
}

static void
wait_for(struct conn *c, enum http_need need)
{
	server_set_kind(c, CONN_HTTP);
	/* The source has its own bound. */
	lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
	if (need == HTTP_PICTURE)
		source_ask(c->server->source);
	else
		source_ping(c->server->source);
}

int
http_on_request(struct conn *c, const char *path)
{
	unsigned status = 0;
	bool is_good = read_request(c);
	const char *why = server_check(c, &status);

	c->path = find_path(path);
	if (c->is_excess) {
		answer_line(c, 503, "as many clients as are served; try later");
	} else if (!is_good) {
		c->has_body = true;
		answer_line(c, 405, "only GET and HEAD are served");
	} else if (why != NULL) {
		answer_line(c, status, why);
	} else if (live_is_path(path)) {
		answer_line(c, 426, "this is for WebSockets");
	} else if (c->path == NULL) {
		answer_line(c, 404,
		    "there is /, /metrics, /healthz, "
		    "/stats.json, /qtop/stats and /events");
	} else if (c->path->need == HTTP_NOTHING) {
		c->path->answer(c, NULL);
	} else {
		wait_for(c, c->path->need);
	}
	return 0;
}

static bool
add_header(struct conn *c, const char *name, const char *value,
    unsigned char **at, unsigned char *end)
{
	return lws_add_http_header_by_name(c->wsi, (const unsigned char *)name,
		   (const unsigned char *)value, (int)strlen(value), at,
		   end) == 0;
}

static const char *
policy_of(struct conn *c, char *buf)
{
	char host[HOST_BYTES];

	if (c->nonce == NULL)
		return PLAIN_POLICY;
	(void)server_header(c, WSI_TOKEN_HOST, host, sizeof(host));
	return page_policy(buf, c->nonce, host);
}

static int
write_head(struct conn *c)
{
	unsigned char buf[LWS_PRE + HEAD_BYTES],
	    *start = buf + LWS_PRE, *at = start, *end = buf + sizeof(buf) - 1;
	char policy[PAGE_POLICY_BYTES];

	c->has_head = true;
	if (lws_add_http_common_headers(c->wsi, c->status, c->type,
		(lws_filepos_t)c->out->len, &at, end) != 0 ||
	    !add_header(c, "cache-control:", "no-store", &at, end) ||
	    !add_header(c, "x-content-type-options:", "nosniff", &at, end) ||
	    !add_header(c, "referrer-policy:", "no-referrer", &at, end) ||
	    !add_header(
		c, "content-security-policy:", policy_of(c, policy), &at, end))
		return -1;
	if (c->status == 405 && !add_header(c, "allow:", "GET, HEAD", &at, end))
		return -1;
	if (c->status == 426 &&
	    !add_header(c, "upgrade:", "websocket", &at, end))
		return -1;
	return lws_finalize_write_http_header(c->wsi, start, &at, end);
}

/* The answer is out: the next request, where there may be one. */
static int
end(struct conn *c)
{
	bool closes = c->has_body || c->is_excess;

	conn_reset(c);
	if (closes)
		return -1;
	return lws_http_transaction_completed(c->wsi) != 0 ? -1 : 0;
}

int
http_on_writeable(struct conn *c)
{
	unsigned char *piece = c->server->piece + LWS_PRE;
	size_t n;
	bool is_last;

	if (c->kind != CONN_HTTP || c->out == NULL)
		return 0;
	limit_wait(c);
	if (!c->has_head) {
		if (write_head(c) != 0)
			return -1;
		if (c->is_head)
			return end(c);
		lws_callback_on_writable(c->wsi);
		return 0;
	}
	n = c->out->len - c->sent;
	if (n > SERVER_PIECE)
		n = SERVER_PIECE;
	memcpy(piece, c->out->bytes + c->sent, n);
	c->sent += n;
	is_last = c->sent == c->out->len;
	if (lws_write(c->wsi, piece, n,
		is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)n)
		return -1;
	if (is_last)
		return end(c);
	lws_callback_on_writable(c->wsi);
	return 0;
}

static bool
waits_for(const struct conn *c, enum http_need need)
{
	return c->kind == CONN_HTTP && c->out == NULL && c->path->need == need;
}

void
http_on_picture(struct conn *c, struct round *r)
{
	if (waits_for(c, HTTP_PICTURE))
		c->path->answer(c, r);
}

void
http_on_pong(struct conn *c)
{
	if (waits_for(c, HTTP_PONG))
		c->path->answer(c, NULL);
}

void
http_on_down(struct conn *c, struct round *r)
{
	if (waits_for(c, HTTP_PICTURE) || waits_for(c, HTTP_PONG))
		c->path->fail(c, r);
}
