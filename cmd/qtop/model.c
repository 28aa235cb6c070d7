#include "model.h"

#include <stdlib.h>
#include <string.h>

/* What the source does not say. */
#define UNKNOWN "-"

void
model_init(struct model *model)
{
	*model = (struct model){ 0 };
}

static void
backend_fini(struct model_backend *b)
{
	free(b->name);
	free(b->addr);
	free(b->state);
}

static void
pool_fini(struct model_pool *p)
{
	for (size_t i = 0; i < p->count; i++)
		backend_fini(&p->backends[i]);
	free(p->backends);
	free(p->name);
	free(p->resolver);
}

void
model_fini(struct model *model)
{
	for (size_t i = 0; i < model->count; i++)
		pool_fini(&model->pools[i]);
	free(model->pools);
	model_init(model);
}

static int
compare_pools(const void *a, const void *b)
{
	const struct model_pool *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
compare_backends(const void *a, const void *b)
{
	const struct model_backend *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c != 0 ? c : strcmp(x->addr, y->addr);
}

/* For a key that is only compared. */
static char *
unowned(const char *text)
{
	return (char *)(uintptr_t)text;
}

static struct model_pool *
find_pool(const struct model *model, const char *name)
{
	struct model_pool key = { .name = unowned(name) };
	struct model_pool *p = NULL;

	if (model->known > 0)
		p = bsearch(&key, model->pools, model->known, sizeof(key),
		    compare_pools);
	for (size_t i = model->known; p == NULL && i < model->count; i++) {
		if (compare_pools(&key, &model->pools[i]) == 0)
			p = &model->pools[i];
	}
	return p;
}

static struct model_backend *
find_backend(const struct model_pool *pool, const char *name, const char *addr)
{
	struct model_backend key = { .name = unowned(name),
		.addr = unowned(addr) };
	struct model_backend *b = NULL;

	if (pool->known > 0)
		b = bsearch(&key, pool->backends, pool->known, sizeof(key),
		    compare_backends);
	for (size_t i = pool->known; b == NULL && i < pool->count; i++) {
		if (compare_backends(&key, &pool->backends[i]) == 0)
			b = &pool->backends[i];
	}
	return b;
}

const struct model_pool *
model_get_pool(const struct model *model, const char *name)
{
	return find_pool(model, name);
}

const struct model_backend *
model_get_backend(
    const struct model_pool *pool, const char *name, const char *addr)
{
	return find_backend(pool, name, addr);
}

void
model_begin(struct model *model)
{
	for (size_t i = 0; i < model->count; i++) {
		struct model_pool *p = &model->pools[i];

		p->is_named = false;
		for (size_t k = 0; k < p->count; k++)
			p->backends[k].is_named = false;
	}
}

/* Room for one item more: it doubles when count is a power of two, so there is
 * always room for the next one, also after items have gone. */
static void *
grow(void *items, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return items;
	return mem_grow(items, count, count == 0 ? 1 : 2 * count, size);
}

static struct model_pool *
name_pool(struct model *model, const char *name)
{
	struct model_pool *p = find_pool(model, name);

	if (p == NULL) {
		if (model->count == MODEL_POOLS_MAX)
			return NULL;
		model->pools =
		    grow(model->pools, model->count, sizeof(*model->pools));
		p = &model->pools[model->count++];
		*p = (struct model_pool){ .name = mem_strdup(name),
			.resolver = mem_strdup(UNKNOWN) };
	}
	p->is_named = true;
	return p;
}

static struct model_backend *
name_backend(struct model_pool *p, const char *name, const char *addr)
{
	struct model_backend *b = find_backend(p, name, addr);

	if (b == NULL) {
		if (p->count == MODEL_BACKENDS_MAX)
			return NULL;
		p->backends = grow(p->backends, p->count, sizeof(*p->backends));
		b = &p->backends[p->count++];
		*b = (struct model_backend){ .name = mem_strdup(name),
			.addr = mem_strdup(addr),
			.state = mem_strdup(UNKNOWN) };
	}
	b->is_named = true;
	return b;
}

static void
set_text(char **text, const char *now)
{
	if (now == NULL)
		now = UNKNOWN;
	if (strcmp(*text, now) == 0)
		return;
	free(*text);
	*text = mem_strdup(now);
}

bool
model_add_pool(struct model *model, const struct model_names *names,
    const struct pool_figures *now)
{
	struct model_pool *p = name_pool(model, names->pool);

	if (p == NULL)
		return false;
	set_text(&p->resolver, names->resolver);
	p->now = *now;
	return true;
}

bool
model_add_backend(struct model *model, const struct model_names *names,
    const struct backend_figures *now)
{
	const char *addr = names->addr != NULL ? names->addr : UNKNOWN;
	struct model_pool *p = name_pool(model, names->pool);
	struct model_backend *b =
	    p == NULL ? NULL : name_backend(p, names->backend, addr);

	if (b == NULL)
		return false;
	set_text(&b->state, names->state);
	b->now = *now;
	return true;
}

/* The rate of a total over span_s seconds (0 when nobody knows), else the
 * source's own; remembers the total for the next round. */
static double
rate(struct earlier *earlier, uint64_t total, double span_s, double given)
{
	double per_s = given;

	if (earlier->is_known && span_s > 0 && total >= earlier->total)
		per_s = (double)(total - earlier->total) / span_s;
	*earlier = (struct earlier){ .is_known = true, .total = total };
	return per_s > 0 ? per_s : 0; /* no NaN either */
}

static void
end_backends(struct model_pool *p, double span_s)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct model_backend *b = &p->backends[i];

		if (!b->is_named) {
			backend_fini(b);
			continue;
		}
		b->now.claims_per_s = rate(
		    &b->earlier, b->now.total, span_s, b->now.claims_per_s);
		p->backends[kept++] = *b;
	}
	p->count = p->known = kept;
	if (kept > 1)
		qsort(
		    p->backends, kept, sizeof(*p->backends), compare_backends);
}

void
model_end(struct model *model, uint64_t t_us)
{
	double span_s = 0;
	size_t kept = 0;

	if (model->rounds > 0 && t_us > model->t_us)
		span_s = (double)(t_us - model->t_us) / (double)US_PER_S;
	model->claims_per_s = 0;
	for (size_t i = 0; i < model->count; i++) {
		struct model_pool *p = &model->pools[i];

		if (!p->is_named) {
			pool_fini(p);
			continue;
		}
		end_backends(p, span_s);
		p->now.claims_per_s = rate(
		    &p->earlier, p->now.claims, span_s, p->now.claims_per_s);
		model->claims_per_s += p->now.claims_per_s;
		model->pools[kept++] = *p;
	}
	model->count = model->known = kept;
	if (kept > 1)
		qsort(model->pools, kept, sizeof(*model->pools), compare_pools);
	model->t_us = t_us;
	model->rounds++;
}
