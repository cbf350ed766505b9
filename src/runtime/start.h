/*
 * start.h - how a container comes to be: two tables of named steps, on the host's side and inside.
 *
 * The host's steps run in the runtime and have an undo; the container's steps run in its first process,
 * a clone of the runtime in the new namespaces, whose only undo is its end. steps/steps.h lists
 * both. What must be undone is in state.json before the first side effect.
 */
#ifndef CORTEN_RUNTIME_START_H
#define CORTEN_RUNTIME_START_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fd.h"
#include "kern/caps/caps.h"
#include "kern/cgroup/cgroup.h"
#include "kern/resctrl/resctrl.h"
#include "runtime/container.h"
#include "runtime/filter.h"
#include "runtime/labels.h"
#include "runtime/stage/plan.h"

/* Who makes the container's cgroup. */
enum start_cgroups {
	START_CGROUPFS,
	START_CGROUP_SYSTEMD,  /* a unit of systemd's */
	START_CGROUP_DISABLED, /* nobody: it stays in the caller's */
};

struct start_systemd;

struct start_options {
	const char *root;
	const char *id;
	const char *bundle;         /* NULL: the working folder */
	const char *config;         /* beneath the bundle, or absolute; NULL: config.json */
	const char *console_socket; /* NULL: none */
	const char *pid_file;       /* NULL: none */
	const char *pidfd_socket;   /* takes the first process's pidfd; NULL: none */
	const char *notify_socket;  /* NOTIFY_SOCKET of the caller's; NULL: none */
	uint32_t preserve_fds;      /* 3 to 3 + n - 1 stay open in the payload */
	uint32_t listen_fds;        /* the first of them, which a service manager listens on */
	int rootfs_fd;      /* a detached mount to use as root; FD_NONE: config's root.path */
	bool needs_cgroup;  /* one that cannot be made is an error, whatever is asked of it */
	bool clamp_rlimits; /* lower what may not be raised, with a warning */
	enum start_cgroups cgroups;
	bool no_pivot;
	bool no_new_keyring;
	bool wait_for_start; /* create */
	bool reap_orphans;   /* become the subreaper of a container that has no PID namespace */
	bool proxy_terminal; /* run in the foreground: the caller takes the master itself */
	char *const *argv;   /* of the runtime, should it have to execute itself again */
	char *const *envp;
	void (*warn)(void *context, const char *text);
	void (*step)(void *context, const char *text); /* told of each step; NULL: nobody */
	void *log_context;                             /* of warn and step */
};

struct start {
	const struct start_options *options;
	const struct oci_config *config; /* in container.config */
	struct container container;
	int bundle_fd;
	struct cgroup_entry cgroup_entry;
	bool devices_first;            /* made before the rules hold, which would forbid it */
	bool devices_beside;           /* the rules are set while the first process is at work */
	const char **cgroup_dirs;      /* of the plan, relative to CGROUP_ROOT */
	size_t cgroup_dir_count;       /* 0: it runs without a cgroup */
	struct err cgroup_denial;      /* why none can be made, when that is known at once */
	struct resctrl_plan *resctrl;  /* in the container's arena; NULL: none */
	json_strings resctrl_paths;    /* to remove with the container */
	struct start_systemd *systemd; /* in the arena; NULL: not systemd's */
	bool root_nodev;         /* device rules that no cgroup enforces: no nodes of the image's */
	struct proc_status self; /* the runtime */
	struct caps_sets caps;   /* as granted */
	struct labels labels;
	struct filter filter; /* seccomp */
	int listener_fds[2];  /* for the filter's listener, as sync_fds; FD_NONE: it has none */
	int notify_fd;        /* where the container says that it is ready; FD_NONE */
	int console_fd;       /* connected console socket */
	int stage_fd;         /* the sealed stage */
	int sync_fds[2];      /* [0] host, [1] container */
	/*
	 * Per mount, or FD_NONE. From the host's side: a bind's tree that was cloned there, or the user
	 * namespace that maps a new filesystem's ids. Later, inside: a mount that becomes read-only once
	 * all that writes to it is done.
	 */
	int *mount_fds;
	int nodes_fd; /* a tmpfs with nodes for a user namespace, named by their rows; FD_NONE */
	bool sources_inside;        /* the trees are cloned by the first process instead */
	uint64_t new_namespaces;    /* CLONE_NEW* that clone3 makes */
	int join_fds[OCI_NS_COUNT]; /* namespaces to join, by type; FD_NONE */
	pid_t pid;                  /* of the first process */
	int pidfd;
	bool gone; /* it was deleted while its startContainer hooks ran */
	/* inside */
	bool oom_score_set; /* by the helper that joins a user namespace */
	int proc_fd;
	int go_fd;     /* with wait_for_start: start.fifo */
	int result_fd; /* and result.fifo */
	int root_fd;   /* of the container's tree */
	int master_fd; /* with proxy_terminal: received by the caller */
	/* Large, and not zeroed at the start: no page of them is touched that is not used. */
	char bundle[4096];         /* absolute */
	char path[STAGE_PATH_MAX]; /* the executable inside */
	struct cgroup cgroup;
	struct cgroup_host cgroup_host;
};

/*
 * Creates the container. With wait_for_start its first process is set up and waits for `start`;
 * without, it goes on by itself and start_await() tells what became of it. On failure everything
 * is undone.
 */
int start_create(const struct start_options *options, struct start *ret_start, struct err *err);

/* Waits until the payload runs (without wait_for_start), or says why it does not. */
int start_await(struct start *start, struct err *err);

/* Frees what the struct holds; the container stays. */
void start_done(struct start *start);

/* Undoes all: kills the first process, removes cgroup and state, runs the poststop hooks. */
void start_undo(struct start *start);

/* Reports a thing that goes on without what was asked. Works on both sides. */
void start_warn(struct start *start, const char *fmt, ...) PRINTF(2, 3);

/* The error for what the stage said. root_fd: the container's tree, for the cause of a failed exec. */
int start_explain_result(const struct stage_result *result, int root_fd,
			 const struct oci_process *process, struct err *err);

#endif
