/* Against the real filesystem; what needs rights is the black-box tests' business (tests/image). */
#include "image/untar.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "image/testing.h"
#include "image/untar_internal.h"

#define BLOCK 512

struct place {
	char dir[64];
	int root_fd;
	int trash_fd;
};

static void place_open(struct place *place)
{
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/corten-untar-XXXXXX");
	if (mkdtemp(place->dir) == NULL)
		perror("mkdtemp");
	int dir = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)mkdirat(dir, "root", 0755);
	(void)mkdirat(dir, "trash", 0755);
	place->root_fd = openat(dir, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place->trash_fd = openat(dir, "trash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)close(dir);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static void place_close(struct place *place)
{
	(void)close(place->root_fd);
	(void)close(place->trash_fd);
	CHECK_INT(nftw(place->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

struct item {
	const char *name;
	char type;
	const char *link;
};

/* Untars empty entries. Skips nothing: owners are given only to root. */
static int untar(struct place *place, const struct item *items, size_t count, struct buf *opaque)
{
	uint8_t *data = calloc(count + 2, BLOCK);
	struct err err = {0};
	struct tar tar;
	struct untar untar;

	for (size_t i = 0; i < count; i++)
		testing_header(data + i * BLOCK, items[i].name, items[i].type, 0, items[i].link);
	struct memory_stream memory = memory_stream(data, (count + 2) * BLOCK, 4096);
	tar_init(&tar, &memory.stream);
	int rc = untar_init(&untar, place->root_fd, place->trash_fd, &err);
	if (rc == 0)
		rc = untar_all(&untar, &tar, &err);
	if (opaque != NULL)
		buf_add(opaque, untar.opaque.data, untar.opaque.len);
	untar_done(&untar);
	tar_done(&tar);
	free(data);
	return rc;
}

static mode_t kind(const struct place *place, const char *path)
{
	struct stat st;

	return fstatat(place->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0
									   : st.st_mode & S_IFMT;
}

TEST(names_are_normalised)
{
	static const struct {
		const char *name, *path, *parent, *base;
	} cases[] = {{"a", "a", "", "a"},       {"./a/./b//c/", "a/b/c", "a/b", "c"},
		     {".", "", "", ""},         {"./", "", "", ""},
		     {"...", "...", "", "..."}, {"a/.b", "a/.b", "a", ".b"}};
	struct untar_place place;
	struct err err = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_INT(untar_place_set(&place, cases[i].name, "name", &err), 0);
		CHECK_STR(place.path, cases[i].path);
		CHECK_STR(place.parent, cases[i].parent);
		CHECK_STR(place.base, cases[i].base);
	}
	CHECK(untar_place_set(&place, "/a", "name", &err) < 0);
	CHECK(untar_place_set(&place, "a/..", "name", &err) < 0);
	CHECK(untar_place_set(&place, "../a", "name", &err) < 0);
}

TEST(the_last_one_wins)
{
	static const struct item items[] = {
		{"f", '0', NULL},     {"f", '5', NULL},      {"f/x", '0', NULL},
		{"d/e/g", '0', NULL}, {"d", '0', NULL},      {"l", '2', "/tmp"},
		{"l/in", '0', NULL},  {"d/back", '0', NULL}, {"d/back", '2', "to"},
		{"h", '1', "f/x"},    {"h", '1', "h"},       {"p", '6', NULL},
	};
	struct place place;

	if (geteuid() != 0)
		TEST_SKIP("owners need root");
	place_open(&place);
	CHECK_INT(untar(&place, items, sizeof(items) / sizeof(items[0]), NULL), 0);
	CHECK_INT(kind(&place, "f/x"), S_IFREG);
	CHECK_INT(kind(&place, "d"), S_IFDIR);
	CHECK_INT(kind(&place, "d/e"), 0);
	CHECK_INT(kind(&place, "d/back"), S_IFLNK);
	CHECK_INT(kind(&place, "l"), S_IFDIR);
	CHECK_INT(kind(&place, "l/in"), S_IFREG);
	CHECK_INT(kind(&place, "h"), S_IFREG);
	CHECK_INT(kind(&place, "p"), S_IFIFO);
	place_close(&place);
}

TEST(opaque_folders_are_listed_once)
{
	static const struct item items[] = {{"d/.wh..wh..opq", '0', NULL},
					    {"d/.wh..wh..opq", '0', NULL},
					    {".wh..wh..opq", '0', NULL},
					    {".wh..wh..opq", '0', NULL},
					    {"dd/.wh..wh..opq", '0', NULL}};
	struct place place;
	BUF_AUTO(opaque, 4096);

	if (geteuid() != 0)
		TEST_SKIP("owners need root");
	place_open(&place);
	CHECK_INT(untar(&place, items, 5, &opaque), 0);
	CHECK_INT(opaque.len, 6);
	CHECK(opaque.data != NULL && memcmp(opaque.data, "d\0\0dd\0", 6) == 0);
	place_close(&place);
}

TEST(whiteouts_become_devices)
{
	static const struct item items[] = {
		{"a/.wh.b", '0', NULL}, {".wh.c", '0', NULL}, {"c/x", '0', NULL}};
	struct place place;
	struct stat st;
	BUF_AUTO(opaque, 4096);

	if (geteuid() != 0)
		TEST_SKIP("owners need root");
	place_open(&place);
	CHECK_INT(untar(&place, items, 3, &opaque), 0);
	CHECK_INT(fstatat(place.root_fd, "a/b", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	CHECK_INT(kind(&place, "c"), S_IFDIR);
	CHECK(opaque.len == 2 && strcmp(opaque.data, "c") == 0);
	place_close(&place);
}

TESTS(T(names_are_normalised), T(the_last_one_wins), T(opaque_folders_are_listed_once),
      T(whiteouts_become_devices))
