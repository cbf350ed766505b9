#include "kern/caps/caps.h"

#include <linux/capability.h>

#include "kern/testing.h"

#define BIT(n) ((uint64_t)1 << (n))

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

TEST(names)
{
	CHECK_INT(caps_number("CAP_CHOWN"), CAP_CHOWN);
	CHECK_INT(caps_number("CAP_SYS_RESOURCE"), CAP_SYS_RESOURCE);
	CHECK_INT(caps_number("CAP_AUDIT_READ"), CAP_AUDIT_READ);
	CHECK_INT(caps_number("CAP_CHECKPOINT_RESTORE"), 40);
	CHECK_INT(caps_number("CAP_NONSENSE"), -1);
	CHECK_INT(caps_number("chown"), -1);
	CHECK_INT(caps_number(""), -1);
	for (int i = 0; i <= 40; i++)
		CHECK_INT(caps_number(caps_name(i)), i);
	CHECK(caps_name(41) == NULL && caps_name(-1) == NULL);
	CHECK_STR(caps_name(CAP_SYS_ADMIN), "CAP_SYS_ADMIN");
}

TEST(formats)
{
	char text[64];

	CHECK_STR(caps_format(0, text, sizeof(text)), "");
	CHECK_STR(caps_format(BIT(0) | BIT(21), text, sizeof(text)), "CAP_CHOWN, CAP_SYS_ADMIN");
	CHECK_STR(caps_format(BIT(63), text, sizeof(text)), "63");
	CHECK(strlen(caps_format(UINT64_MAX, text, sizeof(text))) == sizeof(text) - 1);
}

TEST(last_is_the_kernels)
{
	char text[16] = "";
	int fd = open("/proc/sys/kernel/cap_last_cap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		SKIP("no /proc/sys/kernel/cap_last_cap");
	(void)close(fd);
	CHECK_INT(caps_last(), strtol(text, NULL, 10));
	CHECK_INT(caps_all(), BIT(caps_last() + 1) - 1);
}

TEST(restricts)
{
	const struct caps_sets own = {.bounding = 0x0f, .permitted = 0x3c};
	struct caps_sets sets = {0x13, 0x0c, 0x0e, 0x04, 0x44};

	CHECK_INT(caps_restrict(&sets, &own), 0x10 | 0x02 | 0x40);
	CHECK_INT(sets.bounding, 0x03);
	CHECK_INT(sets.effective, 0x0c);
	CHECK_INT(sets.permitted, 0x0c);
	CHECK_INT(sets.inheritable, 0x04);
	CHECK_INT(sets.ambient, 0x04);
	CHECK_INT(caps_restrict(&sets, &own), 0);
}

static void check_identity(uid_t uid)
{
	struct err err = {0};
	const uint64_t want = BIT(CAP_CHOWN) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_KILL);
	struct caps_sets own, got;
	struct caps_sets sets = {want, BIT(CAP_CHOWN) | BIT(CAP_KILL), want, BIT(CAP_KILL),
				 BIT(CAP_KILL) | BIT(CAP_CHOWN)};
	const gid_t groups[2] = {5, 7};
	gid_t seen[8];

	CHECK_INT(caps_read(&own, &err), 0);
	CHECK_INT(caps_restrict(&sets, &own), 0);
	CHECK_INT(caps_drop_bounding(sets.bounding, &err), 0);
	CHECK_INT(caps_set_user(uid, 20, groups, 2, &err), 0);
	CHECK_INT(caps_apply(&sets, &err), 0);
	CHECK_INT(caps_read(&got, &err), 0);
	CHECK_INT(got.bounding, want);
	CHECK_INT(got.effective, sets.effective);
	CHECK_INT(got.permitted, want);
	CHECK_INT(got.inheritable, BIT(CAP_KILL));
	/* CAP_CHOWN is not inheritable, so it cannot be ambient. */
	CHECK_INT(got.ambient, BIT(CAP_KILL));
	CHECK(getuid() == uid && geteuid() == uid && getgid() == 20);
	CHECK(getgroups(8, seen) == 2 && seen[0] == 5 && seen[1] == 7);
	/* The rest is gone for good. */
	sets.permitted |= BIT(CAP_SYS_ADMIN);
	CHECK_INT(caps_apply(&sets, &err), -EPERM);
	CHECK(says(&err, "CAP_SYS_ADMIN"));
	CHECK_INT(caps_drop_bounding(0, &err), -EPERM);
	CHECK(says(&err, "CAP_CHOWN"));
}

CHILD_TEST(becomes_a_user)
{
	check_identity(1234);
}

CHILD_TEST(becomes_lesser_root)
{
	check_identity(0);
}

CHILD_TEST(refuses_bad_identities)
{
	struct err err = {0};
	const struct caps_sets odd = {.effective = BIT(CAP_KILL)};

	/* Attack 14: -1 means "leave as it is" to the kernel. */
	CHECK_INT(caps_set_user((uid_t)-1, 0, NULL, 0, &err), -EINVAL);
	CHECK_INT(caps_set_user(0, (gid_t)-1, NULL, 0, &err), -EINVAL);
	CHECK_INT(caps_apply(&odd, &err), -EINVAL);
	CHECK(says(&err, "CAP_KILL"));
	if (unshare(CLONE_NEWUSER) < 0)
		SKIP("no user namespaces");
	CHECK(caps_set_user(5, 5, NULL, 0, &err) < 0);
	CHECK(says(&err, "no mapping"));
}

TESTS(T(names), T(formats), T(last_is_the_kernels), T(restricts), T(becomes_a_user),
      T(becomes_lesser_root), T(refuses_bad_identities))
