"""Each clause of the runtime specification 1.3 that binds a runtime on Linux, and where it is tested.

A clause has tests ("file::function" in this folder) or the reason why there is none. The words are ours; the order is the
documents'.
"""
from typing import NamedTuple


class Clause(NamedTuple):
    document: str
    section: str
    text: str
    tests: tuple = ()
    reason: str = ""


RUN, CONF, LIN = "specification_test.py::", "specification_config_test.py::", "specification_linux_test.py::"
ELSEWHERE = "concerns Windows, Solaris, z/OS or virtual machines"
AUTHORS = "binds who writes the configuration; that a runtime meets it is the clause's other half, above or below"


def rows(document, *table):
    for section, text, held in table:
        if isinstance(held, str):
            yield Clause(document, section, text, reason=held)
        else:
            yield Clause(document, section, text, tests=tuple(held))


RUNTIME = rows(
    "runtime.md",
    ("Scope of a Container", "who makes a container can use every operation on it", ["lifecycle_test.py::test_states_in_order"]),
    ("State", "the members, their types, when pid is there", [RUN + "test_state_has_what_is_required"]),
    ("State", "pid is that of the container's process", [RUN + "test_pid_is_the_containers_process"]),
    ("State", "the ID is unique", ["lifecycle_test.py::test_id_in_use", "lifecycle_test.py::test_id_of_a_stopped_container_is_in_use"]),
    ("State", "further statuses are of further states", [RUN + "test_further_statuses_are_of_further_states"]),
    ("State", "annotations are the configured ones", [RUN + "test_annotations_in_the_state"]),
    ("State", "the status creating", ["hooks_test.py::test_state_on_a_hooks_stdin"]),
    ("State", "pid as seen where a hook runs", ["hooks_test.py::test_the_pid_on_a_hooks_stdin_is_the_containers"]),
    ("Lifecycle", "2: the environment is made at create, the program not run", [RUN + "test_create_makes_the_environment_and_runs_nothing"]),
    ("Lifecycle", "2: what cannot be made is an error", [RUN + "test_create_that_cannot_apply_makes_no_container"]),
    ("Lifecycle", "2: later changes of config.json have no effect", ["lifecycle_test.py::test_config_is_read_at_create_alone",
                                                                     "lifecycle_test.py::test_changed_bundle_does_not_change_start"]),
    ("Lifecycle", "3 to 13: hooks, program and deletion in order", [RUN + "test_every_step_in_order"]),
    ("Lifecycle", "3, 4, 5: a failing hook of create: error, end, step 12", ["hooks_test.py::test_a_failing_hook_of_create_leaves_no_container",
                                                                            "hooks_test.py::test_failing_hook_stops_the_later_and_runs_poststop"]),
    ("Lifecycle", "7: a failing startContainer hook: error, end, step 12", ["hooks_test.py::test_a_failing_start_container_hook_ends_the_container"]),
    ("Lifecycle", "9: a failing poststart hook: error, end, step 12", ["hooks_test.py::test_a_failing_poststart_hook_ends_the_container"]),
    ("Lifecycle", "12: what create made is undone", [RUN + "test_delete_removes_what_create_made_and_nothing_else"]),
    ("Lifecycle", "13: a failing poststop hook is a warning, the others run",
     ["hooks_test.py::test_failing_poststop_hooks_are_warnings_and_the_later_ones_run"]),
    ("Errors", "an error leaves all as it was", [RUN + "test_operation_in_a_state", RUN + "test_create_that_cannot_apply_makes_no_container"]),
    ("Warnings", "a warning changes nothing else", [RUN + "test_a_warning_does_not_stop_the_operation"]),
    ("Operations", "state, create, start, kill and delete are there", ["lifecycle_test.py::test_states_in_order"]),
    ("Query State", "without an ID it is an error", [RUN + "test_operation_without_an_id"]),
    ("Query State", "of what does not exist it is an error", [RUN + "test_operation_on_an_unknown_id"]),
    ("Query State", "it gives the state", [RUN + "test_state_has_what_is_required"]),
    ("Create", "without ID or bundle it is an error", [RUN + "test_operation_without_an_id", RUN + "test_create_without_a_bundle"]),
    ("Create", "an ID that is in use or not valid: error, no container", [RUN + "test_operation_in_a_state", "lifecycle_test.py::test_bad_ids"]),
    ("Create", "a new container is made, all but the process applied", [RUN + "test_create_makes_the_environment_and_runs_nothing"]),
    ("Create", "what cannot be applied: error, no container", [RUN + "test_create_that_cannot_apply_makes_no_container"]),
    ("Start", "without an ID it is an error", [RUN + "test_operation_without_an_id"]),
    ("Start", "of what is not created: error, no effect", [RUN + "test_operation_in_a_state", RUN + "test_operation_on_an_unknown_id"]),
    ("Start", "the program is run", [RUN + "test_create_makes_the_environment_and_runs_nothing"]),
    ("Start", "without a process it is an error", [RUN + "test_start_without_a_process"]),
    ("Kill", "without an ID it is an error", [RUN + "test_operation_without_an_id"]),
    ("Kill", "of what is neither created nor running: error, no effect", [RUN + "test_operation_in_a_state",
                                                                          RUN + "test_operation_on_an_unknown_id"]),
    ("Kill", "the signal reaches the process", [RUN + "test_kill_sends_the_signal", "lifecycle_test.py::test_kill_words"]),
    ("Delete", "without an ID it is an error", [RUN + "test_operation_without_an_id"]),
    ("Delete", "of what is not stopped: error, no effect", [RUN + "test_operation_in_a_state", RUN + "test_operation_on_an_unknown_id"]),
    ("Delete", "what create made goes, what it did not make stays", [RUN + "test_delete_removes_what_create_made_and_nothing_else"]),
    ("Delete", "the ID may be used again", [RUN + "test_id_can_be_used_again"]))

RUNTIME_LINUX = rows(
    "runtime-linux.md",
    ("File descriptors", "the standard ones alone are open", [RUN + "test_three_descriptors", "process_test.py::test_standard_descriptors_alone"]),
    ("Dev symbolic links", "/dev/fd and its like", [RUN + "test_links_in_dev", "mounts_test.py::test_default_links"]))

CONFIG = rows(
    "config.md",
    ("Specification version", "ociVersion is REQUIRED", ["errors_test.py::test_missing_required"]),
    ("Specification version", "it is a semantic version, compatible within a major one", [CONF + "test_version_that_is_supported",
                                                                                        CONF + "test_version_that_is_none"]),
    ("Root", "root and path are REQUIRED", [CONF + "test_root_must_be_a_folder", "errors_test.py::test_missing_required"]),
    ("Root", "absolute, or relative to the bundle", ["lifecycle_test.py::test_absolute_root", "lifecycle_test.py::test_run_in_the_working_folder"]),
    ("Root", "a folder must be there", [CONF + "test_root_must_be_a_folder", "lifecycle_test.py::test_missing_root"]),
    ("Root", "readonly", [CONF + "test_root_readonly", "mounts_test.py::test_read_only_root"]),
    ("Root", "volume paths, Hyper-V", ELSEWHERE),
    ("Mounts", "in the listed order", [CONF + "test_mounts_follow_their_order_even_over_each_other", "mounts_test.py::test_mounts_are_in_order"]),
    ("Mounts", "destination is REQUIRED", [CONF + "test_required_member_is_absent"]),
    ("Mounts", "a relative destination is relative to /", [CONF + "test_relative_destination_is_below_the_root",
                                                           "mounts_test.py::test_relative_destination"]),
    ("Mounts", "a relative source is relative to the bundle", ["mounts_test.py::test_bind_relative_source"]),
    ("Mounts", "destinations that are not nested, zonecfg", ELSEWHERE),
    ("Linux mount options", "those that MUST be implemented are known", [CONF + "test_options_of_a_bind_mount_are_known",
                                                                        CONF + "test_options_of_a_filesystem_are_known"]),
    ("Linux mount options", "and do as mount(8) says", [
        "mount_options_test.py::test_flag_of_a_filesystem", "mount_options_test.py::test_opposite_of_a_flag_on_a_bind",
        "mount_options_test.py::test_superblock_flag", "mount_options_test.py::test_propagation_option",
        "mount_options_test.py::test_remount_changes_what_it_names", "mounts_test.py::test_bind_and_rbind_of_submounts"]),
    ("Linux mount options", "idmap and ridmap: the mount is mapped, by its own mappings", ["idmap_test.py::test_mappings_of_the_mount",
                                                                                         "idmap_test.py::test_mappings_of_the_whole_tree"]),
    ("Linux mount options", "idmap without any mapping is an error", ["idmap_test.py::test_no_mapping_and_no_user_namespace"]),
    ("POSIX-platform Mounts", "uidMappings and gidMappings together", ["idmap_test.py::test_one_kind_alone"]),
    ("Process", "consoleSize is ignored without a terminal", ["terminal_test.py::test_console_size_is_ignored_without_a_terminal"]),
    ("Process", "consoleSize: height and width are REQUIRED", [CONF + "test_required_member_of_the_console_size"]),
    ("Process", "cwd is REQUIRED and absolute", [CONF + "test_cwd_is_absolute", "errors_test.py::test_missing_required"]),
    ("Process", "at least one argument", ["process_test.py::test_no_arguments", "errors_test.py::test_missing_required"]),
    ("Process", "commandLine", ELSEWHERE),
    ("POSIX process", "rlimits: type, soft and hard are REQUIRED", [CONF + "test_required_member_is_absent"]),
    ("POSIX process", "rlimits: an unknown type is an error", ["process_test.py::test_unknown_rlimit"]),
    ("POSIX process", "rlimits: getrlimit gives what is configured", [CONF + "test_every_limit", "process_test.py::test_rlimits"]),
    ("POSIX process", "rlimits: a type twice is an error", ["process_test.py::test_duplicate_rlimit"]),
    ("Linux process", "capabilities that cannot be granted are a warning", ["process_test.py::test_unknown_capability_is_a_warning",
                                                                           "process_test.py::test_capability_that_the_runtime_lacks_is_a_warning"]),
    ("Linux process", "oomScoreAdj is set", [CONF + "test_oom_score", "process_test.py::test_oom_score_adj"]),
    ("Linux process", "oomScoreAdj that is not set changes nothing", ["process_test.py::test_oom_score_adj_is_inherited_when_absent"]),
    ("Linux process", "scheduler: policy is REQUIRED, nice, priority and the rest 0 by default", ["kernel_fields_test.py::test_scheduler",
                                                                                                "kernel_fields_test.py::test_wrong_scheduler"]),
    ("Linux process", "ioPriority: class and priority are REQUIRED", ["kernel_fields_test.py::test_wrong_io_priority"]),
    ("User", "uid and gid are REQUIRED", [CONF + "test_required_member_is_absent"]),
    ("Hostname", "as the container sees it", [CONF + "test_hostname_is_of_the_container_alone", "namespaces_test.py::test_hostname_and_domainname"]),
    ("POSIX-platform Hooks", "path is REQUIRED", [CONF + "test_required_member_is_absent"]),
    ("POSIX-platform Hooks", "path is absolute", [CONF + "test_path_of_a_hook_is_absolute"]),
    ("POSIX-platform Hooks", "timeout is greater than zero", ["hooks_test.py::test_a_timeout_must_be_more_than_zero"]),
    ("POSIX-platform Hooks", "the namespace in which a path resolves", [CONF + "test_path_of_a_hook_is_of_its_namespace",
                                                                        "hooks_test.py::test_start_container_hooks_path_is_the_containers"]),
    ("POSIX-platform Hooks", "the namespace in which a hook runs", ["hooks_test.py::test_namespace_of_a_hook",
                                                                    "hooks_test.py::test_start_container_hook_runs_in_all_the_containers_namespaces"]),
    ("POSIX-platform Hooks", "in the listed order", ["hooks_test.py::test_several_hooks_of_a_kind"]),
    ("POSIX-platform Hooks", "the state comes over standard input", ["hooks_test.py::test_state_on_a_hooks_stdin"]),
    ("Prestart, CreateRuntime", "within create, when the environment is made, before the pivot",
     ["hooks_test.py::test_create_runtime_hook_finds_all_mounted_before_the_pivot", RUN + "test_every_step_in_order"]),
    ("CreateContainer", "after the createRuntime hooks, before the pivot", ["hooks_test.py::test_create_container_hook_sees_the_mounts_before_the_pivot",
                                                                           RUN + "test_every_step_in_order"]),
    ("StartContainer", "within start, before the program", ["hooks_test.py::test_hooks_in_order", RUN + "test_every_step_in_order"]),
    ("Poststart", "after the program started, before start returns", ["hooks_test.py::test_hooks_in_order", RUN + "test_every_step_in_order"]),
    ("Poststop", "after the deletion, before delete returns", ["hooks_test.py::test_poststop_hooks_run_after_the_container_is_deleted"]),
    ("Annotations", "a map of strings without an empty key", [CONF + "test_wrong_annotations"]),
    ("Annotations", "unknown keys are as unknown properties", [CONF + "test_unknown_annotation"]),
    ("Annotations", "what the keys of org.opencontainers.image mean", AUTHORS),
    ("Extensibility", "unknown properties are ignored", [CONF + "test_unknown_property", "errors_test.py::test_unknown_properties_are_ignored"]),
    ("Valid values", "an invalid or unsupported value is an error", [CONF + "test_invalid_value", "errors_test.py::test_wrong_value_is_told_with_its_place"]))

CONFIG_LINUX = rows(
    "config-linux.md",
    ("Namespaces", "type is REQUIRED", ["errors_test.py::test_wrong_value_is_told_with_its_place"]),
    ("Namespaces", "path is absolute", [LIN + "test_namespace_path_is_absolute"]),
    ("Namespaces", "path: the process is placed there", ["namespaces_test.py::test_joined_namespace"]),
    ("Namespaces", "path of another type is an error", [LIN + "test_namespace_path_of_another_type"]),
    ("Namespaces", "without path a new one is made", ["namespaces_test.py::test_new_namespace"]),
    ("Namespaces", "a type that is not listed is the runtime's", ["namespaces_test.py::test_absent_namespace_is_the_callers"]),
    ("Namespaces", "a type twice is an error", [LIN + "test_namespace_twice_of_each_type"]),
    ("User namespace mappings", "the members are REQUIRED", [LIN + "test_mapping_lacks_a_member"]),
    ("Devices", "they are available, anywhere, of each type", [LIN + "test_device_of_each_type_anywhere"]),
    ("Devices", "type, path, major and minor are REQUIRED", ["mounts_test.py::test_wrong_devices"]),
    ("Devices", "another file at the path is an error", [LIN + "test_device_where_another_file_is", LIN + "test_device_that_is_there_already"]),
    ("Default Devices", "they are supplied", [LIN + "test_default_devices_are_supplied", "mounts_test.py::test_default_devices"]),
    ("Default Devices", "as configured, where they are", [LIN + "test_default_device_as_configured"]),
    ("Default Devices", "/dev/console with a terminal", ["terminal_test.py::test_dev_console_is_the_terminal"]),
    ("Network Devices", "a name that is taken is an error, but for a template", ["kernel_fields_test.py::test_wrong_net_devices",
                                                                                "kernel_fields_test.py::test_net_device_with_a_template"]),
    ("Network Devices", "addresses are kept, the device is set up", ["kernel_fields_test.py::test_net_device",
                                                                    "kernel_fields_test.py::test_net_device_that_was_down_with_traffic"]),
    ("Network Devices", "never moved back, nor managed", "what the runtime does not do: the kernel destroys or returns the device"),
    ("Control groups", "a check of a group that fails is an error", "the check MAY be made, and is not: nothing can fail"),
    ("Cgroups Path", "an absolute path is below the mount point, each time the same", [LIN + "test_absolute_path_of_groups"]),
    ("Cgroups Path", "a relative path leads to one place", [LIN + "test_relative_path_of_groups"]),
    ("Cgroups Path", "a path that is not valid is an error", ["limits_test.py::test_cgroups_path_with_dots"]),
    ("Cgroup ownership", "files that are not there are no failure, a list if the kernel has none",
     [LIN + "test_groups_keep_their_owner"]),
    ("Allowed Device list", "in the listed order", [LIN + "test_device_rules_in_order", "mounts_test.py::test_later_device_rule_wins"]),
    ("Allowed Device list", "allow is REQUIRED", [LIN + "test_device_rule_needs_allow"]),
    ("Memory", "checkBeforeUpdate: what the check finds MUST be refused", "the check MAY be made; the kernel of version 1 refuses by itself"),
    ("CPU", "quota and burst fit each other", AUTHORS),
    ("Block IO", "members that are REQUIRED", [LIN + "test_limit_lacks_a_member"]),
    ("Block IO", "weightDevice: one of two weights", [LIN + "test_weight_of_a_device_needs_one_of_two"]),
    ("Huge page limits, Network", "members that are REQUIRED", [LIN + "test_limit_lacks_a_member"]),
    ("RDMA", "one of two limits", "no RDMA device here: the kernel has no such controller"),
    ("Unified", "the controller is enabled", [LIN + "test_unified_enables_the_controller"]),
    ("Unified", "what is unknown is written", [LIN + "test_unified_values_are_written_unread"]),
    ("Unified", "a controller that is not there is an error", [LIN + "test_unified_of_no_controller"]),
    ("Unified", "without a conversion from version 1 it is an error", [LIN + "test_unified_without_version_2"]),
    ("IntelRdt", "without the filesystem it is an error", ["kernel_fields_test.py::test_intel_rdt_without_the_filesystem"]),
    ("IntelRdt", "what is written to resctrl and when", "no such hardware here: unit tests on a made tree"),
    ("Memory policy", "mode is REQUIRED", ["kernel_fields_test.py::test_wrong_memory_policy"]),
    ("Seccomp", "defaultAction, names and action are REQUIRED", ["limits_test.py::test_wrong_seccomp"]),
    ("Seccomp", "names holds at least one", ["limits_test.py::test_wrong_seccomp"]),
    ("Seccomp", "an errno for an action that returns none is an error", ["seccomp_test.py::test_errno_of_an_action_without_one"]),
    ("Seccomp", "EPERM by default", ["seccomp_test.py::test_default_errno"]),
    ("Seccomp", "args: members that are REQUIRED", [LIN + "test_comparison_lacks_a_member"]),
    ("Seccomp", "listenerMetadata goes with listenerPath", [LIN + "test_metadata_without_a_listener",
                                                              "seccomp_test.py::test_refused_ways_to_notify"]),
    ("Seccomp", "listenerPath: one state a connection, which is then closed", ["seccomp_test.py::test_agent_refuses_a_call"]),
    ("Seccomp", "listenerPath: what cannot be sent is an error", ["seccomp_test.py::test_agent_that_is_not_there"]),
    ("Seccomp", "listenerPath is ignored without SCMP_ACT_NOTIFY", ["seccomp_test.py::test_listener_path_without_notify_is_ignored"]),
    ("The Container Process State", "its members, and the descriptors by SCM_RIGHTS with the first message",
     ["seccomp_test.py::test_agent_refuses_a_call", "seccomp_test.py::test_create_hands_over_before_start"]),
    ("Rootfs Mount Propagation", "of the kind that is named", [LIN + "test_rootfs_propagation_is_the_roots", "mounts_test.py::test_rootfs_propagation"]),
    ("Masked Paths", "absolute", [LIN + "test_path_that_is_not_absolute"]),
    ("Readonly Paths", "absolute", [LIN + "test_path_that_is_not_absolute"]),
    ("Personality", "domain is REQUIRED", ["kernel_fields_test.py::test_wrong_personality"]))

FEATURES = rows(
    "features.md",
    ("Features Structure", "null is not an empty value", [LIN + "test_null_stands_for_nothing_known"]),
    ("Specification version", "both versions are REQUIRED, the newest not below the oldest", ["features_test.py::test_versions"]),
    ("Specification version", "both are accepted in a configuration", ["features_test.py::test_both_versions_are_accepted_in_a_configuration",
                                                                      LIN + "test_schema_of_the_specification_program"]),
    ("Specification version", "no other properties", ["features_test.py::test_no_property_that_the_specification_does_not_define"]),
    ("Hooks", "those named are supported", ["features_test.py::test_hooks_that_are_named_run"]),
    ("Mount Options", "those named are recognised", [LIN + "test_every_mount_option_of_features"]),
    ("Annotations", "a map of strings", [LIN + "test_annotations_of_features"]))

FEATURES_LINUX = rows(
    "features-linux.md",
    ("Namespaces", "those named are recognised", [LIN + "test_every_namespace_of_features"]),
    ("Capabilities", "those named are recognised", [LIN + "test_every_capability_of_features"]),
    ("Seccomp", "actions, operators, architectures and flags", [LIN + "test_every_word_of_seccomp_in_features"]),
    ("MemoryPolicy", "modes and flags", ["kernel_fields_test.py::test_memory_policy", "kernel_fields_test.py::test_features_say_so"]),
    ("MountExtensions", "idmap is true where mappings are recognised", [LIN + "test_recognised_mappings_are_told", "idmap_test.py::test_features"]))

CLAUSES = [*RUNTIME, *RUNTIME_LINUX, *CONFIG, *CONFIG_LINUX, *FEATURES, *FEATURES_LINUX]
