#ifndef QORB_CORE_BASE_H
#define QORB_CORE_BASE_H

/*
 * What every module of the core leans on: assertions, array lengths, the
 * attribute for results that must be looked at, spans of time and memory.
 *
 * ASSERT is for our own bugs alone and stays in release builds. A failed one
 * tells the hook (programs set one that writes to stderr; the core itself
 * never prints) and aborts. A peer, a file or a user can never reach one.
 *
 * Time is counted in microseconds of a monotonic clock that the caller reads;
 * the core never asks for the time. A span of NEVER has no end.
 *
 * Memory: mem_new and mem_grow return zeroed memory or end the program: they
 * run at start, on a new configuration or a new backend, never for a claim.
 */

#include <stddef.h>
#include <stdint.h>

#define ASSERT(cond) \
	((cond) ? (void)0 : assert_failed(__FILE__, __LINE__, #cond))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that holds this member: for intrusive nodes. */
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define MUST_CHECK	    __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, a) __attribute__((format(printf, fmt, a)))

/* What a processor fetches of memory at once. What one claim touches of many is
 * laid out in such lines; elsewhere it does not matter. */
#define CACHE_LINE 64

/* A span or a moment that never comes. */
#define NEVER UINT64_MAX

#define US_PER_MS 1000ULL
#define US_PER_S  1000000ULL

/* Told of a failed ASSERT just before abort(); it must not return into the
 * core. */
extern void (*assert_hook)(const char *file, int line, const char *what);

_Noreturn void assert_failed(const char *file, int line, const char *what);

/* The moment `span_us` after `now_us`, NEVER when either is. */
static inline uint64_t
time_after(uint64_t now_us, uint64_t span_us)
{
	/* NEVER is the largest number, so a sum that would wrap or reach it
	 * is never either. */
	return span_us >= NEVER - now_us ? NEVER : now_us + span_us;
}

/* count zeroed items of size bytes; owned by the caller, freed with free(). */
void *mem_new(size_t count, size_t size) MUST_CHECK;

/* One zeroed item that begins with a cache line; likewise. */
void *mem_new_line(size_t size) MUST_CHECK;

/* Grows an array from old_count to count items, the new ones zeroed. */
void *mem_grow(
    void *array, size_t old_count, size_t count, size_t size) MUST_CHECK;

/* A copy of a string, owned by the caller. */
char *mem_strdup(const char *text) MUST_CHECK;

#endif
