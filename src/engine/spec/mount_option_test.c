#include "engine/spec/mount_option.h"

#include "base/test.h"

#define SETUP()                   \
	ARENA_AUTO(arena, 65536); \
	struct err err = {0};     \
	struct mount_option m = {0}

TEST(clean_paths)
{
	ARENA_AUTO(arena, 65536);
	CHECK_STR(mount_option_clean_path("/a//b/../c/", &arena), "/a/c");
	CHECK_STR(mount_option_clean_path("/", &arena), "/");
	CHECK_STR(mount_option_clean_path("/../..", &arena), "/");
	CHECK_STR(mount_option_clean_path("/./a/.", &arena), "/a");
	CHECK_STR(mount_option_clean_path("/a/...", &arena), "/a/...");
	CHECK_STR(mount_option_clean_path("", &arena), "/");
}

TEST(volume_bind)
{
	SETUP();
	CHECK_INT(mount_option_parse_volume("/h:/c:ro,rshared,z", &arena, &m, &err), 0);
	CHECK_INT(m.type, MOUNT_OPTION_BIND);
	CHECK_STR(m.source, "/h");
	CHECK_STR(m.target, "/c");
	CHECK(m.read_only && m.create_source);
	CHECK_STR(m.propagation, "rshared");
	CHECK_INT(mount_option_parse_volume("/h:/c/../d", &arena, &m, &err), 0);
	CHECK(!m.read_only);
	CHECK_STR(m.target, "/d");
	CHECK_STR(m.propagation, "rprivate");
}

TEST(volume_anonymous)
{
	SETUP();
	CHECK_INT(mount_option_parse_volume("/data", &arena, &m, &err), 0);
	CHECK_INT(m.type, MOUNT_OPTION_VOLUME);
	CHECK_STR(m.target, "/data");
}

TEST(volume_refused)
{
	static const char *const bad[] = {"",     "h",       "name:/c",    "/h:c",   ":/c",
					  "/h:/", "/h:/c:x", "/a:/b:ro:z", "/h:/..", "/h:"};
	SETUP();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (mount_option_parse_volume(bad[i], &arena, &m, &err) == 0)
			TEST_FAIL("'%s' was taken", bad[i]);
	}
	char text[256];
	(void)mount_option_parse_volume("data:/c", &arena, &m, &err);
	CHECK_STR(err_format(&err, text, sizeof(text)),
		  "named volumes are not built yet: give an absolute path (data:/c)");
}

TEST(mount_bind)
{
	SETUP();
	CHECK_INT(
		mount_option_parse_mount("type=bind,src=/h,dst=/c,readonly,bind-propagation=slave",
					 &arena, &m, &err),
		0);
	CHECK_INT(m.type, MOUNT_OPTION_BIND);
	CHECK(m.read_only && !m.create_source);
	CHECK_STR(m.propagation, "slave");
	CHECK_INT(
		mount_option_parse_mount("type=bind,\"source=/h,x\"\"y\",target=/c,readonly=false",
					 &arena, &m, &err),
		0);
	CHECK_STR(m.source, "/h,x\"y");
	CHECK(!m.read_only);
}

TEST(mount_tmpfs)
{
	SETUP();
	CHECK_INT(mount_option_parse_mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770",
					   &arena, &m, &err),
		  0);
	CHECK_STR(m.data, "size=1048576,mode=1770");
	CHECK_INT(mount_option_parse_mount("type=tmpfs,target=/t", &arena, &m, &err), 0);
	CHECK(m.data == NULL);
}

TEST(mount_refused)
{
	static const char *const bad[] = {
		"",
		"type=bind",
		"type=bind,target=/c",
		"type=bind,source=h,target=/c",
		"type=bind,source=/h",
		"type=nfs,target=/c",
		"type=tmpfs,source=/h,target=/c",
		"type=tmpfs,target=/c,tmpfs-mode=9",
		"type=tmpfs,target=/c,tmpfs-size=x",
		"type=volume,source=name,target=/c",
		"source=name,target=/c",
		"type=bind,source=/h,target=/c,readonly=maybe",
		"type=bind,source=/h,target=/c,colour=red",
		"type=bind,\"source=/h,target=/c",
		"type=bind,source=/h,target=/c,bind-propagation=wide",
		"type=bind,source,target=/c",
	};
	SETUP();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (mount_option_parse_mount(bad[i], &arena, &m, &err) == 0)
			TEST_FAIL("'%s' was taken", bad[i]);
	}
}

TEST(tmpfs)
{
	SETUP();
	CHECK_INT(mount_option_parse_tmpfs("/run", &arena, &m, &err), 0);
	CHECK(m.data == NULL);
	CHECK_INT(mount_option_parse_tmpfs("/run:rw,size=1m", &arena, &m, &err), 0);
	CHECK_STR(m.data, "rw,size=1m");
	CHECK(mount_option_parse_tmpfs("run", &arena, &m, &err) < 0);
	CHECK(mount_option_parse_tmpfs("", &arena, &m, &err) < 0);
}

TESTS(T(clean_paths), T(volume_bind), T(volume_anonymous), T(volume_refused), T(mount_bind),
      T(mount_tmpfs), T(mount_refused), T(tmpfs))
