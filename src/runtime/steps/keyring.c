/* A session keyring of the container's own, so that none of the caller's keys is seen inside. */
#include <errno.h>

#include "runtime/keyring.h"
#include "runtime/steps/steps.h"

int step_keyring_join(struct start *start, struct err *err)
{
	struct err about;

	if (start->options->no_new_keyring)
		return 0;
	int rc = labels_set_keyring(&start->labels, start->proc_fd, err);
	if (rc < 0)
		return rc;
	rc = keyring_join(start->options->id, true, &about);
	if (rc == -ENOSYS) {
		start_warn(start, "no session keyring: this kernel has none");
		return 0;
	}
	if (rc < 0)
		*err = about;
	return rc;
}
