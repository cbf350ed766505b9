#include "kern/cgroup/account.h"

#include "base/test.h"

TEST(io_of_version_1)
{
	static struct cgroup_io_list list;

	list.count = 0;
	cgroup_parse_io_v1("8:0 Read 4096\n8:16 Write 5\n8:0 7\nTotal 4096\nnonsense\n", &list);
	CHECK_INT(list.count, 3);
	CHECK_STR(list.entries[0].operation, "Read");
	CHECK_INT(list.entries[0].value, 4096);
	CHECK_INT(list.entries[1].minor, 16);
	CHECK_STR(list.entries[2].operation, "");
	CHECK_INT(list.entries[2].value, 7);
}

TEST(io_of_version_2)
{
	static struct cgroup_io_list bytes, operations;

	bytes.count = operations.count = 0;
	cgroup_parse_io_v2(
		"8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n253:1 rios=9\n7:0 \n", &bytes,
		&operations);
	CHECK_INT(bytes.count, 2);
	CHECK_INT(operations.count, 3);
	CHECK_INT(bytes.entries[1].value, 2);
	CHECK_STR(bytes.entries[1].operation, "Write");
	CHECK_INT(operations.entries[2].major, 253);
	CHECK_INT(operations.entries[2].value, 9);
}

TEST(io_lists_have_an_end)
{
	static struct cgroup_io_list list;
	static char text[CGROUP_IO_ENTRIES_MAX * 16];
	size_t at = 0;

	list.count = 0;
	for (int i = 0; i < CGROUP_IO_ENTRIES_MAX + 10; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "1:%d Read 1\n", i);
	cgroup_parse_io_v1(text, &list);
	CHECK_INT(list.count, CGROUP_IO_ENTRIES_MAX);
}

TEST(pressure)
{
	struct cgroup_pressure pressure = {.known = false};

	cgroup_parse_pressure("some avg10=1.50 avg60=0.25 avg300=0.00 total=42\n"
			      "full avg10=0.00 avg60=0.00 avg300=0.50 total=7\n",
			      &pressure);
	CHECK(pressure.known);
	CHECK_INT((int)(pressure.some.avg10 * 100), 150);
	CHECK_INT((int)(pressure.some.avg60 * 100), 25);
	CHECK_INT(pressure.some.total, 42);
	CHECK_INT((int)(pressure.full.avg300 * 100), 50);
	CHECK_INT(pressure.full.total, 7);
	pressure.known = false;
	cgroup_parse_pressure("some avg10=x\n", &pressure);
	CHECK(!pressure.known);
}

TEST(keys)
{
	struct cgroup_key keys[2];

	CHECK_INT(cgroup_parse_keys("cache 12\nrss 7\nmore 1\n", keys, 2), 2);
	CHECK_STR(keys[0].name, "cache");
	CHECK_INT(keys[0].value, 12);
	CHECK_INT(keys[1].value, 7);
	CHECK_INT(cgroup_parse_keys("\nlonely\n", keys, 2), 0);
}

TESTS(T(io_of_version_1), T(io_of_version_2), T(io_lists_have_an_end), T(pressure), T(keys))
