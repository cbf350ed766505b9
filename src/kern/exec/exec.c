#include "kern/exec/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/path.h"
#include "kern/exec/inspect.h"
#include "kern/uapi.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#define EXEC_DEPTH_MAX    5 /* an interpreter may be a script: the kernel follows as many */
#define EXEC_ST_NOEXEC    0x0008
#define EXEC_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The kernel's rule for the container's root, where /proc is another PID namespace's or absent. */
static int exec_access_of_root(int fd)
{
	struct stat st;
	struct statfs fs;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return errno;
	return (st.st_mode & 0111) == 0 || ((unsigned long)fs.f_flags & EXEC_ST_NOEXEC) != 0
		       ? EACCES
		       : 0;
}

/*
 * Whether the caller may execute the regular file behind fd: 0 or the errno. Knows noexec mounts
 * too.
 */
static int exec_access(int fd)
{
	char path[32];

	if (syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0)
		return 0;
	/* EPERM: what old seccomp policies answer for a call that they do not know. */
	if (errno != ENOSYS && errno != EPERM)
		return errno;
	/* Without flags, which the C library would hand to the missing call: nobody here is setuid. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (faccessat(AT_FDCWD, path, X_OK, 0) == 0)
		return 0;
	return errno == ENOENT ? exec_access_of_root(fd) : errno;
}

/* 0 when path is a regular file that the caller may execute; EISDIR, or the errno of execve. */
static int exec_try(int rootfd, const char *path)
{
	struct err why = {0};
	struct stat st;

	auto_fd fd = path_open_in_root(rootfd, path, O_PATH, &why);
	if (fd < 0)
		return why.sys;
	if (fstat(fd, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return S_ISREG(st.st_mode) ? exec_access(fd) : EACCES;
}

/* Writes folder/name, folder being relative to cwd. Returns whether it fits. */
static bool exec_join(const char *cwd, const char *folder, size_t folder_len, const char *name,
		      char *ret_path, size_t size)
{
	bool absolute = folder_len > 0 && folder[0] == '/';
	const char *base = absolute || strcmp(cwd, "/") == 0 ? "" : cwd;
	const char *slash = absolute || folder_len == 0 ? "" : "/";
	int len =
		snprintf(ret_path, size, "%s%s%.*s/%s", base, slash, (int)folder_len, folder, name);

	return len >= 0 && (size_t)len < size;
}

static int exec_not_found(const char *name, struct err *err)
{
	(void)err_set(err, ERR_NOT_FOUND, 0, "exec: '%.128s': executable file not found in $PATH",
		      name);
	return -ENOENT;
}

int exec_find(int rootfd, const char *name, const char *path_value, const char *cwd, char *ret_path,
	      size_t size, struct err *err)
{
	char refused[PATH_MAX] = "";
	int refused_sys = 0;

	if (strchr(name, '/') != NULL) {
		bool fits = name[0] == '/' ? snprintf(ret_path, size, "%s", name) < (int)size
					   : exec_join(cwd, "", 0, name, ret_path, size);
		int sys = fits ? exec_try(rootfd, ret_path) : ENAMETOOLONG;
		if (sys == 0)
			return 0;
		if (sys == EISDIR)
			sys = EACCES; /* as execve says */
		(void)exec_explain(rootfd, fits ? ret_path : name, name, sys, err);
		return -sys;
	}
	if (name[0] == '\0')
		return exec_not_found(name, err);
	for (const char *folder = path_value == NULL ? EXEC_DEFAULT_PATH : path_value;;) {
		size_t len = strcspn(folder, ":");
		int sys = exec_join(cwd, folder, len, name, ret_path, size)
				  ? exec_try(rootfd, ret_path)
				  : ENAMETOOLONG;
		if (sys == 0)
			return 0;
		/* Nothing was found out: as under a limit of open files that leaves none. */
		bool unknown = sys == EMFILE || sys == ENFILE || sys == ENOMEM || sys == EIO;
		if ((sys == EACCES || unknown) && refused_sys == 0 &&
		    strlen(ret_path) < sizeof(refused)) {
			refused_sys = sys;
			(void)memcpy(refused, ret_path, strlen(ret_path) + 1);
		}
		if (folder[len] == '\0')
			break;
		folder += len + 1;
	}
	if (refused_sys == 0)
		return exec_not_found(name, err);
	(void)exec_explain(rootfd, refused, name, refused_sys, err);
	return -refused_sys;
}

/* What exec_explain() is about; depth counts interpreters. */
struct exec_case {
	int rootfd;
	const char *path; /* executed at first */
	int sys;
};

static const char *exec_words(int sys)
{
	switch (sys) {
	case ENOENT:
		return "no such file or directory";
	case EACCES:
		return "permission denied";
	case EPERM:
		return "operation not permitted";
	case ENOEXEC:
		return "exec format error";
	case ENOTDIR:
		return "not a directory";
	case ELOOP:
		return "too many levels of links, or a link of /proc that leads outside";
	case ENAMETOOLONG:
		return "file name too long";
	case E2BIG:
		return "arguments and environment are too long";
	case ETXTBSY:
		return "text file busy: somebody has it open for writing";
	case EMFILE:
		return "too many open files: the limit RLIMIT_NOFILE is too low to start anything";
	case ELIBBAD:
		return "its loader is damaged or for another processor";
	default:
		return NULL;
	}
}

static int exec_status(int sys)
{
	return sys == ENOENT || sys == ENOTDIR ? EXEC_STATUS_NOT_FOUND : EXEC_STATUS_NOT_RUN;
}

/* The end of every explanation: "exec: 'path': words: cause". */
static int exec_say(const struct exec_case *exec, const char *cause, struct err *err)
{
	enum err_kind kind = exec->sys == ENOEXEC ? ERR_INVALID : err_kind_of(exec->sys);
	const char *words = exec_words(exec->sys);

	if (words == NULL)
		(void)err_set(err, kind, exec->sys, "exec: '%.160s'", exec->path);
	else if (cause[0] == '\0')
		(void)err_set(err, kind, 0, "exec: '%.160s': %s", exec->path, words);
	else
		(void)err_set(err, kind, 0, "exec: '%.160s': %s: %s", exec->path, words, cause);
	return exec_status(exec->sys);
}

/* A regular file's content; opened anew, since path_open_in_root() gave an O_PATH one. */
static int exec_read_program(const struct exec_case *exec, const char *path,
			     struct exec_program *ret_program)
{
	struct err ignored = {0};

	auto_fd fd = path_open_regular_in_root(exec->rootfd, path, &ignored);
	if (fd < 0)
		return -1;
	return exec_inspect(fd, ret_program, &ignored);
}

static void exec_printable(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* ENOENT though the file is there: something it needs is missing. Writes the cause. */
static void exec_cause_missing(const struct exec_case *exec, char *cause, size_t size)
{
	struct exec_program program;
	char path[sizeof(program.interpreter)] = "";
	const char *of = exec->path;

	for (int depth = 0; depth < EXEC_DEPTH_MAX; depth++) {
		if (exec_read_program(exec, of, &program) < 0 || program.interpreter[0] == '\0')
			return;
		bool script = program.format == EXEC_FORMAT_SCRIPT;
		int sys = exec_try(exec->rootfd, program.interpreter);
		if (program.carriage_return) {
			exec_printable(program.interpreter);
			(void)snprintf(
				cause, size,
				"the #! line of '%.80s' ends with a carriage return (Windows "
				"line ends), so '%.80s' is looked for with one in its name",
				of, program.interpreter);
			return;
		}
		if (sys == ENOENT || sys == ENOTDIR) {
			exec_printable(program.interpreter);
			(void)snprintf(
				cause, size,
				script ? "'%.80s' is a script, and its interpreter '%.80s' "
					 "does not exist"
				       : "'%.80s' is there, but its loader '%.80s' is not: it "
					 "was built for another C library, or the image "
					 "lacks it",
				of, program.interpreter);
			return;
		}
		(void)memcpy(path, program.interpreter, sizeof(path));
		of = path;
	}
}

/* Why the regular file behind fd may not be executed; "" when it may. */
static void exec_cause_file(int fd, const struct stat *st, char *cause, size_t size)
{
	struct statfs fs;

	if (S_ISDIR(st->st_mode))
		(void)snprintf(cause, size, "it is a directory");
	else if (!S_ISREG(st->st_mode))
		(void)snprintf(cause, size, "it is not a regular file");
	else if ((st->st_mode & 0111) == 0)
		(void)snprintf(cause, size, "it has no execute permission (mode %04o)",
			       st->st_mode & 07777);
	else if (fstatfs(fd, &fs) == 0 && ((unsigned long)fs.f_flags & EXEC_ST_NOEXEC))
		(void)snprintf(cause, size, "it lies on a mount with the option noexec");
	else if (exec_access(fd) != 0)
		(void)snprintf(cause, size, "mode %04o of %u:%u does not let user %u execute it",
			       st->st_mode & 07777, st->st_uid, st->st_gid, geteuid());
}

static void exec_cause_denied(const struct exec_case *exec, char *cause, size_t size)
{
	struct exec_program program;
	char path[sizeof(program.interpreter)] = "";
	const char *of = exec->path;
	char own[160] = "";

	for (int depth = 0; depth < EXEC_DEPTH_MAX; depth++) {
		struct err ignored = {0};
		struct stat st;
		auto_fd fd = path_open_in_root(exec->rootfd, of, O_PATH, &ignored);
		if (fd < 0 && ignored.sys == EACCES)
			(void)snprintf(own, sizeof(own), "a folder on its way may not be searched");
		if (fd >= 0 && fstat(fd, &st) == 0)
			exec_cause_file(fd, &st, own, sizeof(own));
		if (own[0] != '\0') {
			if (depth > 0)
				exec_printable(path);
			(void)snprintf(cause, size,
				       depth == 0 ? "%.0s%s" : "interpreter '%.80s': %s", path,
				       own);
			return;
		}
		if (fd < 0 || exec_read_program(exec, of, &program) < 0 ||
		    program.interpreter[0] == '\0')
			return;
		(void)memcpy(path, program.interpreter, sizeof(path));
		of = path;
	}
}

static void exec_cause_format(const struct exec_case *exec, char *cause, size_t size)
{
	struct exec_program program;
	char number[24];

	if (exec_read_program(exec, exec->path, &program) < 0)
		return;
	const char *machine = exec_machine_name(program.machine);
	switch (program.format) {
	case EXEC_FORMAT_EMPTY:
		(void)snprintf(cause, size, "the file is empty");
		break;
	case EXEC_FORMAT_ELF:
		(void)snprintf(number, sizeof(number), "processor %u", program.machine);
		if (program.machine != exec_host_machine())
			(void)snprintf(cause, size,
				       "it is built for %s (%u bits), this machine is %s",
				       machine ? machine : number, program.bits,
				       exec_machine_name(exec_host_machine()));
		else
			(void)snprintf(cause, size, "the kernel refuses this ELF file");
		break;
	case EXEC_FORMAT_SCRIPT:
		(void)snprintf(cause, size, "its #! line leads to no program");
		break;
	case EXEC_FORMAT_DAMAGED:
		(void)snprintf(cause, size, "its header is damaged");
		break;
	case EXEC_FORMAT_UNKNOWN:
		(void)snprintf(cause, size, "%s",
			       program.text
				       ? "a text file without a #! line to name its interpreter"
				       : "neither an ELF program nor a script");
		break;
	}
}

int exec_explain(int rootfd, const char *path, const char *argv0, int sys, struct err *err)
{
	struct exec_case exec = {.rootfd = rootfd, .path = path, .sys = sys};
	struct err ignored = {0};
	char cause[288] = "";

	if (sys == ENOENT) {
		auto_fd fd = path_open_in_root(rootfd, path, O_PATH, &ignored);
		auto_fd link = path_open_in_root(rootfd, path, O_PATH | O_NOFOLLOW, &ignored);
		if (fd >= 0)
			exec_cause_missing(&exec, cause, sizeof(cause));
		else if (link >= 0)
			(void)snprintf(cause, sizeof(cause), "a link whose target is missing");
		else if (strchr(argv0, '/') == NULL) {
			(void)exec_not_found(argv0, err);
			return EXEC_STATUS_NOT_FOUND;
		}
	} else if (sys == EACCES || sys == EPERM) {
		exec_cause_denied(&exec, cause, sizeof(cause));
	} else if (sys == ENOEXEC) {
		exec_cause_format(&exec, cause, sizeof(cause));
	}
	return exec_say(&exec, cause, err);
}
