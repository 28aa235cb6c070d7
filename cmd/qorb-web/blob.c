#include "blob.h"

#include <stdlib.h>

#include "core/base.h"

struct blob *
blob_new(char *bytes, size_t len, struct blob_sum *sum)
{
	struct blob *b = mem_new(1, sizeof(*b));

	b->refs = 1;
	b->len = len;
	b->bytes = bytes;
	b->sum = sum;
	if (sum != NULL) {
		sum->bytes += len;
		b->serial = ++sum->count;
	}
	return b;
}

struct blob *
blob_hold(struct blob *b)
{
	b->refs++;
	return b;
}

void
blob_drop(struct blob **blob)
{
	struct blob *b = *blob;

	*blob = NULL;
	if (b == NULL || --b->refs > 0)
		return;
	if (b->sum != NULL)
		b->sum->bytes -= b->len;
	free(b->bytes);
	free(b);
}
