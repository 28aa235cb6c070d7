#ifndef QORB_IO_CONFIG_FILE_H
#define QORB_IO_CONFIG_FILE_H

/*
 * Reads the configuration file: INI, with these rules.
 *
 *	[section] stands at the beginning of its line.
 *	; or # at the beginning of a line, and a ; after a blank, begin a
 *	comment.
 *	A line that begins with a blank, after a key, goes on with its value:
 *the pieces are put together with a blank between.
 *
 * Nothing is passed over in silence: a line too long for the parser, a byte
 * that cannot be, anything after a section's ], a section or key that is
 * unknown or there twice are errors that name file and line.
 */

#include "core/config.h"

/* Adds what the file says; config_check is for the caller. False: why says
 * what is wrong, after FILE:LINE:. */
bool config_file_read(
    struct config *c, const char *path, struct text *why) MUST_CHECK;

#endif
