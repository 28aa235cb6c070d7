#include "core/error.h"

#include <string.h>

static const struct error_row {
	const char *code;
	const char *text;
} rows[ERROR_COUNT] = { [ERR_NONE] = { "none", "no error" },
#define X(name, code, text) [ERR_##name] = { code, text },
	ERROR_TABLE(X)
#undef X
};

const char *
error_code(enum error e)
{
	ASSERT(e < ERROR_COUNT);
	return rows[e].code;
}

const char *
error_text(enum error e)
{
	ASSERT(e < ERROR_COUNT);
	return rows[e].text;
}

bool
error_find(const char *code, enum error *e)
{
	for (size_t i = ERR_NONE + 1; i < ERROR_COUNT; i++) {
		if (strcmp(rows[i].code, code) == 0) {
			*e = (enum error)i;
			return true;
		}
	}
	return false;
}
