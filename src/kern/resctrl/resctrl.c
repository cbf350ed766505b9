#include "kern/resctrl/resctrl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define RESCTRL_MAGIC 0x7655821 /* RDTGROUP_SUPER_MAGIC */
#define MOUNTINFO_MAX (16 << 20)

/* Copies a mount point and undoes mountinfo's octal escapes. False when it does not fit or holds a NUL. */
static bool unescape(const char *from, size_t len, char *to, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		char c = from[i];
		if (c == '\\' && i + 3 < len && from[i + 1] >= '0' && from[i + 1] <= '3' &&
		    from[i + 2] >= '0' && from[i + 2] <= '7' && from[i + 3] >= '0' &&
		    from[i + 3] <= '7') {
			c = (char)((from[i + 1] - '0') << 6 | (from[i + 2] - '0') << 3 |
				   (from[i + 3] - '0'));
			i += 3;
		}
		if (c == '\0' || used + 1 >= size)
			return false;
		to[used++] = c;
	}
	to[used] = '\0';
	return used > 0;
}

/* The field's start and length in a line of `len` bytes; fields are counted from 0. */
static const char *field_of(const char *line, size_t len, size_t index, size_t *ret_len)
{
	const char *end = line + len;

	for (const char *at = line; at < end;) {
		const char *space = memchr(at, ' ', (size_t)(end - at));
		const char *stop = space != NULL ? space : end;
		*ret_len = (size_t)(stop - at);
		if (index-- == 0)
			return at;
		at = stop + 1;
	}
	return NULL;
}

int resctrl_find_mount(const char *mountinfo, char *ret_path, size_t size)
{
	static const char type[] = " - resctrl ";

	for (size_t len; *mountinfo != '\0'; mountinfo += len + (mountinfo[len] == '\n')) {
		size_t point_len;
		len = strcspn(mountinfo, "\n");
		const char *found = memmem(mountinfo, len, type, sizeof(type) - 1);
		const char *point = field_of(mountinfo, len, 4, &point_len);
		if (found != NULL && point != NULL && point < found &&
		    unescape(point, point_len, ret_path, size))
			return 0;
	}
	return -ENOENT;
}

static int resctrl_try(const char *path)
{
	struct statfs fs;
	auto_fd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstatfs(fd, &fs) < 0 || (unsigned long)fs.f_type != RESCTRL_MAGIC)
		return FD_NONE;
	return fd_take(&fd);
}

int resctrl_open(struct err *err)
{
	BUF_AUTO(text, MOUNTINFO_MAX);
	char path[4096];
	int fd = resctrl_try(RESCTRL_PLACE);

	if (fd >= 0)
		return fd;
	int rc = fd_read_file_at(AT_FDCWD, "/proc/self/mountinfo", &text, err);
	if (rc < 0)
		return rc;
	if (resctrl_find_mount(text.data != NULL ? text.data : "", path, sizeof(path)) == 0)
		fd = resctrl_try(path);
	return fd >= 0 ? fd
		       : err_set(err, ERR_UNSUPPORTED, 0,
				 "no resctrl filesystem is mounted: the processor or the kernel "
				 "lacks it, or it takes `mount -t resctrl resctrl " RESCTRL_PLACE
				 "`");
}

/* The kernel's own words on why the last change was refused. */
static int resctrl_explain(int root, struct err *err, const char *fmt, ...) PRINTF(3, 4);
static int resctrl_explain(int root, struct err *err, const char *fmt, ...)
{
	int sys = errno;
	char what[300], status[160] = "";
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	auto_fd fd = openat(root, "info/last_cmd_status", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, status, sizeof(status) - 1);
	status[got > 0 ? got : 0] = '\0';
	status[strcspn(status, "\n")] = '\0';
	errno = sys;
	if (status[0] == '\0' || strcmp(status, "ok") == 0)
		return err_errno(err, "%s", what);
	return err_errno(err, "%s: the kernel says '%s'", what, status);
}

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static bool wish_has_schemata(const struct resctrl_wish *wish)
{
	return is_set(wish->l3) || is_set(wish->bandwidth) || wish->line_count > 0;
}

/* A name becomes one folder; it must not be another. */
static int check_name(const char *name, struct err *err)
{
	if (name[0] == '\0' || strlen(name) > RESCTRL_NAME_MAX || strchr(name, '/') != NULL ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, ERR_INVALID, EINVAL, "'%.80s' cannot name a resctrl group",
			       name);
	/* Beside the groups stand the kernel's own folders. */
	if (strcmp(name, "info") == 0 || strcmp(name, "mon_groups") == 0 ||
	    strcmp(name, "mon_data") == 0)
		return err_set(err, ERR_INVALID, EINVAL,
			       "a resctrl group cannot be called '%s': the kernel uses it", name);
	return 0;
}

int resctrl_name(const struct resctrl_wish *wish, struct resctrl_plan *ret_plan, struct err *err)
{
	bool own = !is_set(wish->class_id);
	bool by_default = !own && strcmp(wish->class_id, "/") == 0;
	const char *name = own ? wish->id : wish->class_id;
	int rc = check_name(wish->id, err);

	*ret_plan = (struct resctrl_plan){.class_path = ""};
	if (rc == 0 && !by_default)
		rc = check_name(name, err);
	if (rc < 0)
		return rc;
	(void)snprintf(ret_plan->class_path, sizeof(ret_plan->class_path), "%s",
		       by_default ? "." : name);
	if (wish->monitor)
		(void)snprintf(ret_plan->monitor_path, sizeof(ret_plan->monitor_path),
			       "%.255s/mon_groups/%.255s", ret_plan->class_path, wish->id);
	return 0;
}

int resctrl_plan(int root, const struct resctrl_wish *wish, struct resctrl_plan *ret_plan,
		 struct err *err)
{
	bool own = !is_set(wish->class_id);
	const char *name = own ? wish->id : wish->class_id;
	struct stat st;
	int rc = resctrl_name(wish, ret_plan, err);

	if (rc < 0)
		return rc;
	if (wish->monitor && fstatat(root, ret_plan->monitor_path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, ERR_CONFLICT, EEXIST,
			       "the monitoring group '%s' exists: it is another's",
			       ret_plan->monitor_path);
	if (fstatat(root, ret_plan->class_path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? 0
					   : err_set(err, ERR_INVALID, ENOTDIR,
						     "the resctrl group '%s' is none", name);
	if (errno != ENOENT)
		return err_errno(err, "look at the resctrl group '%s'", name);
	if (!own && !wish_has_schemata(wish))
		return err_set(
			err, ERR_NOT_FOUND, ENOENT,
			"the resctrl group '%s' does not exist: without schemata it must have "
			"been made before",
			name);
	ret_plan->make_class = true;
	ret_plan->remove_class = own;
	return 0;
}

/* One line, up to `end`, without blanks around. */
static const char *trim(const char *text, const char **end)
{
	while (text < *end && (*text == ' ' || *text == '\t'))
		text++;
	while (*end > text && ((*end)[-1] == ' ' || (*end)[-1] == '\t'))
		(*end)--;
	return text;
}

static bool same_text(const char *a, const char *a_end, const char *b, const char *b_end)
{
	a = trim(a, &a_end);
	b = trim(b, &b_end);
	while (a + 1 < a_end && *a == '0')
		a++;
	while (b + 1 < b_end && *b == '0')
		b++;
	return a_end - a == b_end - b && strncasecmp(a, b, (size_t)(a_end - a)) == 0;
}

static const char *find(const char *text, const char *end, char wanted)
{
	const char *found = memchr(text, wanted, (size_t)(end - text));

	return found != NULL ? found : end;
}

/* Whether one of the domains "0=ff;1=c0" is the one given, with its value. */
static bool domains_have(const char *text, const char *end, const char *domain, const char *stop)
{
	const char *equals = find(domain, stop, '=');

	while (text < end) {
		const char *next = find(text, end, ';');
		const char *middle = find(text, next, '=');
		if (middle < next && equals < stop && same_text(text, middle, domain, equals))
			return same_text(middle + 1, next, equals + 1, stop);
		text = next < end ? next + 1 : end;
	}
	return false;
}

bool resctrl_holds(const char *schemata, const char *line)
{
	const char *line_end = line + strcspn(line, "\n");
	const char *colon = find(line, line_end, ':');

	if (colon == line_end)
		return false;
	for (size_t len; *schemata != '\0'; schemata += len + (schemata[len] == '\n')) {
		len = strcspn(schemata, "\n");
		const char *end = schemata + len;
		const char *here = find(schemata, end, ':');
		if (here == end || !same_text(schemata, here, line, colon))
			continue;
		for (const char *at = colon + 1; at < line_end;) {
			const char *stop = find(at, line_end, ';');
			if (!domains_have(here + 1, end, at, stop))
				return false;
			at = stop < line_end ? stop + 1 : line_end;
		}
		return true;
	}
	return false;
}

static int resctrl_compare(int class, const struct resctrl_wish *wish, const char *name,
			   struct err *err)
{
	char text[RESCTRL_TEXT_MAX];
	const char *const wanted[] = {wish->l3, wish->bandwidth};

	if (!is_set(wish->l3) && !is_set(wish->bandwidth))
		return 0;
	auto_fd fd = openat(class, "schemata", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : fd_read_full(fd, text, sizeof(text) - 1);
	if (got < 0)
		return err_errno(err, "read the schemata of the resctrl group '%s'", name);
	text[got] = '\0';
	for (size_t i = 0; i < 2; i++)
		if (is_set(wanted[i]) && !resctrl_holds(text, wanted[i]))
			return err_set(err, ERR_CONFLICT, EEXIST,
				       "the resctrl group '%s' exists with other shares than '%s'",
				       name, wanted[i]);
	return 0;
}

/* A line with its line break; each is one write, as the kernel takes lines until one is wrong. */
static int resctrl_write_line(int root, int fd, const char *line, struct err *err)
{
	char text[RESCTRL_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%s\n", line);

	if (len < 0 || (size_t)len >= sizeof(text))
		return err_set(err, ERR_INVALID, E2BIG, "a schema has over %d bytes",
			       RESCTRL_TEXT_MAX);
	if (write(fd, text, (size_t)len) != (ssize_t)len)
		return resctrl_explain(root, err, "write the schema '%.80s'", line);
	return 0;
}

static int resctrl_write(int root, int class, const struct resctrl_wish *wish, struct err *err)
{
	int rc = 0;

	if (!wish_has_schemata(wish))
		return 0;
	auto_fd fd = openat(class, "schemata", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open the group's schemata");
	if (is_set(wish->l3))
		rc = resctrl_write_line(root, fd, wish->l3, err);
	if (rc == 0 && is_set(wish->bandwidth))
		rc = resctrl_write_line(root, fd, wish->bandwidth, err);
	for (size_t i = 0; rc == 0 && i < wish->line_count; i++)
		if (wish->lines[i][0] != '\0')
			rc = resctrl_write_line(root, fd, wish->lines[i], err);
	return rc;
}

static int resctrl_fill(int root, const struct resctrl_wish *wish, const struct resctrl_plan *plan,
			struct err *err)
{
	int rc = 0;
	auto_fd class =
		openat(root, plan->class_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (class < 0)
		return err_errno(err, "open the resctrl group '%s'", plan->class_path);
	if (!plan->make_class)
		rc = resctrl_compare(class, wish, plan->class_path, err);
	if (rc == 0)
		rc = resctrl_write(root, class, wish, err);
	if (rc < 0)
		return rc;
	if (plan->monitor_path[0] != '\0' && mkdirat(root, plan->monitor_path, 0755) < 0)
		return resctrl_explain(root, err, "make the monitoring group '%s'",
				       plan->monitor_path);
	return 0;
}

int resctrl_make(int root, const struct resctrl_wish *wish, const struct resctrl_plan *plan,
		 struct err *err)
{
	struct err ignored;

	if (plan->make_class && mkdirat(root, plan->class_path, 0755) < 0)
		return resctrl_explain(root, err, "make the resctrl group '%s'", plan->class_path);
	int rc = resctrl_fill(root, wish, plan, err);
	/* The monitoring group is the last that is made. */
	if (rc < 0 && plan->make_class)
		(void)resctrl_remove(root, plan->class_path, &ignored);
	return rc;
}

int resctrl_update(int root, const struct resctrl_wish *wish, struct err *err)
{
	struct resctrl_plan plan;
	int rc = resctrl_name(wish, &plan, err);

	if (rc < 0)
		return rc;
	auto_fd class =
		openat(root, plan.class_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (class < 0)
		return err_errno(err, "open the resctrl group '%s'", plan.class_path);
	return resctrl_write(root, class, wish, err);
}

static int resctrl_join_group(int root, const char *group, pid_t pid, struct err *err)
{
	char path[RESCTRL_PATH_MAX + 8], text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)pid);

	(void)snprintf(path, sizeof(path), "%s/tasks", group);
	auto_fd fd = openat(root, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open '%s' of the resctrl filesystem", path);
	if (write(fd, text, (size_t)len) != (ssize_t)len)
		return resctrl_explain(root, err, "move a process into the resctrl group '%s'",
				       group);
	return 0;
}

int resctrl_join(int root, const struct resctrl_plan *plan, pid_t pid, struct err *err)
{
	int rc = resctrl_join_group(root, plan->class_path, pid, err);

	if (rc == 0 && plan->monitor_path[0] != '\0')
		rc = resctrl_join_group(root, plan->monitor_path, pid, err);
	return rc;
}

int resctrl_remove(int root, const char *path, struct err *err)
{
	if (unlinkat(root, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return err_errno(err, "remove the resctrl group '%s'", path);
}
