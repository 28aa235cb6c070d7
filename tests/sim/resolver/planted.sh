#!/usr/bin/env bash
# Proves that the simulator of the resolver bites: faults are planted, one at a
# time, in copies of the core, and each must be caught within a hundred seeds.
#
#     tests/sim/resolver/planted.sh BUILD
#
# tests/sim/plant.bash says more.
cd "$(dirname "$0")/../../.." || exit 1
. tests/sim/plant.bash

for source in tests/sim/resolver/*.c; do
	objects+=("$build/obj/${source%.c}.o")
done
flags=(--seeds 1:100 --events 5000 --first)

echo 1..13
plant 'a failure that empties the set is caught' resolve_take \
	's/keep_set\(r, now_us, RESOLVE_RULE_SILENT\);/empty_set(r), resolve_take_settle(r);/'
plant 'an empty answer too few is caught' resolve_take \
	's/r->empty_run < r->policy\.empty_answers\) \{/r->empty_run + 1 < r->policy.empty_answers) {/'
plant 'an empty answer that takes what a failing server had named is caught' \
	resolve_take 's/^\t\tmerge_set\(r, now_us, true\);$/\t\tempty_set(r);/'
plant 'failed look-ups that break a row of empty answers are caught' resolve_take \
	's/r->verdict = VERDICT_FAILED;/r->verdict = VERDICT_FAILED; r->empty_run = 0;/'
plant 'a target of dot that is not believed at once is caught' resolve_take \
	's/^\t\tempty_set\(r\);$/\t\tkeep_set(r, now_us, RESOLVE_RULE_EMPTY);/'
plant 'a dead server that delays a good one is caught' resolve \
	's/best->look\.missing == 0 \|\| r->set\.count == 0/false/'
plant 'a query too many at a time is caught' resolve \
	's/s->in_flight >= r->policy\.max_dns_concurrency/s->in_flight > r->policy.max_dns_concurrency/'
plant 'a look-up before min-query-interval is caught' resolve \
	's/, p->min_query_interval_us\);/, 0);/'
plant 'a TTL that puts the next look-up off too long is caught' resolve \
	's/^\t\tlongest = p->query_interval_us;$/\t\tlongest = NEVER;/'
plant 'the answer to a query that was dropped is caught' resolve \
	's/slot->generation != handle\.generation/false/'
plant 'stale backends that stay for ever are caught' resolve_set \
	's/time_after\(item->stale_since_us, stale_for_us\) <= now_us/false/'
plant 'half an answer that takes the other half away is caught' resolve_look \
	's/!= ADDRESS_FAILED\)/!= ADDRESS_UNWANTED)/'
plant 'a client that goes without its backends is caught' sources \
	's/a->holder == c\)/a->holder == NULL)/'
end_plants
