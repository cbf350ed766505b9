#include "engine/spec/value.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/test.h"

static int64_t size_of(const char *text)
{
	struct err err = {0};
	int64_t bytes = -2;

	return value_parse_size(text, true, &bytes, &err) < 0 ? -2 : bytes;
}

TEST(sizes)
{
	CHECK_INT(size_of("0"), 0);
	CHECK_INT(size_of("10"), 10);
	CHECK_INT(size_of("10b"), 10);
	CHECK_INT(size_of("512k"), 512 * 1024);
	CHECK_INT(size_of("512KB"), 512 * 1024);
	CHECK_INT(size_of("1m"), 1 << 20);
	CHECK_INT(size_of("64MiB"), 64 << 20);
	CHECK_INT(size_of("1.5g"), 1610612736);
	CHECK_INT(size_of("16g"), 16LL << 30);
	CHECK_INT(size_of("2t"), 2LL << 40);
	CHECK_INT(size_of(".5k"), 512);
	CHECK_INT(size_of("-1"), -1);
	CHECK_INT(size_of("8191p"), 8191LL << 50);
}

TEST(sizes_refused)
{
	static const char *const bad[] = {"",
					  "m",
					  "-5",
					  "1x",
					  "1mm",
					  "1 2",
					  "0x10",
					  "1e9",
					  "10bb",
					  ".",
					  "9223372036854775808",
					  "8192p",
					  "-2",
					  "1.2.3"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (size_of(bad[i]) != -2)
			TEST_FAIL("'%s' was taken for %lld", bad[i], (long long)size_of(bad[i]));
	}
	struct err err;
	int64_t bytes;
	CHECK(value_parse_size("-1", false, &bytes, &err) < 0);
}

TEST(cpus)
{
	struct err err;
	int64_t nano = 0;

	CHECK_INT(value_parse_cpus("1.5", &nano, &err), 0);
	CHECK_INT(nano, 1500000000);
	CHECK_INT(value_parse_cpus("0.000000001", &nano, &err), 0);
	CHECK_INT(nano, 1);
	CHECK(value_parse_cpus("1.5x", &nano, &err) < 0);
	CHECK(value_parse_cpus("-1", &nano, &err) < 0);
	CHECK(value_parse_cpus("99999999999999", &nano, &err) < 0);
}

static int signal_of(const char *text)
{
	struct err err;
	int signal = 0;

	return value_parse_signal(text, &signal, &err) < 0 ? -1 : signal;
}

TEST(signals)
{
	CHECK_INT(signal_of("TERM"), SIGTERM);
	CHECK_INT(signal_of("sigterm"), SIGTERM);
	CHECK_INT(signal_of("9"), SIGKILL);
	CHECK_INT(signal_of("SIGRTMIN+3"), 37);
	CHECK_INT(signal_of("RTMAX"), 64);
	CHECK_INT(signal_of("RTMAX-1"), 63);
	CHECK_INT(signal_of("RTMIN+31"), -1);
	CHECK_INT(signal_of("0"), -1);
	CHECK_INT(signal_of("65"), -1);
	CHECK_INT(signal_of(""), -1);
	CHECK_INT(signal_of("SIG"), -1);
	CHECK_INT(signal_of("TERMINATE"), -1);
	CHECK_STR(value_signal_name(SIGKILL), "KILL");
	CHECK(value_signal_name(40) == NULL);
}

static int64_t duration_of(const char *text)
{
	struct err err;
	int64_t ns = 0;

	return value_parse_duration(text, &ns, &err) < 0 ? -1 : ns;
}

TEST(durations)
{
	CHECK_INT(duration_of("10s"), 10000000000);
	CHECK_INT(duration_of("1h30m"), 5400000000000);
	CHECK_INT(duration_of("1.5s"), 1500000000);
	CHECK_INT(duration_of("250ms"), 250000000);
	CHECK_INT(duration_of("10"), -1);
	CHECK_INT(duration_of(""), -1);
	CHECK_INT(duration_of("s"), -1);
	CHECK_INT(duration_of("9999999h"), -1);
	CHECK_INT(duration_of("5x"), -1);
}

TEST(ulimits)
{
	struct err err;
	struct value_ulimit limit;

	CHECK_INT(value_parse_ulimit("nofile=1024:2048", &limit, &err), 0);
	CHECK_STR(limit.name, "RLIMIT_NOFILE");
	CHECK_INT(limit.soft, 1024);
	CHECK_INT(limit.hard, 2048);
	CHECK_INT(value_parse_ulimit("core=-1", &limit, &err), 0);
	CHECK(limit.soft == UINT64_MAX && limit.hard == UINT64_MAX);
	CHECK_INT(value_parse_ulimit("nproc=unlimited", &limit, &err), 0);
	CHECK_INT(limit.resource, RLIMIT_NPROC);
	CHECK(value_parse_ulimit("nofile=2:1", &limit, &err) < 0);
	CHECK(value_parse_ulimit("nofile=-1:1", &limit, &err) < 0);
	CHECK(value_parse_ulimit("nofile", &limit, &err) < 0);
	CHECK(value_parse_ulimit("=1", &limit, &err) < 0);
	CHECK(value_parse_ulimit("nofiles=1", &limit, &err) < 0);
	CHECK(value_parse_ulimit("nofile=1:2:3", &limit, &err) < 0);
	CHECK(value_parse_ulimit("nofile=", &limit, &err) < 0);
}

TEST(devices)
{
	ARENA_AUTO(arena, 65536);
	struct err err;
	struct value_device device;

	CHECK_INT(value_parse_device("/dev/fuse", &arena, &device, &err), 0);
	CHECK_STR(device.target, "/dev/fuse");
	CHECK_STR(device.access, "rwm");
	CHECK_INT(value_parse_device("/dev/fuse:/dev/f:r", &arena, &device, &err), 0);
	CHECK_STR(device.source, "/dev/fuse");
	CHECK_STR(device.target, "/dev/f");
	CHECK_STR(device.access, "r");
	CHECK_INT(value_parse_device("/dev/fuse:rw", &arena, &device, &err), 0);
	CHECK_STR(device.target, "/dev/fuse");
	CHECK_STR(device.access, "rw");
	CHECK(value_parse_device("dev/fuse", &arena, &device, &err) < 0);
	CHECK(value_parse_device("/dev/fuse:/x:rx", &arena, &device, &err) < 0);
	CHECK(value_parse_device("/dev/fuse:/x:", &arena, &device, &err) < 0);
}

TEST(pairs)
{
	ARENA_AUTO(arena, 65536);
	struct err err;
	const char *key, *value;

	CHECK_INT(value_parse_pair("A=b=c", "--env", &arena, &key, &value, &err), 0);
	CHECK_STR(key, "A");
	CHECK_STR(value, "b=c");
	CHECK_INT(value_parse_pair("A", "--env", &arena, &key, &value, &err), 0);
	CHECK(value == NULL);
	CHECK(value_parse_pair("=x", "--env", &arena, &key, &value, &err) < 0);
}

TESTS(T(sizes), T(sizes_refused), T(cpus), T(signals), T(durations), T(ulimits), T(devices),
      T(pairs))
