/* What the daemon is told to do; see settings.h. */

#include "settings.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "client/socket_path.h"
#include "io/config_file.h"

void
settings_fini(struct settings *s)
{
	free(s->dns.words);
	free(s->sets.words);
	free(s->pools.words);
	memset(s, 0, sizeof(*s));
}

void
settings_add(struct settings_words *w, const char *word)
{
	w->words =
	    mem_grow(w->words, w->count, w->count + 1, sizeof(w->words[0]));
	w->words[w->count++] = word;
}

/* All --dns together are one list. */
static bool
set_dns(struct config *c, const struct settings_words *dns, struct text *why)
{
	size_t room = 1;
	char *list;
	bool is_good;
	struct text t;

	for (size_t i = 0; i < dns->count; i++)
		room += strlen(dns->words[i]) + 1;
	list = mem_new(room, 1);
	text_init(&t, list, room);
	for (size_t i = 0; i < dns->count; i++) {
		if (i > 0)
			text_add_char(&t, ',');
		text_add(&t, dns->words[i]);
	}
	is_good = dns->count == 0 || config_set(c, "dns", list, 0, why);
	free(list);
	return is_good;
}

static bool
take_daemon(struct config *c, const struct settings *s, struct text *why)
{
	if (!config_section(c, "daemon", 0, why))
		return false;
	if (s->socket != NULL && !config_set(c, "socket", s->socket, 0, why))
		return false;
	if (s->log_level != NULL &&
	    !config_set(c, "log-level", s->log_level, 0, why))
		return false;
	if (s->web != NULL && !config_set(c, "web", s->web, 0, why))
		return false;
	return set_dns(c, &s->dns, why);
}

static bool
take_pools(struct config *c, const struct settings *s, struct text *why)
{
	for (size_t i = 0; i < s->pools.count; i++) {
		if (!config_add_pool(c, s->pools.words[i], why))
			return false;
		for (size_t j = 0; j < s->sets.count; j++) {
			if (!config_set_pair(c, s->sets.words[j], why))
				return false;
		}
	}
	if (s->pools.count == 0 && s->sets.count > 0)
		return config_fail(c, 0, why,
		    "--set: it is for pools of the command line, and none is "
		    "named there");
	return true;
}

static bool
find_principal(
    const struct config *c, struct config_principal *p, struct text *why)
{
	const struct passwd *user;
	const struct group *group;

	if (p->has_id || p->name == NULL)
		return true;
	if (p->is_group && (group = getgrnam(p->name)) != NULL) {
		p->id = (uint32_t)group->gr_gid;
		p->has_id = true;
	} else if (!p->is_group && (user = getpwnam(p->name)) != NULL) {
		p->id = (uint32_t)user->pw_uid;
		p->has_id = true;
	} else {
		(void)config_fail(c, p->line, why,
		    "'%.200s': no %s has this name on this host", p->name,
		    p->is_group ? "group" : "user");
	}
	return p->has_id;
}

static bool
find_principals(struct config *c, struct text *why)
{
	if (!find_principal(c, &c->admin_group, why))
		return false;
	for (size_t i = 0; i < c->pool_count; i++) {
		struct config_pool *p = &c->pools[i];

		for (size_t j = 0; j < p->allow_count; j++) {
			if (!find_principal(c, &p->allow[j], why))
				return false;
		}
	}
	return true;
}

static bool
check_whole(struct config *c, struct text *why)
{
	if (!config_check(c, why) || !find_principals(c, why))
		return false;
	if (c->pool_count == 0 && c->file != NULL) {
		text_addf(why, "%s: no pool: a section [pool NAME] is needed",
		    c->file);
		return false;
	}
	if (c->pool_count == 0) {
		text_add(why,
		    "no pool is named: POOL=SERVICE or POOL=ADDR,ADDR "
		    "is needed, or --config FILE");
		return false;
	}
	if (c->socket[0] == '\0' && !socket_path_default(c->socket)) {
		socket_path_complain(why);
		return false;
	}
	return true;
}

struct config *
settings_read(const struct settings *s, struct text *why, bool *is_usage)
{
	struct config *c = config_new(s->file);
	bool is_good = s->file == NULL || config_file_read(c, s->file, why);

	is_good = is_good && take_daemon(c, s, why) && take_pools(c, s, why) &&
		  check_whole(c, why);
	if (is_usage != NULL)
		*is_usage = s->file == NULL ||
			    strncmp(why->buf, s->file, strlen(s->file)) != 0;
	if (!is_good)
		config_free(&c);
	return c;
}
