#include "compare.h"

#include <string.h>

#include "core/base.h"
#include "core/rng.h"
#include "io/fd.h"
#include "io/options.h"

/* Even, so that each side is first as often as the other. */
#define TURNS_MAX   10
#define TURN_MIN_US (100 * US_PER_MS)

static const char *const labels[COMPARE_SIDES] = { "pool", "direct" };

/* Each turn is long enough for every task to do something. */
static unsigned
compare_turns(const struct workload *w)
{
	uint64_t turns = TURNS_MAX;

	if (w->ramp_us > 0 || w->replay != NULL)
		return 1;
	if (w->duration_us != NEVER && turns > w->duration_us / TURN_MIN_US)
		turns = w->duration_us / TURN_MIN_US;
	if (w->claims != UINT64_MAX && turns > w->claims / w->tasks)
		turns = w->claims / w->tasks;
	return turns > 0 ? (unsigned)turns : 1;
}

void
compare_init(struct compare *c, const struct workload *work,
    const struct addr *direct, unsigned direct_count)
{
	memset(c, 0, sizeof(*c));
	c->work[COMPARE_POOL] = *work;
	c->work[COMPARE_DIRECT] = *work;
	c->work[COMPARE_DIRECT].direct = direct;
	c->work[COMPARE_DIRECT].direct_count = direct_count;
	c->turns = compare_turns(work);
}

void
compare_fini(struct compare *c)
{
	for (unsigned i = 0; i < COMPARE_SIDES; i++)
		trial_fini(&c->sides[i]);
}

/* The turn's share of a bound; all shares together are the whole. */
static uint64_t
compare_share(const struct compare *c, uint64_t whole, unsigned turn)
{
	uint64_t each = whole / c->turns;

	return each + (turn < whole % c->turns);
}

struct workload
compare_turn(const struct compare *c, enum compare_side side, unsigned turn)
{
	struct workload w = c->work[side];

	if (w.duration_us != NEVER)
		w.duration_us = compare_share(c, w.duration_us, turn);
	if (w.claims != UINT64_MAX)
		w.claims = compare_share(c, w.claims, turn);
	if (turn > 0)
		w.seed = hash_mix(w.seed, turn);
	return w;
}

/* False when it did not come to its end. */
static bool
compare_run_turn(struct compare *c, enum compare_side side, unsigned turn,
    struct progress *progress)
{
	struct workload w = compare_turn(c, side, turn);
	struct trial trial = { 0 };

	if (!trial_run(&trial, &w, NULL, NULL) && turn == 0)
		program_fail(1, "%s", trial.why);
	if (progress != NULL) {
		progress_follow(progress, trial.figures, labels[side]);
		progress_show(progress, clock_us());
	}
	trial_add(&c->sides[side], &trial);
	trial_fini(&trial);
	return c->sides[side].end == DRIVER_COMPLETE;
}

void
compare_run(struct compare *c, struct progress *progress)
{
	bool goes_on = true;

	for (unsigned i = 0; i < COMPARE_SIDES * c->turns && goes_on; i++) {
		unsigned turn = i / COMPARE_SIDES;

		/* pool, direct; direct, pool; pool, direct ... */
		goes_on = compare_run_turn(c,
		    (enum compare_side)((i + turn) % COMPARE_SIDES), turn,
		    progress);
	}
}
