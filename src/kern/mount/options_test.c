#include "kern/mount/options.h"

#include <errno.h>

#include "base/test.h"
#include "kern/uapi.h"

static struct mount_options parsed;
static char data[64];

static int parse(const char *a, const char *b, const char *c)
{
	const char *list[3] = {a, b, c};
	struct err err = {0};
	size_t count = 0;

	while (count < 3 && list[count] != NULL)
		count++;
	(void)memset(&parsed, 0xff, sizeof(parsed));
	return mount_options_parse(list, count, data, sizeof(data), &parsed, &err);
}

TEST(table_is_sorted)
{
	size_t count = 0;

	for (size_t i = 1; mount_option_name(i) != NULL; i++) {
		if (strcmp(mount_option_name(i - 1), mount_option_name(i)) >= 0)
			TEST_FAIL("'%s' is out of order", mount_option_name(i));
		count = i + 1;
	}
	/* What the search finds is what the list shows. */
	for (size_t i = 0; i < count; i++) {
		CHECK_INT(parse(mount_option_name(i), NULL, NULL), 0);
		CHECK_STR(parsed.data, "");
	}
}

/* The list of the runtime specification, and what runc's and crun's features show beside it. */
TEST(every_option_is_known)
{
	static const char *const names[] = {"async",
					    "atime",
					    "bind",
					    "defaults",
					    "dev",
					    "diratime",
					    "dirsync",
					    "exec",
					    "iversion",
					    "lazytime",
					    "loud",
					    "mand",
					    "noatime",
					    "nodev",
					    "nodiratime",
					    "noexec",
					    "noiversion",
					    "nolazytime",
					    "nomand",
					    "norelatime",
					    "nostrictatime",
					    "nosuid",
					    "nosymfollow",
					    "private",
					    "ratime",
					    "rbind",
					    "rdev",
					    "rdiratime",
					    "relatime",
					    "remount",
					    "rexec",
					    "rnoatime",
					    "rnodev",
					    "rnodiratime",
					    "rnoexec",
					    "rnorelatime",
					    "rnostrictatime",
					    "rnosuid",
					    "rnosymfollow",
					    "ro",
					    "rprivate",
					    "rrelatime",
					    "rro",
					    "rrw",
					    "rshared",
					    "rslave",
					    "rstrictatime",
					    "rsuid",
					    "rsymfollow",
					    "runbindable",
					    "rw",
					    "shared",
					    "silent",
					    "slave",
					    "strictatime",
					    "suid",
					    "symfollow",
					    "sync",
					    "tmpcopyup",
					    "unbindable",
					    "idmap",
					    "ridmap",
					    "rsync",
					    "rasync",
					    "rdirsync",
					    "rmand",
					    "rnomand",
					    "copy-symlink",
					    "src-nofollow",
					    "dest-nofollow"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CHECK_INT(parse(names[i], NULL, NULL), 0);
		if (parsed.data[0] != '\0')
			TEST_FAIL("'%s' is not known", names[i]);
	}
}

TEST(attributes)
{
	CHECK_INT(parse("ro", "nosuid", "noexec"), 0);
	CHECK_INT(parsed.attr_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	CHECK_INT(parsed.attr_clear, 0);
	CHECK_INT(parse("ro", "rw", NULL), 0);
	CHECK_INT(parsed.attr_set, 0);
	CHECK_INT(parsed.attr_clear, MOUNT_ATTR_RDONLY);
	CHECK_INT(parse("rw", "ro", NULL), 0);
	CHECK_INT(parsed.attr_set, MOUNT_ATTR_RDONLY);
	CHECK_INT(parsed.attr_clear, 0);
	CHECK_INT(parse("rro", "rnosuid", "rexec"), 0);
	CHECK_INT(parsed.attr_set, 0);
	CHECK_INT(parsed.rec_attr_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	CHECK_INT(parsed.rec_attr_clear, MOUNT_ATTR_NOEXEC);
}

TEST(access_times)
{
	CHECK_INT(parse("noatime", NULL, NULL), 0);
	CHECK_INT(parsed.attr_set, MOUNT_ATTR_NOATIME);
	CHECK_INT(parsed.attr_clear, MOUNT_ATTR__ATIME);
	CHECK_INT(parse("noatime", "strictatime", "nodiratime"), 0);
	CHECK_INT(parsed.attr_set, MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_NODIRATIME);
	CHECK_INT(parse("strictatime", "relatime", NULL), 0);
	CHECK_INT(parsed.attr_set, 0);
	CHECK_INT(parsed.attr_clear, MOUNT_ATTR__ATIME);
	CHECK_INT(parse("strictatime", "atime", NULL), 0);
	CHECK_INT(parsed.attr_set, MOUNT_ATTR_STRICTATIME);
	CHECK_INT(parse("noatime", "atime", NULL), 0);
	CHECK_INT(parsed.attr_set, 0);
	CHECK_INT(parsed.attr_clear, MOUNT_ATTR__ATIME);
}

TEST(binds_and_propagation)
{
	CHECK_INT(parse("rbind", "rslave", "shared"), 0);
	CHECK(parsed.bind && parsed.recursive);
	CHECK_INT(parsed.propagation_count, 2);
	CHECK_INT(parsed.propagation[0], MS_SLAVE | MS_REC);
	CHECK_INT(parsed.propagation[1], MS_SHARED);
	CHECK_INT(parse("bind", "tmpcopyup", "ridmap"), 0);
	CHECK(parsed.bind && !parsed.recursive && parsed.tmpcopyup);
	CHECK_INT(parsed.idmap, MOUNT_IDMAP_RECURSIVE);
	CHECK(parsed.idmap_text == NULL);
	CHECK_INT(parse("idmap=uids=0-1000-1", NULL, NULL), 0);
	CHECK_INT(parsed.idmap, MOUNT_IDMAP_ONE);
	CHECK_STR(parsed.idmap_text, "uids=0-1000-1");
	CHECK_STR(parsed.data, "");
	CHECK_INT(mount_propagation_of("rslave"), MS_SLAVE | MS_REC);
	CHECK_INT(mount_propagation_of("ro"), 0);
	CHECK_INT(mount_propagation_of("nonsense"), 0);
	const char *many[9] = {"shared", "shared", "shared", "shared", "shared",
			       "shared", "shared", "shared", "shared"};
	struct err err = {0};
	CHECK(mount_options_parse(many, 8, data, sizeof(data), &parsed, &err) == 0);
	CHECK(mount_options_parse(many, 9, data, sizeof(data), &parsed, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
}

TEST(the_rest_is_data)
{
	struct err err = {0};
	const char *fits[] = {"aaa", "ro", "b=c"};

	CHECK_INT(parse("size=64k", "nosuid", "mode=755"), 0);
	CHECK_STR(parsed.data, "size=64k,mode=755");
	CHECK_INT(parse("", "sync", "roo"), 0);
	CHECK_STR(parsed.data, "roo");
	CHECK_INT(parsed.sb_flags, MS_SYNCHRONOUS);
	CHECK_INT(parsed.sb_clear, 0);
	CHECK_INT(parse("sync", "async", NULL), 0);
	CHECK_INT(parsed.sb_flags, 0);
	CHECK_INT(parsed.sb_clear, MS_SYNCHRONOUS);
	CHECK_INT(parse("nolazytime", "lazytime", "silent"), 0);
	CHECK_INT(parsed.sb_flags, MS_LAZYTIME | MS_SILENT);
	CHECK_INT(parsed.sb_clear, 0);
	CHECK_INT(mount_options_parse(fits, 3, data, 8, &parsed, &err), 0);
	CHECK_STR(parsed.data, "aaa,b=c");
	CHECK_INT(mount_options_parse(fits, 3, data, 7, &parsed, &err), -E2BIG);
	CHECK_INT(mount_options_parse(fits, 0, data, 0, &parsed, &err), -E2BIG);
}

TESTS(T(table_is_sorted), T(every_option_is_known), T(attributes), T(access_times),
      T(binds_and_propagation), T(the_rest_is_data))
