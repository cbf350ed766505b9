#include "init/unit.h"

#include "base/buf.h"
#include "base/test.h"

static int parse(const char *text, struct unit *unit, struct err *err)
{
	return unit_parse("/bin/corten", "web.container", text, strlen(text), unit, err);
}

static void check_args(const struct unit *unit, const char *want)
{
	BUF_AUTO(got, 4096);

	for (size_t i = 0; i < unit->argc; i++)
		buf_fmt(&got, "%s%s", i > 0 ? "|" : "", unit->argv[i]);
	CHECK_STR(got.data, want);
	CHECK(unit->argv[unit->argc] == NULL);
}

TEST(arguments_in_their_order)
{
	struct unit unit;
	struct err err;

	REQUIRE(parse("# a comment\n[Unit]\nDescription=x\n[Container]\n"
		      "Exec=sh -c \"a 'b' c\" 'd e'f \\\" \"\"\n"
		      "Volume=/a:/b\n  Image = busybox:1 \r\nVolume=/c\nReadOnly=true\n\n"
		      "[Install]\nAlias=y\n",
		      &unit, &err) == 0);
	CHECK_STR(unit.name, "web");
	check_args(&unit, "/bin/corten|run|--rm|--volume|/a:/b|--volume|/c|--read-only|--name|web|"
			  "busybox:1|sh|-c|a 'b' c|d ef|\"|");
	REQUIRE(parse("[Container]\nContainerName=console\nReadOnly=false\nImage=i", &unit, &err) ==
		0);
	CHECK_STR(unit.name, "console");
	check_args(&unit, "/bin/corten|run|--rm|--name|console|i");
}

TEST(wrong_ones_are_named)
{
	static const struct {
		const char *text;
		const char *want;
	} wrong[] = {
		{"", "'Image=' is missing"},
		{"[Container]\nImage=", "line 2: 'Image=' has no value, or a wrong one"},
		{"[Container]\nImage=i\nPodmanArgs=-v", "line 3: 'PodmanArgs=' is not supported"},
		{"[Container]\nnonsense", "line 2: neither a section nor KEY=VALUE"},
		{"[Container]\nImage=--privileged", "an image or a name begins with '-'"},
		{"[Container]\nImage=i\nExec='open", "'Exec=': a quote is not closed"},
		{"[Container]\nImage=i\nReadOnly=x", "line 3: ReadOnly is neither true nor false"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct unit unit;
		struct err err;
		char text[600];
		if (parse(wrong[i].text, &unit, &err) == 0) {
			TEST_FAIL("accepted: %s", wrong[i].text);
			continue;
		}
		CHECK(strstr(err_format(&err, text, sizeof(text)), wrong[i].want) != NULL);
		CHECK(strstr(text, "unit 'web.container'") != NULL);
	}
}

TEST(bounds)
{
	static char text[UNIT_FILE_MAX + 1];
	struct unit unit;
	struct err err;
	BUF_AUTO(many, UNIT_FILE_MAX);

	memset(text, '#', sizeof(text));
	CHECK(unit_parse("c", "a.container", text, UNIT_FILE_MAX + 1, &unit, &err) < 0);
	buf_str(&many, "[Container]\nImage=i\nExec=");
	for (int i = 0; i < 100; i++)
		buf_str(&many, "x ");
	CHECK(parse(many.data, &unit, &err) < 0);
	CHECK(unit_parse("c", "a.service", "", 0, &unit, &err) < 0);
	CHECK(unit_parse("c", ".container", "", 0, &unit, &err) < 0);
}

TESTS(T(arguments_in_their_order), T(wrong_ones_are_named), T(bounds))
