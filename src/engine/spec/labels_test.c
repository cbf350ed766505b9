#include "engine/spec/labels.h"

#include "base/test.h"

static const struct spec_host bare;
static const struct spec_host apparmor = {.apparmor = true};
static const struct spec_host selinux = {.selinux = true, .selinux_levels = true};
static const struct spec_host selinux_flat = {.selinux = true};

struct outcome {
	int rc;
	bool wants_level;
	struct spec_labels labels;
	char error[256];
};

static struct outcome labels_of(struct arena *arena, const struct spec_host *host, bool privileged,
				const char *option, const char *second)
{
	const char *items[] = {option, second};
	const json_strings options = {items, option == NULL ? 0U : second == NULL ? 1U : 2U};
	struct outcome out = {0};
	struct security security;
	struct err err = {0};
	struct labels_request request = {
		.security = &security, .host = host, .privileged = privileged, .level = "s0:c1,c2"};

	out.rc = security_parse(&options, &security, &err);
	if (out.rc == 0) {
		out.wants_level = labels_want_level(&request);
		out.rc = labels_build(&request, arena, &out.labels, &err);
	}
	err_format(&err, out.error, sizeof(out.error));
	return out;
}

TEST(a_host_without_either_has_none)
{
	ARENA_AUTO(arena, 65536);
	static const char *const harmless[] = {NULL, "apparmor=unconfined", "label=disable"};

	for (size_t i = 0; i < 3; i++) {
		struct outcome out = labels_of(&arena, &bare, false, harmless[i], NULL);
		CHECK_INT(out.rc, 0);
		CHECK(out.labels.apparmor == NULL && out.labels.process == NULL &&
		      out.labels.mount == NULL && !out.wants_level);
	}
	CHECK_STR(labels_of(&arena, &bare, false, "apparmor=mine", NULL).error,
		  "--security-opt apparmor=mine: AppArmor is not enabled on this host");
	CHECK_STR(labels_of(&arena, &bare, false, "label=type:spc_t", NULL).error,
		  "--security-opt label=type:spc_t: SELinux is not enabled on this host");
}

TEST(apparmor_confines_unless_told)
{
	ARENA_AUTO(arena, 65536);

	CHECK_STR(labels_of(&arena, &apparmor, false, NULL, NULL).labels.apparmor,
		  "corten-default");
	CHECK_STR(labels_of(&arena, &apparmor, true, NULL, NULL).labels.apparmor, "unconfined");
	CHECK_STR(labels_of(&arena, &apparmor, true, "apparmor=mine", NULL).labels.apparmor,
		  "mine");
	CHECK_STR(labels_of(&arena, &apparmor, false, "apparmor=unconfined", NULL).labels.apparmor,
		  "unconfined");
	CHECK(labels_of(&arena, &apparmor, false, NULL, NULL).labels.process == NULL);
}

TEST(selinux_gives_types_and_a_level)
{
	ARENA_AUTO(arena, 65536);
	struct outcome out = labels_of(&arena, &selinux, false, NULL, NULL);

	CHECK(out.wants_level);
	CHECK_STR(out.labels.process, "system_u:system_r:container_t:s0:c1,c2");
	CHECK_STR(out.labels.mount, "system_u:object_r:container_file_t:s0:c1,c2");
	CHECK(out.labels.apparmor == NULL);
	out = labels_of(&arena, &selinux_flat, false, NULL, NULL);
	CHECK(!out.wants_level);
	CHECK_STR(out.labels.process, "system_u:system_r:container_t");
	CHECK_STR(out.labels.mount, "system_u:object_r:container_file_t");
}

TEST(parts_are_replaced)
{
	ARENA_AUTO(arena, 65536);
	struct outcome out =
		labels_of(&arena, &selinux, false, "label=type:spc_t", "label=level:s0:c5,c6");

	CHECK(!out.wants_level);
	CHECK_STR(out.labels.process, "system_u:system_r:spc_t:s0:c5,c6");
	CHECK_STR(out.labels.mount, "system_u:object_r:container_file_t:s0:c5,c6");
	out = labels_of(&arena, &selinux, false, "label=user:u", "label=role:r");
	CHECK_STR(out.labels.process, "u:r:container_t:s0:c1,c2");
	CHECK_STR(out.labels.mount, "u:object_r:container_file_t:s0:c1,c2");
	out = labels_of(&arena, &selinux, false, "label=filetype:x_t", NULL);
	CHECK_STR(out.labels.process, "system_u:system_r:container_t:s0:c1,c2");
	CHECK_STR(out.labels.mount, "system_u:object_r:x_t:s0:c1,c2");
	CHECK(labels_of(&arena, &selinux_flat, false, "label=level:s0", NULL).rc < 0);
}

TEST(privileged_has_no_context_but_a_given_one)
{
	ARENA_AUTO(arena, 65536);
	struct outcome out = labels_of(&arena, &selinux, true, NULL, NULL);

	CHECK(out.labels.process == NULL && out.labels.mount == NULL && !out.wants_level);
	out = labels_of(&arena, &selinux, true, "label=type:spc_t", NULL);
	CHECK_STR(out.labels.process, "system_u:system_r:spc_t:s0:c1,c2");
	out = labels_of(&arena, &selinux, false, "label=disable", "label=type:spc_t");
	CHECK(out.labels.process == NULL && out.labels.mount == NULL);
}

TESTS(T(a_host_without_either_has_none), T(apparmor_confines_unless_told),
      T(selinux_gives_types_and_a_level), T(parts_are_replaced),
      T(privileged_has_no_context_but_a_given_one))
