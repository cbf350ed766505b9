#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "kern/mount/internal.h"
#include "kern/ns/ns.h"
#include "kern/scm/scm.h"
#include "kern/uapi.h"

static int child_make(int (*make)(const void *what, struct err *err), const void *what,
		      struct err *err)
{
	int rc = ns_unshare(CLONE_NEWNS, err);

	if (rc < 0)
		return rc;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno(err, "make mounts private");
	return make(what, err);
}

int mount_make_in_child(int (*make)(const void *what, struct err *err), const void *what,
			struct err *err)
{
	int pair[2], status;
	struct err said = {0};
	size_t len = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, "make a socket pair");
	auto_fd here = pair[0];
	auto_fd there = pair[1];
	pid_t pid = ns_clone(0, FD_NONE, NULL, err);
	if (pid < 0)
		return (int)pid;
	if (pid == 0) {
		int tree = child_make(make, what, &said);
		/* A message always carries a descriptor; with an error the socket itself. */
		int rc = scm_send_fd(there, tree < 0 ? there : tree, &said, sizeof(said), err);
		_exit(rc < 0);
	}
	fd_closep(&there);
	auto_fd tree = scm_receive_fd(here, &said, sizeof(said), &len, err);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (tree < 0)
		return tree;
	err_sanitize(&said);
	if (len == sizeof(said) && said.kind != ERR_NONE) {
		*err = said;
		return said.sys > 0 ? -said.sys : -EIO;
	}
	return fd_take(&tree);
}
