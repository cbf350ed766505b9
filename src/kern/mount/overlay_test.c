#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/mount/mount.h"
#include "kern/testing.h"

typedef int (*create_fn)(const struct mount_overlay *overlay, struct err *err);

static int mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	int count = 0, c;

	while (file != NULL && (c = fgetc(file)) != EOF)
		count += c == '\n';
	if (file != NULL)
		(void)fclose(file);
	return count;
}

/* Layer n has the files "all" and "n", both saying n. */
static int make_layer(int n)
{
	char path[64], name[16];

	(void)snprintf(name, sizeof(name), "%d", n);
	(void)snprintf(path, sizeof(path), "/tmp/layer-with-a-long-name-%d", n);
	(void)mkdir(path, 0755);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/tmp/layer-with-a-long-name-%d/all", n);
	testing_write(path, name);
	(void)snprintf(path, sizeof(path), "/tmp/layer-with-a-long-name-%d/%d", n, n);
	testing_write(path, name);
	return fd;
}

static int open_new_dir(const char *path)
{
	(void)mkdir(path, 0755);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void check_stack(create_fn create, int layers)
{
	static int lower[MOUNT_OVERLAY_LOWER_MAX];
	struct err err = {0};
	struct rlimit files = {2048, 2048};
	char path[64], name[16];

	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < layers; i++)
		lower[i] = make_layer(i);
	struct mount_overlay overlay = {
		.lower_fds = lower,
		.lower_count = (size_t)layers,
		.upper_fd = open_new_dir("/tmp/upper"),
		.work_fd = open_new_dir("/tmp/work"),
		.options = "metacopy=off",
		.attr = MOUNT_ATTR_NODEV,
	};
	auto_fd target = open_new_dir("/tmp/merged");
	int before = mounts();
	auto_fd tree = create(&overlay, &err);
	if (tree < 0) {
		char text[1024];
		TEST_FAIL("%s", err_format(&err, text, sizeof(text)));
		return;
	}
	CHECK_INT(mounts(), before);
	CHECK_INT(mount_attach(tree, target, &err), 0);
	CHECK(testing_reads("/tmp/merged/all", "0"));
	for (int i = 0; i<layers; i += layers> 10 ? 99 : 1) {
		(void)snprintf(path, sizeof(path), "/tmp/merged/%d", i);
		(void)snprintf(name, sizeof(name), "%d", i);
		CHECK(testing_reads(path, name));
	}
	testing_write("/tmp/merged/new", "new");
	CHECK(testing_reads("/tmp/upper/new", "new"));
	CHECK(mknod("/tmp/merged/dev", S_IFCHR | 0666, 0x103) == 0 &&
	      open("/tmp/merged/dev", O_RDONLY | O_CLOEXEC) < 0);
}

CHILD_TEST(few_layers)
{
	if (testing_private_mounts())
		check_stack(mount_overlay_create, 3);
}

CHILD_TEST(few_layers_by_child)
{
	if (testing_private_mounts())
		check_stack(mount_overlay_create_by_child, 3);
}

CHILD_TEST(many_layers)
{
	if (testing_private_mounts())
		check_stack(mount_overlay_create, MOUNT_OVERLAY_LOWER_MAX);
}

CHILD_TEST(many_layers_by_child)
{
	if (testing_private_mounts())
		check_stack(mount_overlay_create_by_child, MOUNT_OVERLAY_LOWER_MAX);
}

static void check_readonly(create_fn create)
{
	struct err err = {0};
	int lower[2] = {make_layer(0), make_layer(1)};
	struct mount_overlay overlay = {
		.lower_fds = lower, .lower_count = 2, .upper_fd = FD_NONE, .work_fd = FD_NONE};
	auto_fd target = open_new_dir("/tmp/merged");

	auto_fd tree = create(&overlay, &err);
	REQUIRE(tree >= 0);
	CHECK_INT(mount_attach(tree, target, &err), 0);
	CHECK(testing_reads("/tmp/merged/1", "1"));
	CHECK(open("/tmp/merged/x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0 && errno == EROFS);
}

CHILD_TEST(readonly_stack)
{
	if (testing_private_mounts())
		check_readonly(mount_overlay_create);
}

CHILD_TEST(readonly_stack_by_child)
{
	if (testing_private_mounts())
		check_readonly(mount_overlay_create_by_child);
}

/* A layer's path that leads to another folder by now is noticed. */
CHILD_TEST(moved_layer_by_child)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	int lower[2] = {make_layer(0), make_layer(1)};
	struct mount_overlay overlay = {
		.lower_fds = lower, .lower_count = 2, .upper_fd = FD_NONE, .work_fd = FD_NONE};
	CHECK_INT(mount("tmpfs", "/tmp/layer-with-a-long-name-1", "tmpfs", 0, NULL), 0);
	CHECK(mount_overlay_create_by_child(&overlay, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
	auto_fd tree = mount_overlay_create(&overlay, &err);
	CHECK(tree >= 0);
}

static void check_refusals(create_fn create)
{
	struct err err = {0};
	int lower[1] = {make_layer(0)};
	struct mount_overlay overlay = {
		.lower_fds = lower, .upper_fd = FD_NONE, .work_fd = FD_NONE};

	CHECK(create(&overlay, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	overlay.lower_count = MOUNT_OVERLAY_LOWER_MAX + 1;
	CHECK(create(&overlay, &err) < 0);
	overlay.lower_count = 1;
	overlay.data_count = 1;
	CHECK(create(&overlay, &err) < 0);
	overlay.data_count = 0;
	overlay.upper_fd = lower[0];
	CHECK(create(&overlay, &err) < 0);
	overlay.work_fd = lower[0];
	overlay.options = "no-such-option=1";
	(void)memset(&err, 0, sizeof(err));
	CHECK(create(&overlay, &err) < 0);
	CHECK(err.kind != ERR_NONE && err.used > 0);
}

CHILD_TEST(refusals)
{
	if (testing_private_mounts())
		check_refusals(mount_overlay_create);
}

CHILD_TEST(refusals_by_child)
{
	if (testing_private_mounts())
		check_refusals(mount_overlay_create_by_child);
}

TESTS(T(few_layers), T(few_layers_by_child), T(many_layers), T(many_layers_by_child),
      T(readonly_stack), T(readonly_stack_by_child), T(moved_layer_by_child), T(refusals),
      T(refusals_by_child))
