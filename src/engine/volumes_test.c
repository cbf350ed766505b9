#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "engine/internal.h"
#include "engine/spec/mount_option.h"

struct place {
	char path[64];
	int root; /* the container's */
	int data; /* where volumes/ goes */
};

static bool place_make(struct place *place)
{
	memcpy(place->path, "/tmp/corten-vol-XXXXXX", 23);
	if (mkdtemp(place->path) == NULL)
		return false;
	auto_fd at = open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(at, "root", 0755);
	mkdirat(at, "data", 0755);
	place->root = openat(at, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	place->data = openat(at, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return place->root >= 0 && place->data >= 0;
}

static void place_done(struct place *place)
{
	struct err err;

	fd_closep(&place->root);
	fd_closep(&place->data);
	(void)paths_remove_tree(AT_FDCWD, place->path, &err);
}

static void put(int dirfd, const char *name, const char *text, mode_t mode)
{
	auto_fd fd = openat(dirfd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		TEST_FAIL("cannot write %s", name);
}

static const struct mount_option data_mount = {.type = MOUNT_OPTION_VOLUME, .target = "/data"};

TEST(content_is_copied)
{
	struct place place = {.root = FD_NONE, .data = FD_NONE};
	struct err err = {0};
	struct stat st;
	char link[64] = "";
	BUF_AUTO(text, 1024);

	REQUIRE(place_make(&place));
	mkdirat(place.root, "data", 0750);
	mkdirat(place.root, "data/sub", 0711);
	put(place.root, "data/sub/file", "hello", 04755);
	CHECK(symlinkat("/etc/passwd", place.root, "data/link") == 0);
	CHECK(mkfifoat(place.root, "data/fifo", 0640) == 0);
	CHECK_INT(volume_prepare(place.data, 0, place.root, &data_mount, NULL, &err), 0);
	CHECK_INT(fd_read_file_at(place.data, "volumes/0/sub/file", &text, &err), 0);
	CHECK_STR(text.data, "hello");
	CHECK(fstatat(place.data, "volumes/0/sub/file", &st, 0) == 0);
	CHECK_INT(st.st_mode & 07777, 04755);
	CHECK(fstatat(place.data, "volumes/0/sub", &st, 0) == 0);
	CHECK_INT(st.st_mode & 07777, 0711);
	CHECK(fstatat(place.data, "volumes/0", &st, 0) == 0);
	CHECK_INT(st.st_mode & 07777, 0750);
	CHECK(readlinkat(place.data, "volumes/0/link", link, sizeof(link) - 1) > 0);
	CHECK_STR(link, "/etc/passwd");
	CHECK(fstatat(place.data, "volumes/0/fifo", &st, 0) == 0 && S_ISFIFO(st.st_mode));
	/* A second start leaves what is there. */
	put(place.data, "volumes/0/new", "x", 0644);
	CHECK_INT(volume_prepare(place.data, 0, place.root, &data_mount, NULL, &err), 0);
	CHECK(fstatat(place.data, "volumes/0/new", &st, 0) == 0);
	place_done(&place);
}

TEST(absent_target_is_an_empty_folder)
{
	struct place place = {.root = FD_NONE, .data = FD_NONE};
	struct err err = {0};
	struct stat st;

	REQUIRE(place_make(&place));
	CHECK_INT(volume_prepare(place.data, 3, place.root, &data_mount, NULL, &err), 0);
	CHECK(fstatat(place.data, "volumes/3", &st, 0) == 0);
	CHECK_INT(st.st_mode & 07777, 0755);
	CHECK_INT(st.st_nlink, 2);
	place_done(&place);
}

/* Attack 25: a volume whose target is a link to the host copies nothing of the host's. */
TEST(a_link_stays_inside_the_root)
{
	struct place place = {.root = FD_NONE, .data = FD_NONE};
	struct err err = {0};
	struct stat st;

	REQUIRE(place_make(&place));
	CHECK(symlinkat("/etc", place.root, "data") == 0);
	CHECK_INT(volume_prepare(place.data, 0, place.root, &data_mount, NULL, &err), 0);
	CHECK(fstatat(place.data, "volumes/0/passwd", &st, 0) < 0);
	CHECK(unlinkat(place.root, "data", 0) == 0);
	CHECK(symlinkat("../../../../etc", place.root, "data") == 0);
	CHECK_INT(volume_prepare(place.data, 1, place.root, &data_mount, NULL, &err), 0);
	CHECK(fstatat(place.data, "volumes/1/passwd", &st, 0) < 0);
	place_done(&place);
}

/* What a killed process left half-way is made anew. */
TEST(a_partial_copy_is_made_anew)
{
	struct place place = {.root = FD_NONE, .data = FD_NONE};
	struct err err = {0};
	struct stat st;

	REQUIRE(place_make(&place));
	mkdirat(place.root, "data", 0755);
	put(place.root, "data/a", "1", 0644);
	mkdirat(place.data, "volumes", 0700);
	mkdirat(place.data, "volumes/0.partial", 0700);
	put(place.data, "volumes/0.partial/rubbish", "1", 0644);
	CHECK_INT(volume_prepare(place.data, 0, place.root, &data_mount, NULL, &err), 0);
	CHECK(fstatat(place.data, "volumes/0/a", &st, 0) == 0);
	CHECK(fstatat(place.data, "volumes/0/rubbish", &st, 0) < 0);
	CHECK(fstatat(place.data, "volumes/0.partial", &st, 0) < 0);
	place_done(&place);
}

TESTS(T(content_is_copied), T(absent_target_is_an_empty_folder), T(a_link_stays_inside_the_root),
      T(a_partial_copy_is_made_anew))
