#ifndef QORB_TESTS_WIRE_H
#define QORB_TESTS_WIRE_H

/*
 * Writes DNS messages byte by byte (RFC 1035 section 4), right ones and wrong
 * ones: nothing is checked. For tests that play a name server. Every function
 * appends; the counts of the header are the caller's to get right.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define WIRE_BYTES 70000

/* Flags with the response code in the last four bits. */
#define WIRE_ANSWER    0x8000
#define WIRE_AUTHORITY 0x8400
#define WIRE_CUT       0x8200

enum wire_type {
	WIRE_A = 1,
	WIRE_NS = 2,
	WIRE_CNAME = 5,
	WIRE_SOA = 6,
	WIRE_TXT = 16,
	WIRE_AAAA = 28,
	WIRE_SRV = 33,
};

struct wire {
	size_t len;
	size_t rdata; /* where the record under way has its data */
	uint8_t bytes[WIRE_BYTES];
};

static inline void
wire_u8(struct wire *w, unsigned n)
{
	assert(w->len < sizeof(w->bytes));
	w->bytes[w->len++] = (uint8_t)n;
}

static inline void
wire_u16(struct wire *w, unsigned n)
{
	wire_u8(w, n >> 8);
	wire_u8(w, n & 0xFF);
}

static inline void
wire_u32(struct wire *w, uint32_t n)
{
	wire_u16(w, n >> 16);
	wire_u16(w, n & 0xFFFF);
}

static inline void
wire_bytes(struct wire *w, const void *bytes, size_t n)
{
	assert(n <= sizeof(w->bytes) - w->len);
	memcpy(w->bytes + w->len, bytes, n);
	w->len += n;
}

/* Labels between dots, taken as they are; "" is the root. */
static inline void
wire_name(struct wire *w, const char *name)
{
	size_t n;

	for (; *name != '\0'; name += n + (name[n] == '.')) {
		n = strcspn(name, ".");
		wire_u8(w, (unsigned)n);
		wire_bytes(w, name, n);
	}
	wire_u8(w, 0);
}

static inline void
wire_pointer(struct wire *w, size_t to)
{
	wire_u16(w, 0xC000 | (unsigned)to);
}

/* The header and one question, whose name stands at offset 12. counts are those
 * of the answer, the authority and the additional section. */
static inline void
wire_begin(struct wire *w, unsigned flags, const unsigned counts[3],
    const char *name, enum wire_type type)
{
	w->len = 0;
	wire_u16(w, 0x1234);
	wire_u16(w, flags);
	wire_u16(w, 1);
	wire_u16(w, counts[0]);
	wire_u16(w, counts[1]);
	wire_u16(w, counts[2]);
	wire_name(w, name);
	wire_u16(w, type);
	wire_u16(w, 1);
}

/* A record from its type on; its owner stands before it. */
static inline void
wire_record(struct wire *w, enum wire_type type, uint32_t ttl)
{
	wire_u16(w, type);
	wire_u16(w, 1);
	wire_u32(w, ttl);
	wire_u16(w, 0);
	w->rdata = w->len;
}

/* The record's data are all that was written since. */
static inline void
wire_end(struct wire *w)
{
	size_t n = w->len - w->rdata;

	w->bytes[w->rdata - 2] = (uint8_t)(n >> 8);
	w->bytes[w->rdata - 1] = (uint8_t)n;
}

static inline void
wire_srv(struct wire *w, const char *owner, uint32_t ttl, unsigned port,
    const char *target)
{
	wire_name(w, owner);
	wire_record(w, WIRE_SRV, ttl);
	wire_u16(w, 1);
	wire_u16(w, 2);
	wire_u16(w, port);
	wire_name(w, target);
	wire_end(w);
}

static inline void
wire_aaaa(struct wire *w, const char *owner, uint32_t ttl, unsigned last)
{
	uint8_t ip[16] = { 0 };

	ip[15] = (uint8_t)last;
	wire_name(w, owner);
	wire_record(w, WIRE_AAAA, ttl);
	wire_bytes(w, ip, sizeof(ip));
	wire_end(w);
}

#endif
