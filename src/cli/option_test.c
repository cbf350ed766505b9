#include "cli/option.h"

#include "base/test.h"

struct sample {
	bool interactive;
	bool tty;
	bool proxy;
	const char *name;
	json_strings env;
};

static const struct option sample_options[] = {
	OPT_FLAG(struct sample, interactive, 'i', "interactive", "keep stdin open"),
	OPT_FLAG(struct sample, tty, 't', "tty", "a terminal"),
	OPT_FLAG(struct sample, proxy, '\0', "sig-proxy", "forward signals"),
	OPT_STRING(struct sample, name, 'n', "name", "NAME", HINT_NONE, "its name"),
	OPT_LIST(struct sample, env, 'e', "env", "VAR=VALUE", HINT_NONE, "environment"),
};

struct outcome {
	struct sample sample;
	struct option_args args;
	int rc;
	char text[512];
};

static void parse(struct arena *arena, bool operand_ends, char **argv, struct outcome *out)
{
	struct err err = {0};
	size_t argc = 0;

	*out = (struct outcome){.sample = {.proxy = true}};
	while (argv[argc] != NULL)
		argc++;
	struct option_set set = {sample_options, 5, &out->sample};
	out->rc = option_parse(&set, 1, operand_ends, argv, argc, arena, &out->args, &err);
	err_format(&err, out->text, sizeof(out->text));
}

#define PARSE(operand_ends, ...)                                  \
	ARENA_AUTO(arena, 65536);                                 \
	struct outcome out;                                       \
	static char *argv_[] = {__VA_ARGS__ __VA_OPT__(, ) NULL}; \
	parse(&arena, operand_ends, argv_, &out)

static char w_it[] = "-it", w_e[] = "-e", w_a1[] = "A=1", w_b[] = "-eB=2", w_img[] = "busybox",
	    w_ls[] = "ls", w_l[] = "-l", w_name[] = "--name", w_web[] = "web",
	    w_nameeq[] = "--name=x=y", w_dd[] = "--", w_noproxy[] = "--sig-proxy=false",
	    w_bad[] = "--nmae", w_z[] = "-iz", w_maybe[] = "--tty=maybe", w_help[] = "--help",
	    w_h[] = "-h", w_dash[] = "-", w_far[] = "--xyzzy", w_ieq[] = "-i=false",
	    w_neq[] = "-n=v";

TEST(bundles_and_lists)
{
	PARSE(true, w_it, w_e, w_a1, w_b, w_img, w_ls, w_l);
	CHECK_INT(out.rc, 0);
	CHECK(out.sample.interactive && out.sample.tty && out.sample.proxy);
	REQUIRE(out.sample.env.count == 2);
	CHECK_STR(out.sample.env.items[0], "A=1");
	CHECK_STR(out.sample.env.items[1], "B=2");
	REQUIRE(out.args.count == 3);
	CHECK_STR(out.args.items[0], "busybox");
	CHECK_STR(out.args.items[2], "-l");
}

TEST(options_follow_operands_elsewhere)
{
	PARSE(false, w_img, w_name, w_web, w_dd, w_l, w_dash);
	CHECK_INT(out.rc, 0);
	CHECK_STR(out.sample.name, "web");
	REQUIRE(out.args.count == 3);
	CHECK_STR(out.args.items[1], "-l");
	CHECK_STR(out.args.items[2], "-");
}

TEST(double_dash_before_the_first_operand)
{
	PARSE(true, w_it, w_dd, w_img, w_dd, w_l);
	CHECK_INT(out.rc, 0);
	REQUIRE(out.args.count == 3);
	CHECK_STR(out.args.items[1], "--");
}

TEST(values_after_equals)
{
	PARSE(true, w_nameeq, w_noproxy, w_ieq);
	CHECK_INT(out.rc, 0);
	CHECK_STR(out.sample.name, "x=y");
	CHECK(!out.sample.proxy);
	CHECK(!out.sample.interactive);
}

TEST(letter_with_equals)
{
	PARSE(true, w_neq);
	CHECK_STR(out.sample.name, "v");
}

TEST(unknown_name_suggests)
{
	PARSE(true, w_bad, w_web);
	CHECK(out.rc < 0);
	CHECK_STR(out.text, "unknown flag: --nmae (did you mean --name?)");
}

TEST(unknown_name_far_from_all)
{
	PARSE(true, w_far);
	CHECK_STR(out.text, "unknown flag: --xyzzy");
}

TEST(unknown_letter)
{
	PARSE(true, w_z);
	CHECK_STR(out.text, "unknown shorthand flag: 'z' in -iz");
}

TEST(hanging_value)
{
	PARSE(true, w_it, w_name);
	CHECK_STR(out.text, "flag needs an argument: --name");
}

TEST(hanging_letter)
{
	PARSE(true, w_e);
	CHECK_STR(out.text, "flag needs an argument: 'e' in -e");
}

TEST(bad_boolean)
{
	PARSE(true, w_maybe);
	CHECK(strstr(out.text, "invalid argument \"maybe\" for \"--tty\"") != NULL);
}

TEST(help_stops_parsing)
{
	PARSE(true, w_it, w_help, w_far);
	CHECK_INT(out.rc, 0);
	CHECK(out.args.help);
}

TEST(help_letter)
{
	PARSE(true, w_h);
	CHECK(out.args.help);
}

TEST(nothing_at_all)
{
	PARSE(true, );
	CHECK_INT(out.rc, 0);
	CHECK_INT(out.args.count, 0);
}

TEST(distance_counts_edits)
{
	CHECK_INT(option_distance("name", "name", 3), 0);
	CHECK_INT(option_distance("nmae", "name", 3), 1);
	CHECK_INT(option_distance("nam", "name", 3), 1);
	CHECK_INT(option_distance("", "abc", 3), 3);
	CHECK_INT(option_distance("abcdef", "uvwxyz", 3), 4);
}

TESTS(T(bundles_and_lists), T(options_follow_operands_elsewhere),
      T(double_dash_before_the_first_operand), T(values_after_equals), T(letter_with_equals),
      T(unknown_name_suggests), T(unknown_name_far_from_all), T(unknown_letter), T(hanging_value),
      T(hanging_letter), T(bad_boolean), T(help_stops_parsing), T(help_letter), T(nothing_at_all),
      T(distance_counts_edits))
