#include "schedule.h"

#include "core/base.h"

void
schedule_init(struct schedule *s, const struct workload *work, FILE *record)
{
	*s = (struct schedule){ .work = work, .record = record };
	rng_init(&s->keys, hash_mix(work->seed, 1));
	if (work->rate > 0)
		arrivals_init(&s->arrivals, work->arrivals, work->rate,
		    work->ramp_us, hash_mix(work->seed, 2));
}

void
schedule_begin(struct schedule *s, uint64_t now_us)
{
	s->begun_us = now_us;
	if (workload_is_open(s->work))
		schedule_next(s);
}

uint64_t
schedule_key(struct schedule *s)
{
	if (s->work->key_space == 0)
		return REPLAY_NO_KEY;
	return rng_below(&s->keys, s->work->key_space);
}

void
schedule_next(struct schedule *s)
{
	const struct replay *replay = s->work->replay;

	if (replay == NULL) {
		s->due_us = s->begun_us + arrivals_next(&s->arrivals);
		s->due_key = schedule_key(s);
	} else if (s->replayed == replay->count) {
		s->due_us = NEVER;
	} else {
		const struct replay_arrival *a =
		    &replay->arrivals[s->replayed++];

		s->due_us = s->begun_us + a->at_us;
		s->due_key = a->key;
	}
}

void
schedule_record(struct schedule *s, uint64_t at_us, uint64_t key)
{
	if (s->record != NULL)
		replay_write(s->record, at_us - s->begun_us, key);
}

uint64_t
schedule_skip(struct schedule *s, uint64_t now_us, uint64_t most)
{
	uint64_t n = 0;

	for (; n < most && s->due_us <= now_us; n++) {
		schedule_record(s, s->due_us, s->due_key);
		schedule_next(s);
	}
	return n;
}
