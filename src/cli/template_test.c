#include "cli/template.h"

#include "base/test.h"

#define ARENA_MAX (4 << 20)

static const char document[] =
	"{\"Id\":\"sha256:abc\",\"State\":{\"Running\":true,\"ExitCode\":3,\"Error\":\"\"},"
	"\"Args\":[\"-c\",\"echo hi\"],\"Empty\":[],\"Labels\":{\"b.two\":\"2\",\"a-one\":\"1\"},"
	"\"Mixed\":{\"n\":1,\"s\":\"x\"},\"Ratio\":0.5,\"Null\":null,\"Name\":\"/web Server\","
	"\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/a\"},{\"Type\":\"tmpfs\",\"Source\":\"\"}]}";

static const struct template_zero zeros[] = {{"Health", DATA_NULL},
					     {"Env", DATA_LIST},
					     {"Volumes", DATA_MAP},
					     {"Comment", DATA_TEXT},
					     {NULL, DATA_NULL}};

struct row {
	const char *template;
	const char *wanted; /* the output, or how the error ends */
};

static void check(const struct row *row, bool fails)
{
	ARENA_AUTO(arena, ARENA_MAX);
	BUF_AUTO(out, 65536);
	const struct template_mode mode = {.zeros = zeros};
	const struct template *template = NULL;
	struct err err = {.kind = ERR_NONE};
	struct data dot;
	char text[1024];

	REQUIRE(data_parse(document, strlen(document), &arena, &dot, &err) == 0);
	int rc = template_parse(row->template, strlen(row->template), &arena, &template, &err);
	if (rc == 0)
		rc = template_run(template, &mode, &dot, &out, &err);
	const char *got = rc < 0 ? err_format(&err, text, sizeof(text)) : out.data ? out.data : "";
	const char *prefix = "template parsing error: template: :";
	if (fails && strncmp(got, prefix, strlen(prefix)) == 0)
		got += strlen(prefix);
	if ((rc < 0) != fails || strcmp(got, row->wanted) != 0)
		TEST_FAIL("%s: '%s', not '%s'", row->template, got, row->wanted);
}

#define CHECK_ROWS(rows, fails)                                       \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) \
	check(&(rows)[i], fails)

TEST(fields)
{
	static const struct row rows[] = {
		{"", ""},
		{"plain }} text", "plain }} text"},
		{"{{.Id}}", "sha256:abc"},
		{"{{ .State.ExitCode }}", "3"},
		{"a{{.State.Running}}b", "atrueb"},
		{"{{.State}}", "map[Error: ExitCode:3 Running:true]"},
		{"{{.Args}} {{.Empty}}", "[-c echo hi] []"},
		{"{{$.Id}}", "sha256:abc"},
		{"{{(.State).ExitCode}}", "3"},
		{"{{.Null}}", "<no value>"},
		{"{{.Ratio}}", "0.5"},
	};
	CHECK_ROWS(rows, false);
}

TEST(members_that_are_left_out)
{
	static const struct row rows[] = {
		{"{{.State.Health}}", "<nil>"},
		{"{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"},
		{"{{.Env}}{{.Volumes}}[{{.Comment}}]", "[]map[][]"},
		{"{{range .Env}}x{{else}}y{{end}}", "y"},
		{"{{json .Env}}{{json .Volumes}}{{json .State.Health}}{{json .Empty}}",
		 "nullnullnull[]"},
		{"{{.Volumes.absent}}{{index .Volumes \"absent\"}}", "<no value>"},
	};
	static const struct row refused[] = {
		{"{{.State.Health.Status}}",
		 "1:15: executing \"\" at <.State.Health.Status>: nil pointer evaluating .Status"},
	};
	CHECK_ROWS(rows, false);
	check(&(struct row){refused[0].template, refused[0].wanted}, true);
}

TEST(dockers_functions)
{
	static const struct row rows[] = {
		{"{{json .State}}", "{\"Running\":true,\"ExitCode\":3,\"Error\":\"\"}"},
		{"{{json .Id}}{{json .Null}}{{json .Args}}",
		 "\"sha256:abc\"null[\"-c\",\"echo hi\"]"},
		{"{{.State | json}}", "{\"Running\":true,\"ExitCode\":3,\"Error\":\"\"}"},
		{"{{join .Args \",\"}}", "-c,echo hi"},
		{"{{join .Empty \",\"}}", ""},
		{"{{split \"a:b:c\" \":\"}}", "[a b c]"},
		{"{{split \"abc\" \"\"}}", "[a b c]"},
		{"{{index (split .Id \":\") 1}}", "abc"},
		{"{{upper .Id}} {{lower \"ABC\"}} {{title .Name}}", "SHA256:ABC abc /Web Server"},
		{"{{truncate .Id 6}}|{{truncate .Id 600}}", "sha256|sha256:abc"},
		{"{{pad \"x\" 1 2}}|{{pad \"\" 1 2}}", " x  |"},
	};
	CHECK_ROWS(rows, false);
}

TEST(gos_functions)
{
	static const struct row rows[] = {
		{"{{len .Args}} {{len .Id}} {{len .Labels}} {{len .Empty}}", "2 10 2 0"},
		{"{{index .Args 1}}", "echo hi"},
		{"{{index .Labels \"b.two\"}}", "2"},
		{"[{{index .Labels \"none\"}}]", "[]"},
		{"{{index .Mixed \"none\"}}", "<no value>"},
		{"{{index .Mounts 0 \"Type\"}}", "bind"},
		{"{{(index .Mounts 1).Type}}", "tmpfs"},
		{"{{slice .Id 0 6}} {{slice .Args 1}}", "sha256 [echo hi]"},
		{"{{print 1 2 \"a\" 3}}", "1 2a3"},
		{"{{println .Id 1}}", "sha256:abc 1\n"},
		{"{{printf \"%s|%d|%v|%q\" .Id 7 .Args \"x\\\"y\"}}",
		 "sha256:abc|7|[-c echo hi]|\"x\\\"y\""},
		{"{{printf \"%5s|%-5s|%05d|%.2f|%x|%t|%.3s|100%%\" \"ab\" \"cd\" 42 .Ratio 255 "
		 "true "
		 "\"abcdef\"}}",
		 "   ab|cd   |00042|0.50|ff|true|abc|100%"},
		{"{{printf \"%d %s\" \"x\"}}", "%!d(string=x) %!s(MISSING)"},
		{"{{printf \"a\" 1}}", "a%!(EXTRA int=1)"},
		{"{{.Id | printf \"%s-%s\" \"x\"}}", "x-sha256:abc"},
	};
	CHECK_ROWS(rows, false);
}

TEST(conditions)
{
	static const struct row rows[] = {
		{"{{if .State.Running}}up{{else}}down{{end}}", "up"},
		{"{{if .State.Error}}e{{else if eq .State.ExitCode 3}}three{{else}}x{{end}}",
		 "three"},
		{"{{if and .State.Running (gt .State.ExitCode 2)}}y{{end}}", "y"},
		{"{{if or .State.Error .Empty}}y{{else}}n{{end}}", "n"},
		{"{{if not .Empty}}y{{end}}", "y"},
		{"{{eq .Id \"a\" \"sha256:abc\"}}{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 1 "
		 "2}}",
		 "truetruetruetruefalsefalse"},
		{"{{lt 1 1.5}}{{eq .Null nil}}{{eq .Id nil}}", "truetruefalse"},
		{"{{and 1 0 (index .Args 9)}}{{or 1 (index .Args 9)}}", "01"},
		{"{{with .State}}{{.ExitCode}}{{end}}{{with .Empty}}x{{else}}y{{end}}", "3y"},
		{"{{with $x := .Id}}{{$x}}{{.}}{{end}}", "sha256:abcsha256:abc"},
	};
	CHECK_ROWS(rows, false);
}

TEST(ranges)
{
	static const struct row rows[] = {
		{"{{range .Args}}<{{.}}>{{end}}", "<-c><echo hi>"},
		{"{{range $i, $a := .Args}}{{$i}}={{$a}};{{end}}", "0=-c;1=echo hi;"},
		{"{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a-one=1 b.two=2 "},
		{"{{range .Labels}}{{.}}{{end}}", "12"},
		{"{{range .Empty}}x{{else}}none{{end}}", "none"},
		{"{{range .Mounts}}{{.Type}}:{{$.Id}} {{end}}",
		 "bind:sha256:abc tmpfs:sha256:abc "},
		{"{{range $m := .Mounts}}{{if eq $m.Type "
		 "\"tmpfs\"}}{{continue}}{{end}}{{$m.Source}}{{end}}",
		 "/a"},
		{"{{range .Args}}{{.}}{{break}}{{end}}", "-c"},
		{"{{$n := 0}}{{range .Args}}{{$n = len .}}{{end}}{{$n}}", "7"},
	};
	CHECK_ROWS(rows, false);
}

TEST(space_and_comments)
{
	static const struct row rows[] = {
		{"a  {{- .Id -}}  b", "asha256:abcb"},
		{"a {{- \"x\" }} b", "ax b"},
		{"a {{/* no */}} b", "a  b"},
		{"a {{- /* no */ -}} b", "ab"},
		{"{{\"\\t\\n\\x41\\u00e4\"}}{{`r\\n`}}", "\t\nA\xc3\xa4r\\n"},
		{"{{'a'}} {{0x10}} {{-3}} {{1.5}}", "97 16 -3 1.5"},
	};
	CHECK_ROWS(rows, false);
}

TEST(errors_of_text)
{
	static const struct row rows[] = {
		{"{{.Id", "1:5: unclosed action"},
		{"x\n{{", "2:2: unclosed action"},
		{"{{}}", "1:2: missing value for command"},
		{"{{nope .}}", "1:2: function \"nope\" not defined"},
		{"{{$x}}", "1:2: undefined variable \"$x\""},
		{"{{if .Id}}", "1:10: unexpected EOF"},
		{"{{end}}", "1:5: unexpected {{end}}"},
		{"{{.Id)}}", "1:5: unexpected \")\" in command"},
		{"{{\"a}}", "1:2: unterminated quoted string"},
		{"{{.Id!}}", "1:5: unexpected \"!\" in action"},
		{"{{(.Id}}", "1:6: unclosed left paren"},
		{"{{.Id | }}", "1:8: missing value for command"},
		{"{{.Id | 1}}", "1:8: non executable command in pipeline stage 2"},
		{"{{if}}x{{end}}", "1:4: missing value for if"},
		{"{{break}}", "1:2: {{break}} outside {{range}}"},
		{"{{define \"x\"}}{{end}}", "1:2: {{define}} is not supported here"},
		{"{{/* x}}", "1:2: unclosed comment"},
		{"{{1a}}", "1:2: bad number syntax: \"1a\""},
	};
	CHECK_ROWS(rows, true);
}

TEST(errors_of_values)
{
	static const struct row rows[] = {
		{"{{.Foo}}", "1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\""},
		{"{{.State.Foo}}",
		 "1:8: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\""},
		{"{{.Id.Foo}}",
		 "1:5: executing \"\" at <.Id.Foo>: can't evaluate field Foo in type string"},
		{"{{index .Args 2}}", "1:2: executing \"\" at <index .Args 2>: error calling "
				      "index: index out of range: 2"},
		{"{{len 3}}", "1:2: executing \"\" at <len 3>: error calling len: len of type int"},
		{"{{join .Id \",\"}}", "1:7: executing \"\" at <.Id>: wrong type for "
				       "value; expected []string; got "
				       "string"},
		{"{{eq .Id 1}}", "1:2: executing \"\" at <eq .Id 1>: error calling eq: "
				 "incompatible types for comparison"},
		{"{{json}}",
		 "1:2: executing \"\" at <json>: wrong number of args for json: want 1 got 0"},
		{"{{.Id 1}}",
		 "1:2: executing \"\" at <.Id>: can't give argument to non-function .Id"},
		{"{{range .Id}}{{end}}",
		 "1:8: executing \"\" at <.Id>: range can't iterate over sha256:abc"},
	};
	CHECK_ROWS(rows, true);
}

static int run_rows(const char *text, bool head, struct buf *out, struct err *err)
{
	static struct data_entry labels[] = {
		{"com.example.some-key", {.kind = DATA_TEXT, .text = {"v", 1}}}};
	static struct data_entry entries[] = {{"ID", {.kind = DATA_TEXT, .text = {"abc", 3}}},
					      {"Label", {.kind = DATA_LABELS, .map = {labels, 1}}}};
	const struct data dot = {.kind = DATA_MAP, .map = {entries, 2}};
	const struct template_mode mode = {.row = "container", .head = head};
	const struct template *template = NULL;
	ARENA_AUTO(arena, ARENA_MAX);

	int rc = template_parse(text, strlen(text), &arena, &template, err);
	return rc < 0 ? rc : template_run(template, &mode, &dot, out, err);
}

TEST(rows_of_tables)
{
	BUF_AUTO(out, 1024);
	struct err err = {.kind = ERR_NONE};
	char text[512];

	CHECK_INT(run_rows("{{upper .ID}} {{.Label \"com.example.some-key\"}} {{json .}}", false,
			   &out, &err),
		  0);
	CHECK_STR(out.data, "ABC v {\"ID\":\"abc\"}");
	buf_clear(&out);
	CHECK_INT(run_rows("{{upper .ID}} {{.Label \"com.example.some-key\"}} {{json .ID}}", true,
			   &out, &err),
		  0);
	CHECK_STR(out.data, "abc some key abc");
	CHECK(run_rows("{{.Foo}}", false, &out, &err) < 0);
	CHECK_STR(err_format(&err, text, sizeof(text)),
		  "template parsing error: template: :1:2: executing \"\" at <.Foo>: can't "
		  "evaluate field Foo in "
		  "type container: ID Label");
	CHECK(run_rows("{{.Label}}", false, &out, &err) < 0);
}

TEST(limits)
{
	BUF_AUTO(small, 16);
	BUF_AUTO(deep, 1 << 20);
	BUF_AUTO(out, 1 << 20);
	struct err err = {.kind = ERR_NONE};
	char text[256];

	CHECK(run_rows("{{printf \"%100s\" .ID}}", false, &small, &err) < 0);
	for (int i = 0; i < 1000; i++)
		buf_str(&deep, "{{if .ID}}");
	CHECK(run_rows(deep.data, false, &out, &err) < 0);
	CHECK(strstr(err_format(&err, text, sizeof(text)), "nested deeper than 64 levels") != NULL);
	buf_clear(&deep);
	for (int i = 0; i < 20000; i++)
		buf_str(&deep, "{{.ID}}");
	CHECK(run_rows(deep.data, false, &out, &err) < 0);
	CHECK(strstr(err_format(&err, text, sizeof(text)), "longer than") != NULL);
}

TESTS(T(fields), T(members_that_are_left_out), T(dockers_functions), T(gos_functions),
      T(conditions), T(ranges), T(space_and_comments), T(errors_of_text), T(errors_of_values),
      T(rows_of_tables), T(limits))
