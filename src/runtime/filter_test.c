#include "runtime/filter.h"

#include <string.h>

#include "base/fd.h"
#include "base/test.h"
#include "kern/seccomp/seccomp.h"

/* The flags of a profile's filter, compiled without a cache; UINT32_MAX when it is refused. */
static uint32_t flags_of(const char *profile)
{
	struct json_text text = {profile, strlen(profile)};
	struct arena arena = ARENA_INIT(1 << 20);
	struct filter filter;
	struct err err = {0};
	int rc = filter_prepare(&text, FD_NONE, &arena, &filter, &err);
	uint32_t flags = rc == 0 ? filter.flags : UINT32_MAX;

	arena_done(&arena);
	return flags;
}

TEST(no_flags_are_not_the_default_flags)
{
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"), SECCOMP_FLAG_SPEC_ALLOW);
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":null}"),
		  SECCOMP_FLAG_SPEC_ALLOW);
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}"), 0);
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\","
			   "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]}"),
		  SECCOMP_FLAG_LOG);
}

TEST(what_is_not_built_is_refused)
{
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}"),
		  UINT32_MAX);
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}"), UINT32_MAX);
}

TEST(rules_name_their_calls)
{
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":"
			   "[{\"names\":[],\"action\":\"SCMP_ACT_ERRNO\"}]}"),
		  UINT32_MAX);
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":"
			   "[{\"action\":\"SCMP_ACT_ERRNO\"}]}"),
		  UINT32_MAX);
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":"
			   "[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}"),
		  SECCOMP_FLAG_SPEC_ALLOW);
}

TESTS(T(rules_name_their_calls), T(no_flags_are_not_the_default_flags),
      T(what_is_not_built_is_refused))
