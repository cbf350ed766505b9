#include "runtime/holder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

TEST(who_holds_is_killed)
{
	char path[] = "/tmp/corten-holder-test-XXXXXX";
	int status, ready[2];
	struct err err;
	char byte;

	REQUIRE(mkdtemp(path) != NULL && pipe2(ready, O_CLOEXEC) == 0);
	auto_fd dir = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(holder_kill(dir, &err) < 0 && err.kind == ERR_NOT_FOUND);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(20);
		int own = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (flock(own, LOCK_EX) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	CHECK_INT(holder_kill(dir, &err), 0);
	alarm(10); /* a child that was not killed would be waited for without end */
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	alarm(0);
	/* One that waits for it has the folder open as well, and does not hold it. */
	CHECK(holder_kill(dir, &err) < 0 && err.kind == ERR_NOT_FOUND);
	CHECK_INT(flock(dir, LOCK_EX | LOCK_NB), 0);
	CHECK_INT(rmdir(path), 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

TESTS(T(who_holds_is_killed))
