#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

TEST(ids_that_are_no_plain_names_are_refused)
{
	struct err err;
	char long_id[300];

	memset(long_id, 'a', sizeof(long_id));
	long_id[299] = '\0';
	CHECK_INT(container_check_id("web-1_a.b+c", &err), 0);
	CHECK(container_check_id("", &err) < 0);
	CHECK(container_check_id(".", &err) < 0);
	CHECK(container_check_id("..", &err) < 0);
	CHECK(container_check_id("a/b", &err) < 0);
	CHECK(container_check_id("a b", &err) < 0);
	CHECK(container_check_id("a\n", &err) < 0);
	CHECK(container_check_id(long_id, &err) < 0);
}

TEST(a_record_survives_and_its_folder_goes)
{
	char root[] = "/tmp/corten-container-test-XXXXXX";
	struct container container;
	struct err err;
	const char *paths[] = {"memory/a", "pids/a"};

	REQUIRE(mkdtemp(root) != NULL);
	container_init(&container);
	REQUIRE(container_reserve(&container, root, "c1", &err) == 0);
	container.record = (struct container_record){
		.oci_version = "1.3.0", .id = "c1", .bundle = "/b", .pid = 7, .pid_start = 9};
	container.record.cgroup_paths.items = paths;
	container.record.cgroup_paths.count = 2;
	CHECK_INT(container_save(&container, &err), 0);
	container_close(&container);

	container_init(&container);
	CHECK_INT(container_reserve(&container, root, "c1", &err), -EIO);
	container_close(&container);
	CHECK_INT(err.kind, ERR_CONFLICT);
	REQUIRE(container_open(root, "c1", &container, &err) == 0);
	CHECK_INT(container.record.pid, 7);
	CHECK_STR(container.record.cgroup_paths.items[1], "pids/a");
	CHECK_INT(container_status(&container, NULL), OCI_STATUS_STOPPED);
	/* A temporary file that a killed writer left does not keep the folder alive. */
	auto_fd left =
		openat(container.dir_fd, ".state.json.1", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(left >= 0);
	CHECK_INT(container_forget(&container, &err), 0);
	container_close(&container);
	CHECK(container_open(root, "c1", &container, &err) < 0);
	CHECK_INT(err.kind, ERR_NOT_FOUND);
	CHECK_INT(rmdir(root), 0);
}

TEST(a_create_killed_at_once_can_be_deleted)
{
	char root[] = "/tmp/corten-container-test-XXXXXX";
	struct container container;
	struct err err;

	REQUIRE(mkdtemp(root) != NULL);
	container_init(&container);
	REQUIRE(container_reserve(&container, root, "c2", &err) == 0);
	container_close(&container);
	REQUIRE(container_open(root, "c2", &container, &err) == 0);
	CHECK_STR(container.record.id, "c2");
	CHECK_INT(container_status(&container, NULL), OCI_STATUS_CREATING);
	CHECK_INT(container_forget(&container, &err), 0);
	container_close(&container);
	CHECK_INT(rmdir(root), 0);
}

TEST(a_state_folder_that_others_may_write_is_refused)
{
	char root[] = "/tmp/corten-container-test-XXXXXX";
	struct container container;
	struct err err;

	REQUIRE(mkdtemp(root) != NULL);
	REQUIRE(chmod(root, 0777) == 0);
	container_init(&container);
	CHECK(container_reserve(&container, root, "c3", &err) < 0);
	container_close(&container);
	CHECK_INT(err.kind, ERR_DENIED);
	CHECK_INT(rmdir(root), 0);
}

TESTS(T(ids_that_are_no_plain_names_are_refused), T(a_record_survives_and_its_folder_goes),
      T(a_create_killed_at_once_can_be_deleted), T(a_state_folder_that_others_may_write_is_refused))
