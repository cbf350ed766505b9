#include "remote/auth_edit.h"

#include "base/test.h"

static const char *edit(const char *text, const char *key, const char *user, struct buf *out,
			bool *found)
{
	const struct auth_change change = {key, user, "p"};
	struct err err;

	buf_clear(out);
	return auth_edit(text, strlen(text), &change, out, found, &err) < 0 ? NULL : out->data;
}

TEST(a_file_that_is_not_there)
{
	BUF_AUTO(out, 4096);
	bool found = true;

	CHECK_STR(edit("", "h", "u", &out, &found),
		  "{\n\t\"auths\": {\n\t\t\"h\": {\"auth\": \"dTpw\"}\n\t}\n}\n");
	CHECK(!found);
	CHECK_STR(edit("", "h", NULL, &out, &found), "{\n\t\"auths\": {}\n}\n");
}

TEST(replaced_and_removed)
{
	static const char text[] = "{\"x\":[1,2],\"auths\":{\"g\":{\"y\":null},\"h\":{}}}";
	BUF_AUTO(out, 4096);
	bool found = false;

	CHECK_STR(edit(text, "h", "u", &out, &found),
		  "{\n\t\"auths\": {\n\t\t\"g\": {\"y\":null},\n\t\t\"h\": {\"auth\": "
		  "\"dTpw\"}\n\t},\n\t\"x\": [1,2]\n}\n");
	CHECK(found);
	CHECK_STR(edit(text, "g", NULL, &out, &found),
		  "{\n\t\"auths\": {\n\t\t\"h\": {}\n\t},\n\t\"x\": [1,2]\n}\n");
	CHECK(found);
	CHECK_STR(edit(text, NULL, NULL, &out, &found), "{\n\t\"auths\": {},\n\t\"x\": [1,2]\n}\n");
	CHECK(found);
	CHECK(edit(text, "i", NULL, &out, &found) != NULL && !found);
}

TEST(what_is_no_document)
{
	BUF_AUTO(out, 4096);
	bool found;

	CHECK(edit("{", "h", "u", &out, &found) == NULL);
	CHECK(edit("[]", "h", "u", &out, &found) == NULL);
	CHECK(edit("{}}, {\"all\": {", "h", "u", &out, &found) == NULL);
	CHECK(edit("{\"auths\": {\"h\": {}, \"h\": {}}}", "h", "u", &out, &found) == NULL);
}

TESTS(T(a_file_that_is_not_there), T(replaced_and_removed), T(what_is_no_document))
