/*
 * Dialogues from any text, run against any peer: the text is what stands before
 * the first NUL, the peer's bytes are the rest, in pieces whose sizes they say
 * themselves. What is refused says why; what is taken ends, takes no more than
 * it was given and asks for no more than it may; and nothing is left of it.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/connector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Moves the peer's next bytes into the dialogue; false when it is over. */
static bool
feed(struct dialogue_run *run, const char **bytes, size_t *left, size_t most)
{
	size_t n = *left, taken = 0;
	bool is_good;

	if (n == 0)
		return false;
	if (n > (size_t)(unsigned char)**bytes % 7 + 1)
		n = (size_t)(unsigned char)**bytes % 7 + 1;
	if (n > most)
		n = most;
	ASSERT(n > 0);
	is_good = dialogue_received(run, *bytes, n, &taken);
	ASSERT(!is_good || (taken > 0 && taken <= n));
	*bytes += taken;
	*left -= taken;
	return is_good;
}

static void
talk(const struct connector *c, const char *bytes, size_t left)
{
	struct dialogue_run run;
	const char *out = NULL;
	size_t len = 0, sent = 0;

	dialogue_start(&run, connector_dialogue(c, CONNECTOR_ON_RECYCLE));
	for (;;) {
		switch (dialogue_next(&run, &out, &len)) {
		case DIALOGUE_DONE:
			return;
		case DIALOGUE_SEND:
			ASSERT(len > 0 && (sent += len) <= DIALOGUE_BYTES_MAX);
			dialogue_sent(&run, len);
			break;
		case DIALOGUE_RECEIVE:
		case DIALOGUE_PEEK:
			ASSERT(len > 0);
			if (!feed(&run, &bytes, &left, len))
				return;
			break;
		case DIALOGUE_DRAIN:
			dialogue_drained(&run);
			break;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connector *c = connector_new("fuzz"), *ready;
	char buf[512], *text = mem_new(size + 1, 1);
	struct text why;
	size_t len;

	if (size > 0)
		memcpy(text, data, size);
	len = strlen(text);
	text_init(&why, buf, sizeof(buf));
	if (connector_set(c, CONNECTOR_IS_VALID, text, &why)) {
		ASSERT(buf[0] == '\0' && connector_same(c, c));
		talk(c, text + len, size - len);
	} else {
		ASSERT(buf[0] != '\0' && !c->is_said[CONNECTOR_IS_VALID]);
	}
	ready = connector_ready("smtp");
	talk(ready, text, size);
	connector_drop(&ready);
	connector_drop(&c);
	ASSERT(c == NULL && ready == NULL);
	free(text);
	return 0;
}
