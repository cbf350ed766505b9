#include "kern/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/internal.h"

static int add_dir(struct cgroup *cgroup, size_t i, const char *dir, struct err *err)
{
	size_t len = strlen(dir) + 1;

	if (len > CGROUP_PATH_MAX || len > sizeof(cgroup->text) - cgroup->text_used)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "cgroup path '%.64s...'", dir);
	cgroup->dir_at[i] = (uint16_t)cgroup->text_used;
	memcpy(cgroup->text + cgroup->text_used, dir, len);
	cgroup->text_used += len;
	return 0;
}

void cgroup_init(struct cgroup *cgroup, const struct cgroup_host *host)
{
	cgroup->host = host;
	cgroup->fresh = 0;
	memset(cgroup->dir_at, 0, sizeof(cgroup->dir_at));
	cgroup->text[0] = '\0';
	cgroup->text_used = 1;
}

/* "name/a/b" from a hierarchy's directory and two paths beneath, any of them empty. */
static int join(const char *name, const char *a, const char *b, char *buf, size_t size,
		struct err *err)
{
	const char *parts[3] = {name, a, b};
	size_t used = 0;

	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(parts[i]);
		if (len == 0)
			continue;
		if (used + len + 2 > size)
			return err_set(err, ERR_INVALID, ENAMETOOLONG, "cgroup path '%.64s...'", b);
		if (used > 0)
			buf[used++] = '/';
		memcpy(buf + used, parts[i], len);
		used += len;
	}
	buf[used] = '\0';
	return 0;
}

/*
 * Where a path that the kernel prints lies beneath the hierarchy's mount: without the part that is
 * above the mount, as in a container without a cgroup namespace.
 */
static int beneath_mount(const char *root, const char *path, char *buf, size_t size,
			 struct err *err)
{
	size_t len = strlen(root);

	if (len > 1) {
		if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
			return err_set(err, ERR_UNSUPPORTED, 0,
				       "the own cgroup '%s' is not beneath the mounted '%s'; "
				       "give an absolute cgroup path",
				       path, root);
		path += len;
	}
	/* Outside of the cgroup namespace the kernel prints "/..". */
	return cgroup_clean_path(path, buf, size, err);
}

/* Drops the last component. */
static void cut_to_parent(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash != NULL ? slash : path) = '\0';
}

int cgroup_plan(struct cgroup_host *host, const char *path, struct cgroup *ret_cgroup,
		struct err *err)
{
	char clean[CGROUP_PATH_MAX], own[CGROUP_PATH_MAX] = "", dir[CGROUP_PATH_MAX];

	if (path == NULL || path[0] == '\0')
		return err_set(err, ERR_INVALID, 0, "the cgroup path is empty");
	int rc = cgroup_clean_path(path, clean, sizeof(clean), err);
	if (rc == 0 && clean[0] == '\0')
		rc = err_set(err, ERR_INVALID, 0, "cgroup path '%s' is the hierarchy's top", path);
	if (rc == 0 && path[0] != '/')
		rc = cgroup_host_read_mounts(host, err);
	if (rc < 0)
		return rc;
	cgroup_init(ret_cgroup, host);
	for (size_t i = 0; i < host->count; i++) {
		const struct cgroup_hierarchy *hierarchy = &host->hierarchies[i];
		if (path[0] != '/') {
			rc = beneath_mount(cgroup_host_text(host, hierarchy->root_at),
					   cgroup_host_text(host, hierarchy->own_at), own,
					   sizeof(own), err);
			if (rc < 0)
				return rc;
			/*
			 * The caller is in its own cgroup, which thus cannot hand on controllers.
			 */
			if (host->mode == CGROUP_MODE_V2)
				cut_to_parent(own);
		}
		rc = join(cgroup_host_text(host, hierarchy->name_at), own, clean, dir, sizeof(dir),
			  err);
		if (rc == 0)
			rc = add_dir(ret_cgroup, i, dir, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The hierarchy that a directory lies in, or -1. */
static int hierarchy_of_dir(const struct cgroup_host *host, const char *dir)
{
	for (size_t i = 0; i < host->count; i++) {
		const char *name = cgroup_host_text(host, host->hierarchies[i].name_at);
		size_t len = strlen(name);
		if (len == 0 || (strncmp(dir, name, len) == 0 && dir[len] == '/'))
			return (int)i;
	}
	return -1;
}

int cgroup_from_dirs(const struct cgroup_host *host, const char *const *dirs, size_t count,
		     struct cgroup *ret_cgroup, struct err *err)
{
	cgroup_init(ret_cgroup, host);
	for (size_t d = 0; d < count; d++) {
		int rc = cgroup_check_dir(dirs[d], err);
		if (rc < 0)
			return rc;
		int i = hierarchy_of_dir(host, dirs[d]);
		if (i < 0 || ret_cgroup->dir_at[i] != 0)
			return err_set(err, ERR_INVALID, 0,
				       i < 0 ? "cgroup '%s': no such hierarchy is mounted "
					       "beneath " CGROUP_ROOT
					     : "cgroup '%s': a second one in its hierarchy",
				       dirs[d]);
		rc = add_dir(ret_cgroup, (size_t)i, dirs[d], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool is_mounted(void *context, const char *name)
{
	const struct cgroup_host *host = context;

	for (size_t i = 0; i < host->count; i++)
		if (strcmp(cgroup_host_text(host, host->hierarchies[i].name_at), name) == 0)
			return true;
	return false;
}

int cgroup_of_pid(struct cgroup_host *host, pid_t pid, struct cgroup *ret_cgroup, struct err *err)
{
	char path[64], text[CGROUP_TEXT_MAX], inner[CGROUP_PATH_MAX], dir[CGROUP_PATH_MAX];
	struct cgroup_host theirs;

	int rc = cgroup_host_read_mounts(host, err);
	if (rc < 0)
		return rc;
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	ssize_t got = cgroup_read_file(AT_FDCWD, "", path, text, sizeof(text));
	if (got < 0) {
		errno = (int)-got;
		return err_errno(err, "read '%s'", path);
	}
	/* Whether "unified" or the top is v2's place was found out once; it is the same for all. */
	int v2 = cgroup_host_find_v2(host);
	theirs.mode =
		v2 >= 0 && host->hierarchies[v2].name_at == 0 ? CGROUP_MODE_V2 : CGROUP_MODE_V1;
	rc = cgroup_host_parse(&theirs, text, is_mounted, host, err);
	if (rc < 0)
		return err_wrap(err, rc, "read '%s'", path);
	cgroup_init(ret_cgroup, host);
	for (size_t t = 0; t < theirs.count; t++) {
		const char *name = cgroup_host_text(&theirs, theirs.hierarchies[t].name_at);
		size_t i = 0;
		while (i < host->count &&
		       strcmp(cgroup_host_text(host, host->hierarchies[i].name_at), name) != 0)
			i++;
		if (i == host->count)
			continue;
		rc = beneath_mount(cgroup_host_text(host, host->hierarchies[i].root_at),
				   cgroup_host_text(&theirs, theirs.hierarchies[t].own_at), inner,
				   sizeof(inner), err);
		if (rc == 0)
			rc = join(name, inner, "", dir, sizeof(dir), err);
		if (rc == 0)
			rc = add_dir(ret_cgroup, i, dir, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* A directory that was there before is taken over when nobody is in it. */
static int take_over(const struct cgroup *cgroup, size_t i, struct err *err)
{
	const struct cgroup_host *host = cgroup->host;
	const char *dir = cgroup_dir(cgroup, i);
	char pid[2];
	ssize_t got = cgroup_read_file(host->root_fd, dir, "cgroup.procs", pid, sizeof(pid));

	if (got > 0 || got == -E2BIG)
		return err_set(err, ERR_CONFLICT, EBUSY,
			       "cgroup '" CGROUP_ROOT "/%s' exists and holds processes; "
			       "end them or choose another cgroup path",
			       dir);
	if (got < 0) {
		errno = (int)-got;
		return err_errno(err, "read '" CGROUP_ROOT "/%s/cgroup.procs'", dir);
	}
	/* Whoever enters a frozen cgroup freezes. */
	if (host->hierarchies[i].v2)
		(void)cgroup_write_file(host->root_fd, dir, "cgroup.freeze", "0");
	else if (host->hierarchies[i].controllers & (1u << CGROUP_FREEZER))
		(void)cgroup_write_file(host->root_fd, dir, "freezer.state", "THAWED");
	return 0;
}

/* Makes what is missing above dir; a hierarchy's own directory, `skip` bytes, is there. */
static int make_parents(int root_fd, const char *dir, size_t skip, struct err *err)
{
	char path[CGROUP_PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s", dir);
	for (char *at = path + skip + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		if (mkdirat(root_fd, path, 0755) < 0 && errno != EEXIST)
			return err_errno(err, "make the cgroup '" CGROUP_ROOT "/%s'", path);
		*at = '/';
	}
	return 0;
}

static int make_dir(struct cgroup *cgroup, size_t i, struct err *err)
{
	const struct cgroup_host *host = cgroup->host;
	const char *dir = cgroup_dir(cgroup, i);

	int made = mkdirat(host->root_fd, dir, 0755);
	if (made < 0 && errno == ENOENT) {
		size_t skip = strlen(cgroup_host_text(host, host->hierarchies[i].name_at));
		int rc = make_parents(host->root_fd, dir, skip, err);
		if (rc < 0)
			return rc;
		made = mkdirat(host->root_fd, dir, 0755);
	}
	if (made < 0 && errno == EEXIST)
		return take_over(cgroup, i, err);
	if (made < 0)
		return err_errno(err, "make the cgroup '" CGROUP_ROOT "/%s'", dir);
	cgroup->fresh |= 1u << i;
	return 0;
}

static void remove_fresh(const struct cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->host->count; i++)
		if (cgroup->fresh & (1u << i))
			(void)unlinkat(cgroup->host->root_fd, cgroup_dir(cgroup, i), AT_REMOVEDIR);
}

bool cgroup_is_denial(int rc)
{
	return rc == -EACCES || rc == -EPERM || rc == -EROFS;
}

int cgroup_create_allowed(struct cgroup *cgroup, struct err *ret_denial, struct err *err)
{
	const struct cgroup_host *host = cgroup->host;
	struct err why;
	int denied = 0;

	cgroup->fresh = 0;
	for (size_t i = 0; i < host->count; i++) {
		if (cgroup_dir(cgroup, i)[0] == '\0')
			continue;
		int rc = make_dir(cgroup, i, &why);
		if (rc == 0 && host->mode == CGROUP_MODE_V2)
			rc = cgroup_enable_controllers(cgroup, i, &why);
		if (rc == 0)
			continue;
		if (ret_denial == NULL || !cgroup_is_denial(rc)) {
			remove_fresh(cgroup);
			*err = why;
			return rc;
		}
		if (denied++ == 0)
			*ret_denial = why;
		cgroup->dir_at[i] = 0;
	}
	return denied;
}

int cgroup_create(struct cgroup *cgroup, struct err *err)
{
	return cgroup_create_allowed(cgroup, NULL, err);
}

int cgroup_adopt(struct cgroup *cgroup, struct err *err)
{
	const struct cgroup_host *host = cgroup->host;
	uint32_t named = 1u << CGROUP_SYSTEMD;

	for (size_t i = 0; i < host->count; i++) {
		const struct cgroup_hierarchy *hierarchy = &host->hierarchies[i];
		const char *dir = cgroup_dir(cgroup, i);
		bool theirs = host->mode == CGROUP_MODE_V2 || (hierarchy->controllers & named) != 0;
		if (dir[0] == '\0')
			continue;
		if (theirs && faccessat(host->root_fd, dir, F_OK, 0) < 0)
			return err_errno(err, "systemd's cgroup '" CGROUP_ROOT "/%s'", dir);
		if (!theirs && mkdirat(host->root_fd, dir, 0755) < 0 && errno != EEXIST) {
			size_t skip = strlen(cgroup_host_text(host, hierarchy->name_at));
			int rc = errno == ENOENT ? make_parents(host->root_fd, dir, skip, err) : 0;
			if (rc < 0)
				return rc;
			if (mkdirat(host->root_fd, dir, 0755) < 0 && errno != EEXIST)
				return err_errno(err, "make the cgroup '" CGROUP_ROOT "/%s'", dir);
		}
		cgroup->fresh |= 1u << i;
	}
	return 0;
}

static int open_v2_entry(const struct cgroup *cgroup, size_t i, const char *dir, int *ret_fd,
			 struct err *err)
{
	int root_fd = cgroup->host->root_fd;
	char enabled[512];

	*ret_fd = openat(root_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_errno(err, "open the cgroup '" CGROUP_ROOT "/%s'", dir);
	if (cgroup->fresh & (1u << i))
		return 0;
	ssize_t got =
		cgroup_read_file(*ret_fd, "", "cgroup.subtree_control", enabled, sizeof(enabled));
	if (got > 1 && dir[0] != '\0')
		return err_set(err, ERR_CONFLICT, EBUSY,
			       "cgroup '" CGROUP_ROOT
			       "/%s' hands controllers to cgroups beneath it and thus "
			       "cannot hold processes; name one of those beneath",
			       dir);
	return 0;
}

/* Hierarchy i's entry point, in `sub` beneath the cgroup. */
static int open_entry(const struct cgroup *cgroup, size_t i, const char *sub,
		      struct cgroup_entry *entry, struct err *err)
{
	const struct cgroup_host *host = cgroup->host;
	char dir[CGROUP_PATH_MAX], file[CGROUP_PATH_MAX];

	if (cgroup->dir_at[i] == 0)
		return 0;
	int rc = join(cgroup_dir(cgroup, i), sub, "", dir, sizeof(dir), err);
	if (rc < 0)
		return rc;
	if (host->hierarchies[i].v2)
		return open_v2_entry(cgroup, i, dir, &entry->clone_fd, err);
	rc = join(dir, "tasks", "", file, sizeof(file), err);
	if (rc < 0)
		return rc;
	int fd = openat(host->root_fd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open '" CGROUP_ROOT "/%s'", file);
	entry->tasks_fds[entry->count++] = fd;
	return 0;
}

int cgroup_entry_open(const struct cgroup *cgroup, const char *sub, struct cgroup_entry *ret_entry,
		      struct err *err)
{
	char inner[CGROUP_PATH_MAX] = "";
	int rc = sub == NULL ? 0 : cgroup_clean_path(sub, inner, sizeof(inner), err);

	ret_entry->clone_fd = FD_NONE;
	ret_entry->count = 0;
	for (size_t i = 0; rc == 0 && i < cgroup->host->count; i++)
		rc = open_entry(cgroup, i, inner, ret_entry, err);
	if (rc < 0)
		cgroup_entry_done(ret_entry);
	return rc;
}

/* The v1 hierarchy of a controller by name, also of a named one ("systemd"); -1. */
static int find_named(const struct cgroup_host *host, const char *name, size_t len)
{
	for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
		const char *known = cgroup_controller_name((enum cgroup_controller)c);
		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return cgroup_host_find(host, (enum cgroup_controller)c);
	}
	return -1;
}

/* Gives the hierarchies of "a,b:path" their path. */
static int assign_subs(const struct cgroup *cgroup, const char *sub, const char **ret_paths,
		       struct err *err)
{
	const char *path = strchr(sub, ':') + 1;

	for (const char *at = sub; at < path;) {
		size_t len = strcspn(at, ",:");
		int i = find_named(cgroup->host, at, len);
		if (i < 0)
			return err_set(err, ERR_INVALID, 0,
				       "--cgroup '%s': '%.*s' is no controller of version 1 here",
				       sub, (int)len, at);
		if (ret_paths[i] != NULL && ret_paths[i] != path)
			return err_set(err, ERR_INVALID, 0,
				       "--cgroup '%s': '%.*s' has a path already", sub, (int)len,
				       at);
		ret_paths[i] = path;
		at += len + 1;
	}
	return 0;
}

int cgroup_entry_open_each(const struct cgroup *cgroup, const char *const *subs, size_t count,
			   struct cgroup_entry *ret_entry, struct err *err)
{
	const char *paths[CGROUP_HIERARCHIES_MAX] = {NULL};
	char inner[CGROUP_PATH_MAX];
	int rc = 0;

	if (count == 0 || (count == 1 && strchr(subs[0], ':') == NULL))
		return cgroup_entry_open(cgroup, count == 0 ? NULL : subs[0], ret_entry, err);
	ret_entry->clone_fd = FD_NONE;
	ret_entry->count = 0;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = strchr(subs[i], ':') != NULL
			     ? assign_subs(cgroup, subs[i], paths, err)
			     : err_set(err, ERR_INVALID, 0,
				       "--cgroup '%s': one of several needs controllers, as "
				       "memory,cpu:%s",
				       subs[i], subs[i]);
	for (size_t i = 0; rc == 0 && i < cgroup->host->count; i++) {
		inner[0] = '\0';
		if (paths[i] != NULL)
			rc = cgroup_clean_path(paths[i], inner, sizeof(inner), err);
		if (rc == 0)
			rc = open_entry(cgroup, i, inner, ret_entry, err);
	}
	if (rc < 0)
		cgroup_entry_done(ret_entry);
	return rc;
}

void cgroup_entry_done(struct cgroup_entry *entry)
{
	fd_closep(&entry->clone_fd);
	for (size_t i = 0; i < entry->count; i++)
		fd_closep(&entry->tasks_fds[i]);
	entry->count = 0;
}

int cgroup_enter_self(const struct cgroup_entry *entry, struct err *err)
{
	for (size_t i = 0; i < entry->count; i++)
		if (write(entry->tasks_fds[i], "0", 1) < 0)
			return err_errno(err, "join the container's cgroup, number %zu", i);
	return 0;
}
