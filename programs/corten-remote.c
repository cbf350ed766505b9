/*
 * corten-remote: talks to registries; the one program that opens network connections. Started by the store.
 *
 *   serve [OPTION]... REFERENCE    answers corten-image, over the descriptors of store/wire.h
 *
 * It has no way to the store: bytes leave it through pipes, and are checked by whoever reads them.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "kern/uapi.h"
#include "remote/fetch.h"
#include "remote/serve.h"
#include "remote/session.h"

extern char **environ;

static int usage(void)
{
	(void)fprintf(stderr, "corten-remote is started by corten:\n"
			      "  corten-remote serve [--auth-file FILE] [--cert-folder FOLDER]\n"
			      "                      [--tls-verify true|false] REFERENCE\n");
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

static int fetch_for_serve(void *arg, const struct wire_request *request, int fd, struct err *err)
{
	return fetch_write(arg, request, fd, err);
}

static int parse_options(int argc, char **argv, struct session_options *options, struct err *err)
{
	int i = 0;

	for (; i + 1 < argc; i += 2) {
		const char *value = argv[i + 1];
		if (strcmp(argv[i], "--auth-file") == 0)
			options->auth_file = value;
		else if (strcmp(argv[i], "--cert-folder") == 0)
			options->cert_folder = value;
		else if (strcmp(argv[i], "--tls-verify") == 0)
			options->verify =
				strcmp(value, "false") == 0 ? SESSION_VERIFY_NOT : SESSION_VERIFY;
		else
			return err_set(err, ERR_INVALID, 0, "unknown option '%s'", argv[i]);
	}
	if (i + 1 != argc)
		return err_set(err, ERR_INVALID, 0, "no reference");
	return reference_parse(argv[i], &options->reference, err);
}

static int serve(int argc, char **argv, struct err *err)
{
	struct session_options options = {.env = environ};
	struct session *session = NULL;
	struct fetch fetch;

	int rc = parse_options(argc, argv, &options, err);
	if (rc == 0)
		rc = http_init(err);
	if (rc == 0)
		rc = session_new(&options, &session, err);
	if (rc < 0)
		return rc;
	fetch_init(&fetch, session, &options.reference);
	const struct serve server = {.socket_fd = WIRE_REMOTE_SOCKET,
				     .valid = fetch_request_valid,
				     .write = fetch_for_serve,
				     .arg = &fetch,
				     .fail = fail};
	rc = serve_run(&server, err);
	fetch_done(&fetch);
	session_free(session);
	return rc;
}

int main(int argc, char **argv)
{
	struct err err = {0};

	if (argc < 3 || strcmp(argv[1], "serve") != 0)
		return usage();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* it holds passwords */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)uapi_close_range(WIRE_REMOTE_RECORDS + 1, ~0U, 0);
	if (serve(argc - 2, argv + 2, &err) < 0)
		fail(NULL, &err);
	return 0;
}
