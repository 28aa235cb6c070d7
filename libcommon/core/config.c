/* The configuration as it is put together; see config.h. */

#include "core/config.h"

#include <stdlib.h>
#include <string.h>

#include "core/config_priv.h"

#define NAME_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

#define SOCKET_MODE 0660

/* Room for any policy's value as text. */
#define VALUE_BYTES (POLICY_PATH_BYTES + 128)

struct config *
config_new(const char *file)
{
	struct config *c = mem_new(1, sizeof(*c));
	size_t count;

	c->file = file == NULL ? NULL : mem_strdup(file);
	c->socket_mode = SOCKET_MODE;
	c->log_level = "info";
	config_limits_init(&c->limits);
	c->section = mem_new(1, sizeof(*c->section));
	(void)config_keys(false, &count);
	c->section->daemon_seen = mem_new(count, 1);
	return c;
}

static void
free_pool(struct config_pool *p)
{
	for (size_t i = 0; i < p->allow_count; i++)
		config_principal_fini(&p->allow[i]);
	free(p->allow);
	free(p->name);
	free(p->service);
	free(p->addrs);
	free(p->connector_name);
	connector_drop(&p->connector);
	free(p->seen);
}

void
config_free(struct config **config)
{
	struct config *c = *config;

	*config = NULL;
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->pool_count; i++)
		free_pool(&c->pools[i]);
	free(c->pools);
	for (size_t i = 0; i < c->connector_count; i++)
		connector_drop(&c->connectors[i].connector);
	free(c->connectors);
	config_principal_fini(&c->admin_group);
	free(c->section->daemon_seen);
	free(c->section);
	free(c->file);
	free(c);
}

bool
config_fail(const struct config *c, unsigned line, struct text *why,
    const char *fmt, ...)
{
	va_list ap;

	if (line > 0 && c->file != NULL)
		text_addf(why, "%s:%u: ", c->file, line);
	va_start(ap, fmt);
	text_addv(why, fmt, ap);
	va_end(ap);
	return false;
}

bool
config_is_name(const char *text, size_t len)
{
	if (len == 0 || len > POOL_NAME_MAX)
		return false;
	return strspn(text, NAME_CHARACTERS) >= len;
}

struct config_pool *
config_pool(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->pool_count; i++) {
		if (strcmp(c->pools[i].name, name) == 0)
			return &c->pools[i];
	}
	return NULL;
}

/* Begins the pool whose name is the first len bytes of text. */
static bool
begin_pool(struct config *c, const char *text, size_t len, unsigned line,
    struct text *why)
{
	size_t count;
	struct config_pool *p;
	char name[POOL_NAME_MAX + 1];

	if (!config_is_name(text, len))
		return config_fail(c, line, why,
		    "'%.*s' cannot be a pool's name: 1 to %d letters, digits, "
		    "'-', '_' and '.' can",
		    len > 200 ? 200 : (int)len, text, POOL_NAME_MAX);
	memcpy(name, text, len);
	name[len] = '\0';
	p = config_pool(c, name);
	if (p != NULL && p->line > 0)
		return config_fail(c, line, why,
		    "pool '%s' is named twice, first in line %u", name,
		    p->line);
	if (p != NULL)
		return config_fail(
		    c, line, why, "pool '%s' is named twice", name);
	if (c->pool_count == POOLS_MAX)
		return config_fail(
		    c, line, why, "more than %d pools", POOLS_MAX);
	c->pools =
	    mem_grow(c->pools, c->pool_count, c->pool_count + 1, sizeof(*p));
	p = &c->pools[c->pool_count];
	p->name = mem_strdup(name);
	p->line = line;
	policy_init(&p->policy);
	(void)config_keys(true, &count);
	p->seen = mem_new(count + policy_row_count, 1);
	c->section->kind = SECTION_POOL;
	c->section->index = c->pool_count++;
	return true;
}

static struct config_connector *
find_connector(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->connector_count; i++) {
		if (strcmp(c->connectors[i].connector->name, name) == 0)
			return &c->connectors[i];
	}
	return NULL;
}

static void
add_connector(struct config *c, struct connector *connector, unsigned line)
{
	c->connectors = mem_grow(c->connectors, c->connector_count,
	    c->connector_count + 1, sizeof(c->connectors[0]));
	c->connectors[c->connector_count++] =
	    (struct config_connector){ connector, line };
}

static bool
begin_connector(
    struct config *c, const char *name, unsigned line, struct text *why)
{
	const struct config_connector *old = find_connector(c, name);

	if (!config_is_name(name, strlen(name)))
		return config_fail(c, line, why,
		    "'%.200s' cannot be a connector's name: 1 to %d letters, "
		    "digits, '-', '_' and '.' can",
		    name, POOL_NAME_MAX);
	if (old != NULL)
		return config_fail(c, line, why,
		    "connector '%s' is named twice, first in line %u", name,
		    old->line);
	if (c->connector_count == CONNECTORS_MAX)
		return config_fail(
		    c, line, why, "more than %d connectors", CONNECTORS_MAX);
	c->section->kind = SECTION_CONNECTOR;
	c->section->index = c->connector_count;
	add_connector(c, connector_new(name), line);
	return true;
}

bool
config_section(
    struct config *c, const char *header, unsigned line, struct text *why)
{
	struct config_section *s = c->section;
	size_t word = strcspn(header, " \t");
	const char *name = header + word + strspn(header + word, " \t");

	if (word == 4 && memcmp(header, "pool", 4) == 0)
		return begin_pool(c, name, strlen(name), line, why);
	if (word == 9 && memcmp(header, "connector", 9) == 0)
		return begin_connector(c, name, line, why);
	if (strcmp(header, "daemon") != 0)
		return config_fail(c, line, why,
		    "[%.200s]: there is no such section; [daemon], "
		    "[pool NAME] and [connector NAME] are there",
		    header);
	if (s->had_daemon && line > 0)
		return config_fail(
		    c, line, why, "[daemon] is there twice: put it together");
	s->had_daemon |= line > 0;
	s->kind = SECTION_DAEMON;
	return true;
}

static bool
set_policy(const struct config_line *l, const struct policy_row *row)
{
	char buf[256];
	struct text reason;

	text_init(&reason, buf, sizeof(buf));
	if (policy_set(&l->pool->policy, row, l->value, &reason))
		return true;
	return config_fail(
	    l->config, l->line, l->why, "%s=%.200s: %s", l->key, l->value, buf);
}

/* Words of a command line may say again, and override, what was said. */
static bool
mark_seen(const struct config_line *l, uint8_t *seen)
{
	if (*seen != 0 && l->line > 0)
		return config_line_fail(
		    l, "is there twice in this section; one is enough");
	*seen = 1;
	return true;
}

static bool
take_key(const struct config_line *l, uint8_t *seen)
{
	size_t count;
	const struct config_key *keys = config_keys(l->pool != NULL, &count);
	const struct policy_row *row;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].name, l->key) != 0)
			continue;
		if (!mark_seen(l, &seen[i]))
			return false;
		if (l->value[0] == '\0')
			return config_line_fail(l, "a value is needed");
		return keys[i].set(l);
	}
	row = l->pool == NULL ? NULL : policy_find(l->key);
	if (row != NULL)
		return mark_seen(
			   l, &seen[count + (size_t)(row - policy_rows)]) &&
		       set_policy(l, row);
	return config_fail(l->config, l->line, l->why,
	    l->pool == NULL ? "'%.200s' is no key of [daemon]; qorb.conf(5) "
			      "lists them"
			    : "'%.200s' is no policy and no other key of a "
			      "pool; qorb.conf(5) lists them",
	    l->key);
}

static bool
set_phase(const struct config_line *l, struct connector *c)
{
	char buf[256];
	struct text reason;

	for (int p = 0; p < CONNECTOR_PHASES; p++) {
		if (strcmp(connector_phase_name((enum phase)p), l->key) != 0)
			continue;
		if (c->is_said[p])
			return config_line_fail(
			    l, "is there twice in this section; one is enough");
		text_init(&reason, buf, sizeof(buf));
		return connector_set(c, (enum phase)p, l->value, &reason) ||
		       config_line_fail(l, "%s", buf);
	}
	return config_fail(l->config, l->line, l->why,
	    "'%.200s' is no key of a connector; on-connect, is-valid, "
	    "on-acquire and on-recycle are",
	    l->key);
}

bool
config_set(struct config *c, const char *key, const char *value, unsigned line,
    struct text *why)
{
	struct config_section *s = c->section;
	struct config_line l = { c, NULL, key, value, line, why };

	switch (s->kind) {
	case SECTION_NONE:
		return config_fail(
		    c, line, why, "'%.200s' stands before any [section]", key);
	case SECTION_DAEMON:
		return take_key(&l, s->daemon_seen);
	case SECTION_POOL:
		l.pool = &c->pools[s->index];
		return take_key(&l, l.pool->seen);
	case SECTION_CONNECTOR:
		return set_phase(&l, c->connectors[s->index].connector);
	}
	return false;
}

/* A service has letters, digits, '-', '_' and dots; an address has a colon, or
 * has lost its port. */
static bool
looks_like_addresses(const char *text)
{
	return strpbrk(text, ":[,") != NULL || addr_is_ip(text);
}

bool
config_add_pool(struct config *c, const char *text, struct text *why)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals[1] == '\0')
		return config_fail(c, 0, why,
		    "'%.200s' names no pool: POOL=SERVICE or POOL=ADDR,ADDR is "
		    "needed",
		    text);
	if (!begin_pool(c, text, (size_t)(equals - text), 0, why))
		return false;
	return config_set(c,
	    looks_like_addresses(equals + 1) ? "backends" : "service",
	    equals + 1, 0, why);
}

bool
config_set_pair(struct config *c, const char *text, struct text *why)
{
	char *name = mem_strdup(text), *equals = strchr(name, '=');
	bool is_good = false;

	if (equals == NULL) {
		text_addf(
		    why, "'%.200s' sets nothing: name=value is needed", text);
	} else {
		*equals = '\0';
		is_good = config_set(c, name, equals + 1, 0, why);
	}
	free(name);
	return is_good;
}

/* One of the file's own goes before a ready-made one of the same name. Held for
 * the caller; NULL: there is none. */
static struct connector *
use_connector(struct config *c, const char *name)
{
	const struct config_connector *found = find_connector(c, name);
	struct connector *ready;

	if (found == NULL) {
		ready = connector_ready(name);
		if (ready == NULL)
			return NULL;
		add_connector(c, ready, 0);
		return connector_hold(ready);
	}
	return connector_hold(found->connector);
}

static bool
check_pool(struct config *c, struct config_pool *p, struct text *why)
{
	char buf[256];
	struct text reason;

	if (!p->has_source)
		return config_fail(c, p->line, why,
		    "pool '%s' has neither service nor backends; \"backends = "
		    "none\" is for one whose backends are advertised",
		    p->name);
	text_init(&reason, buf, sizeof(buf));
	if (!policy_check(&p->policy, &reason))
		return config_fail(
		    c, p->line, why, "pool '%s': %s", p->name, buf);
	p->connector = use_connector(
	    c, p->connector_name == NULL ? "tcp" : p->connector_name);
	if (p->connector == NULL)
		return config_fail(c, p->connector_line, why,
		    "connector=%.200s: there is no such connector; these are "
		    "there: %s",
		    p->connector_name, connector_names());
	if (p->dns.count == 0)
		p->dns = c->dns;
	return true;
}

bool
config_check(struct config *c, struct text *why)
{
	for (size_t i = 0; i < c->pool_count; i++) {
		if (!check_pool(c, &c->pools[i], why))
			return false;
	}
	return true;
}

/* A value as text says all that there is of it, whatever its kind. */
static const char *
value_of(
    const struct policy *p, const struct policy_row *row, char buf[VALUE_BYTES])
{
	struct text t;

	text_init(&t, buf, VALUE_BYTES);
	policy_add_value(&t, p, row);
	ASSERT(!t.is_cut);
	return buf;
}

static bool
is_same_value(const struct policy *a, const struct policy *b,
    const struct policy_row *row)
{
	char buf_a[VALUE_BYTES], buf_b[VALUE_BYTES];

	return strcmp(value_of(a, row, buf_a), value_of(b, row, buf_b)) == 0;
}

bool
config_same_policy(const struct policy *a, const struct policy *b)
{
	for (size_t i = 0; i < policy_row_count; i++) {
		if (!is_same_value(a, b, &policy_rows[i]))
			return false;
	}
	return true;
}

void
config_merge_policy(
    struct policy *p, const struct policy *a, const struct policy *b)
{
	char value[VALUE_BYTES], reason[256];
	struct text why;

	for (size_t i = 0; i < policy_row_count; i++) {
		const struct policy_row *row = &policy_rows[i];

		if (is_same_value(a, b, row))
			continue;
		text_init(&why, reason, sizeof(reason));
		ASSERT(policy_set(p, row, value_of(b, row, value), &why));
	}
	/* What was set by hand may not fit what is new; then the file, which
	 * was checked, has its way. */
	text_init(&why, reason, sizeof(reason));
	if (!policy_check(p, &why))
		*p = *b;
}

static bool
is_same_list(
    const struct addr *a, size_t a_count, const struct addr *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (!addr_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

bool
config_same_addrs(const struct config_pool *a, const struct config_pool *b)
{
	return is_same_list(a->addrs, a->addr_count, b->addrs, b->addr_count);
}

bool
config_same_dns(const struct config_pool *a, const struct config_pool *b)
{
	if (a->service == NULL || b->service == NULL)
		return a->service == b->service;
	return strcmp(a->service, b->service) == 0 &&
	       is_same_list(
		   a->dns.addrs, a->dns.count, b->dns.addrs, b->dns.count);
}
