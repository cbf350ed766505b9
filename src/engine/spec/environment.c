#include "engine/spec/environment.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "engine/spec/list.h"

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static bool same_name(const char *a, const char *b)
{
	size_t len = name_length(a);

	return len == name_length(b) && memcmp(a, b, len) == 0;
}

const char *environment_get(const json_strings *list, const char *name)
{
	for (size_t i = list->count; i > 0; i--) {
		const char *entry = list->items[i - 1];
		if (same_name(entry, name) && entry[name_length(entry)] == '=')
			return entry + name_length(entry) + 1;
	}
	return NULL;
}

static int add_bounded(json_strings *list, const char *entry, struct arena *arena, struct err *err)
{
	if (list->count == ENVIRONMENT_COUNT_MAX)
		return err_set(err, ERR_INVALID, 0, "more than %d variables or labels",
			       ENVIRONMENT_COUNT_MAX);
	return list_push_text(list, entry, arena, err);
}

/* "NAME=VALUE" for a bare NAME out of `host`; NULL where that lacks it. */
static const char *host_entry(char *const *host, const char *name)
{
	for (; host != NULL && *host != NULL; host++) {
		if (same_name(*host, name))
			return *host;
	}
	return NULL;
}

static int add_entry(json_strings *list, const char *entry, char *const *host, struct arena *arena,
		     struct err *err)
{
	if (name_length(entry) == 0)
		return err_set(err, ERR_INVALID, 0, "invalid environment variable: '%s'", entry);
	if (strchr(entry, '=') == NULL)
		entry = host_entry(host, entry);
	return entry == NULL ? 0 : add_bounded(list, entry, arena, err);
}

/* Docker's rules: blanks before a line and comments go; a value is kept to the end of the line. */
static int add_file(json_strings *list, const char *path, char *const *host, struct arena *arena,
		    struct err *err)
{
	BUF_AUTO(text, ENVIRONMENT_FILE_MAX);
	size_t number = 0;

	int rc = fd_read_file_at(AT_FDCWD, path, &text, err);
	if (rc < 0)
		return rc;
	if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
		return err_set(err, ERR_INVALID, 0, "%s: a NUL byte", path);
	for (char *line = text.data; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n');
		size_t len = end != NULL ? (size_t)(end - line) : strlen(line);
		const char *next = end;
		number++;
		while (len > 0 && isspace((unsigned char)*line)) {
			line++;
			len--;
		}
		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (len > 0 && *line != '#') {
			const char *entry = arena_strndup(arena, line, len);
			if (entry == NULL)
				return list_no_memory(err);
			size_t name = name_length(entry);
			if (name == 0 || strcspn(entry, " \t") < name)
				return err_set(err, ERR_INVALID, 0,
					       "%s:%zu: '%.*s' is no variable's name", path, number,
					       (int)name, entry);
			rc = add_entry(list, entry, host, arena, err);
			if (rc < 0)
				return err_wrap(err, rc, "%s:%zu", path, number);
		}
		line = next != NULL ? end + 1 : NULL;
	}
	return 0;
}

int environment_resolve(const json_strings *files, const json_strings *list, char *const *host,
			struct arena *arena, json_strings *ret_list, struct err *err)
{
	json_strings all = {0};

	for (size_t i = 0; i < files->count; i++) {
		int rc = add_file(&all, files->items[i], host, arena, err);
		if (rc < 0)
			return err_wrap(err, rc, "--env-file");
	}
	for (size_t i = 0; i < list->count; i++) {
		int rc = add_entry(&all, list->items[i], host, arena, err);
		if (rc < 0)
			return rc;
	}
	*ret_list = all;
	return 0;
}

static int add_label(json_pairs *labels, const char *entry, struct arena *arena, struct err *err)
{
	size_t len = name_length(entry);
	const char *value = entry[len] == '=' ? entry + len + 1 : "";
	size_t at = 0;

	if (len == 0)
		return err_set(err, ERR_INVALID, 0, "invalid label: '%s'", entry);
	while (at < labels->count && !same_name(labels->items[at].key, entry))
		at++;
	if (at == labels->count) {
		labels->items[at].key = arena_strndup(arena, entry, len);
		if (labels->items[at].key == NULL)
			return list_no_memory(err);
		labels->count++;
	}
	labels->items[at].value = value;
	return 0;
}

int environment_resolve_labels(const json_strings *files, const json_strings *list,
			       struct arena *arena, json_pairs *ret_labels, struct err *err)
{
	json_strings all = {0};
	json_pairs labels = {0};

	for (size_t i = 0; i < files->count; i++) {
		int rc = add_file(&all, files->items[i], NULL, arena, err);
		if (rc < 0)
			return err_wrap(err, rc, "--label-file");
	}
	for (size_t i = 0; i < list->count; i++) {
		int rc = add_bounded(&all, list->items[i], arena, err);
		if (rc < 0)
			return rc;
	}
	labels.items = arena_alloc(arena, (all.count + 1) * sizeof(*labels.items));
	if (labels.items == NULL)
		return list_no_memory(err);
	for (size_t i = 0; i < all.count; i++) {
		int rc = add_label(&labels, all.items[i], arena, err);
		if (rc < 0)
			return rc;
	}
	*ret_labels = labels;
	return 0;
}

static int merge_one(json_strings *all, const char *entry, struct arena *arena, struct err *err)
{
	bool removes = strchr(entry, '=') == NULL;
	size_t at = 0;

	while (at < all->count && !same_name(all->items[at], entry))
		at++;
	if (at == all->count)
		return removes ? 0 : add_bounded(all, entry, arena, err);
	if (!removes) {
		all->items[at] = entry;
		return 0;
	}
	all->count--;
	memmove(all->items + at, all->items + at + 1, (all->count - at) * sizeof(*all->items));
	return 0;
}

int environment_merge(const json_strings *base, const json_strings *over, struct arena *arena,
		      json_strings *ret_list, struct err *err)
{
	json_strings all = {0};

	for (size_t i = 0; i < base->count + over->count; i++) {
		const char *entry = i < base->count ? base->items[i] : over->items[i - base->count];
		int rc = name_length(entry) == 0 ? 0 : merge_one(&all, entry, arena, err);
		if (rc < 0)
			return rc;
	}
	*ret_list = all;
	return 0;
}
