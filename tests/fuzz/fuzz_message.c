/*
 * Messages of any server, one after another, parted by NUL; each has the moment
 * of its arrival in its first byte. Whatever comes, a message that is no round
 * leaves the model as it was, what is in the model is in order, and no rate is
 * negative, infinite or none.
 */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_rate(double per_s)
{
	ASSERT(isfinite(per_s) && per_s >= 0);
}

static void
check_pool(const struct model_pool *p)
{
	check_rate(p->now.claims_per_s);
	ASSERT(p->name != NULL && p->resolver != NULL);
	for (size_t i = 0; i < p->count; i++) {
		const struct model_backend *b = &p->backends[i];

		ASSERT(b->name != NULL && b->addr != NULL && b->state != NULL);
		check_rate(b->now.claims_per_s);
		ASSERT(b->rates != NULL && b->rates->count > 0);
		ASSERT(model_get_backend(p, b->name, b->addr) == b);
	}
}

static void
check(const struct model *model)
{
	check_rate(model->claims_per_s);
	for (size_t i = 0; i < model->now.count; i++) {
		const struct model_pool *p = &model->now.pools[i];

		ASSERT(model_get_pool(model, p->name) == p);
		check_pool(p);
	}
}

static void
arrive(struct model *model, const struct message *m)
{
	const struct model before = *model;
	char buf[256];
	struct text why;
	enum message_kind kind;

	text_init(&why, buf, sizeof(buf));
	kind = message_read(m, model, &why);
	ASSERT(model->rounds == before.rounds + (kind == MESSAGE_ROUND));
	ASSERT(kind != MESSAGE_ODD || buf[0] != '\0');
	ASSERT(kind == MESSAGE_ROUND || model->now.pools == before.now.pools);
	check(model);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model model;
	uint64_t now_us = US_PER_S;

	model_init(&model);
	model.keeps_history = true;
	while (size > 0) {
		const uint8_t *end = memchr(data, '\0', size);
		size_t len = end == NULL ? size : (size_t)(end - data);

		if (len > 0) {
			const struct message m = { (const char *)data + 1,
				len - 1, now_us, now_us };

			now_us += (uint64_t)data[0] * data[0] * US_PER_MS;
			arrive(&model, &m);
		}
		size -= len + (end != NULL);
		data += len + (end != NULL);
	}
	model_fini(&model);
	ASSERT(model.now.pools == NULL && model.now.backends == NULL);
	return 0;
}
