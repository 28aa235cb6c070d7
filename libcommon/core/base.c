#include "core/base.h"

#include <stdlib.h>
#include <string.h>

void (*assert_hook)(const char *file, int line, const char *what);

_Noreturn void
assert_failed(const char *file, int line, const char *what)
{
	if (assert_hook != NULL)
		assert_hook(file, line, what);
	abort();
}

uint64_t
time_after(uint64_t now_us, uint64_t span_us)
{
	/* NEVER is the largest number, so a sum that would wrap or reach it
	 * is never either. */
	if (span_us >= NEVER - now_us)
		return NEVER;
	return now_us + span_us;
}

void *
mem_new(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (p == NULL)
		assert_failed(__FILE__, __LINE__, "out of memory");
	return p;
}

void *
mem_grow(void *array, size_t old_count, size_t count, size_t size)
{
	char *p;

	ASSERT(size > 0 && count >= old_count && count > 0);
	if (count > SIZE_MAX / size)
		assert_failed(__FILE__, __LINE__, "array too large");
	p = realloc(array, count * size);
	if (p == NULL)
		assert_failed(__FILE__, __LINE__, "out of memory");
	memset(p + old_count * size, 0, (count - old_count) * size);
	return p;
}

char *
mem_strdup(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = mem_new(n, 1);

	memcpy(copy, text, n);
	return copy;
}
