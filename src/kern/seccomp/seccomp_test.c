#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "kern/seccomp/seccomp_model.h"
#ifdef TEST_LIBSECCOMP
#include "kern/seccomp/seccomp_oracle.h"
#endif

static const enum seccomp_arch all_archs[] = {SECCOMP_ARCH_X86_64, SECCOMP_ARCH_X86,
					      SECCOMP_ARCH_X32, SECCOMP_ARCH_AARCH64,
					      SECCOMP_ARCH_ARM};

/* Fixed: a failure names the profile's number and can be repeated. */
struct random {
	uint64_t state;
};

static uint32_t random_below(struct random *random, uint32_t bound)
{
	random->state = random->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(random->state >> 33) % bound;
}

static uint32_t run(const struct seccomp_program *program, uint32_t arch, uint32_t number,
		    uint64_t first)
{
	struct seccomp_data data = {.nr = (int)number, .arch = arch, .args = {first}};

	return model_run(program->insns, program->count, &data);
}

TEST(names_are_the_specifications)
{
	enum seccomp_action action;
	enum seccomp_arch arch;
	enum seccomp_op op;
	uint32_t flags = 0;
	struct err err = {0};

	CHECK_INT(seccomp_action_parse("SCMP_ACT_KILL", &action, &err), 0);
	CHECK_INT(action, SECCOMP_ACTION_KILL_THREAD);
	CHECK_INT(seccomp_action_parse("SCMP_ACT_LOG", &action, &err), 0);
	CHECK_INT(action, SECCOMP_ACTION_LOG);
	CHECK(seccomp_action_parse("SCMP_ACT_ALLOW_ALL", &action, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	CHECK_INT(seccomp_op_parse("SCMP_CMP_MASKED_EQ", &op, &err), 0);
	CHECK_INT(op, SECCOMP_OP_MASKED_EQ);
	CHECK(seccomp_op_parse("EQ", &op, &err) < 0);
	CHECK_INT(seccomp_arch_parse("SCMP_ARCH_ARM", &arch, &err), 0);
	CHECK_INT(arch, SECCOMP_ARCH_ARM);
	CHECK_INT(seccomp_arch_parse("SCMP_ARCH_S390X", &arch, &err), 0);
	CHECK_INT(arch, SECCOMP_ARCH_OTHER);
	CHECK(seccomp_arch_parse("SCMP_ARCH_VAX", &arch, &err) < 0);
	CHECK_INT(seccomp_flag_parse("SECCOMP_FILTER_FLAG_LOG", &flags, &err), 0);
	CHECK_INT(seccomp_flag_parse("SECCOMP_FILTER_FLAG_TSYNC", &flags, &err), 0);
	CHECK_INT(flags, SECCOMP_FLAG_LOG);
	CHECK(seccomp_flag_parse("SECCOMP_FILTER_FLAG_NEW", &flags, &err) < 0);
}

TEST(table_is_sorted_and_known)
{
	size_t count;
	const struct syscall_entry *all = syscall_table_all(&count);

	for (size_t i = 1; i < count; i++) {
		if (strcmp(all[i - 1].name, all[i].name) >= 0)
			TEST_FAIL("'%s' is not before '%s'", all[i - 1].name, all[i].name);
	}
	const struct syscall_entry *read_entry = syscall_table_find("read");
	REQUIRE(read_entry != NULL);
	CHECK_INT(read_entry->numbers[SECCOMP_ARCH_X86_64], 0);
	CHECK_INT(read_entry->numbers[SECCOMP_ARCH_X86], 3);
	CHECK_INT(read_entry->numbers[SECCOMP_ARCH_AARCH64], 63);
	CHECK_INT(read_entry->numbers[seccomp_arch_native()], SYS_read);
	CHECK(syscall_table_find("no_such_call") == NULL);
	const struct syscall_multiplexed *socket = syscall_table_find_multiplexed("socket");
	CHECK(socket != NULL && socket->number == 1 && !socket->through_ipc);
	CHECK(syscall_table_find_multiplexed("read") == NULL);
}

/* Rules on one call each, by what they say. */
static const char *const read_name[] = {"read"};
static const char *const write_name[] = {"write"};
static const char *const mseal_name[] = {"mseal"};
static const char *const socket_name[] = {"socket"};

TEST(foreign_architectures_die_and_newer_calls_are_missing)
{
	static struct seccomp_program program;
	const struct seccomp_rule rules[] = {
		{.names = read_name, .names_count = 1, .action = SECCOMP_ACTION_ALLOW},
		{.names = mseal_name, .names_count = 1, .action = SECCOMP_ACTION_ERRNO},
	};
	const struct seccomp_profile profile = {
		.default_action = SECCOMP_ACTION_ERRNO, .rules = rules, .rules_count = 2};
	struct err err = {0};
	const uint32_t eperm = 0x00050000U | EPERM, enosys = 0x00050000U | ENOSYS;

	REQUIRE(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err) == 0);
	CHECK_INT(program.flags, SECCOMP_FLAG_SPEC_ALLOW);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 1, 0), eperm);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 462, 0), eperm);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 463, 0), enosys);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 0x40000000U, 0), SECCOMP_RET_KILL_THREAD);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, UINT32_MAX, 0), eperm);
	CHECK_INT(run(&program, AUDIT_ARCH_I386, 3, 0), SECCOMP_RET_KILL_THREAD);
	CHECK_INT(run(&program, AUDIT_ARCH_AARCH64, 63, 0), SECCOMP_RET_KILL_THREAD);
}

TEST(arguments_are_64_bits_wide_and_32_on_x86)
{
	static struct seccomp_program program;
	const enum seccomp_arch archs[] = {SECCOMP_ARCH_X86};
	const struct seccomp_arg arg = {.index = 0, .op = SECCOMP_OP_EQ, .value = 0x100000002ULL};
	const struct seccomp_rule rules[] = {
		{.names = write_name,
		 .names_count = 1,
		 .args = &arg,
		 .args_count = 1,
		 .action = SECCOMP_ACTION_KILL_PROCESS},
	};
	const struct seccomp_profile profile = {.default_action = SECCOMP_ACTION_ALLOW,
						.architectures = archs,
						.architectures_count = 1,
						.rules = rules,
						.rules_count = 1};
	struct err err = {0};

	REQUIRE(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err) == 0);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 1, 2), SECCOMP_RET_ALLOW);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 1, 0x100000002ULL), SECCOMP_RET_KILL_PROCESS);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 9999, 0), SECCOMP_RET_ALLOW);
	CHECK_INT(run(&program, AUDIT_ARCH_I386, 4, 2), SECCOMP_RET_KILL_PROCESS);
	CHECK_INT(run(&program, AUDIT_ARCH_I386, 4, 3), SECCOMP_RET_ALLOW);
}

TEST(x86_sockets_also_go_through_socketcall)
{
	static struct seccomp_program program;
	const enum seccomp_arch archs[] = {SECCOMP_ARCH_X86};
	const struct seccomp_arg arg = {.index = 0, .op = SECCOMP_OP_NE, .value = 40};
	const struct seccomp_rule rules[] = {
		{.names = socket_name,
		 .names_count = 1,
		 .args = &arg,
		 .args_count = 1,
		 .action = SECCOMP_ACTION_ALLOW},
	};
	const struct seccomp_profile profile = {.default_action = SECCOMP_ACTION_ERRNO,
						.architectures = archs,
						.architectures_count = 1,
						.rules = rules,
						.rules_count = 1};
	struct err err = {0};

	REQUIRE(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err) == 0);
	CHECK_INT(run(&program, AUDIT_ARCH_I386, 359, 2), SECCOMP_RET_ALLOW);
	CHECK_INT(run(&program, AUDIT_ARCH_I386, 359, 40), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(run(&program, AUDIT_ARCH_I386, 102, 1), SECCOMP_RET_ALLOW);
	CHECK_INT(run(&program, AUDIT_ARCH_I386, 102, 2), SECCOMP_RET_ERRNO | EPERM);
}

TEST(nonsense_is_refused)
{
	static struct seccomp_program program;
	const struct seccomp_arg far = {.index = 6, .op = SECCOMP_OP_EQ};
	const struct seccomp_rule bad_index = {.names = read_name,
					       .names_count = 1,
					       .args = &far,
					       .args_count = 1,
					       .action = SECCOMP_ACTION_ALLOW};
	const struct seccomp_rule bad_errno = {.names = read_name,
					       .names_count = 1,
					       .action = SECCOMP_ACTION_ALLOW,
					       .has_errno = true,
					       .errno_ret = 1};
	struct seccomp_profile profile = {
		.default_action = SECCOMP_ACTION_ERRNO, .rules = &bad_index, .rules_count = 1};
	struct err err = {0};

	CHECK(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	profile.rules = &bad_errno;
	CHECK(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err) < 0);
	profile.rules_count = 0;
	profile.default_action = SECCOMP_ACTION_NOTIFY;
	CHECK(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err) < 0);
	profile.default_action = SECCOMP_ACTION_KILL_PROCESS;
	CHECK_INT(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err), 0);
	CHECK_INT(run(&program, AUDIT_ARCH_X86_64, 500, 0), SECCOMP_RET_KILL_PROCESS);
	CHECK(seccomp_compile(&profile, SECCOMP_ARCH_ARM, &program, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
}

TEST(a_program_over_the_kernels_maximum_is_refused)
{
	static struct seccomp_program program;
	static struct seccomp_arg args[2000][2];
	static struct seccomp_rule rules[2000];
	struct seccomp_profile profile = {.default_action = SECCOMP_ACTION_ERRNO, .rules = rules};
	struct err err = {0};

	for (uint32_t i = 0; i < 2000; i++) {
		args[i][0] = (struct seccomp_arg){.index = 0, .op = SECCOMP_OP_EQ, .value = i};
		args[i][1] = (struct seccomp_arg){.index = 1, .op = SECCOMP_OP_GT, .value = i};
		rules[i] = (struct seccomp_rule){.names = write_name,
						 .names_count = 1,
						 .args = args[i],
						 .args_count = 2,
						 .action = SECCOMP_ACTION_ALLOW};
	}
	profile.rules_count = 2000;
	CHECK(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	CHECK(strstr(err.text, "instructions") != NULL);

	/* Long jumps on the way to everything. */
	profile.rules_count = 450;
	REQUIRE(seccomp_compile(&profile, SECCOMP_ARCH_X86_64, &program, &err) == 0);
	CHECK(program.count > 1024);
	for (uint32_t i = 0; i < 450; i++) {
		struct seccomp_data data = {.nr = 1, .arch = AUDIT_ARCH_X86_64, .args = {i, i + 1}};
		CHECK_INT(model_run(program.insns, program.count, &data), SECCOMP_RET_ALLOW);
		data.args[1] = i;
		CHECK_INT(model_run(program.insns, program.count, &data),
			  SECCOMP_RET_ERRNO | EPERM);
	}
}

/* A profile made up from a seed, with its own memory. */
#define MADE_RULES 24
#define MADE_NAMES 6
#define MADE_ARGS  3

struct made {
	struct seccomp_profile profile;
	enum seccomp_arch archs[6];
	struct seccomp_rule rules[MADE_RULES];
	const char *names[MADE_RULES][MADE_NAMES];
	struct seccomp_arg args[MADE_RULES][MADE_ARGS];
};

static const uint64_t made_values[] = {
	0,
	1,
	2,
	5,
	40,
	0x7e020000,
	0x80000000,
	0xffffffff,
	0x100000000ULL,
	0x100000002ULL,
	0x200000005ULL,
	0xffffffff00000000ULL,
	0x8000000000000000ULL,
	0xffffffffffffffffULL,
};

static uint64_t made_value(struct random *random)
{
	return made_values[random_below(random, sizeof(made_values) / sizeof(made_values[0]))];
}

static enum seccomp_action made_action(struct random *random)
{
	static const enum seccomp_action actions[] = {
		SECCOMP_ACTION_ALLOW, SECCOMP_ACTION_ALLOW, SECCOMP_ACTION_ALLOW,
		SECCOMP_ACTION_ERRNO, SECCOMP_ACTION_TRAP,  SECCOMP_ACTION_LOG,
		SECCOMP_ACTION_TRACE, SECCOMP_ACTION_ERRNO, SECCOMP_ACTION_KILL_PROCESS,
	};

	return actions[random_below(random, sizeof(actions) / sizeof(actions[0]))];
}

#ifdef TEST_LIBSECCOMP
/*
 * Whether libseccomp 2.5.4 compiles rules of this call correctly: if the first call of a list does not
 * exist on an architecture, it forgets to load the call's number.
 */
static bool oracle_is_sound(const char *name)
{
	const struct syscall_entry *entry = syscall_table_find(name);

	if (syscall_table_find_multiplexed(name) != NULL && entry->numbers[SECCOMP_ARCH_X86] < 0)
		return false;
	return seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name) >= 0 &&
	       seccomp_syscall_resolve_name_arch(SCMP_ARCH_X32, name) >= 0 &&
	       seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, name) >= 0 &&
	       seccomp_syscall_resolve_name_arch(SCMP_ARCH_ARM, name) >= 0;
}
#endif

/* Few names, so that rules meet; multiplexed, x32's own, arm's private, new ones and unknown ones. */
static const char *made_name(struct random *random, bool for_oracle)
{
	static const char *const few[] = {"read",      "write",   "socket",      "semop", "clone",
					  "recvmsg",   "ioctl",   "set_tls",     "time",  "send",
					  "uselib",    "openat2", "personality", "mmap",  "accept4",
					  "cachestat", "mseal",   "no_such_call"};
	const unsigned known = for_oracle ? 15 : sizeof(few) / sizeof(few[0]);
	size_t count;
	const struct syscall_entry *all = syscall_table_all(&count);

	for (;;) {
		const char *name = few[random_below(random, known)];
		if (random_below(random, 3) == 0)
			name = all[random_below(random, (uint32_t)count)].name;
#ifdef TEST_LIBSECCOMP
		if (for_oracle && !oracle_is_sound(name))
			continue;
#endif
		return name;
	}
}

/* one_action: rules of the profile do not contradict each other. */
static void make_profile(struct made *made, struct random *random, bool for_oracle, bool one_action)
{
	enum seccomp_action action = made_action(random);

	memset(made, 0, sizeof(*made));
	made->profile.default_action = made_action(random);
	made->profile.rules = made->rules;
	made->profile.architectures = made->archs;
	for (unsigned i = 0; i < 5; i++) {
		if (random_below(random, 2) == 0)
			made->archs[made->profile.architectures_count++] = all_archs[i];
	}
	/* libseccomp's trees take exponential time when many rules of a call meet. */
	made->profile.rules_count = random_below(random, for_oracle ? 9 : MADE_RULES + 1);
	for (size_t i = 0; i < made->profile.rules_count; i++) {
		struct seccomp_rule *rule = &made->rules[i];
		rule->action = one_action ? action : made_action(random);
		if (rule->action == SECCOMP_ACTION_ERRNO && random_below(random, 2) == 0) {
			rule->has_errno = true;
			rule->errno_ret = one_action ? 7 : random_below(random, 4);
		}
		if (one_action)
			rule->has_errno = rule->action == SECCOMP_ACTION_ERRNO;
		rule->errno_ret = rule->has_errno && one_action ? 7 : rule->errno_ret;
		rule->names = made->names[i];
		rule->names_count = 1 + random_below(random, for_oracle ? 3 : MADE_NAMES);
		for (size_t j = 0; j < rule->names_count; j++)
			made->names[i][j] = made_name(random, for_oracle);
		rule->args = made->args[i];
		rule->args_count = random_below(random, 3) == 0
					   ? 0
					   : random_below(random, for_oracle ? 3 : MADE_ARGS + 1);
		for (size_t j = 0; j < rule->args_count; j++) {
			made->args[i][j] = (struct seccomp_arg){
				.index = random_below(random, 3),
				.op = (enum seccomp_op)random_below(random, 7),
				.value = made_value(random),
				.value_two = made_value(random),
			};
		}
	}
}

/* A call that the profile may have an opinion about. */
static struct seccomp_data made_call(struct random *random, const struct made *made)
{
	static const uint32_t tokens[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
					  AUDIT_ARCH_ARM, 0};
	static const uint32_t odd[] = {0,          1,          470,        600,        0x3fffffff,
				       0x40000000, 0x40000208, 0x7fffffff, 0x80000000, 0x80000001,
				       0xbfffffff, 0xc0000000, 0xfffffffe, 0xffffffff, 0xf0005,
				       102,        117};
	struct seccomp_data data = {
		.arch = tokens[random_below(random, 40) == 0 ? 4 : random_below(random, 4)]};
	uint32_t number = odd[random_below(random, sizeof(odd) / sizeof(odd[0]))];

	if (made->profile.rules_count > 0 && random_below(random, 8) != 0) {
		const struct seccomp_rule *rule =
			&made->rules[random_below(random, (uint32_t)made->profile.rules_count)];
		const struct syscall_entry *entry = syscall_table_find(
			rule->names[random_below(random, (uint32_t)rule->names_count)]);
		uint32_t arch = random_below(random, SECCOMP_ARCH_COUNT);
		if (entry != NULL && entry->numbers[arch] >= 0)
			number =
				((uint32_t)entry->numbers[arch] + (random_below(random, 10) == 0)) |
				(arch == SECCOMP_ARCH_X32 ? 0x40000000U : 0);
	}
	data.nr = (int)number;
	for (unsigned i = 0; i < SECCOMP_MAX_ARGS; i++)
		data.args[i] = made_value(random) + random_below(random, 2) -
			       (random_below(random, 4) == 0);
	return data;
}

TEST(programs_mean_what_the_model_says)
{
	static struct seccomp_program program;
	static struct made made;
	struct random random = {.state = 20240607};
	struct err err = {0};
	unsigned disputed = 0;

	for (unsigned i = 0; i < 3000; i++) {
		enum seccomp_arch native = i % 3 == 0 ? SECCOMP_ARCH_AARCH64 : SECCOMP_ARCH_X86_64;
		make_profile(&made, &random, false, i % 2 == 0);
		REQUIRE(seccomp_compile(&made.profile, native, &program, &err) == 0);
		for (unsigned j = 0; j < 60; j++) {
			struct seccomp_data data = made_call(&random, &made);
			struct model_answer want =
				model_evaluate(&made.profile, native, &data, true);
			uint32_t got = model_run(program.insns, program.count, &data);
			disputed += want.disputed;
			if (!want.disputed && got != want.value) {
				TEST_FAIL("profile %u: arch %x call %x returns %x, not %x", i,
					  data.arch, (unsigned)data.nr, got, want.value);
				return;
			}
		}
	}
	CHECK(disputed > 0);
}

#ifdef TEST_LIBSECCOMP
const char *__lsan_default_suppressions(void);

/* libseccomp 2.5.4 loses memory when it refuses a rule. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp";
}

/* One profile against libseccomp's program. Returns how many calls differ where rules contradict. */
static unsigned compare_with_oracle(struct made *made, struct random *random,
				    enum seccomp_arch native, const struct seccomp_program *program,
				    const struct sock_filter *oracle, uint32_t oracle_count)
{
	unsigned contradicted = 0;

	for (unsigned j = 0; j < 80; j++) {
		struct seccomp_data data = made_call(random, made);
		struct model_answer newer = model_evaluate(&made->profile, native, &data, true);
		struct model_answer plain = model_evaluate(&made->profile, native, &data, false);
		uint32_t got = model_run(program->insns, program->count, &data);
		uint32_t want = model_run(oracle, oracle_count, &data);

		if (newer.value != plain.value || got == want)
			continue;
		if (plain.disputed || plain.tangled)
			contradicted++;
		else
			TEST_FAIL("arch %x call %x: %x, but libseccomp's says %x (model %x)",
				  data.arch, (unsigned)data.nr, got, want, plain.value);
	}
	return contradicted;
}

TEST(programs_equal_libseccomps)
{
	static struct seccomp_program program;
	static struct sock_filter oracle[SECCOMP_MAX_INSNS * 2];
	static struct made made;
	struct random random = {.state = 20240608};
	struct err err = {0};
	unsigned compared = 0, refused = 0, contradicted = 0;

	for (unsigned i = 0; i < 2000 && test_failures == 0; i++) {
		enum seccomp_arch native = i % 3 == 0 ? SECCOMP_ARCH_AARCH64 : SECCOMP_ARCH_X86_64;
		make_profile(&made, &random, true, i % 4 != 0);
		REQUIRE(seccomp_compile(&made.profile, native, &program, &err) == 0);
		int count = oracle_compile(&made.profile, native, oracle, SECCOMP_MAX_INSNS * 2);
		if (count < 0) {
			refused++; /* rules that contradict each other in ways it cannot hold */
			continue;
		}
		compared++;
		contradicted += compare_with_oracle(&made, &random, native, &program, oracle,
						    (uint32_t)count);
		if (test_failures > 0)
			printf("in profile %u\n", i);
	}
	printf("compared %u profiles, libseccomp refused %u, %u contradictions decided otherwise\n",
	       compared, refused, contradicted);
	CHECK(compared > 1000);
}

TEST(numbers_equal_libseccomps)
{
	size_t count;
	const struct syscall_entry *all = syscall_table_all(&count);
	unsigned compared = 0;

	for (size_t i = 0; i < count; i++) {
		for (unsigned j = 0; j < 5; j++) {
			int want = seccomp_syscall_resolve_name_arch(oracle_archs[j], all[i].name);
			int have = all[i].numbers[j];
			if (j == SECCOMP_ARCH_X32 && have >= 0)
				have |= 0x40000000;
			if (want < 0) /* unknown, or multiplexed */
				continue;
			compared++;
			if (want != have)
				TEST_FAIL("'%s' has number %d on architecture %u, not %d",
					  all[i].name, want, j, have);
		}
	}
	CHECK(compared > 1500);
}
#else
TEST(programs_equal_libseccomps)
{
	TEST_SKIP("built without libseccomp");
}

TEST(numbers_equal_libseccomps)
{
	TEST_SKIP("built without libseccomp");
}
#endif

/* What the kernel itself makes of a program: in a child, which loads it and tries calls. */
static int try_in_kernel(void)
{
	static struct seccomp_program program;
	static const char *const quiet[] = {"getppid"};
	const struct seccomp_arg arg = {.index = 0, .op = SECCOMP_OP_EQ, .value = 77};
	const struct seccomp_rule rules[] = {
		{.names = quiet,
		 .names_count = 1,
		 .action = SECCOMP_ACTION_ERRNO,
		 .has_errno = true,
		 .errno_ret = 99},
		{.names = write_name,
		 .names_count = 1,
		 .args = &arg,
		 .args_count = 1,
		 .action = SECCOMP_ACTION_ERRNO,
		 .has_errno = true,
		 .errno_ret = 98},
	};
	const struct seccomp_profile profile = {
		.default_action = SECCOMP_ACTION_ALLOW, .rules = rules, .rules_count = 2};
	struct err err = {0};

	if (prctl(PR_GET_SECCOMP) < 0)
		return 33;
	if (seccomp_compile(&profile, seccomp_arch_native(), &program, &err) < 0)
		return 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 2;
	if (seccomp_load(program.insns, program.count * sizeof(program.insns[0]), program.flags,
			 &err) < 0)
		return 3;
	errno = 0;
	if (syscall(SYS_getppid) != -1 || errno != 99)
		return 4;
	if (write(77, "x", 1) != -1 || errno != 98)
		return 5;
	if (write(78, "x", 1) != -1 || errno != EBADF)
		return 6;
	return 0;
}

TEST(the_kernel_takes_it)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_in_kernel());
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 33)
		TEST_SKIP("this kernel, or the emulator, has no seccomp filters");
	CHECK_INT(WEXITSTATUS(status), 0);
}

TEST(half_an_instruction_is_not_loaded)
{
	struct err err = {0};

	CHECK(seccomp_load("123", 3, 0, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
}

TEST(names_are_what_is_parsed)
{
	enum seccomp_action action;
	enum seccomp_arch arch;
	enum seccomp_op op;
	struct err err = {0};
	uint32_t bit, flags;
	size_t at;

	for (at = 0; seccomp_action_name(at) != NULL; at++)
		CHECK_INT(seccomp_action_parse(seccomp_action_name(at), &action, &err), 0);
	CHECK_INT(at, SECCOMP_ACTION_NOTIFY + 1);
	for (at = 0; seccomp_op_name(at) != NULL; at++)
		CHECK_INT(seccomp_op_parse(seccomp_op_name(at), &op, &err), 0);
	CHECK_INT(at, SECCOMP_OP_MASKED_EQ + 1);
	for (at = 0; seccomp_arch_name(at) != NULL; at++)
		CHECK_INT(seccomp_arch_parse(seccomp_arch_name(at), &arch, &err), 0);
	CHECK_INT(at, 23); /* config-linux.md, 1.3 */
	for (at = 0; seccomp_flag_name(at, &bit) != NULL; at++) {
		flags = 0;
		CHECK_INT(seccomp_flag_parse(seccomp_flag_name(at, &bit), &flags, &err), 0);
		CHECK_INT(flags, bit);
	}
	CHECK_INT(at, 4);
}

TEST(no_kernel_has_a_flag_of_the_future)
{
	CHECK(!seccomp_flags_are_supported(1U << 30));
	CHECK(seccomp_flags_are_supported(0));
}

TESTS(T(names_are_what_is_parsed), T(no_kernel_has_a_flag_of_the_future),
      T(names_are_the_specifications), T(table_is_sorted_and_known),
      T(foreign_architectures_die_and_newer_calls_are_missing),
      T(arguments_are_64_bits_wide_and_32_on_x86), T(x86_sockets_also_go_through_socketcall),
      T(nonsense_is_refused), T(a_program_over_the_kernels_maximum_is_refused),
      T(programs_mean_what_the_model_says), T(numbers_equal_libseccomps),
      T(programs_equal_libseccomps), T(the_kernel_takes_it), T(half_an_instruction_is_not_loaded))
