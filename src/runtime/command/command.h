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
#include "runtime/command/options.h"

struct command_globals {
	const char *root;
	const char *log;
	const char *log_format;
	bool debug;
	bool systemd_cgroup;
	bool version;
	bool help;
	char **argv; /* the whole command line and environment, for re-execution */
	char **envp;
	void (*warn)(void *context, const char *text); /* to --log, or stderr without it */
	void *warn_context;
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
	int (*run)(const struct command_globals *globals, void *values, int argc, char **argv,
		   struct err *err);
};

extern const struct command command_create, command_start, command_run, command_exec, command_kill,
	command_delete, command_state, command_list, command_spec, command_features, command_pause,
	command_resume, command_update;

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
