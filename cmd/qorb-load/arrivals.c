#include "arrivals.h"

#include <math.h>
#include <string.h>

static const char *const kind_names[] = {
	[ARRIVALS_RANDOM] = "random",
	[ARRIVALS_EVEN] = "even",
};

void
arrivals_init(struct arrivals *a, enum arrivals_kind kind, uint64_t rate,
    uint64_t ramp_us, uint64_t seed)
{
	ASSERT(rate > 0);
	a->kind = kind;
	a->rate = (double)rate;
	a->ramp_s = (double)ramp_us / (double)US_PER_S;
	a->passed = 0;
	rng_init(&a->rng, seed);
}

/* An exponential variate of mean 1: 53 random bits make a number in [0, 1),
 * and its complement is never 0. */
static double
arrivals_gap(struct arrivals *a)
{
	if (a->kind == ARRIVALS_EVEN)
		return 1;
	return -log1p(-(double)(rng_next(&a->rng) >> 11) * 0x1p-53);
}

/* rate * t^2 / (2 * ramp) arrivals are expected until t while ramping, rate *
 * (t - ramp / 2) after it; solved for t. */
static double
arrivals_moment(const struct arrivals *a, double count)
{
	if (count < a->rate * a->ramp_s / 2)
		return sqrt(2 * a->ramp_s * count / a->rate);
	return count / a->rate + a->ramp_s / 2;
}

uint64_t
arrivals_next(struct arrivals *a)
{
	a->passed += arrivals_gap(a);
	return (
	    uint64_t)(arrivals_moment(a, a->passed) * (double)US_PER_S + 0.5);
}

bool
arrivals_kind_parse(const char *text, enum arrivals_kind *kind)
{
	for (unsigned i = 0; i < ARRAY_LEN(kind_names); i++) {
		if (strcmp(text, kind_names[i]) != 0)
			continue;
		*kind = (enum arrivals_kind)i;
		return true;
	}
	return false;
}

const char *
arrivals_kind_name(enum arrivals_kind kind)
{
	return kind_names[kind];
}
