/*
 * What a container's first process sees, a line a fact: NAME, tab, VALUE. It ends with the line "end", then waits for a
 * byte (or the end) of its standard input, so that its control groups can be read meanwhile.
 *
 * probe [WORD PATH]...: "path" tells what can be done at a path, "file" its first line.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

#define ENTRIES_MAX 400

__attribute__((format(printf, 2, 3))) static void say(const char *name, const char *form, ...)
{
	char text[8192];
	va_list list;

	va_start(list, form);
	vsnprintf(text, sizeof(text), form, list);
	va_end(list);
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
	printf("%s\t%s\n", name, text);
}

static const char *outcome(long result)
{
	return result >= 0 ? "works" : strerrorname_np(errno);
}

static void first_line(const char *name, const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		say(name, "%s", strerrorname_np(errno));
	else
		say(name, "%.*s", (int)n, text);
	if (fd >= 0)
		close(fd);
}

static void status_lines(void)
{
	static const char *const wanted[] = {"Umask",   "Groups",           "CapInh", "CapPrm",
					     "CapEff",  "CapBnd",           "CapAmb", "NoNewPrivs",
					     "Seccomp", "Seccomp_filters",  "SigBlk", "SigIgn",
					     "SigCgt",  "Cpus_allowed_list"};
	char line[4096], name[64];
	FILE *file = fopen("/proc/self/status", "re");

	if (!file) {
		say("status", "%s", strerrorname_np(errno));
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = 0;
		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
			if (strcmp(line, wanted[i]))
				continue;
			snprintf(name, sizeof(name), "status:%.40s", line);
			say(name, "%s", colon + 1 + strspn(colon + 1, " \t"));
		}
	}
	fclose(file);
}

static void identity(void)
{
	uid_t r, e, s;
	gid_t groups[64];
	char text[1024] = "";
	int n;

	getresuid(&r, &e, &s);
	say("id:uid", "%u %u %u", r, e, s);
	getresgid(&r, &e, &s);
	say("id:gid", "%u %u %u", r, e, s);
	n = getgroups(64, groups);
	for (int i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ", groups[i]);
	say("id:groups", "%s", text);
	say("id:pid", "%d parent %d", getpid(), getppid());
	say("id:session", "%s", getsid(0) == getpid() ? "own" : "not its own");
	say("id:process group", "%s", getpgrp() == getpid() ? "own" : "not its own");
	first_line("id:uid_map", "/proc/self/uid_map");
	first_line("id:gid_map", "/proc/self/gid_map");
	first_line("id:setgroups", "/proc/self/setgroups");
}

static void attributes(void)
{
	char cwd[PATH_MAX], label[256];
	struct utsname uts;
	int death = -1, reaper = -1;
	long key;

	say("cwd", "%s", getcwd(cwd, sizeof(cwd)) ? cwd : strerrorname_np(errno));
	uname(&uts);
	say("uts:hostname", "%s", uts.nodename);
	say("uts:domainname", "%s", uts.domainname);
	say("uts:machine", "%s", uts.machine);
	say("personality", "%x", personality(0xffffffff));
	say("securebits", "%x", prctl(PR_GET_SECUREBITS));
	say("dumpable", "%d", prctl(PR_GET_DUMPABLE));
	prctl(PR_GET_PDEATHSIG, &death);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	say("death signal", "%d", death);
	say("subreaper", "%d", reaper);
	say("timer slack", "%d", prctl(PR_GET_TIMERSLACK));
	say("thp disabled", "%d", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	first_line("oom_score_adj", "/proc/self/oom_score_adj");
	first_line("timens_offsets", "/proc/self/timens_offsets");
	first_line("comm", "/proc/self/comm");
	first_line("coredump_filter", "/proc/self/coredump_filter");
	say("scheduler", "policy %d nice %d io %ld", sched_getscheduler(0),
	    getpriority(PRIO_PROCESS, 0), syscall(SYS_ioprio_get, 1, 0));
	key = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	if (key < 0 || syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, label, sizeof(label)) < 0)
		say("session keyring", "%s", strerrorname_np(errno));
	else
		say("session keyring", "%s", label);
}

static void limits(void)
{
	static const char *const names[] = {
		"CPU",     "FSIZE", "DATA",  "STACK",      "CORE",     "RSS",  "NPROC",  "NOFILE",
		"MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
	struct rlimit limit;
	char name[64];

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		getrlimit(i, &limit);
		snprintf(name, sizeof(name), "limit:%s", names[i]);
		say(name, "%ld %ld", (long)limit.rlim_cur, (long)limit.rlim_max);
	}
}

static void environment(char **argv)
{
	char name[256];
	int i;

	for (i = 0; environ[i]; i++) {
		snprintf(name, sizeof(name), "env:%d", i);
		say(name, "%s", environ[i]);
	}
	say("argv", "%s", argv[0]);
}

static void spaces(void)
{
	static const char *const names[] = {"mnt", "net",  "uts",    "ipc",
					    "pid", "user", "cgroup", "time"};
	char path[64], name[64], text[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		snprintf(name, sizeof(name), "namespace:%s", names[i]);
		n = readlink(path, text, sizeof(text));
		if (n < 0)
			say(name, "%s", strerrorname_np(errno));
		else
			say(name, "%.*s", (int)n, text);
	}
}

static void lines_of(const char *kind, const char *path)
{
	char line[8192], name[64];
	FILE *file = fopen(path, "re");
	int i = 0;

	while (file && fgets(line, sizeof(line), file)) {
		snprintf(name, sizeof(name), "%s:%d", kind, i++);
		say(name, "%s", line);
	}
	if (file)
		fclose(file);
	else
		say(kind, "%s", strerrorname_np(errno));
}

static void describe(int folder, const char *entry, const char *name)
{
	char target[256] = "", kind = '?';
	struct stat st;

	if (fstatat(folder, entry, &st, AT_SYMLINK_NOFOLLOW)) {
		say(name, "%s", strerrorname_np(errno));
		return;
	}
	if (S_ISLNK(st.st_mode) && readlinkat(folder, entry, target, sizeof(target) - 1) < 0)
		target[0] = 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		kind = 'd';
		break;
	case S_IFREG:
		kind = '-';
		break;
	case S_IFLNK:
		kind = 'l';
		break;
	case S_IFCHR:
		kind = 'c';
		break;
	case S_IFBLK:
		kind = 'b';
		break;
	case S_IFIFO:
		kind = 'p';
		break;
	case S_IFSOCK:
		kind = 's';
		break;
	}
	if (kind == 'c' || kind == 'b')
		say(name, "%c %04o %u:%u %u:%u", kind, st.st_mode & 07777, st.st_uid, st.st_gid,
		    major(st.st_rdev), minor(st.st_rdev));
	else
		say(name, "%c %04o %u:%u %s", kind, st.st_mode & 07777, st.st_uid, st.st_gid,
		    target);
}

/* Every entry below a folder but what lies in /proc, in /sys and in another's devpts. */
static void tree(const char *path, int depth, int *left)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) && *left > 0) {
		char name[PATH_MAX];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		(*left)--;
		snprintf(name, sizeof(name), "tree:%s/%s", strcmp(path, "/") ? path : "",
			 entry->d_name);
		describe(dirfd(dir), entry->d_name, name);
		if (entry->d_type == DT_DIR && depth > 0 && strcmp(name + 5, "/proc") &&
		    strcmp(name + 5, "/sys"))
			tree(name + 5, depth - 1, left);
	}
	if (dir)
		closedir(dir);
}

static void descriptors(void)
{
	for (int fd = 0; fd < 256; fd++) {
		char path[64], name[64], text[256];
		ssize_t n;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		snprintf(name, sizeof(name), "fd:%d", fd);
		n = readlink(path, text, sizeof(text));
		say(name, "%.*s flags %o", n < 0 ? 0 : (int)n, text,
		    fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	}
	for (int fd = 0; fd < 3; fd++) {
		struct winsize size = {0};
		char name[64];

		snprintf(name, sizeof(name), "terminal:%d", fd);
		if (isatty(fd)) {
			ioctl(fd, TIOCGWINSZ, &size);
			say(name, "%s %u x %u, foreground %s", ttyname(fd), size.ws_row,
			    size.ws_col, tcgetpgrp(fd) == getpgrp() ? "own" : "not its own");
		} else {
			say(name, "none");
		}
	}
}

static void network(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct if_nameindex *names = if_nameindex();

	for (struct if_nameindex *one = names; one && one->if_index; one++) {
		struct ifreq request = {0};
		char name[64];

		snprintf(name, sizeof(name), "link:%s", one->if_name);
		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", one->if_name);
		if (ioctl(fd, SIOCGIFFLAGS, &request))
			say(name, "%s", strerrorname_np(errno));
		else
			say(name, "%s", request.ifr_flags & IFF_UP ? "up" : "down");
	}
	if (names)
		if_freenameindex(names);
	close(fd);
}

/* What the kernel says to calls that filters and capabilities deal with; each is harmless where it works. */
static void calls(void)
{
	say("call:unknown", "%s", outcome(syscall(1500)));
	say("call:keyctl", "%s",
	    outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0)));
	say("call:bpf", "%s", outcome(syscall(SYS_bpf, 0, 0, 0)));
	say("call:getcwd", "%s", outcome(syscall(SYS_getcwd, 0, 0)));
	say("call:chmod", "%s", outcome(chmod("/absent", 0644)));
	say("call:personality 8", "%s", outcome(personality(8)));
	personality(0);
	say("call:socket 40", "%s", outcome(socket(40, SOCK_STREAM, 0)));
	say("call:mount", "%s", outcome(mount("none", "/absent", "tmpfs", 0, NULL)));
	say("call:sethostname", "%s", outcome(syscall(SYS_sethostname, "", -1L)));
	say("call:setns", "%s", outcome(syscall(SYS_setns, -1, 0)));
	say("call:mknod", "%s", outcome(mknod("/tmp/probe-node", S_IFCHR | 0600, makedev(1, 3))));
	unlink("/tmp/probe-node");
	say("call:mkdir", "%s", outcome(mkdir("/probe-folder", 0755)));
	rmdir("/probe-folder");
	say("call:clone3", "%s", outcome(syscall(SYS_clone3, 0, 0)));
	say("call:openat2", "%s", outcome(syscall(SYS_openat2, -1, "x", NULL, 0)));
}

/* Devices by number, made where the process may: which of them the rules let it open. */
static void device_rules(void)
{
	static const struct {
		mode_t kind;
		unsigned major, minor;
	} nodes[] = {{S_IFCHR, 1, 3},  {S_IFCHR, 1, 5},   {S_IFCHR, 1, 7}, {S_IFCHR, 1, 9},
		     {S_IFCHR, 1, 11}, {S_IFCHR, 5, 0},   {S_IFCHR, 5, 2}, {S_IFCHR, 10, 229},
		     {S_IFBLK, 7, 0},  {S_IFCHR, 10, 200}};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		char name[64], read_word[32], write_word[32];
		int fd;

		snprintf(name, sizeof(name), "device:%c %u:%u",
			 nodes[i].kind == S_IFCHR ? 'c' : 'b', nodes[i].major, nodes[i].minor);
		if (mknod("/tmp/probe-node", nodes[i].kind | 0600,
			  makedev(nodes[i].major, nodes[i].minor))) {
			say(name, "mknod %s", strerrorname_np(errno));
			continue;
		}
		fd = open("/tmp/probe-node", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		snprintf(read_word, sizeof(read_word), "%s", outcome(fd));
		if (fd >= 0)
			close(fd);
		fd = open("/tmp/probe-node", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		snprintf(write_word, sizeof(write_word), "%s", outcome(fd));
		if (fd >= 0)
			close(fd);
		unlink("/tmp/probe-node");
		say(name, "read %s write %s", read_word, write_word);
	}
}

static void path_facts(const char *path)
{
	char name[PATH_MAX], text[64];
	struct stat st;
	int fd;

	if (stat(path, &st)) {
		snprintf(name, sizeof(name), "path:%s", path);
		say(name, "%s", strerrorname_np(errno));
		return;
	}
	snprintf(name, sizeof(name), "path:%s read", path);
	if (S_ISDIR(st.st_mode)) {
		DIR *dir = opendir(path);
		int n = 0;

		for (struct dirent *entry; dir && (entry = readdir(dir));)
			n += entry->d_name[0] != '.';
		say(name, "%s", !dir ? strerrorname_np(errno) : n ? "entries" : "empty");
		if (dir)
			closedir(dir);
		snprintf(name, sizeof(name), "path:%s write", path);
		say(name, "%s", outcome(utimensat(AT_FDCWD, path, NULL, 0)));
		return;
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	say(name, "%s",
	    fd < 0                  ? strerrorname_np(errno)
	    : read(fd, text, 1) > 0 ? "bytes"
				    : "nothing");
	if (fd >= 0)
		close(fd);
	snprintf(name, sizeof(name), "path:%s write", path);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	say(name, "%s", outcome(fd));
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	int left = ENTRIES_MAX;
	char byte;

	descriptors();
	status_lines();
	identity();
	attributes();
	limits();
	environment(argv);
	spaces();
	lines_of("mount", "/proc/self/mountinfo");
	lines_of("group", "/proc/self/cgroup");
	describe(AT_FDCWD, "/", "tree:/");
	tree("/", 4, &left);
	network();
	calls();
	device_rules();
	for (int i = 1; i + 1 < argc; i += 2) {
		char name[PATH_MAX];

		snprintf(name, sizeof(name), "file:%s", argv[i + 1]);
		if (!strcmp(argv[i], "path"))
			path_facts(argv[i + 1]);
		else
			first_line(name, argv[i + 1]);
	}
	printf("end\n");
	fflush(stdout);
	return read(0, &byte, 1) < 0;
}
