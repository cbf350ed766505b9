#include "runtime/command/options.h"

#include "base/test.h"

struct values {
	bool flag;
	const char *text;
	uint32_t number;
	struct option_list list;
};

static const struct option table[] = {
	{"flag", 'f', OPTION_BOOL, offsetof(struct values, flag), NULL, "a flag"},
	{"text", 't', OPTION_STRING, offsetof(struct values, text), "TEXT", "a text"},
	{"number", 0, OPTION_UINT, offsetof(struct values, number), "N", "a number"},
	{"list", 'l', OPTION_LIST, offsetof(struct values, list), "ITEM", "many"},
};

static int parse(struct values *values, struct err *err, int argc, const char *const *words)
{
	char *argv[16] = {NULL};

	memset(values, 0, sizeof(*values));
	for (int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	return options_parse(table, 4, argc, argv, values, err);
}

#define PARSE(...)                                                                          \
	parse(&values, &err, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), \
	      (const char *[]){__VA_ARGS__})

TEST(options_take_every_form)
{
	struct values values;
	struct err err;

	CHECK_INT(PARSE("--flag", "--text", "a", "--number=7", "-lx", "-l", "y", "op", "--flag"),
		  7);
	CHECK(values.flag);
	CHECK_STR(values.text, "a");
	CHECK_INT(values.number, 7);
	CHECK_INT(values.list.count, 2);
	CHECK_STR(values.list.items[0], "x");
	CHECK_INT(PARSE("-text", "b", "--", "--flag"), 3);
	CHECK_STR(values.text, "b");
	CHECK(!values.flag);
	CHECK_INT(PARSE("--flag=false", "-"), 1);
	CHECK(!values.flag);
}

TEST(options_refuse_what_is_wrong)
{
	struct values values;
	struct err err;

	CHECK(PARSE("--nope") < 0);
	CHECK_STR(err.text, "unknown option '--nope' (see --help)");
	CHECK(PARSE("--text") < 0);
	CHECK_STR(err.text, "--text needs a value: TEXT");
	CHECK(PARSE("--number", "-1") < 0);
	CHECK(PARSE("--number", "4294967296") < 0);
	CHECK(PARSE("--number", "7x") < 0);
	CHECK(PARSE("--number", "") < 0);
	CHECK(PARSE("--flag=maybe") < 0);
	CHECK(PARSE("-fx") < 0);
}

TESTS(T(options_take_every_form), T(options_refuse_what_is_wrong))
