#include "engine/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"

#define ATTEMPTS_MAX 100
#define PAUSE_US     10000

static int open_stdout(struct output *output, bool folder, struct err *err)
{
	if (folder)
		return err_set(err, ERR_INVALID, 0,
			       "this form is a folder: name it by -o (--output)");
	if (isatty(STDOUT_FILENO) == 1)
		return err_set(err, ERR_INVALID, 0,
			       "the archive goes to stdout, which is a terminal: name a file by -o "
			       "(--output), or redirect it");
	output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return output->fd < 0 ? err_errno(err, "open stdout") : 0;
}

static int set_temporary(struct output *output, struct err *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_errno(err, "get random bytes");
	(void)snprintf(output->temporary, sizeof(output->temporary), ".corten-%016llx",
		       (unsigned long long)random);
	return 0;
}

/* The folder that the name is in, following no link at the name itself. */
static int open_parent(struct output *output, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	char folder[PATH_MAX];

	if (strlen(name) > NAME_MAX || strlen(path) >= sizeof(folder))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "write '%.200s'", path);
	(void)snprintf(output->name, sizeof(output->name), "%s", name);
	(void)snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
		       slash != NULL ? path : ".");
	output->parent_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return output->parent_fd < 0 ? err_errno(err, "open folder '%.200s'", folder) : 0;
}

/* The other process: until the descriptor says that all is well, or ends. */
static _Noreturn void keep(const struct output *output, int fd)
{
	sigset_t all;
	struct err ignored;
	char word;
	/* Nobody may wait for a pipe that this process holds open by chance. */
	auto_fd parent = fcntl(output->parent_fd, F_DUPFD_CLOEXEC, 0);
	auto_fd own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setsid();
	for (int i = 0; i < 1024; i++) {
		if (i != parent && i != own)
			(void)close(i);
	}
	if (fd_read_full(own, &word, 1) == 1)
		_exit(0);
	/* A writer that is being killed may still add to it. */
	for (int i = 0; i < ATTEMPTS_MAX; i++) {
		if (paths_remove_tree(parent, output->temporary, &ignored) == 0)
			_exit(0);
		(void)usleep(PAUSE_US);
	}
	_exit(1);
}

static int start_keeper(struct output *output, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd reader = ends[0];
	output->keeper_fd = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_errno(err, "start a process");
	if (pid == 0) {
		fd_closep(&output->keeper_fd);
		keep(output, reader);
	}
	output->keeper_pid = pid;
	return 0;
}

static void end_keeper(struct output *output, bool well)
{
	if (output->keeper_pid <= 0)
		return;
	if (well)
		(void)fd_write_all(output->keeper_fd, "k", 1);
	fd_closep(&output->keeper_fd);
	while (waitpid(output->keeper_pid, NULL, 0) < 0 && errno == EINTR)
		;
	output->keeper_pid = 0;
}

static int open_file(struct output *output, struct err *err)
{
	output->fd = openat(output->parent_fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (output->fd >= 0)
		return 0;
	/* Not every filesystem can. */
	int rc = set_temporary(output, err);
	if (rc == 0)
		rc = start_keeper(output, err);
	if (rc < 0)
		return rc;
	output->fd = openat(output->parent_fd, output->temporary,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return output->fd < 0 ? err_errno(err, "make a file for '%s'", output->name) : 0;
}

static int open_folder(struct output *output, struct err *err)
{
	int rc = set_temporary(output, err);

	if (rc == 0)
		rc = start_keeper(output, err);
	if (rc < 0)
		return rc;
	if (mkdirat(output->parent_fd, output->temporary, 0755) < 0)
		return err_errno(err, "make a folder for '%s'", output->name);
	output->fd = openat(output->parent_fd, output->temporary,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return output->fd < 0 ? err_errno(err, "open the folder for '%s'", output->name) : 0;
}

/* 1: the folder has nothing in it. */
static int is_empty(const char *path, struct err *err)
{
	DIR *dir = opendir(path);
	int count = 0;

	if (dir == NULL)
		return err_errno(err, "open folder '%.200s'", path);
	while (count <= 2 && readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count <= 2;
}

enum found {
	FOUND_NOTHING,
	FOUND_REPLACEABLE, /* a file, or an empty folder */
	FOUND_CHANNEL,     /* a pipe or a device: written to as it is */
};

/* What is there already: enum found. */
static int look_at(const char *path, bool folder, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? FOUND_NOTHING : err_errno(err, "look at '%.200s'", path);
	if (S_ISDIR(st.st_mode) != folder)
		return err_set(err, ERR_INVALID, folder ? ENOTDIR : EISDIR, "write '%.200s'", path);
	if (!folder)
		return S_ISREG(st.st_mode) ? FOUND_REPLACEABLE : FOUND_CHANNEL;
	int rc = is_empty(path, err);
	if (rc == 0)
		rc = err_set(err, ERR_CONFLICT, 0,
			     "folder '%.200s' is not empty: name another, or one that is not there",
			     path);
	return rc < 0 ? rc : FOUND_REPLACEABLE;
}

static int open_named(struct output *output, const char *path, bool folder, struct err *err)
{
	char clean[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(clean))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "write '%.200s'", path);
	int found = look_at(path, folder, err);
	if (found < 0)
		return found;
	if (found == FOUND_CHANNEL) {
		output->fd = open(path, O_WRONLY | O_CLOEXEC);
		return output->fd < 0 ? err_errno(err, "open '%.200s'", path) : 0;
	}
	(void)snprintf(clean, sizeof(clean), "%s", path);
	while (folder && len > 1 && clean[len - 1] == '/')
		clean[--len] = '\0';
	/* A link stays, what it leads to is replaced; one that was not there a moment ago leads nowhere. */
	char *real = found == FOUND_REPLACEABLE ? realpath(clean, NULL) : NULL;
	int rc = open_parent(output, real != NULL ? real : clean, err);
	free(real);
	if (rc == 0)
		rc = folder ? open_folder(output, err) : open_file(output, err);
	return rc;
}

int output_open(struct output *output, const char *path, bool folder, struct err *err)
{
	*output = (struct output){
		.fd = FD_NONE, .parent_fd = FD_NONE, .keeper_fd = FD_NONE, .folder = folder};
	int rc = path == NULL || strcmp(path, "-") == 0 ? open_stdout(output, folder, err)
							: open_named(output, path, folder, err);
	if (rc < 0)
		output_done(output);
	return rc;
}

static int link_as(const struct output *output, const char *name)
{
	char path[40];

	if (linkat(output->fd, "", output->parent_fd, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT && errno != EPERM)
		return -errno;
	/* Without the right to do that. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", output->fd);
	return linkat(AT_FDCWD, path, output->parent_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Gives a file without a name one: its own at once when it is free. */
static int name_file(struct output *output, struct err *err)
{
	int rc = link_as(output, output->name);

	if (rc == -EEXIST) {
		struct err ignored;
		rc = set_temporary(output, &ignored);
		if (rc == 0)
			rc = link_as(output, output->temporary);
		if (rc < 0)
			output->temporary[0] = '\0';
	}
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "give the file its name '%s'", output->name);
	}
	return 0;
}

int output_commit(struct output *output, struct err *err)
{
	if (output->parent_fd < 0)
		return 0;
	if ((output->folder ? syncfs(output->fd) : fsync(output->fd)) < 0)
		return err_errno(err, "write '%s' to the disk", output->name);
	int rc = output->temporary[0] == '\0' ? name_file(output, err) : 0;
	if (rc < 0)
		return rc;
	if (output->temporary[0] != '\0' &&
	    renameat(output->parent_fd, output->temporary, output->parent_fd, output->name) < 0)
		return err_errno(err, "give the %s its name '%s'",
				 output->folder ? "folder" : "file", output->name);
	output->temporary[0] = '\0';
	end_keeper(output, true);
	if (fsync(output->parent_fd) < 0)
		return err_errno(err, "write the folder of '%s' to the disk", output->name);
	return 0;
}

void output_done(struct output *output)
{
	struct err ignored;

	end_keeper(output, false);
	/* Without a keeper: a file that got its second name a moment ago. */
	if (output->parent_fd >= 0 && output->temporary[0] != '\0')
		(void)paths_remove_tree(output->parent_fd, output->temporary, &ignored);
	fd_closep(&output->fd);
	fd_closep(&output->parent_fd);
}
