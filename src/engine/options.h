/*
 * options.h - what a user asks of a new container, in the words of the command line.
 *
 * Purpose    One plain struct that the command line fills, that is kept with the container's record,
 *            and from which engine/spec builds the OCI configuration.
 * Ownership  Text belongs to whoever filled it (argv, an arena) and must outlive the struct.
 * Values     Text is kept as given (`512m`, `1.5`, `/a:/b:ro`) and checked by engine_options_check() or
 *            when the configuration is built. NULL means not given.
 */
#ifndef CORTEN_ENGINE_OPTIONS_H
#define CORTEN_ENGINE_OPTIONS_H

#include "base/json.h"

struct engine_options {
	const char *image;
	const char *pull;     /* when the image is fetched; "missing" when NULL */
	const char *platform; /* of an image that is fetched */
	bool quiet;           /* while it is */
	const char *auth_file;
	const char *cert_folder;
	const char *tls_verify;
	json_strings command;
	const char *entrypoint; /* "": the image's is dropped */
	const char *name;
	const char *cidfile;
	bool detach;
	bool interactive;
	bool tty;
	bool remove;
	bool init;
	json_strings attach;
	const char *detach_keys;
	bool sig_proxy;

	json_strings env;
	json_strings env_files;
	json_strings labels;
	json_strings label_files;
	const char *workdir;
	const char *user;
	json_strings groups;
	const char *hostname;
	const char *domainname;
	json_strings hosts; /* NAME:ADDRESS */
	json_strings dns;
	json_strings dns_search;
	json_strings dns_options;
	const char *network;
	const char *ipc;
	const char *pid;
	const char *uts;
	const char *cgroupns;
	const char *cgroup_parent;

	json_strings volumes;
	json_strings mounts;
	json_strings tmpfs;
	const char *shm_size;
	bool read_only;

	const char *memory;
	const char *memory_swap;
	const char *memory_reservation;
	const char *cpus;
	const char *cpu_shares;
	const char *cpu_period;
	const char *cpu_quota;
	const char *cpuset_cpus;
	const char *cpuset_mems;
	const char *pids_limit;
	const char *oom_score_adj;
	bool oom_kill_disable;
	json_strings ulimits;
	json_strings sysctls;
	json_strings devices;

	json_strings cap_add;
	json_strings cap_drop;
	json_strings security;
	bool privileged;

	const char *stop_signal;
	const char *stop_timeout;
	const char *log_driver;
	json_strings log_options;
};

#define ENGINE_OPTIONS_DEFAULT    \
	{                         \
		.sig_proxy = true \
	}

extern const struct json_shape engine_options_shape;

#endif
