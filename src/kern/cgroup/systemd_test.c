#include "kern/cgroup/systemd.h"

#include <string.h>

#include "base/test.h"
#include "kern/cgroup/systemd_internal.h"

TEST(paths)
{
	static const struct {
		const char *given;
		bool user;
		const char *unit; /* NULL: refused */
		const char *path;
	} cases[] = {
		{NULL, false, "corten-web.scope", "/system.slice/corten-web.scope"},
		{"", true, "corten-web.scope", "/top/user.slice/corten-web.scope"},
		{"::x", false, "-x.scope", "/system.slice/-x.scope"},
		{"machine.slice:libpod:1", false, "libpod-1.scope",
		 "/machine.slice/libpod-1.scope"},
		{"a-b-c.slice:p:n", false, "p-n.scope", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"},
		{"-.slice:p:n", false, "p-n.scope", "/p-n.scope"},
		{"-.slice:p:n", true, "p-n.scope", "/top/p-n.scope"},
		{"x.slice:ignored:a-b.slice", false, "a-b.slice", "/a.slice/a-b.slice"},
		{"/docker/1", false, NULL, NULL},
		{"a:b", false, NULL, NULL},
		{"a.slice:b:c:d", false, NULL, NULL},
		{"a.slice:b:", false, NULL, NULL},
		{"a:b:c", false, NULL, NULL}, /* no slice */
		{".slice:b:c", false, NULL, NULL},
		{"a--b.slice:b:c", false, NULL, NULL},
		{"-a.slice:b:c", false, NULL, NULL},
		{"a-.slice:b:c", false, NULL, NULL},
		{"a/b.slice:b:c", false, NULL, NULL},
		{"a.slice:b:c/d", false, NULL, NULL},
		{"a.slice:b:c+d", false, NULL, NULL},
		{"a.slice:b:-.slice", false, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cgroup_systemd plan;
		struct err err;
		int rc = cgroup_systemd_parse(cases[i].user, cases[i].given, "web",
					      cases[i].user ? "/top" : "", &plan, &err);
		if ((rc == 0) != (cases[i].unit != NULL))
			TEST_FAIL("'%s': %d", cases[i].given, rc);
		if (rc < 0 || cases[i].unit == NULL)
			continue;
		CHECK_STR(plan.unit, cases[i].unit);
		CHECK_STR(plan.path, cases[i].path);
	}
}

TEST(long_names)
{
	static char given[4096];
	struct cgroup_systemd plan;
	struct err err;

	memset(given, 'a', sizeof(given) - 1);
	CHECK(cgroup_systemd_parse(false, given, "x", "", &plan, &err) < 0);
	memcpy(given + 300, ".slice:b:c", 11);
	CHECK(cgroup_systemd_parse(false, given, "x", "", &plan, &err) < 0);
	/* Short as a name, long as a path. */
	for (size_t i = 0; i < 240; i++)
		given[i] = i % 2 == 0 ? 'a' : '-';
	memcpy(given + 239, ".slice:b:c", 11);
	CHECK(cgroup_systemd_parse(false, given, "x", "", &plan, &err) < 0);
}

/* --- annotations --- */

static bool reads(const char *name, const char *value, const char *want_name, const char *type,
		  const void *want, size_t size)
{
	BUF_AUTO(out, 8192);
	const struct cgroup_property property = {name, value};
	struct err err;

	if (systemd_put_property(&out, &property, &err) < 0)
		return false;
	struct dbus_reader in = {.data = (const uint8_t *)out.data, .size = out.len};
	bool same = strcmp(dbus_get_string(&in), want_name) == 0 &&
		    strcmp(dbus_get_signature(&in), type) == 0;
	size_t start = in.at;
	dbus_skip(&in, type);
	return same && !in.failed && in.at == in.size && in.at - start >= size &&
	       memcmp(out.data + in.size - size, want, size) == 0;
}

#define READS(name, value, want_name, type, want) \
	CHECK(reads(name, value, want_name, type, want, sizeof(want)))

TEST(annotations)
{
	const uint64_t five_seconds[] = {5000000}, half[] = {500000}, big[] = {UINT64_MAX};
	const int32_t minus[] = {-3}, list[] = {1, 2, 3};
	const uint32_t yes[] = {1};
	const uint8_t byte[] = {200};

	READS("TimeoutStopSec", "5", "TimeoutStopUSec", "t", five_seconds);
	READS("TimeoutStopSec", "uint64 5", "TimeoutStopUSec", "t", five_seconds);
	READS("TimeoutStopSec", "0.5", "TimeoutStopUSec", "t", half);
	READS("TimeoutStopUSec", "uint64 5000000", "TimeoutStopUSec", "t", five_seconds);
	READS("MemoryMax", "uint64 18446744073709551615", "MemoryMax", "t", big);
	READS("Nice", " -3 ", "Nice", "i", minus);
	READS("Nice", "int32 -3", "Nice", "i", minus);
	READS("Byte", "byte 200", "Byte", "y", byte);
	READS("IPAccounting", "true", "IPAccounting", "b", yes);
	READS("List", "[1, 2,3]", "List", "ai", list);
	READS("CollectMode", "'inactive-or-failed'", "CollectMode", "s", "inactive-or-failed");
	READS("Text", "\"it's \\\"so\\\"\"", "Text", "s", "it's \"so\"");
	READS("Before", "['a.service', 'b.service']", "Before", "as", "b.service");
	READS("Empty", "@as []", "Empty", "as", "");
}

TEST(bad_annotations)
{
	static const char *const bad[] = {
		"",           "'",        "'a",        "5x",
		"uint32 -1",  "byte 256", "[1,'a']",   "[1 2]",
		"[1",         "[[1]]",    "{}",        "uint64 18446744073709551616",
		"true5",      "5 6",      "boolean 1", "string 5",
		"int32 'a'",  "'a\\",     "(1, 2)",    "@a{sv} {}",
		"2147483648", "@as 5",    "1e999x",
	};
	static const char *const names[] = {"", "ab", "A.b", "Exec Start", "Näme", "A5x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct cgroup_property property = {"Name", bad[i]};
		struct err err;
		if (cgroup_property_check(&property, &err) >= 0)
			TEST_FAIL("'%s' was accepted", bad[i]);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct cgroup_property property = {names[i], "true"};
		struct err err;
		if (cgroup_property_check(&property, &err) >= 0)
			TEST_FAIL("'%s' was accepted", names[i]);
	}
	const struct cgroup_property negative = {"TimeoutStopSec", "-5"};
	struct err err;
	CHECK(cgroup_property_check(&negative, &err) < 0);
}

/* --- limits --- */

/* Finds a property among many. Whether it is there, its value at in. */
static bool find(const struct buf *out, const char *name, const char *type, struct dbus_reader *in)
{
	*in = (struct dbus_reader){.data = (const uint8_t *)out->data, .size = out->len};
	while (!in->failed && in->at < in->size) {
		in->at = (in->at + 7) / 8 * 8;
		bool here = strcmp(dbus_get_string(in), name) == 0;
		const char *signature = dbus_get_signature(in);
		if (here && strcmp(signature, type) == 0)
			return true;
		dbus_skip(in, signature);
	}
	return false;
}

static uint64_t number(const struct buf *out, const char *name)
{
	struct dbus_reader in;

	return find(out, name, "t", &in) ? dbus_get_uint64(&in) : 12345678;
}

TEST(limits_of_v2)
{
	const int64_t limit = 64 << 20, swap = 96 << 20, low = 32 << 20, quota = 33333, pids = -1;
	const uint64_t shares = 1024, period = 100000;
	const struct cgroup_limits limits = {
		.memory = {.limit_bytes = &limit, .swap_bytes = &swap, .reservation_bytes = &low},
		.cpu = {.shares = &shares,
			.quota_us = &quota,
			.period_us = &period,
			.cpus = "0-1,9",
			.mems = "0"},
		.pids = &pids,
	};
	BUF_AUTO(out, 8192);
	struct dbus_reader in;
	struct err err;

	REQUIRE(systemd_put_limits(&out, true, &limits, false, &err) == 0);
	CHECK_INT(number(&out, "MemoryMax"), limit);
	CHECK_INT(number(&out, "MemorySwapMax"), 32 << 20);
	CHECK_INT(number(&out, "MemoryLow"), low);
	CHECK_INT(number(&out, "CPUWeight"), 100);
	CHECK_INT(number(&out, "CPUQuotaPerSecUSec"), 340000); /* 333330, rounded up */
	CHECK_INT(number(&out, "CPUQuotaPeriodUSec"), period);
	CHECK_INT((int64_t)number(&out, "TasksMax"), -1);
	REQUIRE(find(&out, "AllowedCPUs", "ay", &in));
	CHECK_INT(dbus_get_uint32(&in), 2);
	CHECK_INT(dbus_get_byte(&in), 3);
	CHECK_INT(dbus_get_byte(&in), 2);
	REQUIRE(find(&out, "AllowedMemoryNodes", "ay", &in));
	CHECK_INT(dbus_get_uint32(&in), 1);
	CHECK(!find(&out, "DevicePolicy", "s", &in));
	buf_clear(&out);
	REQUIRE(systemd_put_limits(&out, false, &limits, false, &err) == 0);
	CHECK_INT(number(&out, "MemoryLimit"), limit);
	CHECK_INT(number(&out, "CPUShares"), 1024);
	CHECK(!find(&out, "AllowedCPUs", "ay", &in));
}

TEST(unified_becomes_properties)
{
	const struct cgroup_setting settings[] = {
		{"memory.high", "1048576"}, {"pids.max", "max"},        {"cpu.max", "50000 100000"},
		{"cpuset.cpus", "1"},       {"io.weight", "default 5"}, {"cpu.weight", "nonsense"},
	};
	const struct cgroup_limits limits = {.unified = settings, .unified_count = 6};
	BUF_AUTO(out, 8192);
	struct dbus_reader in;
	struct err err;

	REQUIRE(systemd_put_limits(&out, true, &limits, false, &err) == 0);
	CHECK_INT(number(&out, "MemoryHigh"), 1048576);
	CHECK_INT((int64_t)number(&out, "TasksMax"), -1);
	CHECK_INT(number(&out, "CPUQuotaPerSecUSec"), 500000);
	CHECK(find(&out, "AllowedCPUs", "ay", &in));
	CHECK(!find(&out, "CPUWeight", "t", &in));
}

TEST(bad_sets)
{
	static const char *const bad[] = {"x", "1-", "-1", "3-1", "1,,2", "8192", "0-99999999999"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct cgroup_limits limits = {.cpu = {.cpus = bad[i]}};
		BUF_AUTO(out, 8192);
		struct err err;
		if (systemd_put_limits(&out, true, &limits, false, &err) >= 0)
			TEST_FAIL("'%s' was accepted", bad[i]);
	}
}

TEST(devices_are_listed)
{
	const struct cgroup_device_rule rules[] = {
		{false, 'a', 7, CGROUP_DEVICE_ANY, CGROUP_DEVICE_ANY},
		{true, 'c', CGROUP_DEVICE_MKNOD, CGROUP_DEVICE_ANY, CGROUP_DEVICE_ANY},
		{true, 'c', 7, 136, CGROUP_DEVICE_ANY},
		{true, 'b', CGROUP_DEVICE_READ, 8, 1},
	};
	struct cgroup_limits limits = {.devices = rules, .device_count = 4};
	BUF_AUTO(out, 8192);
	struct dbus_reader in;
	struct err err;

	REQUIRE(systemd_put_limits(&out, true, &limits, false, &err) == 0);
	REQUIRE(find(&out, "DevicePolicy", "s", &in));
	CHECK_STR(dbus_get_string(&in), "strict");
	REQUIRE(find(&out, "DeviceAllow", "a(ss)", &in));
	CHECK_INT(dbus_get_uint32(&in), 0); /* takes off what was there */
	struct dbus_reader rest = {.data = in.data, .size = in.size, .at = (in.at + 7) / 8 * 8};
	CHECK_STR(dbus_get_string(&rest), "DeviceAllow");
	CHECK_STR(dbus_get_signature(&rest), "a(ss)");
	CHECK(dbus_get_uint32(&rest) > 0);
	static const char *const want[] = {"char-*", "m", "char-136", "rwm", "/dev/block/8:1", "r"};
	for (size_t i = 0; i < 6; i++) {
		if (i % 2 == 0)
			rest.at = (rest.at + 7) / 8 * 8;
		CHECK_STR(dbus_get_string(&rest), want[i]);
	}
	/* systemd has no word for one minor of all majors, nor for "all but": our filter alone holds. */
	const struct cgroup_device_rule odd[] = {{true, 'c', 7, CGROUP_DEVICE_ANY, 3}};
	limits = (struct cgroup_limits){.devices = odd, .device_count = 1};
	buf_clear(&out);
	REQUIRE(systemd_put_limits(&out, true, &limits, false, &err) == 0);
	REQUIRE(find(&out, "DevicePolicy", "s", &in));
	CHECK_STR(dbus_get_string(&in), "auto");
}

TESTS(T(paths), T(long_names), T(annotations), T(bad_annotations), T(limits_of_v2),
      T(unified_becomes_properties), T(bad_sets), T(devices_are_listed))
