#include "engine/config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "engine/spec/environment.h"
#include "engine/spec/list.h"

#define CONFIG_FILE_MAX  65536
#define CONFIG_FILES_MAX 256

enum key_kind { KEY_TEXT, KEY_BOOL, KEY_LIST };

static const struct key {
	const char *name;
	enum key_kind kind;
	size_t offset;
} keys[] = {
	{"root", KEY_TEXT, offsetof(struct engine_config, root)},
	{"state", KEY_TEXT, offsetof(struct engine_config, state)},
	{"libexec", KEY_TEXT, offsetof(struct engine_config, libexec)},
	{"network", KEY_TEXT, offsetof(struct engine_config, network)},
	{"pids-limit", KEY_TEXT, offsetof(struct engine_config, pids_limit)},
	{"shm-size", KEY_TEXT, offsetof(struct engine_config, shm_size)},
	{"detach-keys", KEY_TEXT, offsetof(struct engine_config, detach_keys)},
	{"stop-timeout", KEY_TEXT, offsetof(struct engine_config, stop_timeout)},
	{"log-driver", KEY_TEXT, offsetof(struct engine_config, log_driver)},
	{"log-max-size", KEY_TEXT, offsetof(struct engine_config, log_max_size)},
	{"log-max-files", KEY_TEXT, offsetof(struct engine_config, log_max_files)},
	{"seccomp-profile", KEY_TEXT, offsetof(struct engine_config, seccomp_profile)},
	{"cgroup-parent", KEY_TEXT, offsetof(struct engine_config, cgroup_parent)},
	{"init", KEY_BOOL, offsetof(struct engine_config, init)},
	{"offline", KEY_BOOL, offsetof(struct engine_config, offline)},
	{"ulimit", KEY_LIST, offsetof(struct engine_config, ulimits)},
};

static int set_key(struct engine_config *config, const struct key *key, const char *value,
		   struct arena *arena, struct err *err)
{
	void *member = (char *)config + key->offset;

	switch (key->kind) {
	case KEY_TEXT:
		*(const char **)member = value[0] != '\0' ? value : NULL;
		return 0;
	case KEY_BOOL:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return err_set(err, ERR_INVALID, 0, "%s is true or false, not '%s'",
				       key->name, value);
		*(bool *)member = value[0] == 't';
		return 0;
	case KEY_LIST:
		if (value[0] != '\0')
			return list_push_text(member, value, arena, err);
		*(json_strings *)member = (json_strings){0};
		return 0;
	}
	return 0;
}

static char *trim(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	size_t len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int parse_line(char *line, struct arena *arena, struct engine_config *config,
		      struct err *err)
{
	line = trim(line);
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	char *equals = strchr(line, '=');
	if (equals == NULL)
		return err_set(err, ERR_INVALID, 0, "'%s' is not of the form key = value", line);
	*equals = '\0';
	const char *name = trim(line), *value = trim(equals + 1);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, name) == 0)
			return set_key(config, &keys[i], value, arena, err);
	}
	return err_set(err, ERR_INVALID, 0, "unknown key '%s'", name);
}

int engine_config_parse(const char *text, const char *name, struct arena *arena,
			struct engine_config *config, struct err *err)
{
	char *line = arena_strndup(arena, text, strlen(text));
	size_t number = 1;

	if (line == NULL)
		return list_no_memory(err);
	for (; line != NULL; number++) {
		char *end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		int rc = parse_line(line, arena, config, err);
		if (rc < 0)
			return err_wrap(err, rc, "%s:%zu", name, number);
		line = end;
	}
	return 0;
}

static int read_file(int dirfd, const char *name, const char *shown, struct arena *arena,
		     struct engine_config *config, struct err *err)
{
	BUF_AUTO(text, CONFIG_FILE_MAX);
	struct err failed;

	int rc = fd_read_file_at(dirfd, name, &text, &failed);
	if (rc < 0 && failed.kind == ERR_NOT_FOUND)
		return 0;
	if (rc < 0) {
		*err = failed;
		return rc;
	}
	return text.len == 0 ? 0 : engine_config_parse(text.data, shown, arena, config, err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_drop_ins(DIR *dir, struct arena *arena, json_strings *names, struct err *err)
{
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		size_t len = strlen(entry->d_name);
		if (len < 6 || entry->d_name[0] == '.' ||
		    strcmp(entry->d_name + len - 5, ".conf") != 0)
			continue;
		if (names->count == CONFIG_FILES_MAX)
			return err_set(err, ERR_INVALID, 0, "more than %d files", CONFIG_FILES_MAX);
		const char *copy = arena_strndup(arena, entry->d_name, len);
		if (copy == NULL)
			return list_no_memory(err);
		int rc = list_push_text(names, copy, arena, err);
		if (rc < 0)
			return rc;
	}
	if (names->count > 0)
		qsort(names->items, names->count, sizeof(*names->items), compare_names);
	return 0;
}

static int read_drop_ins(const char *etc, struct arena *arena, struct engine_config *config,
			 struct err *err)
{
	const char *path = list_text(arena, "%s/corten.conf.d", etc);
	json_strings names = {0};

	if (path == NULL)
		return list_no_memory(err);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return 0;
	int rc = list_drop_ins(dir, arena, &names, err);
	for (size_t i = 0; rc == 0 && i < names.count; i++) {
		const char *shown = list_text(arena, "%s/%s", path, names.items[i]);
		rc = shown == NULL
			     ? list_no_memory(err)
			     : read_file(dirfd(dir), names.items[i], shown, arena, config, err);
	}
	(void)closedir(dir);
	return rc < 0 ? err_wrap(err, rc, "%s", path) : 0;
}

static const char *env_value(char *const *env, const char *name)
{
	size_t count = 0;

	while (env != NULL && env[count] != NULL)
		count++;
	for (size_t i = count, len = strlen(name); i > 0; i--) {
		if (strncmp(env[i - 1], name, len) == 0 && env[i - 1][len] == '=' &&
		    env[i - 1][len + 1] != '\0')
			return env[i - 1] + len + 1;
	}
	return NULL;
}

int engine_config_load(const char *etc, char *const *env, struct arena *arena,
		       struct engine_config *ret_config, struct err *err)
{
	struct engine_config config = {0};
	const char *home = env_value(env, "HOME"), *xdg = env_value(env, "XDG_CONFIG_HOME");
	const char *system = list_text(arena, "%s/corten.conf", etc), *user = NULL;

	if (xdg != NULL)
		user = list_text(arena, "%s/corten/corten.conf", xdg);
	else if (home != NULL)
		user = list_text(arena, "%s/.config/corten/corten.conf", home);
	if (system == NULL || (user == NULL && (xdg != NULL || home != NULL)))
		return list_no_memory(err);
	int rc = read_file(AT_FDCWD, system, system, arena, &config, err);
	if (rc == 0)
		rc = read_drop_ins(etc, arena, &config, err);
	if (rc == 0 && user != NULL)
		rc = read_file(AT_FDCWD, user, user, arena, &config, err);
	if (rc < 0)
		return err_wrap(err, rc, "read the configuration");
	const char *root = env_value(env, "CORTEN_ROOT"), *state = env_value(env, "CORTEN_STATE"),
		   *libexec = env_value(env, "CORTEN_LIBEXEC");
	if (root != NULL)
		config.root = root;
	if (state != NULL)
		config.state = state;
	if (libexec != NULL)
		config.libexec = libexec;
	if (config.root == NULL)
		config.root = ENGINE_ROOT_DEFAULT;
	if (config.state == NULL)
		config.state = ENGINE_STATE_DEFAULT;
	*ret_config = config;
	return 0;
}
