#ifndef QORB_CLIENT_H
#define QORB_CLIENT_H

/*
 * The client's side of the qorb line protocol (qorb-protocol(7)), for programs
 * in C and C++. Installed as <qorb_client.h> with libqorb.a; needs nothing but
 * libc.
 *
 * One struct qorb_client is one connection to the daemon, for one thread at a
 * time. It never starts a thread, never installs a signal handler, never
 * prints, and raises no SIGPIPE. It can be driven in two ways, also mixed:
 *
 *  - from an event loop: poll qorb_client_fd for reading, and for writing
 *    while qorb_client_wants_write; call qorb_client_on_readable and
 *    _on_writable; then take replies with qorb_client_next until there is
 *    none. Requests are queued by qorb_client_send.
 *  - by blocking calls with a deadline: qorb_claim, qorb_call.
 *
 * Descriptors: the k-th `ok claim=` line belongs to the k-th descriptor that
 * came on this connection. The library matches them: reply->fd of such a line
 * is the socket, owned by the caller from then on (blocking, close-on-exec).
 * Descriptors that nobody took are closed. When the kernel had to drop a
 * descriptor (the process is out of them), the reply's fd is -1 and the
 * library has already sent `release ID broken` for it.
 *
 * Errors: a function that fails returns false and qorb_client_error says why
 * in one line. A request that cannot be sent as it is (a bad tag, too long)
 * leaves the connection up. Once the connection is lost, qorb_client_is_up is
 * false and every request fails, but qorb_client_next still gives what the
 * daemon had said before.
 *
 * Limits: a line has 4096 bytes; 16 MiB of requests may be queued, and 16 MiB
 * of replies put aside by blocking calls. Tags that begin with "_q" are the
 * library's own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct qorb_client;

/* Longest name of a backend and address in a grant, with its NUL. */
#define QORB_NAME_BYTES 320
#define QORB_ADDR_BYTES 112

/* A connection lent to us. */
struct qorb_grant {
	uint64_t claim;		       /* for qorb_release */
	uint64_t slot;		       /* for people */
	int fd;			       /* owned by the caller; close it before
					* or after releasing, in either order */
	char backend[QORB_NAME_BYTES]; /* TARGET:PORT */
	char addr[QORB_ADDR_BYTES];    /* [::1]:6001 */
};

/* What a claim may ask for; a zeroed one asks for nothing special. */
struct qorb_claim_options {
	const char *wait;    /* a duration ("250ms"), NULL for the pool's own */
	const char *lease;   /* a duration, NULL for the pool's own */
	const char *backend; /* this backend alone */
	const char *key;     /* the same backend for the same key */
};

/* An argument of a reply or request: key NULL for a bare word. */
struct qorb_arg {
	const char *key;
	const char *value;
};

enum qorb_reply_kind {
	QORB_ROW,
	QORB_OK,
	QORB_ERROR,
};

/* One line from the daemon. Its strings last until the next qorb_client_next,
 * qorb_client_on_readable or blocking call on the same client; sending leaves
 * them alone. */
struct qorb_reply {
	enum qorb_reply_kind kind;
	const char *tag;     /* NULL when the request had none */
	const char *code;    /* of an error, else NULL */
	const char *message; /* of an error ("" when the daemon gave none) */
	size_t argc;	     /* of a row or ok */
	const struct qorb_arg *args;
	int fd; /* the socket of an `ok claim=`, else -1; owned by the caller */
};

/* Connects to the daemon's socket; NULL path is the default one
 * (qorb-protocol(7)). A new client in any case but when memory is short
 * (NULL): look at qorb_client_is_up, and at qorb_client_error when it is not.
 * Waits at most 5 s for a daemon that does not accept. */
struct qorb_client *qorb_client_new(const char *path);

/* A client on a Unix stream socket that is already connected to a daemon (from
 * socketpair, or a container's parent). It owns fd from now on, also when it
 * gives NULL for want of memory. */
struct qorb_client *qorb_client_adopt(int fd);

/* Closes the connection (held claims end as broken) and clears *client.
 * Descriptors not yet taken are closed; those taken are the caller's. */
void qorb_client_free(struct qorb_client **client);

bool qorb_client_is_up(const struct qorb_client *client);

/* Why the last function failed, in one line without the program's name; ""
 * when nothing has. After an error reply to a blocking call: its message. */
const char *qorb_client_error(const struct qorb_client *client);

/* The code of the error reply that made the last blocking call fail, or that
 * the daemon gave for closing the connection; NULL when it was none of them
 * (connection lost, time out). */
const char *qorb_client_code(const struct qorb_client *client);

/* The path that it connects to; "" for an adopted one. */
const char *qorb_client_path(const struct qorb_client *client);

/* For polling; stays the same and open until qorb_client_free. -1 when the
 * connection could not be made. */
int qorb_client_fd(const struct qorb_client *client);
bool qorb_client_wants_write(const struct qorb_client *client);

/* Bytes queued and not yet taken by the kernel. */
size_t qorb_client_queued(const struct qorb_client *client);

/* Move bytes; never block, and may leave some for the next call (poll tells
 * again; do not use edges). Take all replies between two calls of on_readable.
 * False when the connection is lost. */
bool qorb_client_on_readable(struct qorb_client *client);
bool qorb_client_on_writable(struct qorb_client *client);

/* Queues one request line: tag (NULL for none), verb, then count words; each
 * word is encoded as the protocol asks, but for its first '=' which stays as
 * the sign between key and value. Sends what the kernel takes at once unless
 * qorb_client_cork is on. */
bool qorb_client_send(struct qorb_client *client, const char *tag,
    const char *verb, const char *const *words, size_t count);

/* The same with arguments whose keys stand by themselves: a bare word may then
 * hold a '=', as names of backends do that come from others. */
bool qorb_client_send_args(struct qorb_client *client, const char *tag,
    const char *verb, const struct qorb_arg *args, size_t count);

/* While corked, requests are only queued: one write for many, by
 * qorb_client_on_writable or by uncorking. */
void qorb_client_cork(struct qorb_client *client, bool on);

/* The next reply that has been read; false when there is none yet. */
bool qorb_client_next(struct qorb_client *client, struct qorb_reply *reply);

/* The value of a key in a reply, or NULL. */
const char *qorb_reply_get(const struct qorb_reply *reply, const char *key);

/* The value as a number; false when the key is missing or no whole number. */
bool qorb_reply_number(
    const struct qorb_reply *reply, const char *key, uint64_t *n);

/* Fills a grant from an `ok claim=` reply; false when it is not one or has no
 * descriptor. The grant then owns the descriptor. */
bool qorb_reply_grant(const struct qorb_reply *reply, struct qorb_grant *grant);

/*
 * Blocking calls. Each sends one request with a tag of its own and waits for
 * its end at most timeout_ms (-1: as long as it takes). Replies to other
 * requests that come meanwhile are kept for qorb_client_next. A signal does
 * not end them.
 */

/* A request and what to do with its answer. */
struct qorb_request {
	const char *verb;	  /* any but watch and events, that never end */
	const char *const *words; /* as for qorb_client_send */
	size_t count;
	int timeout_ms;
	/* Called for each row and for the ok, in this order; may be NULL. It
	 * may send, but not take replies nor make blocking calls. */
	void (*each)(void *ctx, const struct qorb_reply *reply);
	void *ctx;
};

/* Runs a request to its end. True for `ok`; false for an error reply
 * (qorb_client_code, qorb_client_error), a lost connection or a time out. */
bool qorb_call(struct qorb_client *client, const struct qorb_request *request);

/* Claims a connection from a pool. options may be NULL. A claim that is not
 * answered in time is cancelled, so nothing is left behind. */
bool qorb_claim(struct qorb_client *client, const char *pool,
    const struct qorb_claim_options *options, struct qorb_grant *grant,
    int timeout_ms);

/* Gives a claim back; neither waits nor blocks, and its answer never shows up
 * in qorb_client_next. is_broken: the connection cannot be used again. Does
 * not close the grant's descriptor. */
bool qorb_release(struct qorb_client *client, uint64_t claim, bool is_broken);

#ifdef __cplusplus
}
#endif

#endif
