#include "runtime/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/path.h"

int environment_enter_cwd(int rootfd, const char *cwd, struct err *err)
{
	char where[PATH_LENGTH_MAX];
	auto_fd fd = path_open_in_root(rootfd, cwd, O_PATH | O_DIRECTORY, err);

	if (fd < 0)
		return err_wrap(err, fd, "process.cwd");
	if (fchdir(fd) < 0)
		return err_errno(err, "process.cwd: enter '%s'", cwd);
	if (getcwd(where, sizeof(where)) == NULL)
		return err_errno(err, "process.cwd: '%s' is not inside the container", cwd);
	if (where[0] != '/')
		return err_set(err, ERR_DENIED, 0, "process.cwd: '%s' is not inside the container",
			       cwd);
	return 0;
}

/* execve's prototype lacks a const that it keeps to. */
static char *environment_word(const char *word)
{
	return (char *)(uintptr_t)word;
}

char **environment_vector(const char *first, const json_strings *strings)
{
	size_t at = 0;
	char **vector = calloc(strings->count + 2, sizeof(*vector));

	if (vector == NULL)
		return NULL;
	if (first != NULL)
		vector[at++] = environment_word(first);
	for (size_t i = 0; i < strings->count; i++)
		vector[at++] = environment_word(strings->items[i]);
	return vector;
}

/* Names seen so far, by open addressing; a power of two of places, half of them free at least. */
struct name_set {
	const char **places;
	size_t mask;
};

static size_t name_hash(const char *name, size_t len)
{
	size_t hash = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619U;
	return hash;
}

/* Whether it is the first of its name; one without a name ("odd") always is. */
static bool name_add(struct name_set *set, const char *entry)
{
	size_t len = strcspn(entry, "=");

	if (entry[len] == '\0')
		return true;
	for (size_t at = name_hash(entry, len);; at++) {
		const char **place = &set->places[at & set->mask];
		if (*place == NULL) {
			*place = entry;
			return true;
		}
		if (strncmp(*place, entry, len + 1) == 0)
			return false;
	}
}

char **environment_variables(const json_strings *env)
{
	size_t at = env->count, room = 4;
	char **vector = calloc(env->count + 1, sizeof(*vector));

	while (room < 2 * env->count)
		room *= 2;
	struct name_set set = {calloc(room, sizeof(*set.places)), room - 1};
	/* From the end, since the last wins. */
	for (size_t i = env->count; vector != NULL && set.places != NULL && i > 0; i--)
		if (name_add(&set, env->items[i - 1]))
			vector[--at] = environment_word(env->items[i - 1]);
	if (vector != NULL && set.places != NULL)
		memmove(vector, vector + at, (env->count - at + 1) * sizeof(*vector));
	else {
		free(vector);
		vector = NULL;
	}
	free(set.places);
	return vector;
}

const char *environment_get(const json_strings *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = env->count; i > 0; i--)
		if (strncmp(env->items[i - 1], name, len) == 0 && env->items[i - 1][len] == '=')
			return env->items[i - 1] + len + 1;
	return NULL;
}

/* Field n (from 0) of a line of colon separated fields; false when the line has fewer. */
static bool passwd_field(const char *line, const char *end, int n, const char **ret_at,
			 size_t *ret_len)
{
	for (; n > 0; n--) {
		line = memchr(line, ':', (size_t)(end - line));
		if (line == NULL)
			return false;
		line++;
	}
	const char *colon = memchr(line, ':', (size_t)(end - line));
	*ret_at = line;
	*ret_len = (size_t)((colon != NULL ? colon : end) - line);
	return true;
}

static bool passwd_is_uid(const char *at, size_t len, uint32_t uid)
{
	char number[16];
	int digits = snprintf(number, sizeof(number), "%u", uid);

	return (size_t)digits == len && memcmp(number, at, len) == 0;
}

/* A field, not empty, of uid's line. */
static bool passwd_find(const char *text, size_t len, uint32_t uid, int field, char *buf,
			size_t size)
{
	const char *end = text + len;

	for (const char *line = text; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		const char *at;
		size_t field_len;
		if (stop == NULL)
			stop = end;
		if (passwd_field(line, stop, 2, &at, &field_len) &&
		    passwd_is_uid(at, field_len, uid) &&
		    passwd_field(line, stop, field, &at, &field_len) && field_len > 0 &&
		    field_len < size && memchr(at, '\0', field_len) == NULL) {
			memcpy(buf, at, field_len);
			buf[field_len] = '\0';
			return true;
		}
		line = stop + 1;
	}
	return false;
}

bool environment_parse_home(const char *text, size_t len, uint32_t uid, char *buf, size_t size)
{
	return passwd_find(text, len, uid, 5, buf, size);
}

bool environment_parse_user(const char *text, size_t len, uint32_t uid, char *buf, size_t size)
{
	return passwd_find(text, len, uid, 0, buf, size);
}

/* The uid's home of the first PASSWD_BYTES_MAX bytes; false when there is no such file, or it knows none. */
static bool passwd_find_home(int rootfd, uint32_t uid, char *home, size_t size)
{
	struct err ignored;
	struct stat st;
	auto_fd fd = path_open_in_root(rootfd, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY,
				       &ignored);

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	char *text = malloc(PASSWD_BYTES_MAX);
	ssize_t got = text == NULL ? -1 : fd_read_full(fd, text, PASSWD_BYTES_MAX);
	bool found = got >= 0 && environment_parse_home(text, (size_t)got, uid, home, size);
	free(text);
	return found;
}

int environment_set(struct oci_process *process, const char *variable, struct arena *arena,
		    struct err *err)
{
	size_t count = process->env.count;
	const char **items = arena_alloc(arena, (count + 1) * sizeof(*items));
	char *copy = arena_strndup(arena, variable, strlen(variable));

	if (items == NULL || copy == NULL)
		return err_set(err, ERR_INVALID, ENOMEM,
			       "process.env: more than memory is allowed for");
	if (count > 0)
		memcpy(items, process->env.items, count * sizeof(*items));
	items[count] = copy;
	process->env.items = items;
	process->env.count = count + 1;
	return 0;
}

int environment_add_home(int rootfd, struct oci_process *process, struct arena *arena,
			 struct err *err)
{
	char variable[5 + PATH_LENGTH_MAX] = "HOME=";
	const char *given = environment_get(&process->env, "HOME");

	if (given != NULL)
		return 0;
	if (!passwd_find_home(rootfd, process->user.uid, variable + 5, PATH_LENGTH_MAX))
		(void)snprintf(variable, sizeof(variable), "HOME=/");
	return environment_set(process, variable, arena, err);
}
