#include "remote/http.h"

#include "base/test.h"

TEST(urls_are_resolved)
{
	static const char base[] = "https://h:5/v2/a/blobs/x?y=z";
	char url[REMOTE_URL_MAX];
	struct err err;

	CHECK_INT(http_resolve(base, "https://other/p?q=%2F", url, &err), 0);
	CHECK_STR(url, "https://other/p?q=%2F");
	CHECK_INT(http_resolve(base, "/p", url, &err), 0);
	CHECK_STR(url, "https://h:5/p");
	CHECK_INT(http_resolve(base, "//other:7/p", url, &err), 0);
	CHECK_STR(url, "https://other:7/p");
	CHECK_INT(http_resolve(base, "y", url, &err), 0);
	CHECK_STR(url, "https://h:5/v2/a/blobs/y");
}

TEST(names_and_passwords_of_urls_are_left_out)
{
	char url[REMOTE_URL_MAX];
	struct err err;

	CHECK_INT(http_resolve("https://h/", "https://me:secret@other/p#f", url, &err), 0);
	CHECK_STR(url, "https://other/p");
}

TEST(other_schemes_are_refused)
{
	char url[REMOTE_URL_MAX];
	struct err err;

	CHECK(http_resolve("https://h/", "file:///etc/passwd", url, &err) < 0);
	CHECK(http_resolve("https://h/", "ftp://h/", url, &err) < 0);
	CHECK(http_resolve("https://h/", "http://", url, &err) < 0);
}

TEST(origins)
{
	CHECK(http_same_origin("https://h/a", "https://H:443/b"));
	CHECK(http_same_origin("http://h:80", "http://h/x?y"));
	CHECK(!http_same_origin("https://h/a", "http://h/a"));
	CHECK(!http_same_origin("https://h/a", "https://h:444/a"));
	CHECK(!http_same_origin("https://h/a", "https://h.evil/a"));
	CHECK(!http_same_origin("https://h/a", "https://evil@i/a"));
	CHECK(!http_same_origin("https://h/a", "nonsense"));
}

TEST(hosts)
{
	char host[64];
	struct err err;

	CHECK_INT(http_host_of("https://h/x", host, sizeof(host), &err), 0);
	CHECK_STR(host, "h");
	CHECK_INT(http_host_of("https://h:5000/x", host, sizeof(host), &err), 0);
	CHECK_STR(host, "h:5000");
	CHECK_INT(http_host_of("http://[::1]:5/x", host, sizeof(host), &err), 0);
	CHECK_STR(host, "[::1]:5");
	CHECK(http_host_of("::", host, sizeof(host), &err) < 0);
}

TESTS(T(urls_are_resolved), T(names_and_passwords_of_urls_are_left_out),
      T(other_schemes_are_refused), T(origins), T(hosts))
