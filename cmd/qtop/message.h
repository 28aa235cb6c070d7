#ifndef QTOP_MESSAGE_H
#define QTOP_MESSAGE_H

/*
 * A message of /qtop/stats, JSON, put into a model as a round. All that it must
 * have is
 *
 *     {"claims": N, "sets": {NAME: {"connecting_slots": N,
 *         "unclaimed_slots": N, "checking_slots": N, "claimed_slots": N,
 *         "total_claims": N}}}
 *
 * and that only roughly: numbers that are missing, are no numbers, or are out
 * of range count as not given. What qorb-web says beyond it (its clock, pools,
 * states) is used; what nobody knows is passed over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"
#include "model.h"

enum message_kind {
	MESSAGE_ROUND, /* the model has a new round */
	MESSAGE_ERROR, /* the server says why it has no figures */
	MESSAGE_ODD,   /* it was not understood; the model is as it was */
};

/* A message that arrived: both times by our clocks. */
struct message {
	const char *bytes;
	size_t len;
	uint64_t clock_us;
	uint64_t wall_us;
};

/* *why: the reason for any but MESSAGE_ROUND, as it came. Without a model a
 * round is only looked at. */
enum message_kind message_read(
    const struct message *message, struct model *model, struct text *why);

#endif
