/*
 * prepare.h - what start and exec both work out of a container's options.
 *
 * Ownership  Results live in the arena.
 */
#ifndef CORTEN_ENGINE_PREPARE_H
#define CORTEN_ENGINE_PREPARE_H

#include "engine/engine.h"
#include "engine/spec/account.h"
#include "engine/spec/build.h"
#include "monitor/wire/attach.h"

struct prepared {
	struct spec_modes modes;
	struct security security;
	struct spec_host host;
	struct account account;
	struct spec_labels labels;
	bool unprofiled; /* AppArmor is there, and nothing that could load the default profile */
	uint64_t caps;
	struct json_text seccomp; /* len 0: unconfined */
};

/*
 * Fills host, modes, security and labels. The kernel knows the profile afterwards, and a container that needs an
 * SELinux level has one recorded.
 */
int prepare_labels(struct engine *engine, const struct engine_container *container,
		   struct arena *arena, struct prepared *ret_prepared, struct err *err);

/* The rest, after prepare_labels(): from the options and from the root behind rootfs_fd. */
int prepare_security(struct engine *engine, const struct engine_container *container,
		     const struct oci_image_run *image, int rootfs_fd, struct arena *arena,
		     struct prepared *prepared, struct err *err);

/* "/PARENT/ID"; NULL when the arena is full. */
const char *prepare_cgroups_path(const struct engine_container *container, struct arena *arena);

struct attach_message prepare_hello(const struct engine_streams *streams);

#endif
