#include "base/test.h"
#include "engine/internal.h"

#define LIST(...)                                                                     \
	{                                                                             \
		.items = (const char *[]){__VA_ARGS__},                               \
		.count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *) \
	}

TEST(hosts_of_its_own)
{
	const struct engine_options options = {.hosts = LIST("db:10.0.0.1", "v6:fd00::1")};
	BUF_AUTO(out, 4096);

	files_hosts(&options, "web", "10.1.1.1 secret\n", false, &out);
	CHECK(strstr(out.data, "127.0.0.1\tlocalhost\n") == out.data);
	CHECK(strstr(out.data, "\tweb\n") != NULL);
	CHECK(strstr(out.data, "10.0.0.1\tdb\n") != NULL);
	CHECK(strstr(out.data, "fd00::1\tv6\n") != NULL);
	CHECK(strstr(out.data, "secret") == NULL);
}

TEST(hosts_of_the_host)
{
	static const struct engine_options options;
	BUF_AUTO(out, 4096);

	files_hosts(&options, "web", "10.1.1.1 shared", true, &out);
	CHECK_STR(out.data, "10.1.1.1 shared\n");
}

TEST(resolvers)
{
	static const struct engine_options plain;
	const struct engine_options given = {.dns = LIST("1.1.1.1"),
					     .dns_search = LIST("a.example", "b.example")};
	static const char host[] =
		"# c\nnameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch x\noptions "
		"ndots:2";
	BUF_AUTO(out, 4096);

	files_resolv(&plain, host, false, &out);
	CHECK_STR(out.data, "# c\nnameserver 9.9.9.9\nsearch x\noptions ndots:2\n");
	buf_clear(&out);
	files_resolv(&plain, host, true, &out);
	CHECK(strstr(out.data, "127.0.0.53") != NULL);
	buf_clear(&out);
	files_resolv(&given, host, false, &out);
	CHECK_STR(out.data,
		  "# c\noptions ndots:2\nsearch a.example b.example\nnameserver 1.1.1.1\n");
	buf_clear(&out);
	files_resolv(&plain, NULL, false, &out);
	CHECK_INT(out.len, 0);
}

TESTS(T(hosts_of_its_own), T(hosts_of_the_host), T(resolvers))
