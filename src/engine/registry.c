/* What needs a registry, or its passwords, and no store: corten-remote does it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/process.h"
#include "engine/internal.h"
#include "engine/spec/list.h"
#include "store/wire.h"

static int add(json_strings *options, const char *name, const char *value, struct arena *arena,
	       struct err *err)
{
	if (value == NULL)
		return 0;
	int rc = list_push_text(options, name, arena, err);
	return rc < 0 ? rc : list_push_text(options, value, arena, err);
}

/* "user:password": the name is an argument, the password none. */
static int add_credentials(const char *credentials, struct arena *arena, json_strings *options,
			   const char **ret_password, struct err *err)
{
	const char *colon = strchr(credentials, ':');

	if (colon == NULL || colon == credentials)
		return err_set(err, ERR_INVALID, 0, "--creds is USER:PASSWORD");
	const char *user = arena_strndup(arena, credentials, (size_t)(colon - credentials));
	if (user == NULL)
		return list_no_memory(err);
	*ret_password = colon + 1;
	return add(options, "--user", user, arena, err);
}

int registry_options(const struct engine_access *access, struct arena *arena,
		     json_strings *ret_options, const char **ret_password, struct err *err)
{
	const char *verify = access->tls_verify;

	/* "false" is all that turns it off; a word that is neither is refused before anything is trusted. */
	if (verify != NULL && strcmp(verify, "true") != 0 && strcmp(verify, "false") != 0)
		return err_set(err, ERR_INVALID, 0, "--tls-verify is true or false, not '%.100s'",
			       verify);
	int rc = add(ret_options, "--auth-file", access->auth_file, arena, err);
	if (rc == 0)
		rc = add(ret_options, "--cert-folder", access->cert_folder, arena, err);
	if (rc == 0)
		rc = add(ret_options, "--tls-verify", verify, arena, err);
	if (rc < 0 || access->credentials == NULL || ret_password == NULL)
		return rc;
	return add_credentials(access->credentials, arena, ret_options, ret_password, err);
}

int registry_check_online(const struct engine *engine, const char *what, struct err *err)
{
	if (!engine->config->offline)
		return 0;
	return err_set(err, ERR_DENIED, 0,
		       "offline (--offline, or corten.conf): %.250s would have to be asked", what);
}

/* The records of the program: a name for ret_name, and how it ended. */
static int read_end(int fd, struct arena *arena, const char **ret_name, struct err *err)
{
	for (;;) {
		struct wire_record record;
		if (fd_read_full(fd, &record, sizeof(record)) != sizeof(record))
			return err_set(err, ERR_SYSTEM, EPROTO, "corten-remote ended early");
		if (record.type == WIRE_END)
			return 0;
		if (record.type == WIRE_NAME && ret_name != NULL) {
			record.name[sizeof(record.name) - 1] = '\0';
			*ret_name = arena_strndup(arena, record.name, strlen(record.name));
			if (*ret_name == NULL)
				return list_no_memory(err);
			continue;
		}
		if (record.type != WIRE_ERROR)
			return err_set(err, ERR_INVALID, EPROTO,
				       "corten-remote sent a record of type %u", record.type);
		err_sanitize(&record.err);
		*err = record.err;
		return err->sys > 0 ? -err->sys : -EIO;
	}
}

/* Ends with NULL, as a program's arguments do. */
static int make_argv(const char *verb, const struct engine_login *request, struct arena *arena,
		     json_strings *ret_argv, struct err *err)
{
	int rc = list_push_text(ret_argv, "corten-remote", arena, err);

	if (rc == 0)
		rc = list_push_text(ret_argv, verb, arena, err);
	if (rc == 0)
		rc = registry_options(&request->access, arena, ret_argv, NULL, err);
	if (rc == 0)
		rc = add(ret_argv, "--user", request->user, arena, err);
	if (rc == 0)
		rc = list_push_text(ret_argv,
				    request->registry != NULL ? request->registry : "--all", arena,
				    err);
	return rc < 0 ? rc : list_push_text(ret_argv, NULL, arena, err);
}

static int run(struct engine *engine, const char *verb, const struct engine_login *request,
	       struct arena *arena, const char **ret_name, struct err *err)
{
	json_strings argv = {0};
	const char *program = NULL;
	struct process_exit ended;
	int in[2], out[2];
	auto_fd pidfd = FD_NONE;

	int rc = paths_find_program(engine, "corten-remote", arena, &program, err);
	if (rc < 0)
		return rc;
	rc = make_argv(verb, request, arena, &argv, err);
	if (rc < 0)
		return rc;
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd in_reader = in[0];
	auto_fd in_writer = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd reader = out[0];
	auto_fd writer = out[1];
	const struct process_fd fds[] = {{in_reader, WIRE_REMOTE_SOCKET},
					 {writer, WIRE_REMOTE_RECORDS}};
	const struct process_spec spec = {
		.path = program, .argv = argv.items, .fds = fds, .fd_count = 2};
	rc = process_spawn(&spec, &pidfd, err);
	if (rc < 0)
		return rc;
	fd_closep(&in_reader);
	fd_closep(&writer);
	if (request->password != NULL)
		(void)fd_write_all(in_writer, request->password, strlen(request->password));
	fd_closep(&in_writer);
	rc = read_end(reader, arena, ret_name, err);
	struct err ignored;
	(void)process_wait(pidfd, &ended, &ignored);
	return rc;
}

int engine_registry_login(struct engine *engine, const struct engine_login *request,
			  struct arena *arena, struct err *err)
{
	if (engine->config->offline)
		return err_set(err, ERR_DENIED, 0,
			       "offline (--offline, or corten.conf): registry '%.200s' would have "
			       "to be asked",
			       request->registry);
	return run(engine, "login", request, arena, NULL, err);
}

int engine_registry_logout(struct engine *engine, const struct engine_login *request,
			   struct arena *arena, struct err *err)
{
	return run(engine, "logout", request, arena, NULL, err);
}

int engine_registry_user(struct engine *engine, const struct engine_login *request,
			 struct arena *arena, const char **ret_user, struct err *err)
{
	*ret_user = NULL;
	int rc = run(engine, "user", request, arena, ret_user, err);
	if (rc == 0 && *ret_user == NULL)
		rc = err_set(err, ERR_SYSTEM, EPROTO, "corten-remote named nobody");
	return rc;
}
