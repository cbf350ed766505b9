/* spec_template.h - the configuration that `spec` writes: a shell in ./rootfs, as runc's does. */
#ifndef CORTEN_RUNTIME_COMMAND_SPEC_TEMPLATE_H
#define CORTEN_RUNTIME_COMMAND_SPEC_TEMPLATE_H

#include "oci/runtime_config.h"

#define SPEC_TEMPLATE_MOUNTS 7

/* config points to the others, and must not outlive or leave them. */
struct spec_template {
	struct oci_config config;
	struct oci_linux linux_;
	struct oci_namespace namespaces[OCI_NS_COUNT];
	struct oci_mount mounts[SPEC_TEMPLATE_MOUNTS];
	struct oci_id_mapping uid_mapping;
	struct oci_id_mapping gid_mapping;
};

/* cgroup_namespace: as runc does where version 2 is all there is. */
void spec_template_init(struct spec_template *ret, bool cgroup_namespace);

/* Changes it so that the user may start it: one mapped id, the host's network, no limits. */
void spec_template_make_rootless(struct spec_template *template, uint32_t uid, uint32_t gid);

#endif
