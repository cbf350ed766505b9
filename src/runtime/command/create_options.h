/* create_options.h - what create and run have in common on the command line. */
#ifndef CORTEN_RUNTIME_COMMAND_CREATE_OPTIONS_H
#define CORTEN_RUNTIME_COMMAND_CREATE_OPTIONS_H

#include "runtime/command/command.h"
#include "runtime/start.h"

struct create_values {
	bool help;
	bool detach; /* run alone */
	bool keep;   /* run alone */
	bool no_pivot;
	bool no_new_keyring;
	bool no_subreaper;
	bool clamp_rlimits;
	const char *bundle;
	const char *console_socket;
	const char *pid_file;
	const char *pidfd_socket;
	const char *config;
	uint32_t preserve_fds;
	const char *rootfs_fd;
};

#define CREATE_OPTION_ROWS                                                                         \
	OPTION_HELP(struct create_values),                                                         \
		OPTION_ROW(struct create_values, bundle, "bundle", 'b', OPTION_STRING, "DIR",      \
			   "folder of config.json (default: the working folder)"),                 \
		OPTION_ROW(struct create_values, config, "config", 'f', OPTION_STRING, "FILE",     \
			   "the configuration beneath the bundle (default config.json)"),          \
		OPTION_ROW(struct create_values, console_socket, "console-socket", 0,              \
			   OPTION_STRING, "SOCKET", "send the terminal's master to this socket"),  \
		OPTION_ROW(struct create_values, pid_file, "pid-file", 0, OPTION_STRING, "FILE",   \
			   "write the first process's pid to FILE"),                               \
		OPTION_ROW(struct create_values, pidfd_socket, "pidfd-socket", 0, OPTION_STRING,   \
			   "SOCKET", "send the first process's pidfd to this socket"),             \
		OPTION_ROW(struct create_values, preserve_fds, "preserve-fds", 0, OPTION_UINT,     \
			   "N", "pass descriptors 3 to 3+N-1 on"),                                 \
		OPTION_ROW(struct create_values, no_pivot, "no-pivot", 0, OPTION_BOOL, NULL,       \
			   "no pivot_root: for a root on ramfs; weaker"),                          \
		OPTION_ROW(struct create_values, no_new_keyring, "no-new-keyring", 0, OPTION_BOOL, \
			   NULL, "leave it the caller's session keyring"),                         \
		OPTION_ROW(struct create_values, no_subreaper, "no-subreaper", 0, OPTION_BOOL,     \
			   NULL, "run without a PID namespace: leave orphans to others"),          \
		OPTION_ROW(struct create_values, clamp_rlimits, "clamp-rlimits", 0, OPTION_BOOL,   \
			   NULL, "lower limits that may not be raised, with a warning"),           \
		OPTION_ROW(struct create_values, rootfs_fd, "rootfs-fd", 0, OPTION_STRING, "N",    \
			   "use the detached mount behind descriptor N as root")

/* Checks the values and points ret_options at them. Descriptors to pass on must be open. */
int create_options_convert(const struct command_globals *globals,
			   const struct create_values *values, const char *id,
			   struct start_options *ret_options, struct err *err);

#endif
