#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "kern/seccomp/bpf_tree.h"
#include "kern/seccomp/seccomp.h"
#include "kern/seccomp/syscall_table.h"

#define COMPILE_BYTES_MAX (64U << 20) /* for one profile, all its rules spelled out */
#define CALL_RULES_MAX    SECCOMP_MAX_INSNS
#define BACKGROUND_MAX    8
#define X32_BIT           0x40000000U
#define ARM_PRIVATE       0xf0000U /* __ARM_NR_BASE */

/* Tokens are what the kernel calls an architecture; x86_64 and x32 are one. */
struct token {
	uint32_t audit;
	enum seccomp_arch archs[2];
	unsigned archs_count;
};

/* The native one last: it is written nearest to the program's start. */
static const struct token x86_tokens[] = {
	{AUDIT_ARCH_I386, {SECCOMP_ARCH_X86}, 1},
	{AUDIT_ARCH_X86_64, {SECCOMP_ARCH_X86_64, SECCOMP_ARCH_X32}, 2},
};
static const struct token arm_tokens[] = {
	{AUDIT_ARCH_ARM, {SECCOMP_ARCH_ARM}, 1},
	{AUDIT_ARCH_AARCH64, {SECCOMP_ARCH_AARCH64}, 1},
};

struct compile {
	const struct seccomp_profile *profile;
	struct arena arena;
	bool wanted[SECCOMP_ARCH_COUNT];
	uint32_t default_value;
	bool refuses;                          /* the default action: newer calls get ENOSYS */
	const struct syscall_entry ***entries; /* of each rule's names; NULL: unknown */
	struct bpf_emit emit;
};

/* What is returned for calls without rules, from `first` up to the next range. */
struct background {
	uint32_t first;
	uint32_t value;
};

/* The rules of one token while they are gathered. */
struct gather {
	struct compile *compile;
	struct bpf_rule *rules;
	uint32_t count;
	uint32_t highest[SECCOMP_ARCH_COUNT]; /* named by the profile; 0: none */
	uint32_t highest_private;             /* arm */
};

static void compile_done(struct compile *compile)
{
	arena_done(&compile->arena);
}

static int out_of_memory(struct err *err)
{
	return err_set(err, ERR_INVALID, ENOMEM,
		       "the seccomp profile's rules take more than %u MiB spelled out",
		       COMPILE_BYTES_MAX >> 20);
}

static int action_value(enum seccomp_action action, bool has_errno, uint32_t errno_ret,
			uint32_t *ret_value, struct err *err)
{
	static const uint32_t values[] = {
		[SECCOMP_ACTION_KILL_THREAD] = SECCOMP_RET_KILL_THREAD,
		[SECCOMP_ACTION_KILL_PROCESS] = SECCOMP_RET_KILL_PROCESS,
		[SECCOMP_ACTION_TRAP] = SECCOMP_RET_TRAP,
		[SECCOMP_ACTION_ERRNO] = SECCOMP_RET_ERRNO,
		[SECCOMP_ACTION_TRACE] = SECCOMP_RET_TRACE,
		[SECCOMP_ACTION_ALLOW] = SECCOMP_RET_ALLOW,
		[SECCOMP_ACTION_LOG] = SECCOMP_RET_LOG,
		[SECCOMP_ACTION_NOTIFY] = 0x7fc00000U, /* SECCOMP_RET_USER_NOTIF */
	};
	bool takes_errno = action == SECCOMP_ACTION_ERRNO || action == SECCOMP_ACTION_TRACE;

	if ((unsigned)action >= sizeof(values) / sizeof(values[0]))
		return err_set(err, ERR_INVALID, EINVAL, "%u is no seccomp action",
			       (unsigned)action);
	if (has_errno && !takes_errno)
		return err_set(err, ERR_INVALID, EINVAL,
			       "errnoRet %u was given for an action that returns no errno; only "
			       "SCMP_ACT_ERRNO and SCMP_ACT_TRACE do",
			       errno_ret);
	if (has_errno && errno_ret > SECCOMP_RET_DATA)
		return err_set(err, ERR_INVALID, EINVAL, "errnoRet %u is over %u", errno_ret,
			       (unsigned)SECCOMP_RET_DATA);
	*ret_value = values[action];
	if (takes_errno)
		*ret_value |= has_errno ? errno_ret : EPERM;
	return 0;
}

static int rule_value(const struct seccomp_rule *rule, uint32_t *ret_value, struct err *err)
{
	int rc = action_value(rule->action, rule->has_errno, rule->errno_ret, ret_value, err);

	if (rc < 0)
		return err_wrap(err, rc, "seccomp rule of '%s'",
				rule->names_count > 0 ? rule->names[0] : "");
	return 0;
}

static int check_rule(const struct seccomp_rule *rule, struct err *err)
{
	uint32_t value;

	for (size_t i = 0; i < rule->args_count; i++) {
		const struct seccomp_arg *arg = &rule->args[i];
		if (arg->index >= SECCOMP_MAX_ARGS || (unsigned)arg->op > SECCOMP_OP_MASKED_EQ)
			return err_set(err, ERR_INVALID, EINVAL,
				       "seccomp rule of '%s': a system call has no argument %u",
				       rule->names_count > 0 ? rule->names[0] : "", arg->index);
	}
	return rule_value(rule, &value, err);
}

static int compile_check(struct compile *compile, struct err *err)
{
	const struct seccomp_profile *profile = compile->profile;
	int rc = action_value(profile->default_action, profile->has_default_errno,
			      profile->default_errno_ret, &compile->default_value, err);

	if (rc < 0)
		return err_wrap(err, rc, "seccomp default action");
	if (profile->default_action == SECCOMP_ACTION_NOTIFY)
		return err_set(err, ERR_INVALID, EINVAL,
			       "SCMP_ACT_NOTIFY cannot be the default action: the call that hands "
			       "over the listener would wait for it");
	compile->refuses = profile->default_action != SECCOMP_ACTION_ALLOW &&
			   profile->default_action != SECCOMP_ACTION_LOG &&
			   profile->default_action != SECCOMP_ACTION_TRACE;
	for (size_t i = 0; i < profile->rules_count; i++) {
		rc = check_rule(&profile->rules[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Looks every name up once, and counts those that no architecture has. */
static int compile_look_up(struct compile *compile, uint32_t *ret_unknown, struct err *err)
{
	const struct seccomp_profile *profile = compile->profile;

	*ret_unknown = 0;
	compile->entries =
		arena_alloc(&compile->arena, (profile->rules_count + 1) * sizeof(void *));
	if (compile->entries == NULL)
		return out_of_memory(err);
	for (size_t i = 0; i < profile->rules_count; i++) {
		const struct seccomp_rule *rule = &profile->rules[i];
		const struct syscall_entry **entries =
			arena_alloc(&compile->arena, (rule->names_count + 1) * sizeof(void *));
		if (entries == NULL)
			return out_of_memory(err);
		for (size_t j = 0; j < rule->names_count; j++) {
			entries[j] = syscall_table_find(rule->names[j]);
			*ret_unknown += entries[j] == NULL;
		}
		compile->entries[i] = entries;
	}
	return 0;
}

static bool is_wide(enum seccomp_arch arch)
{
	return arch == SECCOMP_ARCH_X86_64 || arch == SECCOMP_ARCH_AARCH64;
}

/* Whether one argument has two conditions: then each stands alone, as in runc. */
static bool must_split(const struct seccomp_rule *rule)
{
	unsigned seen = 0;

	for (size_t i = 0; i < rule->args_count; i++) {
		if ((seen & 1U << rule->args[i].index) != 0)
			return true;
		seen |= 1U << rule->args[i].index;
	}
	return false;
}

/* Adds one alternative; `through` replaces a condition on the first argument. */
static int add_rule(struct gather *gather, const struct bpf_rule *model,
		    const struct seccomp_arg *args, size_t args_count, bool wide,
		    const struct seccomp_arg *through, struct err *err)
{
	struct seccomp_arg local[SECCOMP_MAX_ARGS + 1];
	struct bpf_rule *rule = &gather->rules[gather->count];
	struct bpf_cond *conds = NULL;
	size_t count = 0;

	if (through != NULL)
		local[count++] = *through;
	for (size_t i = 0; i < args_count; i++) {
		if (through == NULL || args[i].index != through->index)
			local[count++] = args[i];
	}
	if (count > 0) {
		conds = arena_alloc(&gather->compile->arena, count * sizeof(*conds));
		if (conds == NULL)
			return out_of_memory(err);
	}
	*rule = *model;
	rule->conds_count = conds == NULL ? 0 : bpf_rule_normalise(local, count, wide, conds);
	rule->conds = conds;
	gather->count++;
	return 0;
}

static int add_call(struct gather *gather, const struct seccomp_rule *rule,
		    const struct bpf_rule *model, bool wide, const struct seccomp_arg *through,
		    struct err *err)
{
	if (!must_split(rule))
		return add_rule(gather, model, rule->args, rule->args_count, wide, through, err);
	for (size_t i = 0; i < rule->args_count; i++) {
		int rc = add_rule(gather, model, &rule->args[i], 1, wide, through, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void note_highest(struct gather *gather, enum seccomp_arch arch, uint32_t number)
{
	uint32_t *highest = &gather->highest[arch];

	if (arch == SECCOMP_ARCH_ARM && number >= ARM_PRIVATE)
		highest = &gather->highest_private;
	if (number > *highest)
		*highest = number;
}

/* The call through x86's multiplexer. */
static int add_multiplexed(struct gather *gather, const struct seccomp_rule *rule,
			   const struct bpf_rule *model, const char *name, struct err *err)
{
	const struct syscall_multiplexed *found = syscall_table_find_multiplexed(name);
	struct bpf_rule by_number = *model;

	if (found == NULL)
		return 0;
	const struct syscall_entry *entry =
		syscall_table_find(found->through_ipc ? "ipc" : "socketcall");
	struct seccomp_arg through = {.op = SECCOMP_OP_EQ, .value = found->number};
	by_number.number = (uint32_t)entry->numbers[SECCOMP_ARCH_X86];
	note_highest(gather, SECCOMP_ARCH_X86, by_number.number);
	if (model->value == gather->compile->default_value)
		return 0;
	return add_call(gather, rule, &by_number, false, &through, err);
}

static int gather_rule(struct gather *gather, const struct token *token, size_t at, struct err *err)
{
	const struct compile *compile = gather->compile;
	const struct seccomp_rule *rule = &compile->profile->rules[at];
	struct bpf_rule model = {.order = (uint32_t)at};
	int rc = rule_value(rule, &model.value, err);

	for (size_t i = 0; i < rule->names_count && rc >= 0; i++) {
		const struct syscall_entry *entry = compile->entries[at][i];
		for (unsigned j = 0; j < token->archs_count && entry != NULL && rc >= 0; j++) {
			enum seccomp_arch arch = token->archs[j];
			if (!compile->wanted[arch])
				continue;
			if (arch == SECCOMP_ARCH_X86)
				rc = add_multiplexed(gather, rule, &model, entry->name, err);
			if (entry->numbers[arch] < 0 || rc < 0)
				continue;
			model.number = (uint32_t)entry->numbers[arch] |
				       (arch == SECCOMP_ARCH_X32 ? X32_BIT : 0);
			note_highest(gather, arch, model.number);
			if (model.value != compile->default_value)
				rc = add_call(gather, rule, &model, is_wide(arch), NULL, err);
		}
	}
	return rc;
}

static int compare_rules(const void *left, const void *right)
{
	const struct bpf_rule *a = left, *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return 0;
}

static int gather_rules(struct compile *compile, const struct token *token,
			struct gather *ret_gather, struct err *err)
{
	const struct seccomp_profile *profile = compile->profile;
	size_t most = 1;

	*ret_gather = (struct gather){.compile = compile};
	for (size_t i = 0; i < profile->rules_count; i++) {
		const struct seccomp_rule *rule = &profile->rules[i];
		if (rule->args_count > COMPILE_BYTES_MAX || rule->names_count > COMPILE_BYTES_MAX)
			return out_of_memory(err);
		most += 2 * rule->names_count * (must_split(rule) ? rule->args_count : 1);
		if (most > COMPILE_BYTES_MAX / sizeof(*ret_gather->rules))
			return out_of_memory(err);
	}
	ret_gather->rules = arena_alloc(&compile->arena, most * sizeof(*ret_gather->rules));
	if (ret_gather->rules == NULL)
		return out_of_memory(err);
	for (size_t i = 0; i < profile->rules_count; i++) {
		int rc = gather_rule(ret_gather, token, i, err);
		if (rc < 0)
			return rc;
	}
	qsort(ret_gather->rules, ret_gather->count, sizeof(*ret_gather->rules), compare_rules);
	return 0;
}

/* What calls without rules get: the default; ENOSYS above the highest; bad numbers die. */
static unsigned lay_background(const struct compile *compile, const struct token *token,
			       const struct gather *gather, struct background *ret)
{
	const uint32_t missing = SECCOMP_RET_ERRNO | ENOSYS, bad = SECCOMP_RET_KILL_THREAD;
	uint32_t value = compile->default_value;
	uint32_t highest = compile->refuses ? gather->highest[token->archs[0]] : 0;
	uint32_t newer = highest > 0 ? missing : value;
	unsigned n = 0;

	ret[n++] = (struct background){0, value};
	if (highest > 0)
		ret[n++] = (struct background){highest + 1, missing};
	if (token->audit == AUDIT_ARCH_ARM && highest > 0 && gather->highest_private > 0) {
		ret[n++] = (struct background){ARM_PRIVATE, value};
		ret[n++] = (struct background){gather->highest_private + 1, missing};
	}
	if (token->audit != AUDIT_ARCH_X86_64)
		return n;
	if (!compile->wanted[SECCOMP_ARCH_X32]) {
		/* All numbers from bit 30 up are bad but -1, which a tracer sets to skip a call. */
		ret[n++] = (struct background){X32_BIT, bad};
		ret[n++] = (struct background){0x80000000U, highest > 0 ? missing : bad};
		ret[n++] = (struct background){0x80000000U | X32_BIT, bad};
		ret[n++] = (struct background){UINT32_MAX, value};
		return n;
	}
	uint32_t highest_x32 = compile->refuses ? gather->highest[SECCOMP_ARCH_X32] : 0;
	ret[n++] = (struct background){X32_BIT, value};
	if (highest_x32 > 0)
		ret[n++] = (struct background){highest_x32 + 1, missing};
	ret[n++] = (struct background){0x80000000U, newer};
	ret[n++] = (struct background){0x80000000U | X32_BIT, highest_x32 > 0 ? missing : value};
	return n;
}

static uint32_t push_range(struct bpf_range *ranges, uint32_t count, struct bpf_range range)
{
	if (count > 0 && ranges[count - 1].first == range.first)
		count--;
	if (count > 0 && ranges[count - 1].rules == NULL && range.rules == NULL &&
	    ranges[count - 1].value == range.value)
		return count;
	ranges[count] = range;
	return count + 1;
}

/* Whether bit 30 is clear in x86_64's numbers decides the width of the arguments. */
static bool number_is_wide(const struct token *token, uint32_t number)
{
	return is_wide(token->archs[0]) && (token->archs_count == 1 || (number & X32_BIT) == 0);
}

/* Lays the calls with rules over the background. Returns the ranges' count. */
static int lay_ranges(const struct token *token, struct gather *gather,
		      const struct background *background, unsigned background_count,
		      struct bpf_range *ranges, struct err *err)
{
	uint32_t count = 0;
	uint32_t at = 0;

	for (unsigned i = 0; i < background_count; i++) {
		uint64_t end = i + 1 < background_count ? background[i + 1].first : 1ULL << 32;
		struct bpf_range empty = {.first = background[i].first,
					  .value = background[i].value};

		count = push_range(ranges, count, empty);
		while (at < gather->count && gather->rules[at].number < end) {
			struct bpf_rule *rules = gather->rules + at;
			uint32_t number = rules->number, all = 1;

			while (at + all < gather->count && rules[all].number == number)
				all++;
			at += all;
			if (all > CALL_RULES_MAX)
				return err_set(err, ERR_INVALID, E2BIG,
					       "the seccomp profile has %u rules for one call; at "
					       "most %u can be loaded",
					       all, CALL_RULES_MAX);
			uint32_t kept = bpf_rule_arrange(rules, all);
			bool plain = rules[0].conds_count == 0;
			struct bpf_range range = {
				.first = number,
				.value = rules[0].value,
				.rules = plain ? NULL : rules,
				.rules_count = plain ? 0 : kept,
				.wide = number_is_wide(token, number),
			};
			count = push_range(ranges, count, range);
			empty.first = number + 1;
			if (empty.first != 0 && empty.first < end)
				count = push_range(ranges, count, empty);
		}
	}
	return (int)count;
}

/* Writes the code for one token; *ret_label is where it starts. */
static int compile_token(struct compile *compile, const struct token *token, bpf_label *ret_label,
			 struct err *err)
{
	struct background background[BACKGROUND_MAX];
	struct gather gather;
	int rc = gather_rules(compile, token, &gather, err);

	if (rc < 0)
		return rc;
	unsigned background_count = lay_background(compile, token, &gather, background);
	struct bpf_range *ranges = arena_alloc(
		&compile->arena, (2 * (size_t)gather.count + BACKGROUND_MAX) * sizeof(*ranges));
	if (ranges == NULL)
		return out_of_memory(err);
	int count = lay_ranges(token, &gather, background, background_count, ranges, err);
	if (count < 0)
		return count;
	*ret_label = bpf_tree_emit(&compile->emit, ranges, (uint32_t)count, compile->default_value);
	return 0;
}

static int compile_tokens(struct compile *compile, enum seccomp_arch native, struct err *err)
{
	const struct token *tokens = native == SECCOMP_ARCH_AARCH64 ? arm_tokens : x86_tokens;
	bpf_label starts[2];
	bool there[2];

	for (unsigned i = 0; i < 2; i++) {
		there[i] = compile->wanted[tokens[i].archs[0]];
		int rc = there[i] ? compile_token(compile, &tokens[i], &starts[i], err) : 0;
		if (rc < 0)
			return rc;
	}
	bpf_label label = bpf_emit_return(&compile->emit, SECCOMP_RET_KILL_THREAD);
	for (unsigned i = 0; i < 2; i++) {
		if (there[i])
			label = bpf_emit_jump(&compile->emit, BPF_JEQ, tokens[i].audit, starts[i],
					      label);
	}
	(void)bpf_emit_load(&compile->emit, (uint32_t)offsetof(struct seccomp_data, arch));
	return 0;
}

static uint32_t load_flags(const struct seccomp_profile *profile)
{
	uint32_t flags = profile->has_flags ? profile->flags : SECCOMP_FLAG_SPEC_ALLOW;

	flags &= ~(uint32_t)SECCOMP_FLAG_TSYNC;
	for (size_t i = 0; i < profile->rules_count; i++) {
		if (profile->rules[i].action == SECCOMP_ACTION_NOTIFY)
			return flags | SECCOMP_FLAG_NEW_LISTENER;
	}
	/* The kernel refuses this one without a listener. */
	return flags & ~(uint32_t)SECCOMP_FLAG_WAIT_KILLABLE_RECV;
}

int seccomp_compile(const struct seccomp_profile *profile, enum seccomp_arch native,
		    struct seccomp_program *ret_program, struct err *err)
{
	__attribute__((cleanup(compile_done))) struct compile compile = {
		.profile = profile,
		.arena = ARENA_INIT(COMPILE_BYTES_MAX),
	};

	if (native != SECCOMP_ARCH_X86_64 && native != SECCOMP_ARCH_AARCH64)
		return err_set(err, ERR_UNSUPPORTED, ENOTSUP,
			       "seccomp programs are compiled for x86_64 and aarch64 alone");
	for (size_t i = 0; i < profile->architectures_count; i++) {
		if (profile->architectures[i] < SECCOMP_ARCH_COUNT)
			compile.wanted[profile->architectures[i]] = true;
	}
	compile.wanted[native] = true;
	int rc = compile_check(&compile, err);
	if (rc >= 0)
		rc = compile_look_up(&compile, &ret_program->unknown_names, err);
	if (rc < 0)
		return rc;
	bpf_emit_init(&compile.emit, ret_program->insns, SECCOMP_MAX_INSNS);
	rc = compile_tokens(&compile, native, err);
	if (rc >= 0)
		rc = bpf_emit_finish(&compile.emit, err);
	if (rc < 0)
		return rc;
	ret_program->count = (uint32_t)rc;
	ret_program->flags = load_flags(profile);
	return 0;
}
