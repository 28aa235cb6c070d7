#ifndef QORB_IO_STATE_FILE_H
#define QORB_IO_STATE_FILE_H

/*
 * Files that keep the last good set of pools over a restart (core/saved.h). A
 * file belongs to one process at a time, by a lock on the file itself that
 * moves on to the new one before it takes the old one's name. Written by
 * rename a moment after the last change, and when it is put back; it is on the
 * disk before it has its name. One that was removed is written again when
 * something is saved, unless another process has made its own there. Several
 * pools of one process may share a file.
 *
 * A damaged file, or an empty one that was there before us, is logged and
 * counts as empty; so do sets of pools that nobody has asked for, when it is
 * written the next time.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/saved.h"
#include "core/text.h"

struct event_base;
struct state_file;
struct state_files;

/* The files in use by this process. base is borrowed and outlives it. */
struct state_files *state_files_new(struct event_base *base) MUST_CHECK;

/* All files must have been put back. */
void state_files_free(struct state_files **files);

/* The file of this path, made when it is not there. NULL: it cannot be used,
 * and why says why. */
struct state_file *state_files_take(
    struct state_files *files, const char *path, struct text *why) MUST_CHECK;

/* Ends the use of a file and clears *file. */
void state_file_put_back(struct state_file **file);

const char *state_file_path(const struct state_file *file);

/* What it holds of a pool, if it is of this service; else NULL. Borrowed until
 * the pool's next state_file_save. */
const struct saved_pool *state_file_find(
    struct state_file *file, const char *pool, const char *service);

/* The last good set of a pool from now on; an empty one is none. Also when it
 * is the same as before: the file may have been removed. */
void state_file_save(struct state_file *file, const char *pool,
    const char *service, const struct backend_spec *specs, size_t count);

#endif
