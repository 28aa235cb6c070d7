#ifndef QORB_WEB_METRICS_H
#define QORB_WEB_METRICS_H

/*
 * Figures for Prometheus: its text format, version 0.0.4. Names follow its
 * conventions: qorb_ in front, base units (seconds), _total for what only
 * grows. qorb-web(8) lists them.
 *
 * Labels are bounded: of each pool, the first max_backends of its backends, by
 * name and address, have figures of their own, and the others' are summed under
 * backend="other". A sum can go down when one of them goes away.
 */

#include <stdint.h>

#include "core/base.h"
#include "picture.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* picture NULL: the daemon cannot be reached. The caller gets a string of its
 * own, from malloc. */
char *metrics_text(
    const struct picture *picture, uint32_t max_backends) MUST_CHECK;

#endif
