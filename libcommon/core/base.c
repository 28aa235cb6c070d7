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

void *
mem_new(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (p == NULL)
		assert_failed(__FILE__, __LINE__, "out of memory");
	return p;
}

void *
mem_new_line(size_t size)
{
	size_t room = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	void *p = aligned_alloc(CACHE_LINE, room);

	if (p == NULL)
		assert_failed(__FILE__, __LINE__, "out of memory");
	memset(p, 0, room);
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
