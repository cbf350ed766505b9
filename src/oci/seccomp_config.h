/*
 * seccomp_config.h - "linux.seccomp" of the runtime specification 1.3 as C structs.
 *
 * Purpose    config.json keeps the object as text (struct oci_linux), so that a cache may hash it
 *            without parsing; oci_seccomp_shape parses that text when a program must be compiled.
 * Ownership  Everything lives in the arena given to json_parse(); a writer may point it anywhere.
 */
#ifndef CORTEN_OCI_SECCOMP_CONFIG_H
#define CORTEN_OCI_SECCOMP_CONFIG_H

#include <stdint.h>

#include "base/json.h"

struct oci_seccomp_arg {
	uint32_t index; /* of the system call's argument, 0 to 5 */
	uint64_t value;
	uint64_t value_two; /* SCMP_CMP_MASKED_EQ: value is the mask, this the datum */
	const char *op;     /* "SCMP_CMP_EQ" */
};

struct oci_seccomp_syscall {
	json_strings names;
	const char *action; /* "SCMP_ACT_ERRNO" */
	uint32_t *errno_ret;
	JSON_LIST_OF(struct oci_seccomp_arg) args;
};

struct oci_seccomp {
	const char *default_action;
	uint32_t *default_errno_ret;
	json_strings architectures; /* "SCMP_ARCH_X86_64" */
	json_strings flags;         /* "SECCOMP_FILTER_FLAG_LOG" */
	const char *listener_path;
	const char *listener_metadata;
	JSON_LIST_OF(struct oci_seccomp_syscall) syscalls;
};

extern const struct json_shape oci_seccomp_shape; /* struct oci_seccomp */

#endif
