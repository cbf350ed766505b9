/* Which labels and capabilities the payload gets; what cannot be granted is a warning, as the specification says. */
#include "base/buf.h"
#include "runtime/config.h"
#include "runtime/steps/steps.h"

int step_identity_resolve(struct start *start, struct err *err)
{
	BUF_AUTO(unknown, 4096);
	char names[1024];
	uint64_t dropped = 0;

	proc_status_read(&start->self);
	int rc = config_resolve_caps(start->config->process, &start->self, &start->caps, &dropped,
				     &unknown, err);

	if (rc == 0)
		rc = labels_resolve(start->config->process, start->config->linux->mount_label,
				    &start->labels, err);
	if (rc < 0)
		return rc;
	if (step_has_userns(start)) {
		config_grant_caps(start->config->process, &start->caps);
		dropped = 0;
	}
	if (dropped != 0)
		start_warn(start, "capabilities not granted, as the runtime lacks them: %s",
			   caps_format(dropped, names, sizeof(names)));
	uint64_t idle = start->caps.ambient & ~(start->caps.permitted & start->caps.inheritable);
	if (idle != 0)
		start_warn(start,
			   "ambient capabilities not raised, as they are not permitted and "
			   "inheritable "
			   "as well: %s",
			   caps_format(idle, names, sizeof(names)));
	if (unknown.len > 0)
		start_warn(start, "unknown capabilities ignored: %s", unknown.data);
	return 0;
}
