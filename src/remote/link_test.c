#include "remote/link.h"

#include "base/test.h"

static char target[64];

TEST(the_next)
{
	CHECK(link_next("</v2/box/tags/list?last=a&n=2>; rel=\"next\"", target, sizeof(target)));
	CHECK_STR(target, "/v2/box/tags/list?last=a&n=2");
	CHECK(link_next("<x>;rel=next", target, sizeof(target)));
	CHECK_STR(target, "x");
	CHECK(link_next("<x> ; REL = \"NEXT\"", target, sizeof(target)));
	CHECK(link_next("<x>; title=\"a, b; c\\\" <y>\"; rel=next", target, sizeof(target)));
	CHECK_STR(target, "x");
	CHECK(link_next("<x>; rel=\"start next\"", target, sizeof(target)));
}

TEST(one_of_several)
{
	CHECK(link_next("<a>; rel=last, <b>; rel=next", target, sizeof(target)));
	CHECK_STR(target, "b");
	CHECK(link_next("<a,b>; rel=\"next\", <c>; rel=last", target, sizeof(target)));
	CHECK_STR(target, "a,b");
}

TEST(none)
{
	static const char *const values[] = {
		"",
		"next",
		"<x>",
		"<x>; rel=last",
		"<x>; rel=nextone",
		"<x>; rel=\"next",
		"<x; rel=next",
		"<>; rel=next",
		"<x>; rel=last; rel=next",
		"<x>; title=next",
		"x; rel=next",
		"<x>; rel",
		"<x>; rel=\"next\\",
		"<0123456789012345678901234567890123456789012345678901234567890123>; rel=next",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		CHECK(!link_next(values[i], target, sizeof(target)));
		CHECK_STR(target, "");
	}
}

TESTS(T(the_next), T(one_of_several), T(none))
