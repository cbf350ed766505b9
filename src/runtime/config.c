#include "runtime/config.h"

#include <stddef.h>
#include <string.h>

int config_check_process_built(const struct oci_process *process, struct err *err)
{
	const struct {
		bool present;
		const char *name;
	} members[] = {
		{process->scheduler != NULL, "process.scheduler"},
		{process->io_priority != NULL, "process.ioPriority"},
		{process->exec_cpu_affinity != NULL, "process.execCPUAffinity"},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].present)
			return err_set(err, ERR_UNSUPPORTED, 0, "%s: not built yet",
				       members[i].name);
	return 0;
}

static int config_check_linux_built(const struct oci_linux *linux_, struct err *err)
{
	const struct {
		bool present;
		const char *name;
	} members[] = {
		{linux_->intel_rdt != NULL, "linux.intelRdt"},
		{linux_->memory_policy != NULL, "linux.memoryPolicy"},
		{linux_->personality != NULL, "linux.personality"},
		{linux_->net_devices.count > 0, "linux.netDevices"},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].present)
			return err_set(err, ERR_UNSUPPORTED, 0, "%s: not built yet",
				       members[i].name);
	return 0;
}

int config_check_built(const struct oci_config *config, struct err *err)
{
	int rc = 0;

	if (config->linux == NULL)
		return err_set(err, ERR_INVALID, 0,
			       "linux: missing; this runtime makes Linux containers");
	if (config->process == NULL)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "process: missing; a container without a "
			       "process is not built yet");
	if (config->root == NULL || config->root->path == NULL)
		return err_set(err, ERR_INVALID, 0, "root.path: missing");
	if (oci_config_namespace(config, OCI_NS_MOUNT) == NULL)
		return err_set(
			err, ERR_UNSUPPORTED, 0,
			"linux.namespaces: a container without a mount namespace is not built yet");
	rc = config_check_process_built(config->process, err);
	return rc < 0 ? rc : config_check_linux_built(config->linux, err);
}

int config_parse(const struct buf *text, struct arena *arena, struct oci_config *ret_config,
		 struct err *err)
{
	int rc = json_parse(&oci_config_shape, text->data != NULL ? text->data : "", text->len,
			    arena, ret_config, err);

	if (rc == 0)
		rc = oci_config_check(ret_config, err);
	return rc < 0 ? rc : config_check_built(ret_config, err);
}

/* The same name comes in up to five sets. */
static bool config_is_listed(const struct buf *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list->data; at != NULL;) {
		if (strncmp(at, name, len) == 0 && (at[len] == '\0' || at[len] == ','))
			return true;
		at = strstr(at, ", ");
		if (at != NULL)
			at += 2;
	}
	return false;
}

static uint64_t config_caps_of(const json_strings *names, struct buf *unknown)
{
	uint64_t set = 0;

	for (size_t i = 0; i < names->count; i++) {
		int number = caps_number(names->items[i]);
		if (number >= 0)
			set |= 1ULL << number;
		else if (unknown != NULL && !config_is_listed(unknown, names->items[i]))
			buf_fmt(unknown, "%s%s", unknown->len > 0 ? ", " : "", names->items[i]);
	}
	return set;
}

int config_resolve_caps(const struct oci_process *process, const struct proc_status *status,
			struct caps_sets *ret_sets, uint64_t *ret_dropped, struct buf *unknown,
			struct err *err)
{
	const struct oci_capabilities *caps = process->capabilities;
	struct caps_sets own;
	int rc = caps_read_with(status, &own, err);

	*ret_sets = (struct caps_sets){0};
	*ret_dropped = 0;
	if (rc < 0 || caps == NULL)
		return rc;
	ret_sets->bounding = config_caps_of(&caps->bounding, unknown);
	ret_sets->effective = config_caps_of(&caps->effective, unknown);
	ret_sets->permitted = config_caps_of(&caps->permitted, unknown);
	ret_sets->inheritable = config_caps_of(&caps->inheritable, unknown);
	ret_sets->ambient = config_caps_of(&caps->ambient, unknown);
	*ret_dropped = caps_restrict(ret_sets, &own);
	return 0;
}

void config_grant_caps(const struct oci_process *process, struct caps_sets *ret_sets)
{
	const struct oci_capabilities *caps = process->capabilities;
	uint64_t all = caps_all();

	if (caps == NULL)
		return;
	ret_sets->bounding = config_caps_of(&caps->bounding, NULL) & all;
	ret_sets->effective = config_caps_of(&caps->effective, NULL) & all;
	ret_sets->permitted = config_caps_of(&caps->permitted, NULL) & all;
	ret_sets->inheritable = config_caps_of(&caps->inheritable, NULL) & all;
	ret_sets->ambient = config_caps_of(&caps->ambient, NULL) & all;
}
