#include "backends.h"

#include <stdlib.h>
#include <string.h>

#include "client/qorb_client.h"
#include "core/base.h"

/* The longest a daemon may take to answer. */
#define ASK_MS 5000

static void
backends_on_row(void *ctx, const struct qorb_reply *reply)
{
	struct backends *b = ctx;
	const char *state = qorb_reply_get(reply, "state");
	const char *addr = qorb_reply_get(reply, "addr");
	const char *wrong;

	if (state == NULL || addr == NULL || strcmp(state, "online") != 0 ||
	    b->count == WORKLOAD_DIRECT_MAX)
		return;
	b->count += addr_parse(addr, &b->addrs[b->count], &wrong);
}

static bool
backends_call(struct backends *b, struct qorb_client *client,
    const struct workload *work, struct text *why)
{
	const char *const words[] = { work->pool };
	const struct qorb_request request = {
		.verb = "backends",
		.words = words,
		.count = ARRAY_LEN(words),
		.timeout_ms = ASK_MS,
		.each = backends_on_row,
		.ctx = b,
	};
	const char *code;

	if (!qorb_client_is_up(client)) {
		text_add(why, qorb_client_error(client));
		return false;
	}
	if (qorb_call(client, &request))
		return true;
	code = qorb_client_code(client);
	text_addf(why, "pool %s: %s%s%s", work->pool, code != NULL ? code : "",
	    code != NULL ? ": " : "", qorb_client_error(client));
	return false;
}

bool
backends_ask(struct backends *b, const struct workload *work, struct text *why)
{
	struct qorb_client *client = qorb_client_new(work->socket_path);
	bool is_answered = false;

	b->count = 0;
	b->addrs = mem_new(WORKLOAD_DIRECT_MAX, sizeof(*b->addrs));
	if (client == NULL)
		text_add(why, "out of memory");
	else
		is_answered = backends_call(b, client, work, why);
	qorb_client_free(&client);
	if (!is_answered)
		backends_fini(b);
	return is_answered;
}

void
backends_fini(struct backends *b)
{
	free(b->addrs);
	b->addrs = NULL;
	b->count = 0;
}
