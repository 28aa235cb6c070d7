#ifndef QORB_CTL_VIEW_H
#define QORB_CTL_VIEW_H

/*
 * What comes from the daemon, as it is to be seen: tables for a person, fields
 * with tabs between for a script, or JSON. Rows are gathered until the answer
 * or a round of it has ended; events and JSON are written as they come.
 */

#include <stdbool.h>
#include <stdio.h>

#include "client/qorb_client.h"
#include "table.h"

enum view_kind {
	VIEW_SCREEN,
	VIEW_TABS,
	VIEW_JSON,
};

struct view {
	enum view_kind kind;
	FILE *out;
	size_t width;	/* of the screen */
	bool is_stream; /* rows come as time goes by */
	bool has_head;	/* of events, with tabs */
	bool has_round; /* one was written: an empty line comes first */
	struct tables tables;
};

/* A row, or the ok at the end. */
void view_reply(struct view *v, const struct qorb_reply *reply);

/* Writes what was gathered. */
void view_end(struct view *v);

/* "12:34:56.000123" in local time from seconds since the epoch; false when
 * that is none. */
bool view_clock(const char *t, char *buf, size_t cap);

#endif
