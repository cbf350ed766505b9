#include "cli/format.h"

#include "base/test.h"

struct animal {
	const char *name;
	const char *sound;
};

static const struct json_field animal_fields[] = {
	JSON_STRING(struct animal, name, "Name"),
	JSON_STRING(struct animal, sound, "Sound"),
};
static JSON_SHAPE(animal_shape, struct animal, animal_fields);
static const struct format_head animal_heads[] = {
	{"Name", "NAME"}, {"Sound", "WHAT IT SAYS"}, {NULL, NULL}};
static const struct format_kind animals = {"animal", &animal_shape, animal_heads, true};
#define TABLE "table {{.Name}}\\t{{.Sound}}"

static int rows(const char *text, struct buf *out, struct err *err)
{
	static const struct animal rows_[] = {{"cat", "meow"}, {"a long-named dog", "woof"}};
	static struct json_pair legs[] = {{"zoo.legs", "4"}};
	static const json_pairs labels = {legs, 1};
	ARENA_AUTO(arena, 1 << 20);
	FORMAT_AUTO(format);

	int rc = format_begin(&format, &animals, text, TABLE, &arena, err);
	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = format_row(&format, &rows_[i], &labels, err);
	return rc < 0 ? rc : format_end(&format, out, err);
}

static void check(const char *text, const char *wanted)
{
	BUF_AUTO(out, 65536);
	struct err err = {.kind = ERR_NONE};
	char told[512];

	if (rows(text, &out, &err) < 0)
		TEST_FAIL("%s: %s", text, err_format(&err, told, sizeof(told)));
	else
		CHECK_STR(out.data, wanted);
}

TEST(forms)
{
	check(NULL, "NAME               WHAT IT SAYS\ncat                meow\na long-named dog   "
		    "woof\n");
	check("table", "NAME               WHAT IT SAYS\ncat                meow\na long-named dog "
		       "  woof\n");
	check("json", "{\"Name\":\"cat\",\"Sound\":\"meow\"}\n{\"Name\":\"a long-named "
		      "dog\",\"Sound\":\"woof\"}\n");
	check("{{.Sound}}", "meow\nwoof\n");
	check("{{.Sound}}\\t{{.Label \"zoo.legs\"}}", "meow\t4\nwoof\t4\n");
	check("table {{upper .Sound}}\\t{{.Label \"zoo.legs\"}}",
	      "WHAT IT SAYS   legs\nMEOW           4\nWOOF           4\n");
	check("literal", "literal\nliteral\n");
	check("{{json .}}", "{\"Name\":\"cat\",\"Sound\":\"meow\"}\n{\"Name\":\"a long-named "
			    "dog\",\"Sound\":\"woof\"}\n");
}

TEST(errors)
{
	BUF_AUTO(out, 65536);
	struct err err = {.kind = ERR_NONE};

	CHECK(rows("{{.Nme}}", &out, &err) < 0);
	CHECK(rows("{{", &out, &err) < 0);
}

TEST(wishes)
{
	CHECK(format_names("table {{.Size}}", ".Size"));
	CHECK(!format_names("table {{.Name}}", ".Size"));
	CHECK(!format_names("json", ".Size"));
	CHECK(!format_names(NULL, ".Size"));
}

TESTS(T(forms), T(errors), T(wishes))
