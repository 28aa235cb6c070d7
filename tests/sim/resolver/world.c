/* Lives a seed; see sim.h. */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/saved.h"
#include "sim.h"

#define SERVICE "_echo._tcp.sim.test"
#define FINDING "_dns._udp.sim.test"

/* Enough for what was in flight, and answers that come after each other. */
#define CALM_DELAY_US (5 * US_PER_MS)

static bool
one_in(struct world *w, uint64_t n)
{
	return rng_below(&w->rng, n) == 0;
}

void
note(struct world *w, const char *fmt, ...)
{
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	w->hash = hash_mix(hash_mix(w->hash, w->now_us), hash_text(line));
	if (w->trace != NULL)
		(void)fprintf(w->trace, "%llu %llu %s\n",
		    (unsigned long long)w->steps, (unsigned long long)w->now_us,
		    line);
}

void
broken(const struct world *w, const char *check, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report(w, check, text);
	exit(1);
}

/* --- drawing ---------------------------------------------------------------
 */

static uint64_t
draw_span(struct world *w, const uint64_t *spans, size_t count)
{
	return spans[rng_below(&w->rng, count)];
}

#define DRAW_SPAN(w, ...)                               \
	draw_span(w, (const uint64_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static void
draw_policy(struct world *w)
{
	struct resolve_policy *p = &w->policy;

	resolve_policy_default(p);
	if (one_in(w, 3))
		return;
	p->min_query_interval_us = DRAW_SPAN(w, 10 * US_PER_MS, S, S, 5 * S);
	p->query_interval_us = DRAW_SPAN(w, S, 10 * S, 60 * S, 120 * S);
	p->query_retry_us = DRAW_SPAN(w, 100 * US_PER_MS, S, 10 * S, 20 * S);
	p->query_timeout_us =
	    DRAW_SPAN(w, 200 * US_PER_MS, S, 5 * S, 10 * S, 10 * S);
	p->stale_for_us = DRAW_SPAN(w, 0, 20 * S, 60 * S, 3600 * S, NEVER);
	p->hardcoded_ttl_us = DRAW_SPAN(w, NEVER, NEVER, NEVER, 0, 7 * S);
	p->empty_answers = (uint32_t)(1 + rng_below(&w->rng, 4));
	p->max_dns_concurrency = (uint32_t)(1 + rng_below(&w->rng, 8));
	p->family = (enum resolve_family)(
	    one_in(w, 2) ? RESOLVE_ANY : rng_below(&w->rng, 3));
	p->answers = one_in(w, 2) ? RESOLVE_MERGE : RESOLVE_FIRST;
}

static void
draw_mode(struct world *w, struct server *s)
{
	s->mode =
	    one_in(w, 3) ? MODE_OK : (enum mode)rng_below(&w->rng, MODE_COUNT);
	s->delay_us =
	    DRAW_SPAN(w, 0, 100, 20 * US_PER_MS, 300 * US_PER_MS, 2 * S);
}

/* --- servers that are found ------------------------------------------------
 */

static void
add_id(unsigned *ids, unsigned *count, unsigned id)
{
	for (unsigned i = 0; i < *count; i++) {
		if (ids[i] == id)
			return;
	}
	ids[(*count)++] = id;
}

/* Those given, then those found; an address stands for a server. */
static unsigned
wanted_servers(const struct world *w, unsigned *ids)
{
	const struct backend_spec *found;
	size_t found_count = resolve_backends(w->finder.r, &found);
	unsigned count = 0;

	for (unsigned i = 0; i < w->given; i++)
		add_id(ids, &count, i);
	for (size_t i = 0; i < found_count; i++) {
		bool is_inet6 = found[i].addr.kind == ADDR_INET6;

		add_id(
		    ids, &count, found[i].addr.ip[is_inet6 ? 15 : 3] % SERVERS);
	}
	return count;
}

static void
move_servers(struct world *w)
{
	unsigned ids[SERVERS];
	unsigned count = wanted_servers(w, ids);
	const struct looker *l = &w->service;

	if (w->has_moved ||
	    (count == l->m.servers &&
		memcmp(ids, l->ids, count * sizeof(ids[0])) == 0))
		return;
	w->has_moved = true;
	looker_set_servers(&w->service, ids, count);
}

/* --- saved state -----------------------------------------------------------
 */

static void
save(struct world *w)
{
	enum resolve_status status = resolve_status(w->service.r);
	const struct backend_spec *specs;
	size_t count = resolve_backends(w->service.r, &specs);
	struct saved saved = { 0 };

	if (status != RESOLVE_OK && status != RESOLVE_EMPTY)
		return;
	saved_put(&saved, "pool", SERVICE, specs, count);
	free(w->saved);
	w->saved = saved_write(&saved, &w->saved_len);
	saved_fini(&saved);
}

/* What was saved comes back whole; what was damaged does not come back. */
static void
restore(struct world *w)
{
	const struct saved_pool *pool;
	struct saved saved = { 0 };
	const char *why;
	bool is_damaged = one_in(w, 4);

	if (w->saved == NULL)
		return;
	if (is_damaged)
		w->saved[rng_below(&w->rng, w->saved_len)] ^= 1;
	if (saved_read(&saved, w->saved, w->saved_len, &why) == is_damaged)
		broken(w, "saved", "a damaged text: %d", is_damaged);
	pool = saved_find(&saved, "pool", SERVICE);
	if (pool != NULL)
		looker_restore(&w->service, pool->specs, pool->count);
	saved_fini(&saved);
	free(w->saved);
	w->saved = NULL;
}

static void
start(struct world *w)
{
	static const unsigned ids[SERVERS] = { 0, 1, 2, 3, 4, 5 };

	looker_open(
	    &w->finder, w, "finder", FINDING, 1, ids, w->given, &w->policy);
	looker_open(
	    &w->service, w, "service", SERVICE, 0, ids, w->given, &w->policy);
	w->has_moved = false;
	w->ended_seen = 0;
	restore(w);
}

static void
stop(struct world *w)
{
	looker_close(&w->service);
	looker_close(&w->finder);
}

/* --- what happens ----------------------------------------------------------
 */

static void
change_zone(struct world *w, unsigned zone)
{
	unsigned which = (unsigned)rng_below(&w->rng, SERVERS);

	/* All servers get it, or one has it alone. */
	zone_change(&w->servers[which].zones[zone], &w->rng);
	if (one_in(w, 4))
		return;
	for (unsigned i = 0; i < SERVERS; i++)
		w->servers[i].zones[zone] = w->servers[which].zones[zone];
}

static void
restart(struct world *w)
{
	note(w, "restart");
	stop(w);
	if (one_in(w, 2))
		w->given = (unsigned)(1 + rng_below(&w->rng, GIVEN_MAX));
	start(w);
}

static void
trouble(struct world *w)
{
	switch (rng_below(&w->rng, 20)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		draw_mode(w, &w->servers[rng_below(&w->rng, SERVERS)]);
		break;
	case 5: /* all fail alike */
		draw_mode(w, &w->servers[0]);
		for (unsigned i = 1; i < SERVERS; i++) {
			w->servers[i].mode = w->servers[0].mode;
			w->servers[i].delay_us = w->servers[0].delay_us;
		}
		break;
	case 6:
	case 7:
	case 8:
		change_zone(w, 0);
		break;
	case 9:
		change_zone(w, 1);
		break;
	case 10:
		looker_refresh(&w->service);
		break;
	case 11:
		if (!one_in(w, 3))
			break;
		draw_policy(w);
		looker_set_policy(&w->service, &w->policy);
		looker_set_policy(&w->finder, &w->policy);
		break;
	case 12:
		if (one_in(w, 5))
			restart(w);
		break;
	case 13: /* a loop that is late */
		w->now_us += rng_below(&w->rng, 5 * S);
		break;
	default:
		feeder_act(w->feeder);
		break;
	}
}

/* A zone of whose records some can be used, or none is there. */
static void
draw_good_zone(struct world *w, struct zone *z)
{
	bool is_usable = false;

	zone_draw(z, &w->rng);
	for (unsigned i = 0; i < z->srv_count; i++)
		is_usable |= z->srvs[i].port != 0;
	if (!is_usable)
		z->srv_count = 0;
}

/* From now on all is well, for as long as settling takes. */
static void
calm(struct world *w)
{
	struct resolve_policy *p = &w->policy;
	uint64_t wait = p->query_interval_us + p->query_retry_us +
			p->min_query_interval_us + p->query_timeout_us;

	note(w, "calm");
	w->is_calm = true;
	p->empty_answers = 1 + p->empty_answers % 3;
	looker_set_policy(&w->service, p);
	looker_set_policy(&w->finder, p);
	draw_good_zone(w, &w->servers[0].zones[0]);
	draw_good_zone(w, &w->servers[0].zones[1]);
	for (unsigned i = 0; i < SERVERS; i++) {
		w->servers[i] = w->servers[0];
		w->servers[i].mode = MODE_OK;
		w->servers[i].delay_us = rng_below(&w->rng, CALM_DELAY_US);
	}
	w->phase_end_us = w->now_us + 2 * (3 + p->empty_answers) * wait;
}

static void
settled(struct world *w)
{
	note(w, "settled");
	looker_settled(&w->finder, &w->servers[0].zones[1]);
	looker_settled(&w->service, &w->servers[0].zones[0]);
	w->is_calm = false;
	w->phase_end_us = w->now_us + rng_below(&w->rng, 300 * S);
	w->next_op_us = w->now_us;
}

static void
operate(struct world *w)
{
	if (w->now_us >= w->phase_end_us) {
		if (w->is_calm)
			settled(w);
		else
			calm(w);
	} else {
		trouble(w);
	}
	w->next_op_us = w->is_calm ? w->phase_end_us
				   : w->now_us + rng_below(&w->rng, 2 * S);
}

/* --- the loop --------------------------------------------------------------
 */

static uint64_t
min_us(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
after_service(struct world *w)
{
	if (w->service.has_published)
		save(w);
	if (resolve_ended(w->service.r) > w->ended_seen) {
		w->ended_seen = resolve_ended(w->service.r);
		w->has_moved = false;
		move_servers(w);
		w->has_moved = false;
	}
}

static void
step(struct world *w)
{
	uint64_t service = looker_next(&w->service);
	uint64_t finder = looker_next(&w->finder);
	uint64_t feeder = feeder_next(w->feeder);
	uint64_t at =
	    min_us(min_us(service, finder), min_us(feeder, w->next_op_us));
	const struct backend_spec *specs;
	size_t count;

	if (at > w->now_us)
		w->now_us = at;
	if (at == w->next_op_us) {
		operate(w);
	} else if (at == feeder) {
		feeder_on_time(w->feeder);
	} else if (at == finder) {
		looker_step(&w->finder);
		if (w->finder.has_published)
			move_servers(w);
	} else {
		looker_step(&w->service);
		after_service(w);
	}
	count = resolve_backends(w->service.r, &specs);
	feeder_check(w->feeder, specs, count);
}

uint64_t
world_run(uint64_t seed, uint64_t steps, FILE *trace)
{
	struct world *w = mem_new(1, sizeof(*w));
	uint64_t hash;

	w->seed = seed;
	w->trace = trace;
	w->now_us = S;
	rng_init(&w->rng, seed);
	draw_policy(w);
	for (unsigned i = 0; i < SERVERS; i++) {
		draw_mode(w, &w->servers[i]);
		zone_draw(&w->servers[i].zones[0], &w->rng);
		zone_draw(&w->servers[i].zones[1], &w->rng);
	}
	w->given = (unsigned)(1 + rng_below(&w->rng, GIVEN_MAX));
	w->phase_end_us = rng_below(&w->rng, 300 * S);
	w->feeder = feeder_new(w);
	start(w);
	for (; w->steps < steps; w->steps++)
		step(w);
	stop(w);
	feeder_free(&w->feeder);
	free(w->saved);
	hash = w->hash;
	free(w);
	return hash;
}
