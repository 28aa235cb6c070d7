#include "io/dns_parse.h"

#include <string.h>

#include <sys/types.h>
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <resolv.h>

/* Response codes, RFC 1035 section 4.1.1. */
enum rcode {
	RCODE_NONE = 0,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_REFUSED = 5,
};

/* The parts of a header that decide, whoever parsed it. */
struct header {
	bool is_answer; /* to a plain query */
	bool is_cut;
	bool is_authority;
	int rcode;
};

/* What the header alone says; DNS_RECORDS when it leaves the matter open. */
static enum dns_outcome
judge_header(const struct header *h)
{
	if (!h->is_answer)
		return DNS_GARBAGE;
	switch (h->rcode) {
	case RCODE_NONE:
		return h->is_cut ? DNS_CUT_SHORT : DNS_RECORDS;
	case RCODE_SERVFAIL:
		return DNS_SERVFAIL;
	case RCODE_NXDOMAIN:
		return DNS_NO_NAME;
	case RCODE_REFUSED:
		return DNS_REFUSED;
	default:
		return DNS_BAD_CODE;
	}
}

static void
spoil(struct dns_answer *answer, enum dns_outcome outcome)
{
	dns_answer_fini(answer);
	answer->outcome = outcome;
}

/* Of an answer that was read whole: are there records? A server that is not in
 * charge and has nothing but the names of others does not say "no data". */
static void
judge_records(struct dns_answer *answer, const struct header *h, bool has_ns,
    bool has_soa)
{
	size_t i;

	for (i = 0; i < answer->count; i++) {
		if (!answer->records[i].is_additional)
			return;
	}
	if (has_ns && !has_soa && !h->is_authority)
		spoil(answer, DNS_REFERRAL);
	else
		spoil(answer, DNS_NO_DATA);
}

/* Both parsers print the root as nothing. */
static const char *
name_or_root(const char *name)
{
	return name[0] != '\0' ? name : ".";
}

#if DNS_PARSE_RECORDS

/* Copies the data of a record of a type that matters; false when it is none of
 * those (*is_bad: it should have been). */
static bool
read_record(const ares_dns_rr_t *rr, struct dns_record *rec, bool *is_bad)
{
	const void *ip = NULL;

	*is_bad = false;
	switch ((int)ares_dns_rr_get_type(rr)) {
	case ARES_REC_TYPE_SRV:
		rec->type = DNS_SRV;
		rec->priority = ares_dns_rr_get_u16(rr, ARES_RR_SRV_PRIORITY);
		rec->weight = ares_dns_rr_get_u16(rr, ARES_RR_SRV_WEIGHT);
		rec->port = ares_dns_rr_get_u16(rr, ARES_RR_SRV_PORT);
		rec->target = ares_dns_rr_get_str(rr, ARES_RR_SRV_TARGET);
		*is_bad = rec->target == NULL;
		break;
	case ARES_REC_TYPE_CNAME:
		rec->type = DNS_CNAME;
		rec->target = ares_dns_rr_get_str(rr, ARES_RR_CNAME_CNAME);
		*is_bad = rec->target == NULL;
		break;
	case ARES_REC_TYPE_AAAA:
		rec->type = DNS_AAAA;
		ip = ares_dns_rr_get_addr6(rr, ARES_RR_AAAA_ADDR);
		*is_bad = ip == NULL;
		if (ip != NULL)
			memcpy(rec->ip, ip, 16);
		break;
	case ARES_REC_TYPE_A:
		rec->type = DNS_A;
		ip = ares_dns_rr_get_addr(rr, ARES_RR_A_ADDR);
		*is_bad = ip == NULL;
		if (ip != NULL)
			memcpy(rec->ip, ip, 4);
		break;
	default:
		return false;
	}
	return !*is_bad;
}

static bool
read_section(const ares_dns_record_t *record, ares_dns_section_t section,
    struct dns_answer *answer)
{
	size_t count = ares_dns_record_rr_cnt(record, section);
	const ares_dns_rr_t *rr;
	bool is_bad;
	size_t i;

	for (i = 0; i < count; i++) {
		struct dns_record rec = { 0 };

		rr = ares_dns_record_rr_get_const(record, section, i);
		if (rr == NULL)
			return false;
		if (ares_dns_rr_get_class(rr) != ARES_CLASS_IN)
			continue;
		if (!read_record(rr, &rec, &is_bad)) {
			if (is_bad)
				return false;
			continue;
		}
		rec.is_additional = section == ARES_SECTION_ADDITIONAL;
		rec.ttl_s = ares_dns_rr_get_ttl(rr);
		rec.owner = name_or_root(ares_dns_rr_get_name(rr));
		if (rec.target != NULL)
			rec.target = name_or_root(rec.target);
		if (!dns_answer_add(answer, &rec))
			return false;
	}
	return true;
}

static bool
has_authority(const ares_dns_record_t *record, ares_dns_rec_type_t type)
{
	size_t count = ares_dns_record_rr_cnt(record, ARES_SECTION_AUTHORITY);
	const ares_dns_rr_t *rr;
	size_t i;

	for (i = 0; i < count; i++) {
		rr = ares_dns_record_rr_get_const(
		    record, ARES_SECTION_AUTHORITY, i);
		if (rr != NULL && ares_dns_rr_get_type(rr) == type)
			return true;
	}
	return false;
}

void
dns_parse_record(const ares_dns_record_t *record, struct dns_answer *answer)
{
	unsigned flags = ares_dns_record_get_flags(record);
	struct header h = {
		.is_answer =
		    (flags & ARES_FLAG_QR) != 0 &&
		    ares_dns_record_get_opcode(record) == ARES_OPCODE_QUERY,
		.is_cut = (flags & ARES_FLAG_TC) != 0,
		.is_authority = (flags & ARES_FLAG_AA) != 0,
		.rcode = (int)ares_dns_record_get_rcode(record),
	};

	dns_answer_init(answer, judge_header(&h));
	if (answer->outcome != DNS_RECORDS)
		return;
	if (!read_section(record, ARES_SECTION_ANSWER, answer) ||
	    !read_section(record, ARES_SECTION_ADDITIONAL, answer)) {
		spoil(answer, DNS_GARBAGE);
		return;
	}
	judge_records(answer, &h, has_authority(record, ARES_REC_TYPE_NS),
	    has_authority(record, ARES_REC_TYPE_SOA));
}

void
dns_parse(const uint8_t *bytes, size_t len, struct dns_answer *answer)
{
	ares_dns_record_t *record = NULL;

	if (ares_dns_parse(bytes, len, 0, &record) != ARES_SUCCESS) {
		dns_answer_init(answer, DNS_GARBAGE);
		return;
	}
	dns_parse_record(record, answer);
	ares_dns_record_destroy(record);
}

#else

/* Length of priority, weight and port before an SRV record's target. */
#define SRV_FIXED 6

/* The name that fills rdata from offset to its end, compressed or not. */
static bool
read_name(ns_msg *msg, const ns_rr *rr, size_t offset, char *name)
{
	size_t len = ns_rr_rdlen(*rr);
	int used;

	if (len <= offset)
		return false;
	used = dn_expand(ns_msg_base(*msg), ns_msg_end(*msg),
	    ns_rr_rdata(*rr) + offset, name, DNS_NAME_BYTES);
	return used > 0 && (size_t)used == len - offset;
}

static bool
read_ip(const ns_rr *rr, size_t len, struct dns_record *rec)
{
	if (ns_rr_rdlen(*rr) != len)
		return false;
	memcpy(rec->ip, ns_rr_rdata(*rr), len);
	return true;
}

/* Copies the data of a record of a type that matters; false when it cannot be
 * read. *is_wanted is false for all other types. name is room for a target. */
static bool
read_record(ns_msg *msg, const ns_rr *rr, struct dns_record *rec, char *name,
    bool *is_wanted)
{
	*is_wanted = ns_rr_class(*rr) == ns_c_in;
	if (!*is_wanted)
		return true;
	rec->target = name;
	switch ((int)ns_rr_type(*rr)) {
	case ns_t_srv:
		if (ns_rr_rdlen(*rr) <= SRV_FIXED)
			return false;
		rec->type = DNS_SRV;
		rec->priority = (uint16_t)ns_get16(ns_rr_rdata(*rr));
		rec->weight = (uint16_t)ns_get16(ns_rr_rdata(*rr) + 2);
		rec->port = (uint16_t)ns_get16(ns_rr_rdata(*rr) + 4);
		return read_name(msg, rr, SRV_FIXED, name);
	case ns_t_cname:
		rec->type = DNS_CNAME;
		return read_name(msg, rr, 0, name);
	case ns_t_aaaa:
		rec->type = DNS_AAAA;
		return read_ip(rr, 16, rec);
	case ns_t_a:
		rec->type = DNS_A;
		return read_ip(rr, 4, rec);
	default:
		*is_wanted = false;
		return true;
	}
}

static bool
read_section(ns_msg *msg, ns_sect section, struct dns_answer *answer)
{
	char target[DNS_NAME_BYTES];
	bool is_wanted;
	ns_rr rr;
	int i;

	for (i = 0; i < ns_msg_count(*msg, section); i++) {
		struct dns_record rec = { 0 };

		if (ns_parserr(msg, section, i, &rr) != 0)
			return false;
		target[0] = '\0';
		if (!read_record(msg, &rr, &rec, target, &is_wanted))
			return false;
		if (!is_wanted)
			continue;
		rec.is_additional = section == ns_s_ar;
		rec.ttl_s = ns_rr_ttl(rr);
		rec.owner = name_or_root(ns_rr_name(rr));
		rec.target = name_or_root(target);
		if (!dns_answer_add(answer, &rec))
			return false;
	}
	return true;
}

/* Which types stand in the authority section; false when it cannot be read. */
static bool
read_authority(ns_msg *msg, bool *has_ns, bool *has_soa)
{
	ns_rr rr;
	int i;

	*has_ns = false;
	*has_soa = false;
	for (i = 0; i < ns_msg_count(*msg, ns_s_ns); i++) {
		if (ns_parserr(msg, ns_s_ns, i, &rr) != 0)
			return false;
		*has_ns = *has_ns || ns_rr_type(rr) == ns_t_ns;
		*has_soa = *has_soa || ns_rr_type(rr) == ns_t_soa;
	}
	return true;
}

void
dns_parse(const uint8_t *bytes, size_t len, struct dns_answer *answer)
{
	struct header h;
	bool has_ns, has_soa;
	ns_msg msg;

	dns_answer_init(answer, DNS_GARBAGE);
	if (len > NS_MAXMSG || ns_initparse(bytes, (int)len, &msg) != 0)
		return;
	h = (struct header){
		.is_answer = ns_msg_getflag(msg, ns_f_qr) == 1 &&
			     ns_msg_getflag(msg, ns_f_opcode) == ns_o_query,
		.is_cut = ns_msg_getflag(msg, ns_f_tc) == 1,
		.is_authority = ns_msg_getflag(msg, ns_f_aa) == 1,
		.rcode = ns_msg_getflag(msg, ns_f_rcode),
	};
	answer->outcome = judge_header(&h);
	if (answer->outcome != DNS_RECORDS)
		return;
	if (!read_section(&msg, ns_s_an, answer) ||
	    !read_authority(&msg, &has_ns, &has_soa) ||
	    !read_section(&msg, ns_s_ar, answer)) {
		spoil(answer, DNS_GARBAGE);
		return;
	}
	judge_records(answer, &h, has_ns, has_soa);
}

#endif
