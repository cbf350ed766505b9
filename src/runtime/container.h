/*
 * container.h - a container's record on disk, beneath the runtime's --root.
 *
 * Shape      ROOT/ID/ (0700) holds `state.json` (struct container_record), `config.json` (a copy
 *            taken at create), and while it waits to be started, `start.fifo` and `result.fifo`.
 *            The folder is flock'ed by whoever changes the container.
 * Durability state.json is written with the cgroup's paths before the first side effect, so that
 *            `delete` can undo a create that was killed at any point.
 * Ownership  struct container owns its descriptors and its arena; container_close() frees all.
 */
#ifndef CORTEN_RUNTIME_CONTAINER_H
#define CORTEN_RUNTIME_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "oci/runtime_config.h"
#include "oci/state.h"

#define CONTAINER_ID_MAX 255

struct container_record {
	const char *oci_version;
	const char *id;
	const char *bundle; /* absolute */
	const char *rootfs; /* absolute, for people */
	int32_t pid;        /* 0 until the first process exists */
	uint64_t
		pid_start; /* its start time in clock ticks since boot, against reuse of the number */
	const char *created; /* RFC 3339 */
	uint32_t owner_uid;
	bool no_new_keyring;       /* its processes keep their caller's session keyring */
	json_strings cgroup_paths; /* absolute folders to remove, innermost last */
	json_strings
		resctrl_paths; /* groups to remove, relative to resctrl's root, innermost first */
	const char *systemd_unit;        /* NULL: the cgroup is no unit of systemd's */
	const char *systemd_description; /* tells the unit from another of its name */
	bool systemd_user;               /* of the user's manager */
	json_pairs annotations;
};

struct container {
	int root_fd; /* the runtime's --root */
	int dir_fd;  /* ROOT/ID */
	uid_t uid;   /* the runtime's own, whose folder it is */
	bool killed; /* by container_open_by() */
	struct arena arena;
	struct buf config_text; /* what raw members of config point into */
	struct container_record record;
	struct oci_config config; /* read by container_load_config() */
};

/* An id that names a folder safely: runc's rule ([A-Za-z0-9_+.-]+, not "." or ".."), at most 255. */
int container_check_id(const char *id, struct err *err);

/* Opens ROOT, making it (0700) when `make`. Refuses one that others may write to. Returns the fd. */
int container_open_root(const char *root, bool make, struct err *err);

/* An empty one, with memory to parse into; container_close() frees it. */
void container_init(struct container *container);

/* Makes ROOT/ID, locked, for one that was initialised. ERR_CONFLICT when it is there. */
int container_reserve(struct container *container, const char *root, const char *id,
		      struct err *err);

/* Opens and locks an existing one and reads its record. ERR_NOT_FOUND "container 'x' does not exist". */
int container_open(const char *root, const char *id, struct container *ret, struct err *err);

/* What to do where another command holds the lock for too long. */
enum container_force {
	CONTAINER_FORCE_NONE,   /* wait */
	CONTAINER_FORCE_ASK,    /* give up: ERR_CONFLICT */
	CONTAINER_FORCE_KILL,   /* kill the first process, whose end that command then learns of */
	CONTAINER_FORCE_DELETE, /* and if that does not end it, kill that command */
};

/* The same with force. With CONTAINER_FORCE_KILL, one that is ->killed may be without the lock. */
int container_open_by(const char *root, const char *id, enum container_force force,
		      struct container *ret, struct err *err);

/* The same without taking the lock, for those who only look. */
int container_peek(int root_fd, const char *id, struct container *ret, struct err *err);

/* Parses the copy of config.json into ret->config. */
int container_load_config(struct container *container, struct err *err);

/* Replaces state.json atomically. */
int container_save(struct container *container, struct err *err);

/* Removes the folder and all in it. */
int container_forget(struct container *container, struct err *err);

void container_close(struct container *container);

/* Drops the lock and keeps the rest open. */
void container_unlock(struct container *container);

/* Takes it again. ERR_NOT_FOUND when the container was deleted meanwhile: nothing is its own now. */
int container_relock(struct container *container, struct err *err);

/*
 * The status now: creating (no pid yet), created (start.fifo is there), running, or stopped (the
 * process is gone, is a zombie, or its number was given to another). On request also a pidfd, which
 * is FD_NONE when stopped.
 */
enum oci_status container_status(const struct container *container, int *ret_pidfd);

/* What hooks and `state` are given. Points into the container. */
struct oci_state container_state(const struct container *container, enum oci_status status);

extern const struct json_shape container_record_shape;

#endif
