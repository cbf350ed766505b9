#include "remote/auth_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "remote/auth_internal.h"
#include "remote/base64.h"
#include "remote/environment.h"
#include "remote/limits.h"

#define AUTHS "auths"

struct wrapper {
	json_members all;
};
static const struct json_field wrapper_fields[] = {
	JSON_RAW_MAP(struct wrapper, all, "all"),
};
static JSON_SHAPE(wrapper_shape, struct wrapper, wrapper_fields);

/* An object's members, whatever they are. The values point into `wrapped`. */
static int read_members(const char *text, size_t len, struct buf *wrapped, struct arena *arena,
			json_members *ret_members, struct err *err)
{
	struct wrapper wrapper = {0};

	buf_str(wrapped, "{\"all\":");
	buf_add(wrapped, text, len);
	buf_char(wrapped, '}');
	int rc = buf_check(wrapped, "the file of passwords", err);
	if (rc == 0)
		rc = json_parse(&wrapper_shape, wrapped->data, wrapped->len, arena, &wrapper, err);
	if (rc == 0)
		*ret_members = wrapper.all;
	return rc;
}

static void write_entry(struct buf *out, bool first, const struct auth_change *change)
{
	BUF_AUTO(pair, REMOTE_TOKEN_BYTES_MAX);

	buf_str(out, first ? "\n\t\t" : ",\n\t\t");
	json_write_string(out, change->key);
	buf_fmt(&pair, "%s:%s", change->user, change->password);
	buf_str(out, ": {\"auth\": \"");
	base64_write(out, pair.data, pair.len);
	buf_str(out, "\"}");
	out->failed = out->failed || pair.failed;
	if (pair.data != NULL)
		explicit_bzero(pair.data, pair.len);
}

static int write_auths(const struct json_text *old, const struct auth_change *change,
		       struct buf *out, bool *found, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	BUF_AUTO(wrapped, REMOTE_AUTH_BYTES_MAX);
	json_members entries = {0};
	bool first = true;
	int rc = 0;

	if (old != NULL && old->len > 0 && old->text[0] == '{')
		rc = read_members(old->text, old->len, &wrapped, &arena, &entries, err);
	if (rc < 0)
		return rc;
	buf_char(out, '{');
	for (size_t i = 0; i < entries.count; i++) {
		const struct json_member *entry = &entries.items[i];
		if (change->key == NULL || strcmp(entry->key, change->key) == 0) {
			*found = true;
			continue;
		}
		buf_str(out, first ? "\n\t\t" : ",\n\t\t");
		first = false;
		json_write_string(out, entry->key);
		buf_str(out, ": ");
		buf_add(out, entry->value.text, entry->value.len);
	}
	if (change->user != NULL)
		write_entry(out, first, change);
	buf_str(out, first && change->user == NULL ? "}" : "\n\t}");
	return 0;
}

int auth_edit(const char *text, size_t len, const struct auth_change *change, struct buf *out,
	      bool *ret_found, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	BUF_AUTO(wrapped, REMOTE_AUTH_BYTES_MAX);
	json_members members = {0};
	const struct json_text *auths = NULL;

	*ret_found = false;
	int rc = len > 0 ? read_members(text, len, &wrapped, &arena, &members, err) : 0;
	for (size_t i = 0; i < members.count; i++) {
		if (strcmp(members.items[i].key, AUTHS) == 0)
			auths = &members.items[i].value;
	}
	buf_str(out, "{\n\t\"" AUTHS "\": ");
	if (rc == 0)
		rc = write_auths(auths, change, out, ret_found, err);
	for (size_t i = 0; rc == 0 && i < members.count; i++) {
		if (&members.items[i].value == auths)
			continue;
		buf_str(out, ",\n\t");
		json_write_string(out, members.items[i].key);
		buf_str(out, ": ");
		buf_add(out, members.items[i].value.text, members.items[i].value.len);
	}
	buf_str(out, "\n}\n");
	if (wrapped.data != NULL)
		explicit_bzero(wrapped.data, wrapped.len);
	return rc < 0 ? rc : buf_check(out, "the file of passwords", err);
}

/* The folder of a path, made for its owner alone where it is missing. */
static int open_folder(const char *path, struct err *err)
{
	char folder[4096];

	int rc = str_copy(folder, sizeof(folder), path);
	char *last = strrchr(folder, '/');
	if (rc < 0)
		return err_set(err, ERR_INVALID, -rc, "'%.200s'", path);
	if (last == NULL)
		(void)str_copy(folder, sizeof(folder), ".");
	else
		last[last == folder ? 1 : 0] = '\0';
	for (char *slash = strchr(folder + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash != NULL)
			*slash = '\0';
		if (mkdirat(AT_FDCWD, folder, 0700) < 0 && errno != EEXIST)
			return err_errno(err, "make folder '%s'", folder);
		if (slash == NULL)
			break;
		*slash = '/';
	}
	int fd = openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(err, "open folder '%s'", folder) : fd;
}

static int tell_helper(const char *helper, const struct auth_change *change, char *const *env,
		       bool *found, struct err *err)
{
	BUF_AUTO(in, REMOTE_TOKEN_BYTES_MAX);
	BUF_AUTO(out, REMOTE_HELPER_BYTES_MAX);
	const char *server = auth_helper_key(change->key);

	if (change->user != NULL) {
		buf_str(&in, "{\"ServerURL\":");
		json_write_string(&in, server);
		buf_str(&in, ",\"Username\":");
		json_write_string(&in, change->user);
		buf_str(&in, ",\"Secret\":");
		json_write_string(&in, change->password);
		buf_char(&in, '}');
	} else {
		buf_str(&in, server);
	}
	int rc = buf_check(&in, "what a credential helper is told", err);
	if (rc == 0)
		rc = auth_run_helper(helper, change->user != NULL ? "store" : "erase", in.data, env,
				     &out, err);
	if (in.data != NULL)
		explicit_bzero(in.data, in.len);
	*found = rc == 0;
	if (rc > 0 && change->user != NULL)
		return err_set(err, ERR_SYSTEM, 0, "credential helper '%s' did not store it",
			       helper);
	return rc < 0 ? err_wrap(err, rc, "credential helper '%s'", helper) : 0;
}

static int edit_found(int folder, const char *name, const struct buf *text,
		      const struct auth_change *change, char *const *env, bool *found,
		      struct err *err)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	BUF_AUTO(out, REMOTE_AUTH_BYTES_MAX);
	struct auth auth = {0};
	struct err ignored;

	if (change->key != NULL && text->len > 0 &&
	    auth_parse(text->data, text->len, change->key, &arena, &auth, &ignored) == 0 &&
	    auth.helper != NULL)
		return tell_helper(auth.helper, change, env, found, err);
	int rc = auth_edit(text->data != NULL ? text->data : "", text->len, change, &out, found,
			   err);
	if (rc == 0 && (*found || change->user != NULL))
		rc = fd_replace_file_at(folder, name, out.data, out.len, 0600, err);
	if (out.data != NULL)
		explicit_bzero(out.data, out.len);
	return rc;
}

int auth_file_edit(const char *file, const struct auth_change *change, char *const *env,
		   bool *ret_found, struct err *err)
{
	BUF_AUTO(text, REMOTE_AUTH_BYTES_MAX);
	char path[4096];

	*ret_found = false;
	if (file == NULL)
		file = environment_get(env, "REGISTRY_AUTH_FILE");
	int rc = file != NULL ? str_copy(path, sizeof(path), file)
			      : environment_auth_file(env, 0, path, sizeof(path));
	if (rc < 0)
		return err_set(err, ERR_INVALID, -rc, "the file of passwords has no place");
	auto_fd folder = open_folder(path, err);
	if (folder < 0)
		return folder;
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	rc = fd_read_file_at(folder, name, &text, err);
	if (rc == 0 || rc == -ENOENT)
		rc = edit_found(folder, name, &text, change, env, ret_found, err);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	return rc < 0 ? err_wrap(err, rc, "'%s'", path) : 0;
}
