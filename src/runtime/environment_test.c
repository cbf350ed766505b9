#include "runtime/environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"

static bool home_of(const char *text, uint32_t uid, char *buf, size_t size)
{
	return environment_parse_home(text, strlen(text), uid, buf, size);
}

TEST(home_is_found_by_uid)
{
	const char *text = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:/bin/false\n";
	char home[64];

	CHECK(home_of(text, 33, home, sizeof(home)));
	CHECK_STR(home, "/var/www");
	CHECK(home_of(text, 0, home, sizeof(home)));
	CHECK_STR(home, "/root");
	CHECK(!home_of(text, 3, home, sizeof(home)));
}

TEST(damaged_lines_are_passed_over)
{
	char home[8];

	CHECK(!home_of("", 0, home, sizeof(home)));
	CHECK(!home_of("x:x:0", 0, home, sizeof(home)));
	CHECK(!home_of("x:x:00:0::/a:", 0, home, sizeof(home)));
	CHECK(!home_of("x:x:0:0:::/bin/sh", 0, home, sizeof(home)));
	CHECK(!home_of("x:x:0:0::/far/too/long:", 0, home, sizeof(home)));
	CHECK(home_of("\n:::::\nx:x:0:0::/a", 0, home, sizeof(home)));
	CHECK_STR(home, "/a");
}

TEST(the_last_variable_wins)
{
	const char *items[] = {"PATH=/a", "PATHS=/b", "PATH=/c"};
	json_strings env = {items, 3};

	CHECK_STR(environment_get(&env, "PATH"), "/c");
	CHECK(environment_get(&env, "PAT") == NULL);
}

TEST(a_variable_is_passed_on_once)
{
	const char *items[] = {"PATH=/a", "odd", "PATHS=/b", "PATH=/c", "odd", "P=", "=x", "=y"};
	json_strings env = {items, 8};
	char **vector = environment_variables(&env);

	REQUIRE(vector != NULL);
	CHECK_STR(vector[0], "odd");
	CHECK_STR(vector[1], "PATHS=/b");
	CHECK_STR(vector[2], "PATH=/c");
	CHECK_STR(vector[3], "odd");
	CHECK_STR(vector[4], "P=");
	CHECK_STR(vector[5], "=y");
	CHECK(vector[6] == NULL);
	free(vector);
}

TESTS(T(a_variable_is_passed_on_once), T(home_is_found_by_uid), T(damaged_lines_are_passed_over),
      T(the_last_variable_wins))
