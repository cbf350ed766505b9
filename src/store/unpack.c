#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/mount/mount.h"
#include "store/helper.h"
#include "store/internal.h"

struct lowers {
	int fds[MOUNT_OVERLAY_LOWER_MAX + 1];
	size_t count;
};

static void lowers_close(struct lowers *lowers)
{
	for (size_t i = 0; i < lowers->count; i++)
		fd_closep(&lowers->fds[i]);
}

/* The layers, topmost first, and an empty folder: below it no whiteout shows, and one layer makes an overlay. */
static int lowers_open(struct store *store, const struct store_image *image, int staging_fd,
		       struct lowers *lowers, struct err *err)
{
	size_t count = image->layers.count;

	if (count > MOUNT_OVERLAY_LOWER_MAX - 1)
		return err_set(err, ERR_INVALID, E2BIG,
			       "%zu layers, more than %d can be merged with another", count,
			       MOUNT_OVERLAY_LOWER_MAX - 1);
	for (size_t i = 0; i < count; i++) {
		int fd = store_layer_open(store, image->layers.items[count - 1 - i], err);
		if (fd < 0)
			return fd;
		lowers->fds[lowers->count++] = fd;
	}
	if (mkdirat(staging_fd, "empty", 0755) < 0)
		return err_errno(err, "make an empty folder");
	int fd = openat(staging_fd, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open an empty folder");
	lowers->fds[lowers->count++] = fd;
	return 0;
}

static int mount_layers(struct store *store, const struct store_image *image, int staging_fd,
			struct err *err)
{
	__attribute__((cleanup(lowers_close))) struct lowers lowers = {0};

	int rc = lowers_open(store, image, staging_fd, &lowers, err);
	if (rc < 0)
		return rc;
	const struct mount_overlay overlay = {
		.lower_fds = lowers.fds,
		.lower_count = lowers.count,
		.upper_fd = FD_NONE,
		.work_fd = FD_NONE,
		.attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};
	/* One folder alone is no overlay without an upper one. */
	return lowers.count > 1 ? mount_overlay_create(&overlay, err)
				: mount_tree_clone(lowers.fds[0], "", 0, err);
}

static int unpack_locked(struct store *store, const struct store_image *image, const char *program,
			 int output_fd, int lock_fd, struct err *err)
{
	ARENA_AUTO(arena, STORE_ARENA_MAX);
	const struct store_load load = {.program = program};
	struct helper_report report = {.arena = &arena};
	struct store_staging staging;

	int rc = store_staging_make(store, &staging, err);
	if (rc < 0)
		return rc;
	auto_fd merged = mount_layers(store, image, staging.dir_fd, err);
	const struct helper helper = {.request = &load,
				      .verb = "unpack",
				      .input_fd = merged,
				      .staging_fd = staging.dir_fd,
				      .known_fd = output_fd,
				      .lock_fds = {staging.lock_fd, lock_fd}};
	rc = merged < 0 ? merged : helper_run(&helper, &report, err);
	store_staging_done(store, &staging);
	return rc;
}

int store_unpack(struct store *store, const struct store_image *image, const char *program,
		 int output_fd, struct err *err)
{
	struct err ignored;
	auto_fd lock = store_lock_shared(store, err);

	if (lock < 0)
		return lock;
	int rc = unpack_locked(store, image, program, output_fd, lock, err);
	(void)store_trash_empty_later(store, program, &ignored);
	return rc < 0 ? err_wrap(err, rc, "unpack image %.12s", image->id) : 0;
}
