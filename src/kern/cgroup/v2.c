/* Enabling v2's controllers from the top down, and saying why one is missing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kern/cgroup/internal.h"

#define LIST_MAX 512

/* Writes "+cpu +memory" for "cpu memory\n". */
static void plus_all(const char *list, char *buf, size_t size)
{
	size_t used = 0;

	for (bool start = true; *list != '\0' && used + 3 < size; list++) {
		bool letter = *list != ' ' && *list != '\n';
		if (letter && start)
			buf[used++] = '+';
		if (letter || *list == ' ')
			buf[used++] = *list;
		start = !letter;
	}
	buf[used] = '\0';
}

/*
 * Hands all controllers on from one cgroup; what cannot be had is not needed unless a limit asks
 * for it later.
 */
static void enable_in(int root_fd, const char *dir, const char *all)
{
	char one[64];

	if (cgroup_write_file(root_fd, dir, "cgroup.subtree_control", all) == 0)
		return;
	while (*all != '\0') {
		size_t len = strcspn(all, " ");
		if (len > 0 && len < sizeof(one)) {
			memcpy(one, all, len);
			one[len] = '\0';
			(void)cgroup_write_file(root_fd, dir, "cgroup.subtree_control", one);
		}
		all += len;
		all += *all == ' ';
	}
}

int cgroup_enable_controllers(const struct cgroup *cgroup, size_t i, struct err *err)
{
	const struct cgroup_host *host = cgroup->host;
	const char *dir = cgroup_dir(cgroup, i);
	const char *top = cgroup_host_text(host, host->hierarchies[i].name_at);
	char have[LIST_MAX], want[LIST_MAX] = "", all[LIST_MAX], at[CGROUP_PATH_MAX];

	int rc = cgroup_read_value(host->root_fd, dir, "cgroup.controllers", have, sizeof(have),
				   err);
	if (rc == 0)
		rc = cgroup_read_value(host->root_fd, top, "cgroup.controllers", want, sizeof(want),
				       err);
	if (rc < 0 || strcmp(have, want) == 0)
		return rc;
	plus_all(want, all, sizeof(all));
	/* The top, then each directory above the last. */
	(void)snprintf(at, sizeof(at), "%s", top);
	enable_in(host->root_fd, at, all);
	for (size_t len = strlen(top); (len += strcspn(dir + len + 1, "/") + 1) < strlen(dir);) {
		memcpy(at, dir, len);
		at[len] = '\0';
		enable_in(host->root_fd, at, all);
	}
	return 0;
}

/* Whether the list in a file of dir holds the controller. */
static bool lists(int root_fd, const char *dir, const char *file, const char *controller)
{
	char list[LIST_MAX];

	return cgroup_read_file(root_fd, dir, file, list, sizeof(list)) > 0 &&
	       cgroup_has_word(list, controller);
}

/* Says why a parent that has the controller does not hand it on. */
static int explain_parent(int root_fd, const char *parent, const char *field,
			  const char *controller, struct err *err)
{
	char plus[64];

	(void)snprintf(plus, sizeof(plus), "+%s", controller);
	int rc = cgroup_write_file(root_fd, parent, "cgroup.subtree_control", plus);
	if (rc == -EBUSY)
		return err_set(
			err, ERR_CONFLICT, EBUSY,
			"%s: the %s controller cannot reach the container, because processes "
			"are in its parent '" CGROUP_ROOT
			"/%s'; move them to a cgroup beneath it or choose another cgroup path",
			field, controller, parent);
	if (rc == -EACCES || rc == -EPERM || rc == -EROFS)
		return err_set(
			err, ERR_DENIED, -rc,
			"%s: the %s controller is not delegated to this user in '" CGROUP_ROOT
			"/%s'",
			field, controller, parent);
	return err_set(err, ERR_UNSUPPORTED, rc < 0 ? -rc : 0,
		       "%s: cannot enable the %s controller in '" CGROUP_ROOT "/%s'", field,
		       controller, parent);
}

int cgroup_explain_missing(const struct cgroup *cgroup, size_t i, const char *field,
			   const char *controller, struct err *err)
{
	const struct cgroup_host *host = cgroup->host;
	const char *dir = cgroup_dir(cgroup, i);
	const char *top = cgroup_host_text(host, host->hierarchies[i].name_at);
	char list[LIST_MAX], parent[CGROUP_PATH_MAX];

	if (cgroup_read_value(host->root_fd, top, "cgroup.controllers", list, sizeof(list), err) <
	    0)
		list[0] = '\0';
	if (!cgroup_has_word(list, controller))
		return err_set(
			err, ERR_UNSUPPORTED, 0,
			"%s: the %s controller is not available on this host (cgroup v2 root "
			"offers only: %s)",
			field, controller, list[0] != '\0' ? list : "none");
	if (lists(host->root_fd, dir, "cgroup.controllers", controller))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "%s: this kernel's %s controller cannot do it", field, controller);
	/* The lowest parent that has it is the one that does not hand it on. */
	(void)snprintf(parent, sizeof(parent), "%s", dir);
	do {
		char *slash = strrchr(parent, '/');
		*(slash != NULL ? slash : parent) = '\0';
	} while (strlen(parent) > strlen(top) &&
		 !lists(host->root_fd, parent, "cgroup.controllers", controller));
	return explain_parent(host->root_fd, parent, field, controller, err);
}
