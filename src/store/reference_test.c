#include "store/reference.h"

#include "base/test.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char *full(const char *text)
{
	static char buf[REFERENCE_TEXT_MAX];
	struct reference ref;
	struct err err = {0};

	if (reference_parse(text, &ref, &err) < 0)
		return "refused";
	return reference_full(&ref, buf);
}

static const char *familiar(const char *text)
{
	static char buf[REFERENCE_TEXT_MAX];
	struct reference ref;
	struct err err = {0};

	if (reference_parse(text, &ref, &err) < 0)
		return "refused";
	return reference_familiar(&ref, buf);
}

TEST(names_are_completed)
{
	CHECK_STR(full("busybox"), "docker.io/library/busybox:latest");
	CHECK_STR(full("busybox:1.36"), "docker.io/library/busybox:1.36");
	CHECK_STR(full("docker.io/busybox"), "docker.io/library/busybox:latest");
	CHECK_STR(full("index.docker.io/busybox"), "docker.io/library/busybox:latest");
	CHECK_STR(full("docker.io/library/busybox:latest"), "docker.io/library/busybox:latest");
	CHECK_STR(full("team/app"), "docker.io/team/app:latest");
	CHECK_STR(full("localhost/x:tag"), "localhost/x:tag");
	CHECK_STR(full("localhost:5000/x"), "localhost:5000/x:latest");
	CHECK_STR(full("quay.io/a/b/c"), "quay.io/a/b/c:latest");
	CHECK_STR(full("Registry/x"), "Registry/x:latest");
	CHECK_STR(full("[::1]:5000/x"), "[::1]:5000/x:latest");
	CHECK_STR(full("a__b-c.d_e--f"), "docker.io/library/a__b-c.d_e--f:latest");
	CHECK_STR(full("busybox@sha256:" HEX), "docker.io/library/busybox@sha256:" HEX);
	CHECK_STR(full("busybox:1@sha256:" HEX), "docker.io/library/busybox:1@sha256:" HEX);
	CHECK_STR(full("abc123"), "docker.io/library/abc123:latest");
}

TEST(wrong_names_are_refused)
{
	static const char *const wrong[] = {"",          "Busybox",     "a//b",       "/a",
					    "a/",        "a:",          "a:-x",       "a:x y",
					    "a@sha256:", "a@md5:00",    "-a",         "a-",
					    "a..b",      "a___b",       "exa mple/x", "a.b-/x",
					    "a.b:x/y",   "a.b:/y",      HEX,          "[::1/x",
					    "a/../b",    "a.com:80:1/x"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (strcmp(full(wrong[i]), "refused") != 0)
			TEST_FAIL("'%s' became '%s'", wrong[i], full(wrong[i]));
	}
	char longest[400];
	memset(longest, 'a', sizeof(longest));
	longest[238] = '\0';
	CHECK_STR(full(longest), "refused");
	longest[237] = '\0';
	CHECK(strcmp(full(longest), "refused") != 0);
}

TEST(people_read_the_short_form)
{
	CHECK_STR(familiar("docker.io/library/busybox:latest"), "busybox:latest");
	CHECK_STR(familiar("docker.io/team/app"), "team/app:latest");
	CHECK_STR(familiar("quay.io/team/app:1"), "quay.io/team/app:1");
	CHECK_STR(familiar("busybox@sha256:" HEX), "busybox@sha256:" HEX);
}

TEST(ids_are_told_from_names)
{
	char hex[65];

	CHECK(reference_is_id("sha256:abc", hex));
	CHECK_STR(hex, "abc");
	CHECK(reference_is_id(HEX, hex));
	CHECK_STR(hex, HEX);
	CHECK(!reference_is_id("", hex));
	CHECK(!reference_is_id("sha256:", hex));
	CHECK(!reference_is_id("ABC", hex));
	CHECK(!reference_is_id(HEX "0", hex));
	CHECK(reference_is_hex64(HEX));
	CHECK(!reference_is_hex64(HEX "0"));
}

TESTS(T(names_are_completed), T(wrong_names_are_refused), T(people_read_the_short_form),
      T(ids_are_told_from_names))
