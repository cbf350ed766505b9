/* A profile made of the input's bytes: it compiles, runs, and means what the model says. */
#include <stdlib.h>

#include "kern/seccomp/seccomp_model.h"

#define FUZZ_RULES 32
#define FUZZ_ARGS  4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left;
};

static uint32_t take(struct input *input, uint32_t bound)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < (bound > 256 ? 2U : 1U); i++) {
		if (input->left == 0)
			break;
		value = value << 8 | *input->at++;
		input->left--;
	}
	return value % bound;
}

/* Small, at the edges of 32 bits, or anything. */
static uint64_t take_value(struct input *input)
{
	uint64_t value = take(input, 256);

	switch (take(input, 4)) {
	case 0:
		return value;
	case 1:
		return value << 32 | take(input, 256);
	case 2:
		return UINT64_MAX - value;
	default:
		return value << take(input, 64);
	}
}

struct fuzz_profile {
	struct seccomp_profile profile;
	enum seccomp_arch archs[4];
	struct seccomp_rule rules[FUZZ_RULES];
	const char *names[FUZZ_RULES];
	struct seccomp_arg args[FUZZ_RULES][FUZZ_ARGS];
};

static void take_rule(struct input *input, struct fuzz_profile *made, size_t at)
{
	struct seccomp_rule *rule = &made->rules[at];
	size_t count;
	const struct syscall_entry *all = syscall_table_all(&count);

	made->names[at] = all[take(input, (uint32_t)count)].name;
	rule->names = &made->names[at];
	rule->names_count = 1;
	rule->action = (enum seccomp_action)take(input, SECCOMP_ACTION_NOTIFY + 1);
	rule->has_errno =
		(rule->action == SECCOMP_ACTION_ERRNO || rule->action == SECCOMP_ACTION_TRACE) &&
		take(input, 2) == 0;
	rule->errno_ret = rule->has_errno ? take(input, 65536) : 0;
	rule->args = made->args[at];
	rule->args_count = take(input, FUZZ_ARGS + 1);
	for (size_t i = 0; i < rule->args_count; i++)
		made->args[at][i] = (struct seccomp_arg){
			.index = take(input, SECCOMP_MAX_ARGS),
			.op = (enum seccomp_op)take(input, SECCOMP_OP_MASKED_EQ + 1),
			.value = take_value(input),
			.value_two = take_value(input),
		};
}

static void check_calls(struct input *input, const struct fuzz_profile *made,
			enum seccomp_arch native, const struct seccomp_program *program)
{
	static const uint32_t tokens[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
					  AUDIT_ARCH_ARM};

	for (unsigned i = 0; i < 32; i++) {
		struct seccomp_data call = {.arch = tokens[take(input, 4)]};
		uint32_t number = take(input, 512) | take(input, 4) << 30;

		if (made->profile.rules_count > 0 && take(input, 4) != 0) {
			size_t rule = take(input, (uint32_t)made->profile.rules_count);
			const struct syscall_entry *entry = syscall_table_find(made->names[rule]);
			number = (uint32_t)entry->numbers[take(input, SECCOMP_ARCH_COUNT)] |
				 take(input, 2) << 30;
		}
		call.nr = (int)number;
		for (unsigned j = 0; j < SECCOMP_MAX_ARGS; j++)
			call.args[j] = take_value(input);
		struct model_answer want = model_evaluate(&made->profile, native, &call, true);
		uint32_t got = model_run(program->insns, program->count, &call);
		if (got == MODEL_BAD_PROGRAM || (!want.disputed && got != want.value))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seccomp_program program;
	static struct fuzz_profile made;
	struct input input = {.at = data, .left = size};
	enum seccomp_arch native =
		take(&input, 2) == 0 ? SECCOMP_ARCH_X86_64 : SECCOMP_ARCH_AARCH64;
	struct err err = {0};

	memset(&made, 0, sizeof(made));
	made.profile.default_action = (enum seccomp_action)take(&input, SECCOMP_ACTION_NOTIFY);
	made.profile.architectures = made.archs;
	made.profile.architectures_count = take(&input, 5);
	for (size_t i = 0; i < made.profile.architectures_count; i++)
		made.archs[i] = (enum seccomp_arch)take(&input, SECCOMP_ARCH_OTHER + 1);
	made.profile.rules = made.rules;
	made.profile.rules_count = take(&input, FUZZ_RULES + 1);
	for (size_t i = 0; i < made.profile.rules_count; i++)
		take_rule(&input, &made, i);
	if (seccomp_compile(&made.profile, native, &program, &err) == 0)
		check_calls(&input, &made, native, &program);
	return 0;
}
