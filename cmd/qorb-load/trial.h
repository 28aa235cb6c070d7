#ifndef QORB_LOAD_TRIAL_H
#define QORB_LOAD_TRIAL_H

/*
 * A run from its connections to its end, and what came of it. What several runs
 * of one workload have shown can be added up.
 */

#include <stdio.h>

#include "driver.h"
#include "figures.h"
#include "progress.h"
#include "report.h"
#include "workload.h"

#define TRIAL_WHY_BYTES	   512
#define TRIAL_SERVER_BYTES 64

struct trial {
	struct figures *figures; /* owned; NULL when nothing ran */
	enum driver_end end;
	unsigned unanswered;
	char why[TRIAL_WHY_BYTES];
	char server[TRIAL_SERVER_BYTES];
};

/* An event loop that suits the workload; ends the program when none can be
 * had. */
struct event_base *trial_base(const struct workload *work);

/* Runs the workload until it is over or a signal ends it. progress is shown
 * each second, record gets all arrivals; both may be NULL. False when the
 * daemon is missing: then it is lost before it began, and why says it.
 * SIGINT and SIGTERM are blocked from its end on, so that none is lost between
 * two runs. */
bool trial_run(struct trial *t, const struct workload *work,
    struct progress *progress, FILE *record) MUST_CHECK;

/* After the last run: those signals end the program again. */
void trial_release_signals(void);

/* Adds a run that came after: its end is the end of all. */
void trial_add(struct trial *t, const struct trial *later);

void trial_fini(struct trial *t);

/* Borrows the trial and the workload. */
struct report trial_report(const struct trial *t, const struct workload *work,
    double fail_above_percent);

#endif
