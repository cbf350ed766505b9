#include "remote/registries.h"

#include "base/test.h"

static int parse(struct registries *registries, const char *text)
{
	struct err err;

	return registries_parse(registries, text, strlen(text), "test", &err);
}

/* What the endpoints are, joined: "host/path:tag host/path:tag!", a "!" after an insecure one. */
static const char *resolve(const struct registries *registries, const char *name, char buf[2048])
{
	struct registries_endpoint endpoints[REGISTRIES_ENDPOINTS_MAX];
	struct reference reference;
	char full[REFERENCE_TEXT_MAX];
	struct err err;
	size_t count = 0, at = 0;

	buf[0] = '\0';
	if (reference_parse(name, &reference, &err) < 0)
		return "no name";
	if (registries_resolve(registries, &reference, endpoints, &count, &err) < 0)
		return err.kind == ERR_DENIED ? "denied" : "failed";
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(buf + at, 2048 - at, "%s%s%s", i > 0 ? " " : "",
				       reference_full(&endpoints[i].reference, full),
				       endpoints[i].insecure ? "!" : "");
	return buf;
}

TEST(the_longest_prefix_counts)
{
	ARENA_AUTO(arena, 1 << 20);
	struct registries r = {.arena = &arena};
	char buf[2048];

	REQUIRE(parse(&r, "unqualified-search-registries = [\"x\"]\n"
			  "[[registry]]\nlocation = \"h:5\"\ninsecure = true\n"
			  "[[registry]]\nprefix = \"h:5/a\"\nlocation = \"other.x/b\"\n"
			  "[[registry]]\nprefix = \"h:5/no\"\nblocked = true\n"
			  "[aliases]\n\"box\" = \"h/box\"\n") == 0);
	CHECK_STR(resolve(&r, "h:5/x:1", buf), "h:5/x:1!");
	CHECK_STR(resolve(&r, "h:5/a/x:1", buf), "other.x/b/x:1");
	CHECK_STR(resolve(&r, "h:5/a:1", buf), "other.x/b:1");
	CHECK_STR(resolve(&r, "h:5/ab:1", buf), "h:5/ab:1!");
	CHECK_STR(resolve(&r, "h:5/no:1", buf), "denied");
	CHECK_STR(resolve(&r, "h:5/no/x", buf), "denied");
	CHECK_STR(resolve(&r, "h:50/x:1", buf), "h:50/x:1");
	CHECK_STR(resolve(&r, "box", buf), "docker.io/library/box:latest");
}

TEST(mirrors_come_first)
{
	static const char digest[] =
		"docker.io/library/box@sha256:"
		"0123456789012345678901234567890123456789012345678901234567890123";
	ARENA_AUTO(arena, 1 << 20);
	struct registries r = {.arena = &arena};
	char buf[2048];

	REQUIRE(parse(&r, "[[registry]]\nprefix = \"docker.io\"\n"
			  "[[registry.mirror]]\nlocation = \"one:5/hub\"\ninsecure = true\n"
			  "[[registry.mirror]]\nlocation = \"two.x\"\npull-from-mirror = "
			  "\"digest-only\"\n"
			  "[[registry.mirror]]\nlocation = \"three.x\"\npull-from-mirror = "
			  "\"tag-only\"\n") == 0);
	CHECK_STR(resolve(&r, "box", buf),
		  "one:5/hub/library/box:latest! three.x/library/box:latest "
		  "docker.io/library/box:latest");
	const char *got = resolve(&r, digest, buf);
	CHECK(strstr(got, "two.x/library/box@sha256:") != NULL && strstr(got, "three") == NULL);
	REQUIRE(parse(&r, "[[registry]]\nprefix = \"docker.io\"\nmirror-by-digest-only = true\n"
			  "[[registry.mirror]]\nlocation = \"one.x\"\n") == 0);
	CHECK_STR(resolve(&r, "box", buf), "docker.io/library/box:latest");
	CHECK_INT(r.entries.count, 1);
}

TEST(wildcards)
{
	ARENA_AUTO(arena, 1 << 20);
	struct registries r = {.arena = &arena};
	char buf[2048];

	REQUIRE(parse(&r, "[[registry]]\nprefix = \"*.example.com\"\nlocation = \"one.x/y\"\n") ==
		0);
	CHECK_STR(resolve(&r, "a.b.example.com/box:1", buf), "one.x/y/box:1");
	CHECK_STR(resolve(&r, "example.com/box:1", buf), "example.com/box:1");
	CHECK_STR(resolve(&r, "badexample.com/box:1", buf), "badexample.com/box:1");
}

TEST(what_is_refused)
{
	static const char *const wrong[] = {
		"[[registry]]\n",
		"[[registry]]\nlocation = true\n",
		"[[registry]]\nlocation = \"h.x\"\ninsecure = \"yes\"\n",
		"[[registry]]\nlocation = \"https://h.x\"\n",
		"[[registry]]\nlocation = \"h.x/UPPER\"\n",
		"[[registry]]\nlocation = \"../h\"\n",
		"[[registry]]\nlocation = \"nohost/b\"\n",
		"[[registry]]\nprefix = \"*.x/y\"\n",
		"[[registry]]\nlocation = \"h.x\"\n[[registry.mirror]]\n",
		"[[registry]]\nlocation = \"h.x\"\n[[registry.mirror]]\nlocation = \"a b\"\n",
		("[[registry]]\nlocation = \"h.x\"\n[[registry.mirror]]\nlocation = \"a.x\"\n"
		 "pull-from-mirror = \"never\"\n"),
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ARENA_AUTO(arena, 1 << 20);
		struct registries r = {.arena = &arena};
		if (parse(&r, wrong[i]) >= 0)
			TEST_FAIL("'%s' was taken", wrong[i]);
	}
}

TESTS(T(the_longest_prefix_counts), T(mirrors_come_first), T(wildcards), T(what_is_refused))
