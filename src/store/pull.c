#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "store/internal.h"
#include "store/reference.h"
#include "store/remote.h"

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

static int pull_in_turn(struct store *store, const struct store_pull *request, const char *full,
			struct store_loaded *ret_loaded, struct err *err)
{
	struct remote remote = REMOTE_INIT;
	const struct remote_start start = {.program = request->remote,
					   .verb = "serve",
					   .options = request->options,
					   .password = request->password,
					   .reference = full};

	int rc = remote_start(&start, &remote, err);
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
		rc = remote_prefer(&remote, rc, err);
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
