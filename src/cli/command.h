/*
 * command.h - the command table: what a command is called, takes, and does.
 *
 * Purpose    One row a command; parsing, help, completion and the manual come from it.
 * Ownership  struct cli belongs to cli_main(); commands borrow it.
 * Errors     A command's run returns an exit status, or negative with `err` set: then the text goes to stderr
 *            and the status is the row's.
 */
#ifndef CORTEN_CLI_COMMAND_H
#define CORTEN_CLI_COMMAND_H

#include "cli/option.h"
#include "engine/engine.h"

#define CLI_ARGS_ANY  SIZE_MAX
#define CLI_ARENA_MAX (256 * 1024 * 1024)

struct cli_globals {
	const char *root;
	const char *state;
	bool offline;
	bool version;
};

struct cli {
	struct arena *arena;
	char **env;
	struct cli_globals globals;
	struct engine_config config;
	struct engine *engine; /* open when the command's row says so */
	const struct command *command;
	bool colour; /* stdout is a terminal that shows colours */
};

enum command_flag {
	COMMAND_ENGINE = 1,       /* opens the engine */
	COMMAND_OPERAND_ENDS = 2, /* the first operand ends the options */
	COMMAND_HIDDEN = 4,
	COMMAND_CONTAINER = 8, /* also known as `container NAME` */
};

struct command {
	const char *name;    /* "run", "image ls" */
	const char *aliases; /* other names, separated by commas; NULL: none */
	const char *operands;
	const char *summary; /* one line */
	const char *text;    /* for the manual; NULL: none */
	size_t min;
	size_t max;
	unsigned flags;
	int failure; /* the exit status of a failure; 0 stands for 1 */
	const struct option *options;
	size_t option_count;
	const void *defaults; /* an options struct to begin with; NULL: zeros */
	size_t values_size;
	enum option_hint hint; /* of the operands */
	int (*run)(struct cli *cli, void *values, const struct option_args *args, struct err *err);
};

/* The table; ends with a NULL. */
extern const struct command *const cli_commands[];
extern const struct option cli_global_options[];
extern const size_t cli_global_option_count;

/* Whether words[0..count) name the command, in any of its names; ret_used words were taken. */
bool command_matches(const struct command *command, char *const *words, size_t count,
		     size_t *ret_used);

/* Runs the program; returns the exit status. */
int cli_main(int argc, char **argv, char **env);

/* ---- help.c, man.c, completion.c ---- */

void help_program(struct buf *out);
void help_command(const struct command *command, struct buf *out);
void man_program(struct buf *out);
int completion_write(const char *shell, struct buf *out, struct err *err);

/* Prints text on stdout; a pipe that nobody reads is no failure. */
int cli_print(const struct buf *out, struct err *err);

/* "corten: ..." on stderr, for a command that goes on or has an exit status of its own. */
void cli_print_error(const struct err *err);

/* "WARNING: ..." on stderr. */
void cli_warn(const struct cli *cli, const json_strings *warnings);

/* ---- commands, one file each ---- */

extern const struct command command_run, command_create, command_start, command_attach,
	command_exec, command_ps, command_stop, command_kill, command_wait, command_rm,
	command_logs, command_inspect, command_cleanup, command_image_ls, command_image_load,
	command_image_import, command_image_pull, command_image_push, command_login, command_logout,
	command_image_save, command_image_bundle, command_image_diff, command_image_verify,
	command_image_mount, command_image_unmount, command_system_df, command_image_history,
	command_image_exists, command_image_prune, command_image_tree, command_image_untag,
	command_image_rm, command_image_tag, command_image_inspect, command_image_tags,
	command_image_referrers, command_image_copy, command_version, command_info,
	command_completion, command_man, command_help;

#endif
