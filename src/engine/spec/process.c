#include "engine/spec/process.h"

#include <string.h>

#include "engine/spec/environment.h"
#include "engine/spec/list.h"
#include "engine/spec/mount_option.h"
#include "engine/spec/security.h"

static int append(json_strings *list, const json_strings *more, struct arena *arena,
		  struct err *err)
{
	for (size_t i = 0; i < more->count; i++) {
		int rc = list_push_text(list, more->items[i], arena, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int process_arguments(const struct engine_options *options, const struct oci_image_run *image,
		      struct arena *arena, json_strings *ret_args, struct err *err)
{
	static const json_strings nothing;
	const char *entry[] = {options->entrypoint};
	const json_strings given = {entry, 1};
	const json_strings *entrypoint = &image->entrypoint, *command = &image->cmd;
	json_strings args = {0};

	if (options->entrypoint != NULL) {
		entrypoint = options->entrypoint[0] != '\0' ? &given : &nothing;
		command = &nothing;
	}
	if (options->command.count > 0)
		command = &options->command;
	int rc = append(&args, entrypoint, arena, err);
	if (rc == 0)
		rc = append(&args, command, arena, err);
	if (rc < 0)
		return rc;
	if (args.count == 0 || args.items[0][0] == '\0')
		return err_set(err, ERR_INVALID, 0, "No command specified");
	*ret_args = args;
	return 0;
}

static int build_env(const struct process_request *request, struct arena *arena,
		     json_strings *ret_env, struct err *err)
{
	static const json_strings nothing;
	json_strings base = {0}, middle;
	int rc = list_push_text(&base, PROCESS_PATH_DEFAULT, arena, err);

	if (rc == 0 && request->hostname != NULL) {
		const char *text = list_text(arena, "HOSTNAME=%s", request->hostname);
		rc = text == NULL ? list_no_memory(err) : list_push_text(&base, text, arena, err);
	}
	if (rc == 0 && request->terminal)
		rc = list_push_text(&base, "TERM=xterm", arena, err);
	if (rc == 0)
		rc = environment_merge(&base, request->image_env ? request->image_env : &nothing,
				       arena, &middle, err);
	if (rc == 0)
		rc = environment_merge(&middle, request->env ? request->env : &nothing, arena,
				       ret_env, err);
	if (rc == 0 && environment_get(ret_env, "HOME") == NULL) {
		const char *text = list_text(arena, "HOME=%s", request->account->home);
		rc = text == NULL ? list_no_memory(err) : list_push_text(ret_env, text, arena, err);
	}
	return rc;
}

static int build_caps(const struct process_request *request, struct arena *arena,
		      struct oci_process *process, struct err *err)
{
	struct oci_capabilities *caps = arena_alloc(arena, sizeof(*caps));

	if (caps == NULL)
		return list_no_memory(err);
	int rc = security_cap_names(request->caps, arena, &caps->bounding, err);
	if (rc < 0)
		return rc;
	/* Who is not root has none effective, as execve(2) would leave it; inheritable stays empty
	   (CVE-2022-29162). */
	if (process->user.uid == 0) {
		caps->effective = caps->bounding;
		caps->permitted = caps->bounding;
	}
	process->capabilities = caps;
	return 0;
}

int process_build(const struct process_request *request, struct arena *arena,
		  struct oci_process *ret_process, struct err *err)
{
	struct oci_process process = {
		.terminal = request->terminal,
		.args = request->args,
		.cwd = "/",
		.no_new_privileges = request->no_new_privileges,
		.apparmor_profile = request->labels != NULL ? request->labels->apparmor : NULL,
		.selinux_label = request->labels != NULL ? request->labels->process : NULL,
		.user = {.uid = request->account->uid, .gid = request->account->gid},
	};

	process.user.additional_gids.items = request->account->groups.items;
	process.user.additional_gids.count = request->account->groups.count;
	if (request->cwd != NULL && request->cwd[0] != '\0') {
		if (request->cwd[0] != '/')
			return err_set(err, ERR_INVALID, 0,
				       "the working directory '%s' is invalid, it needs to be an "
				       "absolute path",
				       request->cwd);
		process.cwd = mount_option_clean_path(request->cwd, arena);
		if (process.cwd == NULL)
			return list_no_memory(err);
	}
	if (request->terminal && request->size != NULL && request->size->height > 0) {
		process.console_size = arena_alloc(arena, sizeof(*process.console_size));
		if (process.console_size == NULL)
			return list_no_memory(err);
		*process.console_size = *request->size;
	}
	int rc = build_env(request, arena, &process.env, err);
	if (rc == 0)
		rc = build_caps(request, arena, &process, err);
	if (rc == 0)
		*ret_process = process;
	return rc;
}
