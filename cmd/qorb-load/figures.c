#include "figures.h"

#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/rng.h"

#define BACKENDS_FIRST 16
#define SLOTS_FIRST    256
#define SLOT_NONE      UINT64_MAX
#define OTHERS	       "(others)"

static void
figures_new_slots(struct figures *f, size_t cap)
{
	f->slot_cap = cap;
	f->slots = mem_new(cap, sizeof(*f->slots));
	for (size_t i = 0; i < cap; i++)
		f->slots[i].id = SLOT_NONE;
}

struct figures *
figures_new(bool is_open)
{
	struct figures *f = mem_new(1, sizeof(*f));

	f->is_open = is_open;
	f->backend_cap = BACKENDS_FIRST;
	f->backends = mem_new(f->backend_cap, sizeof(*f->backends));
	f->backend_index = mem_new(2 * f->backend_cap, sizeof(uint32_t));
	figures_new_slots(f, SLOTS_FIRST);
	return f;
}

void
figures_free(struct figures **figures)
{
	struct figures *f = *figures;

	if (f == NULL)
		return;
	for (size_t i = 0; i < f->backend_count; i++)
		free(f->backends[i].name);
	free(f->backends);
	free(f->backend_index);
	free(f->slots);
	free(f);
	*figures = NULL;
}

/* Where in the index this backend is or would be. */
static uint32_t *
figures_backend_at(const struct figures *f, uint64_t hash, const char *name)
{
	size_t mask = 2 * f->backend_cap - 1;
	size_t at = hash & mask;

	for (; f->backend_index[at] != 0; at = (at + 1) & mask) {
		const struct figures_backend *b =
		    &f->backends[f->backend_index[at] - 1];

		if (b->hash == hash && strcmp(b->name, name) == 0)
			break;
	}
	return &f->backend_index[at];
}

static void
figures_grow_backends(struct figures *f)
{
	size_t cap = 2 * f->backend_cap;

	f->backends =
	    mem_grow(f->backends, f->backend_cap, cap, sizeof(*f->backends));
	f->backend_cap = cap;
	free(f->backend_index);
	f->backend_index = mem_new(2 * cap, sizeof(uint32_t));
	for (uint32_t i = 0; i < f->backend_count; i++) {
		const struct figures_backend *b = &f->backends[i];

		*figures_backend_at(f, b->hash, b->name) = i + 1;
	}
}

static struct figures_backend *
figures_backend(struct figures *f, const char *name)
{
	uint64_t hash = hash_text(name);
	uint32_t *at = figures_backend_at(f, hash, name);
	struct figures_backend *b;

	if (*at == 0 && f->backend_count >= FIGURES_BACKENDS_MAX - 1) {
		name = OTHERS;
		hash = hash_text(name);
		at = figures_backend_at(f, hash, name);
	}
	if (*at != 0)
		return &f->backends[*at - 1];
	if (f->backend_count == f->backend_cap)
		figures_grow_backends(f);
	b = &f->backends[f->backend_count++];
	b->name = mem_strdup(name);
	b->hash = hash;
	*figures_backend_at(f, hash, name) = (uint32_t)f->backend_count;
	return b;
}

/* Where in the table this slot is or would be. */
static struct figures_slot *
figures_slot_at(const struct figures *f, uint64_t id)
{
	size_t mask = f->slot_cap - 1;
	size_t at = hash_mix(id, 0) & mask;

	while (f->slots[at].id != SLOT_NONE && f->slots[at].id != id)
		at = (at + 1) & mask;
	return &f->slots[at];
}

static void
figures_grow_slots(struct figures *f)
{
	struct figures_slot *old = f->slots;
	size_t old_cap = f->slot_cap;

	figures_new_slots(f, 2 * old_cap);
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i].id != SLOT_NONE)
			*figures_slot_at(f, old[i].id) = old[i];
	}
	free(old);
}

/* What a slot has served, after what it had served before. */
static void
figures_on_slot(struct figures *f, const struct figures_slot *more)
{
	struct figures_slot *slot = figures_slot_at(f, more->id);
	uint64_t fresh = more->connections;

	if (slot->id == SLOT_NONE && f->slot_count == FIGURES_SLOTS_MAX) {
		f->has_more_slots = true;
		return;
	}
	f->connection_claims += more->claims;
	if (slot->id == SLOT_NONE) {
		*slot = *more;
		f->connections += fresh;
		if (2 * ++f->slot_count > f->slot_cap)
			figures_grow_slots(f);
		return;
	}
	fresh -= slot->last == more->first;
	slot->last = more->last;
	slot->connections += fresh;
	slot->claims += more->claims;
	f->connections += fresh;
}

static void
figures_on_connection(struct figures *f, const struct figures_grant *grant)
{
	const struct figures_slot one = {
		.id = grant->slot,
		.first = grant->connection,
		.last = grant->connection,
		.connections = 1,
		.claims = 1,
	};

	if (grant->connection != 0)
		figures_on_slot(f, &one);
}

void
figures_on_granted(struct figures *f, const struct figures_grant *grant)
{
	uint64_t raw_us = grant->now_us - grant->asked_us;

	if (f->is_ended)
		return;
	f->granted++;
	figures_backend(f, grant->backend)->claims++;
	figures_on_connection(f, grant);
	histogram_record(&f->spans.wait, grant->now_us - grant->planned_us);
	histogram_record(&f->lately, grant->now_us - grant->planned_us);
	if (f->is_open)
		histogram_record(&f->raw.wait, raw_us);
}

void
figures_on_cycle(
    struct figures *f, uint64_t planned_us, uint64_t asked_us, uint64_t now_us)
{
	if (f->is_ended) {
		f->cut++;
		return;
	}
	f->cycles++;
	histogram_record(&f->spans.cycle, now_us - planned_us);
	if (f->is_open)
		histogram_record(&f->raw.cycle, now_us - asked_us);
}

void
figures_on_failure(struct figures *f, unsigned failure)
{
	ASSERT(failure > 0 && failure < FAILURE_COUNT);
	f->failures[failure]++;
}

void
figures_end(struct figures *f, uint64_t now_us, const struct cost *cost)
{
	f->is_ended = true;
	f->elapsed_us = now_us - f->begun_us;
	f->cost = *cost;
}

static void
figures_add_spans(struct figures_spans *to, const struct figures_spans *from)
{
	histogram_add(&to->wait, &from->wait);
	histogram_add(&to->cycle, &from->cycle);
}

void
figures_add(struct figures *to, const struct figures *from)
{
	to->asked += from->asked;
	to->granted += from->granted;
	to->cycles += from->cycles;
	to->cut += from->cut;
	to->planned += from->planned;
	for (unsigned i = 0; i < FAILURE_COUNT; i++)
		to->failures[i] += from->failures[i];
	figures_add_spans(&to->spans, &from->spans);
	figures_add_spans(&to->raw, &from->raw);
	for (size_t i = 0; i < from->backend_count; i++) {
		const struct figures_backend *b = &from->backends[i];

		figures_backend(to, b->name)->claims += b->claims;
	}
	for (size_t i = 0; i < from->slot_cap; i++) {
		if (from->slots[i].id != SLOT_NONE)
			figures_on_slot(to, &from->slots[i]);
	}
	to->has_more_slots |= from->has_more_slots;
	to->is_ended = true;
	to->elapsed_us += from->elapsed_us;
	to->cost.cpu_us += from->cost.cpu_us;
	to->cost.delayed_us += from->cost.delayed_us;
}

uint64_t
figures_failures(const struct figures *f)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FAILURE_COUNT; i++)
		sum += f->failures[i];
	return sum;
}

double
figures_failure_share(const struct figures *f)
{
	uint64_t failed = figures_failures(f);

	if (failed == 0)
		return 0;
	return 100.0 * (double)failed / (double)(failed + f->cycles);
}

double
figures_claims_each(const struct figures *f)
{
	if (f->connections == 0)
		return 0;
	return (double)f->connection_claims / (double)f->connections;
}

double
figures_rate(const struct figures *f, uint64_t count)
{
	if (f->elapsed_us == 0)
		return 0;
	return (double)count * (double)US_PER_S / (double)f->elapsed_us;
}

static double
figures_share(const struct figures *f, uint64_t us)
{
	if (f->elapsed_us == 0)
		return 0;
	return (double)us / (double)f->elapsed_us;
}

double
figures_cpu_share(const struct figures *f)
{
	return figures_share(f, f->cost.cpu_us);
}

double
figures_delayed_share(const struct figures *f)
{
	return figures_share(f, f->cost.delayed_us);
}

double
figures_cycle_cpu_us(const struct figures *f)
{
	if (f->cycles == 0)
		return 0;
	return (double)f->cost.cpu_us / (double)f->cycles;
}

static int
figures_backend_order(const void *a, const void *b)
{
	const struct figures_backend *x = a;
	const struct figures_backend *y = b;

	if (x->claims != y->claims)
		return x->claims > y->claims ? -1 : 1;
	return strcmp(x->name, y->name);
}

void
figures_sort_backends(struct figures *f)
{
	qsort(f->backends, f->backend_count, sizeof(*f->backends),
	    figures_backend_order);
	memset(f->backend_index, 0, 2 * f->backend_cap * sizeof(uint32_t));
	for (uint32_t i = 0; i < f->backend_count; i++) {
		const struct figures_backend *b = &f->backends[i];

		*figures_backend_at(f, b->hash, b->name) = i + 1;
	}
}
