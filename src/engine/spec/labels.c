#include "engine/spec/labels.h"

#include <string.h>

#include "engine/spec/list.h"

#define OR(given, otherwise) ((given) != NULL ? (given) : (otherwise))

static bool is_labelled(const struct labels_request *request)
{
	const struct security_label *label = &request->security->label;

	if (!request->host->selinux || label->disabled)
		return false;
	return label->given || (!request->privileged && !request->host_namespaces);
}

bool labels_want_level(const struct labels_request *request)
{
	return is_labelled(request) && request->host->selinux_levels &&
	       request->security->label.level == NULL;
}

static int build_apparmor(const struct labels_request *request, const char **ret_profile,
			  struct err *err)
{
	const char *given = request->security->apparmor;

	if (request->host->apparmor) {
		*ret_profile =
			OR(given, request->privileged ? "unconfined" : LABELS_APPARMOR_DEFAULT);
		return 0;
	}
	if (given != NULL && strcmp(given, "unconfined") != 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "--security-opt apparmor=%s: AppArmor is not enabled on this host",
			       given);
	*ret_profile = NULL;
	return 0;
}

/* A policy without levels (neither MLS nor MCS) knows contexts of three parts. */
static const char *context(const struct labels_request *request, const char *role, const char *type,
			   struct arena *arena)
{
	const struct security_label *label = &request->security->label;
	const char *user = OR(label->user, "system_u");
	const char *level = OR(label->level, request->level);

	if (!request->host->selinux_levels || level == NULL)
		return list_text(arena, "%s:%s:%s", user, role, type);
	return list_text(arena, "%s:%s:%s:%s", user, role, type, level);
}

int labels_build(const struct labels_request *request, struct arena *arena,
		 struct spec_labels *ret_labels, struct err *err)
{
	const struct security_label *label = &request->security->label;
	struct spec_labels labels = {0};

	int rc = build_apparmor(request, &labels.apparmor, err);
	if (rc < 0)
		return rc;
	if (!request->host->selinux && label->given)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "--security-opt label=%s: SELinux is not enabled on this host",
			       label->given);
	if (request->host->selinux && !request->host->selinux_levels && label->level != NULL)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "--security-opt label=level:%s: this host's SELinux policy has no "
			       "levels",
			       label->level);
	if (is_labelled(request)) {
		labels.process = context(request, OR(label->role, "system_r"),
					 OR(label->type, "container_t"), arena);
		labels.mount = context(request, "object_r",
				       OR(label->file_type, "container_file_t"), arena);
		if (labels.process == NULL || labels.mount == NULL)
			return list_no_memory(err);
	}
	*ret_labels = labels;
	return 0;
}
