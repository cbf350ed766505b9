#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "engine/policy/policy.h"
#include "kern/caps/caps.h"

#define FILE_MEMORY_MAX (16U << 20) /* what a file becomes in memory */

struct file_filter {
	json_strings caps;
	json_strings arches; /* Go's names: "amd64" */
	const char *min_kernel;
};

struct file_syscall {
	struct oci_seccomp_syscall rule;
	const char *name; /* what "names" was before it was a list */
	struct file_filter *includes;
	struct file_filter *excludes;
};

struct file_arch {
	const char *architecture;
	json_strings sub_architectures;
};

struct file_profile {
	const char *default_action;
	uint32_t *default_errno_ret;
	json_strings architectures;
	json_strings flags;
	const char *listener_path;
	const char *listener_metadata;
	JSON_LIST_OF(struct file_arch) arch_map;
	JSON_LIST_OF(struct file_syscall) syscalls;
};

static const struct json_field filter_fields[] = {
	JSON_LIST(struct file_filter, caps, "caps", JSON_TYPE_STRING),
	JSON_LIST(struct file_filter, arches, "arches", JSON_TYPE_STRING),
	JSON_STRING(struct file_filter, min_kernel, "minKernel"),
};
static JSON_SHAPE(filter_shape, struct file_filter, filter_fields);

static const struct json_field arg_fields[] = {
	JSON_UINT32(struct oci_seccomp_arg, index, "index"),
	JSON_UINT64(struct oci_seccomp_arg, value, "value"),
	JSON_UINT64(struct oci_seccomp_arg, value_two, "valueTwo"),
	JSON_STRING_NEEDED(struct oci_seccomp_arg, op, "op"),
};
static JSON_SHAPE(arg_shape, struct oci_seccomp_arg, arg_fields);

static const struct json_field syscall_fields[] = {
	JSON_LIST(struct file_syscall, rule.names, "names", JSON_TYPE_STRING),
	JSON_STRING(struct file_syscall, name, "name"),
	JSON_STRING_NEEDED(struct file_syscall, rule.action, "action"),
	JSON_OPT(struct file_syscall, rule.errno_ret, "errnoRet", JSON_TYPE_UINT32),
	JSON_OBJECTS(struct file_syscall, rule.args, "args", arg_shape),
	JSON_OBJECT(struct file_syscall, includes, "includes", filter_shape),
	JSON_OBJECT(struct file_syscall, excludes, "excludes", filter_shape),
};
static JSON_SHAPE(syscall_shape, struct file_syscall, syscall_fields);

static const struct json_field arch_fields[] = {
	JSON_STRING_NEEDED(struct file_arch, architecture, "architecture"),
	JSON_LIST(struct file_arch, sub_architectures, "subArchitectures", JSON_TYPE_STRING),
};
static JSON_SHAPE(arch_shape, struct file_arch, arch_fields);

static const struct json_field profile_fields[] = {
	JSON_STRING(struct file_profile, default_action, "defaultAction"),
	JSON_OPT(struct file_profile, default_errno_ret, "defaultErrnoRet", JSON_TYPE_UINT32),
	JSON_LIST(struct file_profile, architectures, "architectures", JSON_TYPE_STRING),
	JSON_LIST(struct file_profile, flags, "flags", JSON_TYPE_STRING),
	JSON_STRING(struct file_profile, listener_path, "listenerPath"),
	JSON_STRING(struct file_profile, listener_metadata, "listenerMetadata"),
	JSON_OBJECTS(struct file_profile, arch_map, "archMap", arch_shape),
	JSON_OBJECTS(struct file_profile, syscalls, "syscalls", syscall_shape),
};
static JSON_SHAPE(profile_shape, struct file_profile, profile_fields);

/* Digits up to three, ended by one of `ends`; -1 for anything else. */
static int read_number(const char **at, const char *ends)
{
	int value = 0, digits = 0;

	for (; **at >= '0' && **at <= '9' && digits < 3; digits++, (*at)++)
		value = value * 10 + (**at - '0');
	if (digits == 0 || (**at >= '0' && **at <= '9'))
		return -1;
	return ends == NULL || strchr(ends, **at) != NULL ? value : -1;
}

int policy_kernel_parse(const char *release, unsigned *ret_major, unsigned *ret_minor,
			struct err *err)
{
	const char *at = release;
	int major = read_number(&at, ".");
	int minor = -1;

	if (major >= 0 && *at == '.') {
		at++;
		minor = read_number(&at, NULL);
	}
	if (minor < 0)
		return err_set(err, ERR_INVALID, EINVAL, "'%s' is no kernel version such as 6.12.3",
			       release);
	*ret_major = (unsigned)major;
	*ret_minor = (unsigned)minor;
	return 0;
}

int policy_host_init(struct policy_host *ret_host, uint64_t caps, struct err *err)
{
	struct utsname uts;

	if (uname(&uts) < 0)
		return err_errno(err, "read the kernel's version");
	ret_host->native = seccomp_arch_native();
	ret_host->caps = caps;
	return policy_kernel_parse(uts.release, &ret_host->kernel_major, &ret_host->kernel_minor,
				   err);
}

/* Whether the host is at least the "5.8" of a condition: 1 or 0, or an error for other text. */
static int host_is_at_least(const struct policy_host *host, const char *version, struct err *err)
{
	const char *at = version;
	int major = read_number(&at, "."), minor = -1;

	if (major >= 0 && *at == '.') {
		at++;
		minor = read_number(&at, "");
	}
	if (minor < 0 || (major == 0 && minor == 0))
		return err_set(err, ERR_INVALID, EINVAL,
			       "minKernel '%s': expected two numbers such as 5.8", version);
	if (host->kernel_major != (unsigned)major)
		return host->kernel_major > (unsigned)major;
	return host->kernel_minor >= (unsigned)minor;
}

static bool host_has_cap(const struct policy_host *host, const char *name)
{
	int number = caps_number(name);

	return number >= 0 && (host->caps >> number & 1) != 0;
}

static bool host_is_among(const struct policy_host *host, const json_strings *arches)
{
	const char *name = host->native == SECCOMP_ARCH_AARCH64 ? "arm64" : "amd64";

	for (size_t i = 0; i < arches->count; i++) {
		if (strcmp(arches->items[i], name) == 0)
			return true;
	}
	return false;
}

/* Whether one of the conditions keeps the rule out: 1 or 0, or an error. */
static int is_excluded(const struct file_filter *filter, const struct policy_host *host,
		       struct err *err)
{
	if (filter == NULL)
		return 0;
	if (host_is_among(host, &filter->arches))
		return 1;
	for (size_t i = 0; i < filter->caps.count; i++) {
		if (host_has_cap(host, filter->caps.items[i]))
			return 1;
	}
	if (filter->min_kernel != NULL && filter->min_kernel[0] != '\0')
		return host_is_at_least(host, filter->min_kernel, err);
	return 0;
}

/* Whether all of the conditions let the rule in: 1 or 0, or an error. */
static int is_included(const struct file_filter *filter, const struct policy_host *host,
		       struct err *err)
{
	if (filter == NULL)
		return 1;
	if (filter->arches.count > 0 && !host_is_among(host, &filter->arches))
		return 0;
	for (size_t i = 0; i < filter->caps.count; i++) {
		if (!host_has_cap(host, filter->caps.items[i]))
			return 0;
	}
	if (filter->min_kernel != NULL && filter->min_kernel[0] != '\0')
		return host_is_at_least(host, filter->min_kernel, err);
	return 1;
}

/* Finds what the profile says of architectures on this host. */
static int choose_archs(const struct file_profile *profile, const struct policy_host *host,
			struct arena *arena, json_strings *ret_archs, struct err *err)
{
	const char *native =
		host->native == SECCOMP_ARCH_AARCH64 ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";

	*ret_archs = profile->architectures;
	if (profile->arch_map.count > 0 && profile->architectures.count > 0)
		return err_set(err, ERR_INVALID, EINVAL,
			       "both 'architectures' and 'archMap' are given; use one of them");
	for (size_t i = 0; i < profile->arch_map.count; i++) {
		const struct file_arch *arch = &profile->arch_map.items[i];
		size_t count = arch->sub_architectures.count;
		if (strcmp(arch->architecture, native) != 0)
			continue;
		const char **items = arena_alloc(arena, (count + 1) * sizeof(*items));
		if (items == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "read 'archMap'");
		items[0] = arch->architecture;
		for (size_t j = 0; j < count; j++)
			items[j + 1] = arch->sub_architectures.items[j];
		ret_archs->items = items;
		ret_archs->count = count + 1;
		return 0;
	}
	return 0;
}

/* Checks a rule's words here, where the file's reader sees the message, not in the runtime. */
static int check_rule(const struct oci_seccomp_syscall *rule, struct err *err)
{
	enum seccomp_action action;
	enum seccomp_op op;
	int rc = seccomp_action_parse(rule->action, &action, err);

	for (size_t i = 0; i < rule->args.count && rc >= 0; i++) {
		rc = seccomp_op_parse(rule->args.items[i].op, &op, err);
		if (rc >= 0 && rule->args.items[i].index >= SECCOMP_MAX_ARGS)
			rc = err_set(err, ERR_INVALID, EINVAL,
				     "args[%zu].index: a system call has no argument %u", i,
				     rule->args.items[i].index);
	}
	return rc;
}

/* Copies the rule if it holds on this host. Returns 1, 0 or an error. */
static int convert_rule(const struct file_syscall *from, const struct policy_host *host,
			struct arena *arena, struct oci_seccomp_syscall *ret_rule, struct err *err)
{
	*ret_rule = from->rule;
	if (from->name != NULL && from->name[0] != '\0') {
		if (from->rule.names.count > 0)
			return err_set(err, ERR_INVALID, EINVAL,
				       "both 'name' and 'names' are given; use 'names'");
		ret_rule->names.items = arena_alloc(arena, sizeof(*ret_rule->names.items));
		if (ret_rule->names.items == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "read 'name'");
		ret_rule->names.items[0] = from->name;
		ret_rule->names.count = 1;
	}
	int rc = check_rule(ret_rule, err);
	if (rc < 0)
		return rc;
	int out = is_excluded(from->excludes, host, err);
	if (out != 0)
		return out < 0 ? out : 0;
	int in = is_included(from->includes, host, err);
	/* The specification asks for a name in each rule. */
	return in > 0 ? ret_rule->names.count > 0 : in;
}

static int convert_rules(const struct file_profile *profile, const struct policy_host *host,
			 struct arena *arena, struct oci_seccomp *ret, struct err *err)
{
	struct oci_seccomp_syscall *rules =
		arena_alloc(arena, (profile->syscalls.count + 1) * sizeof(*rules));
	size_t count = 0;

	if (rules == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read 'syscalls'");
	for (size_t i = 0; i < profile->syscalls.count; i++) {
		int rc = convert_rule(&profile->syscalls.items[i], host, arena, &rules[count], err);
		if (rc < 0)
			return err_wrap(err, rc, "syscalls[%zu]", i);
		count += (size_t)rc;
	}
	ret->syscalls.items = rules;
	ret->syscalls.count = count;
	return 0;
}

static int check_words(const struct oci_seccomp *seccomp, struct err *err)
{
	enum seccomp_action action;
	enum seccomp_arch arch;
	uint32_t flags = 0;
	int rc = seccomp_action_parse(seccomp->default_action, &action, err);

	if (rc < 0)
		return err_wrap(err, rc, "defaultAction");
	for (size_t i = 0; i < seccomp->architectures.count; i++) {
		rc = seccomp_arch_parse(seccomp->architectures.items[i], &arch, err);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < seccomp->flags.count; i++) {
		rc = seccomp_flag_parse(seccomp->flags.items[i], &flags, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int policy_file_convert(const char *text, size_t len, const struct policy_host *host,
			struct buf *out, struct err *err)
{
	ARENA_AUTO(arena, FILE_MEMORY_MAX);
	struct file_profile profile;
	struct oci_seccomp seccomp = {0};

	if (len > POLICY_FILE_BYTES_MAX)
		return err_set(err, ERR_INVALID, E2BIG,
			       "seccomp profile: %zu bytes; at most %u are read", len,
			       POLICY_FILE_BYTES_MAX);
	int rc = json_parse(&profile_shape, text, len, &arena, &profile, err);
	if (rc < 0)
		return err_wrap(err, rc, "seccomp profile");
	if (profile.default_action == NULL || profile.default_action[0] == '\0') {
		if (profile.syscalls.count == 0)
			return 0;
		return err_set(err, ERR_INVALID, EINVAL, "seccomp profile: defaultAction: missing");
	}
	seccomp.default_action = profile.default_action;
	seccomp.default_errno_ret = profile.default_errno_ret;
	seccomp.flags = profile.flags;
	seccomp.listener_path = profile.listener_path;
	seccomp.listener_metadata = profile.listener_metadata;
	rc = choose_archs(&profile, host, &arena, &seccomp.architectures, err);
	if (rc >= 0)
		rc = check_words(&seccomp, err);
	if (rc >= 0)
		rc = convert_rules(&profile, host, &arena, &seccomp, err);
	if (rc < 0)
		return err_wrap(err, rc, "seccomp profile");
	json_write(&oci_seccomp_shape, &seccomp, JSON_COMPACT, out);
	rc = buf_check(out, "seccomp profile", err);
	return rc < 0 ? rc : 1;
}
