#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "kern/mount/mount.h"

#define OPTIONS_MAX 8192

struct layers {
	int fds[MOUNT_OVERLAY_LOWER_MAX];
	size_t count;
};

static void layers_close(struct layers *layers)
{
	for (size_t i = 0; i < layers->count; i++)
		fd_closep(&layers->fds[i]);
}

/* Opens the image's layers, topmost first as overlayfs counts them. */
static int layers_open(struct engine *engine, const struct store_image *image,
		       struct layers *layers, struct err *err)
{
	size_t count = image->layers.count;

	if (count == 0 || count > MOUNT_OVERLAY_LOWER_MAX)
		return err_set(err, ERR_INVALID, 0, "image %.12s has %zu layers, of 1 to %d",
			       image->id, count, MOUNT_OVERLAY_LOWER_MAX);
	for (size_t i = 0; i < count; i++) {
		int fd = store_layer_open(engine->store, image->layers.items[count - 1 - i], err);
		if (fd < 0)
			return fd;
		layers->fds[layers->count++] = fd;
	}
	return 0;
}

int rootfs_mount_image(struct engine *engine, const struct store_image *image, int empty_fd,
		       struct err *err)
{
	__attribute__((cleanup(layers_close))) struct layers layers = {0};

	int rc = layers_open(engine, image, &layers, err);
	if (rc < 0)
		return rc;
	/* Without an upper folder overlay wants two lower ones. */
	if (layers.count == 1)
		layers.fds[layers.count++] = fcntl(empty_fd, F_DUPFD_CLOEXEC, 3);
	struct mount_overlay overlay = {
		.lower_fds = layers.fds,
		.lower_count = layers.count,
		.upper_fd = FD_NONE,
		.work_fd = FD_NONE,
		.attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
	};
	int fd = mount_overlay_create(&overlay, err);
	return fd < 0 ? err_wrap(err, fd, "mount image %.12s", image->id) : fd;
}

/* The mode matters for `upper`: it is the mode of the container's "/". */
static int open_folder(int data_fd, const char *name, mode_t mode, struct err *err)
{
	if (mkdirat(data_fd, name, mode) < 0 && errno != EEXIST)
		return err_errno(err, "make the folder '%s'", name);
	int fd = openat(data_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(err, "open the folder '%s'", name) : fd;
}

int rootfs_mount(struct engine *engine, const struct engine_container *container,
		 const struct store_image *image, int data_fd, const char *label, struct err *err)
{
	BUF_AUTO(options, OPTIONS_MAX);
	__attribute__((cleanup(layers_close))) struct layers layers = {0};

	int rc = layers_open(engine, image, &layers, err);
	if (rc < 0)
		return rc;
	auto_fd upper = open_folder(data_fd, "upper", 0755, err);
	if (upper < 0)
		return upper;
	/* mkdirat is subject to the umask. */
	if (fchmod(upper, 0755) < 0)
		return err_errno(err, "set the mode of the container's folder");
	auto_fd work = open_folder(data_fd, "work", 0700, err);
	if (work < 0)
		return work;
	/* What is removed with its container need not be synced when it is unmounted. */
	if (container->auto_remove)
		buf_str(&options, "volatile");
	if (label != NULL)
		buf_fmt(&options, "%scontext=\"%s\"", options.len > 0 ? "," : "", label);
	rc = buf_check(&options, "the options of the root's mount", err);
	if (rc < 0)
		return rc;
	struct mount_overlay overlay = {
		.lower_fds = layers.fds,
		.lower_count = layers.count,
		.upper_fd = upper,
		.work_fd = work,
		.options = options.len > 0 ? options.data : NULL,
		.attr = MOUNT_ATTR_NODEV,
	};
	int fd = mount_overlay_create(&overlay, err);
	return fd < 0 ? err_wrap(err, fd, "mount the root of container %.12s", container->id) : fd;
}
