/* Who names the backends of a pool; see sources.h. */

#include "core/sources.h"

#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/rng.h"

/* Buckets of a table of adverts. */
#define BUCKETS 4096

struct advert {
	struct list_node link;	      /* sources.adverts */
	struct list_node name_link;   /* adverts_by.names */
	struct list_node holder_link; /* adverts_by.holders; without a ttl */
	struct heap_node expiry;      /* sources.expiries, with a ttl */
	struct backend_spec spec;
	char *name;	    /* owned; what spec.name is */
	const void *holder; /* borrowed; NULL: it has a ttl */
};

/* To find adverts: their number may be large, and that of those who end them
 * too. */
struct adverts_by {
	struct list names[BUCKETS];
	struct list holders[BUCKETS];
};

/* Static backends are named by their addresses. */
void
sources_set_fixed(struct sources *s, const struct config_pool *config)
{
	free(s->fixed);
	free(s->names);
	s->fixed_count = config->addr_count;
	s->fixed = mem_new(s->fixed_count + 1, sizeof(s->fixed[0]));
	s->names = mem_new(s->fixed_count + 1, sizeof(s->names[0]));
	for (size_t i = 0; i < s->fixed_count; i++) {
		const struct addr *addr = &config->addrs[i];

		s->fixed[i].name = addr_text(addr, s->names[i]);
		s->fixed[i].addr = *addr;
		s->fixed[i].sources = SOURCE_STATIC;
	}
	s->is_changed = true;
}

void
sources_init(struct sources *s, const struct config_pool *config)
{
	memset(s, 0, sizeof(*s));
	list_init(&s->adverts);
	sources_set_fixed(s, config);
}

static struct adverts_by *
new_tables(void)
{
	struct adverts_by *by = mem_new(1, sizeof(*by));

	for (size_t i = 0; i < BUCKETS; i++) {
		list_init(&by->names[i]);
		list_init(&by->holders[i]);
	}
	return by;
}

static struct list *
of_name(const struct sources *s, const char *name)
{
	return &s->by->names[hash_text(name) % BUCKETS];
}

static struct list *
of_holder(const struct sources *s, const void *c)
{
	return &s->by->holders[hash_mix((uintptr_t)c, 0) % BUCKETS];
}

static void
end_advert(struct sources *s, struct advert *a)
{
	list_remove(&s->adverts, &a->link);
	list_remove(of_name(s, a->name), &a->name_link);
	if (a->holder != NULL)
		list_remove(of_holder(s, a->holder), &a->holder_link);
	heap_remove(&s->expiries, &a->expiry);
	s->is_changed = true;
	free(a->name);
	free(a);
}

void
sources_fini(struct sources *s)
{
	struct list_node *n;

	while ((n = list_first(&s->adverts)) != NULL)
		end_advert(s, CONTAINER_OF(n, struct advert, link));
	free(s->by);
	heap_fini(&s->expiries);
	free(s->fixed);
	free(s->names);
	memset(s, 0, sizeof(*s));
}

static struct advert *
find(
    const struct sources *s, const struct advert_request *r, const void *holder)
{
	const struct list *l = of_name(s, r->name);
	struct list_node *n = list_first(l);

	for (; n != NULL; n = list_after(l, n)) {
		struct advert *a = CONTAINER_OF(n, struct advert, name_link);

		if (a->holder == holder &&
		    addr_equal(&a->spec.addr, &r->addr) &&
		    strcmp(a->name, r->name) == 0)
			return a;
	}
	return NULL;
}

/* As sources tell it of their records; 0 for none, so that less than a second
 * is one. */
static uint32_t
ttl_of(const struct advert_request *r)
{
	uint64_t ttl_s = time_after(r->ttl_us, US_PER_S - 1) / US_PER_S;

	if (!r->has_ttl || r->ttl_us == NEVER)
		return 0;
	return ttl_s > UINT32_MAX ? UINT32_MAX : (uint32_t)ttl_s;
}

static void
fill_spec(struct sources *s, struct advert *a, const struct advert_request *r)
{
	uint32_t ttl_s = ttl_of(r);

	if (a->spec.priority != r->priority || a->spec.weight != r->weight ||
	    a->spec.ttl_s != ttl_s)
		s->is_changed = true;
	a->spec.priority = r->priority;
	a->spec.weight = r->weight;
	a->spec.ttl_s = ttl_s;
}

static void
set_expiry(struct sources *s, struct advert *a, uint64_t at_us)
{
	heap_remove(&s->expiries, &a->expiry);
	if (at_us == NEVER)
		return;
	if (s->expiries.count == s->expiries.room)
		heap_reserve(&s->expiries, s->expiries.room * 2 + 64);
	heap_set(&s->expiries, &a->expiry, at_us);
}

static struct advert *
add_advert(
    struct sources *s, const struct advert_request *r, const void *holder)
{
	struct advert *a = mem_new(1, sizeof(*a));

	a->name = mem_strdup(r->name);
	a->spec.name = a->name;
	a->spec.addr = r->addr;
	a->spec.sources = SOURCE_ADVERTISED;
	a->holder = holder;
	list_push_back(&s->adverts, &a->link);
	list_push_back(of_name(s, a->name), &a->name_link);
	if (holder != NULL)
		list_push_back(of_holder(s, holder), &a->holder_link);
	s->is_changed = true;
	return a;
}

enum error
sources_advertise(struct sources *s, const void *c,
    const struct advert_request *r, uint64_t now_us)
{
	const void *holder = r->has_ttl ? NULL : c;
	struct advert *a, *own;

	if (s->by == NULL)
		s->by = new_tables();
	own = r->has_ttl ? find(s, r, c) : NULL;
	a = find(s, r, holder);
	if (own != NULL) /* from now on, the ttl says when it ends */
		end_advert(s, own);
	if (a == NULL && s->adverts.count == ADVERTS_MAX)
		return ERR_OVERLOADED;
	if (a == NULL)
		a = add_advert(s, r, holder);
	fill_spec(s, a, r);
	set_expiry(s, a, r->has_ttl ? time_after(now_us, r->ttl_us) : NEVER);
	return ERR_NONE;
}

bool
sources_withdraw(struct sources *s, const char *name)
{
	return sources_withdraw_some(s, name, NULL, NULL);
}

bool
sources_withdraw_some(struct sources *s, const char *name,
    const struct addr *addr, const void *holder)
{
	uint32_t before = s->adverts.count;
	const struct list *l;
	struct list_node *n;

	if (before == 0)
		return false;
	l = of_name(s, name);
	n = list_first(l);
	while (n != NULL) {
		struct advert *a = CONTAINER_OF(n, struct advert, name_link);

		n = list_after(l, n);
		if (strcmp(a->name, name) == 0 &&
		    (addr == NULL || addr_equal(&a->spec.addr, addr)) &&
		    (holder == NULL || a->holder == holder))
			end_advert(s, a);
	}
	return s->adverts.count != before;
}

void
sources_forget_client(struct sources *s, const void *c)
{
	const struct list *l;
	struct list_node *n;

	if (s->adverts.count == 0)
		return;
	l = of_holder(s, c);
	n = list_first(l);
	while (n != NULL) {
		struct advert *a = CONTAINER_OF(n, struct advert, holder_link);

		n = list_after(l, n);
		if (a->holder == c)
			end_advert(s, a);
	}
}

uint64_t
sources_deadline(const struct sources *s)
{
	return heap_top_key(&s->expiries);
}

void
sources_expire(struct sources *s, uint64_t now_us)
{
	while (heap_top_key(&s->expiries) <= now_us)
		end_advert(s, CONTAINER_OF(heap_top(&s->expiries),
				  struct advert, expiry));
}

size_t
sources_specs(struct sources *s, const struct backend_spec *dns,
    size_t dns_count, struct backend_spec **specs)
{
	size_t count = 0,
	       room = s->fixed_count + dns_count + s->adverts.count + 1;
	struct backend_spec *all = mem_new(room, sizeof(*all));
	struct list_node *n = list_first(&s->adverts);

	for (size_t i = 0; i < dns_count; i++)
		all[count++] = dns[i];
	for (size_t i = 0; i < s->fixed_count; i++)
		all[count++] = s->fixed[i];
	for (; n != NULL; n = list_after(&s->adverts, n))
		all[count++] = CONTAINER_OF(n, struct advert, link)->spec;
	s->is_changed = false;
	*specs = all;
	return count;
}
