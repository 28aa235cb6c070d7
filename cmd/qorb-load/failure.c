#include "failure.h"

#include <string.h>

#include "core/base.h"

struct failure_row {
	const char *code;
	const char *text;
};

#define ROW(failure) ((failure)-ERROR_COUNT)

static const struct failure_row rows[] = {
#define X(name, c, t) [ROW(FAILURE_##name)] = { .code = (c), .text = (t) },
	FAILURE_TABLE(X)
#undef X
};

const char *
failure_code(unsigned failure)
{
	ASSERT(failure < FAILURE_COUNT);
	if (failure < ERROR_COUNT)
		return error_code((enum error)failure);
	return rows[ROW(failure)].code;
}

const char *
failure_text(unsigned failure)
{
	ASSERT(failure < FAILURE_COUNT);
	if (failure < ERROR_COUNT)
		return error_text((enum error)failure);
	return rows[ROW(failure)].text;
}

unsigned
failure_of_code(const char *code)
{
	enum error e;

	if (error_find(code, &e))
		return e;
	for (unsigned i = ERROR_COUNT; i < FAILURE_COUNT; i++) {
		if (strcmp(code, failure_code(i)) == 0)
			return i;
	}
	return FAILURE_UNKNOWN;
}

bool
failure_is_server(unsigned failure)
{
	switch (failure) {
	case FAILURE_IO_CLOSED:
	case FAILURE_IO_RESET:
	case FAILURE_IO_FAILED:
	case FAILURE_ECHO_WRONG:
	case FAILURE_ECHO_TIMEOUT:
		return true;
	default:
		return false;
	}
}

bool
failure_is_final(unsigned failure)
{
	static const enum error final[] = {
		ERR_NO_SUCH_POOL,
		ERR_NO_SUCH_BACKEND,
		ERR_DENIED,
		ERR_BAD_SYNTAX,
		ERR_UNKNOWN_VERB,
		ERR_BAD_ARGUMENT,
		ERR_BAD_VALUE,
		ERR_TAG_IN_USE,
		ERR_TAG_NEEDED,
	};

	for (unsigned i = 0; i < ARRAY_LEN(final); i++) {
		if (failure == (unsigned) final[i])
			return true;
	}
	return false;
}
