/*
 * What a service manager does for its services, the runtime does for the container: it hands the
 * notification socket through, and reaps orphans. (LISTEN_FDS is set where the process knows its own pid:
 * see find.c.)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "runtime/control.h"
#include "runtime/environment.h"
#include "runtime/notify.h"
#include "runtime/steps/steps.h"

/* The state folder's absolute path; the mount's source would otherwise be the bundle's. */
static int service_source(struct start *start, char *path, size_t size, struct err *err)
{
	const char *root = start->options->root;
	char here[PATH_LENGTH_MAX] = "";

	if (root[0] != '/' && getcwd(here, sizeof(here)) == NULL)
		return err_errno(err, "find the working folder");
	int len = snprintf(path, size, "%s/%s/%s/" NOTIFY_FOLDER, here, root, start->options->id);
	return len < 0 || (size_t)len >= size
		       ? err_set(err, ERR_INVALID, ENAMETOOLONG, "--root '%s'", root)
		       : 0;
}

static int service_add_mount(struct start *start, const char *source, struct err *err)
{
	static const char *options[] = {"bind", "nosuid", "noexec", "nodev", "ro"};
	struct oci_config *config = &start->container.config;
	struct arena *arena = &start->container.arena;
	size_t count = config->mounts.count;
	struct oci_mount *mounts = arena_alloc(arena, (count + 1) * sizeof(*mounts));
	char *copy = arena_strndup(arena, source, strlen(source));

	if (mounts == NULL || copy == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "the mount of the notification socket");
	if (count > 0)
		memcpy(mounts, config->mounts.items, count * sizeof(*mounts));
	mounts[count] = (struct oci_mount){
		.destination = NOTIFY_INSIDE,
		.type = "bind",
		.source = copy,
		.options = {options, sizeof(options) / sizeof(options[0])},
	};
	config->mounts.items = mounts;
	config->mounts.count = count + 1;
	return 0;
}

static int service_pass_notify(struct start *start, struct err *err)
{
	char source[2 * PATH_LENGTH_MAX];
	int rc = service_source(start, source, sizeof(source), err);

	if (rc == 0)
		rc = notify_prepare(start->container.dir_fd, err);
	if (rc == 0)
		rc = service_add_mount(start, source, err);
	if (rc == 0)
		rc = environment_set(start->config->process,
				     "NOTIFY_SOCKET=" NOTIFY_INSIDE "/" NOTIFY_NAME,
				     &start->container.arena, err);
	/* `start` listens itself, when its time has come. */
	if (rc < 0 || start->options->wait_for_start)
		return rc;
	start->notify_fd = notify_listen(start->container.dir_fd, err);
	return start->notify_fd < 0 ? start->notify_fd : 0;
}

int step_service_prepare(struct start *start, struct err *err)
{
	if (start->options->reap_orphans && control_shares_pids(&start->container) &&
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_errno(err, "become the parent of orphans");
	return start->options->notify_socket != NULL ? service_pass_notify(start, err) : 0;
}
