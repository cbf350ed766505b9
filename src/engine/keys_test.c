#include "engine/keys.h"

#include "base/test.h"

#define P "\x10"
#define Q "\x11"

static struct keys parsed(const char *text)
{
	struct keys keys = {0};
	struct err err;

	if (keys_parse(text, &keys, &err) < 0)
		TEST_FAIL("'%s' was refused", text);
	return keys;
}

static const char *type(struct keys *keys, const char *text)
{
	static uint8_t bytes[256];
	size_t size = strlen(text);

	memcpy(bytes, text, size);
	size = keys_filter(keys, bytes, size);
	bytes[size] = '\0';
	return (const char *)bytes;
}

TEST(plain_typing)
{
	struct keys keys = parsed("ctrl-p,ctrl-q");

	CHECK_STR(type(&keys, "hello"), "hello");
	CHECK(!keys.complete);
}

TEST(the_sequence_at_once)
{
	struct keys keys = parsed("ctrl-p,ctrl-q");

	CHECK_STR(type(&keys, "ab" P Q "cd"), "ab");
	CHECK(keys.complete);
}

TEST(the_sequence_key_by_key)
{
	struct keys keys = parsed("ctrl-p,ctrl-q");

	CHECK_STR(type(&keys, P), "");
	CHECK_STR(type(&keys, Q), "");
	CHECK(keys.complete);
}

TEST(a_held_key_comes_out)
{
	struct keys keys = parsed("ctrl-p,ctrl-q");

	CHECK_STR(type(&keys, P), "");
	CHECK_STR(type(&keys, "x"), P "x");
	CHECK_STR(type(&keys, P P), P);
	CHECK_STR(type(&keys, Q), "");
	CHECK(keys.complete);
}

TEST(overlapping_sequence)
{
	struct keys keys = parsed("a,a,b");

	CHECK_STR(type(&keys, "aaa"), "a");
	CHECK_STR(type(&keys, "b"), "");
	CHECK(keys.complete);
}

TEST(texts)
{
	static const char *const bad[] = {"ctrl-",
					  "ctrl-1",
					  "alt-x",
					  "ab",
					  "a,,b",
					  "ctrl-pp",
					  "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"};
	struct keys keys;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (keys_parse(bad[i], &keys, &err) == 0)
			TEST_FAIL("'%s' was taken", bad[i]);
	}
	keys = parsed("ctrl-@,ctrl-_,x");
	CHECK_INT(keys.count, 3);
	CHECK_INT(keys.codes[0], 0);
	CHECK_INT(keys.codes[1], 31);
	keys = parsed("");
	CHECK_STR(type(&keys, P Q), P Q);
}

TESTS(T(plain_typing), T(the_sequence_at_once), T(the_sequence_key_by_key), T(a_held_key_comes_out),
      T(overlapping_sequence), T(texts))
