/* Static backends, advertisers, and the union of all sources; see sim.h. */

#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/sources.h"
#include "sim.h"

#define CLIENTS	     8
#define NAMES	     10
#define ADDRS	     4
#define FIXED_MAX    6
#define ADVERTS_MOST (CLIENTS * NAMES * ADDRS + NAMES * ADDRS)

/* What the model knows of one. */
struct known {
	int client; /* -1: it has a ttl */
	unsigned name, addr;
	uint16_t priority, weight;
	uint32_t ttl_s;
	uint64_t end_us;
};

struct feeder {
	struct world *world; /* borrowed */
	struct sources sources;
	char clients[CLIENTS]; /* stand for clients by their addresses */
	struct addr fixed[FIXED_MAX];
	size_t fixed_count;
	struct known known[ADVERTS_MOST];
	unsigned count;
};

static struct addr
addr_of(unsigned i)
{
	return zone_addr(V4, (uint8_t)(100 + i), (uint16_t)(7000 + i));
}

static void
name_of(unsigned i, char *name)
{
	(void)snprintf(name, NAME_BYTES, "name%u", i);
}

static void
draw_fixed(struct feeder *f)
{
	f->fixed_count = rng_below(&f->world->rng, FIXED_MAX + 1);
	for (unsigned i = 0; i < f->fixed_count; i++)
		f->fixed[i] = zone_addr(V6, (uint8_t)(200 + i), 9);
}

static struct config_pool
config_of(struct feeder *f)
{
	return (struct config_pool){ .addrs = f->fixed,
		.addr_count = f->fixed_count };
}

struct feeder *
feeder_new(struct world *w)
{
	struct feeder *f = mem_new(1, sizeof(*f));
	struct config_pool config;

	f->world = w;
	draw_fixed(f);
	config = config_of(f);
	sources_init(&f->sources, &config);
	return f;
}

void
feeder_free(struct feeder **fp)
{
	struct feeder *f = *fp;

	*fp = NULL;
	for (unsigned i = 0; i < CLIENTS; i++)
		sources_forget_client(&f->sources, &f->clients[i]);
	for (unsigned i = 0; i < f->count; i++) {
		if (f->known[i].client == -1 && f->sources.adverts.count == 0)
			broken(f->world, "feeder", "a ttl ends with a client");
	}
	sources_fini(&f->sources);
	free(f);
}

static void
forget(struct feeder *f, unsigned i)
{
	f->known[i] = f->known[--f->count];
}

static struct known *
find(struct feeder *f, int client, unsigned name, unsigned addr)
{
	for (unsigned i = 0; i < f->count; i++) {
		struct known *k = &f->known[i];

		if (k->client == client && k->name == name && k->addr == addr)
			return k;
	}
	return NULL;
}

static void
know(struct feeder *f, int client, unsigned name, unsigned addr,
    const struct advert_request *r)
{
	struct known *own = find(f, client, name, addr);
	struct known *k;

	if (r->has_ttl && own != NULL)
		forget(f, (unsigned)(own - f->known));
	if (r->has_ttl)
		client = -1;
	k = find(f, client, name, addr);
	if (k == NULL)
		k = &f->known[f->count++];
	*k = (struct known){ client, name, addr, r->priority, r->weight, 0,
		NEVER };
	if (r->has_ttl && r->ttl_us != NEVER) {
		k->ttl_s = (uint32_t)((r->ttl_us + S - 1) / S);
		k->end_us = f->world->now_us + r->ttl_us;
	}
}

static void
advertise(struct feeder *f)
{
	struct rng *rng = &f->world->rng;
	int client = (int)rng_below(rng, CLIENTS);
	unsigned name = (unsigned)rng_below(rng, NAMES);
	unsigned addr = (unsigned)rng_below(rng, ADDRS);
	char text[NAME_BYTES];
	struct advert_request r = {
		.name = text,
		.addr = addr_of(addr),
		.priority = (uint16_t)rng_below(rng, 2),
		.weight = (uint16_t)rng_below(rng, 3),
		.has_ttl = rng_below(rng, 3) == 0,
	};

	name_of(name, text);
	r.ttl_us = rng_below(rng, 20) == 0 ? NEVER : rng_below(rng, 60 * S);
	if (sources_advertise(&f->sources, &f->clients[client], &r,
		f->world->now_us) != ERR_NONE)
		broken(f->world, "feeder", "an advert is refused");
	know(f, client, name, addr, &r);
}

static void
withdraw(struct feeder *f)
{
	unsigned name = (unsigned)rng_below(&f->world->rng, NAMES);
	char text[NAME_BYTES];
	bool was_there = false;

	name_of(name, text);
	for (unsigned i = 0; i < f->count;) {
		if (f->known[i].name == name) {
			was_there = true;
			forget(f, i);
		} else {
			i++;
		}
	}
	if (sources_withdraw(&f->sources, text) != was_there)
		broken(f->world, "feeder", "%s was %s", text,
		    was_there ? "there" : "not there");
}

static void
client_dies(struct feeder *f)
{
	int client = (int)rng_below(&f->world->rng, CLIENTS);

	sources_forget_client(&f->sources, &f->clients[client]);
	for (unsigned i = 0; i < f->count;) {
		if (f->known[i].client == client)
			forget(f, i);
		else
			i++;
	}
}

void
feeder_act(struct feeder *f)
{
	struct config_pool config;

	note(f->world, "feeder acts, %u are known", f->count);
	switch (rng_below(&f->world->rng, 12)) {
	case 0:
		withdraw(f);
		break;
	case 1:
		client_dies(f);
		break;
	case 2:
		draw_fixed(f);
		config = config_of(f);
		sources_set_fixed(&f->sources, &config);
		break;
	default:
		advertise(f);
		break;
	}
}

uint64_t
feeder_next(const struct feeder *f)
{
	return sources_deadline(&f->sources);
}

void
feeder_on_time(struct feeder *f)
{
	note(f->world, "feeder: time");
	sources_expire(&f->sources, f->world->now_us);
	for (unsigned i = 0; i < f->count;) {
		if (f->known[i].end_us <= f->world->now_us)
			forget(f, i);
		else
			i++;
	}
}

/* Is this one in the union, and as often as it is known? */
static void
check_known(struct feeder *f, const struct known *k,
    const struct backend_spec *specs, size_t count)
{
	struct addr addr = addr_of(k->addr);
	char name[NAME_BYTES];

	name_of(k->name, name);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(specs[i].name, name) == 0 &&
		    addr_equal(&specs[i].addr, &addr) &&
		    specs[i].priority == k->priority &&
		    specs[i].weight == k->weight &&
		    specs[i].ttl_s == k->ttl_s &&
		    specs[i].sources == SOURCE_ADVERTISED)
			return;
	}
	broken(f->world, "union", "%s is missing", name);
}

void
feeder_check(struct feeder *f, const struct backend_spec *dns, size_t dns_count)
{
	struct backend_spec *specs;
	size_t count = sources_specs(&f->sources, dns, dns_count, &specs);
	uint64_t first = NEVER;

	if (count != dns_count + f->fixed_count + f->count)
		broken(f->world, "union", "%zu backends, not %zu + %zu + %u",
		    count, dns_count, f->fixed_count, f->count);
	for (size_t i = 0; i < dns_count; i++) {
		if (resolve_spec_compare(&specs[i], &dns[i]) != 0)
			broken(f->world, "union", "DNS does not come first");
	}
	for (size_t i = 0; i < f->fixed_count; i++) {
		if (!addr_equal(&specs[dns_count + i].addr, &f->fixed[i]))
			broken(f->world, "union", "not the static ones");
	}
	for (unsigned i = 0; i < f->count; i++) {
		check_known(f, &f->known[i], specs + dns_count + f->fixed_count,
		    f->count);
		if (f->known[i].end_us < first)
			first = f->known[i].end_us;
	}
	if (sources_deadline(&f->sources) != first)
		broken(f->world, "union", "a wrong deadline");
	free(specs);
}
