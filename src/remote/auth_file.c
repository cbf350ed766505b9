/* Where the files are, and programs that know instead of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/process.h"
#include "base/str.h"
#include "remote/auth_internal.h"
#include "remote/environment.h"
#include "remote/limits.h"

const char *auth_helper_key(const char *repository)
{
	return str_starts_with(repository, "docker.io/") || strcmp(repository, "docker.io") == 0
		       ? "https://index.docker.io/v1/"
		       : repository;
}

static int find_helper(const char *name, char *const *env, char *path, size_t size, struct err *err)
{
	const char *at = environment_get(env, "PATH");

	for (; at != NULL && *at != '\0'; at += strcspn(at, ":"), at += *at == ':') {
		int len = (int)strcspn(at, ":");
		if (*at == '/' &&
		    str_format(path, size, "%.*s/docker-credential-%s", len, at, name) == 0 &&
		    faccessat(AT_FDCWD, path, X_OK, 0) == 0)
			return 0;
	}
	return err_set(err, ERR_NOT_FOUND, ENOENT,
		       "the credential helper 'docker-credential-%s' is not in PATH", name);
}

int auth_run_helper(const char *name, const char *verb, const char *input, char *const *env,
		    struct buf *out, struct err *err)
{
	char path[4096];
	int in[2], answer[2];
	auto_fd pidfd = FD_NONE;
	struct process_exit ended = {0};

	int rc = find_helper(name, env, path, sizeof(path), err);
	if (rc < 0)
		return rc;
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd in_reader = in[0];
	auto_fd in_writer = in[1];
	if (pipe2(answer, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd reader = answer[0];
	auto_fd writer = answer[1];
	const char *const argv[] = {path, verb, NULL};
	const struct process_fd fds[] = {{in_reader, 0}, {writer, 1}};
	const struct process_spec spec = {.path = path, .argv = argv, .fds = fds, .fd_count = 2};
	rc = process_spawn(&spec, &pidfd, err);
	if (rc < 0)
		return rc;
	fd_closep(&in_reader);
	fd_closep(&writer);
	(void)fd_write_all(in_writer, input, strlen(input));
	fd_closep(&in_writer);
	rc = fd_read_all(reader, "the credential helper's answer", out, err);
	fd_closep(&reader);
	struct err ignored;
	int waited = process_wait(pidfd, &ended, rc < 0 ? &ignored : err);
	return rc < 0 ? rc : waited < 0 ? waited : ended.code != 0 || ended.signal != 0;
}

/* A helper that knows nothing, and says so by its status, is no failure. */
static int use_helper(const char *repository, char *const *env, struct arena *arena,
		      struct auth *auth, struct err *err)
{
	BUF_AUTO(answer, REMOTE_HELPER_BYTES_MAX);
	const char *name = auth->helper;
	char host[300];

	*auth = (struct auth){0};
	if (str_format(host, sizeof(host), "%.*s", (int)strcspn(repository, "/"), repository) < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "'%.100s'", repository);
	int rc = auth_run_helper(name, "get", auth_helper_key(host), env, &answer, err);
	if (rc == 0)
		rc = auth_parse_helper(answer.data, answer.len, arena, auth, err);
	if (answer.data != NULL)
		explicit_bzero(answer.data, answer.len);
	if (rc < 0)
		return err_wrap(err, rc, "credential helper '%s'", name);
	return 0;
}

/* 1: the file is there, and was looked into. */
static int look_into(const char *path, const char *repository, char *const *env,
		     struct arena *arena, struct auth *auth, struct err *err)
{
	BUF_AUTO(text, REMOTE_AUTH_BYTES_MAX);

	*auth = (struct auth){0};
	int rc = fd_read_file_at(AT_FDCWD, path, &text, err);
	if (rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES)
		return 0;
	if (rc == 0 && text.len > 0)
		rc = auth_parse(text.data, text.len, repository, arena, auth, err);
	if (rc == 0 && auth->helper != NULL)
		rc = use_helper(repository, env, arena, auth, err);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	return rc < 0 ? err_wrap(err, rc, "'%s'", path) : 1;
}

int auth_find(const char *file, const char *repository, char *const *env, struct arena *arena,
	      struct auth *ret_auth, struct err *err)
{
	char path[4096];

	*ret_auth = (struct auth){0};
	if (file == NULL)
		file = environment_get(env, "REGISTRY_AUTH_FILE");
	if (file != NULL) {
		int rc = look_into(file, repository, env, arena, ret_auth, err);
		return rc == 0  ? err_set(err, ERR_NOT_FOUND, ENOENT, "'%s'", file)
		       : rc < 0 ? rc
				: 0;
	}
	for (int i = 0; ret_auth->user == NULL && i < ENVIRONMENT_AUTH_FILES; i++) {
		if (environment_auth_file(env, i, path, sizeof(path)) < 0)
			continue;
		int rc = look_into(path, repository, env, arena, ret_auth, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
