/* The configuration read again; see reload.h. */

#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "io/log.h"
#include "service.h"

struct plan {
	struct daemon *daemon;	   /* borrowed */
	struct config *config;	   /* owned until it is in force */
	struct service **services; /* owned; by pool of config */
	size_t count;
	size_t made; /* of them, new ones */
};

/* The service that goes on as this pool; NULL when there is none. */
static struct service *
kept_service(const struct daemon *d, const struct config_pool *cp)
{
	struct service *s = daemon_service(d, cp->name);

	return s != NULL && connector_same(s->connector, cp->connector) ? s
									: NULL;
}

static bool
is_new(const struct plan *p, const struct service *s)
{
	for (size_t i = 0; i < p->daemon->service_count; i++) {
		if (p->daemon->services[i] == s)
			return false;
	}
	return true;
}

static bool
is_kept(const struct plan *p, const struct service *s)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->services[i] == s)
			return true;
	}
	return false;
}

static void
give_up(struct plan *p)
{
	for (size_t i = 0; i < p->count; i++) {
		if (is_new(p, p->services[i])) {
			service_stop(p->services[i]);
			service_free(&p->services[i]);
		} else {
			service_unprepare(p->services[i]);
		}
	}
	free(p->services);
	config_free(&p->config);
}

/* All that can fail. */
static bool
prepare(struct plan *p, struct text *why)
{
	struct config *c = p->config;

	p->services = mem_new(c->pool_count, sizeof(p->services[0]));
	for (size_t i = 0; i < c->pool_count; i++) {
		const struct config_pool *cp = &c->pools[i];
		struct service *s = kept_service(p->daemon, cp);
		bool is_good = true;

		if (s != NULL) {
			is_good = service_prepare(s, cp, why);
		} else {
			s = service_new(p->daemon, cp, why);
			is_good = s != NULL;
			p->made += is_good;
		}
		if (s != NULL)
			p->services[p->count++] = s;
		if (!is_good)
			return false;
	}
	return true;
}

static bool
is_same_socket(const struct daemon *d, const struct config *c, struct text *why)
{
	if (strcmp(d->config->socket, c->socket) == 0)
		return true;
	return config_fail(c, c->socket_line, why,
	    "socket: it cannot change while the daemon runs: stop it and start "
	    "it again");
}

/* Nothing here can fail. */
static void
carry_out(struct plan *p)
{
	struct daemon *d = p->daemon;
	size_t gone = 0, changed = 0;

	for (size_t i = 0; i < d->service_count; i++) {
		if (is_kept(p, d->services[i]))
			continue;
		daemon_let_go(d, d->services[i]);
		gone++;
	}
	for (size_t i = 0; i < p->count; i++) {
		if (!is_new(p, p->services[i]))
			changed += service_reconfigure(
			    p->services[i], &p->config->pools[i]);
	}
	free(d->services);
	d->services = p->services;
	d->service_count = p->count;
	config_free(&d->config);
	d->config = p->config;
	daemon_apply(d);
	log_write(LOG_INFO, NULL, NULL,
	    "configuration read again: %zu pools, %zu new, %zu changed, %zu "
	    "gone",
	    p->count, p->made, changed, gone);
}

bool
reload(struct daemon *d, struct text *why)
{
	struct plan p = { .daemon = d };

	if (d->settings->file == NULL) {
		text_add(why, "there is no configuration file: the daemon was "
			      "started without --config");
		return false;
	}
	p.config = settings_read(d->settings, why, NULL);
	if (p.config == NULL)
		return false;
	if (!is_same_socket(d, p.config, why) || !prepare(&p, why)) {
		give_up(&p);
		return false;
	}
	carry_out(&p);
	return true;
}
