#include "runtime/command/update_flags.h"

#include "base/test.h"

TEST(nothing_asked_for_is_nothing_changed)
{
	struct update_values values = {.memory = ""};
	struct update_limits limits;
	struct err err;

	CHECK_INT(update_flags_convert(&values, &limits, &err), 0);
	CHECK(limits.memory.limit_bytes == NULL && limits.cpu.quota_us == NULL);
	CHECK(limits.pids.limit == NULL && limits.block_io.weight == NULL);
	CHECK(limits.cpu.cpus == NULL);
}

TEST(each_flag_reaches_its_limit)
{
	struct update_values values = {
		.blkio_weight = "300",
		.cpu_period = "100000",
		.cpu_quota = "-1",
		.cpu_burst = "0",
		.cpu_share = "512",
		.cpu_rt_period = "7",
		.cpu_rt_runtime = "8",
		.cpu_idle = "1",
		.cpuset_cpus = "0-1",
		.cpuset_mems = "0",
		.kernel_memory = "1m",
		.kernel_memory_tcp = "2m",
		.memory = "1.5g",
		.memory_reservation = "64K",
		.memory_swap = "-1",
		.pids_limit = "-1",
	};
	struct update_limits limits;
	struct err err;

	CHECK_INT(update_flags_convert(&values, &limits, &err), 0);
	CHECK_INT(*limits.block_io.weight, 300);
	CHECK_INT(*limits.cpu.period_us, 100000);
	CHECK_INT(*limits.cpu.quota_us, -1);
	CHECK_INT(*limits.cpu.burst_us, 0);
	CHECK_INT(*limits.cpu.shares, 512);
	CHECK_INT(*limits.cpu.realtime_period_us, 7);
	CHECK_INT(*limits.cpu.realtime_runtime_us, 8);
	CHECK_INT(*limits.cpu.idle, 1);
	CHECK_STR(limits.cpu.cpus, "0-1");
	CHECK_STR(limits.cpu.mems, "0");
	CHECK_INT(*limits.memory.kernel_bytes, 1 << 20);
	CHECK_INT(*limits.memory.kernel_tcp_bytes, 2 << 20);
	CHECK_INT(*limits.memory.limit_bytes, 1536LL << 20);
	CHECK_INT(*limits.memory.reservation_bytes, 65536);
	CHECK_INT(*limits.memory.swap_bytes, -1);
	CHECK_INT(*limits.pids.limit, -1);
	CHECK(limits.resources.memory == &limits.memory && limits.resources.cpu == &limits.cpu);
}

TEST(wrong_values_name_their_flag)
{
	struct update_values values = {.memory = "lots"};
	struct update_limits limits;
	char text[512];
	struct err err = {.kind = ERR_NONE};

	CHECK(update_flags_convert(&values, &limits, &err) < 0);
	CHECK(strstr(err_format(&err, text, sizeof(text)), "--memory") != NULL);
	values = (struct update_values){.cpu_period = "-1"};
	CHECK(update_flags_convert(&values, &limits, &err) < 0);
	values = (struct update_values){.blkio_weight = "65536"};
	CHECK(update_flags_convert(&values, &limits, &err) < 0);
	values = (struct update_values){.pids_limit = "1k"};
	CHECK(update_flags_convert(&values, &limits, &err) < 0);
	values = (struct update_values){.memory_swap = "-2"};
	CHECK(update_flags_convert(&values, &limits, &err) < 0);
}

TESTS(T(nothing_asked_for_is_nothing_changed), T(each_flag_reaches_its_limit),
      T(wrong_values_name_their_flag))
