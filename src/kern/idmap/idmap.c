#include "kern/idmap/idmap.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "kern/proc/procfs.h"
#include "kern/uapi.h"

int idmap_set(int treefd, int userns_fd, bool recursive, struct err *err)
{
	struct uapi_mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP,
				       .userns_fd = (uint64_t)(unsigned int)userns_fd};

	if (uapi_mount_setattr(treefd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr) ==
	    0)
		return 0;
	if (errno == ENOSYS)
		return err_set(err, ERR_UNSUPPORTED, ENOSYS, "idmapped mounts need Linux 5.12");
	if (errno == EINVAL)
		return err_set(err, ERR_UNSUPPORTED, EINVAL,
			       "map a mount's ids: this filesystem cannot on this kernel, or the "
			       "mount is attached or mapped already");
	if (errno == EPERM)
		return err_errno(err, "map a mount's ids: it takes CAP_SYS_ADMIN where the "
				      "filesystem was mounted, and a mapping other than its own");
	return err_errno(err, "map a mount's ids");
}

int idmap_userns_open(const struct ns_maps *maps, struct err *err)
{
	char path[32], byte;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd wait_end = ends[0];
	auto_fd hold_end = ends[1];
	auto_fd proc = procfs_open_by(PROCFS_HOST, err);
	if (proc < 0)
		return proc;
	pid_t pid = ns_clone(CLONE_NEWUSER, FD_NONE, NULL, err);
	if (pid < 0)
		return err_wrap(err, (int)pid, "make the user namespace of a mapping");
	if (pid == 0) {
		/* It ends with its maker, however that ends. */
		fd_closep(&hold_end);
		while (read(wait_end, &byte, 1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	int rc = ns_write_maps(proc, pid, maps, err);
	int userns = rc < 0 ? rc : ns_open(path, CLONE_NEWUSER, err);
	fd_closep(&hold_end);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return userns < 0 ? err_wrap(err, userns, "make the user namespace of a mapping") : userns;
}

/* A decimal id at *at, stepped over. */
static bool idmap_read_id(const char **at, uint32_t *ret_id)
{
	uint64_t value = 0;
	size_t digits = strspn(*at, "0123456789");

	if (digits == 0 || digits > 10)
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)((*at)[i] - '0');
	if (value > UINT32_MAX)
		return false;
	*at += digits;
	*ret_id = (uint32_t)value;
	return true;
}

static bool idmap_read_triple(const char **at, struct ns_id_map *ret_map)
{
	if (!idmap_read_id(at, &ret_map->inside) || **at != '-')
		return false;
	++*at;
	if (!idmap_read_id(at, &ret_map->outside) || **at != '-')
		return false;
	++*at;
	return idmap_read_id(at, &ret_map->count);
}

/* Turns an id inside the container into the host's. */
static bool idmap_resolve(const struct ns_id_map *lines, size_t count, struct ns_id_map *map)
{
	for (size_t i = 0; i < count; i++) {
		const struct ns_id_map *line = &lines[i];
		uint64_t from = map->outside, end = from + map->count;
		if (from < line->inside || end > (uint64_t)line->inside + line->count)
			continue;
		uint64_t host = (uint64_t)line->outside + (from - line->inside);
		if (host > UINT32_MAX)
			return false;
		map->outside = (uint32_t)host;
		return true;
	}
	return false;
}

/* The triples of one kind, up to the ";" or the end. */
static int idmap_read_list(const char **at, const struct ns_id_map *own, size_t own_count,
			   struct ns_id_map *ret_lines, size_t *ret_count, struct err *err)
{
	size_t count = 0;

	for (;;) {
		const char *start = *at;
		bool relative = **at == '@';
		if (count == NS_MAP_LINES_MAX)
			return err_set(err, ERR_INVALID, E2BIG, "idmap: more than %d ranges",
				       NS_MAP_LINES_MAX);
		*at += relative;
		if (!idmap_read_triple(at, &ret_lines[count]) ||
		    (**at != '\0' && **at != '#' && **at != ';'))
			return err_set(err, ERR_INVALID, 0,
				       "idmap: '%.40s': expected FILESYSTEM-HOST-LENGTH", start);
		if (relative && !idmap_resolve(own, own_count, &ret_lines[count]))
			return err_set(err, ERR_INVALID, 0,
				       "idmap: '%.40s': no line of the container's own mapping "
				       "holds the whole range",
				       start);
		count++;
		if (**at != '#')
			break;
		++*at;
	}
	*ret_count = count;
	return 0;
}

int idmap_parse(const char *text, const struct ns_maps *own, struct idmap_table *ret_table,
		struct err *err)
{
	static const struct ns_maps none;
	struct ns_maps *maps = &ret_table->maps;
	int rc = 0;

	if (own == NULL)
		own = &none;
	*maps = (struct ns_maps){.uids = ret_table->uids, .gids = ret_table->gids};
	for (const char *at = text; *at != '\0' && rc == 0; at += *at == ';') {
		const char *value = at + 5;
		if (strncmp(at, "uids=", 5) == 0 && maps->uid_count == 0)
			rc = idmap_read_list(&value, own->uids, own->uid_count, ret_table->uids,
					     &maps->uid_count, err);
		else if (strncmp(at, "gids=", 5) == 0 && maps->gid_count == 0)
			rc = idmap_read_list(&value, own->gids, own->gid_count, ret_table->gids,
					     &maps->gid_count, err);
		else
			rc = err_set(err, ERR_INVALID, 0,
				     "idmap: '%.40s': expected uids= and gids=, each once", at);
		if (rc == 0)
			at = value;
	}
	if (rc == 0 && (maps->uid_count == 0 || maps->gid_count == 0))
		rc = err_set(err, ERR_INVALID, 0, "idmap: uids= and gids= need each other");
	return rc;
}
