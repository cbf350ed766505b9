/*
 * process.h - the "process" object of a container's start and of `exec`.
 *
 * Ownership  Results live in the arena.
 * Errors     ERR_INVALID ("No command specified") and those of account.h.
 */
#ifndef CORTEN_ENGINE_SPEC_PROCESS_H
#define CORTEN_ENGINE_SPEC_PROCESS_H

#include "engine/options.h"
#include "engine/spec/account.h"
#include "engine/spec/labels.h"
#include "oci/image.h"
#include "oci/runtime_config.h"

#define PROCESS_PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * What runs: the entrypoint and the command, the user's in place of the image's. A given entrypoint
 * drops the image's command too.
 */
int process_arguments(const struct engine_options *options, const struct oci_image_run *image,
		      struct arena *arena, json_strings *ret_args, struct err *err);

struct process_request {
	json_strings args;
	const json_strings *image_env; /* may be NULL */
	const json_strings *env;       /* on top; an entry without "=" removes */
	const char *hostname;          /* for HOSTNAME; NULL: none */
	const struct account *account;
	const char *cwd; /* absolute; NULL: "/" */
	bool terminal;
	const struct oci_console_size *size; /* NULL: not known */
	uint64_t caps;
	bool no_new_privileges;
	const struct spec_labels *labels; /* NULL: none */
};

int process_build(const struct process_request *request, struct arena *arena,
		  struct oci_process *ret_process, struct err *err);

#endif
