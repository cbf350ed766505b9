#include "runtime/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "runtime/stage/blob.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* MFD_EXEC is refused before 6.3, and without it vm.memfd_noexec=1 makes the file unusable. */
static int seal_memfd(const char *name, struct err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_errno(err, "create sealed memory for '%s' (is vm.memfd_noexec 2?)",
				 name);
	return fd;
}

static int seal_close_writing(int fd, mode_t mode, struct err *err)
{
	if (fchmod(fd, mode) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return err_errno(err, "seal the program in memory");
	return 0;
}

int seal_program(const char *name, const void *data, size_t size, struct err *err)
{
	auto_fd fd = seal_memfd(name, err);

	if (fd < 0)
		return fd;
	int rc = fd_write_all(fd, data, size);
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "copy '%s' into memory", name);
	}
	/* Executable but not readable: who executes it is undumpable from the first instruction on. */
	rc = seal_close_writing(fd, 0111, err);
	return rc < 0 ? rc : fd_take(&fd);
}

int seal_stage(struct err *err)
{
	return seal_program("corten-stage", stage_blob, stage_blob_size, err);
}

int seal_hide(struct err *err)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(err, "hide the runtime from other processes");
	return 0;
}

int seal_hide_root(struct err *err)
{
	return process_born_as() == 0 ? seal_hide(err) : 0;
}

static int seal_copy(int from, int to, struct err *err)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_errno(err, "look at the running program");
	for (off_t left = st.st_size; left > 0;) {
		ssize_t sent = sendfile(to, from, NULL, (size_t)left);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return err_errno(err, "copy the running program into memory");
		left -= sent;
	}
	return 0;
}

int seal_self(char *const argv[], char *const envp[], struct err *err)
{
	auto_fd self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (self < 0)
		return err_errno(
			err, "open the running program at '/proc/self/exe' (is /proc mounted?)");
	int seals = fcntl(self, F_GET_SEALS);
	if (seals >= 0 && (seals & SEALS) == SEALS)
		return 0;
	auto_fd copy = seal_memfd("corten-runtime", err);
	if (copy < 0)
		return copy;
	int rc = seal_copy(self, copy, err);
	if (rc == 0)
		rc = seal_close_writing(copy, 0555, err);
	if (rc < 0)
		return rc;
	(void)syscall(SYS_execveat, copy, "", argv, envp, AT_EMPTY_PATH);
	return err_errno(err, "execute the runtime from sealed memory");
}
