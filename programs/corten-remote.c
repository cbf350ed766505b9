/*
 * corten-remote: talks to registries; the one program that opens network connections. Started by the store and the
 * engine, with the descriptors of store/wire.h.
 *
 *   serve [OPTION]... REFERENCE               answers corten-image, or the engine
 *   push [OPTION]... [--from REPOSITORY]... REFERENCE    what a push brings
 *                                             a password for --user comes through WIRE_REMOTE_SECRET, a pipe
 *   login [OPTION]... --user USER REGISTRY    the password comes through WIRE_REMOTE_SOCKET, a pipe
 *   logout [OPTION]... REGISTRY|--all
 *   user [OPTION]... REGISTRY                 tells the name with which one is logged in, as a WIRE_NAME
 *
 * It has no way to the store: bytes leave it through pipes, and are checked by whoever reads them.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "kern/uapi.h"
#include "remote/auth.h"
#include "remote/fetch.h"
#include "remote/limits.h"
#include "remote/login.h"
#include "remote/put.h"
#include "remote/registries.h"
#include "remote/serve.h"
#include "remote/session.h"

extern char **environ;

struct arguments {
	struct session_options options;
	const char *user;
	json_strings from;
	const char *from_items[WIRE_MOUNTS_MAX];
	struct auth auth; /* serve and push, with --user */
	struct buf password;
	const char *operand; /* NULL: --all */
	struct fetch_lists lists;
};

static int usage(void)
{
	(void)fprintf(stderr, "corten-remote is started by corten:\n"
			      "  corten-remote serve [OPTION]... REFERENCE\n"
			      "  corten-remote push [OPTION]... [--from REPOSITORY]... REFERENCE\n"
			      "  corten-remote login [OPTION]... --user USER REGISTRY\n"
			      "  corten-remote logout [OPTION]... REGISTRY|--all\n"
			      "  corten-remote user [OPTION]... REGISTRY\n"
			      "OPTION: --auth-file FILE, --cert-folder FOLDER, "
			      "--tls-verify true|false, --user USER,\n"
			      "        --artifact-type TYPE, --limit N\n");
	return 2;
}

/* Nothing of what is half done is worth ending in order: the reader sees the pipes close. */
static void fail(void *arg, const struct err *err)
{
	struct wire_record record = {.type = WIRE_ERROR, .err = *err};

	(void)arg;
	(void)fd_write_all(WIRE_REMOTE_RECORDS, &record, sizeof(record));
	_exit(1);
}

static int parse_limit(const char *text, size_t *ret_limit, struct err *err)
{
	uint64_t limit = 0;
	int rc = str_parse_uint64(text, REMOTE_TAGS_MAX, &limit, err);

	*ret_limit = (size_t)limit;
	return rc;
}

static int parse(int argc, char **argv, struct arguments *arguments, struct err *err)
{
	struct session_options *options = &arguments->options;
	int i = 0, rc = 0;

	arguments->from.items = arguments->from_items;
	for (; i + 1 < argc && rc == 0; i += 2) {
		const char *value = argv[i + 1];
		if (strcmp(argv[i], "--auth-file") == 0)
			options->auth_file = value;
		else if (strcmp(argv[i], "--cert-folder") == 0)
			options->cert_folder = value;
		else if (strcmp(argv[i], "--artifact-type") == 0)
			arguments->lists.artifact_type = value;
		else if (strcmp(argv[i], "--limit") == 0)
			rc = parse_limit(value, &arguments->lists.tags_max, err);
		else if (strcmp(argv[i], "--user") == 0)
			arguments->user = value;
		else if (strcmp(argv[i], "--from") == 0 && arguments->from.count < WIRE_MOUNTS_MAX)
			arguments->from_items[arguments->from.count++] = value;
		else if (strcmp(argv[i], "--tls-verify") == 0)
			options->verify =
				strcmp(value, "false") == 0 ? SESSION_VERIFY_NOT : SESSION_VERIFY;
		else
			return err_set(err, ERR_INVALID, 0, "unknown option '%s'", argv[i]);
	}
	if (rc < 0)
		return rc;
	if (i + 1 != argc)
		return err_set(err, ERR_INVALID, 0, "nothing is named");
	arguments->operand = strcmp(argv[i], "--all") == 0 ? NULL : argv[i];
	return 0;
}

static bool is_fetch_request(const void *request)
{
	return fetch_request_valid(request);
}

static int fetch_for_serve(void *arg, const void *request, int fd, struct err *err)
{
	return fetch_write(arg, request, fd, err);
}

/* A name and a password for this once: the password comes through a pipe. */
static int take_secret(struct arguments *arguments, struct err *err)
{
	if (arguments->user == NULL)
		return 0;
	int rc = fd_read_all(WIRE_REMOTE_SECRET, "the password", &arguments->password, err);
	(void)close(WIRE_REMOTE_SECRET);
	buf_char(&arguments->password, '\0');
	if (rc == 0)
		rc = buf_check(&arguments->password, "the password", err);
	arguments->auth =
		(struct auth){.user = arguments->user, .password = arguments->password.data};
	arguments->options.auth = &arguments->auth;
	return rc;
}

struct endpoints {
	struct registries_endpoint found[REGISTRIES_ENDPOINTS_MAX];
	struct session_options options[REGISTRIES_ENDPOINTS_MAX];
	struct fetch_source sources[REGISTRIES_ENDPOINTS_MAX];
	size_t count;
};

/* Mirrors, and the registry; what the command line says of TLS goes before what registries.conf says. */
static int find_endpoints(const struct arguments *arguments, struct endpoints *endpoints,
			  struct arena *arena, struct err *err)
{
	struct registries registries = {.arena = arena};
	struct reference reference;
	size_t count = 0;

	int rc = reference_parse(arguments->operand, &reference, err);
	if (rc == 0)
		rc = registries_load(&registries, environ, err);
	if (rc == 0)
		rc = registries_resolve(&registries, &reference, endpoints->found, &count, err);
	for (; rc == 0 && endpoints->count < count; endpoints->count++) {
		const struct registries_endpoint *found = &endpoints->found[endpoints->count];
		struct session_options *options = &endpoints->options[endpoints->count];
		struct fetch_source *source = &endpoints->sources[endpoints->count];
		*options = arguments->options;
		options->reference = found->reference;
		/* A password given for a registry is nothing to its mirrors. */
		if (strcmp(found->reference.domain, reference.domain) != 0)
			options->auth = NULL;
		if (found->insecure && options->verify == SESSION_VERIFY_DEFAULT)
			options->verify = SESSION_VERIFY_NOT;
		source->reference = &options->reference;
		rc = session_new(options, &source->session, err);
	}
	return rc;
}

static int serve(struct arguments *arguments, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	struct endpoints *endpoints = arena_alloc(&arena, sizeof(*endpoints));
	struct fetch fetch;

	if (endpoints == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "prepare a pull");
	int rc = http_init(err);
	if (rc == 0)
		rc = find_endpoints(arguments, endpoints, &arena, err);
	if (rc < 0)
		return rc;
	fetch_init(&fetch, endpoints->sources, endpoints->count);
	fetch.lists = arguments->lists;
	const struct serve server = {.socket_fd = WIRE_REMOTE_SOCKET,
				     .request_size = sizeof(struct wire_request),
				     .valid = is_fetch_request,
				     .serve = fetch_for_serve,
				     .arg = &fetch,
				     .fail = fail};
	rc = serve_run(&server, err);
	fetch_done(&fetch);
	for (size_t i = 0; i < endpoints->count; i++)
		session_free(endpoints->sources[i].session);
	return rc;
}

/* Nothing is pushed to mirrors, or to where registries.conf would rather pull from. */
static int push_options(struct arguments *arguments, struct reference *reference,
			struct arena *arena, struct err *err)
{
	struct session_options *options = &arguments->options;
	struct registries_endpoint *found =
		arena_alloc(arena, REGISTRIES_ENDPOINTS_MAX * sizeof(*found));
	struct registries registries = {.arena = arena};
	size_t count = 0;

	if (found == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "prepare a push");
	int rc = reference_parse(arguments->operand, reference, err);
	if (rc == 0)
		rc = registries_load(&registries, environ, err);
	if (rc == 0)
		rc = registries_resolve(&registries, reference, found, &count, err);
	if (rc < 0)
		return rc;
	if (count > 0 && found[count - 1].insecure && options->verify == SESSION_VERIFY_DEFAULT)
		options->verify = SESSION_VERIFY_NOT;
	options->reference = *reference;
	options->push = true;
	return 0;
}

static int push(struct arguments *arguments, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	struct session *session = NULL;
	struct reference reference;
	struct put put;

	int rc = http_init(err);
	if (rc == 0)
		rc = push_options(arguments, &reference, &arena, err);
	if (rc == 0)
		rc = session_new(&arguments->options, &session, err);
	if (rc < 0)
		return rc;
	put_init(&put, session, &reference, &arguments->from);
	const struct serve server = {.socket_fd = WIRE_REMOTE_SOCKET,
				     .request_size = sizeof(struct wire_put_request),
				     .both_ways = true,
				     .valid = put_request_valid,
				     .serve = put_serve,
				     .adopt = put_adopt,
				     .closed = put_closed,
				     .arg = &put,
				     .fail = fail};
	rc = serve_run(&server, err);
	put_done(&put);
	session_free(session);
	return rc;
}

static int login(struct arguments *arguments, const char *key, struct err *err)
{
	BUF_AUTO(password, REMOTE_TOKEN_BYTES_MAX / 2);

	int rc = fd_read_all(WIRE_REMOTE_SOCKET, "the password", &password, err);
	if (rc == 0)
		rc = http_init(err);
	if (rc == 0)
		rc = login_add(&arguments->options, key, arguments->user,
			       password.data != NULL ? password.data : "", err);
	if (password.data != NULL)
		explicit_bzero(password.data, password.len);
	return rc;
}

static int tell_user(const struct arguments *arguments, const char *key, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	struct wire_record record = {.type = WIRE_NAME};
	const char *user = NULL;

	int rc = login_user(&arguments->options, key, &arena, &user, err);
	if (rc == 0 && str_copy(record.name, sizeof(record.name), user) < 0)
		rc = err_set(err, ERR_INVALID, 0, "the user's name is too long");
	if (rc == 0)
		rc = fd_write_all(WIRE_REMOTE_RECORDS, &record, sizeof(record));
	return rc;
}

static int run(const char *verb, struct arguments *arguments, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	const char *key = NULL;
	int rc = 0;

	bool serves = strcmp(verb, "serve") == 0 && arguments->operand != NULL;
	bool pushes = strcmp(verb, "push") == 0 && arguments->operand != NULL;
	if (serves || pushes)
		rc = take_secret(arguments, err);
	if (rc == 0 && (serves || pushes))
		return serves ? serve(arguments, err) : push(arguments, err);
	if (arguments->operand != NULL)
		rc = login_parse(arguments->operand, &arguments->options, &arena, &key, err);
	if (rc < 0)
		return rc;
	if (strcmp(verb, "login") == 0 && key != NULL && arguments->user != NULL)
		return login(arguments, key, err);
	if (strcmp(verb, "logout") == 0)
		return login_remove(&arguments->options, key, err);
	if (strcmp(verb, "user") == 0 && key != NULL)
		return tell_user(arguments, key, err);
	return err_set(err, ERR_INVALID, 0, "corten-remote cannot '%.20s'", verb);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.options = {.env = environ},
				      .password = BUF_INIT(REMOTE_TOKEN_BYTES_MAX / 2)};
	struct wire_record end = {.type = WIRE_END};
	struct err err = {0};

	if (argc < 3)
		return usage();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* it holds passwords */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)uapi_close_range(WIRE_REMOTE_SECRET + 1, ~0U, 0);
	int rc = parse(argc - 2, argv + 2, &arguments, &err);
	if (rc == 0)
		rc = run(argv[1], &arguments, &err);
	if (rc < 0)
		fail(NULL, &err);
	(void)fd_write_all(WIRE_REMOTE_RECORDS, &end, sizeof(end));
	return 0;
}
