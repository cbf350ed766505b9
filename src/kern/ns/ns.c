#include "kern/ns/ns.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "kern/proc/procfs.h"
#include "kern/uapi.h"

/* In the order of joining: the user namespace first, since it gives the rights for the others. */
static const struct ns_type ns_types[] = {
	{"user", "user", CLONE_NEWUSER}, {"ipc", "ipc", CLONE_NEWIPC},
	{"uts", "uts", CLONE_NEWUTS},    {"network", "net", CLONE_NEWNET},
	{"pid", "pid", CLONE_NEWPID},    {"cgroup", "cgroup", CLONE_NEWCGROUP},
	{"time", "time", CLONE_NEWTIME}, {"mount", "mnt", CLONE_NEWNS},
};
#define NS_FLAGS_ALL                                                                           \
	((uint64_t)CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID | \
	 CLONE_NEWCGROUP | CLONE_NEWTIME | CLONE_NEWNS)
#define NS_TYPES (sizeof(ns_types) / sizeof(ns_types[0]))

const struct ns_type *ns_type_at(size_t index)
{
	return index < NS_TYPES ? &ns_types[index] : NULL;
}

const struct ns_type *ns_type_of_name(const char *name)
{
	for (size_t i = 0; i < NS_TYPES; i++)
		if (strcmp(name, ns_types[i].name) == 0)
			return &ns_types[i];
	return NULL;
}

const struct ns_type *ns_type_of_flag(int flag)
{
	for (size_t i = 0; i < NS_TYPES; i++)
		if (flag == ns_types[i].flag)
			return &ns_types[i];
	return NULL;
}

static const char *ns_flag_name(int flag)
{
	const struct ns_type *type = ns_type_of_flag(flag);

	return type == NULL ? "unknown" : type->name;
}

int ns_check_type(int fd, int flag, const char *path, struct err *err)
{
	struct statfs fs;

	/* The ioctl's number may mean anything to another kind of file. */
	if (fstatfs(fd, &fs) < 0)
		return err_errno(err, "examine '%s'", path);
	if ((uint64_t)fs.f_type != NSFS_MAGIC)
		return err_set(err, ERR_INVALID, EINVAL, "'%s' is not a namespace", path);
	int type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return err_errno(err, "ask '%s' for its type of namespace", path);
	if (type != flag)
		return err_set(err, ERR_INVALID, EINVAL, "'%s' is a namespace of type %s, not %s",
			       path, ns_flag_name(type), ns_flag_name(flag));
	return 0;
}

int ns_open(const char *path, int flag, struct err *err)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_errno(err, "open %s namespace '%s'", ns_flag_name(flag), path);
	int rc = ns_check_type(fd, flag, path, err);
	return rc < 0 ? rc : fd_take(&fd);
}

int ns_is_own(int fd, int flag, struct err *err)
{
	const struct ns_type *type = ns_type_of_flag(flag);
	struct stat own, other;
	char path[32];

	if (type == NULL)
		return err_set(err, ERR_INVALID, EINVAL, "namespace type %#x is unknown",
			       (unsigned int)flag);
	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", type->file);
	if (stat(path, &own) < 0)
		return err_errno(err, "examine '%s'", path);
	if (fstat(fd, &other) < 0)
		return err_errno(err, "examine a %s namespace", type->name);
	return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

int ns_join(int fd, int flag, struct err *err)
{
	if (setns(fd, flag) < 0)
		return err_errno(err, "join a %s namespace", ns_flag_name(flag));
	return 0;
}

int ns_join_pidfd(int pidfd, int flags, struct err *err)
{
	if (setns(pidfd, flags) == 0)
		return 0;
	if (errno == EINVAL)
		return err_errno(err,
				 "join a process's namespaces (%#x): it needs Linux 5.8, and no "
				 "user namespace that the caller is already in",
				 (unsigned int)flags);
	return err_errno(err, "join a process's namespaces (%#x)", (unsigned int)flags);
}

int ns_unshare(int flags, struct err *err)
{
	if (unshare(flags) == 0)
		return 0;
	if (errno == ENOSPC)
		return err_errno(err,
				 "make namespaces (%#x): a limit in /proc/sys/user/ is reached",
				 (unsigned int)flags);
	return err_errno(err, "make namespaces (%#x)", (unsigned int)flags);
}

/* Of the old call: the child moves itself, and says through the pipe how that went. */
struct ns_old_move {
	int procs_fd;
	int pipe[2];
};

static int ns_old_prepare(int cgroup_fd, struct ns_old_move *move)
{
	*move = (struct ns_old_move){FD_NONE, {FD_NONE, FD_NONE}};
	if (cgroup_fd < 0)
		return 0;
	move->procs_fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (move->procs_fd < 0)
		return -1;
	return pipe2(move->pipe, O_CLOEXEC);
}

static void ns_old_done(struct ns_old_move *move)
{
	fd_closep(&move->procs_fd);
	fd_closep(&move->pipe[0]);
	fd_closep(&move->pipe[1]);
}

static void ns_old_enter(struct ns_old_move *move)
{
	int failed = 0;

	if (move->procs_fd < 0)
		return;
	if (write(move->procs_fd, "0", 1) < 0)
		failed = errno;
	ssize_t sent = write(move->pipe[1], &failed, sizeof(failed));
	ns_old_done(move);
	if (failed != 0 || sent != (ssize_t)sizeof(failed))
		_exit(127);
}

/* In the parent. Returns the pid, or -1 and errno when the child is gone, having failed to move. */
static pid_t ns_old_meet(pid_t pid, struct ns_old_move *move, int *pidfd)
{
	int failed = EPIPE;

	if (move->procs_fd < 0)
		return pid;
	fd_closep(&move->pipe[1]);
	if (fd_read_full(move->pipe[0], &failed, sizeof(failed)) != (ssize_t)sizeof(failed))
		failed = EPIPE;
	if (failed == 0)
		return pid;
	fd_closep(pidfd);
	(void)waitpid(pid, NULL, __WALL);
	errno = failed;
	return -1;
}

/*
 * For places whose seccomp policy denies clone3, as it cannot look into its arguments. A cgroup is
 * entered by the slow way then, through cgroup.procs.
 */
static pid_t ns_clone_old(const struct uapi_clone_args *args, int cgroup_fd, int *pidfd)
{
	uint64_t flags = args->flags & ~(uint64_t)CLONE_INTO_CGROUP;
	struct ns_old_move move;

	/* The low byte of the old call's flags is the exit signal: no time namespace there. */
	if ((flags & 0xffU) != 0 || flags > UINT32_MAX) {
		errno = ENOSYS;
		return -1;
	}
	pid_t pid = -1;
	/*
	 * Stack NULL: the child goes on on its copy of this one. No flag makes use of tls and
	 * tids.
	 */
	if (ns_old_prepare(cgroup_fd, &move) == 0)
		pid = (pid_t)syscall(SYS_clone, (unsigned long)flags | args->exit_signal, NULL,
				     pidfd, NULL, NULL);
	if (pid == 0)
		ns_old_enter(&move);
	else if (pid > 0)
		pid = ns_old_meet(pid, &move, pidfd);
	int saved = errno;
	ns_old_done(&move);
	errno = saved;
	return pid;
}

/* With what a person can do about the two commonest causes. */
static int ns_clone_failed(uint64_t flags, struct err *err)
{
	if (errno == ENOSPC)
		return err_errno(err, "clone a process: a limit in /proc/sys/user/ is reached");
	if (errno == EPERM && (flags & CLONE_NEWUSER))
		return err_errno(err,
				 "clone a process into a user namespace: this user may make none "
				 "(see the sysctls kernel.unprivileged_userns_clone and "
				 "kernel.apparmor_restrict_unprivileged_userns, or the seccomp "
				 "policy of a container around this one)");
	if (errno == EPERM && (flags & NS_FLAGS_ALL))
		return err_errno(err,
				 "clone a process into new namespaces: it takes CAP_SYS_ADMIN; "
				 "without it, a user namespace must be among them");
	return err_errno(err, "clone a process with flags %#llx", (unsigned long long)flags);
}

pid_t ns_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, struct err *err)
{
	int pidfd = FD_NONE;
	/* A sibling ends with the signal of its maker. */
	struct uapi_clone_args args = {.flags = flags,
				       .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD};

	if (ret_pidfd != NULL) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	}
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	/* EPERM: what old seccomp policies answer for a call that they do not know. */
	if (pid < 0 && (errno == ENOSYS || errno == EPERM))
		pid = ns_clone_old(&args, cgroup_fd, &pidfd);
	if (pid < 0)
		return ns_clone_failed(args.flags, err);
	if (pid > 0 && ret_pidfd != NULL)
		*ret_pidfd = pidfd;
	return pid;
}

static bool ns_ranges_overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return (uint64_t)a < (uint64_t)b + b_count && (uint64_t)b < (uint64_t)a + a_count;
}

int ns_check_map(const struct ns_id_map *map, size_t count, const char *what, struct err *err)
{
	if (count == 0)
		return err_set(err, ERR_INVALID, EINVAL, "%s mappings: none given", what);
	if (count > NS_MAP_LINES_MAX)
		return err_set(err, ERR_INVALID, EINVAL,
			       "%s mappings: %zu given, the kernel takes %d", what, count,
			       NS_MAP_LINES_MAX);
	for (size_t i = 0; i < count; i++) {
		if (map[i].count == 0)
			return err_set(err, ERR_INVALID, EINVAL, "%s mapping %zu has size 0", what,
				       i);
		/* The last id, 4294967295, means "none" to every call. */
		if ((uint64_t)map[i].inside + map[i].count > UINT32_MAX ||
		    (uint64_t)map[i].outside + map[i].count > UINT32_MAX)
			return err_set(err, ERR_INVALID, EINVAL,
				       "%s mapping %zu (%u %u %u) goes past the last id", what, i,
				       map[i].inside, map[i].outside, map[i].count);
		for (size_t j = 0; j < i; j++)
			if (ns_ranges_overlap(map[i].inside, map[i].count, map[j].inside,
					      map[j].count) ||
			    ns_ranges_overlap(map[i].outside, map[i].count, map[j].outside,
					      map[j].count))
				return err_set(err, ERR_INVALID, EINVAL,
					       "%s mappings %zu and %zu overlap", what, j, i);
	}
	return 0;
}

int ns_write_map(int procfd, pid_t pid, const struct ns_id_map *map, size_t count, const char *what,
		 struct err *err)
{
	char path[48];
	char text[4096]; /* the kernel takes one write of less than a page */
	size_t used = 0;

	for (size_t i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %u %u\n",
					 map[i].inside, map[i].outside, map[i].count);
	if (used >= sizeof(text))
		return err_set(err, ERR_INVALID, E2BIG,
			       "%s mappings: over the kernel's %zu bytes of text", what,
			       sizeof(text) - 1);
	(void)snprintf(path, sizeof(path), "%d/%s_map", (int)pid, what);
	int rc = procfs_write_at(procfd, path, text, err);
	if (rc == -EPERM)
		return err_wrap(
			err, rc,
			"%s mappings: the ids must be the caller's to give (its own one, or "
			"newuidmap's ranges)",
			what);
	return rc;
}

int ns_deny_setgroups(int procfd, pid_t pid, struct err *err)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "%d/setgroups", (int)pid);
	return procfs_write_at(procfd, path, "deny", err);
}

int ns_write_maps(int procfd, pid_t pid, const struct ns_maps *maps, struct err *err)
{
	int rc = ns_check_map(maps->uids, maps->uid_count, "uid", err);

	if (rc == 0)
		rc = ns_check_map(maps->gids, maps->gid_count, "gid", err);
	if (rc == 0 && maps->deny_setgroups)
		rc = ns_deny_setgroups(procfd, pid, err);
	if (rc == 0)
		rc = ns_write_map(procfd, pid, maps->gids, maps->gid_count, "gid", err);
	if (rc == 0)
		rc = ns_write_map(procfd, pid, maps->uids, maps->uid_count, "uid", err);
	return rc;
}

int ns_set_time_offset(int procfd, const char *clock, int64_t seconds, uint32_t nanoseconds,
		       struct err *err)
{
	char text[64];

	if (strcmp(clock, "monotonic") != 0 && strcmp(clock, "boottime") != 0)
		return err_set(err, ERR_INVALID, EINVAL,
			       "time offset of clock '%.32s': only monotonic and boottime have one",
			       clock);
	if (nanoseconds >= 1000000000U)
		return err_set(err, ERR_INVALID, EINVAL,
			       "time offset of clock '%s': %u nanoseconds are a second or more",
			       clock, nanoseconds);
	(void)snprintf(text, sizeof(text), "%s %lld %u\n", clock, (long long)seconds, nanoseconds);
	int rc = procfs_write_at(procfd, "self/timens_offsets", text, err);
	return rc == -ERANGE ? err_wrap(err, rc, "time offset of clock '%s': out of range", clock)
			     : rc;
}

int ns_set_hostname(const char *name, struct err *err)
{
	if (sethostname(name, strlen(name)) < 0)
		return err_errno(err, "set hostname '%.80s'", name);
	return 0;
}

int ns_set_domainname(const char *name, struct err *err)
{
	if (setdomainname(name, strlen(name)) < 0)
		return err_errno(err, "set domain name '%.80s'", name);
	return 0;
}
