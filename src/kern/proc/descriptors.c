#include "kern/proc/descriptors.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>

#include "base/fd.h"
#include "kern/proc/procfs.h"
#include "kern/uapi.h"

/* As the kernel lays it out; the C library's readdir() needs heap. */
struct descriptors_entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* The number that a name is, or -1 for "." and "..". */
static int descriptors_number(const char *name)
{
	int number = 0;

	for (; *name != '\0'; name++) {
		if (*name < '0' || *name > '9' || number > INT_MAX / 10 - 1)
			return -1;
		number = number * 10 + (*name - '0');
	}
	return number;
}

static int descriptors_close_one(int fd, bool on_exec, struct err *err)
{
	if (!on_exec)
		(void)close(fd);
	else if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_errno(err, "mark descriptor %d to be closed", fd);
	return 0;
}

int descriptors_close_listed(unsigned first, unsigned last, bool on_exec, struct err *err)
{
	_Alignas(8) char block[4096];

	auto_fd proc = procfs_open(err);
	if (proc < 0)
		return err_wrap(err, proc, "list the open descriptors");
	auto_fd list = procfs_open_at(proc, "self/fd", O_RDONLY | O_DIRECTORY, err);
	if (list < 0)
		return list;
	for (;;) {
		long got = syscall(SYS_getdents64, list, block, sizeof(block));
		if (got < 0)
			return err_errno(err, "list the open descriptors");
		if (got == 0)
			return 0;
		for (long at = 0; at < got;) {
			const struct descriptors_entry *entry = (const void *)(block + at);
			int fd = descriptors_number(entry->name);
			at += entry->reclen;
			if (fd < 0 || (unsigned)fd < first || (unsigned)fd > last || fd == list ||
			    fd == proc)
				continue;
			int rc = descriptors_close_one(fd, on_exec, err);
			if (rc < 0)
				return rc;
		}
	}
}

int descriptors_close(unsigned first, unsigned last, bool on_exec, struct err *err)
{
	if (uapi_close_range(first, last, on_exec ? CLOSE_RANGE_CLOEXEC : 0) == 0)
		return 0;
	/* EINVAL: the flag is younger than the call. EPERM: an old seccomp policy's word for ENOSYS. */
	if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
		return err_errno(err, "close descriptors %u to %u", first, last);
	return descriptors_close_listed(first, last, on_exec, err);
}
