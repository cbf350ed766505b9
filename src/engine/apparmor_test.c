#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "engine/internal.h"
#include "engine/spec/labels.h"

/* A made securityfs, and a parser that is a script. */
struct made {
	char top[32];
	int dir;
	char parser[64];
	const char *parsers[3];
	struct apparmor_place place;
};

static void write_file(int dir, const char *name, const char *text)
{
	auto_fd fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
}

static void make(struct made *made, const char *profiles, const char *script)
{
	*made = (struct made){.top = "/tmp/apparmor-test-XXXXXX", .parsers = {"/no/such/parser"}};
	REQUIRE(mkdtemp(made->top) != NULL);
	made->dir = open(made->top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(made->parser, sizeof(made->parser), "%s/parser", made->top);
	made->parsers[1] = made->parser;
	made->place = (struct apparmor_place){made->top, made->parsers};
	write_file(made->dir, "profiles", profiles);
	if (script != NULL)
		write_file(made->dir, "parser", script);
}

static void unmake(struct made *made)
{
	struct err err;

	fd_closep(&made->dir);
	CHECK_INT(paths_remove_tree(AT_FDCWD, made->top, &err), 0);
}

TEST(names_are_whole)
{
	static const struct {
		const char *profiles;
		bool loaded;
	} rows[] = {
		{"", false},
		{"corten-default (enforce)\n", true},
		{"a (complain)\ncorten-default (complain)\nb (enforce)\n", true},
		{"corten-default2 (enforce)\n", false},
		{"my-corten-default (enforce)\n", false},
		{"a corten-default (enforce)\n", false},
		{"corten-default", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct made made;
		struct err err = {0};
		bool loaded = !rows[i].loaded;
		make(&made, rows[i].profiles, NULL);
		CHECK_INT(apparmor_is_loaded(&made.place, "corten-default", &loaded, &err), 0);
		if (loaded != rows[i].loaded)
			TEST_FAIL("'%s'", rows[i].profiles);
		unmake(&made);
	}
}

TEST(a_list_that_cannot_be_read)
{
	static const char *const none[] = {NULL};
	const struct apparmor_place place = {"/no/such/place", none};
	struct err err = {0};

	CHECK(apparmor_ensure_default(&place, &err) < 0);
	CHECK_INT(err.kind, ERR_NOT_FOUND);
}

TEST(loaded_once)
{
	struct made made;
	struct err err = {0};
	BUF_AUTO(text, 65536);

	/* A parser that fails: it is not asked. */
	make(&made, "corten-default (enforce)\n", "#!/bin/sh\nexit 1\n");
	CHECK_INT(apparmor_ensure_default(&made.place, &err), 1);
	unmake(&made);

	make(&made, "other (enforce)\n",
	     "#!/bin/sh\ncat >\"${0%/*}/got\"\necho \"$@\" >>\"${0%/*}/got\"\n");
	CHECK_INT(apparmor_ensure_default(&made.place, &err), 1);
	CHECK_INT(fd_read_file_at(made.dir, "got", &text, &err), 0);
	REQUIRE(text.data != NULL);
	CHECK(strncmp(text.data, "profile corten-default ", 23) == 0);
	CHECK(strstr(text.data, "deny mount,\n") != NULL);
	CHECK(strstr(text.data, "\n}\n--replace --skip-cache\n") != NULL);
	unmake(&made);
}

TEST(without_a_parser_and_with_one_that_fails)
{
	struct made made;
	struct err err = {0};
	char text[512];

	make(&made, "", NULL);
	CHECK_INT(apparmor_ensure_default(&made.place, &err), 0);
	unmake(&made);

	make(&made, "", "#!/bin/sh\necho 'access denied' >&2\nexit 243\n");
	CHECK(apparmor_ensure_default(&made.place, &err) < 0);
	err_format(&err, text, sizeof(text));
	CHECK(strstr(text, "access denied") != NULL);
	CHECK(strstr(text, "apparmor=unconfined") != NULL);
	unmake(&made);
}

TESTS(T(names_are_whole), T(a_list_that_cannot_be_read), T(loaded_once),
      T(without_a_parser_and_with_one_that_fails))
