#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kern/seccomp/seccomp.h"

static const char *const action_names[] = {
	[SECCOMP_ACTION_KILL_THREAD] = "SCMP_ACT_KILL_THREAD",
	[SECCOMP_ACTION_KILL_PROCESS] = "SCMP_ACT_KILL_PROCESS",
	[SECCOMP_ACTION_TRAP] = "SCMP_ACT_TRAP",
	[SECCOMP_ACTION_ERRNO] = "SCMP_ACT_ERRNO",
	[SECCOMP_ACTION_TRACE] = "SCMP_ACT_TRACE",
	[SECCOMP_ACTION_ALLOW] = "SCMP_ACT_ALLOW",
	[SECCOMP_ACTION_LOG] = "SCMP_ACT_LOG",
	[SECCOMP_ACTION_NOTIFY] = "SCMP_ACT_NOTIFY",
};

static const char *const op_names[] = {
	[SECCOMP_OP_NE] = "SCMP_CMP_NE",
	[SECCOMP_OP_LT] = "SCMP_CMP_LT",
	[SECCOMP_OP_LE] = "SCMP_CMP_LE",
	[SECCOMP_OP_EQ] = "SCMP_CMP_EQ",
	[SECCOMP_OP_GE] = "SCMP_CMP_GE",
	[SECCOMP_OP_GT] = "SCMP_CMP_GT",
	[SECCOMP_OP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

/* Those from SECCOMP_ARCH_OTHER on are known to the specification and have no table here. */
static const char *const arch_names[] = {
	[SECCOMP_ARCH_X86_64] = "SCMP_ARCH_X86_64",
	[SECCOMP_ARCH_X86] = "SCMP_ARCH_X86",
	[SECCOMP_ARCH_X32] = "SCMP_ARCH_X32",
	[SECCOMP_ARCH_AARCH64] = "SCMP_ARCH_AARCH64",
	[SECCOMP_ARCH_ARM] = "SCMP_ARCH_ARM",
	"SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",
	"SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32",
	"SCMP_ARCH_MIPSEL",
	"SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32",
	"SCMP_ARCH_PARISC",
	"SCMP_ARCH_PARISC64",
	"SCMP_ARCH_PPC",
	"SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_RISCV64",
	"SCMP_ARCH_S390",
	"SCMP_ARCH_S390X",
	"SCMP_ARCH_SH",
	"SCMP_ARCH_SHEB",
};

static const struct {
	const char *name;
	uint32_t bit;
} flags_by_name[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 0},
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FLAG_WAIT_KILLABLE_RECV},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The index of name, or fails naming `what` it was to be. */
static int find_name(const char *const *names, size_t count, const char *name, const char *what,
		     struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return err_set(err, ERR_INVALID, EINVAL, "'%s' is no %s of a seccomp profile", name, what);
}

int seccomp_action_parse(const char *name, enum seccomp_action *ret_action, struct err *err)
{
	int at = 0;

	if (strcmp(name, "SCMP_ACT_KILL") != 0)
		at = find_name(action_names, COUNT(action_names), name, "action", err);
	if (at < 0)
		return at;
	*ret_action = (enum seccomp_action)at;
	return 0;
}

int seccomp_op_parse(const char *name, enum seccomp_op *ret_op, struct err *err)
{
	int at = find_name(op_names, COUNT(op_names), name, "operator", err);

	if (at < 0)
		return at;
	*ret_op = (enum seccomp_op)at;
	return 0;
}

int seccomp_arch_parse(const char *name, enum seccomp_arch *ret_arch, struct err *err)
{
	int at = find_name(arch_names, COUNT(arch_names), name, "architecture", err);

	if (at < 0)
		return at;
	*ret_arch = at < SECCOMP_ARCH_OTHER ? (enum seccomp_arch)at : SECCOMP_ARCH_OTHER;
	return 0;
}

int seccomp_flag_parse(const char *name, uint32_t *flags, struct err *err)
{
	for (size_t i = 0; i < COUNT(flags_by_name); i++) {
		if (strcmp(flags_by_name[i].name, name) == 0) {
			*flags |= flags_by_name[i].bit;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, EINVAL, "'%s' is no flag of a seccomp profile", name);
}

const char *seccomp_action_name(size_t at)
{
	return at < COUNT(action_names) ? action_names[at] : NULL;
}

const char *seccomp_op_name(size_t at)
{
	return at < COUNT(op_names) ? op_names[at] : NULL;
}

const char *seccomp_arch_name(size_t at)
{
	return at < COUNT(arch_names) ? arch_names[at] : NULL;
}

const char *seccomp_flag_name(size_t at, uint32_t *ret_bit)
{
	if (at >= COUNT(flags_by_name))
		return NULL;
	*ret_bit = flags_by_name[at].bit;
	return flags_by_name[at].name;
}

bool seccomp_flags_are_supported(uint32_t flags)
{
	/* This one alone is refused whatever the kernel. */
	if ((flags & SECCOMP_FLAG_WAIT_KILLABLE_RECV) != 0)
		flags |= SECCOMP_FLAG_NEW_LISTENER;
	/* Flags are looked at before the program, which is not there. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

enum seccomp_arch seccomp_arch_native(void)
{
#if defined(__x86_64__)
	return SECCOMP_ARCH_X86_64;
#elif defined(__aarch64__)
	return SECCOMP_ARCH_AARCH64;
#else
#error "no system call table for this processor"
#endif
}

int seccomp_load(const void *insns, size_t bytes, uint32_t flags, struct err *err)
{
	if (bytes == 0 || bytes % sizeof(struct sock_filter) != 0 ||
	    bytes > SECCOMP_MAX_INSNS * sizeof(struct sock_filter))
		return err_set(err, ERR_INVALID, EINVAL,
			       "a seccomp program of %zu bytes is not of whole instructions or "
			       "too long",
			       bytes);

	union {
		const void *in;
		struct sock_filter *out; /* the kernel's struct has no const */
	} start = {.in = insns};
	struct sock_fprog prog = {
		.len = (unsigned short)(bytes / sizeof(struct sock_filter)),
		.filter = start.out,
	};
	long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);

	if (rc >= 0)
		return (int)rc;
	if (errno == EACCES)
		return err_errno(err, "load the seccomp program (it needs no_new_privs or "
				      "CAP_SYS_ADMIN)");
	return err_errno(err, "load the seccomp program of %zu instructions with flags 0x%x",
			 bytes / sizeof(struct sock_filter), flags);
}
