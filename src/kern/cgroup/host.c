#include "kern/cgroup/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define MAGIC_CGROUP2   0x63677270
#define PROC_CGROUP_MAX 65536
#define MOUNTINFO_MAX   (16u << 20)
#define ROOT_NAMES_MAX  8192

static const char *const controller_names[CGROUP_CONTROLLERS] = {
	[CGROUP_CPUSET] = "cpuset",
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_IO] = "blkio",
	[CGROUP_MEMORY] = "memory",
	[CGROUP_DEVICES] = "devices",
	[CGROUP_FREEZER] = "freezer",
	[CGROUP_NET_CLS] = "net_cls",
	[CGROUP_PERF_EVENT] = "perf_event",
	[CGROUP_NET_PRIO] = "net_prio",
	[CGROUP_HUGETLB] = "hugetlb",
	[CGROUP_PIDS] = "pids",
	[CGROUP_RDMA] = "rdma",
	[CGROUP_MISC] = "misc",
	[CGROUP_SYSTEMD] = "systemd",
};

const char *cgroup_controller_name(enum cgroup_controller controller)
{
	return controller_names[controller];
}

const char *cgroup_mode_name(enum cgroup_mode mode)
{
	switch (mode) {
	case CGROUP_MODE_V1:
		return "v1";
	case CGROUP_MODE_HYBRID:
		return "hybrid";
	case CGROUP_MODE_V2:
		break;
	}
	return "v2";
}

int cgroup_host_find(const struct cgroup_host *host, enum cgroup_controller controller)
{
	for (size_t i = 0; i < host->count; i++)
		if (host->hierarchies[i].controllers & (1u << controller))
			return (int)i;
	return -1;
}

int cgroup_host_find_v2(const struct cgroup_host *host)
{
	for (size_t i = 0; i < host->count; i++)
		if (host->hierarchies[i].v2)
			return (int)i;
	return -1;
}

static int text_add(struct cgroup_host *host, const char *text, size_t len, uint16_t *ret_at,
		    struct err *err)
{
	if (len >= CGROUP_PATH_MAX || len + 1 > sizeof(host->text) - host->text_used)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "cgroup path '%.64s...' is too long",
			       text);
	*ret_at = (uint16_t)host->text_used;
	memcpy(host->text + host->text_used, text, len);
	host->text[host->text_used + len] = '\0';
	host->text_used += len + 1;
	return 0;
}

/* The bits of "cpu,cpuacct" or "name=systemd"; names of no interest have none. */
static uint32_t parse_controllers(const char *list, size_t len)
{
	uint32_t bits = 0;

	if (len == 12 && memcmp(list, "name=systemd", 12) == 0)
		return 1u << CGROUP_SYSTEMD;
	while (len > 0) {
		const char *comma = memchr(list, ',', len);
		size_t word = comma != NULL ? (size_t)(comma - list) : len;
		for (unsigned c = 0; c < CGROUP_SYSTEMD; c++)
			if (strlen(controller_names[c]) == word &&
			    memcmp(controller_names[c], list, word) == 0)
				bits |= 1u << c;
		if (comma == NULL)
			break;
		list += word + 1;
		len -= word + 1;
	}
	return bits;
}

/* How to find out whether CGROUP_ROOT has a directory. */
struct lookup {
	bool (*exists)(void *context, const char *name);
	void *context;
};

/*
 * The directory that a v1 hierarchy is mounted on: the list as it stands, or, where a distribution
 * joins names in another order, the (link of the) first controller. "" when it is not mounted.
 */
static int find_mount(struct cgroup_host *host, const struct lookup *lookup, const char *list,
		      size_t len, struct cgroup_hierarchy *found, struct err *err)
{
	char name[256];

	found->name_at = 0;
	if (found->controllers == 1u << CGROUP_SYSTEMD) {
		list += strlen("name=");
		len -= strlen("name=");
	}
	if (len >= sizeof(name))
		return err_set(err, ERR_INVALID, 0,
			       "/proc/self/cgroup: controllers '%.64s...' are too long", list);
	memcpy(name, list, len);
	name[len] = '\0';
	if (lookup->exists(lookup->context, name))
		return text_add(host, name, len, &found->name_at, err);
	for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++) {
		const char *one = controller_names[c];
		if ((found->controllers & (1u << c)) != 0 && lookup->exists(lookup->context, one))
			return text_add(host, one, strlen(one), &found->name_at, err);
	}
	return 0;
}

/* One line "ID:CONTROLLERS:PATH". */
static int parse_line(struct cgroup_host *host, const struct lookup *lookup, const char *line,
		      size_t len, struct err *err)
{
	const char *end = line + len;
	const char *list = memchr(line, ':', len);
	const char *path = list == NULL ? NULL : memchr(list + 1, ':', (size_t)(end - list - 1));

	if (path == NULL || end - path < 2 || path[1] != '/')
		return err_set(err, ERR_INVALID, 0,
			       "/proc/self/cgroup: cannot read the line '%.*s'",
			       (int)(len < 128 ? len : 128), line);
	list++;
	struct cgroup_hierarchy found = {.v2 = list == path};
	size_t list_len = (size_t)(path - list);
	path++;
	if (!found.v2) {
		found.controllers = parse_controllers(list, list_len);
		if (found.controllers == 0)
			return 0;
		int rc = find_mount(host, lookup, list, list_len, &found, err);
		if (rc < 0 || found.name_at == 0)
			return rc;
	} else if (host->mode != CGROUP_MODE_V2) {
		if (!lookup->exists(lookup->context, "unified"))
			return 0;
		int rc = text_add(host, "unified", 7, &found.name_at, err);
		if (rc < 0)
			return rc;
	}
	int rc = text_add(host, path, (size_t)(end - path), &found.own_at, err);
	if (rc < 0)
		return rc;
	if (host->count == CGROUP_HIERARCHIES_MAX)
		return err_set(err, ERR_INVALID, 0, "more than %d cgroup hierarchies",
			       CGROUP_HIERARCHIES_MAX);
	host->controllers |= found.controllers;
	host->hierarchies[host->count++] = found;
	return 0;
}

int cgroup_host_parse(struct cgroup_host *host, const char *proc_cgroup,
		      bool (*exists)(void *context, const char *name), void *context,
		      struct err *err)
{
	const struct lookup lookup = {exists, context};

	host->count = 0;
	host->controllers = 0;
	host->text[0] = '\0'; /* offset 0 is the empty string */
	host->text_used = 1;
	while (*proc_cgroup != '\0') {
		size_t len = strcspn(proc_cgroup, "\n");
		int rc = parse_line(host, &lookup, proc_cgroup, len, err);
		if (rc < 0)
			return rc;
		proc_cgroup += len + (proc_cgroup[len] == '\n');
	}
	if (host->mode == CGROUP_MODE_V2 && host->count != 1)
		return err_set(err, ERR_INVALID, 0, "/proc/self/cgroup has no line for cgroup v2");
	if (host->count == 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "no cgroup hierarchy is mounted beneath " CGROUP_ROOT
			       "; mount cgroup2 there");
	if (host->mode != CGROUP_MODE_V2 && cgroup_host_find_v2(host) >= 0)
		host->mode = host->controllers != 0 ? CGROUP_MODE_HYBRID : CGROUP_MODE_V2;
	return 0;
}

/* Undoes the octal escapes of mountinfo in place. */
static size_t unescape(char *text, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 3 < len && text[i + 1] >= '0' && text[i + 1] <= '3' &&
		    text[i + 2] >= '0' && text[i + 2] <= '7' && text[i + 3] >= '0' &&
		    text[i + 3] <= '7') {
			text[out++] = (char)((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
					     (text[i + 3] - '0'));
			i += 3;
		} else {
			text[out++] = text[i];
		}
	}
	return out;
}

/* Whether a mountinfo line's mount point is that of the hierarchy called name. */
static bool mounted_at(const char *point, size_t len, const char *name)
{
	size_t root = strlen(CGROUP_ROOT);

	if (len < root || memcmp(point, CGROUP_ROOT, root) != 0)
		return false;
	if (name[0] == '\0')
		return len == root;
	return len == root + 1 + strlen(name) && point[root] == '/' &&
	       memcmp(point + root + 1, name, strlen(name)) == 0;
}

int cgroup_host_parse_mounts(struct cgroup_host *host, const char *mountinfo, struct err *err)
{
	for (size_t len; *mountinfo != '\0'; mountinfo += len + (mountinfo[len] == '\n')) {
		len = strcspn(mountinfo, "\n");
		/* ID PARENT MAJ:MIN ROOT POINT ...; of mounts on one point the last is seen. */
		const char *field[6];
		size_t fields = 0;
		for (const char *at = mountinfo; at < mountinfo + len && fields < 6; fields++) {
			field[fields] = at;
			at = memchr(at, ' ', (size_t)(mountinfo + len - at));
			if (at == NULL)
				break;
			at++;
		}
		if (fields < 6)
			continue;
		size_t point_len = (size_t)(field[5] - field[4] - 1);
		for (size_t i = 0; i < host->count; i++) {
			struct cgroup_hierarchy *hierarchy = &host->hierarchies[i];
			if (!mounted_at(field[4], point_len, host->text + hierarchy->name_at))
				continue;
			char root[CGROUP_PATH_MAX];
			size_t root_len = (size_t)(field[4] - field[3] - 1);
			if (root_len >= sizeof(root))
				return err_set(
					err, ERR_INVALID, ENAMETOOLONG,
					"/proc/self/mountinfo: a cgroup mount's root is too long");
			memcpy(root, field[3], root_len);
			root_len = unescape(root, root_len);
			int rc = text_add(host, root, root_len, &hierarchy->root_at, err);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

int cgroup_host_read_mounts(struct cgroup_host *host, struct err *err)
{
	bool known = true;

	for (size_t i = 0; i < host->count; i++)
		known = known && host->hierarchies[i].root_at != 0;
	if (known)
		return 0;
	BUF_AUTO(text, MOUNTINFO_MAX);
	int rc = fd_read_file_at(AT_FDCWD, "/proc/self/mountinfo", &text, err);
	if (rc < 0)
		return rc;
	rc = cgroup_host_parse_mounts(host, text.data != NULL ? text.data : "", err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < host->count; i++)
		if (host->hierarchies[i].root_at == 0)
			return err_set(
				err, ERR_UNSUPPORTED, 0,
				"the cgroup hierarchy '" CGROUP_ROOT
				"/%s' is not in /proc/self/mountinfo; give an absolute cgroup path",
				host->text + host->hierarchies[i].name_at);
	return 0;
}

/* The names in CGROUP_ROOT, each closed by a NUL: two system calls instead of one a hierarchy. */
struct root_names {
	size_t used;
	char names[ROOT_NAMES_MAX];
};

struct directory_entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static int read_root_names(int root_fd, struct root_names *ret_names, struct err *err)
{
	_Alignas(8) char block[4096];

	ret_names->used = 0;
	for (;;) {
		long got = syscall(SYS_getdents64, root_fd, block, sizeof(block));
		if (got < 0)
			return err_errno(err, "read the directory " CGROUP_ROOT);
		if (got == 0)
			return 0;
		for (long at = 0; at < got;) {
			const struct directory_entry *entry = (const void *)(block + at);
			size_t len = strlen(entry->name) + 1;
			if (entry->type != DT_REG &&
			    len <= sizeof(ret_names->names) - ret_names->used) {
				memcpy(ret_names->names + ret_names->used, entry->name, len);
				ret_names->used += len;
			}
			at += entry->reclen;
		}
	}
}

static bool root_has_name(void *context, const char *name)
{
	const struct root_names *names = context;

	for (size_t at = 0; at < names->used; at += strlen(names->names + at) + 1)
		if (strcmp(names->names + at, name) == 0)
			return true;
	return false;
}

static bool is_cgroup2(int root_fd, const char *name)
{
	struct statfs fs;
	auto_fd fd = openat(root_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == MAGIC_CGROUP2;
}

/* A v1 host may have an empty directory where a hybrid one mounts cgroup2. */
static bool root_has_hierarchy(void *context, const char *name)
{
	struct cgroup_host *host = ((void **)context)[0];

	if (!root_has_name(((void **)context)[1], name))
		return false;
	return strcmp(name, "unified") != 0 || is_cgroup2(host->root_fd, name);
}

static int host_read(struct cgroup_host *host, struct err *err)
{
	struct statfs fs;
	struct root_names names = {.used = 0};
	char text[PROC_CGROUP_MAX];

	host->root_fd = openat(AT_FDCWD, CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (host->root_fd < 0)
		return err_errno(err, "open " CGROUP_ROOT);
	if (fstatfs(host->root_fd, &fs) < 0)
		return err_errno(err, "statfs " CGROUP_ROOT);
	host->mode = fs.f_type == MAGIC_CGROUP2 ? CGROUP_MODE_V2 : CGROUP_MODE_V1;
	if (host->mode == CGROUP_MODE_V1) {
		int rc = read_root_names(host->root_fd, &names, err);
		if (rc < 0)
			return rc;
	}
	auto_fd fd = openat(AT_FDCWD, "/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open /proc/self/cgroup");
	ssize_t got = fd_read_once(fd, text, sizeof(text));
	if (got < 0 || (size_t)got == sizeof(text)) {
		errno = got < 0 ? (int)-got : E2BIG;
		return err_errno(err, "read /proc/self/cgroup");
	}
	text[got] = '\0';
	void *context[2] = {host, &names};
	return cgroup_host_parse(host, text, root_has_hierarchy, context, err);
}

void cgroup_host_init(struct cgroup_host *host)
{
	memset(host, 0, offsetof(struct cgroup_host, text));
	host->root_fd = FD_NONE;
	host->text[0] = '\0';
}

int cgroup_host_open(struct cgroup_host *ret_host, struct err *err)
{
	cgroup_host_init(ret_host);
	int rc = host_read(ret_host, err);
	if (rc < 0)
		cgroup_host_close(ret_host);
	return rc;
}

void cgroup_host_close(struct cgroup_host *host)
{
	fd_closep(&host->root_fd);
}
