#include "oci/seccomp_config.h"

static const struct json_field arg_fields[] = {
	JSON_PLAIN(struct oci_seccomp_arg, index, "index", JSON_TYPE_UINT32, JSON_NEEDED),
	JSON_PLAIN(struct oci_seccomp_arg, value, "value", JSON_TYPE_UINT64, JSON_NEEDED),
	JSON_UINT64(struct oci_seccomp_arg, value_two, "valueTwo"),
	JSON_STRING_NEEDED(struct oci_seccomp_arg, op, "op"),
};
static JSON_SHAPE(arg_shape, struct oci_seccomp_arg, arg_fields);

static const struct json_field syscall_fields[] = {
	JSON_LIST_FLAGS(struct oci_seccomp_syscall, names, "names", JSON_TYPE_STRING, JSON_NEEDED),
	JSON_STRING_NEEDED(struct oci_seccomp_syscall, action, "action"),
	JSON_OPT(struct oci_seccomp_syscall, errno_ret, "errnoRet", JSON_TYPE_UINT32),
	JSON_OBJECTS(struct oci_seccomp_syscall, args, "args", arg_shape),
};
static JSON_SHAPE(syscall_shape, struct oci_seccomp_syscall, syscall_fields);

static const struct json_field seccomp_fields[] = {
	JSON_STRING_NEEDED(struct oci_seccomp, default_action, "defaultAction"),
	JSON_OPT(struct oci_seccomp, default_errno_ret, "defaultErrnoRet", JSON_TYPE_UINT32),
	JSON_LIST(struct oci_seccomp, architectures, "architectures", JSON_TYPE_STRING),
	JSON_LIST(struct oci_seccomp, flags, "flags", JSON_TYPE_STRING),
	JSON_STRING(struct oci_seccomp, listener_path, "listenerPath"),
	JSON_STRING(struct oci_seccomp, listener_metadata, "listenerMetadata"),
	JSON_OBJECTS(struct oci_seccomp, syscalls, "syscalls", syscall_shape),
};
JSON_SHAPE(oci_seccomp_shape, struct oci_seccomp, seccomp_fields);
