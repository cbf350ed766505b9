/*
 * command.h - the runtime's commands: one file each, one row each.
 *
 * A command gets the global options, its own words after its name, and answers with the program's exit
 * status; on failure it fills `err` and returns negative.
 */
#ifndef CORTEN_RUNTIME_COMMAND_COMMAND_H
#define CORTEN_RUNTIME_COMMAND_COMMAND_H

#include <stdbool.h>

#include "base/err.h"
#include "base/limits.h"
#include "runtime/command/options.h"

#define COMMAND_DEFAULT_ROOT "/run/corten-runtime"

struct command_globals {
	bool help;
	const char *root;
	char session_root[PATH_LENGTH_MAX]; /* what root points to in a user's session */
	bool root_given;                    /* by --root */
	const char *log;
	const char *log_format;
	const char *log_level;
	bool debug;
	const char *rootless;
	bool clamp_rlimits;
	bool systemd_cgroup;
	const char *cgroup_manager; /* "cgroupfs", "systemd", "disabled"; never NULL */
	bool version;
	char **argv; /* the whole command line and environment, for re-execution */
	char **envp;
	void (*warn)(void *context, const char *text); /* to --log, or stderr without it */
	void (*step)(void *context, const char *text); /* logs what is done; NULL without --debug */
	void *log_context;
	int debug_fd; /* of --log, once a step was logged */
};

struct command {
	const char *name;
	const char *operands;
	const char *summary;
	const struct option *options;
	size_t option_count;
	size_t values_size; /* of the struct that the options fill; starts with `bool help` */
	int operands_min;
	int operands_max; /* -1: any */
	int options_until; /* operands after which no word is an option; 0: options stand anywhere; or */
#define COMMAND_HELP_ALONE (-1) /* no word is an option, but a first --help */
	int (*run)(const struct command_globals *globals, void *values, int argc, char **argv,
		   struct err *err);
};

extern const struct command command_checkpoint, command_completion, command_create, command_delete,
	command_events, command_exec, command_features, command_kill, command_list, command_pause,
	command_ps, command_restore, command_resume, command_run, command_spec, command_start,
	command_state, command_update;

/* All of them, by name; NULL ends. */
extern const struct command *const command_table[];

extern const struct option command_global_options[];
extern const size_t command_global_option_count;

/* Writes a command's result to standard output; `what` names it in errors. Returns 0 or negative. */
int command_print(const struct buf *out, const char *what, struct err *err);

/* Parses the command line, runs the command, prints its error. Returns the exit status. */
int command_main(int argc, char **argv, char **envp);

#define OPTION_ROW(values, member, name, letter, kind, value, help)       \
	{                                                                 \
		name, letter, kind, offsetof(values, member), value, help \
	}
#define OPTION_HELP(values) \
	OPTION_ROW(values, help, "help", 'h', OPTION_BOOL, NULL, "show this help")

#endif
