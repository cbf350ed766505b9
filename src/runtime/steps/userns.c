/* Writes the id maps of a new user namespace, which its first process waits for. */
#include <errno.h>
#include <poll.h>
#include <sched.h>

#include "runtime/steps/steps.h"
#include "runtime/sync.h"
#include "runtime/userns.h"

static const struct ns_id_map *userns_convert(const oci_id_mappings *from, struct arena *arena)
{
	struct ns_id_map *to = arena_alloc(arena, (from->count + 1) * sizeof(*to));

	for (size_t i = 0; to != NULL && i < from->count; i++)
		to[i] = (struct ns_id_map){from->items[i].container_id, from->items[i].host_id,
					   from->items[i].size};
	return to;
}

int step_maps_convert(const oci_id_mappings *uids, const oci_id_mappings *gids, struct arena *arena,
		      struct ns_maps *ret_maps, struct err *err)
{
	*ret_maps = (struct ns_maps){
		.uids = userns_convert(uids, arena),
		.uid_count = uids->count,
		.gids = userns_convert(gids, arena),
		.gid_count = gids->count,
	};
	if (ret_maps->uids == NULL || ret_maps->gids == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "mappings of ids");
	return 0;
}

/* The first process may have failed before its maps were written: that is the cause then. */
static int userns_hear(struct start *start, int rc, struct err *err)
{
	struct pollfd said = {.fd = start->sync_fds[0], .events = POLLIN};
	struct sync_message message;
	struct err ignored;

	if (poll(&said, 1, 0) <= 0 || sync_receive(start->sync_fds[0], &message, &ignored) < 0 ||
	    message.type != SYNC_FAILED)
		return rc;
	*err = message.err;
	return err->sys > 0 ? -err->sys : -EIO;
}

static int userns_map(struct start *start, struct err *err)
{
	const struct oci_linux *config = start->config->linux;
	struct ns_maps maps;
	int rc = step_maps_convert(&config->uid_mappings, &config->gid_mappings,
				   &start->container.arena, &maps, err);

	if (rc < 0)
		return rc;
	rc = userns_write(&maps, start->pid, start->options->envp, err);
	return rc < 0 ? userns_hear(start, rc, err) : 0;
}

int step_userns_map(struct start *start, struct err *err)
{
	bool is_new = (start->new_namespaces & CLONE_NEWUSER) != 0;
	int rc = is_new ? userns_map(start, err) : 0;

	if (rc < 0 || (!is_new && !step_systemd_attaches(start)))
		return rc;
	rc = sync_await(start->sync_fds[0], SYNC_NAMESPACES, start->options->warn,
			start->options->log_context, err);
	return rc < 0 ? rc : sync_send(start->sync_fds[0], SYNC_GO, NULL, err);
}
