#ifndef QORB_IO_LOG_H
#define QORB_IO_LOG_H

/*
 * The log of the daemon and other long-lived programs: one line an event to
 * stderr, `level time pool backend: text`, whole lines by one write each.
 * Pool and backend are "-" where there is none. Bytes that are no printing
 * ASCII or UTF-8 are escaped as \xNN, so a peer cannot forge a line. Time is
 * UTC, 2026-01-31T12:00:00.123Z.
 *
 * The same event repeated (same call site, pool and backend) is written at
 * most LOG_BURST times in LOG_WINDOW_S seconds; what was left out is said with
 * the next one that is written ("... (12 more like it left out)").
 */

#include <stdbool.h>

#include "core/base.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

#define LOG_BURST    5
#define LOG_WINDOW_S 10

/* Default LOG_INFO. */
void log_set_level(enum log_level level);
bool log_level_parse(const char *text, enum log_level *level) MUST_CHECK;

/* pool and backend may be NULL. */
#define log_write(level, pool, backend, ...) \
	log_write_at(level, __FILE__, __LINE__, pool, backend, __VA_ARGS__)

void log_write_at(enum log_level level, const char *file, int line,
    const char *pool, const char *backend, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

#endif
