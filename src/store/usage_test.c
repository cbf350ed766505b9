#include "store/usage.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "store/internal.h"

static int make_file(int dirfd, const char *name, size_t size)
{
	auto_fd fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	static const char block[4096];

	while (fd >= 0 && size > 0) {
		size_t part = size < sizeof(block) ? size : sizeof(block);
		if (fd_write_all(fd, block, part) < 0)
			return -1;
		size -= part;
	}
	return fd < 0 ? -1 : 0;
}

static int make_top(char path[64])
{
	(void)snprintf(path, 64, "/tmp/corten-usage-XXXXXX");
	return mkdtemp(path) == NULL ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_top(const char *path)
{
	struct err err;

	CHECK_INT(store_tree_remove(AT_FDCWD, path, &err), 0);
}

TEST(files_links_and_folders)
{
	struct store_usage usage = {0};
	struct err err;
	char path[64];
	auto_fd top = make_top(path);

	REQUIRE(top >= 0);
	CHECK_INT(make_file(top, "one", 1000), 0);
	CHECK_INT(mkdirat(top, "folder", 0700), 0);
	CHECK_INT(make_file(top, "folder/two", 5000), 0);
	CHECK_INT(linkat(top, "one", top, "folder/one-again", 0), 0);
	CHECK_INT(symlinkat("/etc", top, "outside"), 0);
	CHECK_INT(store_usage_tree(AT_FDCWD, path, &usage, &err), 0);
	CHECK_INT(usage.size_bytes, 1000 + 5000 + 4);
	CHECK_INT(usage.entries, 5);
	CHECK(usage.disk_bytes > 6000);
	remove_top(path);
}

TEST(what_is_not_there_adds_nothing)
{
	struct store_usage usage = {0};
	struct err err;

	CHECK_INT(store_usage_tree(AT_FDCWD, "/tmp/corten-usage-absent", &usage, &err), 0);
	CHECK_INT(usage.entries, 0);
}

TEST(deeper_than_a_path_can_say)
{
	struct store_usage usage = {0};
	struct err err;
	char path[64], name[NAME_MAX + 1];
	auto_fd top = make_top(path);
	int at = dup(top);

	REQUIRE(top >= 0 && at >= 0);
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 40; i++) {
		CHECK_INT(mkdirat(at, name, 0700), 0);
		int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(at);
		at = next;
	}
	CHECK_INT(make_file(at, "end", 7), 0);
	(void)close(at);
	CHECK_INT(store_usage_tree(AT_FDCWD, path, &usage, &err), 0);
	CHECK_INT(usage.size_bytes, 7);
	CHECK_INT(usage.entries, 42);
	remove_top(path);
}

TEST(many_links_are_counted_once_each)
{
	struct store_usage usage = {0};
	struct err err;
	char path[64], from[32], to[32];
	auto_fd top = make_top(path);

	REQUIRE(top >= 0);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(from, sizeof(from), "a%d", i);
		(void)snprintf(to, sizeof(to), "b%d", i);
		CHECK_INT(make_file(top, from, 1), 0);
		CHECK_INT(linkat(top, from, top, to, 0), 0);
	}
	CHECK_INT(store_usage_tree(AT_FDCWD, path, &usage, &err), 0);
	CHECK_INT(usage.size_bytes, 300);
	remove_top(path);
}

TESTS(T(files_links_and_folders), T(what_is_not_there_adds_nothing), T(deeper_than_a_path_can_say),
      T(many_links_are_counted_once_each))
