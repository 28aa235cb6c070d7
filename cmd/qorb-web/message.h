#ifndef QORB_WEB_MESSAGE_H
#define QORB_WEB_MESSAGE_H

/*
 * The messages of /qtop/stats, /stats.json and /events as JSON, one object
 * without a line end. Names that are no UTF-8 have what is wrong with them as
 * \xNN. The caller gets a string of its own, from malloc.
 *
 * {claims, sets: {NAME: {connecting_slots, unclaimed_slots, checking_slots,
 * claimed_slots, total_claims}}} is what other pools with such an endpoint send
 * too; the rest is ours, and qorb-web(8) lists it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/qorb_client.h"
#include "core/base.h"
#include "picture.h"

/* source: what it was read from. pool: only this one, NULL for all; one that is
 * not there gives an error's message. */
char *message_stats(
    const struct picture *p, const char *source, const char *pool) MUST_CHECK;

/* There are no figures, and why. */
char *message_error(const char *why) MUST_CHECK;

/* A row of `events`. */
char *message_event(const struct qorb_reply *row) MUST_CHECK;

/* Events that were left out. */
char *message_lost(uint64_t count) MUST_CHECK;

#endif
