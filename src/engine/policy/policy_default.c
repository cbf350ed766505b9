#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "engine/policy/policy.h"

#define CAP(name) (1ULL << (CAP_##name))
#define ON(arch)  (1U << (SECCOMP_ARCH_##arch))

/* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
#define CLONE_NAMESPACES 0x7e020000ULL
#define AF_VSOCK_NUMBER  40

/* EPERM and ENOSYS as the kernel of the container's processor knows them. */
#define NOT_PERMITTED   1
#define NOT_IMPLEMENTED 38

/* Calls with one condition for all: names parted by spaces. */
struct policy_group {
	const char *names;
	uint64_t needs;                    /* every one of these capabilities */
	uint64_t unless;                   /* none of these */
	unsigned only;                     /* on these processors; 0: on all */
	uint32_t errno_ret;                /* 0: allowed; else refused with this */
	const struct oci_seccomp_arg *arg; /* NULL: whatever the arguments */
};

static const struct oci_seccomp_arg not_vsock = {.value = AF_VSOCK_NUMBER, .op = "SCMP_CMP_NE"};
static const struct oci_seccomp_arg no_namespaces = {.value = CLONE_NAMESPACES,
						     .op = "SCMP_CMP_MASKED_EQ"};
/* PER_LINUX and PER_LINUX32, each with and without UNAME26, and the question for the present one. */
static const struct oci_seccomp_arg personas[] = {
	{.value = 0, .op = "SCMP_CMP_EQ"},          {.value = 8, .op = "SCMP_CMP_EQ"},
	{.value = 0x20000, .op = "SCMP_CMP_EQ"},    {.value = 0x20008, .op = "SCMP_CMP_EQ"},
	{.value = 0xffffffff, .op = "SCMP_CMP_EQ"},
};

static const struct policy_group groups[] = {
#include "engine/policy/policy_default.inc"
};

#define GROUPS_COUNT (sizeof(groups) / sizeof(groups[0]))

static const char *const x86_archs[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
static const char *const arm_archs[] = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};

static bool group_applies(const struct policy_group *group, const struct policy_host *host)
{
	return (group->needs & ~host->caps) == 0 && (group->unless & host->caps) == 0 &&
	       (group->only == 0 || (group->only & 1U << host->native) != 0);
}

/* Parts names at the spaces into a list in the arena. */
static int split_names(const char *names, struct arena *arena, json_strings *ret_list)
{
	char *copy = arena_strndup(arena, names, strlen(names));
	size_t count = 1;

	for (const char *at = names; *at != '\0'; at++)
		count += *at == ' ';
	const char **items = arena_alloc(arena, count * sizeof(*items));
	if (copy == NULL || items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		items[i] = copy;
		copy += strcspn(copy, " ");
		*copy++ = '\0';
	}
	ret_list->items = items;
	ret_list->count = count;
	return 0;
}

static int make_rule(const struct policy_group *group, struct arena *arena,
		     struct oci_seccomp_syscall *ret_rule)
{
	ret_rule->action = group->errno_ret == 0 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO";
	if (group->errno_ret != 0) {
		ret_rule->errno_ret = arena_alloc(arena, sizeof(*ret_rule->errno_ret));
		if (ret_rule->errno_ret == NULL)
			return -ENOMEM;
		*ret_rule->errno_ret = group->errno_ret;
	}
	if (group->arg != NULL) {
		ret_rule->args.items = arena_alloc(arena, sizeof(*ret_rule->args.items));
		if (ret_rule->args.items == NULL)
			return -ENOMEM;
		ret_rule->args.items[0] = *group->arg;
		ret_rule->args.count = 1;
	}
	return split_names(group->names, arena, &ret_rule->names);
}

int policy_default_make(const struct policy_host *host, struct arena *arena,
			struct oci_seccomp *ret_seccomp, struct err *err)
{
	bool arm = host->native == SECCOMP_ARCH_AARCH64;
	size_t archs_count = arm ? 2 : 3, count = 0;
	struct oci_seccomp_syscall *rules = arena_alloc(arena, GROUPS_COUNT * sizeof(*rules));
	uint32_t *not_permitted = arena_alloc(arena, sizeof(*not_permitted));
	const char **archs = arena_alloc(arena, archs_count * sizeof(*archs));
	int rc = rules == NULL || not_permitted == NULL || archs == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < GROUPS_COUNT && rc == 0; i++) {
		if (group_applies(&groups[i], host))
			rc = make_rule(&groups[i], arena, &rules[count++]);
	}
	if (rc < 0)
		return err_set(err, ERR_SYSTEM, ENOMEM, "make the default seccomp policy");
	memcpy(archs, arm ? arm_archs : x86_archs, archs_count * sizeof(*archs));
	*not_permitted = NOT_PERMITTED;
	memset(ret_seccomp, 0, sizeof(*ret_seccomp));
	ret_seccomp->default_action = "SCMP_ACT_ERRNO";
	ret_seccomp->default_errno_ret = not_permitted;
	ret_seccomp->architectures.items = archs;
	ret_seccomp->architectures.count = archs_count;
	ret_seccomp->syscalls.items = rules;
	ret_seccomp->syscalls.count = count;
	return 0;
}

int policy_default_write(const struct policy_host *host, struct buf *out, struct err *err)
{
	ARENA_AUTO(arena, 256U << 10);
	struct oci_seccomp seccomp;
	int rc = policy_default_make(host, &arena, &seccomp, err);

	if (rc < 0)
		return rc;
	json_write(&oci_seccomp_shape, &seccomp, JSON_COMPACT, out);
	return buf_check(out, "default seccomp policy", err);
}
