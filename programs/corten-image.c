/*
 * corten-image: unpacks image archives and root filesystems, and writes images out, confined. Started by
 * the store.
 *
 *   load [--max-bytes N] [--platform OS/ARCH]    descriptors as in store/wire.h
 *   pull [--max-bytes N] [--platform OS/ARCH]    the same, with corten-remote at the socket
 *   import [--max-bytes N] [--message TEXT] [--change LINE]...
 *   save                                         the request is in the staging folder
 *   push                                         the same, with corten-remote at the socket
 *   copy                                         the same; the input may be the socket of a pull
 *   unpack                                       the merged layers, as a detached mount, into a folder
 *   clean ROOT                                   empties the trash of a store, detached
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fd.h"
#include "image/confine.h"
#include "image/copy.h"
#include "image/digest.h"
#include "image/import.h"
#include "image/load.h"
#include "image/push.h"
#include "image/records.h"
#include "image/save.h"
#include "image/unpack.h"
#include "kern/uapi.h"
#include "store/store.h"

static int usage(void)
{
	(void)fprintf(stderr,
		      "corten-image is started by corten:\n"
		      "  corten-image load [--max-bytes N] [--platform OS/ARCH]\n"
		      "  corten-image pull [--max-bytes N] [--platform OS/ARCH]\n"
		      "  corten-image import [--max-bytes N] [--message TEXT] [--change LINE]...\n"
		      "  corten-image save\n"
		      "  corten-image push\n"
		      "  corten-image copy\n"
		      "  corten-image unpack\n"
		      "  corten-image clean ROOT\n");
	return 2;
}

static int parse_options(int argc, char **argv, struct image_options *options)
{
	for (int i = 0; i + 1 < argc; i += 2) {
		const char *value = argv[i + 1];
		if (strcmp(argv[i], "--max-bytes") == 0) {
			char *end;
			errno = 0;
			options->max_bytes = strtoll(value, &end, 10);
			if (errno != 0 || *end != '\0' || options->max_bytes <= 0)
				return -EINVAL;
		} else if (strcmp(argv[i], "--platform") == 0) {
			options->platform = value;
		} else if (strcmp(argv[i], "--message") == 0) {
			options->message = value;
		} else if (strcmp(argv[i], "--change") == 0) {
			options->changes.items[options->changes.count++] = value;
		} else {
			return -EINVAL;
		}
	}
	return argc % 2 == 0 ? 0 : -EINVAL;
}

static int cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);
}

enum work {
	WORK_LOAD,
	WORK_PULL,
	WORK_IMPORT,
	WORK_SAVE,
	WORK_PUSH,
	WORK_COPY,
	WORK_UNPACK,
};

static int do_work(const struct image_options *options, enum work work, struct err *err)
{
	const struct save_options save = {.input_fd = WIRE_FD_INPUT, .output_fd = WIRE_FD_OUTPUT};
	const struct push_options push = {.input_fd = WIRE_FD_INPUT,
					  .socket_fd = WIRE_FD_OUTPUT,
					  .records_fd = WIRE_FD_RECORDS};
	const struct copy_options copy = {.input_fd = WIRE_FD_INPUT,
					  .output_fd = WIRE_FD_OUTPUT,
					  .records_fd = WIRE_FD_RECORDS};

	switch (work) {
	case WORK_LOAD:
	case WORK_PULL:
		return image_load(options, err);
	case WORK_IMPORT:
		return image_import(options, err);
	case WORK_SAVE:
		return image_save(&save, err);
	case WORK_PUSH:
		return image_push(&push, err);
	case WORK_COPY:
		return image_copy(&copy, err);
	case WORK_UNPACK:
		return image_unpack(WIRE_FD_INPUT, WIRE_FD_OUTPUT, err);
	}
	return -EINVAL;
}

static bool writes_out(enum work work)
{
	return work == WORK_SAVE || work == WORK_COPY || work == WORK_UNPACK;
}

/* A pull's, and a copy's out of a registry. */
static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* All that needs a view of the filesystem comes before it is given up. */
static int run_confined(const struct image_options *options, enum work work, struct err *err)
{
	const struct confine_fds fds = {
		.staging_fd = WIRE_FD_STAGING,
		.input_fd = WIRE_FD_INPUT,
		.output_fd = writes_out(work) ? WIRE_FD_OUTPUT : FD_NONE,
		.input_detached = work == WORK_UNPACK,
	};
	int rc = digest_prepare(err);
	if (rc == 0)
		rc = confine(&fds,
			     is_socket(WIRE_FD_INPUT) || is_socket(WIRE_FD_OUTPUT)
				     ? CONFINE_SOCKET
				     : CONFINE_ARCHIVE,
			     err);
	return rc < 0 ? rc : do_work(options, work, err);
}

/* Without the store there is nobody to work for. False: it is gone already. */
static bool die_with_store(void)
{
	struct pollfd reader = {.fd = WIRE_FD_RECORDS};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return poll(&reader, 1, 0) == 0;
}

static int work_for_store(int argc, char **argv, enum work work, const char **changes)
{
	struct image_options options = {.input_fd = WIRE_FD_INPUT,
					.served = work == WORK_PULL,
					.records_fd = WIRE_FD_RECORDS,
					.known_fd = WIRE_FD_KNOWN,
					.threads = cores(),
					.changes = {.items = changes}};
	struct wire_record record = {.type = WIRE_END};
	struct err err = {0};
	struct err unsent;

	if (parse_options(argc, argv, &options) < 0)
		return usage();
	if (!die_with_store())
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)uapi_close_range(WIRE_FD_LOCKS + 2, ~0U, 0);
	int rc = run_confined(&options, work, &err);
	if (rc < 0) {
		record.type = WIRE_ERROR;
		record.err = err;
	}
	rc |= records_send(WIRE_FD_RECORDS, &record, &unsent);
	/* No exit handlers: some would want the filesystem that is gone. */
	_exit(rc < 0 ? 1 : 0);
}

/* Returns only when there was nothing to do: work_for_store() ends the process. */
static int start_work(int argc, char **argv, enum work work)
{
	const char **changes = calloc((size_t)argc + 1, sizeof(*changes));

	if (changes == NULL)
		return 1;
	int status = work_for_store(argc, argv, work, changes);
	free(changes);
	return status;
}

static int clean(const char *root)
{
	struct store *store;
	struct err err;

	/* The caller waits for the first half only, and a terminal that closes with it ends nothing here. */
	(void)signal(SIGHUP, SIG_IGN);
	pid_t pid = fork();
	if (pid != 0)
		return pid < 0 ? 1 : 0;
	(void)setsid();
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		(void)dup2(null, fd);
	int rc = store_open(root, &store, &err);
	if (rc == 0) {
		rc = store_trash_empty(store, &err);
		store_close(store);
	}
	return rc < 0 ? 1 : 0; /* nobody listens: the next load or removal tries again */
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "load") == 0)
		return start_work(argc - 2, argv + 2, WORK_LOAD);
	if (argc >= 2 && strcmp(argv[1], "pull") == 0)
		return start_work(argc - 2, argv + 2, WORK_PULL);
	if (argc >= 2 && strcmp(argv[1], "import") == 0)
		return start_work(argc - 2, argv + 2, WORK_IMPORT);
	if (argc == 2 && strcmp(argv[1], "save") == 0)
		return start_work(0, argv + 2, WORK_SAVE);
	if (argc == 2 && strcmp(argv[1], "push") == 0)
		return start_work(0, argv + 2, WORK_PUSH);
	if (argc == 2 && strcmp(argv[1], "copy") == 0)
		return start_work(0, argv + 2, WORK_COPY);
	if (argc == 2 && strcmp(argv[1], "unpack") == 0)
		return start_work(0, argv + 2, WORK_UNPACK);
	if (argc == 3 && strcmp(argv[1], "clean") == 0)
		return clean(argv[2]);
	return usage();
}
