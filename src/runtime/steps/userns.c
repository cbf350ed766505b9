/* Writes the id maps of a new user namespace, which its first process waits for. */
#include <errno.h>
#include <sched.h>

#include "kern/ns/ns.h"
#include "kern/proc/procfs.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

static const struct ns_id_map *userns_convert(const oci_id_mappings *from, struct arena *arena)
{
	struct ns_id_map *to = arena_alloc(arena, (from->count + 1) * sizeof(*to));

	for (size_t i = 0; to != NULL && i < from->count; i++)
		to[i] = (struct ns_id_map){from->items[i].container_id, from->items[i].host_id,
					   from->items[i].size};
	return to;
}

int step_userns_map(struct start *start, struct err *err)
{
	const struct oci_linux *config = start->config->linux;
	struct arena *arena = &start->container.arena;

	if (!(start->new_namespaces & CLONE_NEWUSER))
		return 0;
	struct ns_maps maps = {
		.uids = userns_convert(&config->uid_mappings, arena),
		.uid_count = config->uid_mappings.count,
		.gids = userns_convert(&config->gid_mappings, arena),
		.gid_count = config->gid_mappings.count,
	};
	if (maps.uids == NULL || maps.gids == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "linux.uidMappings");
	auto_fd proc = procfs_open_by(PROCFS_HOST, err);
	if (proc < 0)
		return proc;
	int rc = ns_write_maps(proc, start->pid, &maps, err);
	if (rc < 0)
		return err_wrap(err, rc, "linux.uidMappings");
	rc = sync_await(start->sync_fds[0], SYNC_NAMESPACES, start->options->warn,
			start->options->warn_context, err);
	return rc < 0 ? rc : sync_send(start->sync_fds[0], SYNC_GO, NULL, err);
}
