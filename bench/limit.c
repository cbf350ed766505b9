/*
 * limit.c - how fast `run` of /bin/true can be: all that an OCI runtime has to do, hard-coded.
 *
 * Namespaces (pid, mount, ipc, uts, net, cgroup), Docker's mounts, device nodes, masked and
 * read-only paths, cgroups with limits and a device policy, capabilities, a compiled seccomp program
 * read from a file, pivot_root, exec, wait, clean-up. No JSON, no state, no journal. What a runtime
 * needs beyond its time is its own overhead.
 *
 * usage: limit ROOTFS CGROUP SECCOMP [v2 [nolimits]]
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CGROUPS      "/sys/fs/cgroup"

static const char *const hierarchies[] = {"cpu",     "cpuacct", "cpuset", "memory", "devices",
					  "freezer", "blkio",   "pids",   "systemd"};

static const struct {
	const char *hierarchy, *file, *value;
} limits_v1[] =
	{
		{"memory", "memory.limit_in_bytes", "536870912"},
		{"memory", "memory.memsw.limit_in_bytes", "1073741824"},
		{"pids", "pids.max", "512"},
		{"cpu", "cpu.shares", "512"},
		{"cpu", "cpu.cfs_period_us", "100000"},
		{"cpu", "cpu.cfs_quota_us", "200000"},
},
  limits_v2[] = {
	  {".", "memory.swap.max", "536870912"},
	  {".", "memory.max", "536870912"},
	  {".", "pids.max", "512"},
	  {".", "cpu.weight", "59"},
	  {".", "cpu.max", "200000 100000"},
};

/* Docker's, without the last three that it adds by default for tty. -1: any. */
static const struct {
	int major, minor;
} devices[] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}, {136, -1}};

static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = {{"null", 1, 3}, {"zero", 1, 5},   {"full", 1, 7},
	     {"tty", 5, 0},  {"random", 1, 8}, {"urandom", 1, 9}};

static const struct {
	const char *name, *to;
} links[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
	     {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
	     {"core", "/proc/kcore"},       {"ptmx", "pts/ptmx"}};

static const char *const masked[] = {"proc/acpi",        "proc/asound",        "proc/kcore",
				     "proc/keys",        "proc/latency_stats", "proc/timer_list",
				     "proc/timer_stats", "proc/sched_debug",   "proc/scsi",
				     "sys/firmware"};

static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
					"proc/sysrq-trigger"};

/*
 * Docker's fourteen: chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service
 * net_raw sys_chroot mknod audit_write setfcap
 */
#define CAPS 0xa80425fbu

struct job {
	const char *rootfs;
	const char *cgroup;
	int v2;
	int limited;
	int tasks[COUNT(hierarchies)];
	struct sock_fprog filter;
};

static struct job job;

static void die(const char *what)
{
	(void)dprintf(2, "limit: %s: %s\n", what, strerror(errno));
	_exit(1);
}

#define MUST(call)                  \
	do {                        \
		if ((call) < 0)     \
			die(#call); \
	} while (0)

/* Writes to HIERARCHY/CGROUP/FILE; the hierarchy is "." on v2. */
static void put(int dir_fd, const char *hierarchy, const char *file, const char *value)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", hierarchy, job.cgroup, file);
	int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(path);
	(void)close(fd);
}

/* --- cgroups --- */

static void copy_cpuset(int dir_fd, const char *name)
{
	char path[256], value[256];

	(void)snprintf(path, sizeof(path), "cpuset/%.100s/../%s", job.cgroup, name);
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, value, sizeof(value) - 1);
	if (got < 0)
		die(path);
	(void)close(fd);
	value[got] = '\0';
	put(dir_fd, "cpuset", name, value);
}

static void allow_devices_v1(int dir_fd)
{
	char path[256], rule[64];

	put(dir_fd, "devices", "devices.deny", "a");
	(void)snprintf(path, sizeof(path), "devices/%s/devices.allow", job.cgroup);
	int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
	MUST(fd);
	MUST(write(fd, "c *:* m", 7));
	MUST(write(fd, "b *:* m", 7));
	for (size_t i = 0; i < COUNT(devices); i++) {
		int len = devices[i].minor < 0
				  ? snprintf(rule, sizeof(rule), "c %d:* rwm", devices[i].major)
				  : snprintf(rule, sizeof(rule), "c %d:%d rwm", devices[i].major,
					     devices[i].minor);
		MUST(write(fd, rule, (size_t)len));
	}
	(void)close(fd);
}

static void make_cgroups_v1(int dir_fd)
{
	char path[256];

	for (size_t i = 0; i < COUNT(hierarchies); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", hierarchies[i], job.cgroup);
		MUST(mkdirat(dir_fd, path, 0755));
		(void)snprintf(path, sizeof(path), "%s/%s/tasks", hierarchies[i], job.cgroup);
		job.tasks[i] = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
		MUST(job.tasks[i]);
	}
	copy_cpuset(dir_fd, "cpuset.cpus");
	copy_cpuset(dir_fd, "cpuset.mems");
	for (size_t i = 0; job.limited && i < COUNT(limits_v1); i++)
		put(dir_fd, limits_v1[i].hierarchy, limits_v1[i].file, limits_v1[i].value);
	allow_devices_v1(dir_fd);
}

static struct bpf_insn op(int code, unsigned dst, unsigned src, int off, int imm)
{
	return (struct bpf_insn){.code = (uint8_t)code,
				 .dst_reg = dst & 15u,
				 .src_reg = src & 15u,
				 .off = (int16_t)off,
				 .imm = imm};
}

static int load_devices_v2(void)
{
	struct bpf_insn code[128];
	size_t n = 0;
	union bpf_attr attr;

	code[n++] = op(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	code[n++] = op(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0);
	code[n++] = op(BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0);
	code[n++] = op(BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	code[n++] = op(BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
	code[n++] = op(BPF_JMP | BPF_JNE | BPF_K, 3, 0, 2, BPF_DEVCG_ACC_MKNOD);
	code[n++] = op(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	code[n++] = op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < COUNT(devices); i++) {
		code[n++] = op(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 3, devices[i].major);
		code[n++] = devices[i].minor < 0
				    ? op(BPF_JMP | BPF_JA, 0, 0, 0, 0)
				    : op(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 2, devices[i].minor);
		code[n++] = op(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
		code[n++] = op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
	code[n++] = op(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	code[n++] = op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t) "Apache-2.0";
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int make_cgroup_v2(int dir_fd)
{
	union bpf_attr attr;

	MUST(mkdirat(dir_fd, job.cgroup, 0755));
	int fd = openat(dir_fd, job.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(fd);
	for (size_t i = 0; job.limited && i < COUNT(limits_v2); i++)
		put(dir_fd, limits_v2[i].hierarchy, limits_v2[i].file, limits_v2[i].value);
	int program = load_devices_v2();
	MUST(program);
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)fd;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	MUST(syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)));
	(void)close(program);
	return fd;
}

static void remove_cgroups(int dir_fd)
{
	char path[256];

	for (size_t i = 0; i < (job.v2 ? 1 : COUNT(hierarchies)); i++) {
		if (job.v2)
			(void)snprintf(path, sizeof(path), "%s", job.cgroup);
		else
			(void)snprintf(path, sizeof(path), "%s/%s", hierarchies[i], job.cgroup);
		while (unlinkat(dir_fd, path, AT_REMOVEDIR) < 0)
			if (errno != EBUSY)
				die(path);
	}
}

/* --- the container's side --- */

static void mount_cgroups(void)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;
	char path[64];

	if (job.v2) {
		MUST(mount("cgroup", "sys/fs/cgroup", "cgroup2", flags | MS_RDONLY, NULL));
		return;
	}
	MUST(mount("tmpfs", "sys/fs/cgroup", "tmpfs", flags, "mode=755"));
	for (size_t i = 0; i < COUNT(hierarchies); i++) {
		const char *options = hierarchies[i];
		if (strcmp(options, "systemd") == 0)
			options = "none,name=systemd";
		(void)snprintf(path, sizeof(path), "sys/fs/cgroup/%s", hierarchies[i]);
		MUST(mkdir(path, 0755));
		MUST(mount("cgroup", path, "cgroup", flags | MS_RDONLY, options));
	}
	MUST(mount(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL));
}

static void mount_all(void)
{
	const unsigned long safe = MS_NOSUID | MS_NOEXEC | MS_NODEV;

	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mount(job.rootfs, job.rootfs, NULL, MS_BIND | MS_REC, NULL));
	MUST(chdir(job.rootfs));
	MUST(mount("proc", "proc", "proc", safe, NULL));
	MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"));
	MUST(mkdir("dev/pts", 0755));
	MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=0620,gid=5"));
	MUST(mount("sysfs", "sys", "sysfs", safe | MS_RDONLY, NULL));
	mount_cgroups();
	MUST(mkdir("dev/mqueue", 0755));
	MUST(mount("mqueue", "dev/mqueue", "mqueue", safe, NULL));
	MUST(mkdir("dev/shm", 01777));
	MUST(mount("shm", "dev/shm", "tmpfs", safe, "mode=1777,size=65536k"));
	for (size_t i = 0; i < COUNT(nodes); i++) {
		char path[32];
		(void)snprintf(path, sizeof(path), "dev/%s", nodes[i].name);
		MUST(mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
		MUST(chmod(path, 0666));
	}
	for (size_t i = 0; i < COUNT(links); i++) {
		char path[32];
		(void)snprintf(path, sizeof(path), "dev/%s", links[i].name);
		MUST(symlink(links[i].to, path));
	}
}

static void protect_paths(void)
{
	const unsigned long safe = MS_NOSUID | MS_NOEXEC | MS_NODEV;

	for (size_t i = 0; i < COUNT(read_only); i++) {
		if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) < 0 &&
		    errno == ENOENT)
			continue;
		MUST(mount(NULL, read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | safe,
			   NULL));
	}
	for (size_t i = 0; i < COUNT(masked); i++)
		if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno == ENOTDIR)
			MUST(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL));
}

static void drop_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{CAPS, CAPS, 0}, {0, 0, 0}};

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap >= 32 || (CAPS & (1u << cap)) == 0)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	/* Without no_new_privs the program needs CAP_SYS_ADMIN to load, so it comes first. */
	MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		     &job.filter));
	MUST(syscall(SYS_capset, &header, data));
}

static void child(void)
{
	static char program[] = "/bin/true", host[] = "HOSTNAME=bench";
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char *argv[] = {program, NULL}, *env[] = {path, host, NULL};

	for (size_t i = 0; !job.v2 && i < COUNT(hierarchies); i++)
		MUST(write(job.tasks[i], "0", 1));
	MUST(unshare(CLONE_NEWCGROUP));
	mount_all();
	protect_paths();
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(chdir("/"));
	MUST(sethostname("bench", 5));
	MUST(setsid());
	(void)umask(022);
	drop_rights();
	(void)execve(argv[0], argv, env);
	die("execve");
}

/* A clone that shares memory until its exec, on a stack of its own: no page table is copied. */
static pid_t clone_child(int cgroup_fd)
{
	static _Alignas(16) char stack[65536];
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
			 CLONE_NEWUTS | CLONE_NEWNET,
		.exit_signal = SIGCHLD,
	};

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)cgroup_fd;
	}
#ifdef __x86_64__
	long pid = SYS_clone3;
	args.stack = (uintptr_t)stack;
	args.stack_size = sizeof(stack);
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%[child]\n\t"
			 "1:"
			 : "+a"(pid)
			 : "D"(&args), "S"(sizeof(args)), [child] "r"(child)
			 : "rcx", "r11", "memory");
	if (pid < 0)
		errno = (int)-pid;
	return (pid_t)(pid < 0 ? -1 : pid);
#else
	(void)stack;
	args.flags &= ~(uint64_t)(CLONE_VM | CLONE_VFORK);
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child();
	return pid;
#endif
}

static void read_filter(const char *path)
{
	static struct sock_filter code[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, code, sizeof(code));

	if (got <= 0)
		die(path);
	(void)close(fd);
	job.filter.len = (unsigned short)((size_t)got / sizeof(code[0]));
	job.filter.filter = code;
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 4) {
		(void)dprintf(2, "usage: limit ROOTFS CGROUP SECCOMP [v2 [nolimits]]\n");
		return 2;
	}
	job.rootfs = argv[1];
	job.cgroup = argv[2];
	job.v2 = argc > 4 && strcmp(argv[4], "v2") == 0;
	job.limited = strcmp(argv[argc - 1], "nolimits") != 0;
	read_filter(argv[3]);
	int dir_fd = open(CGROUPS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	MUST(dir_fd);
	int cgroup_fd = -1;
	if (job.v2)
		cgroup_fd = make_cgroup_v2(dir_fd);
	else
		make_cgroups_v1(dir_fd);
	pid_t pid = clone_child(cgroup_fd);
	MUST(pid);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	remove_cgroups(dir_fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
