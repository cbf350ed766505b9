#include "image/changes.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define LINE_BYTES_MAX ((size_t)64 << 10)

struct change {
	const char *rest; /* after the instruction */
	struct oci_image_run *run;
	struct arena *arena;
};

static int full(struct err *err)
{
	return err_set(err, ERR_INVALID, ENOMEM, "too many changes");
}

/* Room for one more item at the end of a list in the arena. */
static void *add_item(struct arena *arena, void *list, size_t size)
{
	struct json_list *items = list;
	char *more = arena_alloc(arena, (items->count + 1) * size);

	if (more == NULL)
		return NULL;
	if (items->count > 0)
		memcpy(more, items->items, items->count * size);
	items->items = more;
	return more + size * items->count++;
}

struct texts {
	json_strings items;
};

static const struct json_field texts_fields[] = {
	JSON_LIST(struct texts, items, "v", JSON_TYPE_STRING),
};
static JSON_SHAPE(texts_shape, struct texts, texts_fields);

/* ["a", "b"]. */
static int parse_array(const struct change *change, json_strings *ret_list, struct err *err)
{
	struct texts texts;
	BUF_AUTO(text, LINE_BYTES_MAX);

	buf_fmt(&text, "{\"v\":%s}", change->rest);
	int rc = buf_check(&text, "a change", err);
	if (rc == 0)
		rc = json_parse(&texts_shape, text.data, text.len, change->arena, &texts, err);
	if (rc == 0)
		*ret_list = texts.items;
	return rc;
}

/* An array is a command line; anything else is a line for the shell. */
static int set_command(const struct change *change, json_strings *list, struct err *err)
{
	const char *const shell[] = {"/bin/sh", "-c", change->rest};

	if (change->rest[0] == '[')
		return parse_array(change, list, err);
	*list = (json_strings){0};
	if (change->rest[0] == '\0')
		return 0;
	for (size_t i = 0; i < 3; i++) {
		const char **item = add_item(change->arena, list, sizeof(*item));
		char *copy = arena_strndup(change->arena, shell[i], strlen(shell[i]));
		if (item == NULL || copy == NULL)
			return full(err);
		*item = copy;
	}
	return 0;
}

/* The next word, without its quotes and backslashes. NULL: no more, or an open quote. */
static char *next_word(const char **at, struct arena *arena, bool *ret_open)
{
	const char *from = *at + strspn(*at, " \t");
	char quote = '\0';
	size_t len = 0;

	*ret_open = false;
	if (*from == '\0')
		return NULL;
	char *word = arena_alloc(arena, strlen(from) + 1);
	for (; word != NULL && *from != '\0' && (quote != '\0' || !strchr(" \t", *from)); from++) {
		if (quote == '\0' && (*from == '"' || *from == '\'')) {
			quote = *from;
		} else if (*from == quote) {
			quote = '\0';
		} else if (*from == '\\' && quote != '\'' && from[1] != '\0') {
			word[len++] = *++from;
		} else {
			word[len++] = *from;
		}
	}
	*at = from;
	*ret_open = quote != '\0' || word == NULL;
	return *ret_open ? NULL : word;
}

typedef int word_fn(const struct change *change, char *word, struct err *err);

static int each_word(const struct change *change, word_fn *take, struct err *err)
{
	const char *at = change->rest;
	bool open;
	char *word;

	while ((word = next_word(&at, change->arena, &open)) != NULL) {
		int rc = take(change, word, err);
		if (rc < 0)
			return rc;
	}
	return open ? err_set(err, ERR_INVALID, EINVAL, "an open quote") : 0;
}

static int put_env(const struct change *change, char *word, struct err *err)
{
	json_strings *env = &change->run->env;
	const char *equals = strchr(word, '=');

	if (equals == NULL || equals == word)
		return err_set(err, ERR_INVALID, EINVAL, "'%.100s' is not NAME=VALUE", word);
	size_t name = (size_t)(equals - word) + 1;
	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->items[i], word, name) == 0) {
			env->items[i] = word;
			return 0;
		}
	}
	const char **item = add_item(change->arena, env, sizeof(*item));
	if (item == NULL)
		return full(err);
	*item = word;
	return 0;
}

/* "A=b C=d", or the old form "A the rest". */
static int set_env(const struct change *change, struct err *err)
{
	size_t name = strcspn(change->rest, " \t=");
	size_t len = strlen(change->rest);

	if (change->rest[name] == '=' || change->rest[name] == '\0')
		return each_word(change, put_env, err);
	char *word = arena_alloc(change->arena, len + 1);
	if (word == NULL)
		return full(err);
	const char *value = change->rest + name + strspn(change->rest + name, " \t");
	(void)snprintf(word, len + 1, "%.*s=%s", (int)name, change->rest, value);
	return put_env(change, word, err);
}

static int put_label(const struct change *change, char *word, struct err *err)
{
	json_pairs *labels = &change->run->labels;
	char *equals = strchr(word, '=');

	if (equals == NULL || equals == word)
		return err_set(err, ERR_INVALID, EINVAL, "'%.100s' is not NAME=VALUE", word);
	*equals = '\0';
	for (size_t i = 0; i < labels->count; i++) {
		if (strcmp(labels->items[i].key, word) == 0) {
			labels->items[i].value = equals + 1;
			return 0;
		}
	}
	struct json_pair *pair = add_item(change->arena, labels, sizeof(*pair));
	if (pair == NULL)
		return full(err);
	*pair = (struct json_pair){word, equals + 1};
	return 0;
}

static int put_in_set(const struct change *change, oci_set *set, const char *name, struct err *err)
{
	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->items[i].name, name) == 0)
			return 0;
	}
	struct oci_set_entry *entry = add_item(change->arena, set, sizeof(*entry));
	if (entry == NULL)
		return full(err);
	entry->name = name;
	return 0;
}

/* 0, which is no port, where no digit stands. */
static unsigned long parse_port(char **at)
{
	return **at >= '0' && **at <= '9' ? strtoul(*at, at, 10) : 0;
}

static int put_port(const struct change *change, char *word, struct err *err)
{
	char *end = word;
	unsigned long first = parse_port(&end);
	unsigned long last = first;
	char protocol[8] = "tcp";
	char text[32];

	if (*end == '-') {
		end++;
		last = parse_port(&end);
	}
	if (first == 0 || first > last || last > 65535)
		return err_set(err, ERR_INVALID, EINVAL, "'%.50s' is not a port", word);
	if (*end == '/' && strlen(end + 1) < sizeof(protocol))
		(void)snprintf(protocol, sizeof(protocol), "%s", end + 1);
	if ((*end != '\0' && *end != '/') ||
	    (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
	     strcmp(protocol, "sctp") != 0))
		return err_set(err, ERR_INVALID, EINVAL, "'%.50s' is not a port", word);
	for (unsigned long port = first; port <= last; port++) {
		(void)snprintf(text, sizeof(text), "%lu/%s", port, protocol);
		char *copy = arena_strndup(change->arena, text, strlen(text));
		int rc = copy ? put_in_set(change, &change->run->exposed_ports, copy, err)
			      : full(err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int put_volume(const struct change *change, char *word, struct err *err)
{
	if (word[0] == '\0')
		return err_set(err, ERR_INVALID, EINVAL, "a volume without a path");
	return put_in_set(change, &change->run->volumes, word, err);
}

static int set_volumes(const struct change *change, struct err *err)
{
	json_strings list;

	if (change->rest[0] != '[')
		return each_word(change, put_volume, err);
	int rc = parse_array(change, &list, err);
	for (size_t i = 0; rc == 0 && i < list.count; i++)
		rc = put_in_set(change, &change->run->volumes, list.items[i], err);
	return rc;
}

static int set_text(const struct change *change, const char **to, struct err *err)
{
	if (change->rest[0] == '\0')
		return err_set(err, ERR_INVALID, EINVAL, "it needs a value");
	*to = arena_strndup(change->arena, change->rest, strlen(change->rest));
	return *to ? 0 : full(err);
}

/* A relative one continues the one before. */
static int set_workdir(const struct change *change, struct err *err)
{
	const char *before = change->run->working_dir ? change->run->working_dir : "";
	size_t size = strlen(before) + strlen(change->rest) + 2;

	if (change->rest[0] == '/' || change->rest[0] == '\0')
		return set_text(change, &change->run->working_dir, err);
	char *path = arena_alloc(change->arena, size);
	if (path == NULL)
		return full(err);
	(void)snprintf(path, size, "%s/%s", strcmp(before, "/") == 0 ? "" : before, change->rest);
	change->run->working_dir = path;
	return 0;
}

static int set_onbuild(const struct change *change, struct err *err)
{
	const char *text;

	int rc = set_text(change, &text, err);
	if (rc < 0)
		return rc;
	const char **item = add_item(change->arena, &change->run->on_build, sizeof(*item));
	if (item == NULL)
		return full(err);
	*item = text;
	return 0;
}

static int apply(const struct change *change, const char *name, struct err *err)
{
	struct oci_image_run *run = change->run;

	if (strcasecmp(name, "CMD") == 0)
		return set_command(change, &run->cmd, err);
	if (strcasecmp(name, "ENTRYPOINT") == 0)
		return set_command(change, &run->entrypoint, err);
	if (strcasecmp(name, "ENV") == 0)
		return set_env(change, err);
	if (strcasecmp(name, "LABEL") == 0)
		return each_word(change, put_label, err);
	if (strcasecmp(name, "EXPOSE") == 0)
		return each_word(change, put_port, err);
	if (strcasecmp(name, "VOLUME") == 0)
		return set_volumes(change, err);
	if (strcasecmp(name, "USER") == 0)
		return set_text(change, &run->user, err);
	if (strcasecmp(name, "STOPSIGNAL") == 0)
		return set_text(change, &run->stop_signal, err);
	if (strcasecmp(name, "WORKDIR") == 0)
		return set_workdir(change, err);
	if (strcasecmp(name, "ONBUILD") == 0)
		return set_onbuild(change, err);
	return err_set(err, ERR_UNSUPPORTED, 0,
		       "only CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, "
		       "VOLUME and WORKDIR can be changed");
}

int changes_apply(const char *line, struct oci_image_run *run, struct arena *arena, struct err *err)
{
	char name[16];
	const char *start = line + strspn(line, " \t");
	size_t len = strcspn(start, " \t");
	const char *rest = start + len + strspn(start + len, " \t");

	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, start, len);
	name[len] = '\0';
	size_t rest_len = strlen(rest);
	while (rest_len > 0 && isspace((unsigned char)rest[rest_len - 1]))
		rest_len--;
	const struct change change = {
		.rest = arena_strndup(arena, rest, rest_len), .run = run, .arena = arena};
	int rc = change.rest ? apply(&change, name, err) : full(err);
	return rc < 0 ? err_wrap(err, rc, "change '%.100s'", line) : 0;
}
