#include "cli/data.h"

#include "base/test.h"

#define ARENA_MAX (1 << 20)

static int parse(const char *text, struct arena *arena, struct data *ret_data, struct err *err)
{
	return data_parse(text, strlen(text), arena, ret_data, err);
}

TEST(a_document_comes_back_compact_and_in_its_order)
{
	static const char text[] =
		"{ \"b\": [1, -2.50, true, null], \"a\": {\"x\\n\": \"\\u00e4\"} }";
	ARENA_AUTO(arena, ARENA_MAX);
	BUF_AUTO(out, 1024);
	struct data data;
	struct err err;

	CHECK_INT(parse(text, &arena, &data, &err), 0);
	data_write_json(&data, &out);
	CHECK_STR(out.data, "{\"b\":[1,-2.50,true,null],\"a\":{\"x\\n\":\"\xc3\xa4\"}}");
}

TEST(go_prints_it)
{
	ARENA_AUTO(arena, ARENA_MAX);
	BUF_AUTO(out, 1024);
	struct data data;
	struct err err;

	CHECK_INT(parse("{\"b\":[\"x\",2,null],\"a\":{}}", &arena, &data, &err), 0);
	data_print(&data, &out);
	CHECK_STR(out.data, "map[a:map[] b:[x 2 <nil>]]");
}

TEST(what_is_true)
{
	static const struct {
		const char *text;
		bool truth;
	} rows[] = {{"null", false},  {"0", false},    {"0.0", false},      {"0e9", false},
		    {"-0.0", false},  {"\"\"", false}, {"[]", false},       {"{}", false},
		    {"false", false}, {"1", true},     {"0.1", true},       {"1e9", true},
		    {"\"0\"", true},  {"[0]", true},   {"{\"a\":0}", true}, {"true", true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ARENA_AUTO(arena, ARENA_MAX);
		struct data data;
		struct err err;
		CHECK_INT(parse(rows[i].text, &arena, &data, &err), 0);
		if (data_is_true(&data) != rows[i].truth)
			TEST_FAIL("%s is not %d", rows[i].text, rows[i].truth);
	}
}

TEST(what_is_no_document_is_refused)
{
	static const char *const texts[] = {"", "{", "[1,]", "{\"a\":}", "tru", "1 2", "{'a':1}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ARENA_AUTO(arena, ARENA_MAX);
		struct data data;
		struct err err = {.kind = ERR_NONE};
		CHECK(parse(texts[i], &arena, &data, &err) < 0);
		CHECK_INT(err.kind, ERR_INVALID);
	}
}

TEST(memory_has_its_maximum)
{
	ARENA_AUTO(arena, 256);
	struct data data;
	struct err err = {.kind = ERR_NONE};

	CHECK(parse("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", &arena, &data, &err) < 0);
}

TESTS(T(a_document_comes_back_compact_and_in_its_order), T(go_prints_it), T(what_is_true),
      T(what_is_no_document_is_refused), T(memory_has_its_maximum))
