#ifndef TEST_PICTURE_RIG_H
#define TEST_PICTURE_RIG_H

/* Pictures for tests, from rows as the daemon writes them. */

#include "../reply_rig.h"

#include "picture.h"

static inline void
add_row(struct picture *p,
    void (*add)(struct picture *p, const struct qorb_reply *row),
    const char *line)
{
	struct line_reply r;

	add(p, reply_of(&r, line));
}

#define POOL_ROW(p, line)    add_row(p, picture_add_pool, "* " line)
#define STATS_ROW(p, line)   add_row(p, picture_add_stats, "* " line)
#define METRICS_ROW(p, line) add_row(p, picture_add_metrics, "* " line)

/* Two pools: `a` with backends x (of two addresses) and w, and `b` without. */
static inline struct picture *
example(void)
{
	struct picture *p = picture_new("qorb-pool/1.2.3");

	POOL_ROW(p, "pool=a service=_x._tcp.test backends=3 online=2 slots=7");
	POOL_ROW(p, "pool=b service=static backends=0 online=0 slots=0");
	STATS_ROW(p, "pool=a claims=12 claims_per_s=2.5 waiting=3 refused=4 "
		     "wait_p50_us=5 wait_p99_us=6 hold_p50_us=7 hold_p99_us=8 "
		     "slots=9 resolver=ok");
	STATS_ROW(p, "pool=a backend=x addr=[::1]:2 state=online connecting=1 "
		     "unclaimed=2 checking=3 claimed=4 total=5 failures=6 "
		     "claims_per_s=0.5 connect_p50_us=7");
	STATS_ROW(p, "pool=a backend=w addr=[::1]:3 state=draining claimed=1");
	STATS_ROW(p, "pool=a backend=x addr=[::1]:1 state=offline "
		     "connecting=1 total=20");
	STATS_ROW(p, "pool=b claims=30 resolver=none");
	METRICS_ROW(p, "pool=a name=limits max_slots=16 max_waiting=4096");
	METRICS_ROW(p, "pool=a name=failures value=17");
	METRICS_ROW(p, "pool=a name=leaks value=18");
	METRICS_ROW(p, "pool=a name=refused code=overloaded value=3");
	METRICS_ROW(p, "pool=a name=refused code=no-backends value=0");
	METRICS_ROW(p, "pool=a name=wait count=12 sum_us=1500250 le_10us=4 "
		       "le_1000000us=11");
	METRICS_ROW(p, "pool=a name=backend backend=x addr=[::1]:2 connects=21 "
		       "failures=22");
	METRICS_ROW(p, "pool=a name=backend backend=x addr=[::1]:1 connects=23 "
		       "failures=24");
	picture_end(p, UINT64_C(1795388400000123));
	return p;
}

#endif
