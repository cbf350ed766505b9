#include "runtime/filter.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "kern/seccomp/seccomp.h"
#include "kern/seccomp/seccomp_cache.h"
#include "kern/seccomp/seccomp_file.h"
#include "oci/seccomp_config.h"
#include "runtime/stage/plan.h"

_Static_assert(sizeof(struct sock_filter) == STAGE_FILTER_BYTES, "one BPF instruction");

static int filter_no_memory(struct err *err)
{
	return err_set(err, ERR_INVALID, ENOMEM, "linux.seccomp: more than memory is allowed for");
}

static int filter_convert_rule(const struct oci_seccomp_syscall *from, struct arena *arena,
			       struct seccomp_rule *to, struct err *err)
{
	struct seccomp_arg *args = arena_alloc(arena, (from->args.count + 1) * sizeof(*args));

	if (args == NULL)
		return filter_no_memory(err);
	if (from->names.count == 0)
		return err_set(err, ERR_INVALID, 0,
			       "names: empty; a rule must name at least one system call");
	for (size_t i = 0; i < from->args.count; i++) {
		args[i] = (struct seccomp_arg){.index = from->args.items[i].index,
					       .value = from->args.items[i].value,
					       .value_two = from->args.items[i].value_two};
		if (from->args.items[i].op == NULL)
			return err_set(err, ERR_INVALID, 0, "args[%zu].op: missing", i);
		int rc = seccomp_op_parse(from->args.items[i].op, &args[i].op, err);
		if (rc < 0)
			return err_wrap(err, rc, "args[%zu].op", i);
	}
	to->names = from->names.items;
	to->names_count = from->names.count;
	to->args = args;
	to->args_count = from->args.count;
	to->has_errno = from->errno_ret != NULL;
	to->errno_ret = to->has_errno ? *from->errno_ret : 0;
	int rc = seccomp_action_parse(from->action, &to->action, err);
	/* runc must refuse it, so that no agent expects it. */
	for (size_t i = 0; rc == 0 && to->action == SECCOMP_ACTION_NOTIFY && i < to->names_count;
	     i++)
		if (strcmp(to->names[i], "write") == 0)
			return err_set(err, ERR_INVALID, 0,
				       "SCMP_ACT_NOTIFY cannot be used for the write syscall");
	return rc;
}

static int filter_convert_rules(const struct oci_seccomp *from, struct arena *arena,
				struct seccomp_profile *to, struct err *err)
{
	struct seccomp_rule *rules =
		arena_alloc(arena, (from->syscalls.count + 1) * sizeof(*rules));

	if (rules == NULL)
		return filter_no_memory(err);
	for (size_t i = 0; i < from->syscalls.count; i++) {
		int rc = filter_convert_rule(&from->syscalls.items[i], arena, &rules[i], err);
		if (rc < 0)
			return err_wrap(err, rc, "syscalls[%zu]", i);
	}
	to->rules = rules;
	to->rules_count = from->syscalls.count;
	return 0;
}

static int filter_convert(const struct oci_seccomp *from, struct arena *arena,
			  struct seccomp_profile *to, struct err *err)
{
	enum seccomp_arch *archs =
		arena_alloc(arena, (from->architectures.count + 1) * sizeof(*archs));
	int rc = 0;

	if (archs == NULL)
		return filter_no_memory(err);
	for (size_t i = 0; rc == 0 && i < from->architectures.count; i++)
		rc = seccomp_arch_parse(from->architectures.items[i], &archs[i], err);
	for (size_t i = 0; rc == 0 && i < from->flags.count; i++)
		rc = seccomp_flag_parse(from->flags.items[i], &to->flags, err);
	if (rc == 0)
		rc = seccomp_action_parse(from->default_action, &to->default_action, err);
	if (rc < 0)
		return rc;
	to->architectures = archs;
	to->architectures_count = from->architectures.count;
	to->has_flags = from->flags.items != NULL;
	to->has_default_errno = from->default_errno_ret != NULL;
	to->default_errno_ret = to->has_default_errno ? *from->default_errno_ret : 0;
	return filter_convert_rules(from, arena, to, err);
}

static bool filter_is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* A flag that is newer than the kernel would fail in the container, and say less. */
static int filter_check_flags(uint32_t flags, struct err *err)
{
	if ((flags & SECCOMP_FLAG_WAIT_KILLABLE_RECV) != 0 &&
	    !seccomp_flags_are_supported(SECCOMP_FLAG_WAIT_KILLABLE_RECV))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs Linux 5.19");
	return 0;
}

static int filter_compile(const struct json_text *text, struct arena *arena,
			  struct seccomp_program *program, struct err *err)
{
	struct oci_seccomp config;
	struct seccomp_profile profile = {0};
	int rc = json_parse(&oci_seccomp_shape, text->text, text->len, arena, &config, err);

	if (rc < 0)
		return rc;
	if (!filter_is_given(config.listener_path) && filter_is_given(config.listener_metadata))
		return err_set(err, ERR_INVALID, 0,
			       "listenerMetadata: set, but there is no listenerPath to send it to");
	rc = filter_convert(&config, arena, &profile, err);
	if (rc == 0)
		rc = filter_check_flags(profile.flags, err);
	return rc < 0 ? rc : seccomp_compile(&profile, seccomp_arch_native(), program, err);
}

/* The text is parsed for it even when the program comes from the cache. */
static int filter_find_listener(const struct json_text *text, struct arena *arena,
				struct filter *filter, struct err *err)
{
	struct oci_seccomp config;
	int rc = json_parse(&oci_seccomp_shape, text->text, text->len, arena, &config, err);

	if (rc < 0)
		return rc;
	if (!filter_is_given(config.listener_path))
		return err_set(
			err, ERR_INVALID, 0,
			"listenerPath: missing; SCMP_ACT_NOTIFY needs the socket of the agent "
			"that answers");
	filter->listener_path = config.listener_path;
	if (filter_is_given(config.listener_metadata))
		filter->listener_metadata = config.listener_metadata;
	return 0;
}

/* The cache only saves time: where it cannot be used, the profile is compiled each time. */
static int filter_find(const struct json_text *text, int root_fd, struct arena *arena,
		       struct seccomp_program *program, struct err *err)
{
	struct seccomp_cache_key key;
	struct err ignored;
	auto_fd folder = seccomp_cache_open_folder(root_fd, &ignored);

	seccomp_cache_key_init(&key, text->text, text->len, seccomp_arch_native());
	if (folder >= 0 && seccomp_cache_read(folder, &key, program) == 0)
		return 0;
	int rc = filter_compile(text, arena, program, err);
	if (rc == 0 && folder >= 0) {
		int stored = seccomp_cache_store(folder, &key, program, &ignored);
		fd_closep(&stored);
	}
	return rc;
}

int filter_prepare(const struct json_text *text, int root_fd, struct arena *arena,
		   struct filter *ret_filter, struct err *err)
{
	*ret_filter = (struct filter){0};
	if (text->len == 0)
		return 0;
	struct seccomp_program *program = arena_alloc(arena, sizeof(*program));
	if (program == NULL)
		return filter_no_memory(err);
	int rc = filter_find(text, root_fd, arena, program, err);
	if (rc < 0)
		return err_wrap(err, rc, "linux.seccomp");
	ret_filter->insns = (char *)program->insns;
	ret_filter->count = program->count;
	ret_filter->flags = program->flags;
	if ((program->flags & SECCOMP_FLAG_NEW_LISTENER) != 0)
		rc = filter_find_listener(text, arena, ret_filter, err);
	return rc < 0 ? err_wrap(err, rc, "linux.seccomp") : 0;
}
