#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/test.h"
#include "kern/seccomp/blake2b.h"
#include "kern/seccomp/seccomp_cache.h"
#include "kern/seccomp/seccomp_file.h"

static void check_digest(const char *text, size_t len, const char *want)
{
	uint8_t digest[BLAKE2B_DIGEST_BYTES];
	char hex[2 * sizeof(digest) + 1];
	struct blake2b hash;

	blake2b_init(&hash);
	for (size_t i = 0; i < len; i += 7)
		blake2b_add(&hash, text + i, len - i < 7 ? len - i : 7);
	blake2b_finish(&hash, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	CHECK_STR(hex, want);
}

TEST(blake2b_has_known_digests)
{
	char text[1000];

	memset(text, 'a', sizeof(text));
	check_digest("", 0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	check_digest("abc", 3, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	check_digest(text, 128, "ae2aa48507885c4c950fb809b2076f959cde9f8ea6da260d9a3587df33dac450");
	check_digest(text, 1000,
		     "e00b0ddbf1e2cdaf5c898e1a5e8826ea3a2c339bcf2a478da2e5fca9ff126672");
}

TEST(keys_depend_on_text_and_processor)
{
	struct seccomp_cache_key a, b, c;

	seccomp_cache_key_init(&a, "{}", 2, SECCOMP_ARCH_X86_64);
	seccomp_cache_key_init(&b, "{ }", 3, SECCOMP_ARCH_X86_64);
	seccomp_cache_key_init(&c, "{}", 2, SECCOMP_ARCH_AARCH64);
	CHECK_INT(strlen(a.name), 64);
	CHECK(strcmp(a.name, b.name) != 0);
	CHECK(strcmp(a.name, c.name) != 0);
}

/* A cache in a folder of its own, and one program. */
struct fixture {
	char root[64];
	int rootfd;
	int folderfd;
	struct seccomp_cache_key key;
	struct seccomp_program program;
};

static int fixture_open(struct fixture *fixture)
{
	const struct seccomp_profile profile = {.default_action = SECCOMP_ACTION_ALLOW};
	struct err err = {0};

	(void)snprintf(fixture->root, sizeof(fixture->root), "/tmp/corten-seccomp-XXXXXX");
	fixture->folderfd = -1;
	fixture->rootfd = -1;
	if (mkdtemp(fixture->root) == NULL)
		return -1;
	fixture->rootfd = open(fixture->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fixture->folderfd = seccomp_cache_open_folder(fixture->rootfd, &err);
	seccomp_cache_key_init(&fixture->key, "text", 4, SECCOMP_ARCH_X86_64);
	if (seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &fixture->program, &err) < 0)
		return -1;
	return fixture->folderfd;
}

static void fixture_close(struct fixture *fixture)
{
	(void)unlinkat(fixture->folderfd, fixture->key.name, 0);
	(void)unlinkat(fixture->rootfd, "~seccomp", AT_REMOVEDIR);
	(void)close(fixture->folderfd);
	(void)close(fixture->rootfd);
	(void)rmdir(fixture->root);
}

static int store(struct fixture *fixture)
{
	struct err err = {0};

	return seccomp_cache_store(fixture->folderfd, &fixture->key, &fixture->program, &err);
}

TEST(what_is_stored_is_read)
{
	static struct fixture fixture;
	static struct sock_filter insns[SECCOMP_MAX_INSNS];
	uint32_t flags = 99;

	REQUIRE(fixture_open(&fixture) >= 0);
	CHECK_INT(seccomp_cache_open(fixture.folderfd, &fixture.key), -ENOENT);
	auto_fd fd = store(&fixture);
	CHECK(fd >= 0);
	int count = seccomp_program_read(fd, insns, SECCOMP_MAX_INSNS, &flags);
	CHECK_INT(count, fixture.program.count);
	CHECK_INT(flags, fixture.program.flags);
	if (count > 0)
		CHECK(memcmp(insns, fixture.program.insns, (size_t)count * sizeof(insns[0])) == 0);
	CHECK_INT(seccomp_program_read(fd, insns, 1, &flags), -E2BIG);
	auto_fd again = seccomp_cache_open(fixture.folderfd, &fixture.key);
	CHECK(again >= 0);
	struct seccomp_program copy = {.unknown_names = 1};
	CHECK_INT(seccomp_cache_read(fixture.folderfd, &fixture.key, &copy), 0);
	CHECK_INT(copy.count, fixture.program.count);
	CHECK_INT(copy.flags, fixture.program.flags);
	fixture_close(&fixture);
}

/* Whether the file is refused, then replaced and taken. */
static void check_mended(struct fixture *fixture, const char *what)
{
	if (seccomp_cache_open(fixture->folderfd, &fixture->key) != -ENOENT)
		TEST_FAIL("taken: %s", what);
	auto_fd fd = store(fixture);
	if (fd < 0)
		TEST_FAIL("not replaced: %s", what);
}

TEST(what_is_not_whole_or_not_ours_is_replaced)
{
	static struct fixture fixture;
	const char *name = fixture.key.name;
	char byte = 0x55;

	REQUIRE(fixture_open(&fixture) >= 0);
	auto_fd fd = store(&fixture);
	REQUIRE(fd >= 0);

	auto_fd spoilt = openat(fixture.folderfd, name, O_WRONLY | O_CLOEXEC);
	CHECK(pwrite(spoilt, &byte, 1, 28) == 1);
	check_mended(&fixture, "a changed instruction");

	auto_fd flags = openat(fixture.folderfd, name, O_WRONLY | O_CLOEXEC);
	CHECK(pwrite(flags, &byte, 1, 8) == 1);
	check_mended(&fixture, "changed flags");

	auto_fd cut = openat(fixture.folderfd, name, O_WRONLY | O_CLOEXEC);
	CHECK(ftruncate(cut, 30) == 0);
	check_mended(&fixture, "a short file");

	auto_fd longer = openat(fixture.folderfd, name, O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK(write(longer, "12345678", 8) == 8);
	check_mended(&fixture, "a long file");

	CHECK(fchmodat(fixture.folderfd, name, 0666, 0) == 0);
	check_mended(&fixture, "a file that others may write");

	CHECK(renameat(fixture.folderfd, name, fixture.folderfd, "aside") == 0);
	CHECK(symlinkat("aside", fixture.folderfd, name) == 0);
	check_mended(&fixture, "a symbolic link");

	CHECK(unlinkat(fixture.folderfd, name, 0) == 0);
	CHECK(linkat(fixture.folderfd, "aside", fixture.folderfd, name, 0) == 0);
	check_mended(&fixture, "a file with a second name");

	(void)unlinkat(fixture.folderfd, "aside", 0);
	fixture_close(&fixture);
}

TEST(a_file_of_another_user_is_replaced)
{
	static struct fixture fixture;

	if (geteuid() != 0)
		TEST_SKIP("only root can give files away");
	REQUIRE(fixture_open(&fixture) >= 0);
	auto_fd fd = store(&fixture);
	REQUIRE(fd >= 0);
	CHECK(fchownat(fixture.folderfd, fixture.key.name, 1, 0, 0) == 0);
	check_mended(&fixture, "another's file");
	fixture_close(&fixture);
}

TEST(a_folder_open_to_others_is_refused)
{
	static struct fixture fixture;
	struct err err = {0};

	REQUIRE(fixture_open(&fixture) >= 0);
	CHECK(fchmod(fixture.folderfd, 0755) == 0);
	CHECK(seccomp_cache_open_folder(fixture.rootfd, &err) < 0);
	CHECK_INT(err.kind, ERR_DENIED);
	CHECK(unlinkat(fixture.rootfd, "~seccomp", AT_REMOVEDIR) == 0);
	CHECK(symlinkat("/tmp", fixture.rootfd, "~seccomp") == 0);
	CHECK(seccomp_cache_open_folder(fixture.rootfd, &err) < 0);
	CHECK(unlinkat(fixture.rootfd, "~seccomp", 0) == 0);
	fixture_close(&fixture);
}

TEST(a_full_folder_is_emptied)
{
	static struct fixture fixture;
	char name[16];

	REQUIRE(fixture_open(&fixture) >= 0);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "old%d", i);
		auto_fd old = openat(fixture.folderfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		CHECK(old >= 0);
	}
	auto_fd fd = store(&fixture);
	CHECK(fd >= 0);
	CHECK(faccessat(fixture.folderfd, "old7", F_OK, 0) < 0);
	CHECK(faccessat(fixture.folderfd, fixture.key.name, F_OK, 0) == 0);
	fixture_close(&fixture);
}

TESTS(T(blake2b_has_known_digests), T(keys_depend_on_text_and_processor), T(what_is_stored_is_read),
      T(what_is_not_whole_or_not_ours_is_replaced), T(a_file_of_another_user_is_replaced),
      T(a_folder_open_to_others_is_refused), T(a_full_folder_is_emptied))
