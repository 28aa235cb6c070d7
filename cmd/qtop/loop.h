#ifndef QTOP_LOOP_H
#define QTOP_LOOP_H

/*
 * The event loop of qtop: descriptors, timers and signals on the loop that
 * libwebsockets brings, since that of Debian cannot live in another one. There
 * is one loop, for one thread; what is made for it is freed before it.
 *
 * Callbacks may free anything but the loop, themselves included.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

struct loop;
struct loop_fd;
struct loop_timer;
struct lws;
struct lws_context;

/* A WebSocket of this loop: its connection's opaque user data points to one.
 * The reason and bytes are those of libwebsockets; not 0 closes it. */
struct loop_socket {
	int (*on_event)(
	    void *ctx, struct lws *wsi, int reason, void *in, size_t len);
	void *ctx;
};
#define LOOP_SOCKET_PROTOCOL "qtop"

/* NULL with errno when there is no room for one. */
struct loop *loop_new(void) MUST_CHECK;
void loop_free(struct loop **loop);

/* Until loop_stop; false when the loop failed. */
bool loop_run(struct loop *loop) MUST_CHECK;
void loop_stop(struct loop *loop);
bool loop_is_stopped(const struct loop *loop);

/* Calls back for each of these signals from the loop, until loop_free puts
 * back what they did before. Once a loop. */
void loop_catch(struct loop *loop, const int *signals, size_t count,
    void (*on_signal)(void *ctx, int number), void *ctx);

/* Calls back whenever the descriptor has something to read (its end too), and
 * once for each loop_fd_want_write when it can be written. It is borrowed and
 * its mode is put back at loop_fd_free. When the other end is gone there is
 * one last call, and from then on it is gone. */
struct loop_fd *loop_fd_new(struct loop *loop, int fd,
    void (*on_ready)(void *ctx, bool can_read, bool can_write),
    void *ctx) MUST_CHECK;
void loop_fd_want_write(struct loop_fd *fd);
bool loop_fd_is_gone(const struct loop_fd *fd);
void loop_fd_free(struct loop_fd **fd);

/* A timer that is not running; loop_timer_start sets it anew. */
struct loop_timer *loop_timer_new(
    struct loop *loop, void (*on_time)(void *ctx), void *ctx) MUST_CHECK;
void loop_timer_start(struct loop_timer *timer, uint64_t span_us);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer **timer);

/* For what connects WebSockets. */
struct lws_context *loop_context(const struct loop *loop);

#endif
