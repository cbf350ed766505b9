#include "monitor/oom.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define V1_FOLDER "/sys/fs/cgroup/memory"
#define V1_FILE   "memory.oom_control"
#define V2_FOLDER "/sys/fs/cgroup"
#define V2_FILE   "memory.events"

static bool has_controller(const char *list, size_t len, const char *name)
{
	size_t want = strlen(name);

	for (size_t at = 0; at < len;) {
		const char *comma = memchr(list + at, ',', len - at);
		size_t end = comma == NULL ? len : (size_t)(comma - list);
		if (end - at == want && memcmp(list + at, name, want) == 0)
			return true;
		at = end + 1;
	}
	return false;
}

const char *oom_find_cgroup(const char *text, size_t *ret_len, bool *ret_v1)
{
	const char *found = NULL;

	/* "7:memory:/path" of version 1 wins over "0::/path" of version 2, which is then a bystander. */
	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		const char *first = memchr(line, ':', len);
		const char *second =
			first == NULL ? NULL
				      : memchr(first + 1, ':', len - (size_t)(first + 1 - line));
		if (second != NULL) {
			size_t controllers = (size_t)(second - first - 1);
			bool v1 = has_controller(first + 1, controllers, "memory");
			if (v1 || (controllers == 0 && found == NULL)) {
				found = second + 1;
				*ret_len = len - (size_t)(found - line);
				*ret_v1 = v1;
			}
			if (v1)
				break;
		}
		line += len + (line[len] == '\n');
	}
	/* A dying process is shown in the root of version 1, whose counter is the machine's. */
	return found != NULL && *ret_len > 1 && found[0] == '/' ? found : NULL;
}

static int counter_open(const char *folder, const char *path, size_t len, const char *file)
{
	char name[PATH_MAX];

	int written = snprintf(name, sizeof(name), "%s%.*s/%s", folder, (int)len, path, file);
	if (len >= PATH_MAX || written < 0 || (size_t)written >= sizeof(name))
		return FD_NONE;
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : FD_NONE;
}

int oom_open(pid_t pid, const char *cgroups_path)
{
	char name[32];
	struct err ignored;
	size_t len;
	bool v1;
	BUF_AUTO(text, 16384);

	(void)snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	if (fd_read_file_at(AT_FDCWD, name, &text, &ignored) == 0 && text.data != NULL) {
		const char *path = oom_find_cgroup(text.data, &len, &v1);
		if (path != NULL)
			return counter_open(v1 ? V1_FOLDER : V2_FOLDER, path, len,
					    v1 ? V1_FILE : V2_FILE);
	}
	if (cgroups_path == NULL || cgroups_path[0] != '/' || strstr(cgroups_path, "/../") != NULL)
		return FD_NONE;
	int fd = counter_open(V1_FOLDER, cgroups_path, strlen(cgroups_path), V1_FILE);
	return fd >= 0 ? fd : counter_open(V2_FOLDER, cgroups_path, strlen(cgroups_path), V2_FILE);
}

unsigned long oom_parse(const char *text)
{
	static const char key[] = "oom_kill ";

	for (const char *line = text; *line != '\0';) {
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			return strtoul(line + sizeof(key) - 1, NULL, 10);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return 0;
}

bool oom_struck(int fd)
{
	char text[1024];

	if (fd < 0)
		return false;
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
	if (got <= 0)
		return false;
	text[got] = '\0';
	return oom_parse(text) > 0;
}
