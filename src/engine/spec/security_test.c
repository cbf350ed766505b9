#include "engine/spec/security.h"

#include <linux/capability.h>

#include "base/test.h"

#define BIT(number) (UINT64_C(1) << (number))
#define ALL_CAPS    ((UINT64_C(1) << 41) - 1)
#define LIST(...)                                                                     \
	(json_strings)                                                                \
	{                                                                             \
		.items = (const char *[]){__VA_ARGS__},                               \
		.count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *) \
	}

static const json_strings none;

static uint64_t caps_of(json_strings add, json_strings drop, bool privileged)
{
	struct err err;
	uint64_t caps = 1;

	if (security_caps(&add, &drop, privileged, ALL_CAPS, &caps, &err) < 0)
		return UINT64_MAX;
	return caps;
}

TEST(the_fourteen)
{
	static const char *const names[] = {
		"CAP_CHOWN",       "CAP_DAC_OVERRIDE", "CAP_FOWNER",
		"CAP_FSETID",      "CAP_KILL",         "CAP_SETGID",
		"CAP_SETUID",      "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE",
		"CAP_NET_RAW",     "CAP_SYS_CHROOT",   "CAP_MKNOD",
		"CAP_AUDIT_WRITE", "CAP_SETFCAP"};
	ARENA_AUTO(arena, 65536);
	json_strings list;
	struct err err;

	CHECK_INT(security_cap_names(caps_of(none, none, false), &arena, &list, &err), 0);
	REQUIRE(list.count == 14);
	for (size_t i = 0; i < 14; i++)
		CHECK_STR(list.items[i], names[i]);
}

TEST(add_and_drop)
{
	uint64_t base = security_default_caps();

	CHECK(caps_of(LIST("NET_ADMIN"), none, false) == (base | BIT(CAP_NET_ADMIN)));
	CHECK(caps_of(LIST("cap_net_admin"), none, false) == (base | BIT(CAP_NET_ADMIN)));
	CHECK(caps_of(none, LIST("MKNOD", "CHOWN"), false) ==
	      (base & ~BIT(CAP_MKNOD) & ~BIT(CAP_CHOWN)));
	CHECK(caps_of(none, LIST("ALL"), false) == 0);
	CHECK(caps_of(LIST("CHOWN"), LIST("all"), false) == BIT(CAP_CHOWN));
	CHECK(caps_of(LIST("ALL"), none, false) == ALL_CAPS);
	CHECK(caps_of(LIST("ALL"), LIST("MKNOD"), false) == (ALL_CAPS & ~BIT(CAP_MKNOD)));
	CHECK(caps_of(LIST("CHOWN"), LIST("CHOWN"), false) == (base & ~BIT(CAP_CHOWN)));
	CHECK(caps_of(none, none, true) == ALL_CAPS);
}

TEST(unknown_capabilities)
{
	CHECK(caps_of(LIST("NOSUCH"), none, false) == UINT64_MAX);
	CHECK(caps_of(none, LIST(""), false) == UINT64_MAX);
	CHECK(caps_of(LIST("CAP_"), none, false) == UINT64_MAX);
	CHECK(caps_of(LIST("NET_ADMIN_AND_A_VERY_LONG_NAME_THAT_IS_NOT_A_CAPABILITY"), none,
		      false) == UINT64_MAX);
}

TEST(options)
{
	struct security security;
	struct err err;
	json_strings list = LIST("seccomp=/p.json", "no-new-privileges", "apparmor=unconfined",
				 "label=disable", "systempaths=unconfined");

	CHECK_INT(security_parse(&list, &security, &err), 0);
	CHECK_INT(security.seccomp, SECURITY_SECCOMP_FILE);
	CHECK_STR(security.seccomp_file, "/p.json");
	CHECK(security.no_new_privileges && security.system_paths_unconfined);
	CHECK_STR(security.apparmor, "unconfined");
	list = LIST("seccomp:unconfined", "no-new-privileges:false");
	CHECK_INT(security_parse(&list, &security, &err), 0);
	CHECK_INT(security.seccomp, SECURITY_SECCOMP_UNCONFINED);
	CHECK(!security.no_new_privileges);
	CHECK_INT(security_parse(&none, &security, &err), 0);
	CHECK_INT(security.seccomp, SECURITY_SECCOMP_DEFAULT);
}

TEST(parts_of_a_label)
{
	struct security security;
	struct err err;
	json_strings list = LIST("label=type:a_t", "label:level:s0-s0:c0.c1023", "label=type:b_t");

	CHECK_INT(security_parse(&list, &security, &err), 0);
	CHECK_STR(security.label.type, "b_t");
	CHECK_STR(security.label.level, "s0-s0:c0.c1023");
	CHECK_STR(security.label.given, "type:b_t");
	CHECK(security.label.user == NULL && !security.label.disabled);
	list = LIST("label:disable");
	CHECK_INT(security_parse(&list, &security, &err), 0);
	CHECK(security.label.disabled && security.label.given == NULL);
}

TEST(options_refused)
{
	static const char *const bad[] = {"",
					  "seccomp",
					  "seccomp=",
					  "label=",
					  "label=disabled",
					  "label=type",
					  "label=type:",
					  "label=type:a:b",
					  "label=type:a\"b",
					  "label=level:s0 c1",
					  "label=nosuch:x",
					  "apparmor=a\"b",
					  "foo=bar",
					  "systempaths=x",
					  "no-new-privileges=maybe"};
	struct security security;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_strings list = LIST(bad[i]);
		if (security_parse(&list, &security, &err) == 0)
			TEST_FAIL("'%s' was taken", bad[i]);
	}
}

TESTS(T(the_fourteen), T(add_and_drop), T(unknown_capabilities), T(options), T(parts_of_a_label),
      T(options_refused))
