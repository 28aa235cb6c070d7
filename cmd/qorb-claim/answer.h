#ifndef QORB_CLAIM_ANSWER_H
#define QORB_CLAIM_ANSWER_H

/*
 * Where an answer ends, in the bytes as they come: after a number of bytes,
 * after a number of lines, or after the first time that a string occurs. Never
 * at a close: the connection is to be used again. Knows nothing of where the
 * bytes come from, and it does not matter how they are cut.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

/* Longest string of an end. */
#define ANSWER_STRING_MAX 1024

enum answer_kind {
	ANSWER_NONE, /* no end has been named */
	ANSWER_BYTES,
	ANSWER_LINES,
	ANSWER_STRING,
};

struct answer {
	enum answer_kind kind;
	uint64_t left;	   /* bytes or lines still to come */
	const char *until; /* borrowed, 1 to ANSWER_STRING_MAX bytes */
	size_t until_len;
	size_t matched; /* bytes of until that the latest bytes were */
	/* Knuth, Morris, Pratt: where to go on in until when the byte after
	 * the first i + 1 does not match. */
	uint16_t back[ANSWER_STRING_MAX];
	bool is_done;
};

/* n is at least 1. */
void answer_init_count(struct answer *a, enum answer_kind kind, uint64_t n);

/* False when the string is empty or too long. */
bool answer_init_string(struct answer *a, const char *until) MUST_CHECK;

/* How many of the n bytes that came next belong to the answer; fewer than n
 * only when it is done. */
size_t answer_feed(struct answer *a, const char *bytes, size_t n);

#endif
