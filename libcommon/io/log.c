#include "io/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/rng.h"
#include "core/text.h"
#include "io/fd.h"

#define MESSAGE_BYTES 2048
#define LINE_BYTES    (4 * MESSAGE_BYTES)

/* Kinds of events remembered at a time; a power of two. */
#define REPEATS 256
/* Places where a kind may stand. */
#define REPEAT_WAYS 4

/* What has been written of one kind of event in its window. */
struct repeat {
	uint64_t key; /* of call site, pool, backend; 0: free */
	uint64_t since_us;
	unsigned written;
	unsigned left_out;
};

/* One process has one stderr and so one log; not for threads. */
static enum log_level level_max = LOG_INFO;
static struct repeat repeats[REPEATS];

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

void
log_set_level(enum log_level level)
{
	level_max = level;
}

bool
log_level_parse(const char *text, enum log_level *level)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (strcmp(level_names[i], text) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* The entry of this kind of event; when there is none, that of the least
 * recently begun window of its places, cleared. */
static struct repeat *
repeat_get(uint64_t key, uint64_t now_us)
{
	struct repeat *oldest = NULL;

	for (unsigned i = 0; i < REPEAT_WAYS; i++) {
		struct repeat *r = &repeats[(key + i) & (REPEATS - 1)];

		if (r->key == key)
			return r;
		if (oldest == NULL || r->since_us < oldest->since_us)
			oldest = r;
	}
	*oldest = (struct repeat){ .key = key, .since_us = now_us };
	return oldest;
}

/* Whether to write an event now; *left_out is how many like it were not. */
static bool
repeat_allows(uint64_t key, uint64_t now_us, unsigned *left_out)
{
	struct repeat *r = repeat_get(key, now_us);

	if (now_us - r->since_us >= LOG_WINDOW_S * US_PER_S) {
		r->since_us = now_us;
		r->written = 0;
	}
	if (r->written == LOG_BURST) {
		r->left_out++;
		return false;
	}
	r->written++;
	*left_out = r->left_out;
	r->left_out = 0;
	return true;
}

static void
add_time(struct text *t, uint64_t wall_us)
{
	time_t s = (time_t)(wall_us / US_PER_S);
	char date[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	text_addf(
	    t, "%s.%03uZ", date, (unsigned)(wall_us % US_PER_S / US_PER_MS));
}

static void
write_line(const struct text *t)
{
	ssize_t n;

	/* Nobody can be told when stderr is broken. */
	do {
		n = write(STDERR_FILENO, t->buf, t->len);
	} while (n < 0 && errno == EINTR);
}

static void
add_name(struct text *t, const char *name)
{
	text_add_char(t, ' ');
	text_add_escaped(t, name, strlen(name));
}

void
log_write_at(enum log_level level, const char *file, int line, const char *pool,
    const char *backend, const char *fmt, ...)
{
	const char *p = pool != NULL ? pool : "-";
	const char *b = backend != NULL ? backend : "-";
	char buf[MESSAGE_BYTES], out[LINE_BYTES];
	unsigned left_out = 0;
	struct text t, message;
	uint64_t key;
	va_list ap;

	if (level > level_max)
		return;
	key = hash_mix(hash_mix(hash_text(file), (uint64_t)line),
	    hash_mix(hash_text(p), hash_text(b)));
	if (!repeat_allows(key, clock_us(), &left_out))
		return;
	va_start(ap, fmt);
	text_init(&message, buf, sizeof(buf));
	text_addv(&message, fmt, ap);
	va_end(ap);
	/* Room is kept for the end of the line, whatever the rest does. */
	text_init(&t, out, sizeof(out) - 64);
	text_addf(&t, "%s ", level_names[level]);
	add_time(&t, clock_wall_us());
	add_name(&t, p);
	add_name(&t, b);
	text_add(&t, ": ");
	text_add_escaped(&t, message.buf, message.len);
	t.cap = sizeof(out);
	t.is_cut = false;
	if (left_out > 0)
		text_addf(&t, " (%u more like it left out)", left_out);
	text_add_char(&t, '\n');
	write_line(&t);
}
