#include "cli/filter.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "engine/spec/list.h"
#include "engine/spec/value.h"

const char *filters_first(const struct filters *filters, const char *key)
{
	for (size_t i = 0; i < filters->list.count; i++) {
		if (strcmp(filters->list.items[i].key, key) == 0)
			return filters->list.items[i].value;
	}
	return NULL;
}

bool filters_have(const struct filters *filters, const char *key)
{
	return filters_first(filters, key) != NULL;
}

static bool says_true(const char *text)
{
	return strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
}

/* `label!=x` is the key "label!"; what is no truth value is no filter of `dangling`. */
static int check_filter(const struct json_pair *filter, struct err *err)
{
	static const char *const truths[] = {"true", "false", "1", "0", NULL};
	size_t i = 0;

	if (strcmp(filter->key, "dangling") != 0)
		return 0;
	while (truths[i] != NULL && strcmp(truths[i], filter->value) != 0)
		i++;
	return truths[i] != NULL ? 0
				 : err_set(err, ERR_INVALID, 0, "invalid filter 'dangling=%s'",
					   filter->value);
}

static int unknown_filter(const char *key, const char *const *keys, struct err *err)
{
	BUF_AUTO(known, 1024);

	list_words(keys, &known);
	return err_set(err, ERR_INVALID, 0, "invalid filter '%s': there are %s", key,
		       known.data != NULL ? known.data : "none");
}

int filters_parse(const json_strings *texts, const char *const *keys, struct arena *arena,
		  struct filters *ret_filters, struct err *err)
{
	struct filters filters = {.list = {0}};

	for (size_t i = 0; i < texts->count; i++) {
		const char *key = NULL, *value = NULL;
		size_t known = 0;
		int rc = value_parse_pair(texts->items[i], "--filter", arena, &key, &value, err);
		if (rc < 0)
			return rc;
		while (keys[known] != NULL && strcmp(keys[known], key) != 0)
			known++;
		if (keys[known] == NULL)
			return unknown_filter(key, keys, err);
		if (value == NULL)
			return err_set(err, ERR_INVALID, 0, "invalid filter '%s': KEY=VALUE",
				       texts->items[i]);
		struct json_pair *added = list_push(&filters.list, sizeof(*added), arena);
		if (added == NULL)
			return list_no_memory(err);
		*added = (struct json_pair){key, value};
		rc = check_filter(added, err);
		if (rc < 0)
			return rc;
	}
	*ret_filters = filters;
	return 0;
}

static bool has_label(const json_pairs *labels, const char *wanted)
{
	size_t len = strcspn(wanted, "=");

	for (size_t i = 0; i < labels->count; i++) {
		const struct json_pair *label = &labels->items[i];
		if (strlen(label->key) == len && memcmp(label->key, wanted, len) == 0)
			return wanted[len] == '\0' || strcmp(label->value, wanted + len + 1) == 0;
	}
	return false;
}

/* The name in any of the forms it may be written: with or without ":latest", or an id's beginning. */
static bool is_ancestor(const struct engine_container *c, const char *wanted)
{
	size_t len = strlen(wanted);
	const char *hex = strncmp(wanted, "sha256:", 7) == 0 ? wanted + 7 : wanted;

	if (strcmp(c->image, wanted) == 0)
		return true;
	if (strncmp(c->image, wanted, len) == 0 && strcmp(c->image + len, ":latest") == 0)
		return true;
	len = strlen(c->image);
	if (strncmp(wanted, c->image, len) == 0 && strcmp(wanted + len, ":latest") == 0)
		return true;
	return strlen(hex) >= 12 && strncmp(c->image_id, hex, strlen(hex)) == 0;
}

/* As Docker: a regular expression that is found in the name, with or without a slash before it. */
static bool has_name(const struct engine_container *c, const char *wanted)
{
	char slashed[256];
	regex_t pattern;

	if (regcomp(&pattern, wanted, REG_EXTENDED | REG_NOSUB) != 0)
		return strstr(c->name, wanted) != NULL;
	(void)snprintf(slashed, sizeof(slashed), "/%s", c->name);
	bool found = regexec(&pattern, c->name, 0, NULL, 0) == 0 ||
		     regexec(&pattern, slashed, 0, NULL, 0) == 0;
	regfree(&pattern);
	return found;
}

static bool holds_container(const struct engine_container *c, const struct json_pair *filter)
{
	char code[16];

	if (strcmp(filter->key, "id") == 0)
		return strncmp(c->id, filter->value, strlen(filter->value)) == 0;
	if (strcmp(filter->key, "name") == 0)
		return has_name(c, filter->value);
	if (strcmp(filter->key, "status") == 0)
		return strcmp(engine_status_name(c->status), filter->value) == 0;
	if (strcmp(filter->key, "label") == 0)
		return has_label(&c->labels, filter->value);
	if (strcmp(filter->key, "ancestor") == 0)
		return is_ancestor(c, filter->value);
	(void)snprintf(code, sizeof(code), "%d", c->exit_code);
	return c->status == ENGINE_EXITED && strcmp(code, filter->value) == 0;
}

static bool holds_image(const struct engine_image *image, const struct json_pair *filter)
{
	if (strcmp(filter->key, "dangling") == 0)
		return (image->names.count == 0) == says_true(filter->value);
	if (strcmp(filter->key, "label") == 0)
		return has_label(&image->labels, filter->value);
	if (strcmp(filter->key, "label!") == 0)
		return !has_label(&image->labels, filter->value);
	return true;
}

/* As Docker: a glob, in which '*' passes no '/', over the whole name or the name without its tag. */
static bool holds_reference(const char *name, const char *pattern)
{
	const char *slash = strrchr(name, '/');
	const char *colon = strchr(slash != NULL ? slash : name, ':');
	char repository[512];

	if (fnmatch(pattern, name, FNM_PATHNAME) == 0)
		return true;
	(void)snprintf(repository, sizeof(repository), "%.*s",
		       (int)(colon != NULL ? (size_t)(colon - name) : strlen(name)), name);
	return fnmatch(pattern, repository, FNM_PATHNAME) == 0;
}

bool filters_match_reference(const struct filters *filters, const char *name)
{
	bool asked = false;

	for (size_t i = 0; i < filters->list.count; i++) {
		if (strcmp(filters->list.items[i].key, "reference") != 0)
			continue;
		asked = true;
		if (name != NULL && holds_reference(name, filters->list.items[i].value))
			return true;
	}
	return !asked;
}

typedef bool holds_fn(const void *object, const struct json_pair *filter);

static bool matches(const struct filters *filters, holds_fn *holds, const void *object)
{
	for (size_t i = 0; i < filters->list.count; i++) {
		const struct json_pair *filter = &filters->list.items[i];
		bool all = strncmp(filter->key, "label", 5) == 0, any = holds(object, filter);
		for (size_t j = 0; !all && !any && j < filters->list.count; j++)
			any = strcmp(filters->list.items[j].key, filter->key) == 0 &&
			      holds(object, &filters->list.items[j]);
		if (!any)
			return false;
	}
	return true;
}

static bool container_holds(const void *object, const struct json_pair *filter)
{
	return holds_container(object, filter);
}

static bool image_holds(const void *object, const struct json_pair *filter)
{
	return holds_image(object, filter);
}

bool filters_match_container(const struct filters *filters,
			     const struct engine_container *container)
{
	return matches(filters, container_holds, container);
}

bool filters_match_image(const struct filters *filters, const struct engine_image *image)
{
	return matches(filters, image_holds, image);
}
