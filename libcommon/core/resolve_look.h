#ifndef QORB_CORE_RESOLVE_LOOK_H
#define QORB_CORE_RESOLVE_LOOK_H

/*
 * What one server says in one look-up: the SRV records, and the addresses of
 * their targets, of which those in the additional section are believed and all
 * others asked for (an additional section is often incomplete without saying
 * so). Part of core/resolve.h; not for others.
 *
 * A look has ended when every question is answered or given up; its outcome is
 * then
 *   DNS_RECORDS        backends were found (missing: how many questions for
 *                      addresses failed), or the service says that it has
 *                      none (is_none: the target ".")
 *   DNS_NO_NAME, DNS_NO_DATA
 *                      no such service, or no target has an address
 *   DNS_UNUSABLE       there are records, and none that can name a backend
 *   others             it failed: bad_type and bad_name were asked in vain
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dns_answer.h"
#include "core/resolve.h"
#include "core/resolve_set.h"

struct look_srv;
struct look_target;
struct look_ip;

/* A question: the SRV records, or one family of one target's addresses. */
struct look_question {
	enum dns_type type;
	size_t target; /* of AAAA and A */
};

enum look_state {
	LOOK_IDLE,	/* nothing is asked */
	LOOK_SRV,	/* SRV is to be asked, or was */
	LOOK_ADDRESSES, /* addresses are */
	LOOK_ENDED,
};

struct look {
	enum look_state state;
	enum dns_outcome outcome; /* LOOK_ENDED */
	bool is_none;
	bool is_srv_asked;
	size_t open;	 /* questions without an answer */
	size_t next;	 /* first question for an address not looked at */
	size_t missing;	 /* of those that failed */
	size_t left_out; /* records that cannot be used, or are too many */

	enum dns_outcome bad_outcome; /* the first that went wrong */
	struct look_question bad;

	size_t srv_count;
	struct look_srv *srvs; /* owned, sorted by target and port */
	size_t target_count;
	struct look_target *targets; /* owned, sorted by name */
	size_t ip_count;
	size_t ip_cap;
	struct look_ip *ips; /* owned */
};

/* A zeroed look is idle. Leaves it so. */
void look_fini(struct look *look);

void look_begin(struct look *look);

/* The next question to ask, which is then the caller's to answer. */
bool look_next(struct look *look, struct look_question *question) MUST_CHECK;

/* The name to ask for (SRV: service). Borrowed. */
const char *look_name(const struct look *look, const char *service,
    struct look_question question);

void look_on_answer(struct look *look, const char *service,
    struct look_question question, const struct dns_answer *answer,
    enum resolve_family family);

/* No answer will come any more: everything open has failed like this. */
void look_give_up(struct look *look, enum dns_outcome outcome);

/* Adds the backends that were found to a set, each an item like this one but
 * for its spec; the number added. Without a hardcoded TTL (NULL) each has the
 * smallest of its records. */
size_t look_add_found(struct look *look, const uint32_t *ttl_s,
    const struct resolve_item *like, struct resolve_set *set);

/* Adds those backends of an older set whose addresses could not be looked up
 * this time though the service still names them, with priority and weight as
 * they are now; stale from now on if they were not before. */
void look_add_kept(const struct look *look, const struct resolve_set *old,
    uint64_t now_us, struct resolve_set *set);

#endif
