#include "remote/base64.h"

#include "base/test.h"

static void check(const char *plain, size_t len, const char *packed)
{
	BUF_AUTO(out, 256);
	char back[64];

	base64_write(&out, plain, len);
	CHECK_STR(out.data != NULL ? out.data : "", packed);
	CHECK_INT(base64_read(packed, back, sizeof(back)), len);
	CHECK(memcmp(back, plain, len) == 0 && back[len] == '\0');
}

TEST(there_and_back)
{
	check("", 0, "");
	check("f", 1, "Zg==");
	check("fo", 2, "Zm8=");
	check("foo", 3, "Zm9v");
	check("user:pass", 9, "dXNlcjpwYXNz");
	check("\0\xff\xfe?>", 5, "AP/+Pz4=");
}

TEST(padding_may_be_absent)
{
	char back[8];

	CHECK_INT(base64_read("Zg", back, sizeof(back)), 1);
	CHECK_STR(back, "f");
	CHECK_INT(base64_read("Zm8", back, sizeof(back)), 2);
	CHECK_STR(back, "fo");
}

TEST(what_is_no_base64)
{
	static const char *const wrong[] = {
		"Z", "Zg=", "Zg===", "Zm9v=", "Zm9v====", "!", "Zg==Zg==", "Z g=", "Zg\n", "Zm-_"};
	char back[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_INT(base64_read(wrong[i], back, sizeof(back)), -EINVAL);
}

TEST(what_does_not_fit)
{
	char back[3];

	CHECK_INT(base64_read("Zm9v", back, sizeof(back)), -ENAMETOOLONG);
	CHECK_INT(base64_read("Zm8=", back, sizeof(back)), 2);
}

TESTS(T(there_and_back), T(padding_may_be_absent), T(what_is_no_base64), T(what_does_not_fit))
