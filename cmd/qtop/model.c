#include "model.h"

#include <stdlib.h>
#include <string.h>

/* Later than any clock says, and exact in microseconds. */
#define MOST_T_S 9e9

void
model_init(struct model *model)
{
	*model = (struct model){ .is_anew = true };
}

static void
backend_fini(struct model_backend *b)
{
	free(b->name);
	free(b->addr);
	free(b->state);
	free(b->rates);
}

static void
pool_fini(struct model_pool *p)
{
	free(p->name);
	free(p->resolver);
}

static void
round_fini(struct model_round *r)
{
	for (size_t i = 0; i < r->count; i++)
		pool_fini(&r->pools[i]);
	for (size_t i = 0; i < r->backend_count; i++)
		backend_fini(&r->backends[i]);
	free(r->pools);
	free(r->backends);
	free(r->owners);
	*r = (struct model_round){ 0 };
}

void
model_fini(struct model *model)
{
	round_fini(&model->now);
	round_fini(&model->next);
	model_init(model);
}

void
model_start_anew(struct model *model)
{
	model->is_anew = true;
}

uint64_t
model_time_us(double t)
{
	return t > 0 && t < MOST_T_S ? (uint64_t)(t * (double)US_PER_S) : 0;
}

/* ---- What is there ---- */

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
find_pool(const struct model_round *r, const char *name)
{
	struct model_pool key = { .name = unowned(name) };

	if (r->count == 0)
		return NULL;
	return bsearch(&key, r->pools, r->count, sizeof(key), compare_pools);
}

static struct model_backend *
find_backend(const struct model_pool *pool, const char *name, const char *addr)
{
	struct model_backend key = { .name = unowned(name),
		.addr = unowned(addr) };

	if (pool->count == 0)
		return NULL;
	return bsearch(
	    &key, pool->backends, pool->count, sizeof(key), compare_backends);
}

const struct model_pool *
model_get_pool(const struct model *model, const char *name)
{
	return find_pool(&model->now, name);
}

const struct model_backend *
model_get_backend(
    const struct model_pool *pool, const char *name, const char *addr)
{
	return find_backend(pool, name, addr);
}

/* ---- A round comes ---- */

void
model_begin(struct model *model)
{
	round_fini(&model->next);
	model->last_pool = 0;
}

/* Room for one item more: it doubles when count is a power of two, so there is
 * always room for the next one. */
static void *
grow(void *items, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return items;
	return mem_grow(items, count, count == 0 ? 1 : 2 * count, size);
}

/* The place of the pool in the round that comes, or MODEL_POOLS_MAX: rows of a
 * pool come together as a rule, so the last one is looked at first. */
static size_t
name_pool(struct model *model, const char *name)
{
	struct model_round *r = &model->next;
	size_t i = model->last_pool;

	if (i >= r->count || strcmp(r->pools[i].name, name) != 0) {
		for (i = 0; i < r->count; i++) {
			if (strcmp(r->pools[i].name, name) == 0)
				break;
		}
	}
	if (i == MODEL_POOLS_MAX)
		return i;
	if (i == r->count) {
		r->pools = grow(r->pools, r->count++, sizeof(*r->pools));
		r->pools[i] = (struct model_pool){ .name = mem_strdup(name),
			.now = { .lacks_claims = true, .is_bare = true } };
	}
	model->last_pool = i;
	return i;
}

static char *
text_or_unknown(const char *text)
{
	return mem_strdup(text != NULL ? text : MODEL_UNKNOWN);
}

bool
model_add_pool(struct model *model, const struct model_names *names,
    const struct pool_figures *now)
{
	size_t i = name_pool(model, names->pool);
	struct model_pool *p;

	if (i == MODEL_POOLS_MAX)
		return false;
	p = &model->next.pools[i];
	free(p->resolver);
	p->resolver = text_or_unknown(names->resolver);
	p->now = *now;
	return true;
}

bool
model_add_backend(struct model *model, const struct model_names *names,
    const struct backend_figures *now)
{
	struct model_round *r = &model->next;
	size_t pool = name_pool(model, names->pool), n = r->backend_count;

	if (pool == MODEL_POOLS_MAX || n == MODEL_BACKENDS_MAX)
		return false;
	r->backends = grow(r->backends, n, sizeof(*r->backends));
	r->owners = grow(r->owners, n, sizeof(*r->owners));
	r->backends[n] =
	    (struct model_backend){ .name = mem_strdup(names->backend),
		    .addr = text_or_unknown(names->addr),
		    .state = text_or_unknown(names->state),
		    .now = *now };
	r->owners[n] = (uint32_t)pool;
	r->backend_count++;
	return true;
}

/* ---- It is put in order ---- */

/* Backends side by side that belong to the same pool. */
static void
gather_backends(struct model_round *r)
{
	struct model_backend *gathered;
	size_t at = 0;

	if (r->backend_count == 0)
		return;
	gathered = mem_new(r->backend_count, sizeof(*gathered));
	for (size_t i = 0; i < r->backend_count; i++)
		r->pools[r->owners[i]].count++;
	for (size_t i = 0; i < r->count; i++) {
		r->pools[i].backends = gathered + at;
		at += r->pools[i].count;
		r->pools[i].count = 0;
	}
	for (size_t i = 0; i < r->backend_count; i++) {
		struct model_pool *p = &r->pools[r->owners[i]];

		p->backends[p->count++] = r->backends[i];
	}
	free(r->backends);
	r->backends = gathered;
	free(r->owners);
	r->owners = NULL;
}

/* Sorts them, most often only to find that they are; one of each name stays.
 * The others wait behind for the end of the round. */
static void
sort_backends(struct model_pool *p)
{
	size_t kept = 0;

	if (p->count == 0)
		return;
	qsort(p->backends, p->count, sizeof(*p->backends), compare_backends);
	for (size_t i = 1; i < p->count; i++) {
		struct model_backend b = p->backends[i];

		if (compare_backends(&p->backends[kept], &b) == 0)
			continue;
		p->backends[i] = p->backends[++kept];
		p->backends[kept] = b;
	}
	p->count = kept + 1;
}

static void
sort_round(struct model_round *r)
{
	gather_backends(r);
	for (size_t i = 0; i < r->count; i++) {
		sort_backends(&r->pools[i]);
		if (r->pools[i].resolver == NULL)
			r->pools[i].resolver = mem_strdup(MODEL_UNKNOWN);
	}
	if (r->count > 1)
		qsort(r->pools, r->count, sizeof(*r->pools), compare_pools);
}

/* ---- Rates ---- */

/* How a round stands to the one before. */
struct step {
	bool has_before;
	bool is_heap; /* too close to the last one to count from it */
	double span_s;
};

static struct step
take_step(struct model *model, const struct model_time *time)
{
	uint64_t least = time->is_arrival ? MODEL_ARRIVAL_US : 1;
	struct step step = { .has_before =
				 !model->is_anew &&
				 time->is_arrival == model->time.is_arrival &&
				 time->clock_us >= model->time.clock_us };

	step.is_heap =
	    step.has_before && time->clock_us - model->step_us < least;
	if (!step.is_heap) {
		model->base_us = model->time.clock_us;
		model->step_us = time->clock_us;
	}
	if (step.has_before && time->clock_us > model->base_us)
		step.span_s =
		    (double)(time->clock_us - model->base_us) / US_PER_S;
	model->time = *time;
	model->is_anew = false;
	return step;
}

/* The rate of a total, NULL when it is not given; `given` where none can be
 * said. Remembers the total for the next round. */
static double
rate(struct earlier *e, const uint64_t *total, const struct step *step,
    double given)
{
	double per_s = given;

	if (total == NULL) {
		*e = (struct earlier){ 0 };
		return given > 0 ? given : 0;
	}
	if (!step->has_before || !e->has_last || *total < e->last) {
		e->has_base = false;
	} else if (!step->is_heap) {
		e->has_base = true;
		e->base = e->last;
	}
	e->has_last = true;
	e->last = *total;
	if (e->has_base && step->span_s > 0)
		per_s = (double)(*total - e->base) / step->span_s;
	return per_s > 0 ? per_s : 0; /* no NaN either */
}

static void
push_rate(struct model_backend *b)
{
	double units = b->now.claims_per_s * MODEL_RATE_UNIT;

	if (b->rates == NULL)
		b->rates = mem_new(1, sizeof(*b->rates));
	/* What is more than this is drawn no higher. */
	sparkline_push(b->rates, units < 1e18 ? (uint64_t)units : 1e18);
}

static void
end_backends(struct model *model, struct model_pool *p, const struct step *step)
{
	const struct model_pool *old = find_pool(&model->now, p->name);
	double sum = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct model_backend *b = &p->backends[i];
		struct model_backend *was =
		    old == NULL ? NULL : find_backend(old, b->name, b->addr);

		if (was != NULL) {
			b->earlier = was->earlier;
			b->rates = was->rates;
			was->rates = NULL;
		}
		b->now.claims_per_s =
		    rate(&b->earlier, b->now.lacks_total ? NULL : &b->now.total,
			step, b->now.claims_per_s);
		if (model->keeps_history)
			push_rate(b);
		sum += b->now.claims_per_s;
	}
	if (p->now.lacks_claims)
		p->now.claims_per_s = sum;
}

static void
end_pool(struct model *model, struct model_pool *p, const struct step *step)
{
	const struct model_pool *was = find_pool(&model->now, p->name);

	if (was != NULL) {
		p->earlier = was->earlier;
		if (step->has_before && p->now.refused > was->now.refused)
			p->newly_refused = p->now.refused - was->now.refused;
	}
	p->now.claims_per_s =
	    rate(&p->earlier, p->now.lacks_claims ? NULL : &p->now.claims, step,
		p->now.claims_per_s);
	model->claims_per_s += p->now.claims_per_s;
}

void
model_end(struct model *model, const struct model_time *time)
{
	struct step step = take_step(model, time);
	struct model_round *r = &model->next;

	sort_round(r);
	model->claims_per_s = 0;
	for (size_t i = 0; i < r->count; i++) {
		end_backends(model, &r->pools[i], &step);
		end_pool(model, &r->pools[i], &step);
	}
	round_fini(&model->now);
	model->now = *r;
	*r = (struct model_round){ 0 };
	model->rounds++;
	model_begin(model);
}
