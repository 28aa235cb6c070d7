#ifndef QORB_LOAD_REPORT_H
#define QORB_LOAD_REPORT_H

/*
 * The end of a run for people, for programs, and as an exit status: three
 * readings of the same struct.
 */

#include <stdio.h>

#include "driver.h"
#include "figures.h"
#include "workload.h"

/* A run of which this process was on a processor, or waited for one, for more
 * than this share says much about it, and too little about the daemon. */
#define REPORT_BUSY_SHARE 0.5

struct report {
	const struct workload *work;   /* all borrowed */
	const struct figures *figures; /* ended; backends sorted */
	const char *why;	       /* of the end, "" for a complete run */
	const char *server;	       /* what the daemon calls itself, or "" */
	enum driver_end end;
	unsigned unanswered;	   /* tasks that the daemon left waiting */
	double fail_above_percent; /* of cycles that failed */
};

/* 0 when the run did what it should, 1 when not; then it has said why, a line
 * each, on stderr. */
int report_status(const struct report *r);

void report_text(const struct report *r, FILE *out);

/* The same workload with the pool and without: what the pool saved. */
struct compare_report {
	struct report pool;
	struct report direct;
	unsigned turns; /* that each of them had */
};

/* Both side by side. */
void report_compare(const struct compare_report *r, FILE *out);

/* One object on one line. False when memory is short. */
bool report_json(const struct report *r, FILE *out) MUST_CHECK;
/* One with the members "pool" and "direct", each such an object, and "turns".
 */
bool report_compare_json(const struct compare_report *r, FILE *out) MUST_CHECK;

/* Every bucket of the latencies that is not empty, as lines of a latency's
 * name, the bucket's upper edge in microseconds, its count, and the share of
 * all that lies at or below it; tab-separated, with a line of titles. */
void report_histograms(const struct report *r, FILE *out);

/* Words of the user or the daemon after some of our own, for a terminal. */
void report_words(FILE *out, const char *before, const char *words);

/* A line of why it ended early; false when it did not. */
bool report_end(const struct report *r, FILE *out);

/* Was more of the measured time our own than REPORT_BUSY_SHARE? */
bool report_is_busy(const struct figures *f);

/* The latencies of a run: two, or four in the open model. */
#define REPORT_SPANS_MAX 4

struct report_spans {
	const char *label; /* "claim, raw" */
	const char *name;  /* "claim_raw" */
	const struct histogram *h;
};

/* Fills the array, and says how many there are. */
unsigned report_spans(
    const struct figures *f, struct report_spans spans[REPORT_SPANS_MAX]);

/* The quantiles shown, one table for all forms. */
struct report_quantile {
	const char *label; /* "p99.9" */
	const char *name;  /* "p99_9_us" */
	unsigned per_10000;
};

#define REPORT_QUANTILES 6
extern const struct report_quantile report_quantiles[REPORT_QUANTILES];

#endif
