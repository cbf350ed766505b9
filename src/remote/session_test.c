#include "base/test.h"
#include "remote/session_internal.h"

TEST(this_machine)
{
	CHECK(session_is_loopback("localhost"));
	CHECK(session_is_loopback("localhost:5000"));
	CHECK(session_is_loopback("127.0.0.1:5000"));
	CHECK(session_is_loopback("127.9.9.9"));
	CHECK(session_is_loopback("[::1]:5000"));
	CHECK(session_is_loopback("[::1]"));
}

TEST(other_machines)
{
	CHECK(!session_is_loopback("localhost.evil"));
	CHECK(!session_is_loopback("127.0.0.1.evil"));
	CHECK(!session_is_loopback("128.0.0.1"));
	CHECK(!session_is_loopback("127.1"));
	CHECK(!session_is_loopback("[::2]"));
	CHECK(!session_is_loopback("docker.io"));
	CHECK(!session_is_loopback(""));
}

TESTS(T(this_machine), T(other_machines))
