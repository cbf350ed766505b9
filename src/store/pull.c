#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"
#include "kern/uapi.h"
#include "store/internal.h"
#include "store/reference.h"
#include "store/wire.h"

#define OPTIONS_MAX 64

/* One reference has one lock file; names of the staging folder end like that, and are swept when unlocked. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash =
		14695981039346656037ULL; /* FNV-1a: a collision only makes two pulls take turns */

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
	return hash;
}

/* Waits for its turn. A lock file that was removed meanwhile, by its holder or a sweep, is no lock. */
static int take_turn(const struct store *store, const char *name, struct err *err)
{
	auto_fd folder = store_folder_open(store, "staging", err);
	struct stat st = {0};

	if (folder < 0)
		return folder;
	for (;;) {
		auto_fd fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_errno(err, "make 'staging/%s'", name);
		while (flock(fd, LOCK_EX) < 0) {
			if (errno != EINTR)
				return err_errno(err, "lock 'staging/%s'", name);
		}
		if (fstat(fd, &st) < 0)
			return err_errno(err, "look at 'staging/%s'", name);
		if (st.st_nlink > 0)
			return fd_take(&fd);
	}
}

static void end_turn(const struct store *store, const char *name)
{
	struct err ignored;
	auto_fd folder = store_folder_open(store, "staging", &ignored);

	if (folder >= 0)
		(void)unlinkat(folder, name, 0);
}

struct remote {
	int pidfd;
	int socket_fd; /* corten-image's end */
	int records_fd;
};

static void remote_done(struct remote *remote)
{
	struct process_exit ignored_exit;
	struct err ignored;

	fd_closep(&remote->socket_fd);
	fd_closep(&remote->records_fd);
	if (remote->pidfd >= 0) {
		(void)uapi_pidfd_send_signal(remote->pidfd, SIGKILL, NULL, 0);
		(void)process_wait(remote->pidfd, &ignored_exit, &ignored);
	}
	fd_closep(&remote->pidfd);
}

static int remote_start(const struct store_pull *request, const char *full, struct remote *remote,
			struct err *err)
{
	const char *argv[OPTIONS_MAX + 4];
	size_t count = 0;
	int pair[2], ends[2];

	if (request->options.count > OPTIONS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "too many options for corten-remote");
	argv[count++] = "corten-remote";
	argv[count++] = "serve";
	for (size_t i = 0; i < request->options.count; i++)
		argv[count++] = request->options.items[i];
	argv[count++] = full;
	argv[count] = NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, "make a pair of sockets");
	remote->socket_fd = pair[0];
	auto_fd theirs = pair[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	remote->records_fd = ends[0];
	auto_fd writer = ends[1];
	const struct process_fd fds[] = {{theirs, WIRE_REMOTE_SOCKET},
					 {writer, WIRE_REMOTE_RECORDS}};
	const struct process_spec spec = {
		.path = request->remote, .argv = argv, .fds = fds, .fd_count = 2};
	return process_spawn(&spec, &remote->pidfd, err);
}

/*
 * When corten-image found no more bytes, it was corten-remote that failed, and wrote down why before it let go of
 * the pipes.
 */
static int prefer_remote(const struct remote *remote, int rc, struct err *err)
{
	struct pollfd reader = {.fd = remote->records_fd, .events = POLLIN};
	struct wire_record record;

	if (poll(&reader, 1, 0) != 1 || (reader.revents & POLLIN) == 0 ||
	    fd_read_full(remote->records_fd, &record, sizeof(record)) != sizeof(record) ||
	    record.type != WIRE_ERROR)
		return rc;
	err_sanitize(&record.err);
	if (record.err.kind == ERR_NONE)
		return rc;
	*err = record.err;
	return err->sys > 0 ? -err->sys : -EIO;
}

static int pull_in_turn(struct store *store, const struct store_pull *request, const char *full,
			struct store_loaded *ret_loaded, struct err *err)
{
	struct remote remote = {FD_NONE, FD_NONE, FD_NONE};

	int rc = remote_start(request, full, &remote, err);
	if (rc == 0) {
		const struct store_load load = {.source = STORE_PULL,
						.input_fd = remote.socket_fd,
						.program = request->program,
						.pulled = full,
						.platform = request->platform,
						.max_bytes = request->max_bytes,
						.event = request->event,
						.event_arg = request->event_arg};
		rc = store_load(store, &load, ret_loaded, err);
	}
	if (rc < 0)
		rc = prefer_remote(&remote, rc, err);
	remote_done(&remote);
	return rc;
}

int store_pull(struct store *store, const struct store_pull *request,
	       struct store_loaded *ret_loaded, struct err *err)
{
	char full[REFERENCE_TEXT_MAX], lock[32];
	struct reference ref;

	int rc = reference_parse(request->reference, &ref, err);
	if (rc < 0)
		return rc;
	if (ref.digest[0] != '\0')
		ref.tag[0] = '\0'; /* the digest says more */
	(void)reference_full(&ref, full);
	(void)snprintf(lock, sizeof(lock), "pull-%016llx.lock", (unsigned long long)hash_of(full));
	auto_fd turn = take_turn(store, lock, err);
	if (turn < 0)
		return turn;
	rc = pull_in_turn(store, request, full, ret_loaded, err);
	end_turn(store, lock);
	return rc < 0 ? err_wrap(err, rc, "pull '%s'", full) : 0;
}
