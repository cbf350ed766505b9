/* steps.h - the steps of start.c's tables, in their order; one file each. */
#ifndef CORTEN_RUNTIME_STEPS_STEPS_H
#define CORTEN_RUNTIME_STEPS_STEPS_H

#include "kern/ns/ns.h"
#include "runtime/start.h"

/* On the host. */
int step_config_load(struct start *start, struct err *err);
int step_runtime_seal(struct start *start, struct err *err);
int step_state_reserve(struct start *start, struct err *err);
int step_config_keep(struct start *start, struct err *err);
void step_state_release(struct start *start);
int step_service_prepare(struct start *start, struct err *err);
int step_identity_resolve(struct start *start, struct err *err);
int step_seccomp_prepare(struct start *start, struct err *err);
int step_resctrl_plan(struct start *start, struct err *err);
int step_journal_write(struct start *start, struct err *err);
int step_cgroup_create(struct start *start, struct err *err);
void step_cgroup_remove(struct start *start);
int step_resctrl_make(struct start *start, struct err *err);
void step_resctrl_remove(struct start *start);
int step_console_connect(struct start *start, struct err *err);
int step_namespaces_open(struct start *start, struct err *err);
int step_sources_open(struct start *start, struct err *err);
int step_nodes_make(struct start *start, struct err *err);
int step_process_clone(struct start *start, struct err *err);
void step_process_kill(struct start *start);
int step_resctrl_join(struct start *start, struct err *err);
int step_userns_map(struct start *start, struct err *err);
int step_nodes_own(struct start *start, struct err *err);
int step_namespaces_release(struct start *start, struct err *err);
int step_net_devices_move(struct start *start, struct err *err);
int step_loopback_raise(struct start *start, struct err *err);
int step_hooks_host(struct start *start, struct err *err);
int step_device_rules_apply(struct start *start, struct err *err);
int step_process_ready(struct start *start, struct err *err);
int step_listener_forward(struct start *start, struct err *err);
int step_pid_announce(struct start *start, struct err *err);

/* In the container. */
int step_oom_score_set(struct start *start, struct err *err);
int step_cgroup_enter(struct start *start, struct err *err);
int step_fifos_open(struct start *start, struct err *err);
int step_namespaces_enter(struct start *start, struct err *err);
int step_loopback_offer(struct start *start, struct err *err);
int step_keyring_join(struct start *start, struct err *err);
int step_root_mount(struct start *start, struct err *err);
int step_mounts_attach(struct start *start, struct err *err);
int step_devices_make(struct start *start, struct err *err);
int step_device_rules_await(struct start *start, struct err *err);
int step_hooks_await(struct start *start, struct err *err);
int step_hooks_container(struct start *start, struct err *err);
int step_root_enter(struct start *start, struct err *err);
int step_console_attach(struct start *start, struct err *err);
int step_kernel_set(struct start *start, struct err *err);
int step_cwd_make(struct start *start, struct err *err);
int step_paths_protect(struct start *start, struct err *err);
int step_limits_set(struct start *start, struct err *err);
int step_process_tune(struct start *start, struct err *err);
int step_payload_find(struct start *start, struct err *err);

/* Shared by the files of this folder. */

/*
 * Opens the bundle in the mount namespace that the process is in by now: what was opened in the
 * host's cannot be cloned from here.
 */
int step_bundle_reopen(struct start *start, struct err *err);

/* Whether the container's root could use devices: that of a user namespace cannot. */
bool step_cgroup_is_privileged(const struct start *start);

/* The error for a limit that no cgroup can hold, as none can be made, because of denial. */
int step_cgroup_refuse(const char *field, const struct err *denial, struct err *err);

/* Goes on without a cgroup if nothing of the configuration needs one. */
int step_cgroup_do_without(struct start *start, const struct err *denial, struct err *err);

/* Takes the cgroup back and goes on without one, as when none could be made in the first place. */
int step_cgroup_forgo(struct start *start, const struct err *denial, struct err *err);

/* Whether the container gets a user namespace, new or by path. */
bool step_has_userns(const struct start *start);

/* Mappings of the configuration as the kernel's facilities take them. */
int step_maps_convert(const oci_id_mappings *uids, const oci_id_mappings *gids, struct arena *arena,
		      struct ns_maps *ret_maps, struct err *err);

/* MS_* of linux.rootfsPropagation; 0 when it is not given. */
int step_root_propagation(const struct start *start, uint32_t *ret_flags, struct err *err);

/*
 * MS_* for the host's mounts as the container's mount namespace gets them: slaves, so that nothing
 * mounted inside reaches the host, unless the configuration wants them shared or private.
 */
int step_outer_propagation(const struct start *start, uint32_t *ret_flags, struct err *err);
/* Whether the rules forbid to make a node: they then hold once the nodes are made. */
bool step_rules_deny_nodes(const struct start *start);

/* The plan of systemd's unit, as a cgroup path; its names go to the record. */
int step_systemd_plan(struct start *start, const char **ret_path, struct err *err);

/* Starts and limits the unit, with a process that holds it, until the container's own is in it: _settle(). */
int step_systemd_start(struct start *start, struct err *err);
/* For a user's unit: has the first process moved in, which the user himself may not do. */
bool step_systemd_attaches(const struct start *start);
int step_systemd_attach(struct start *start, struct err *err);
void step_systemd_settle(struct start *start);
void step_systemd_stop(struct start *start);
void step_systemd_done(struct start *start); /* frees; the unit stays */

/* Whether the first process waits while the host's side works on its namespaces. */
bool step_holds_namespaces(const struct start *start);

/* In a user namespace joined or just made, the process has every capability but still the host's ids. */
int step_become_root(struct err *err);

/*
 * The first process's half of step_sources_open(), for a runtime that may not clone mounts on the
 * host: after the user namespace, while the process still has its maker's ids, which can enter its
 * maker's folders.
 */
int step_sources_open_inside(struct start *start, struct err *err);

/* Tells the host's side that the namespaces exist and waits until it says to go on. */
int step_sync_namespaces(struct start *start, struct err *err);

#endif
