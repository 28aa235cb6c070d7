#ifndef QTOP_BATCH_H
#define QTOP_BATCH_H

/*
 * The model as plain tables, a title and a table a pool each round, as `top -b`
 * does it; or as JSON, one object a line and round. What strangers named is
 * escaped.
 */

#include <stdio.h>

#include "model.h"

void batch_table(FILE *out, const struct model *model, const char *source);
void batch_json(FILE *out, const struct model *model, const char *source);

#endif
