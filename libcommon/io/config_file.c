/*
 * The configuration file; see config_file.h.
 *
 * The parser asks for its lines here, one at a time, and hands keys back. What
 * it does not tell, is known from the line just read: its number, and which
 * section it begins. (It would cut long sections and lines without a word, and
 * hand on a value that goes on in pieces.)
 */

#include "io/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fd.h"

#define FILE_BYTES_MAX ((off_t)16 * 1024 * 1024)

#define BLANKS " \t\r"

struct reader {
	struct config *config; /* borrowed */
	struct text *why;      /* borrowed */
	FILE *file;
	unsigned line;
	bool is_indented; /* the line just read begins with a blank */
	bool has_failed;
	unsigned failed_line;
	char *key, *value; /* owned; a key whose value may go on; or NULL */
	size_t value_len;
	size_t value_room; /* bytes that value has */
	unsigned key_line;
	bool is_joined; /* the value has several lines */
};

static bool
fail(struct reader *r, unsigned line, const char *text)
{
	r->has_failed = true;
	r->failed_line = line;
	return config_fail(r->config, line, r->why, "%s", text);
}

/* The value is whole. */
static bool
flush_key(struct reader *r)
{
	bool is_good;

	if (r->key == NULL)
		return true;
	is_good = config_set(r->config, r->key, r->value, r->key_line, r->why);
	if (!is_good) {
		r->has_failed = true;
		r->failed_line = r->key_line;
	}
	if (!is_good && r->is_joined && strchr(r->value, '=') != NULL)
		text_add(r->why, " (a line that begins with a blank goes on "
				 "with the value before)");
	free(r->key);
	free(r->value);
	r->key = r->value = NULL;
	return is_good;
}

/* text holds a line; the bytes of a section's name are between the brackets. */
static bool
begin_section(struct reader *r, const char *text)
{
	const char *end = strchr(text, ']');
	const char *rest = end == NULL ? "" : end + 1 + strspn(end + 1, BLANKS);
	char *name;
	bool is_good;

	if (end == NULL)
		return fail(r, r->line, "a [section] without its ]");
	if (*rest != '\0' && *rest != '\n' && *rest != ';' && *rest != '#')
		return fail(
		    r, r->line, "there is more on the line than its [section]");
	name = mem_strdup(text + 1);
	name[end - text - 1] = '\0';
	is_good = config_section(r->config, name, r->line, r->why);
	if (!is_good) {
		r->has_failed = true;
		r->failed_line = r->line;
	}
	free(name);
	return is_good;
}

/* One line of at most room - 1 bytes; false at the end and after an error. */
static bool
read_line(struct reader *r, char *buf, size_t room)
{
	size_t len = 0;
	int byte = getc_unlocked(r->file);

	if (byte == EOF)
		return false;
	r->line++;
	for (; byte != EOF; byte = getc_unlocked(r->file)) {
		if (byte == '\0')
			return fail(r, r->line, "a NUL byte: this is no text");
		if (len + 1 == room) {
			r->has_failed = true;
			r->failed_line = r->line;
			return config_fail(r->config, r->line, r->why,
			    "a line has more than %zu bytes; a value may go on "
			    "in the next line, which then begins with a blank",
			    room - 2);
		}
		buf[len++] = (char)byte;
		if (byte == '\n')
			break;
	}
	buf[len] = '\0';
	return true;
}

/* The parser's fgets. */
static char *
next_line(char *buf, int room, void *ctx)
{
	struct reader *r = ctx;
	const char *text = buf;

	if (r->has_failed || !read_line(r, buf, (size_t)room))
		return NULL;
	if (r->line == 1 && strncmp(text, "\xEF\xBB\xBF", 3) == 0)
		text += 3;
	r->is_indented = strchr(" \t", *text) != NULL && *text != '\0';
	text += strspn(text, BLANKS);
	if (*text != '[' || (r->is_indented && r->key != NULL))
		return buf;
	return flush_key(r) && begin_section(r, text) ? buf : NULL;
}

static bool
append(struct reader *r, const char *piece)
{
	size_t len = strlen(piece);
	size_t room = r->value_len + len + 2;

	if (room - 1 > CONFIG_VALUE_MAX)
		return fail(r, r->line, "the value is too long");
	if (room > r->value_room) {
		room *= 2;
		r->value = mem_grow(r->value, r->value_room, room, 1);
		r->value_room = room;
	}
	r->value[r->value_len] = ' ';
	memcpy(r->value + r->value_len + 1, piece, len + 1);
	r->value_len += len + 1;
	r->is_joined = true;
	return true;
}

static int
on_key(void *ctx, const char *section, const char *key, const char *value)
{
	struct reader *r = ctx;

	(void)section; /* may be cut; ours is not */
	if (r->has_failed)
		return 0;
	if (r->is_indented && r->key != NULL)
		return append(r, value);
	if (!flush_key(r))
		return 0;
	r->key = mem_strdup(key);
	r->value = mem_strdup(value);
	r->value_len = strlen(value);
	r->value_room = r->value_len + 1;
	r->key_line = r->line;
	r->is_joined = false;
	return 1;
}

static FILE *
open_file(const char *path, struct text *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file = NULL;

	if (fd == -1 || fstat(fd, &st) == -1)
		text_addf(why, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		text_addf(why, "%s: this is no regular file", path);
	else if (st.st_size > FILE_BYTES_MAX)
		text_addf(why, "%s: is larger than 16 MiB", path);
	else if ((file = fdopen(fd, "r")) == NULL)
		text_addf(why, "%s: %s", path, strerror(errno));
	if (file == NULL)
		fd_close(&fd);
	return file;
}

bool
config_file_read(struct config *c, const char *path, struct text *why)
{
	struct reader r = { .config = c, .why = why };
	int first_bad;
	bool is_good;

	r.file = open_file(path, why);
	if (r.file == NULL)
		return false;
	first_bad = ini_parse_stream(next_line, &r, on_key, &r);
	is_good = !r.has_failed && flush_key(&r);
	if (first_bad > 0 &&
	    (!r.has_failed || (unsigned)first_bad < r.failed_line)) {
		text_init(why, why->buf, why->cap);
		is_good = fail(&r, (unsigned)first_bad,
		    "this is neither [section] nor KEY = VALUE");
	} else if (is_good && ferror(r.file)) {
		is_good = fail(&r, r.line + 1, strerror(errno));
	}
	free(r.key);
	free(r.value);
	(void)fclose(r.file);
	return is_good;
}
