/* Who names the backends of a service; see sources.h. */

#include "sources.h"

#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/rng.h"

struct advert {
	struct list_node link;	 /* sources.adverts */
	struct heap_node expiry; /* sources.expiries, with a ttl */
	struct backend_spec spec;
	char *name;		     /* owned; what spec.name is */
	const struct client *holder; /* borrowed; NULL: it has a ttl */
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
	for (size_t i = 0; i < ARRAY_LEN(s->adverts); i++)
		list_init(&s->adverts[i]);
	sources_set_fixed(s, config);
}

static void
end_advert(struct sources *s, struct advert *a)
{
	list_remove(
	    &s->adverts[hash_text(a->name) % ARRAY_LEN(s->adverts)], &a->link);
	heap_remove(&s->expiries, &a->expiry);
	s->advert_count--;
	s->is_changed = true;
	free(a->name);
	free(a);
}

/* Ends all that one of name and client names; NULL is any. */
static bool
end_adverts(struct sources *s, const char *name, const struct client *c)
{
	uint32_t before = s->advert_count;

	for (size_t i = 0; i < ARRAY_LEN(s->adverts); i++) {
		struct list_node *n = list_first(&s->adverts[i]);

		while (n != NULL) {
			struct advert *a = CONTAINER_OF(n, struct advert, link);

			n = list_after(&s->adverts[i], n);
			if ((name == NULL || strcmp(a->name, name) == 0) &&
			    (c == NULL || a->holder == c))
				end_advert(s, a);
		}
	}
	return s->advert_count != before;
}

void
sources_fini(struct sources *s)
{
	(void)end_adverts(s, NULL, NULL);
	heap_fini(&s->expiries);
	free(s->fixed);
	free(s->names);
	memset(s, 0, sizeof(*s));
}

static struct advert *
find(const struct list *l, const struct advert_request *r,
    const struct client *holder)
{
	struct list_node *n = list_first(l);

	for (; n != NULL; n = list_after(l, n)) {
		struct advert *a = CONTAINER_OF(n, struct advert, link);

		if (a->holder == holder &&
		    addr_equal(&a->spec.addr, &r->addr) &&
		    strcmp(a->name, r->name) == 0)
			return a;
	}
	return NULL;
}

static bool
is_same(const struct advert *a, const struct advert_request *r)
{
	return a->spec.priority == r->priority && a->spec.weight == r->weight;
}

static void
set_ttl(struct sources *s, struct advert *a, uint64_t ttl_us, uint64_t now_us)
{
	a->spec.ttl_s = ttl_us == NEVER ? 0 : (uint32_t)(ttl_us / US_PER_S);
	heap_remove(&s->expiries, &a->expiry);
	if (ttl_us == NEVER)
		return;
	if (s->expiries.count == s->expiries.room)
		heap_reserve(&s->expiries, s->expiries.room * 2 + 64);
	heap_set(&s->expiries, &a->expiry, time_after(now_us, ttl_us));
}

enum error
sources_advertise(struct sources *s, struct client *c,
    const struct advert_request *r, uint64_t now_us)
{
	struct list *l =
	    &s->adverts[hash_text(r->name) % ARRAY_LEN(s->adverts)];
	const struct client *holder = r->has_ttl ? NULL : c;
	struct advert *own = r->has_ttl ? find(l, r, c) : NULL;
	struct advert *a = find(l, r, holder);

	if (own != NULL) /* from now on, the ttl says when it ends */
		end_advert(s, own);
	if (a == NULL && s->advert_count == ADVERTS_MAX)
		return ERR_OVERLOADED;
	if (a == NULL) {
		a = mem_new(1, sizeof(*a));
		a->name = mem_strdup(r->name);
		a->spec.name = a->name;
		a->spec.addr = r->addr;
		a->spec.sources = SOURCE_ADVERTISED;
		a->holder = holder;
		list_push_back(l, &a->link);
		s->advert_count++;
		s->is_changed = true;
	}
	s->is_changed |= !is_same(a, r);
	a->spec.priority = r->priority;
	a->spec.weight = r->weight;
	set_ttl(s, a, r->has_ttl ? r->ttl_us : NEVER, now_us);
	return ERR_NONE;
}

bool
sources_withdraw(struct sources *s, const char *name)
{
	return end_adverts(s, name, NULL);
}

void
sources_forget_client(struct sources *s, const struct client *c)
{
	if (s->advert_count > 0)
		(void)end_adverts(s, NULL, c);
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
	       room = s->fixed_count + dns_count + s->advert_count + 1;
	struct backend_spec *all = mem_new(room, sizeof(*all));

	for (size_t i = 0; i < dns_count; i++)
		all[count++] = dns[i];
	for (size_t i = 0; i < s->fixed_count; i++)
		all[count++] = s->fixed[i];
	for (size_t i = 0; i < ARRAY_LEN(s->adverts); i++) {
		const struct list *l = &s->adverts[i];
		struct list_node *n = list_first(l);

		for (; n != NULL; n = list_after(l, n))
			all[count++] =
			    CONTAINER_OF(n, struct advert, link)->spec;
	}
	s->is_changed = false;
	*specs = all;
	return count;
}
