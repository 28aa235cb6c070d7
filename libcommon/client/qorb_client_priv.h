#ifndef QORB_CLIENT_PRIV_H
#define QORB_CLIENT_PRIV_H

/*
 * Inside of a client, shared by qorb_client.c (the connection),
 * qorb_request.c (requests out), qorb_reply.c (replies in) and qorb_call.c
 * (blocking calls and the replies that they put aside). Nobody else includes
 * this.
 */

#include "client/qorb_client.h"
#include "client/qorb_fds.h"
#include "core/addr.h"
#include "core/line.h"

/* Room for an error in one line, and for a code of the protocol. */
#define QORB_ERROR_BYTES 512
#define QORB_CODE_BYTES	 40

/* What is read at once, and so what may wait to be taken as replies. */
#define QORB_IN_BYTES 65536

/* Limits on requests queued and on replies put aside. */
#define QORB_OUT_MAX  (16u << 20)
#define QORB_KEPT_MAX (16u << 20)

/* Tags of our own: this and a number. Number 0 is for requests whose answer
 * nobody waits for; the others are for one blocking call each. */
#define QORB_OWN_PREFIX "_q"
#define QORB_DROP_TAG	"_q0"
#define QORB_TAG_BYTES	(LINE_MAX_TAG + 1)

/* A reply put aside by a blocking call that waits for another. */
struct qorb_kept {
	struct qorb_kept *next;
	int fd; /* owned; -1 for none */
	size_t len;
	char line[]; /* as it came, len bytes and a NUL */
};

struct qorb_client {
	int fd; /* owned; -1 when connecting failed */
	char path[ADDR_PATH_BYTES];
	bool is_up;
	bool is_corked;
	bool has_unread; /* lost while sending: the daemon's last words may
			  * still be there to be read */
	char error[QORB_ERROR_BYTES];
	char code[QORB_CODE_BYTES]; /* "" for none */

	struct line_in in;
	uint64_t in_bytes; /* read so far */
	struct qorb_fds fds;
	struct reply parsed;		     /* of the line last taken */
	struct qorb_arg args[LINE_MAX_ARGS]; /* the same for the caller */

	char *out; /* owned, out_cap bytes; requests from out_head to tail */
	size_t out_cap;
	size_t out_head;
	size_t out_tail;

	uint64_t calls; /* blocking calls made, for their tags */
	struct qorb_kept *kept_first;
	struct qorb_kept *kept_last;
	struct qorb_kept *served; /* lent out by qorb_client_next */
	size_t kept_bytes;
};

/* A line as it came, before it is taken apart. */
struct qorb_line {
	char *text; /* borrowed from the reader */
	size_t len;
	uint64_t position;
};

/* Says what is wrong, and nothing more; false. */
bool qorb_client_fail(struct qorb_client *client, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* The connection is lost; the first reason stays. False. */
bool qorb_client_lose(struct qorb_client *client, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* As qorb_client_send, also with our own tags. */
bool qorb_client_request(struct qorb_client *client, const char *tag,
    const char *verb, const char *const *words, size_t count);

/* The next line that has been read, whoever it is for. */
bool qorb_client_next_line(struct qorb_client *client, struct qorb_line *line);

/* Takes a line apart in place; false when it is no reply, and the connection
 * is lost. */
bool qorb_client_view(struct qorb_client *client, struct qorb_line *line,
    struct qorb_reply *reply);

/* The same for a line that is seen the first time: also finds its descriptor
 * and notices a daemon that is about to close the connection. Once for each
 * line, in their order. */
bool qorb_client_parse(struct qorb_client *client, struct qorb_line *line,
    struct qorb_reply *reply);

/* Is this tag (NULL for none) one of ours? */
bool qorb_client_is_own(const char *tag);

/* A reply to a request of ours that nobody waits for (any more): a connection
 * claimed too late goes back. */
void qorb_client_drop(
    struct qorb_client *client, const struct qorb_reply *reply);

/* The first reply put aside; false when there is none. */
bool qorb_kept_next(struct qorb_client *client, struct qorb_reply *reply);
void qorb_kept_fini(struct qorb_client *client);

#endif
