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

#define NOTIFY(name) "{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_NOTIFY\"}"
#define ALLOWING     "{\"defaultAction\":\"SCMP_ACT_ALLOW\","

TEST(a_rule_that_notifies_has_an_agent)
{
	const char *text = ALLOWING "\"listenerPath\":\"/agent\",\"listenerMetadata\":\"m\","
				    "\"syscalls\":[" NOTIFY("mkdir") "]}";
	struct json_text profile = {text, strlen(text)};
	struct arena arena = ARENA_INIT(1 << 20);
	struct filter filter;
	struct err err = {0};

	CHECK_INT(filter_prepare(&profile, FD_NONE, &arena, &filter, &err), 0);
	CHECK_INT(filter.flags & SECCOMP_FLAG_NEW_LISTENER, SECCOMP_FLAG_NEW_LISTENER);
	CHECK_STR(filter.listener_path, "/agent");
	CHECK_STR(filter.listener_metadata, "m");
	arena_done(&arena);
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

TEST(an_agent_without_notices_is_ignored)
{
	CHECK_INT(flags_of(ALLOWING "\"listenerPath\":\"/x\",\"listenerMetadata\":\"m\"}"),
		  SECCOMP_FLAG_SPEC_ALLOW);
}

TEST(wrong_ways_to_notify_are_refused)
{
	CHECK_INT(flags_of("{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/x\"}"),
		  UINT32_MAX);
	CHECK_INT(flags_of(ALLOWING "\"syscalls\":[" NOTIFY("mkdir") "]}"), UINT32_MAX);
	CHECK_INT(flags_of(ALLOWING "\"listenerMetadata\":\"m\"}"), UINT32_MAX);
	CHECK_INT(flags_of(ALLOWING "\"listenerPath\":\"/x\",\"syscalls\":[" NOTIFY("write") "]}"),
		  UINT32_MAX);
}

TESTS(T(no_flags_are_not_the_default_flags), T(a_rule_that_notifies_has_an_agent),
      T(an_agent_without_notices_is_ignored), T(wrong_ways_to_notify_are_refused),
      T(rules_name_their_calls))
