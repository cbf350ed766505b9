/*
 * Run with arguments it prints a policy for tests/policy: FILE|default x86_64|aarch64 CAPS KERNEL, where
 * CAPS is a hexadecimal mask.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "engine/policy/policy.h"
#include "kern/caps/caps.h"
#include "kern/seccomp/seccomp_model.h"
#ifdef TEST_LIBSECCOMP
#include "kern/seccomp/seccomp_oracle.h"
#endif

#define BIT(name) (1ULL << (name))

/* What Docker gives a container that asks for nothing. */
static const uint64_t usual_caps = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) |
				   BIT(CAP_FOWNER) | BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) |
				   BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) |
				   BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
				   BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);

static struct policy_host host_with(enum seccomp_arch native, uint64_t caps)
{
	return (struct policy_host){
		.native = native, .kernel_major = 6, .kernel_minor = 1, .caps = caps};
}

/* The compiler's form of a section; fails the case on a word it does not know. */
static struct seccomp_profile profile_of(const struct oci_seccomp *from, struct arena *arena)
{
	struct seccomp_profile profile = {.rules_count = from->syscalls.count,
					  .architectures_count = from->architectures.count};
	struct seccomp_rule *rules = arena_alloc(arena, 256 * sizeof(*rules));
	enum seccomp_arch *archs = arena_alloc(arena, 8 * sizeof(*archs));
	struct err err = {0};

	CHECK_INT(seccomp_action_parse(from->default_action, &profile.default_action, &err), 0);
	profile.has_default_errno = from->default_errno_ret != NULL;
	profile.default_errno_ret = profile.has_default_errno ? *from->default_errno_ret : 0;
	for (size_t i = 0; i < from->architectures.count; i++)
		CHECK_INT(seccomp_arch_parse(from->architectures.items[i], &archs[i], &err), 0);
	for (size_t i = 0; i < from->syscalls.count; i++) {
		const struct oci_seccomp_syscall *rule = &from->syscalls.items[i];
		struct seccomp_arg *args =
			arena_alloc(arena, (rule->args.count + 1) * sizeof(*args));
		for (size_t j = 0; j < rule->args.count; j++) {
			args[j].index = rule->args.items[j].index;
			args[j].value = rule->args.items[j].value;
			args[j].value_two = rule->args.items[j].value_two;
			CHECK_INT(seccomp_op_parse(rule->args.items[j].op, &args[j].op, &err), 0);
		}
		CHECK_INT(seccomp_action_parse(rule->action, &rules[i].action, &err), 0);
		rules[i].names = rule->names.items;
		rules[i].names_count = rule->names.count;
		rules[i].args = args;
		rules[i].args_count = rule->args.count;
		rules[i].has_errno = rule->errno_ret != NULL;
		rules[i].errno_ret = rules[i].has_errno ? *rule->errno_ret : 0;
	}
	profile.rules = rules;
	profile.architectures = archs;
	return profile;
}

static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Loads insns in this process; returns how long it took, in us, or a negative number. */
static double load_timed(const struct sock_filter *insns, uint32_t count)
{
	struct err err = {0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	double start = now_us();
	if (seccomp_load(insns, count * sizeof(insns[0]), 0, &err) < 0)
		return -1;
	return now_us() - start;
}

/* What run() returns in a child; -1 when the child did not exit. */
static int in_child(int (*run_it)(void))
{
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(run_it());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Arguments that Docker's conditions tell apart. */
static const uint64_t tried_args[] = {
	0,       1,          8,          40,         0x20000,        0x20008,
	0x20009, 0xffffffff, 0x7e020000, 0x10000000, 0x100000008ULL, UINT64_MAX};
#define TRIED_COUNT (sizeof(tried_args) / sizeof(tried_args[0]))

/* Calls that one comparison of programs goes through: every number, every token, those arguments. */
static void for_each_call(void (*check)(const struct seccomp_data *data, void *context),
			  void *context)
{
	static const uint32_t tokens[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
					  AUDIT_ARCH_ARM};
	static const uint32_t bases[] = {0, 0x40000000U, 0x80000000U, 0xf0000U};

	for (unsigned i = 0; i < 4; i++) {
		for (uint32_t number = 0; number <= 600; number++) {
			for (unsigned j = 0; j < 4; j++) {
				struct seccomp_data data = {.arch = tokens[i],
							    .nr = (int)(bases[j] | number)};
				for (size_t k = 0; k < TRIED_COUNT; k++) {
					data.args[0] = tried_args[k];
					data.args[1] = tried_args[(k * 5) % TRIED_COUNT];
					check(&data, context);
				}
			}
		}
	}
}

struct pair {
	const struct seccomp_program *program;
	const struct sock_filter *oracle;
	uint32_t oracle_count;
	unsigned newer, same, different;
};

/* libseccomp's program knows nothing of newer calls; the model's own tests cover those. */
static void check_pair(const struct seccomp_data *data, void *context)
{
	struct pair *pair = context;
	uint32_t got = model_run(pair->program->insns, pair->program->count, data);
	uint32_t want = model_run(pair->oracle, pair->oracle_count, data);

	if (got == want)
		pair->same++;
	else if (got == (SECCOMP_RET_ERRNO | ENOSYS) && want != SECCOMP_RET_ALLOW)
		pair->newer++;
	else if (pair->different++ == 0)
		TEST_FAIL("arch %x call %x (%llx): %x, but libseccomp's says %x", data->arch,
			  (unsigned)data->nr, (unsigned long long)data->args[0], got, want);
}

#ifdef TEST_LIBSECCOMP
/* Whether libseccomp knows the call wherever the table does: an old one lacks newer calls. */
static bool oracle_is_new_enough(const char *name)
{
	const struct syscall_entry *entry = syscall_table_find(name);
	bool multiplexed = syscall_table_find_multiplexed(name) != NULL;

	for (unsigned i = 0; i < SECCOMP_ARCH_COUNT && entry != NULL; i++) {
		int number = seccomp_syscall_resolve_name_arch(oracle_archs[i], name);
		if (entry->numbers[i] >= 0 && number < 0 && !multiplexed)
			return false;
	}
	return oracle_knows(name);
}

static void drop_unknown(struct oci_seccomp *seccomp)
{
	for (size_t i = 0; i < seccomp->syscalls.count; i++) {
		json_strings *names = &seccomp->syscalls.items[i].names;
		size_t kept = 0;
		for (size_t j = 0; j < names->count; j++) {
			if (oracle_is_new_enough(names->items[j]))
				names->items[kept++] = names->items[j];
		}
		names->count = kept;
	}
}

static void compare_default(enum seccomp_arch native, uint64_t caps)
{
	static struct seccomp_program program;
	static struct sock_filter oracle[SECCOMP_MAX_INSNS];
	struct policy_host host = host_with(native, caps);
	ARENA_AUTO(arena, 4U << 20);
	struct oci_seccomp seccomp;
	struct err err = {0};

	REQUIRE(policy_default_make(&host, &arena, &seccomp, &err) == 0);
	drop_unknown(&seccomp);
	struct seccomp_profile profile = profile_of(&seccomp, &arena);
	REQUIRE(seccomp_compile(&profile, native, &program, &err) == 0);
	int count = oracle_compile(&profile, native, oracle, SECCOMP_MAX_INSNS);
	REQUIRE(count > 0);
	struct pair pair = {.program = &program, .oracle = oracle, .oracle_count = (uint32_t)count};
	for_each_call(check_pair, &pair);
	CHECK_INT(pair.different, 0);
	CHECK(pair.same > 10000);
	printf("%s, capabilities %llx: %u instructions, libseccomp's %d\n",
	       native == SECCOMP_ARCH_AARCH64 ? "aarch64" : "x86_64", (unsigned long long)caps,
	       program.count, count);
}

/* For comparison, what runc would load. */
static int try_oracle(void)
{
	static struct sock_filter oracle[SECCOMP_MAX_INSNS];
	struct policy_host host = host_with(seccomp_arch_native(), usual_caps);
	ARENA_AUTO(arena, 4U << 20);
	struct oci_seccomp seccomp;
	struct err err = {0};

	if (policy_default_make(&host, &arena, &seccomp, &err) < 0)
		return 1;
	struct seccomp_profile profile = profile_of(&seccomp, &arena);
	double start = now_us();
	int count = oracle_compile(&profile, host.native, oracle, SECCOMP_MAX_INSNS);
	double compiled = now_us() - start;
	double took = count < 0 ? -1 : load_timed(oracle, (uint32_t)count);
	printf("libseccomp: %d instructions, compiled in %.0f us, loaded in %.0f us\n", count,
	       compiled, took);
	(void)fflush(stdout);
	return 0;
}

TEST(the_default_equals_libseccomps_program)
{
	CHECK_INT(in_child(try_oracle), 0);
	compare_default(SECCOMP_ARCH_X86_64, 0);
	compare_default(SECCOMP_ARCH_X86_64, usual_caps);
	compare_default(SECCOMP_ARCH_X86_64, UINT64_MAX);
	compare_default(SECCOMP_ARCH_AARCH64, 0);
	compare_default(SECCOMP_ARCH_AARCH64, usual_caps);
	compare_default(SECCOMP_ARCH_AARCH64, UINT64_MAX);
}
#else
TEST(the_default_equals_libseccomps_program)
{
	(void)for_each_call;
	(void)check_pair;
	TEST_SKIP("built without libseccomp");
}
#endif

TEST(the_default_is_short)
{
	static struct seccomp_program program;
	struct policy_host host = host_with(SECCOMP_ARCH_X86_64, usual_caps);
	ARENA_AUTO(arena, 4U << 20);
	struct oci_seccomp seccomp;
	struct err err = {0};
	double best = 1e9;

	REQUIRE(policy_default_make(&host, &arena, &seccomp, &err) == 0);
	struct seccomp_profile profile = profile_of(&seccomp, &arena);
	for (int i = 0; i < 20; i++) {
		double start = now_us();
		REQUIRE(seccomp_compile(&profile, host.native, &program, &err) == 0);
		double took = now_us() - start;
		best = took < best ? took : best;
	}
	printf("default policy: %u instructions, compiled in %.0f us\n", program.count, best);
	CHECK(program.count <= 700);
	CHECK_INT(program.unknown_names, 0);
}

/* In a child of its own: the filter cannot be taken off. Returns what failed, or 0. */
static int try_default(void)
{
	static struct seccomp_program program;
	struct policy_host host = host_with(seccomp_arch_native(), usual_caps);
	ARENA_AUTO(arena, 4U << 20);
	struct oci_seccomp seccomp;
	struct err err = {0};

	if (policy_default_make(&host, &arena, &seccomp, &err) < 0)
		return 1;
	struct seccomp_profile profile = profile_of(&seccomp, &arena);
	if (seccomp_compile(&profile, host.native, &program, &err) < 0)
		return 2;
	double took = load_timed(program.insns, program.count);
	if (took < 0)
		return 3;
	printf("default policy: loaded in %.0f us\n", took);
	(void)fflush(stdout);
	if (syscall(SYS_getppid) < 0)
		return 4;
	if (syscall(SYS_mount, "", "/", "", 0, NULL) != -1 || errno != EPERM)
		return 5;
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		return 6;
	if (syscall(SYS_clone, 0x10000000UL | 17, 0, 0, 0, 0) != -1 || errno != EPERM)
		return 7;
	if (socket(40, SOCK_STREAM, 0) != -1 || errno != EPERM)
		return 8;
	if (syscall(600) != -1 || errno != ENOSYS)
		return 9;
	return 0;
}

TEST(the_kernel_obeys_the_default)
{
	int failed = in_child(try_default);

	CHECK_INT(failed, 0);
}

/* Converts text for x86_64, Linux 6.1, with caps; checks the result and what came out. */
static void check_convert(const char *text, uint64_t caps, int want_rc, const char *want)
{
	struct policy_host host = host_with(SECCOMP_ARCH_X86_64, caps);
	BUF_AUTO(out, 1U << 20);
	struct err err = {0};
	char message[512];
	int rc = policy_file_convert(text, strlen(text), &host, &out, &err);

	if (want_rc >= 0) {
		CHECK_INT(rc, want_rc);
		if (rc > 0)
			CHECK_STR(out.data, want != NULL ? want : "");
		return;
	}
	CHECK(rc < 0);
	if (rc < 0 && strstr(err_format(&err, message, sizeof(message)), want) == NULL)
		TEST_FAIL("'%s' does not say '%s'", message, want);
}

#define ALLOW "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
#define RULE(conditions) \
	ALLOW "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\"" conditions "}]}"

TEST(files_are_converted)
{
	const char *plain =
		ALLOW "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\"}]}";

	check_convert("{}", 0, 0, NULL);
	check_convert(ALLOW "\"syscalls\":[]}", 0, 1, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	check_convert(ALLOW
		      "\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":"
		      "[\"SCMP_ARCH_X86\"]},{\"architecture\":\"SCMP_ARCH_ARM\"}]}",
		      0, 1, ALLOW "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"]}");
	check_convert(ALLOW "\"syscalls\":[{\"name\":\"read\",\"action\":\"SCMP_ACT_KILL\"}]}", 0,
		      1, plain);
	check_convert(RULE(",\"comment\":\"x\",\"includes\":{\"minKernel\":\"6.1\"}"), 0, 1, plain);
	check_convert(RULE(",\"includes\":{\"minKernel\":\"6.2\"}"), 0, 1,
		      "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	check_convert(RULE(",\"excludes\":{\"minKernel\":\"5.9\"}"), 0, 1,
		      "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	check_convert(RULE(",\"includes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_KILL\"]}"), BIT(CAP_CHOWN),
		      1, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	check_convert(RULE(",\"includes\":{\"caps\":[\"CAP_CHOWN\"]}"), BIT(CAP_CHOWN), 1, plain);
	check_convert(RULE(",\"excludes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_KILL\"]}"), BIT(CAP_KILL),
		      1, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	check_convert(RULE(",\"includes\":{\"arches\":[\"arm64\"]}"), 0, 1,
		      "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	check_convert(RULE(",\"excludes\":{\"arches\":[\"arm64\"]}"), 0, 1, plain);
}

TEST(wrong_files_are_refused_by_place)
{
	check_convert("[]", 0, -1, "seccomp profile");
	check_convert("{\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\"}]}", 0, -1,
		      "defaultAction: missing");
	check_convert("{\"defaultAction\":\"ALLOW\"}", 0, -1, "'ALLOW' is no action");
	check_convert(ALLOW "\"syscalls\":[{\"names\":[\"read\"]}]}", 0, -1, "action");
	check_convert(ALLOW "\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_NO\"}]}", 0, -1,
		      "syscalls[0]: 'SCMP_ACT_NO'");
	check_convert(ALLOW "\"syscalls\":[{\"names\":[\"a\"],\"name\":\"b\",\"action\":"
			    "\"SCMP_ACT_LOG\"}]}",
		      0, -1, "both 'name' and 'names'");
	check_convert(ALLOW "\"architectures\":[\"SCMP_ARCH_ARM\"],\"archMap\":[{\"architecture\":"
			    "\"SCMP_ARCH_ARM\"}]}",
		      0, -1, "archMap");
	check_convert(ALLOW "\"architectures\":[\"x86\"]}", 0, -1, "'x86' is no architecture");
	check_convert(ALLOW "\"flags\":[\"NO\"]}", 0, -1, "'NO' is no flag");
	check_convert(RULE(",\"includes\":{\"minKernel\":\"5\"}"), 0, -1, "minKernel '5'");
	check_convert(RULE(",\"includes\":{\"minKernel\":\"5.8.1\"}"), 0, -1, "minKernel '5.8.1'");
	check_convert(RULE(",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]"), 0, -1,
		      "no argument 6");
	check_convert(RULE(",\"args\":[{\"index\":1,\"value\":1,\"op\":\"==\"}]"), 0, -1,
		      "'==' is no operator");
}

TEST(kernel_versions_are_read)
{
	struct policy_host host;
	unsigned major = 0, minor = 0;
	struct err err = {0};

	CHECK_INT(policy_kernel_parse("6.12.3-cloud", &major, &minor, &err), 0);
	CHECK_INT(major, 6);
	CHECK_INT(minor, 12);
	CHECK_INT(policy_kernel_parse("5.10+", &major, &minor, &err), 0);
	CHECK_INT(minor, 10);
	CHECK(policy_kernel_parse("linux", &major, &minor, &err) < 0);
	CHECK(policy_kernel_parse("6", &major, &minor, &err) < 0);
	CHECK(policy_kernel_parse("6.99999", &major, &minor, &err) < 0);
	CHECK_INT(policy_host_init(&host, 3, &err), 0);
	CHECK(host.kernel_major >= 5);
	CHECK_INT(host.caps, 3);
}

/* What tests/policy compares with Docker's rules. */
static int print_policy(char **argv)
{
	struct policy_host host = {.native = strcmp(argv[2], "aarch64") == 0 ? SECCOMP_ARCH_AARCH64
									     : SECCOMP_ARCH_X86_64,
				   .caps = strtoull(argv[3], NULL, 16)};
	BUF_AUTO(text, 1U << 20);
	BUF_AUTO(out, 1U << 20);
	struct err err = {0};
	char message[512];
	int rc = policy_kernel_parse(argv[4], &host.kernel_major, &host.kernel_minor, &err);

	if (rc >= 0 && strcmp(argv[1], "default") == 0) {
		rc = policy_default_write(&host, &out, &err);
	} else if (rc >= 0) {
		rc = fd_read_file_at(AT_FDCWD, argv[1], &text, &err);
		if (rc >= 0)
			rc = policy_file_convert(text.data, text.len, &host, &out, &err);
	}
	if (rc < 0)
		(void)fprintf(stderr, "%s\n", err_format(&err, message, sizeof(message)));
	else
		(void)puts(out.data == NULL ? "" : out.data);
	return rc < 0;
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		T(the_default_equals_libseccomps_program),
		T(the_default_is_short),
		T(files_are_converted),
		T(wrong_files_are_refused_by_place),
		T(kernel_versions_are_read),
		T(the_kernel_obeys_the_default),
	};

	if (argc == 5)
		return print_policy(argv);
	return test_run(cases, sizeof(cases) / sizeof(cases[0]));
}
