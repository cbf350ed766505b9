/*
 * probe.c - measures containers' roots in either form, each of several in turn, round by round.
 *
 *   probe mount ROUNDS UPPER ROOT...            to mount and to unmount
 *   probe walk ROUNDS UPPER ROOT...             to list and stat all, to open and read 4 KiB of each file:
 *                                               in a fresh mount, and once more
 *   probe exec ROUNDS UPPER ROOT... -- PROGRAM  to run it to its end in a fresh mount, and once more
 *   probe hold UPPER ROOT... [-- PROGRAM]       mounts all, reads every file of each (or runs the program), says
 *                                               so, and keeps the mounts until its input ends
 *   probe list UPPER ROOT                       all that can be seen of a tree, to compare two
 *
 * A ROOT is trees:TOP:NEXT:... or erofs:IMAGE:OBJECTS (kept: the same, the EROFS mounted once before). UPPER
 * gets upper and work folders. Prints "ROOT-NUMBER VALUE..." a line: each time twice in microseconds, by the
 * clock and of the processor, which other load changes less. Run it in a mount namespace of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/fd.h"
#include "kern/mount/fsconfig.h"
#include "kern/mount/mount.h"

#define ROOTS_MAX 128

struct root {
	char *spec;
	bool image; /* EROFS and objects */
	bool kept;
	int kept_fd;
	char *parts[MOUNT_OVERLAY_LOWER_MAX];
	size_t count;
};

static struct root *roots;
static int root_count;
static long rounds;

/* The first round warms up, unless it is the only one. */
static bool counts(int round)
{
	return round > 0 || rounds == 0;
}

static void fail(const char *what, const struct err *err)
{
	char text[1024];

	(void)fprintf(stderr, "probe: %s: %s\n", what,
		      err ? err_format(err, text, sizeof(text)) : strerror(errno));
	exit(1);
}

struct moment {
	double clock_us;
	double processor_us; /* of this process and of its children that have ended */
};

static struct moment now(void)
{
	struct timespec wall, own;
	struct rusage children;

	(void)clock_gettime(CLOCK_MONOTONIC, &wall);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	(void)getrusage(RUSAGE_CHILDREN, &children);
	return (struct moment){
		.clock_us = (double)wall.tv_sec * 1e6 + (double)wall.tv_nsec / 1e3,
		.processor_us =
			(double)own.tv_sec * 1e6 + (double)own.tv_nsec / 1e3 +
			(double)children.ru_utime.tv_sec * 1e6 + (double)children.ru_utime.tv_usec +
			(double)children.ru_stime.tv_sec * 1e6 + (double)children.ru_stime.tv_usec,
	};
}

static void print_times(int round, int number, const struct moment *moments, int count)
{
	if (!counts(round))
		return;
	(void)printf("%d", number);
	for (int i = 1; i < count; i++)
		(void)printf(" %.1f %.1f", moments[i].clock_us - moments[i - 1].clock_us,
			     moments[i].processor_us - moments[i - 1].processor_us);
	(void)printf("\n");
}

/* ---- mounting ---- */

static int mount_erofs(const char *path)
{
	struct err err;

	auto_fd fs = fsconfig_open("erofs", &err);
	if (fs < 0 || fsconfig_set(fs, "source", path, &err) < 0)
		fail(path, &err);
	int fd = fsconfig_mount(fs, "erofs", 1 /* MOUNT_ATTR_RDONLY */, &err);
	if (fd < 0)
		fail(path, &err);
	return fd;
}

static int open_folder(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail(path, NULL);
	return fd;
}

static int open_upper(const char *folder, int number, const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%d", folder, number);
	(void)mkdir(path, 0755);
	(void)snprintf(path, sizeof(path), "%s/%d/%s", folder, number, name);
	(void)mkdir(path, 0755);
	return open_folder(path);
}

/* As a container's start does it: opens the layers, makes a detached overlay. */
static int mount_root(struct root *root, const char *upper, int number)
{
	int lower[MOUNT_OVERLAY_LOWER_MAX];
	struct err err;

	for (size_t i = 0; i < root->count; i++)
		if (root->image && i == 0)
			lower[i] = root->kept ? root->kept_fd : mount_erofs(root->parts[0]);
		else
			lower[i] = open_folder(root->parts[i]);
	auto_fd upper_fd = open_upper(upper, number, "upper");
	auto_fd work_fd = open_upper(upper, number, "work");
	const struct mount_overlay overlay = {
		.lower_fds = lower,
		.lower_count = root->count,
		.data_count = root->image ? 1 : 0,
		.upper_fd = upper_fd,
		.work_fd = work_fd,
		.options = root->image ? "metacopy=on,redirect_dir=on" : NULL,
	};
	int fd = mount_overlay_create(&overlay, &err);
	if (fd < 0)
		fail(root->spec, &err);
	for (size_t i = root->kept ? 1 : 0; i < root->count; i++)
		(void)close(lower[i]);
	return fd;
}

static void parse_root(struct root *root, char *spec)
{
	root->spec = strdup(spec);
	char *kind = strsep(&spec, ":");
	root->kept = strcmp(kind, "kept") == 0;
	root->image = root->kept || strcmp(kind, "erofs") == 0;
	for (char *part; (part = strsep(&spec, ":")) != NULL; root->count++) {
		if (root->count == MOUNT_OVERLAY_LOWER_MAX) {
			errno = E2BIG;
			fail(root->spec, NULL);
		}
		root->parts[root->count] = part;
	}
	if (root->kept)
		root->kept_fd = mount_erofs(root->parts[0]);
}

/* ---- what is measured ---- */

static void measure_mount(int round, const char *upper, char **program)
{
	(void)program;
	for (int i = 0; i < root_count; i++) {
		struct moment moments[3] = {now()};
		int fd = mount_root(&roots[i], upper, i);
		moments[1] = now();
		(void)close(fd);
		moments[2] = now();
		print_times(round, i, moments, 3);
	}
}

enum depth {
	STAT_ALL,
	READ_SOME,
	READ_ALL,
};

static void read_file(const FTSENT *entry, enum depth depth)
{
	static char buffer[1 << 16];

	auto_fd fd = open(entry->fts_accpath, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fail(entry->fts_path, NULL);
	ssize_t got = read(fd, buffer, depth == READ_SOME ? 4096 : sizeof(buffer));
	while (depth == READ_ALL && got > 0)
		got = read(fd, buffer, sizeof(buffer));
	if (got < 0)
		fail(entry->fts_path, NULL);
}

/* From within the mount, which no path leads to. */
static int walk(int mount_fd, enum depth depth)
{
	char *const paths[] = {".", NULL};
	int files = 0;

	if (fchdir(mount_fd) < 0)
		fail("enter a root", NULL);
	FTS *tree = fts_open(paths, FTS_PHYSICAL, NULL);
	for (FTSENT *entry; tree != NULL && (entry = fts_read(tree)) != NULL;) {
		if (entry->fts_info != FTS_F)
			continue;
		files++;
		if (depth != STAT_ALL && entry->fts_statp->st_size > 0)
			read_file(entry, depth);
	}
	(void)fts_close(tree);
	(void)chdir("/");
	return files;
}

static void measure_walk(int round, const char *upper, char **program)
{
	(void)program;
	for (int i = 0; i < root_count; i++) {
		int fd = mount_root(&roots[i], upper, i);
		struct moment moments[5] = {now()};
		for (int pass = 0; pass < 4; pass++) {
			(void)walk(fd, pass < 2 ? STAT_ALL : READ_SOME);
			moments[pass + 1] = now();
		}
		(void)close(fd);
		print_times(round, i, moments, 5);
	}
}

static void run(int mount_fd, char **program)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		if (fchdir(mount_fd) < 0 || chroot(".") < 0)
			_exit(126);
		(void)execv(program[0], program);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		fail(program[0], NULL);
}

static void measure_exec(int round, const char *upper, char **program)
{
	for (int i = 0; i < root_count; i++) {
		int fd = mount_root(&roots[i], upper, i);
		struct moment moments[3] = {now()};
		run(fd, program);
		moments[1] = now();
		run(fd, program);
		moments[2] = now();
		(void)close(fd);
		print_times(round, i, moments, 3);
	}
}

static void hold(const char *upper, char **program)
{
	char byte;
	int fds[ROOTS_MAX];

	for (int i = 0; i < root_count; i++) {
		fds[i] = mount_root(&roots[i], upper, i);
		if (program != NULL)
			run(fds[i], program);
		else
			(void)walk(fds[i], READ_ALL);
	}
	(void)printf("ready\n");
	while (read(0, &byte, 1) > 0)
		;
	for (int i = 0; i < root_count; i++)
		(void)close(fds[i]);
}

/* ---- what can be seen ---- */

static void print_content(const FTSENT *entry)
{
	static char buffer[1 << 16];
	unsigned char hash[32];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	ssize_t got;

	auto_fd fd = open(entry->fts_accpath, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(entry->fts_path, NULL);
	(void)EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		(void)EVP_DigestUpdate(context, buffer, (size_t)got);
	(void)EVP_DigestFinal_ex(context, hash, NULL);
	EVP_MD_CTX_free(context);
	for (size_t i = 0; i < sizeof(hash); i++)
		(void)printf("%02x", hash[i]);
}

static int compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void list(const char *upper)
{
	char *const paths[] = {".", NULL};
	char text[4096];

	int fd = mount_root(&roots[0], upper, 0);
	if (fchdir(fd) < 0)
		fail("enter a root", NULL);
	FTS *tree = fts_open(paths, FTS_PHYSICAL, compare);
	for (FTSENT *entry; tree != NULL && (entry = fts_read(tree)) != NULL;) {
		const struct stat *st = entry->fts_statp;
		if (entry->fts_info == FTS_DP)
			continue;
		ssize_t xattrs = llistxattr(entry->fts_accpath, text, sizeof(text));
		(void)printf("%s %o %u:%u %lld.%09ld %zd ", entry->fts_path, st->st_mode,
			     st->st_uid, st->st_gid, (long long)st->st_mtim.tv_sec,
			     st->st_mtim.tv_nsec, xattrs);
		if (S_ISDIR(st->st_mode))
			(void)printf("folder\n");
		else
			(void)printf("%lld %lu %lx ", (long long)st->st_size,
				     (unsigned long)st->st_nlink, (unsigned long)st->st_rdev);
		ssize_t len = S_ISLNK(st->st_mode)
				      ? readlink(entry->fts_accpath, text, sizeof(text) - 1)
				      : -1;
		if (len >= 0)
			(void)printf("%.*s", (int)len, text);
		if (S_ISREG(st->st_mode))
			print_content(entry);
		if (!S_ISDIR(st->st_mode))
			(void)printf("\n");
	}
	(void)fts_close(tree);
}

static int usage(void)
{
	(void)fprintf(stderr, "usage: probe mount|walk|exec ROUNDS UPPER ROOT... [-- PROGRAM...]\n"
			      "       probe hold|list UPPER ROOT... [-- PROGRAM...]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *word;
		void (*measure)(int round, const char *upper, char **program);
	} measures[] = {{"mount", measure_mount}, {"walk", measure_walk}, {"exec", measure_exec}};
	bool once = argc > 1 && (strcmp(argv[1], "hold") == 0 || strcmp(argv[1], "list") == 0);
	int at = once ? 2 : 3;
	char **program = NULL;

	if (argc < at + 2)
		return usage();
	roots = calloc(ROOTS_MAX, sizeof(*roots));
	rounds = once ? 0 : strtol(argv[2], NULL, 10);
	const char *upper = argv[at++];
	for (; at < argc && strcmp(argv[at], "--") != 0 && root_count < ROOTS_MAX; at++)
		parse_root(&roots[root_count++], argv[at]);
	if (at < argc)
		program = argv + at + 1;
	(void)setvbuf(stdout, NULL, once ? _IOFBF : _IOLBF, 1 << 16);
	if (strcmp(argv[1], "list") == 0)
		list(upper);
	if (strcmp(argv[1], "hold") == 0) {
		(void)setvbuf(stdout, NULL, _IOLBF, 0);
		hold(upper, program);
	}
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		for (int round = 0; strcmp(argv[1], measures[i].word) == 0 && round <= rounds;
		     round++)
			measures[i].measure(round, upper, program);
	return 0;
}
