#include "base/sha256.h"

#include "base/test.h"

static const char *hex(const char *text, size_t len, size_t step)
{
	static char result[65];
	struct sha256 hash;

	sha256_init(&hash);
	for (size_t at = 0; at < len; at += step)
		sha256_add(&hash, text + at, len - at < step ? len - at : step);
	sha256_hex(&hash, result);
	return result;
}

/* FIPS 180-4's examples, and lengths around the padding's edges, whole and in pieces. */
TEST(known_answers)
{
	static const char long_text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	CHECK_STR(hex("", 0, 1),
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_STR(hex("abc", 3, 64),
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_STR(hex(long_text, 56, 64),
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	CHECK_STR(hex(long_text, 56, 1),
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(edges_of_the_padding)
{
	static const struct {
		size_t len;
		const char *hex;
	} rows[] = {
		{55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
		{56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
		{63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
		{64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
		{65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
	};
	char text[65];

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_STR(hex(text, rows[i].len, 64), rows[i].hex);
		CHECK_STR(hex(text, rows[i].len, 7), rows[i].hex);
	}
}

TEST(a_million_bytes)
{
	struct sha256 hash;
	char block[1000], result[65];

	memset(block, 'a', sizeof(block));
	sha256_init(&hash);
	for (int i = 0; i < 1000; i++)
		sha256_add(&hash, block, sizeof(block));
	sha256_hex(&hash, result);
	CHECK_STR(result, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TESTS(T(known_answers), T(edges_of_the_padding), T(a_million_bytes))
