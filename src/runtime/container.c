#include "runtime/container.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/process.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/procfs.h"
#include "runtime/config.h"
#include "runtime/holder.h"
#include "runtime/notify.h"

#define CONTAINER_LOCK_PATIENCE_MS 1000
#define CONTAINER_LOCK_ASK_MS      10000
#define CONTAINER_LOCK_END_MS      5000
#define CONTAINER_LOCK_RETRY_MS    10

static const struct json_field record_fields[] = {
	JSON_STRING_NEEDED(struct container_record, oci_version, "ociVersion"),
	JSON_STRING_NEEDED(struct container_record, id, "id"),
	JSON_STRING_NEEDED(struct container_record, bundle, "bundle"),
	JSON_STRING(struct container_record, rootfs, "rootfs"),
	JSON_INT32(struct container_record, pid, "pid"),
	JSON_UINT64(struct container_record, pid_start, "pidStart"),
	JSON_STRING(struct container_record, created, "created"),
	JSON_UINT32(struct container_record, owner_uid, "ownerUid"),
	JSON_BOOL(struct container_record, no_new_keyring, "noNewKeyring"),
	JSON_LIST(struct container_record, cgroup_paths, "cgroupPaths", JSON_TYPE_STRING),
	JSON_LIST(struct container_record, resctrl_paths, "resctrlPaths", JSON_TYPE_STRING),
	JSON_STRING(struct container_record, systemd_unit, "systemdUnit"),
	JSON_STRING(struct container_record, systemd_description, "systemdDescription"),
	JSON_BOOL(struct container_record, systemd_user, "systemdUser"),
	JSON_STRING_MAP(struct container_record, annotations, "annotations"),
};
JSON_SHAPE(container_record_shape, struct container_record, record_fields);

int container_check_id(const char *id, struct err *err)
{
	size_t len = strlen(id);

	if (len == 0)
		return err_set(err, ERR_INVALID, EINVAL, "the container id is empty");
	if (len > CONTAINER_ID_MAX)
		return err_set(err, ERR_INVALID, EINVAL,
			       "the container id has %zu characters; %d are allowed", len,
			       CONTAINER_ID_MAX);
	for (const char *at = id; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && strchr("_+.-", *at) == NULL)
			return err_set(
				err, ERR_INVALID, EINVAL,
				"invalid container id '%s': only letters, digits and _ + . - "
				"are allowed",
				id);
	if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return err_set(err, ERR_INVALID, EINVAL, "invalid container id '%s'", id);
	return 0;
}

/* Makes each missing folder of an absolute or relative path; `mkdir -p -m 0700`. */
static int container_make_root(const char *root, struct err *err)
{
	char path[PATH_LENGTH_MAX];
	size_t len = strlen(root);

	if (len >= sizeof(path))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "--root '%s'", root);
	memcpy(path, root, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (mkdirat(AT_FDCWD, path, 0700) < 0 && errno != EEXIST)
			return err_errno(err, "make the state folder '%s'", path);
		path[i] = i == len ? '\0' : '/';
	}
	return 0;
}

int container_open_root(const char *root, bool make, struct err *err)
{
	struct stat st;
	auto_fd fd = openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make) {
		int rc = container_make_root(root, err);
		if (rc < 0)
			return rc;
		fd = openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_errno(err, "open the state folder '%s'", root);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "look at the state folder '%s'", root);
	if (st.st_uid != process_born_as() || (st.st_mode & 0022) != 0)
		return err_set(err, ERR_DENIED, EPERM,
			       "the state folder '%s' must belong to uid %u and be writable by no "
			       "one else",
			       root, geteuid());
	return fd_take(&fd);
}

void container_init(struct container *container)
{
	*container = (struct container){
		.root_fd = FD_NONE,
		.dir_fd = FD_NONE,
		.arena = ARENA_INIT(CONFIG_MEMORY_MAX),
		.config_text = BUF_INIT(CONFIG_BYTES_MAX),
	};
}

void container_close(struct container *container)
{
	fd_closep(&container->dir_fd);
	fd_closep(&container->root_fd);
	buf_done(&container->config_text);
	arena_done(&container->arena);
}

void container_unlock(struct container *container)
{
	(void)flock(container->dir_fd, LOCK_UN);
}

/* The end of the first process ends whatever the lock's holder waits for. */
static bool container_kill_unlocked(int root_fd, const char *id)
{
	struct container seen;
	struct err ignored;
	struct stat st;
	int pidfd = FD_NONE;

	if (container_peek(root_fd, id, &seen, &ignored) < 0)
		return false;
	if (fstat(seen.dir_fd, &st) == 0 && st.st_uid == geteuid()) /* its word counts */
		(void)container_status(&seen, &pidfd);
	bool killed = pidfd >= 0 && pidfd_signal(pidfd, SIGKILL, &ignored) == 0;
	fd_closep(&pidfd);
	container_close(&seen);
	return killed;
}

/* Returns 1 with the lock, 0 when time ran out, -ENOENT when the folder was removed meanwhile. */
static int container_try_lock(const struct container *container, int timeout_ms)
{
	const struct timespec pause = {.tv_nsec = CONTAINER_LOCK_RETRY_MS * 1000000L};
	struct stat st;

	for (int ms = 0; ms < timeout_ms; ms += CONTAINER_LOCK_RETRY_MS) {
		if (flock(container->dir_fd, LOCK_EX | LOCK_NB) == 0)
			return 1;
		/* Its last hooks may run still. */
		if (fstat(container->dir_fd, &st) == 0 && st.st_nlink == 0)
			return -ENOENT;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/*
 * Who may kill does not wait for ever: the holder may itself wait for a first process that a neighbour
 * in its PID namespace has stopped, or for a hook; and may be stopped itself, or hang.
 */
static int container_force_lock(struct container *container, const char *id,
				enum container_force force, struct err *err)
{
	int got = container_try_lock(container, force == CONTAINER_FORCE_ASK
							? CONTAINER_LOCK_ASK_MS
							: CONTAINER_LOCK_PATIENCE_MS);
	int rc = 0;

	if (got == 0 && force != CONTAINER_FORCE_ASK) {
		container->killed = container_kill_unlocked(container->root_fd, id);
		if (container->killed)
			got = container_try_lock(container, CONTAINER_LOCK_END_MS);
	}
	if (got <= 0 && force == CONTAINER_FORCE_KILL && container->killed)
		return 0; /* what is left of it is that command's */
	if (got == 0 && force == CONTAINER_FORCE_DELETE) {
		rc = holder_kill(container->dir_fd, err);
		got = container_try_lock(container, CONTAINER_LOCK_END_MS);
	}
	if (got < 0)
		return err_set(err, ERR_NOT_FOUND, 0, "container '%s' does not exist", id);
	if (got > 0)
		return 0;
	return rc < 0 ? err_wrap(err, rc, "end the command that holds the lock of container '%s'",
				 id)
		      : err_set(err, ERR_CONFLICT, EBUSY,
				"another command has been at work on container '%s' for a while; "
				"delete "
				"--force ends it",
				id);
}

/* Takes the lock of an opened folder; one that was removed meanwhile counts as absent. */
static int container_take_lock(struct container *container, const char *id,
			       enum container_force force, struct err *err)
{
	struct stat held, named;
	int rc =
		force == CONTAINER_FORCE_NONE ? 0 : container_force_lock(container, id, force, err);

	while (rc == 0 && force == CONTAINER_FORCE_NONE && flock(container->dir_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			rc = err_errno(err, "lock the state of container '%s'", id);
	container->uid = process_born_as();
	if (rc < 0 || (container->killed && force == CONTAINER_FORCE_KILL))
		return rc;
	if (fstat(container->dir_fd, &held) < 0 ||
	    fstatat(container->root_fd, id, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    held.st_ino != named.st_ino || held.st_dev != named.st_dev)
		return err_set(err, ERR_NOT_FOUND, 0, "container '%s' does not exist", id);
	if (held.st_uid != container->uid)
		return err_set(err, ERR_DENIED, EPERM,
			       "the state of container '%s' belongs to uid %u", id, held.st_uid);
	return 0;
}

int container_relock(struct container *container, struct err *err)
{
	int rc = container_take_lock(container, container->record.id, CONTAINER_FORCE_NONE, err);

	return rc == 0 ? 0 : err_wrap(err, rc, "it was deleted meanwhile");
}

/* Opens ROOT/ID and takes its lock. */
static int container_lock_dir(struct container *container, const char *id,
			      enum container_force force, struct err *err)
{
	container->dir_fd =
		openat(container->root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (container->dir_fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, 0, "container '%s' does not exist", id);
	if (container->dir_fd < 0)
		return err_errno(err, "open the state of container '%s'", id);
	return container_take_lock(container, id, force, err);
}

static int container_read_record(struct container *container, const char *id, struct err *err)
{
	BUF_AUTO(text, CONFIG_BYTES_MAX);
	int rc = fd_read_file_at(container->dir_fd, "state.json", &text, err);

	if (rc == -ENOENT) {
		/* Killed between making the folder and writing its first record: nothing else exists. */
		container->record = (struct container_record){
			.oci_version = OCI_VERSION,
			.id = arena_strndup(&container->arena, id, strlen(id)),
			.bundle = "",
		};
		return 0;
	}
	if (rc == 0)
		rc = json_parse(&container_record_shape, text.data, text.len, &container->arena,
				&container->record, err);
	return rc < 0 ? err_wrap(err, rc, "the state of container '%s'", id) : 0;
}

int container_reserve(struct container *container, const char *root, const char *id,
		      struct err *err)
{
	int rc = container_check_id(id, err);

	if (rc < 0)
		return rc;
	auto_fd root_fd = container_open_root(root, true, err);
	if (root_fd < 0)
		return root_fd;
	if (mkdirat(root_fd, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_set(err, ERR_CONFLICT, 0,
				       "container with id '%s' already exists", id);
		return err_errno(err, "make the state folder of container '%s'", id);
	}
	container->root_fd = fd_take(&root_fd);
	container->record.id = id; /* container_forget() needs it before there is a record */
	rc = container_lock_dir(container, id, CONTAINER_FORCE_NONE, err);
	if (rc < 0)
		(void)unlinkat(container->root_fd, id, AT_REMOVEDIR);
	return rc;
}

int container_open_by(const char *root, const char *id, enum container_force force,
		      struct container *ret, struct err *err)
{
	int rc = container_check_id(id, err);

	if (rc < 0)
		return rc;
	auto_fd root_fd = container_open_root(root, false, err);
	if (root_fd == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, 0, "container '%s' does not exist", id);
	if (root_fd < 0)
		return root_fd;
	container_init(ret);
	ret->root_fd = fd_take(&root_fd);
	rc = container_lock_dir(ret, id, force, err);
	if (rc == 0)
		rc = container_read_record(ret, id, err);
	if (rc < 0)
		container_close(ret);
	return rc;
}

int container_open(const char *root, const char *id, struct container *ret, struct err *err)
{
	return container_open_by(root, id, CONTAINER_FORCE_NONE, ret, err);
}

int container_peek(int root_fd, const char *id, struct container *ret, struct err *err)
{
	container_init(ret);
	ret->dir_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = ret->dir_fd < 0
			 ? err_set(err, ERR_NOT_FOUND, 0, "container '%s' does not exist", id)
			 : container_read_record(ret, id, err);

	if (rc < 0)
		container_close(ret);
	return rc;
}

int container_load_config(struct container *container, struct err *err)
{
	if (container->config_text.len > 0)
		return 0; /* `run` has it from the bundle */
	int rc = fd_read_file_at(container->dir_fd, "config.json", &container->config_text, err);

	if (rc == 0)
		rc = json_parse(&oci_config_shape, container->config_text.data,
				container->config_text.len, &container->arena, &container->config,
				err);
	if (rc == 0)
		rc = config_complete(&container->config, &container->arena, err);
	return rc < 0 ? err_wrap(err, rc, "configuration of container '%s'", container->record.id)
		      : 0;
}

int container_save(struct container *container, struct err *err)
{
	BUF_AUTO(text, CONFIG_BYTES_MAX);

	json_write(&container_record_shape, &container->record, JSON_COMPACT, &text);
	int rc = buf_check(&text, "state.json", err);
	if (rc == 0)
		rc = fd_replace_file_at(container->dir_fd, "state.json", text.data, text.len, 0600,
					err);
	return rc < 0 ? err_wrap(err, rc, "save the state of container '%s'", container->record.id)
		      : 0;
}

int container_forget(struct container *container, struct err *err)
{
	static const char *const files[] = {"start.fifo", "result.fifo", "config.json",
					    "state.json"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (unlinkat(container->dir_fd, files[i], 0) < 0 && errno != ENOENT)
			return err_errno(err, "remove '%s' of container '%s'", files[i],
					 container->record.id);
	if (unlinkat(container->root_fd, container->record.id, AT_REMOVEDIR) == 0 ||
	    errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY) {
		notify_forget(container->dir_fd);
		errno = ENOTEMPTY;
	}
	if (errno != ENOTEMPTY)
		return err_errno(err, "remove the state folder of container '%s'",
				 container->record.id);
	/* A temporary file of a writer that was killed. */
	DIR *dir = fdopendir(fcntl(container->dir_fd, F_DUPFD_CLOEXEC, 0));
	if (dir == NULL)
		return err_errno(err, "list the state folder of container '%s'",
				 container->record.id);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
		(void)unlinkat(container->dir_fd, entry->d_name, 0);
	(void)closedir(dir);
	if (unlinkat(container->root_fd, container->record.id, AT_REMOVEDIR) < 0)
		return err_errno(err, "remove the state folder of container '%s'",
				 container->record.id);
	return 0;
}

enum oci_status container_status(const struct container *container, int *ret_pidfd)
{
	const struct container_record *record = &container->record;
	struct err ignored;
	struct stat st;

	if (ret_pidfd != NULL)
		*ret_pidfd = FD_NONE;
	if (record->pid == 0)
		return OCI_STATUS_CREATING;
	auto_fd proc = procfs_open_by(PROCFS_HOST, &ignored);
	auto_fd pidfd = proc < 0 ? FD_NONE
				 : pidfd_of_started(proc, record->pid, record->pid_start, &ignored);
	if (pidfd < 0 || pidfd_has_ended(pidfd, &ignored) != 0)
		return OCI_STATUS_STOPPED;
	if (ret_pidfd != NULL)
		*ret_pidfd = fd_take(&pidfd);
	if (fstatat(container->dir_fd, "start.fifo", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return OCI_STATUS_CREATED;
	return OCI_STATUS_RUNNING;
}

struct oci_state container_state(const struct container *container, enum oci_status status)
{
	const struct container_record *record = &container->record;

	return (struct oci_state){
		.oci_version = record->oci_version,
		.id = record->id,
		.status = status,
		.pid = status == OCI_STATUS_STOPPED ? 0 : record->pid,
		.bundle = record->bundle,
		.annotations = record->annotations,
	};
}
