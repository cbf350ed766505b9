/* spec_template.h - the configuration that `spec` writes: a shell in ./rootfs, as runc's does. */
#ifndef CORTEN_RUNTIME_COMMAND_SPEC_TEMPLATE_H
#define CORTEN_RUNTIME_COMMAND_SPEC_TEMPLATE_H

#include "oci/runtime_config.h"

extern const struct oci_config spec_template;

#endif
