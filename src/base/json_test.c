#include "base/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/test.h"

#define CASES "tests/json" /* from the top of the source tree, where the tests run */

static const char *const colour_names[] = {"", "red", "green", NULL};

struct part {
	const char *key; /* also an entry of a map */
	int64_t number;
	const char *name;
	struct part *inner;
};
extern const struct json_shape part_shape;
static const struct json_field part_fields[] = {
	JSON_INT64(struct part, number, "number"),
	JSON_STRING(struct part, name, "name"),
	JSON_OBJECT(struct part, inner, "inner", part_shape),
};
JSON_SHAPE(part_shape, struct part, part_fields);

struct all {
	bool yes;
	int32_t i32;
	int64_t i64;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	double real;
	const char *text;
	int colour;
	struct json_text raw;
	bool *opt_bool;
	int64_t *opt_i64;
	double *opt_real;
	struct part *object;
	struct part embedded;
	json_strings strings;
	JSON_LIST_OF(uint32_t) numbers;
	JSON_LIST_OF(struct part) parts;
	json_pairs pairs;
	JSON_LIST_OF(struct part) map;
};
static const struct json_field all_fields[] = {
	JSON_BOOL(struct all, yes, "yes"),
	JSON_INT32(struct all, i32, "i32"),
	JSON_INT64(struct all, i64, "i64"),
	JSON_UINT16(struct all, u16, "u16"),
	JSON_UINT32(struct all, u32, "u32"),
	JSON_UINT64(struct all, u64, "u64"),
	JSON_DOUBLE(struct all, real, "real"),
	JSON_STRING(struct all, text, "text"),
	JSON_ENUM(struct all, colour, "colour", colour_names),
	JSON_RAW(struct all, raw, "raw"),
	JSON_OPT(struct all, opt_bool, "optBool", JSON_TYPE_BOOL),
	JSON_OPT(struct all, opt_i64, "optI64", JSON_TYPE_INT64),
	JSON_OPT(struct all, opt_real, "optReal", JSON_TYPE_DOUBLE),
	JSON_OBJECT(struct all, object, "object", part_shape),
	JSON_EMBED(struct all, embedded, "embedded", part_shape),
	JSON_LIST(struct all, strings, "strings", JSON_TYPE_STRING),
	JSON_LIST(struct all, numbers, "numbers", JSON_TYPE_UINT32),
	JSON_OBJECTS(struct all, parts, "parts", part_shape),
	JSON_STRING_MAP(struct all, pairs, "pairs"),
	JSON_OBJECT_MAP(struct all, map, "map", part_shape),
};
static JSON_SHAPE(all_shape, struct all, all_fields);

struct kept {
	const char *needed;
	uint32_t zero;
	json_strings list;
	json_pairs map;
	struct part embedded;
};
static const struct json_field kept_fields[] = {
	JSON_STRING_NEEDED(struct kept, needed, "needed"),
	JSON_PLAIN(struct kept, zero, "zero", JSON_TYPE_UINT32, JSON_WRITE_ZERO),
	JSON_LIST_FLAGS(struct kept, list, "list", JSON_TYPE_STRING, JSON_WRITE_ZERO),
	JSON_FIELD_(struct kept, map, "map", JSON_TYPE_STRING, JSON_FORM_MAP, JSON_WRITE_ZERO, NULL,
		    NULL),
	JSON_EMBED_NEEDED(struct kept, embedded, "embedded", part_shape),
};
static JSON_SHAPE(kept_shape, struct kept, kept_fields);

static struct arena arena; /* of the running case */

static int parse(const char *text, struct all *ret_all, struct err *err)
{
	arena_done(&arena);
	arena = ARENA_INIT(1 << 20);
	return json_parse(&all_shape, text, strlen(text), &arena, ret_all, err);
}

/* The document is refused with exactly that text. */
#define CHECK_REFUSED(document, want)                                     \
	do {                                                              \
		struct all all_;                                          \
		struct err err_ = {0};                                    \
		char text_[600];                                          \
		CHECK(parse(document, &all_, &err_) < 0);                 \
		CHECK_INT(err_.kind, ERR_INVALID);                        \
		CHECK_STR(err_format(&err_, text_, sizeof(text_)), want); \
	} while (0)

/* The document is read and written again as that text. */
#define CHECK_WRITTEN(document, want)                                             \
	do {                                                                      \
		struct all all_;                                                  \
		struct err err_ = {0};                                            \
		char text_[600];                                                  \
		BUF_AUTO(out_, 65536);                                            \
		if (parse(document, &all_, &err_) < 0)                            \
			TEST_FAIL("%s", err_format(&err_, text_, sizeof(text_))); \
		else                                                              \
			json_write(&all_shape, &all_, JSON_COMPACT, &out_);       \
		CHECK_STR(out_.data, want);                                       \
	} while (0)

static void check_case(int dirfd, const char *name, int *count)
{
	struct err err = {0};
	char text[600];
	BUF_AUTO(document, 1 << 20);

	if (fd_read_file_at(dirfd, name, &document, &err) < 0) {
		TEST_FAIL("%s", err_format(&err, text, sizeof(text)));
		return;
	}
	/* An exact copy: a read past the end is seen by the address sanitizer. */
	char *copy = malloc(document.len + (document.len == 0));
	if (copy == NULL)
		return;
	if (document.len > 0)
		memcpy(copy, document.data, document.len);
	int rc = json_check(copy, document.len, &err);
	if (name[0] == 'y' && rc < 0)
		TEST_FAIL("%s: refused: %s", name, err_format(&err, text, sizeof(text)));
	if (name[0] == 'n' && rc == 0)
		TEST_FAIL("%s: accepted", name);
	if (rc < 0 && err.kind != ERR_INVALID)
		TEST_FAIL("%s: refused with kind %d", name, err.kind);
	free(copy);
	(*count)++;
}

TEST(an_empty_list_differs_from_an_absent_one)
{
	struct all all;
	struct err err = {0};

	REQUIRE(parse("{\"strings\":[]}", &all, &err) == 0);
	CHECK_INT(all.strings.count, 0);
	CHECK(all.strings.items != NULL);
	REQUIRE(parse("{\"strings\":null}", &all, &err) == 0);
	CHECK(all.strings.items == NULL);
	REQUIRE(parse("{}", &all, &err) == 0);
	CHECK(all.strings.items == NULL);
}

TEST(json_check_tells_good_files_from_bad)
{
	DIR *dir = opendir(CASES);
	int count = 0;

	REQUIRE(dir != NULL);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_name[0] != '.')
			check_case(dirfd(dir), entry->d_name, &count);
	}
	(void)closedir(dir);
	CHECK(count >= 300);
}

TEST(json_check_agrees_on_every_cut)
{
	static const char text[] =
		"{\"a\":[1.5e+3,true,null,\"x\\u00e9\\ud83d\\ude00\\n\"],\"b\":{}}";
	struct err err;

	CHECK_INT(json_check(text, sizeof(text) - 1, &err), 0);
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		CHECK(json_check(text, len, &err) < 0);
}

/* Strings are scanned eight bytes at a time: each byte at each place in the eights. */
TEST(json_check_sees_every_byte_of_a_string)
{
	char text[] = "\"abcdefghijklmnopqrstuvwxyz\"";
	struct err err;

	for (size_t at = 1; at <= 26; at++) {
		char was = text[at];
		for (int byte = 0; byte < 256; byte++) {
			bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
			/* The letter behind makes the pair an escape. */
			bool escape =
				byte == '\\' && strchr("bfnrt\"", text[at + 1]) != NULL && at < 26;
			text[at] = (char)byte;
			int rc = json_check(text, sizeof(text) - 1, &err);
			if ((rc == 0) != (plain || escape))
				TEST_FAIL("byte %d at %zu: %d", byte, at, rc);
		}
		text[at] = was;
	}
}

TEST(json_reads_every_type)
{
	struct all all;
	struct err err;

	REQUIRE(parse("{\"yes\":true,\"i32\":-2147483648,\"i64\":-9223372036854775808,\"u16\":"
		      "65535,"
		      "\"u32\":4294967295,\"u64\":18446744073709551615,\"real\":-1.5e2,"
		      "\"text\":\"a\\tb\",\"colour\":\"green\",\"raw\": {\"x\" : [1]} }",
		      &all, &err) == 0);
	CHECK(all.yes);
	CHECK_INT(all.i32, INT32_MIN);
	CHECK(all.i64 == INT64_MIN);
	CHECK_INT(all.u16, UINT16_MAX);
	CHECK_INT(all.u32, UINT32_MAX);
	CHECK(all.u64 == UINT64_MAX);
	CHECK_INT(all.real, -150);
	CHECK_STR(all.text, "a\tb");
	CHECK_INT(all.colour, 2);
	CHECK_INT(all.raw.len, strlen("{\"x\" : [1]}"));
	CHECK(memcmp(all.raw.text, "{\"x\" : [1]}", all.raw.len) == 0);
}

TEST(json_tells_absent_from_zero)
{
	struct all all;
	struct err err;

	REQUIRE(parse("{\"optBool\":false,\"optI64\":0}", &all, &err) == 0);
	CHECK(all.opt_bool != NULL && !*all.opt_bool);
	CHECK(all.opt_i64 != NULL && *all.opt_i64 == 0);
	CHECK(all.opt_real == NULL);
	CHECK(all.text == NULL && all.object == NULL && all.raw.len == 0);
}

TEST(json_null_reads_as_absent)
{
	struct all all;
	struct err err;

	REQUIRE(parse("{\"yes\":null,\"i64\":null,\"text\":null,\"raw\":null,\"optI64\":null,"
		      "\"object\":null,\"embedded\":null,\"strings\":null,\"pairs\":null}",
		      &all, &err) == 0);
	struct all empty = {0};
	CHECK(memcmp(&all, &empty, sizeof(all)) == 0);
	REQUIRE(parse("{\"pairs\":{\"a\":null},\"map\":{\"b\":null}}", &all, &err) == 0);
	CHECK_INT(all.pairs.count, 1);
	CHECK_STR(all.pairs.items[0].value, "");
	CHECK_STR(all.map.items[0].key, "b");
}

TEST(json_decodes_escapes)
{
	struct all all;
	struct err err;

	REQUIRE(parse("{\"t\\u0065xt\":\"\\\"\\\\\\/"
		      "\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00.\"}",
		      &all, &err) == 0);
	CHECK_STR(all.text, "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.");
}

TEST(json_lists_grow)
{
	struct all all;
	struct err err;
	BUF_AUTO(text, 65536);

	buf_str(&text, "{\"numbers\":[");
	for (int i = 0; i < 1000; i++)
		buf_fmt(&text, "%s%d", i > 0 ? "," : "", i);
	buf_str(&text, "]}");
	REQUIRE(parse(text.data, &all, &err) == 0);
	REQUIRE(all.numbers.count == 1000);
	for (uint32_t i = 0; i < 1000; i++)
		CHECK_INT(all.numbers.items[i], i);
}

TEST(json_fields_come_in_any_order)
{
	struct all all;
	struct err err;

	REQUIRE(parse("{\"u64\":3,\"future\":{\"a\":[{}]},\"i32\":1,\"text\":\"x\",\"i64\":2}",
		      &all, &err) == 0);
	CHECK_INT(all.i32, 1);
	CHECK_INT(all.i64, 2);
	CHECK_INT(all.u64, 3);
	CHECK_STR(all.text, "x");
}

TEST(json_names_the_place_of_a_wrong_type)
{
	CHECK_REFUSED("{\"i64\":\"1\"}", "i64: expected an integer");
	CHECK_REFUSED("{\"text\":1}", "text: expected a string");
	CHECK_REFUSED("{\"yes\":1}", "yes: expected true or false");
	CHECK_REFUSED("{\"real\":[]}", "real: expected a number");
	CHECK_REFUSED("{\"object\":[]}", "object: expected an object");
	CHECK_REFUSED("{\"pairs\":[]}", "pairs: expected an object");
	CHECK_REFUSED("{\"strings\":{}}", "strings: expected a list");
	CHECK_REFUSED("{\"strings\":[\"a\",null]}", "strings[1]: expected a string");
	CHECK_REFUSED("{\"object\":{\"inner\":{\"number\":true}}}",
		      "object.inner.number: expected an integer");
	CHECK_REFUSED("{\"parts\":[{},{\"name\":{}}]}", "parts[1].name: expected a string");
	CHECK_REFUSED("{\"pairs\":{\"a.b\":7}}", "pairs[\"a.b\"]: expected a string");
	CHECK_REFUSED("{\"map\":{\"k\":{\"name\":7}}}", "map[\"k\"].name: expected a string");
	CHECK_REFUSED("{\"colour\":\"blue\"}", "colour: unknown value \"blue\"");
	CHECK_REFUSED("{\"opt\\u0049\\u00364\":[]}", "optI64: expected an integer");
	CHECK_REFUSED("[]", "line 1, column 1: expected an object");
}

TEST(json_integers_must_fit)
{
	CHECK_REFUSED("{\"i32\":2147483648}",
		      "i32: expected an integer from -2147483648 to 2147483647");
	CHECK_REFUSED("{\"i32\":-2147483649}",
		      "i32: expected an integer from -2147483648 to 2147483647");
	CHECK_REFUSED("{\"i64\":9223372036854775808}",
		      "i64: expected an integer from -9223372036854775808 to 9223372036854775807");
	CHECK_REFUSED("{\"i64\":99999999999999999999999999}",
		      "i64: expected an integer from -9223372036854775808 to 9223372036854775807");
	CHECK_REFUSED("{\"u16\":65536}", "u16: expected an integer from 0 to 65535");
	CHECK_REFUSED("{\"u32\":-1}", "u32: expected an integer from 0 to 4294967295");
	CHECK_REFUSED("{\"u64\":18446744073709551616}",
		      "u64: expected an integer from 0 to 18446744073709551615");
	CHECK_REFUSED("{\"i64\":1.0}", "i64: expected an integer");
	CHECK_REFUSED("{\"i64\":1e3}", "i64: expected an integer");
	CHECK_REFUSED("{\"u64\":1E0}", "u64: expected an integer");
	CHECK_REFUSED("{\"real\":1e999}", "real: the number is too large or too long");
	CHECK_WRITTEN("{\"u64\":-0,\"i64\":-0}", "{}");
}

TEST(json_names_line_and_column_of_bad_syntax)
{
	CHECK_REFUSED("", "line 1, column 1: the text ends where a value is due");
	CHECK_REFUSED("{\n  \"i64\": 1\n  \"i32\": 2\n}", "line 3, column 3: expected ',' or '}'");
	CHECK_REFUSED("{\"i64\" 1}", "line 1, column 8: expected ':'");
	CHECK_REFUSED("{\"strings\":[\"a\" \"b\"]}", "line 1, column 17: expected ',' or ']'");
	CHECK_REFUSED("{i64:1}", "line 1, column 2: expected a name in quotes");
	CHECK_REFUSED("{\"text\":\"a\\x\"}", "line 1, column 11: bad escape in a string");
	CHECK_REFUSED("{\"text\":\"a\n\"}", "line 1, column 11: control character in a string");
	CHECK_REFUSED("{\"text\":\"\xff\"}", "line 1, column 10: bad UTF-8 in a string");
	CHECK_REFUSED("{\"text\":\"abc", "line 1, column 13: the text ends inside a string");
	CHECK_REFUSED("{\"text\":}", "line 1, column 9: expected a value");
	CHECK_REFUSED("{\"i64\":01}", "line 1, column 9: expected ',' or '}'");
	CHECK_REFUSED("{\"i64\":-}", "line 1, column 9: bad number");
	CHECK_REFUSED("{\"unknown\":[1,]}", "line 1, column 15: expected a value");
	CHECK_REFUSED("{} {}", "line 1, column 4: text after the document");
}

TEST(json_names_come_once)
{
	BUF_AUTO(text, 65536);

	CHECK_REFUSED("{\"i64\":1,\"i32\":1,\"i64\":2}", "i64: the name comes twice");
	CHECK_REFUSED("{\"text\":null,\"t\\u0065xt\":null}", "text: the name comes twice");
	CHECK_REFUSED("{\"pairs\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}",
		      "pairs[\"a\"]: the name comes twice");
	for (int twice = 0; twice < 2; twice++) {
		buf_clear(&text);
		buf_str(&text, "{\"pairs\":{");
		for (int i = 0; i < 100; i++)
			buf_fmt(&text, "\"n%d\":\"\",", i);
		buf_fmt(&text, "\"n%d\":\"\"}}", twice ? 40 : 100);
		if (twice)
			CHECK_REFUSED(text.data, "pairs: the name \"n40\" comes twice");
		else
			CHECK_WRITTEN(text.data, text.data);
	}
}

TEST(json_refuses_nul_characters)
{
	CHECK_REFUSED("{\"text\":\"a\\u0000b\"}",
		      "text: a string may not hold the character \\u0000");
	CHECK_REFUSED("{\"pairs\":{\"a\\u0000\":\"\"}}",
		      "pairs[\"a\\u0000\"]: a string may not hold the character \\u0000");
	CHECK_WRITTEN("{\"text\\u0000\":\"skipped\"}", "{}");
}

TEST(json_depth_is_limited_in_known_members_too)
{
	BUF_AUTO(text, 65536);

	for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		buf_clear(&text);
		buf_str(&text, "{\"object\":{");
		for (int i = 2; i < depth; i++)
			buf_str(&text, "\"inner\":{");
		for (int i = 0; i < depth; i++)
			buf_char(&text, '}');
		struct all all;
		struct err err;
		CHECK_INT(parse(text.data, &all, &err) == 0, depth <= JSON_DEPTH_MAX);
	}
}

TEST(json_memory_is_limited)
{
	struct all all;
	struct err err;
	char text[128];
	ARENA_AUTO(small, 64);

	CHECK(json_parse(&all_shape, "{\"numbers\":[1,2,3,4,5,6,7,8,9]}", 31, &small, &all, &err) <
	      0);
	CHECK_STR(err_format(&err, text, sizeof(text)),
		  "the document needs more than 64 bytes of memory");
}

TEST(json_needed_members)
{
	struct kept kept;
	struct err err;
	char text[128];
	ARENA_AUTO(local, 4096);

	CHECK(json_parse(&kept_shape, "{\"embedded\":{}}", 15, &local, &kept, &err) < 0);
	CHECK_STR(err_format(&err, text, sizeof(text)), "needed: missing");
	CHECK(json_parse(&kept_shape, "{\"needed\":null}", 15, &local, &kept, &err) < 0);
	CHECK_STR(err_format(&err, text, sizeof(text)), "needed: missing");
	CHECK(json_parse(&kept_shape, "{\"needed\":\"\"}", 13, &local, &kept, &err) < 0);
	CHECK_STR(err_format(&err, text, sizeof(text)), "embedded: missing");
}

TEST(json_writes_what_it_read)
{
	static const char *const documents[] = {
		"{}",
		"{\"yes\":true,\"i32\":-1,\"i64\":-9223372036854775808,\"u16\":1,\"u32\":2,"
		"\"u64\":18446744073709551615,\"real\":0.1,\"text\":\"x\",\"colour\":\"red\"}",
		"{\"raw\":{\"a\":[1,2.50,\"x y \\\" \\\\\"]},\"optBool\":false,\"optI64\":0,"
		"\"optReal\":1e+300}",
		"{\"object\":{},\"embedded\":{\"number\":1}}",
		"{\"object\":{\"inner\":{\"inner\":{\"name\":\"deep\"}}}}",
		"{\"strings\":[\"a\",\"\",\"\xc3\xa9\"],\"numbers\":[0,1],\"parts\":[{},{"
		"\"number\":1}]}",
		"{\"pairs\":{\"k\":\"v\",\"\":\"\"},\"map\":{\"x\":{\"number\":5},\"y\":{}}}",
		"{\"text\":\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\/\x7f\"}",
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
		CHECK_WRITTEN(documents[i], documents[i]);
	CHECK_WRITTEN("{ \"raw\" : [ 1 ,\n\"a b\" ] }", "{\"raw\":[1,\"a b\"]}");
	CHECK_WRITTEN("{\"embedded\":{},\"strings\":[],\"pairs\":{},\"i32\":0}", "{}");
}

TEST(json_writes_needed_zeros)
{
	struct kept kept = {0};
	BUF_AUTO(out, 4096);

	json_write(&kept_shape, &kept, JSON_COMPACT, &out);
	CHECK_STR(out.data, "{\"needed\":\"\",\"zero\":0,\"list\":[],\"map\":{},\"embedded\":{}}");
}

TEST(json_pretty_looks_like_gos)
{
	struct all all;
	struct err err;
	BUF_AUTO(out, 4096);

	REQUIRE(parse("{\"i32\":1,\"object\":{},\"strings\":[\"a\",\"b\"],\"map\":{\"k\":{"
		      "\"number\":2}}}",
		      &all, &err) == 0);
	json_write(&all_shape, &all, JSON_PRETTY, &out);
	CHECK_STR(out.data, "{\n"
			    "  \"i32\": 1,\n"
			    "  \"object\": {},\n"
			    "  \"strings\": [\n"
			    "    \"a\",\n"
			    "    \"b\"\n"
			    "  ],\n"
			    "  \"map\": {\n"
			    "    \"k\": {\n"
			    "      \"number\": 2\n"
			    "    }\n"
			    "  }\n"
			    "}");
}

TEST(json_lists_at_the_top)
{
	JSON_LIST_OF(struct part) parts;
	struct err err;
	char text[128];
	ARENA_AUTO(local, 4096);
	BUF_AUTO(out, 4096);

	REQUIRE(json_parse_list(&part_shape, "[{\"number\":1},{}]", 17, &local, &parts, &err) == 0);
	CHECK_INT(parts.count, 2);
	json_write_list(&part_shape, &parts, JSON_COMPACT, &out);
	CHECK_STR(out.data, "[{\"number\":1},{}]");
	CHECK(json_parse_list(&part_shape, "[{},{\"name\":1}]", 15, &local, &parts, &err) < 0);
	CHECK_STR(err_format(&err, text, sizeof(text)), "[1].name: expected a string");
	CHECK(json_parse_list(&part_shape, "{}", 2, &local, &parts, &err) < 0);
}

TEST(json_write_string_repairs_bad_utf8)
{
	BUF_AUTO(out, 4096);
	struct err err;

	json_write_string(&out, "a\xff"
				"b\xc3\xa9\xe2\x82\xed\xa0\x80\xc3");
	CHECK_STR(out.data, "\"a\xef\xbf\xbd"
			    "b\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf"
			    "\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	CHECK_INT(json_check(out.data, out.len, &err), 0);
}

struct raw_map {
	json_members all;
};
static const struct json_field raw_map_fields[] = {
	JSON_RAW_MAP(struct raw_map, all, "all"),
};
static JSON_SHAPE(raw_map_shape, struct raw_map, raw_map_fields);

TEST(raw_maps_keep_what_they_do_not_know)
{
	static const char text[] = "{\"all\":{\"a\":null,\"b\":[1,{\"x\":2}],\"c\":\"s\"}}";
	ARENA_AUTO(own, 1 << 20);
	BUF_AUTO(out, 1024);
	struct raw_map map;
	struct err err;

	CHECK_INT(json_parse(&raw_map_shape, text, strlen(text), &own, &map, &err), 0);
	REQUIRE(map.all.count == 3);
	CHECK_STR(map.all.items[1].key, "b");
	CHECK_INT(map.all.items[1].value.len, strlen("[1,{\"x\":2}]"));
	json_write(&raw_map_shape, &map, JSON_COMPACT, &out);
	CHECK_STR(out.data, text);
	static const char twice[] = "{\"all\":{\"a\":1,\"a\":2}}";
	CHECK(json_parse(&raw_map_shape, twice, strlen(twice), &own, &map, &err) < 0);
}

TESTS(T(json_check_tells_good_files_from_bad), T(an_empty_list_differs_from_an_absent_one),
      T(json_check_agrees_on_every_cut), T(json_check_sees_every_byte_of_a_string),
      T(json_reads_every_type), T(json_tells_absent_from_zero), T(json_null_reads_as_absent),
      T(json_decodes_escapes), T(json_lists_grow), T(json_fields_come_in_any_order),
      T(json_names_the_place_of_a_wrong_type), T(json_integers_must_fit),
      T(json_names_line_and_column_of_bad_syntax), T(json_names_come_once),
      T(json_refuses_nul_characters), T(json_depth_is_limited_in_known_members_too),
      T(json_memory_is_limited), T(json_needed_members), T(json_writes_what_it_read),
      T(json_writes_needed_zeros), T(json_pretty_looks_like_gos), T(json_lists_at_the_top),
      T(json_write_string_repairs_bad_utf8), T(raw_maps_keep_what_they_do_not_know))
