/*
 * config.h - the engine's settings: files, environment, command line.
 *
 * Purpose    `/etc/corten/corten.conf`, then `/etc/corten/corten.conf.d/`*`.conf` by name, then
 *            `$XDG_CONFIG_HOME/corten/corten.conf` (or ~/.config), then CORTEN_ROOT, CORTEN_STATE and
 *            CORTEN_LIBEXEC; each overrides what came before. The command line comes last, by the caller.
 * Format     Lines of `key = value`; `#` begins a comment line. A key of a list adds to it; with an
 *            empty value it empties it.
 * Ownership  Text lives in the arena.
 * Errors     ERR_INVALID with file and line for an unknown key. A file that is absent is no error.
 */
#ifndef CORTEN_ENGINE_CONFIG_H
#define CORTEN_ENGINE_CONFIG_H

#include "base/json.h"

#define ENGINE_ROOT_DEFAULT  "/var/lib/corten"
#define ENGINE_STATE_DEFAULT "/run/corten"
#define ENGINE_CONFIG_DIR    "/etc/corten"

struct engine_config {
	const char *root;    /* images, containers, the database */
	const char *state;   /* what does not survive a reboot */
	const char *libexec; /* corten-monitor, corten-runtime, ...; NULL: beside corten */
	const char *network; /* defaults of new containers; NULL: the built-in ones */
	const char *pids_limit;
	const char *shm_size;
	const char *detach_keys;
	const char *stop_timeout;
	const char *log_driver;
	const char *log_max_size;
	const char *log_max_files;
	const char *seccomp_profile; /* instead of the built-in one */
	const char *cgroup_parent;
	bool init;
	bool offline; /* no connection is opened */
	json_strings ulimits;
};

/* Reads everything. etc: ENGINE_CONFIG_DIR; env: like environ. */
int engine_config_load(const char *etc, char *const *env, struct arena *arena,
		       struct engine_config *ret_config, struct err *err);

/* Applies one file's text; `name` is for errors. */
int engine_config_parse(const char *text, const char *name, struct arena *arena,
			struct engine_config *config, struct err *err);

#endif
