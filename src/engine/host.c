#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/resources.h"
#include "kern/caps/caps.h"

static uint32_t count_cpus(void)
{
	cpu_set_t set;

	/* More than 1,024 processors do not fit the set; sysconf reads a file for them. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (uint32_t)CPU_COUNT(&set);
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count > 0 ? (uint32_t)count : 1;
}

static bool is_enabled(const char *path)
{
	BUF_AUTO(text, 64);
	struct err ignored;

	return fd_read_file_at(AT_FDCWD, path, &text, &ignored) == 0 && text.len > 0 &&
	       text.data[0] == 'Y';
}

void host_look(struct spec_host *ret_host)
{
	struct utsname names;

	*ret_host = (struct spec_host){.cpu_count = count_cpus(), .all_caps = caps_all()};
	if (uname(&names) == 0)
		(void)snprintf(ret_host->hostname, sizeof(ret_host->hostname), "%s",
			       names.nodename);
	/* v1 shows the file where the kernel counts swap; v2 always does when it has the controller. */
	ret_host->swap_limit =
		access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0 ||
		access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	ret_host->apparmor = is_enabled("/sys/module/apparmor/parameters/enabled");
}
