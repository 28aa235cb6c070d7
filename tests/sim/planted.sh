#!/usr/bin/env bash
# Proves that the simulator bites: ten faults are planted, one at a time, in
# copies of the core, and each must be caught within fifty seeds, by the model
# alone (pool_check is left out).
#
#     tests/sim/planted.sh BUILD
#
# tests/sim/plant.bash says more.
cd "$(dirname "$0")/../.." || exit 1
. tests/sim/plant.bash

# Those of the simulator; the fleet has a main of its own.
for source in tests/sim/*.c; do
	[[ $source == */fleet.c ]] ||
	    objects+=("$build/obj/${source%.c}.o")
done
flags=(--seeds 1:50 --events 20000 --once --no-walks --first)

echo 1..10
plant 'a cap that is off by one is caught' spread \
    's/return p->policy\.max_count;/return p->policy.max_count + 1;/'
plant 'a lost wake-up is caught' slot \
    's/c = (claim_next_for\(p, s\));/c = s->claims > 0 ? \1 : NULL;/'
plant 'a double grant is caught' pool \
    '/a->kind = ACTION_GRANT;/a if (c->deadline_us != 1) { c->deadline_us = 1; list_push_back(\&p->answers, \&c->answer); }'
plant 'barging is caught' claim \
    's/own != NULL && own->seq < any->seq/own != NULL/'
plant 'a leaked slot is caught' slot \
    's/time_after\(p->now_us, p->policy\.health_check_timeout\)/NEVER/'
plant 'a wrong sum is caught' pool \
    's/p->refused\[e\]\+\+;//'
plant 'probes that take no turns are caught' spread \
    '/^spread_probe_turn/,/^}/s/p->probes\.count == 0/p->total > 0/'
plant 'a stale handle that is accepted is caught' pool \
    's/ && s->gen == ref\.gen//'
plant 'a deadline that is missed is caught' lend \
    's/claim_set_due\(p, c, claim_end_us\(p, c\)\)/claim_set_due(p, c, NEVER)/'
plant 'an unfair order is caught' claim \
    's/last != NULL && last->seq > c->seq/false/'
end_plants
