#include "engine/spec/mount_option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "engine/spec/value.h"

#define TMPFS_DATA_MAX 1024

static int no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, ENOMEM, "read a mount option");
}

char *mount_option_clean_path(const char *path, struct arena *arena)
{
	char *clean = arena_alloc(arena, strlen(path) + 2);
	size_t len = 0;

	if (clean == NULL)
		return NULL;
	for (const char *at = path; *at != '\0';) {
		at += strspn(at, "/");
		size_t part = strcspn(at, "/");
		if (part == 2 && memcmp(at, "..", 2) == 0) {
			while (len > 0 && clean[--len] != '/')
				;
		} else if (part > 0 && !(part == 1 && at[0] == '.')) {
			clean[len++] = '/';
			memcpy(clean + len, at, part);
			len += part;
		}
		at += part;
	}
	if (len == 0)
		clean[len++] = '/';
	clean[len] = '\0';
	return clean;
}

static int set_target(struct mount_option *mount, const char *target, const char *text,
		      struct arena *arena, struct err *err)
{
	if (target == NULL || target[0] == '\0')
		return err_set(err, ERR_INVALID, 0, "invalid mount '%s': the target is missing",
			       text);
	if (target[0] != '/')
		return err_set(err, ERR_INVALID, 0,
			       "invalid mount '%s': the target '%s' must be an absolute path", text,
			       target);
	mount->target = mount_option_clean_path(target, arena);
	if (mount->target == NULL)
		return no_memory(err);
	if (strcmp(mount->target, "/") == 0)
		return err_set(err, ERR_INVALID, 0, "invalid mount '%s': the target can't be '/'",
			       text);
	return 0;
}

static bool is_propagation(const char *word)
{
	static const char *const words[] = {"private", "rprivate", "shared",
					    "rshared", "slave",    "rslave"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

static int set_volume_word(struct mount_option *mount, const char *word, const char *text,
			   struct err *err)
{
	/* z and Z ask for SELinux labels, which mean nothing where it is off; the rest are hints for
	   other systems. */
	static const char *const ignored[] = {"z",      "Z",         "rw", "consistent",
					      "cached", "delegated", ""};

	if (strcmp(word, "ro") == 0) {
		mount->read_only = true;
		return 0;
	}
	if (strcmp(word, "nocopy") == 0) {
		mount->no_copy = true;
		return 0;
	}
	if (is_propagation(word)) {
		mount->propagation = word;
		return 0;
	}
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		if (strcmp(word, ignored[i]) == 0)
			return 0;
	}
	return err_set(err, ERR_INVALID, 0, "invalid volume specification: '%s': unknown mode '%s'",
		       text, word);
}

int mount_option_parse_volume(const char *text, struct arena *arena, struct mount_option *ret_mount,
			      struct err *err)
{
	struct mount_option mount = {.propagation = "rprivate"};
	char *parts[3] = {arena_strndup(arena, text, strlen(text)), NULL, NULL};
	char *rest = parts[0];

	if (rest == NULL)
		return no_memory(err);
	for (size_t i = 1; i < 3 && rest != NULL; i++) {
		rest = strchr(rest, ':');
		if (rest != NULL)
			*rest++ = '\0';
		parts[i] = rest;
	}
	if (rest != NULL && strchr(rest, ':') != NULL)
		return err_set(err, ERR_INVALID, 0, "invalid volume specification: '%s'", text);
	if (parts[1] == NULL) {
		mount.type = MOUNT_OPTION_VOLUME;
		parts[1] = parts[0];
	} else {
		mount.type = MOUNT_OPTION_BIND;
		mount.source = parts[0];
		mount.create_source = true;
		if (parts[0][0] == '\0')
			return err_set(err, ERR_INVALID, 0,
				       "invalid volume specification: '%s': the source is empty",
				       text);
		if (parts[0][0] != '/' && parts[0][0] != '.')
			return err_set(
				err, ERR_UNSUPPORTED, 0,
				"named volumes are not built yet: give an absolute path (%s)",
				text);
	}
	for (char *word = parts[2]; word != NULL;) {
		char *comma = strchr(word, ',');
		if (comma != NULL)
			*comma++ = '\0';
		int rc = set_volume_word(&mount, word, text, err);
		if (rc < 0)
			return rc;
		word = comma;
	}
	int rc = set_target(&mount, parts[1], text, arena, err);
	if (rc < 0)
		return rc;
	*ret_mount = mount;
	return 0;
}

/* Takes the next field of a CSV line off *rest, in place. Returns NULL when a quote hangs. */
static char *next_csv_field(char **rest)
{
	char *field = *rest, *out = field, *at = field;
	bool quoted = *at == '"';

	if (quoted)
		at++;
	for (; *at != '\0'; at++) {
		if (quoted && *at == '"') {
			if (at[1] != '"')
				break;
			at++;
		} else if (!quoted && *at == ',') {
			break;
		}
		*out++ = *at;
	}
	if (quoted) {
		if (*at != '"' || (at[1] != '\0' && at[1] != ','))
			return NULL;
		at++;
	}
	*rest = *at == ',' ? at + 1 : NULL;
	*out = '\0';
	return field;
}

struct mount_words {
	const char *type;
	const char *source;
	const char *target;
	const char *propagation;
	const char *tmpfs_size;
	const char *tmpfs_mode;
	bool read_only;
	bool nonrecursive;
	bool no_copy;
};

static int parse_bool(const char *value, bool *ret_value)
{
	if (value == NULL || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*ret_value = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*ret_value = false;
	else
		return -EINVAL;
	return 0;
}

/* Returns 0, -ENOENT for an unknown key, -EINVAL for a bad value. */
static int set_mount_word(struct mount_words *words, const char *key, const char *value)
{
	const struct {
		const char *key;
		const char **text;
		bool *flag;
	} keys[] = {
		{"type", &words->type, NULL},
		{"source", &words->source, NULL},
		{"src", &words->source, NULL},
		{"target", &words->target, NULL},
		{"destination", &words->target, NULL},
		{"dst", &words->target, NULL},
		{"bind-propagation", &words->propagation, NULL},
		{"tmpfs-size", &words->tmpfs_size, NULL},
		{"tmpfs-mode", &words->tmpfs_mode, NULL},
		{"readonly", NULL, &words->read_only},
		{"ro", NULL, &words->read_only},
		{"bind-nonrecursive", NULL, &words->nonrecursive},
		{"volume-nocopy", NULL, &words->no_copy},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i].key) != 0)
			continue;
		if (keys[i].flag != NULL)
			return parse_bool(value, keys[i].flag);
		if (value == NULL)
			return -EINVAL;
		*keys[i].text = value;
		return 0;
	}
	return strcmp(key, "consistency") == 0 ? 0 : -ENOENT;
}

static int tmpfs_data(const struct mount_words *words, struct arena *arena, const char **ret_data,
		      struct err *err)
{
	BUF_AUTO(data, TMPFS_DATA_MAX);
	int64_t bytes = 0;

	if (words->tmpfs_size != NULL) {
		int rc = value_parse_size(words->tmpfs_size, false, &bytes, err);
		if (rc < 0)
			return err_wrap(err, rc, "tmpfs-size");
		buf_fmt(&data, "size=%" PRId64, bytes);
	}
	if (words->tmpfs_mode != NULL) {
		if (words->tmpfs_mode[0] == '\0' ||
		    strspn(words->tmpfs_mode, "01234567") != strlen(words->tmpfs_mode) ||
		    strlen(words->tmpfs_mode) > 5)
			return err_set(err, ERR_INVALID, 0, "tmpfs-mode: '%s' is not an octal mode",
				       words->tmpfs_mode);
		buf_fmt(&data, "%smode=%s", data.len > 0 ? "," : "", words->tmpfs_mode);
	}
	if (data.len == 0)
		return 0;
	*ret_data = arena_strndup(arena, data.data, data.len);
	return *ret_data == NULL ? no_memory(err) : 0;
}

static int mount_from_words(const struct mount_words *words, const char *text, struct arena *arena,
			    struct mount_option *mount, struct err *err)
{
	const char *type = words->type != NULL ? words->type : "volume";

	*mount = (struct mount_option){
		.propagation = words->propagation != NULL ? words->propagation : "rprivate",
		.read_only = words->read_only,
		.nonrecursive = words->nonrecursive,
		.no_copy = words->no_copy,
	};
	if (!is_propagation(mount->propagation))
		return err_set(err, ERR_INVALID, 0, "invalid mount '%s': unknown propagation '%s'",
			       text, mount->propagation);
	if (strcmp(type, "bind") == 0) {
		mount->type = MOUNT_OPTION_BIND;
		mount->source = words->source;
		if (words->source == NULL || (words->source[0] != '/' && words->source[0] != '.'))
			return err_set(err, ERR_INVALID, 0,
				       "invalid mount '%s': a bind needs source=PATH, absolute",
				       text);
	} else if (strcmp(type, "tmpfs") == 0) {
		mount->type = MOUNT_OPTION_TMPFS;
		if (words->source != NULL)
			return err_set(err, ERR_INVALID, 0,
				       "invalid mount '%s': a tmpfs has no source", text);
		int rc = tmpfs_data(words, arena, &mount->data, err);
		if (rc < 0)
			return err_wrap(err, rc, "invalid mount '%s'", text);
	} else if (strcmp(type, "volume") == 0) {
		mount->type = MOUNT_OPTION_VOLUME;
		if (words->source != NULL)
			return err_set(
				err, ERR_UNSUPPORTED, 0,
				"named volumes are not built yet: give an absolute path (%s)",
				text);
	} else {
		return err_set(err, ERR_INVALID, 0,
			       "invalid mount '%s': the type is bind, tmpfs or volume, not '%s'",
			       text, type);
	}
	return set_target(mount, words->target, text, arena, err);
}

int mount_option_parse_mount(const char *text, struct arena *arena, struct mount_option *ret_mount,
			     struct err *err)
{
	struct mount_words words = {0};
	struct mount_option mount;
	char *rest = arena_strndup(arena, text, strlen(text));

	if (rest == NULL)
		return no_memory(err);
	while (rest != NULL) {
		char *field = next_csv_field(&rest);
		if (field == NULL)
			return err_set(err, ERR_INVALID, 0,
				       "invalid mount '%s': a quote is not closed", text);
		char *value = strchr(field, '=');
		if (value != NULL)
			*value++ = '\0';
		int rc = set_mount_word(&words, field, value);
		if (rc == -ENOENT)
			return err_set(err, ERR_INVALID, 0,
				       "invalid mount '%s': unexpected key '%s'", text, field);
		if (rc < 0)
			return err_set(err, ERR_INVALID, 0,
				       "invalid mount '%s': invalid value for '%s'", text, field);
	}
	int rc = mount_from_words(&words, text, arena, &mount, err);
	if (rc < 0)
		return rc;
	*ret_mount = mount;
	return 0;
}

int mount_option_parse_tmpfs(const char *text, struct arena *arena, struct mount_option *ret_mount,
			     struct err *err)
{
	struct mount_option mount = {.type = MOUNT_OPTION_TMPFS, .propagation = "rprivate"};
	char *target = arena_strndup(arena, text, strlen(text));

	if (target == NULL)
		return no_memory(err);
	char *data = strchr(target, ':');
	if (data != NULL)
		*data++ = '\0';
	mount.data = data != NULL && data[0] != '\0' ? data : NULL;
	int rc = set_target(&mount, target, text, arena, err);
	if (rc < 0)
		return rc;
	*ret_mount = mount;
	return 0;
}
