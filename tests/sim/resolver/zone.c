/* Zones, and what a name server makes of a question about one; see sim.h. */

#include <string.h>

#include "sim.h"

/* Where CNAMEs lead. */
#define REAL_SERVICE "_real._tcp.sim.test"

static bool
one_in(struct rng *rng, uint64_t n)
{
	return rng_below(rng, n) == 0;
}

static uint32_t
draw_ttl(struct rng *rng)
{
	static const uint32_t ttls[] = { 0, 1, 1, 2, 5, 5, 30, 60, 60, 3600,
		DNS_TTL_MAX };

	return ttls[rng_below(rng, ARRAY_LEN(ttls))];
}

static void
draw_ips(struct zone_target *t, unsigned family, struct rng *rng)
{
	uint8_t first = (uint8_t)rng_below(rng, 5);

	t->ip_count[family] = (uint8_t)rng_below(rng, IPS_MAX + 1);
	if (family == V4 && one_in(rng, 2))
		t->ip_count[family] = 1;
	for (unsigned i = 0; i < t->ip_count[family]; i++)
		t->ips[family][i] = (uint8_t)(1 + first + i);
	t->ttl_s[family] = draw_ttl(rng);
}

static void
draw_target(struct zone_target *t, struct rng *rng)
{
	for (unsigned f = 0; f < FAMILIES; f++)
		draw_ips(t, f, rng);
	t->has_cname = one_in(rng, 8);
	t->cname_ttl_s = draw_ttl(rng);
}

static bool
has_srv(const struct zone *z, uint8_t target, uint16_t port, uint16_t priority)
{
	for (unsigned i = 0; i < z->srv_count; i++) {
		if (z->srvs[i].target == target && z->srvs[i].port == port &&
		    z->srvs[i].priority == priority)
			return true;
	}
	return false;
}

static void
add_srv(struct zone *z, struct rng *rng)
{
	struct zone_srv srv = {
		.target = (uint8_t)rng_below(rng, TARGETS),
		.port = (uint16_t)(6001 + rng_below(rng, 2)),
		.priority = (uint16_t)rng_below(rng, 3),
		.weight = (uint16_t)rng_below(rng, 4),
		.ttl_s = draw_ttl(rng),
	};

	if (one_in(rng, 30))
		srv.port = 0;
	if (z->srv_count < SRVS_MAX &&
	    !has_srv(z, srv.target, srv.port, srv.priority))
		z->srvs[z->srv_count++] = srv;
}

void
zone_draw(struct zone *z, struct rng *rng)
{
	unsigned srvs = (unsigned)rng_below(rng, SRVS_MAX + 1);

	memset(z, 0, sizeof(*z));
	for (unsigned i = 0; i < TARGETS; i++)
		draw_target(&z->targets[i], rng);
	for (unsigned i = 0; i < srvs; i++)
		add_srv(z, rng);
	z->has_dot = one_in(rng, 12);
	if (z->has_dot && one_in(rng, 2))
		z->srv_count = 0;
	z->has_cname = one_in(rng, 6);
	z->cname_ttl_s = draw_ttl(rng);
}

void
zone_change(struct zone *z, struct rng *rng)
{
	unsigned i =
	    z->srv_count > 0 ? (unsigned)rng_below(rng, z->srv_count) : 0;

	switch (rng_below(rng, 7)) {
	case 0:
	case 1:
		add_srv(z, rng);
		break;
	case 2: /* removes one */
		if (z->srv_count > 0)
			z->srvs[i] = z->srvs[--z->srv_count];
		break;
	case 3: /* gives it another weight and TTL */
		if (z->srv_count == 0)
			break;
		z->srvs[i].weight = (uint16_t)rng_below(rng, 100);
		z->srvs[i].ttl_s = draw_ttl(rng);
		break;
	case 4: /* other addresses */
		draw_target(&z->targets[rng_below(rng, TARGETS)], rng);
		break;
	case 5:
		z->has_dot = one_in(rng, 2);
		break;
	default:
		zone_draw(z, rng);
		break;
	}
}

void
zone_target_name(unsigned target, char *name)
{
	(void)snprintf(name, NAME_BYTES, "t%u.sim.test", target);
}

static void
real_target_name(unsigned target, char *name)
{
	(void)snprintf(name, NAME_BYTES, "real%u.sim.test", target);
}

struct addr
zone_addr(unsigned family, uint8_t last, uint16_t port)
{
	struct addr a;

	memset(&a, 0, sizeof(a));
	a.kind = family == V6 ? ADDR_INET6 : ADDR_INET;
	a.port = port;
	if (family == V6) {
		a.ip[0] = 0xfd;
		a.ip[15] = last;
	} else {
		a.ip[0] = 127;
		a.ip[3] = last;
	}
	return a;
}

static enum dns_outcome
draw_failure(struct rng *rng)
{
	static const enum dns_outcome failures[] = { DNS_SERVFAIL, DNS_REFUSED,
		DNS_UNREACHABLE, DNS_GARBAGE, DNS_CUT_SHORT, DNS_REFERRAL,
		DNS_BAD_CODE, DNS_NOT_ASKED, DNS_TIME_OUT };

	return failures[rng_below(rng, ARRAY_LEN(failures))];
}

static enum dns_outcome
outcome_in_zone(struct question q, const struct zone *z)
{
	unsigned family = q.type == DNS_AAAA ? V6 : V4;

	if (q.type == DNS_SRV)
		return z->srv_count > 0 || z->has_dot ? DNS_RECORDS
						      : DNS_NO_NAME;
	return z->targets[q.target].ip_count[family] > 0 ? DNS_RECORDS
							 : DNS_NO_DATA;
}

void
reply_draw(struct reply *r, struct question q, enum mode mode,
    const struct zone *zone, struct rng *rng)
{
	unsigned share = (unsigned)rng_below(rng, 4);

	if (mode == MODE_FLAKY)
		mode = (enum mode)rng_below(rng, MODE_FLAKY);
	r->zone = *zone;
	r->outcome = outcome_in_zone(q, zone);
	for (unsigned i = 0; i < TARGETS; i++) {
		for (unsigned f = 0; f < FAMILIES; f++)
			r->comes_along[i][f] =
			    !zone->targets[i].has_cname &&
			    zone->targets[i].ip_count[f] > 0 &&
			    rng_below(rng, 4) < share;
	}
	if (mode == MODE_FAIL)
		r->outcome = draw_failure(rng);
	else if (mode == MODE_TIME_OUT)
		r->outcome = DNS_TIME_OUT;
	else if (mode == MODE_NO_NAME)
		r->outcome = DNS_NO_NAME;
	else if (mode == MODE_NO_DATA)
		r->outcome = DNS_NO_DATA;
	else if (mode == MODE_HALF && q.type != DNS_SRV && one_in(rng, 2))
		r->outcome = draw_failure(rng);
	else if (mode == MODE_HALF_NAME && q.type != DNS_SRV && one_in(rng, 2))
		r->outcome = DNS_NO_NAME;
	if (mode == MODE_HALF || mode == MODE_HALF_NAME)
		memset(r->comes_along, 0, sizeof(r->comes_along));
}

static void
add(struct dns_answer *answer, const struct dns_record *rec)
{
	ASSERT(dns_answer_add(answer, rec));
}

static void
add_addresses(struct dns_answer *answer, const struct zone_target *t,
    unsigned family, const char *owner, bool is_additional)
{
	for (unsigned i = 0; i < t->ip_count[family]; i++) {
		struct addr a = zone_addr(family, t->ips[family][i], 1);
		struct dns_record rec = {
			.type = family == V6 ? DNS_AAAA : DNS_A,
			.is_additional = is_additional,
			.ttl_s = t->ttl_s[family],
			.owner = owner,
		};

		memcpy(rec.ip, a.ip, sizeof(rec.ip));
		add(answer, &rec);
	}
}

static void
add_cname(struct dns_answer *answer, const char *owner, const char *target,
    uint32_t ttl_s)
{
	struct dns_record rec = {
		.type = DNS_CNAME,
		.owner = owner,
		.target = target,
		.ttl_s = ttl_s,
	};

	add(answer, &rec);
}

static void
add_srvs(struct dns_answer *answer, const struct zone *z, const char *owner)
{
	char target[NAME_BYTES];
	struct dns_record rec = { .type = DNS_SRV, .owner = owner };

	rec.target = ".";
	if (z->has_dot)
		add(answer, &rec);
	rec.target = target;
	for (unsigned i = 0; i < z->srv_count; i++) {
		zone_target_name(z->srvs[i].target, target);
		rec.priority = z->srvs[i].priority;
		rec.weight = z->srvs[i].weight;
		rec.port = z->srvs[i].port;
		rec.ttl_s = z->srvs[i].ttl_s;
		add(answer, &rec);
	}
}

void
reply_fill(const struct reply *r, struct question q, const char *service,
    struct dns_answer *answer)
{
	const struct zone *z = &r->zone;
	const struct zone_target *t = &z->targets[q.target];
	char name[NAME_BYTES], real[NAME_BYTES];

	dns_answer_init(answer, r->outcome);
	if (r->outcome != DNS_RECORDS)
		return;
	if (q.type != DNS_SRV) {
		zone_target_name(q.target, name);
		real_target_name(q.target, real);
		if (t->has_cname)
			add_cname(answer, name, real, t->cname_ttl_s);
		add_addresses(answer, t, q.type == DNS_AAAA ? V6 : V4,
		    t->has_cname ? real : name, false);
		return;
	}
	if (z->has_cname)
		add_cname(answer, service, REAL_SERVICE, z->cname_ttl_s);
	add_srvs(answer, z, z->has_cname ? REAL_SERVICE : service);
	for (unsigned i = 0; i < TARGETS; i++) {
		zone_target_name(i, name);
		for (unsigned f = 0; f < FAMILIES; f++) {
			if (r->comes_along[i][f])
				add_addresses(
				    answer, &z->targets[i], f, name, true);
		}
	}
}
