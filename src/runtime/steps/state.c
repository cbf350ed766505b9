/* Reserves the container's folder, with a copy of config.json for later commands; opens its FIFOs. */
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "runtime/steps/steps.h"

int step_state_reserve(struct start *start, struct err *err)
{
	return container_reserve(&start->container, start->options->root, start->options->id, err);
}

/* Later commands need it, hooks the first: until then it may come while the first process is at work. */
int step_config_keep(struct start *start, struct err *err)
{
	const struct buf *text = &start->container.config_text;
	auto_fd fd = openat(start->container.dir_fd, "config.json",
			    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, "keep a copy of config.json");
	int rc = fd_write_all(fd, text->data, text->len);
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "keep a copy of config.json");
	}
	return 0;
}

void step_state_release(struct start *start)
{
	struct err ignored;

	(void)container_forget(&start->container, &ignored);
}

/*
 * The two FIFOs of a container that waits for `start`, opened so that neither end blocks, and while
 * the process has its maker's ids: the root of a user namespace may not look into the folder.
 */
int step_fifos_open(struct start *start, struct err *err)
{
	int dir_fd = start->container.dir_fd;

	if (!start->options->wait_for_start)
		return 0;
	start->go_fd = openat(dir_fd, "start.fifo", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	start->result_fd = openat(dir_fd, "result.fifo", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (start->go_fd < 0 || start->result_fd < 0)
		return err_errno(err, "open the FIFOs that `start` uses");
	return 0;
}
