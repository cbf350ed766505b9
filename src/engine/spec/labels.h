/*
 * labels.h - under which AppArmor profile and SELinux contexts a container runs.
 *
 * Purpose    Where the host has AppArmor: LABELS_APPARMOR_DEFAULT, or what `--security-opt apparmor=` says. Where
 *            it has SELinux: container_t and container_file_t with a level of the container's own, each part
 *            replaced by `--security-opt label=`. --privileged is unconfined; what is given explicitly still
 *            counts. SELinux also lets go of containers in the host's PID or IPC namespace, as Docker does.
 * Ownership  Results live in the arena, are static, or point into the arguments.
 * Errors     ERR_UNSUPPORTED for a label that this host would not heed, ERR_INVALID for one that is none.
 */
#ifndef CORTEN_ENGINE_SPEC_LABELS_H
#define CORTEN_ENGINE_SPEC_LABELS_H

#include "engine/spec/resources.h"
#include "engine/spec/security.h"

#define LABELS_APPARMOR_DEFAULT "corten-default"

struct labels_request {
	const struct security *security;
	const struct spec_host *host;
	bool privileged;
	bool host_namespaces; /* of PIDs or IPC */
	const char *level;    /* the container's own, "s0:c1,c2"; NULL: it has none */
};

struct spec_labels {
	const char *apparmor; /* NULL: the host has no AppArmor */
	const char *process;  /* SELinux contexts; NULL: none */
	const char *mount;
};

/* Whether the container needs a level of its own: the host has SELinux with levels, nobody gave another. */
bool labels_want_level(const struct labels_request *request);

int labels_build(const struct labels_request *request, struct arena *arena,
		 struct spec_labels *ret_labels, struct err *err);

#endif
