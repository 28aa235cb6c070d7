#ifndef TEST_REPLY_RIG_H
#define TEST_REPLY_RIG_H

/* Replies for tests, made from lines as the daemon writes them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/qorb_client.h"
#include "core/line.h"

struct line_reply {
	char line[LINE_MAX_BYTES + 1];
	struct reply parsed;
	struct qorb_arg args[LINE_MAX_ARGS];
	struct qorb_reply reply;
};

static inline const struct qorb_reply *
reply_of(struct line_reply *r, const char *line)
{
	(void)snprintf(r->line, sizeof(r->line), "%s", line);
	assert_true(reply_parse(r->line, strlen(r->line), &r->parsed));
	for (size_t i = 0; i < r->parsed.argc; i++)
		r->args[i] = (struct qorb_arg){ r->parsed.args[i].key,
			r->parsed.args[i].value };
	r->reply = (struct qorb_reply){
		.kind = r->parsed.kind == REPLY_ROW ? QORB_ROW : QORB_OK,
		.argc = r->parsed.argc,
		.args = r->args,
		.fd = -1,
	};
	return &r->reply;
}

#endif
