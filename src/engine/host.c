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
#include "kern/lsm/lsm.h"

#define HOST_PATH_MAX 256

static uint32_t count_cpus(void)
{
	cpu_set_t set;

	/* More than 1,024 processors do not fit the set; sysconf reads a file for them. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (uint32_t)CPU_COUNT(&set);
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count > 0 ? (uint32_t)count : 1;
}

void host_look_security(const char *sys, const char *proc, struct spec_host *host)
{
	char path[HOST_PATH_MAX];
	struct err ignored;

	host->apparmor = lsm_apparmor_is_enabled(sys);
	(void)snprintf(path, sizeof(path), "%s/sys/kernel/seccomp/actions_avail", proc);
	host->seccomp = access(path, F_OK) == 0;
	(void)snprintf(path, sizeof(path), "%s/fs/selinux/mls", sys);
	if (access(path, F_OK) < 0)
		return; /* most hosts */
	auto_fd procfd = openat(AT_FDCWD, proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	host->selinux = procfd >= 0 && lsm_selinux_is_enabled(sys, procfd);
	BUF_AUTO(text, 64);
	host->selinux_levels = host->selinux &&
			       fd_read_file_at(AT_FDCWD, path, &text, &ignored) == 0 &&
			       text.len > 0 && text.data[0] == '1';
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
	host_look_security("/sys", "/proc", ret_host);
}
