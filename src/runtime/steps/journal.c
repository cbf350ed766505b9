/* Plans the cgroup and writes down, synced, what a killed start must be undone from. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "runtime/steps/steps.h"

/* Without a cgroup of its own the container is in the caller's, of which nothing is to be removed. */
static int journal_plan_none(struct start *start, struct err *err)
{
	if (cgroup_host_open(&start->cgroup_host, err) < 0) {
		start->cgroup_host.count = 0; /* no cgroups here, and none are asked for */
		return 0;
	}
	return cgroup_of_pid(&start->cgroup_host, getpid(), &start->cgroup, err);
}

/* No hierarchy is mounted, or none that shows the own cgroup: step_cgroup_create() decides about it. */
static bool journal_is_without_cgroup(const struct err *why)
{
	return why->kind == ERR_UNSUPPORTED || why->sys == ENOENT || cgroup_is_denial(-why->sys);
}

static int journal_plan_cgroup(struct start *start, struct err *err)
{
	struct arena *arena = &start->container.arena;
	const char *path = start->config->linux->cgroups_path;
	char fallback[CONTAINER_ID_MAX + 2];
	struct err why;

	if (path == NULL || path[0] == '\0') {
		/* What is delegated to a user is where the user's processes are, not at the top. */
		(void)snprintf(fallback, sizeof(fallback), "%s%s", geteuid() == 0 ? "/" : "",
			       start->options->id);
		path = fallback;
	}
	if (start->options->cgroups == START_CGROUP_DISABLED)
		return journal_plan_none(start, err);
	int rc = cgroup_host_open(&start->cgroup_host, &why);
	if (rc == 0 && start->options->cgroups == START_CGROUP_SYSTEMD) {
		rc = step_systemd_plan(start, &path, err);
		if (rc < 0)
			return err_wrap(err, rc, "cgroup");
	}
	if (rc == 0)
		rc = cgroup_plan(&start->cgroup_host, path, &start->cgroup, &why);
	if (rc < 0 && journal_is_without_cgroup(&why)) {
		start->cgroup_denial = why;
		return 0;
	}
	if (rc < 0) {
		*err = why;
		return err_wrap(err, rc, "cgroup");
	}
	start->cgroup_dirs = arena_alloc(arena, CGROUP_HIERARCHIES_MAX * sizeof(char *));
	if (start->cgroup_dirs == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "the cgroup's plan");
	for (size_t i = 0; i < start->cgroup_host.count; i++) {
		const char *dir = cgroup_dir(&start->cgroup, i);
		if (dir[0] != '\0')
			start->cgroup_dirs[start->cgroup_dir_count++] =
				arena_strndup(arena, dir, strlen(dir));
	}
	return 0;
}

static const char *journal_time(struct arena *arena)
{
	char stamp[64], whole[96];
	struct timespec now;
	struct tm parts;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &parts);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
	int len = snprintf(whole, sizeof(whole), "%s.%09ldZ", stamp, now.tv_nsec);
	return arena_strndup(arena, whole, (size_t)len);
}

static const char *journal_rootfs(struct start *start)
{
	const char *path = start->config->root->path;
	char whole[2 * PATH_LENGTH_MAX];
	int len;

	if (path[0] == '/')
		return path;
	len = snprintf(whole, sizeof(whole), "%s/%s", start->bundle, path);
	return arena_strndup(&start->container.arena, whole, (size_t)len);
}

/* `start` wakes the stage through one FIFO and hears of its exec through the other. */
static int journal_make_fifos(struct start *start, struct err *err)
{
	if (!start->options->wait_for_start)
		return 0;
	if (mkfifoat(start->container.dir_fd, "start.fifo", 0600) < 0 ||
	    mkfifoat(start->container.dir_fd, "result.fifo", 0600) < 0)
		return err_errno(err, "make the FIFOs that `start` uses");
	return 0;
}

int step_journal_write(struct start *start, struct err *err)
{
	start->container.record = (struct container_record){
		.oci_version = start->config->oci_version,
		.id = start->options->id,
		.bundle = start->bundle,
		.rootfs = journal_rootfs(start),
		.created = journal_time(&start->container.arena),
		.owner_uid = start->container.uid,
		.no_new_keyring = start->options->no_new_keyring,
		.resctrl_paths = start->resctrl_paths,
		.annotations = start->config->annotations,
	};
	int rc = journal_plan_cgroup(start, err);
	if (rc < 0)
		return rc;
	start->container.record.cgroup_paths.items = start->cgroup_dirs;
	start->container.record.cgroup_paths.count = start->cgroup_dir_count;
	rc = journal_make_fifos(start, err);
	return rc < 0 ? rc : container_save(&start->container, err);
}
