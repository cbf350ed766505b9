/*
 * mounts.h - which mounts a container has, in which order.
 *
 * Purpose    Collect what the user and the image ask for, then write the list for the runtime:
 *            Docker's default mounts, its three files of /etc, then the rest, parents first.
 * Ownership  Results live in the arena.
 * Limits     MOUNTS_MAX of a user's and MOUNTS_VOLUMES_MAX of an image's.
 */
#ifndef CORTEN_ENGINE_SPEC_MOUNTS_H
#define CORTEN_ENGINE_SPEC_MOUNTS_H

#include "engine/options.h"
#include "engine/spec/mount_option.h"
#include "oci/image.h"
#include "oci/runtime_config.h"

#define MOUNTS_MAX         1024
#define MOUNTS_VOLUMES_MAX 128

typedef JSON_LIST_OF(struct mount_option) mount_option_list;

/*
 * Everything of -v, --mount and --tmpfs, then the image's volumes that no option covers. Two options for one
 * target are ERR_CONFLICT. A volume's source is NULL: the caller makes a folder and fills it in.
 */
int mounts_collect(const struct engine_options *options, const struct oci_image_run *image,
		   struct arena *arena, mount_option_list *ret_mounts, struct err *err);

struct mounts_request {
	const mount_option_list *mounts; /* with every source filled in */
	const char *shm_size;            /* text of --shm-size, or NULL */
	bool ipc_host;
	bool privileged;           /* sysfs and cgroups writable */
	bool recursive_readonly;   /* the kernel has mount_setattr (5.12) */
	const char *hostname_file; /* on the host; NULL: none */
	const char *hosts_file;
	const char *resolv_file;
	const char *init_program; /* --init: corten-init on the host; NULL: none */
};

/* Where the init program is seen in the container, as with Docker. */
#define MOUNTS_INIT_TARGET "/sbin/docker-init"

int mounts_build(const struct mounts_request *request, struct arena *arena,
		 struct oci_config *config, struct err *err);

#endif
