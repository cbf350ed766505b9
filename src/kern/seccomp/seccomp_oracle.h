/*
 * seccomp_oracle.h - for tests: a profile given to libseccomp in runc's way.
 *
 * Include it only where TEST_LIBSECCOMP is defined.
 */
#ifndef CORTEN_KERN_SECCOMP_SECCOMP_ORACLE_H
#define CORTEN_KERN_SECCOMP_SECCOMP_ORACLE_H

/* Its seccomp_load() is another than ours. */
#define seccomp_load libseccomp_load
#include <seccomp.h>
#undef seccomp_load
#include <sys/mman.h>
#include <unistd.h>

#include "kern/seccomp/seccomp_model.h"

static const uint32_t oracle_archs[] = {
	[SECCOMP_ARCH_X86_64] = SCMP_ARCH_X86_64, [SECCOMP_ARCH_X86] = SCMP_ARCH_X86,
	[SECCOMP_ARCH_X32] = SCMP_ARCH_X32,       [SECCOMP_ARCH_AARCH64] = SCMP_ARCH_AARCH64,
	[SECCOMP_ARCH_ARM] = SCMP_ARCH_ARM,
};

static const enum scmp_compare oracle_ops[] = {
	[SECCOMP_OP_NE] = SCMP_CMP_NE,
	[SECCOMP_OP_LT] = SCMP_CMP_LT,
	[SECCOMP_OP_LE] = SCMP_CMP_LE,
	[SECCOMP_OP_EQ] = SCMP_CMP_EQ,
	[SECCOMP_OP_GE] = SCMP_CMP_GE,
	[SECCOMP_OP_GT] = SCMP_CMP_GT,
	[SECCOMP_OP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

static inline bool oracle_knows(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static inline int oracle_add(scmp_filter_ctx ctx, const struct seccomp_rule *rule, uint32_t value,
			     int number)
{
	struct scmp_arg_cmp conds[64];
	unsigned uses[SECCOMP_MAX_ARGS] = {0};
	bool split = false;

	for (size_t i = 0; i < rule->args_count && i < 64; i++) {
		const struct seccomp_arg *arg = &rule->args[i];
		conds[i] = (struct scmp_arg_cmp){.arg = arg->index,
						 .op = oracle_ops[arg->op],
						 .datum_a = arg->value,
						 .datum_b = arg->value_two};
		split |= ++uses[arg->index] > 1;
	}
	if (!split)
		return seccomp_rule_add_array(ctx, value, number, (unsigned)rule->args_count,
					      conds);
	for (size_t i = 0; i < rule->args_count; i++) {
		int rc = seccomp_rule_add_array(ctx, value, number, 1, &conds[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Reads the program that ctx exports. Returns its length or -errno. */
static inline int oracle_export(scmp_filter_ctx ctx, struct sock_filter *insns, size_t max)
{
	int fd = memfd_create("oracle", MFD_CLOEXEC);
	int rc = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (rc >= 0) {
		ssize_t got = pread(fd, insns, max * sizeof(*insns), 0);
		rc = got < 0 ? -errno : (int)((size_t)got / sizeof(*insns));
	}
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* libseccomp's program without runc's ENOSYS part. Returns its length or -errno. */
static inline int oracle_compile(const struct seccomp_profile *profile, enum seccomp_arch native,
				 struct sock_filter *insns, size_t max)
{
	uint32_t otherwise = model_value(profile->default_action, profile->has_default_errno,
					 profile->default_errno_ret);
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	int rc = 0;

	if (ctx == NULL)
		return -EINVAL;
	if (native == SECCOMP_ARCH_AARCH64) {
		rc = seccomp_arch_add(ctx, SCMP_ARCH_AARCH64);
		if (rc >= 0)
			rc = seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
	}
	for (size_t i = 0; i < profile->architectures_count && rc >= 0; i++) {
		enum seccomp_arch arch = profile->architectures[i];
		bool arm = arch == SECCOMP_ARCH_AARCH64 || arch == SECCOMP_ARCH_ARM;
		if (arch == SECCOMP_ARCH_OTHER || arm != (native == SECCOMP_ARCH_AARCH64))
			continue;
		rc = seccomp_arch_add(ctx, oracle_archs[arch]);
		if (rc == -EEXIST)
			rc = 0;
	}
	if (rc >= 0)
		(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE,
				       profile->rules_count > 32 ? 2 : 1);
	for (size_t i = 0; i < profile->rules_count && rc >= 0; i++) {
		const struct seccomp_rule *rule = &profile->rules[i];
		uint32_t value = model_value(rule->action, rule->has_errno, rule->errno_ret);
		for (size_t j = 0; j < rule->names_count && rc >= 0 && value != otherwise; j++) {
			int number = seccomp_syscall_resolve_name(rule->names[j]);
			if (number != __NR_SCMP_ERROR)
				rc = oracle_add(ctx, rule, value, number);
		}
	}
	if (rc >= 0)
		rc = oracle_export(ctx, insns, max);
	seccomp_release(ctx);
	return rc;
}

#endif
