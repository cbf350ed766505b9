#include "kern/task/number_list.h"

#include <errno.h>
#include <string.h>

#include "base/test.h"

TEST(lists_are_read)
{
	struct number_list list;
	struct err err = {0};

	CHECK_INT(number_list_parse("0-3,7", &list, &err), 0);
	CHECK_INT(list.count, 5);
	CHECK_INT(list.end, 8);
	CHECK(number_list_has(&list, 0) && number_list_has(&list, 3) && number_list_has(&list, 7));
	CHECK(!number_list_has(&list, 4) && !number_list_has(&list, 8));
	CHECK_INT(list.words[0], 0x8f);
	CHECK_INT(number_list_parse(" 64 , 1 - 2 ,1\n", &list, &err), 0);
	CHECK_INT(list.count, 3);
	CHECK_INT(list.words[1], 1);
	CHECK_INT(number_list_parse("8191", &list, &err), 0);
	CHECK_INT(list.end, 8192);
	CHECK(!number_list_has(&list, 8192) && !number_list_has(&list, 4000000000U));
}

TEST(nothing_is_the_empty_set)
{
	struct number_list list;
	struct err err = {0};

	CHECK_INT(number_list_parse("", &list, &err), 0);
	CHECK_INT(list.count, 0);
	CHECK_INT(list.end, 0);
	CHECK_INT(number_list_parse(NULL, &list, &err), 0);
	CHECK_INT(list.count, 0);
	CHECK_INT(number_list_parse("  ", &list, &err), 0);
	CHECK_INT(list.count, 0);
}

TEST(others_are_refused)
{
	static const char *const wrong[] = {
		"x",     ",",    "1,",     ",1",   "1,,2",
		"3-1",   "-1",   "1-",     "1--2", "0x1",
		"1 2",   "8192", "0-8192", "all",  "99999999999999999999",
		"1-2-3", "1;2",  "+1",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct number_list list;
		struct err err = {0};
		char text[600];
		if (number_list_parse(wrong[i], &list, &err) != -EINVAL)
			TEST_FAIL("'%s' was taken", wrong[i]);
		CHECK_INT(err.kind, ERR_INVALID);
		CHECK(strstr(err_format(&err, text, sizeof(text)), wrong[i]) != NULL);
	}
}

TESTS(T(lists_are_read), T(nothing_is_the_empty_set), T(others_are_refused))
