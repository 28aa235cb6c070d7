/* The daemon and the turns of its loop; see daemon.h. */

#include "daemon.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "client.h"
#include "io/log.h"
#include "reload.h"
#include "io/state_file.h"
#include "service.h"
#include "web.h"

/* Descriptors that the daemon needs beside slots and clients: listener, DNS,
 * log, a few more. */
#define FDS_BESIDE 64

/* Clients that are always served, however few descriptors there are. */
#define CLIENTS_LEAST 16

static void on_stop_timer(evutil_socket_t fd, short what, void *ctx);

static void
on_signal(evutil_socket_t number, short what, void *ctx)
{
	struct daemon *d = ctx;

	(void)what;
	log_write(LOG_INFO, NULL, NULL, "%s: stopping", strsignal(number));
	daemon_stop(d, d->is_stopping ? 0 : GRACE_US);
}

static void
on_hangup(evutil_socket_t number, short what, void *ctx)
{
	struct daemon *d = ctx;
	char buf[1024];
	struct text why;

	(void)number;
	(void)what;
	text_init(&why, buf, sizeof(buf));
	if (!d->is_stopping && !reload(d, &why))
		log_write(LOG_ERROR, NULL, NULL,
		    "the configuration stays as it is: %s", buf);
}

/* The services that there are, and those that are leaving. */
static void
each_service(struct daemon *d, void (*what)(struct service *s))
{
	struct list_node *n = list_first(&d->leaving);

	for (size_t i = 0; i < d->service_count; i++)
		what(d->services[i]);
	for (; n != NULL; n = list_after(&d->leaving, n))
		what(CONTAINER_OF(n, struct service, leaving));
}

/* Clients that have ended and can be freed; all of them when the end has come.
 */
static void
look_at_unread(struct daemon *d, bool is_end)
{
	struct list_node *n = list_first(&d->unread);

	while (n != NULL) {
		struct client *c = CONTAINER_OF(n, struct client, gone);

		n = list_after(&d->unread, n);
		client_look_at_unread(c, is_end);
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct list_node *n = list_first(&d->clients);

	(void)fd;
	(void)what;
	while (n != NULL) {
		struct client *c = CONTAINER_OF(n, struct client, link);

		n = list_after(&d->clients, n);
		client_sweep(c);
	}
	look_at_unread(d, false);
	each_service(d, service_look_at_lent);
}

static void
watch_signals(struct daemon *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	struct timeval second = { 1, 0 };

	_Static_assert(
	    ARRAY_LEN(numbers) == ARRAY_LEN(((struct daemon *)0)->signals),
	    "an event a signal");
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		d->signals[i] = evsignal_new(d->base, numbers[i],
		    numbers[i] == SIGHUP ? on_hangup : on_signal, d);
		ASSERT(d->signals[i] != NULL);
		(void)event_add(d->signals[i], NULL);
	}
	d->sweep = event_new(d->base, -1, EV_PERSIST, on_sweep, d);
	d->stop_timer = evtimer_new(d->base, on_stop_timer, d);
	ASSERT(d->sweep != NULL && d->stop_timer != NULL);
	(void)event_add(d->sweep, &second);
}

static uint64_t
claims_of(const struct policy *p)
{
	return (uint64_t)p->max_slots + p->max_waiting;
}

static void
reserve_claims(struct daemon *d, uint64_t room)
{
	if (room > UINT32_MAX / 4)
		room = UINT32_MAX / 4;
	claim_table_reserve(d->claims, (uint32_t)room);
	arena_reserve(&d->tickets, (uint32_t)room + 1);
}

void
daemon_reserve_claims(struct daemon *d, const struct service *changed,
    const struct policy *policy)
{
	/* Those that wait and are held now may be more than the new policy
	 * allows; they do not count against its room. */
	uint64_t room = claims_of(policy) + claim_table_taken(d->claims);
	struct list_node *n = list_first(&d->leaving);

	for (size_t i = 0; i < d->service_count; i++) {
		if (d->services[i] != changed)
			room += claims_of(pool_policy(d->services[i]->pool));
	}
	for (; n != NULL; n = list_after(&d->leaving, n))
		room += claims_of(pool_policy(
		    CONTAINER_OF(n, struct service, leaving)->pool));
	reserve_claims(d, room);
}

/* Descriptors that are for slots and for the daemon itself, whatever clients
 * there are. */
static uint64_t
reserved_fds(const struct daemon *d)
{
	uint64_t count = FDS_BESIDE;

	for (size_t i = 0; i < d->service_count; i++)
		count += pool_policy(d->services[i]->pool)->max_slots;
	return count;
}

static void
check_limits(struct daemon *d)
{
	uint64_t needed = reserved_fds(d) + CLIENTS_LEAST;

	if (needed > d->fd_limit)
		log_write(LOG_WARN, NULL, NULL,
		    "this process may have %llu descriptors, but max-slots "
		    "lets it need %llu: raise its limit (ulimit -n) or lower "
		    "max-slots",
		    (unsigned long long)d->fd_limit,
		    (unsigned long long)needed);
}

/* Is a descriptor left for one more client, beside those in reserve? */
static bool
may_accept(void *ctx)
{
	const struct daemon *d = ctx;
	uint64_t clients = d->clients.count + d->unread.count;

	return clients < CLIENTS_LEAST ||
	       clients + reserved_fds(d) < d->fd_limit;
}

static void
set_log_level(const struct config *c)
{
	enum log_level level;

	if (log_level_parse(c->log_level, &level))
		log_set_level(level);
}

void
daemon_apply(struct daemon *d)
{
	set_log_level(d->config);
	if (d->service_count > 0)
		daemon_reserve_claims(
		    d, d->services[0], pool_policy(d->services[0]->pool));
	listener_set_mode(&d->listener, (mode_t)d->config->socket_mode);
	check_limits(d);
	web_set(d->web, &d->config->web, d->config->log_level);
}

/* Frees what has left; all of them when the end has come. */
static void
free_leaving(struct daemon *d, bool is_end)
{
	struct list_node *n = list_first(&d->leaving);

	while (n != NULL) {
		struct service *s = CONTAINER_OF(n, struct service, leaving);

		n = list_after(&d->leaving, n);
		if (!is_end && !pool_is_empty(s->pool))
			continue;
		list_remove(&d->leaving, &s->leaving);
		service_free(&s);
	}
}

void
daemon_let_go(struct daemon *d, struct service *s)
{
	client_end_streams(d, s);
	client_end_resolves(d, s, ERR_TERMINATED, NULL);
	s->config = NULL;
	list_push_back(&d->leaving, &s->leaving);
	service_stop(s);
}

struct daemon *
daemon_new(
    const struct settings *settings, struct config *config, struct text *why)
{
	struct daemon *d = mem_new(1, sizeof(*d));
	uint64_t claims = 0;

	d->settings = settings;
	d->config = config;
	set_log_level(config);
	d->listener.fd = -1;
	list_init(&d->clients);
	list_init(&d->users);
	list_init(&d->dirty);
	list_init(&d->gone);
	list_init(&d->unread);
	list_init(&d->leaving);
	list_init(&d->subscribers);
	for (size_t i = 0; i < ARRAY_LEN(d->pending); i++)
		list_init(&d->pending[i]);
	d->base = event_base_new();
	if (d->base == NULL) {
		text_add(why, "cannot make an event loop");
		config_free(&d->config);
		free(d);
		return NULL;
	}
	/* Connections come first; see conn.c. */
	(void)event_base_priority_init(d->base, 2);
	d->fd_limit = fd_raise_limit();
	d->states = state_files_new(d->base);
	d->web = web_new(d->base, d->listener.path);
	d->claims = claim_table_new(1);
	arena_init(&d->tickets, sizeof(struct ticket));
	for (size_t i = 0; i < config->pool_count; i++)
		claims += claims_of(&config->pools[i].policy);
	reserve_claims(d, claims);
	watch_signals(d);
	d->listener.accepted = daemon_accept;
	d->listener.may_accept = may_accept;
	d->listener.ctx = d;
	if (!listener_open(&d->listener, d->base, config->socket,
		(mode_t)config->socket_mode, why)) {
		daemon_free(&d);
		return NULL;
	}
	d->services = mem_new(config->pool_count, sizeof(struct service *));
	for (size_t i = 0; i < config->pool_count; i++) {
		struct service *s = service_new(d, &config->pools[i], why);

		if (s == NULL) {
			daemon_free(&d);
			return NULL;
		}
		d->services[d->service_count++] = s;
	}
	check_limits(d);
	log_write(LOG_INFO, NULL, NULL, "ready on %s", config->socket);
	web_set(d->web, &config->web, config->log_level);
	return d;
}

static void
end_clients(struct daemon *d)
{
	struct list_node *n;

	while ((n = list_first(&d->clients)) != NULL)
		client_end(CONTAINER_OF(n, struct client, link));
}

/* One that leaves fewer unread is not to blame: those who are have ended, or
 * the descriptors are other daemons' of the same user. */
#define IN_FLIGHT_BLAME 4

/* To look for one costs a look at each. */
#define IN_FLIGHT_BLAME_US (100 * US_PER_MS)

void
daemon_free_in_flight(struct daemon *d)
{
	struct list_node *n = list_first(&d->clients);
	struct client *most = NULL;

	if (clock_us() < d->blamed_at_us + IN_FLIGHT_BLAME_US)
		return;
	d->blamed_at_us = clock_us();
	for (; n != NULL; n = list_after(&d->clients, n)) {
		struct client *c = CONTAINER_OF(n, struct client, link);

		client_look(c);
		if (most == NULL || c->in_flight > most->in_flight)
			most = c;
	}
	if (most != NULL && most->in_flight >= IN_FLIGHT_BLAME)
		client_end_slow(most, "it leaves connections unread, and the "
				      "kernel takes no more (ulimit -n)");
}

/* Clients and descriptors that nothing refers to any more. */
static void
clear_away(struct daemon *d)
{
	struct list_node *n;

	while ((n = list_first(&d->gone)) != NULL) {
		list_remove(&d->gone, n);
		client_free(CONTAINER_OF(n, struct client, gone));
	}
	while (d->closing_count > 0)
		fd_close(&d->closing[--d->closing_count]);
}

static void
free_events(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->signals); i++) {
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	}
	if (d->sweep != NULL)
		event_free(d->sweep);
	if (d->stop_timer != NULL)
		event_free(d->stop_timer);
	event_base_free(d->base);
}

void
daemon_free(struct daemon **daemon)
{
	struct daemon *d = *daemon;

	if (d == NULL)
		return;
	*daemon = NULL;
	web_free(&d->web);
	listener_close(&d->listener);
	end_clients(d);
	look_at_unread(d, true);
	for (size_t i = 0; i < d->service_count; i++) {
		service_stop(d->services[i]);
		service_free(&d->services[i]);
	}
	free_leaving(d, true);
	clear_away(d);
	state_files_free(&d->states);
	free(d->services);
	free(d->closing);
	claim_table_free(&d->claims);
	arena_fini(&d->tickets);
	free_events(d);
	config_free(&d->config);
	free(d);
}

struct service *
daemon_service(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->service_count; i++) {
		if (strcmp(pool_name(d->services[i]->pool), name) == 0)
			return d->services[i];
	}
	return NULL;
}

void
daemon_close_later(struct daemon *d, int fd)
{
	if (fd == -1)
		return;
	if (d->closing_count == d->closing_room) {
		size_t room = d->closing_room == 0 ? 64 : 2 * d->closing_room;

		d->closing = mem_grow(
		    d->closing, d->closing_room, room, sizeof(d->closing[0]));
		d->closing_room = room;
	}
	d->closing[d->closing_count++] = fd;
}

/* Why one more client of this user is too many; NULL when it is not. */
static const char *
refuse_client(const struct daemon *d, const struct peer *peer)
{
	const struct config_limits *most = &d->config->limits;

	if (d->served >= most->max_clients)
		return "the daemon has as many clients as it takes "
		       "(max-clients); try later";
	if (users_clients(&d->users, peer->uid) >= most->max_clients_per_user)
		return "this user has as many clients as they may "
		       "(max-clients-per-user)";
	return NULL;
}

void
daemon_accept(void *ctx, int fd)
{
	struct daemon *d = ctx;
	const char *why;
	struct client *c;
	struct peer peer;

	if (!peer_of(fd, &peer)) {
		fd_close(&fd);
		return;
	}
	why = refuse_client(d, &peer);
	if (why != NULL &&
	    d->clients.count + d->unread.count - d->served >= REFUSED_MAX) {
		fd_close(&fd);
		return;
	}
	if (why == NULL)
		peer_get_groups(fd, &peer);
	c = client_new(d, fd, &peer, why != NULL);
	if (why != NULL)
		client_refuse(c, NULL, ERR_TOO_MANY_CLIENTS, why);
}

/* The loop wakes when held claims have had their time; what then is to be done
 * is daemon_run's. */
static void
on_stop_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
}

static void
arm_stop_timer(struct daemon *d)
{
	uint64_t now = clock_us(), left;
	struct timeval tv;

	if (d->stop_at_us == NEVER)
		return;
	left = d->stop_at_us > now ? d->stop_at_us - now : 0;
	tv.tv_sec = (time_t)(left / US_PER_S);
	tv.tv_usec = (suseconds_t)(left % US_PER_S);
	(void)event_add(d->stop_timer, &tv);
}

void
daemon_stop(struct daemon *d, uint64_t grace_us)
{
	uint64_t at = time_after(clock_us(), grace_us);

	if (!d->is_stopping) {
		d->is_stopping = true;
		d->stop_at_us = at;
		web_let_end(d->web);
		client_end_resolves(d, NULL, ERR_TERMINATED, NULL);
		for (size_t i = 0; i < d->service_count; i++)
			service_stop(d->services[i]);
	}
	if (at < d->stop_at_us)
		d->stop_at_us = at;
	arm_stop_timer(d);
}

/* Sends each client what is for it; sending may make more to be sent. */
static void
flush_clients(struct daemon *d)
{
	struct list_node *n;

	while ((n = list_first(&d->dirty)) != NULL) {
		struct client *c = CONTAINER_OF(n, struct client, dirty);

		list_remove(&d->dirty, n);
		client_flush(c);
	}
}

/* Sending makes work for the pools again: claims of clients that turn out to be
 * gone, lines that were kept back while answers lay unread. */
static void
settle(struct daemon *d)
{
	each_service(d, service_settle);
	while (d->dirty.count > 0) {
		flush_clients(d);
		each_service(d, service_settle);
	}
	each_service(d, service_end_turn);
	free_leaving(d, false);
	clear_away(d);
}

static bool
is_over(const struct daemon *d)
{
	if (!d->is_stopping)
		return false;
	for (size_t i = 0; i < d->service_count; i++) {
		if (!pool_is_empty(d->services[i]->pool))
			return clock_us() >= d->stop_at_us;
	}
	return d->leaving.count == 0 || clock_us() >= d->stop_at_us;
}

int
daemon_run(struct daemon *d)
{
	settle(d);
	while (!is_over(d)) {
		d->is_watched_known = false;
		if (event_base_loop(d->base, EVLOOP_ONCE) == -1) {
			log_write(
			    LOG_ERROR, NULL, NULL, "the event loop fails");
			return 1;
		}
		settle(d);
	}
	each_service(d, service_abandon);
	settle(d);
	log_write(LOG_INFO, NULL, NULL, "stopped");
	return d->status;
}
