/*
 * seccomp_model.h - for tests and fuzzing: what a profile means, said the slow way, and a machine
 * that runs programs.
 *
 * The model goes through the profile for every call and shares nothing with the compiler but the
 * table of numbers.
 */
#ifndef CORTEN_KERN_SECCOMP_SECCOMP_MODEL_H
#define CORTEN_KERN_SECCOMP_SECCOMP_MODEL_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "kern/seccomp/seccomp.h"
#include "kern/seccomp/syscall_table.h"

#define MODEL_BAD_PROGRAM 0xdeadbeefU

/* Runs a program; MODEL_BAD_PROGRAM when the kernel would not take it. */
static inline uint32_t model_run(const struct sock_filter *insns, uint32_t count,
				 const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (uint32_t pc = 0; pc < count; pc++) {
		const struct sock_filter *in = &insns[pc];
		bool yes;
		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (in->k % 4 != 0 || in->k + 4 > sizeof(*data))
				return MODEL_BAD_PROGRAM;
			memcpy(&a, (const char *)data + in->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= in->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += in->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == in->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > in->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= in->k;
			break;
		case BPF_RET | BPF_K:
			return in->k;
		default:
			return MODEL_BAD_PROGRAM;
		}
		pc += yes ? in->jt : in->jf;
	}
	return MODEL_BAD_PROGRAM;
}

static inline uint32_t model_value(enum seccomp_action action, bool has_errno, uint32_t errno_ret)
{
	uint32_t data = has_errno ? errno_ret : EPERM;

	switch (action) {
	case SECCOMP_ACTION_KILL_THREAD:
		return 0;
	case SECCOMP_ACTION_KILL_PROCESS:
		return 0x80000000U;
	case SECCOMP_ACTION_TRAP:
		return 0x00030000U;
	case SECCOMP_ACTION_ERRNO:
		return 0x00050000U | data;
	case SECCOMP_ACTION_TRACE:
		return 0x7ff00000U | data;
	case SECCOMP_ACTION_LOG:
		return 0x7ffc0000U;
	case SECCOMP_ACTION_NOTIFY:
		return 0x7fc00000U;
	case SECCOMP_ACTION_ALLOW:
	default:
		return 0x7fff0000U;
	}
}

static inline bool model_arg_holds(const struct seccomp_arg *arg, const uint64_t *args, bool wide)
{
	uint64_t width = wide ? UINT64_MAX : UINT32_MAX;
	uint64_t have = args[arg->index] & width, want = arg->value & width;

	switch (arg->op) {
	case SECCOMP_OP_NE:
		return have != want;
	case SECCOMP_OP_LT:
		return have < want;
	case SECCOMP_OP_LE:
		return have <= want;
	case SECCOMP_OP_EQ:
		return have == want;
	case SECCOMP_OP_GE:
		return have >= want;
	case SECCOMP_OP_GT:
		return have > want;
	case SECCOMP_OP_MASKED_EQ:
	default:
		return (have & want) == (arg->value_two & want);
	}
}

/* Whether the condition holds for every value, as a mask without bits does. */
static inline bool model_arg_is_empty(const struct seccomp_arg *arg, bool wide)
{
	return arg->op == SECCOMP_OP_MASKED_EQ &&
	       (arg->value & (wide ? UINT64_MAX : UINT32_MAX)) == 0;
}

enum model_match {
	MODEL_NO,
	MODEL_YES,    /* by conditions */
	MODEL_ALWAYS, /* the rule has none */
};

static inline enum model_match model_rule_match(const struct seccomp_rule *rule,
						const uint64_t *args, bool wide, bool multiplexed)
{
	unsigned uses[SECCOMP_MAX_ARGS] = {0};
	bool split = false, all = true, any = false, empty = true, any_empty = false;

	for (size_t i = 0; i < rule->args_count; i++)
		split |= ++uses[rule->args[i].index] > 1;
	for (size_t i = 0; i < rule->args_count; i++) {
		bool is_first = multiplexed && rule->args[i].index == 0;
		bool holds = is_first || model_arg_holds(&rule->args[i], args, wide);
		bool is_empty = !is_first && model_arg_is_empty(&rule->args[i], wide);

		all &= holds;
		any |= holds;
		empty &= is_empty;
		any_empty |= is_empty;
	}
	if (rule->args_count == 0)
		return multiplexed ? MODEL_YES : MODEL_ALWAYS;
	if (split)
		return any_empty && !multiplexed ? MODEL_ALWAYS : any ? MODEL_YES : MODEL_NO;
	if (empty && !multiplexed)
		return MODEL_ALWAYS;
	return all ? MODEL_YES : MODEL_NO;
}

struct model_answer {
	uint32_t value;
	bool disputed; /* rules with different actions match: which is tried first decides */
	bool tangled;  /* what libseccomp may get wrong, see model_filter() */
};

static inline bool model_wants(const struct seccomp_profile *profile, enum seccomp_arch native,
			       enum seccomp_arch arch)
{
	if (arch == native)
		return true;
	for (size_t i = 0; i < profile->architectures_count; i++) {
		if (profile->architectures[i] == arch)
			return true;
	}
	return false;
}

/* The call of one rule's name on arch: matched directly or through x86's multiplexers. */
static inline enum model_match model_name_match(const struct seccomp_rule *rule, const char *name,
						enum seccomp_arch arch, uint32_t number,
						const uint64_t *args, bool wide)
{
	const struct syscall_entry *entry = syscall_table_find(name);
	const struct syscall_multiplexed *through = syscall_table_find_multiplexed(name);

	if (entry != NULL && entry->numbers[arch] >= 0 && (uint32_t)entry->numbers[arch] == number)
		return model_rule_match(rule, args, wide, false);
	if (arch == SECCOMP_ARCH_X86 && through != NULL &&
	    number == (through->through_ipc ? 117U : 102U) && (uint32_t)args[0] == through->number)
		return model_rule_match(rule, args, wide, true);
	return MODEL_NO;
}

static inline bool model_names_call(const char *name, enum seccomp_arch arch, uint32_t number)
{
	const struct syscall_entry *entry = syscall_table_find(name);
	bool through = syscall_table_find_multiplexed(name) != NULL;

	return (entry != NULL && (uint32_t)entry->numbers[arch] == number) ||
	       (arch == SECCOMP_ARCH_X86 && through && (number == 117U || number == 102U));
}

static inline bool model_has_order(const struct seccomp_rule *rule)
{
	for (size_t i = 0; i < rule->args_count; i++) {
		if (rule->args[i].op != SECCOMP_OP_EQ && rule->args[i].op != SECCOMP_OP_NE &&
		    rule->args[i].op != SECCOMP_OP_MASKED_EQ)
			return true;
	}
	return false;
}

/*
 * libseccomp's filter of one architecture. libseccomp 2.5.4 itself strays from it where one call has
 * rules with different actions, or several conditions of which one compares by order: its trees share
 * nodes, and reach some with another half of the argument loaded.
 */
static inline struct model_answer model_filter(const struct seccomp_profile *profile,
					       enum seccomp_arch arch, uint32_t number,
					       const uint64_t *args)
{
	bool wide = arch == SECCOMP_ARCH_X86_64 || arch == SECCOMP_ARCH_AARCH64;
	struct model_answer answer = {.value = model_value(profile->default_action,
							   profile->has_default_errno,
							   profile->default_errno_ret)};
	uint32_t otherwise = answer.value, other = answer.value;
	bool found = false, ordered = false;
	size_t rules = 0;

	for (size_t i = 0; i < profile->rules_count; i++) {
		const struct seccomp_rule *rule = &profile->rules[i];
		uint32_t value = model_value(rule->action, rule->has_errno, rule->errno_ret);
		for (size_t j = 0; j < rule->names_count && value != otherwise; j++) {
			enum model_match match =
				model_name_match(rule, rule->names[j], arch, number, args, wide);
			if (model_names_call(rule->names[j], arch, number)) {
				answer.tangled |= other != otherwise && other != value;
				other = value;
				rules += rule->args_count;
				ordered |= model_has_order(rule);
				answer.tangled |= ordered && rules > 1;
			}
			if (match == MODEL_ALWAYS)
				return (struct model_answer){.value = value};
			if (match == MODEL_NO)
				continue;
			answer.disputed |= found && answer.value != value;
			if (!found)
				answer.value = value;
			found = true;
		}
	}
	return answer;
}

static inline uint32_t model_highest(const struct seccomp_profile *profile, enum seccomp_arch arch,
				     uint32_t below)
{
	uint32_t highest = 0;

	for (size_t i = 0; i < profile->rules_count; i++) {
		for (size_t j = 0; j < profile->rules[i].names_count; j++) {
			const char *name = profile->rules[i].names[j];
			const struct syscall_entry *entry = syscall_table_find(name);
			const struct syscall_multiplexed *through =
				syscall_table_find_multiplexed(name);
			if (arch == SECCOMP_ARCH_X86 && through != NULL && highest < 117)
				highest = through->through_ipc ? 117
					  : highest < 102      ? 102
							       : highest;
			if (entry == NULL || entry->numbers[arch] < 0)
				continue;
			uint32_t number = (uint32_t)entry->numbers[arch];
			if (arch == SECCOMP_ARCH_X32)
				number |= 0x40000000U;
			if (number < below && number > highest)
				highest = number;
		}
	}
	return highest;
}

/* Whether the call is newer than all that the profile names. */
static inline bool model_is_newer(const struct seccomp_profile *profile, enum seccomp_arch arch,
				  uint32_t number)
{
	uint32_t base = arch == SECCOMP_ARCH_ARM ? 0xf0000U : UINT32_MAX;
	uint32_t highest = model_highest(profile, arch, base);
	uint32_t private = model_highest(profile, arch, UINT32_MAX);

	if (profile->default_action == SECCOMP_ACTION_ALLOW ||
	    profile->default_action == SECCOMP_ACTION_LOG ||
	    profile->default_action == SECCOMP_ACTION_TRACE)
		return false;
	if (arch == SECCOMP_ARCH_ARM && number >= base && private >= base)
		return highest != 0 && number > private;
	return highest != 0 && number > highest;
}

/* What the kernel shall do; `newer` adds runc's ENOSYS to libseccomp's filter. */
static inline struct model_answer model_evaluate(const struct seccomp_profile *profile,
						 enum seccomp_arch native,
						 const struct seccomp_data *data, bool newer)
{
	struct model_answer kill = {.value = 0};
	uint32_t number = (uint32_t)data->nr;
	enum seccomp_arch arch;
	uint64_t args[SECCOMP_MAX_ARGS];

	for (unsigned i = 0; i < SECCOMP_MAX_ARGS; i++)
		args[i] = data->args[i];
	if (data->arch == AUDIT_ARCH_X86_64 && native == SECCOMP_ARCH_X86_64)
		arch = SECCOMP_ARCH_X86_64;
	else if (data->arch == AUDIT_ARCH_I386 && native == SECCOMP_ARCH_X86_64)
		arch = SECCOMP_ARCH_X86;
	else if (data->arch == AUDIT_ARCH_AARCH64 && native == SECCOMP_ARCH_AARCH64)
		arch = SECCOMP_ARCH_AARCH64;
	else if (data->arch == AUDIT_ARCH_ARM && native == SECCOMP_ARCH_AARCH64)
		arch = SECCOMP_ARCH_ARM;
	else
		return kill;
	if (!model_wants(profile, native, arch))
		return kill;
	if (arch == SECCOMP_ARCH_X86_64 && model_wants(profile, native, SECCOMP_ARCH_X32)) {
		bool bit = (number & 0x40000000U) != 0;
		enum seccomp_arch one = bit ? SECCOMP_ARCH_X32 : SECCOMP_ARCH_X86_64;
		if (newer && model_is_newer(profile, one, number))
			return (struct model_answer){.value = 0x00050000U | ENOSYS};
		return model_filter(profile, one, bit ? number & ~0x40000000U : number, args);
	}
	if (arch == SECCOMP_ARCH_X86_64) {
		if (newer && (number & 0x40000000U) == 0 && model_is_newer(profile, arch, number))
			return (struct model_answer){.value = 0x00050000U | ENOSYS};
		if (number >= 0x40000000U && number != UINT32_MAX)
			return kill;
		return model_filter(profile, arch, number, args);
	}
	if (newer && model_is_newer(profile, arch, number))
		return (struct model_answer){.value = 0x00050000U | ENOSYS};
	return model_filter(profile, arch, number, args);
}

#endif
