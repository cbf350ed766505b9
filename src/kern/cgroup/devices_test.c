#include "kern/cgroup/devices.h"

#include <linux/bpf.h>
#include <string.h>

#include "base/test.h"
#include "kern/cgroup/internal.h"

#define ANY CGROUP_DEVICE_ANY
#define R   CGROUP_DEVICE_READ
#define W   CGROUP_DEVICE_WRITE
#define M   CGROUP_DEVICE_MKNOD
#define RWM CGROUP_DEVICE_ALL

/* An interpreter of the instructions that the assembler emits. -1: the program is not valid. */
static int run_program(const struct bpf_insn *insns, size_t count,
		       const struct bpf_cgroup_dev_ctx *context)
{
	uint64_t reg[10] = {0};

	for (size_t pc = 0; pc < count; pc++) {
		const struct bpf_insn *at = &insns[pc];
		uint64_t *dst = &reg[at->dst_reg];
		int32_t imm = at->imm;
		bool jump = false;
		switch (at->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			if (at->src_reg != 1 || at->off < 0 || at->off > 8 || at->off % 4 != 0)
				return -1;
			*dst = (&context->access_type)[at->off / 4];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			*dst = reg[at->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = (uint64_t)(int64_t)imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= (uint64_t)(int64_t)imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			jump = (uint32_t)*dst != (uint32_t)imm;
			break;
		case BPF_JMP32 | BPF_JSET | BPF_K:
			jump = ((uint32_t)*dst & (uint32_t)imm) != 0;
			break;
		case BPF_JMP | BPF_JA:
			jump = true;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)reg[0];
		default:
			return -1;
		}
		if (jump && at->off <= 0)
			return -1;
		if (jump)
			pc += (size_t)at->off;
	}
	return -1;
}

static bool allows(const struct cgroup_device_policy *policy, char type, uint32_t major,
		   uint32_t minor, unsigned access)
{
	static struct bpf_insn insns[CGROUP_DEVICE_PROGRAM_MAX];
	size_t count = cgroup_device_program(policy, insns);
	struct bpf_cgroup_dev_ctx context = {
		.access_type =
			access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};
	int result = run_program(insns, count, &context);

	CHECK(result == 0 || result == 1);
	return result == 1;
}

static const struct cgroup_device_rule docker[] = {
	{false, 'a', RWM, ANY, ANY}, {true, 'c', M, ANY, ANY},         {true, 'b', M, ANY, ANY},
	{true, 'c', RWM, 1, 3},      {true, 'c', RWM, 1, 5},           {true, 'c', R | W, 5, 1},
	{true, 'c', RWM, 136, ANY},  {false, 'c', R | W | M, 10, 229}, {true, 'b', R, 8, 0},
};

TEST(docker_policy)
{
	static struct cgroup_device_policy policy;
	struct err err;

	REQUIRE(cgroup_device_reduce(docker, sizeof(docker) / sizeof(docker[0]), &policy, &err) <
		0);
	CHECK_INT(err.kind, ERR_INVALID); /* a part of "c *:* m" cannot be taken back */
	struct cgroup_device_rule good[9];
	memcpy(good, docker, sizeof(good));
	good[7].access = R | W;
	REQUIRE(cgroup_device_reduce(good, 9, &policy, &err) == 0);
	CHECK(!policy.allow_by_default);
	CHECK_INT(policy.count, 7);
	CHECK(allows(&policy, 'c', 1, 3, R | W));
	CHECK(allows(&policy, 'c', 1, 3, RWM));
	CHECK(allows(&policy, 'c', 136, 77, R));
	CHECK(allows(&policy, 'c', 99, 99, M));
	CHECK(allows(&policy, 'b', 99, 99, M));
	CHECK(allows(&policy, 'b', 8, 0, R));
	CHECK(!allows(&policy, 'b', 8, 0, R | W));
	CHECK(!allows(&policy, 'b', 8, 0, R | M)); /* no one rule holds both */
	CHECK(!allows(&policy, 'c', 8, 0, R));
	CHECK(!allows(&policy, 'c', 10, 229, R));
	CHECK(!allows(&policy, 'b', 1, 3, R));
	CHECK(!allows(&policy, 'c', 1, 4, R));
}

TEST(allow_all_but)
{
	static const struct cgroup_device_rule rules[] = {
		{false, 'c', RWM, 1, 3}, /* forgotten by the next */
		{true, 'a', R, 7, 7},
		{false, 'c', W, 1, 5},
		{false, 'b', RWM, 0xffffffff, 0},
	};
	static struct cgroup_device_policy policy;
	struct err err;

	REQUIRE(cgroup_device_reduce(rules, 4, &policy, &err) == 0);
	CHECK(policy.allow_by_default);
	CHECK(allows(&policy, 'c', 1, 3, RWM));
	CHECK(allows(&policy, 'c', 1, 5, R));
	CHECK(!allows(&policy, 'c', 1, 5, W));
	CHECK(!allows(&policy, 'c', 1, 5, R | W)); /* any access that is forbidden is enough */
	CHECK(!allows(&policy, 'b', 0xffffffff, 0, M));
	CHECK(allows(&policy, 'b', 0xfffffffe, 0, M));
}

TEST(merging)
{
	static const struct cgroup_device_rule rules[] = {
		{false, 0, 0, ANY, ANY},  {true, 'c', R, 4, 1}, {true, 'c', W, 4, 1},
		{false, 'c', M, 4, 1},    {true, 'c', R, 4, 2}, {false, 'c', RWM, 4, 2},
		{false, 'c', RWM, 4, 64},
	};
	static struct cgroup_device_policy policy;
	struct err err;

	REQUIRE(cgroup_device_reduce(rules, 7, &policy, &err) == 0);
	REQUIRE(policy.count == 1);
	CHECK_INT(policy.exceptions[0].access, R | W);
	CHECK(policy.exceptions[0].allow);
	CHECK(allows(&policy, 'c', 4, 1, R | W));
	CHECK(!allows(&policy, 'c', 4, 1, M));
}

/* What the specification means: for each access the last rule that matches. */
static bool allows_in_order(const struct cgroup_device_rule *rules, size_t count, char type,
			    uint32_t major, uint32_t minor, unsigned access)
{
	for (unsigned bit = 1; bit <= RWM; bit <<= 1) {
		bool allowed = false;
		for (size_t i = 0; i < count; i++)
			if (rules[i].type == 'a' ||
			    (rules[i].type == type && (rules[i].access & bit) != 0 &&
			     (rules[i].major == ANY || rules[i].major == major) &&
			     (rules[i].minor == ANY || rules[i].minor == minor)))
				allowed = rules[i].allow;
		if ((access & bit) != 0 && !allowed)
			return false;
	}
	return true;
}

TEST(parts_of_wider_rules)
{
	static struct cgroup_device_policy policy;
	struct cgroup_device_rule rules[6];
	unsigned seed = 1, ordered = 0;
	struct err err;

	REQUIRE(cgroup_device_reduce_v2(docker, 9, &policy, &err) == 0);
	CHECK(policy.ordered && !allows(&policy, 'c', 10, 229, M));
	CHECK(allows(&policy, 'c', 10, 228, M) && !allows(&policy, 'c', 10, 228, R));
	CHECK(allows(&policy, 'c', 136, 77, RWM));
	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < 6; i++) {
			seed = seed * 1103515245 + 12345;
			unsigned bits = seed >> 8;
			rules[i] = (struct cgroup_device_rule){
				.allow = (bits & 1) != 0,
				.type = i == 0 || (bits & 0xe000) == 0 ? 'a'
					: bits & 2                     ? 'b'
								       : 'c',
				.access = (uint8_t)(1 + (bits >> 2 & 7) % 7),
				.major = (bits >> 5 & 3) == 0 ? ANY : (int64_t)(bits >> 5 & 1),
				.minor = (bits >> 7 & 1) == 0 ? ANY : (int64_t)(bits >> 8 & 1),
			};
		}
		REQUIRE(cgroup_device_reduce_v2(rules, 6, &policy, &err) == 0);
		ordered += policy.ordered;
		for (unsigned ask = 0; policy.ordered && ask < 8 * RWM; ask++) {
			char type = ask & 1 ? 'b' : 'c';
			unsigned access = 1 + ask / 8;
			if (allows(&policy, type, ask >> 1 & 1, ask >> 2 & 1, access) !=
			    allows_in_order(rules, 6, type, ask >> 1 & 1, ask >> 2 & 1, access))
				TEST_FAIL("round %d: %c %u:%u %u", round, type, ask >> 1 & 1,
					  ask >> 2 & 1, access);
		}
	}
	CHECK(ordered > 100);
}

TEST(bad_rules)
{
	static const struct cgroup_device_rule rules[] = {
		{true, 'u', RWM, 1, 1},
		{true, 'c', 0, 1, 1},
		{true, 'c', 8, 1, 1},
		{true, 'c', RWM, -2, 1},
		{true, 'b', RWM, 1, 0x100000000},
	};
	static struct cgroup_device_policy policy;
	static struct cgroup_device_rule many[CGROUP_DEVICE_RULES_MAX + 1];
	struct err err;
	uint8_t access;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		CHECK(cgroup_device_reduce(&rules[i], 1, &policy, &err) < 0);
		CHECK(cgroup_device_reduce_v2(&rules[i], 1, &policy, &err) < 0);
	}
	for (size_t i = 0; i <= CGROUP_DEVICE_RULES_MAX; i++)
		many[i] = (struct cgroup_device_rule){true, 'c', RWM, 1, (int64_t)i};
	CHECK(cgroup_device_reduce(many, CGROUP_DEVICE_RULES_MAX + 1, &policy, &err) < 0);
	CHECK(cgroup_device_reduce_v2(many, CGROUP_DEVICE_RULES_MAX + 1, &policy, &err) < 0);
	REQUIRE(cgroup_device_reduce(many, CGROUP_DEVICE_RULES_MAX, &policy, &err) == 0);
	CHECK(allows(&policy, 'c', 1, CGROUP_DEVICE_RULES_MAX - 1, RWM));
	CHECK(!allows(&policy, 'c', 1, CGROUP_DEVICE_RULES_MAX, RWM));
	CHECK_INT(cgroup_device_parse_access("mw", &access, &err), 0);
	CHECK_INT(access, W | M);
	CHECK_INT(cgroup_device_parse_access(NULL, &access, &err), 0);
	CHECK_INT(access, RWM);
	CHECK(cgroup_device_parse_access("rx", &access, &err) < 0);
}

TEST(v1_list)
{
	static struct cgroup_device_policy policy;
	struct err err;

	REQUIRE(cgroup_device_parse_list("a *:* rwm\n", &policy, &err) == 0);
	CHECK(policy.allow_by_default);
	REQUIRE(cgroup_device_parse_list("c 1:3 rwm\nb *:* m\nc 136:* rw\n", &policy, &err) == 0);
	CHECK(!policy.allow_by_default);
	REQUIRE(policy.count == 3);
	CHECK_INT(policy.exceptions[1].type, 'b');
	CHECK_INT(policy.exceptions[1].major, ANY);
	CHECK_INT(policy.exceptions[2].access, R | W);
	CHECK(cgroup_device_parse_list("", &policy, &err) == 0 && policy.count == 0);
	static const char *const bad[] = {"c",       "c 1",      "c 1:",
					  "c 1:2",   "c 1:2 x",  "c 1:2 rwmr",
					  "x 1:2 r", "c -1:2 r", "c 1:99999999999 r",
					  "\n",      "c 1:2\nr"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cgroup_device_parse_list(bad[i], &policy, &err) >= 0)
			TEST_FAIL("accepted '%s'", bad[i]);
}

TESTS(T(docker_policy), T(allow_all_but), T(merging), T(parts_of_wider_rules), T(bad_rules),
      T(v1_list))
