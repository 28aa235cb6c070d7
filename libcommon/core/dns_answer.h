#ifndef QORB_CORE_DNS_ANSWER_H
#define QORB_CORE_DNS_ANSWER_H

/*
 * What a name server answered, as plain values: how it went, and the records
 * of the types that matter here. The wire form is taken apart elsewhere
 * (io/dns_parse.h); nothing here trusts it: names are normalised, chains of
 * CNAMEs are followed with a limit, TTLs are clamped (RFC 2181 section 8, RFC
 * 8767 section 4).
 *
 * Names are kept in one normal form, so that strcmp compares them as the DNS
 * does: lower case, no trailing dot ("." for the root), printing ASCII; bytes
 * with a meaning in zone files as \X, all others as \DDD. So no name can hold
 * a space or a line end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

/* A name of 255 bytes on the wire with every byte escaped, and its NUL. */
#define DNS_NAME_BYTES 1025

#define DNS_TTL_MAX 2147483647u

/* Records kept of one answer: more than 64 KB of message can hold in a form
 * that is of use. Reaching it makes the answer unusable (DNS_GARBAGE). */
#define DNS_RECORDS_MAX 8192

/* Longest chain of CNAMEs that is followed. */
#define DNS_CNAMES_MAX 16

enum dns_type {
	DNS_SRV,
	DNS_AAAA,
	DNS_A,
	DNS_CNAME,
};

/* X(NAME, "word", "meaning"): how a query ended. */
#define DNS_OUTCOME_TABLE(X)                                                  \
	X(RECORDS, "records", "it has records")                               \
	X(NO_NAME, "no-name", "there is no such name")                        \
	X(NO_DATA, "no-data", "the name has no such records")                 \
	X(TIME_OUT, "time-out", "no answer came in time")                     \
	X(SERVFAIL, "servfail", "the server failed (SERVFAIL)")               \
	X(REFUSED, "refused", "the server refused to answer (REFUSED)")       \
	X(UNREACHABLE, "unreachable", "nothing can be reached there")         \
	X(GARBAGE, "garbage", "the answer cannot be read")                    \
	X(UNUSABLE, "unusable", "no record can be used")                      \
	X(CUT_SHORT, "cut-short", "the answer came cut short, even over TCP") \
	X(REFERRAL, "referral", "the server only refers to other servers")    \
	X(BAD_CODE, "bad-code", "the server answered with an error code")     \
	X(NOT_ASKED, "not-asked", "the query could not be sent")              \
	X(DROPPED, "dropped", "it was no longer needed")

enum dns_outcome {
#define X(name, word, text) DNS_##name,
	DNS_OUTCOME_TABLE(X)
#undef X
	    DNS_OUTCOME_COUNT,
};

/* Static strings: the word ("time-out"), and what it means. */
const char *dns_outcome_word(enum dns_outcome outcome);
const char *dns_outcome_text(enum dns_outcome outcome);

/* "SRV", "AAAA", "A", "CNAME". */
const char *dns_type_name(enum dns_type type);

/* One record. Names are in the normal form and belong to the answer. */
struct dns_record {
	enum dns_type type;
	bool is_additional; /* from the additional section, not the answer */
	uint32_t ttl_s;	    /* at most DNS_TTL_MAX */
	const char *owner;
	const char *target; /* of SRV and CNAME, else NULL */
	uint16_t priority;  /* these three of SRV */
	uint16_t weight;
	uint16_t port;
	uint8_t ip[16]; /* AAAA: all of it; A: the first 4 */
};

struct dns_answer {
	enum dns_outcome outcome; /* records count only with DNS_RECORDS */
	size_t count;
	size_t cap;
	struct dns_record *records; /* owned, with their names */
};

/* An answer without records. */
void dns_answer_init(struct dns_answer *answer, enum dns_outcome outcome);
void dns_answer_fini(struct dns_answer *answer);

/* Adds a copy of a record with its names normalised and its TTL clamped. False
 * when a name is none or DNS_RECORDS_MAX is reached: then it is not added. */
bool dns_answer_add(
    struct dns_answer *answer, const struct dns_record *record) MUST_CHECK;

/* Where the CNAMEs of the answer section lead from a (normal) name: that name
 * or the end of the chain, borrowed from the answer or the caller; *ttl_s is
 * lowered to the smallest TTL on the way. NULL when the chain is a loop or too
 * long. */
const char *dns_answer_follow(const struct dns_answer *answer, const char *name,
    uint32_t *ttl_s) MUST_CHECK;

/* Writes the normal form of a name in presentation form to out (room for
 * DNS_NAME_BYTES). False when it is no DNS name, *why (static) says why not.
 * Underscores and any other byte are allowed in a label. */
bool dns_name_normalize(
    const char *text, char *out, const char **why) MUST_CHECK;

#endif
