/*
 * testing.h - for unit tests of kernel facilities: cases in a process of their own, in private
 * namespaces, or on a kernel that seems to lack a call. Needs root; a case that cannot run says
 * why.
 */
#ifndef CORTEN_KERN_TESTING_H
#define CORTEN_KERN_TESTING_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/test.h"
#include "kern/uapi.h"

/* Runs the case in a child and counts its failure. */
static inline void testing_in_child(void (*run)(void))
{
	int status = 0;

	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		test_failures = 0;
		run();
		(void)fflush(stdout);
		_exit(test_failures > 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		TEST_FAIL("the child failed, status %#x", (unsigned int)status);
}

/* A case that runs in a child: CHILD_TEST(name) { ... } */
#define CHILD_TEST(name)                           \
	static void name##_in_child(void);         \
	static void name(void)                     \
	{                                          \
		testing_in_child(name##_in_child); \
	}                                          \
	static void name##_in_child(void)

#define SKIP(why)                                       \
	do {                                            \
		printf("SKIP %s: %s\n", __func__, why); \
		return;                                 \
	} while (0)

/* A mount namespace of its own with an empty tmpfs at /tmp. False (and said) when not permitted. */
static inline bool testing_private_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0) {
		printf("SKIP: no private mount namespace: %s\n", strerror(errno));
		return false;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0) {
		TEST_FAIL("private mounts: %s", strerror(errno));
		return false;
	}
	return true;
}

/* From now on the call answers ENOSYS in this process. */
static inline bool testing_forbid(unsigned int number)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static inline void testing_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		TEST_FAIL("write '%s': %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

/* Whether the file has exactly this content. */
static inline bool testing_reads(const char *path, const char *want)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	return len >= 0 && strcmp(text, want) == 0;
}

#endif
