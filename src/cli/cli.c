#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"
#include "cli/text.h"

#define USAGE_STATUS  125
#define HELP_TEXT_MAX (1024 * 1024)
#define ERROR_MAX     1024

const struct option cli_global_options[] = {
	OPT_STRING(struct cli_globals, root, '\0', "root", "DIR", HINT_DIR,
		   "folder of images and containers (default /var/lib/corten; CORTEN_ROOT)"),
	OPT_STRING(struct cli_globals, state, '\0', "state", "DIR", HINT_DIR,
		   "folder of what does not outlive a reboot (default /run/corten; CORTEN_STATE)"),
	OPT_FLAG(struct cli_globals, offline, '\0', "offline",
		 "open no network connection; what would need one fails"),
	OPT_FLAG(struct cli_globals, version, 'v', "version", "show the version"),
};
const size_t cli_global_option_count = sizeof(cli_global_options) / sizeof(cli_global_options[0]);

/* One a line, so that rows merge. */
/* clang-format off */
const struct command *const cli_commands[] = {
	&command_run,
	&command_create,
	&command_start,
	&command_attach,
	&command_exec,
	&command_ps,
	&command_stop,
	&command_kill,
	&command_wait,
	&command_rm,
	&command_logs,
	&command_inspect,
	&command_image_ls,
	&command_image_pull,
	&command_image_push,
	&command_login,
	&command_logout,
	&command_image_history,
	&command_image_load,
	&command_image_import,
	&command_image_save,
	&command_image_rm,
	&command_image_prune,
	&command_image_tag,
	&command_image_untag,
	&command_image_inspect,
	&command_image_tags,
	&command_image_referrers,
	&command_image_copy,
	&command_image_tree,
	&command_image_diff,
	&command_image_exists,
	&command_image_verify,
	&command_image_mount,
	&command_image_unmount,
	&command_system_df,
	&command_image_bundle,
	&command_info,
	&command_version,
	&command_completion,
	&command_man,
	&command_help,
	&command_cleanup,
	NULL,
};
/* clang-format on */

/* Whether the words begin with a name such as "image ls"; how many of them it takes. */
static size_t name_words(const char *name, size_t len, char *const *words, size_t count)
{
	size_t used = 0;

	while (len > 0) {
		size_t word = 0;
		while (word < len && name[word] != ' ')
			word++;
		if (used == count || strlen(words[used]) != word ||
		    memcmp(words[used], name, word) != 0)
			return 0;
		used++;
		size_t step = word + (word < len);
		name += step;
		len -= step;
	}
	return used;
}

bool command_matches(const struct command *command, char *const *words, size_t count,
		     size_t *ret_used)
{
	size_t prefix = 0;

	if (count > 1 && (command->flags & COMMAND_CONTAINER) != 0 &&
	    strcmp(words[0], "container") == 0)
		prefix = 1;
	*ret_used =
		name_words(command->name, strlen(command->name), words + prefix, count - prefix);
	for (const char *at = command->aliases; *ret_used == 0 && at != NULL;) {
		size_t len = strcspn(at, ",");
		*ret_used = name_words(at, len, words + prefix, count - prefix);
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	if (*ret_used > 0)
		*ret_used += prefix;
	return *ret_used > 0;
}

static const struct command *find(char *const *words, size_t count, size_t *ret_used)
{
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		if (command_matches(cli_commands[i], words, count, ret_used))
			return cli_commands[i];
	}
	return NULL;
}

void cli_print_error(const struct err *err)
{
	char text[ERROR_MAX];

	(void)fflush(stdout);
	(void)err_format(err, text, sizeof(text));
	/* An image's or a container's words may be in it. */
	text_tame(text, strlen(text), true);
	(void)fprintf(stderr, "corten: %s\n", text);
}

int cli_print(const struct buf *out, struct err *err)
{
	int rc = buf_check(out, "the output", err);

	if (rc == 0 && out->len > 0)
		rc = fd_write_all(STDOUT_FILENO, out->data, out->len);
	if (rc < 0 && rc != -EPIPE && err->kind == ERR_NONE)
		return err_set(err, err_kind_of(-rc), -rc, "write to stdout");
	return 0;
}

void cli_warn(const struct cli *cli, const json_strings *warnings)
{
	for (size_t i = 0; i < warnings->count; i++) {
		const char *text = text_printable(warnings->items[i], cli->arena);
		(void)fprintf(stderr, "WARNING: %s\n", text != NULL ? text : "");
	}
}

/* What a command is called in a group, by its name or another; NULL: it is not in it. */
static const char *name_in_group(const struct command *command, const char *group)
{
	size_t len = strlen(group);
	const char *names[] = {command->name, command->aliases};

	if ((command->flags & COMMAND_HIDDEN) != 0)
		return NULL;
	if ((command->flags & COMMAND_CONTAINER) != 0 && strcmp(group, "container") == 0)
		return command->name;
	for (size_t i = 0; i < 2; i++) {
		for (const char *at = names[i]; at != NULL && *at != '\0';) {
			if (strncmp(at, group, len) == 0 && at[len] == ' ')
				return at + len + 1;
			at = strchr(at, ',');
			at = at != NULL ? at + 1 : NULL;
		}
	}
	return NULL;
}

static bool has_group(const char *group)
{
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		if (name_in_group(cli_commands[i], group) != NULL)
			return true;
	}
	return false;
}

static bool show_group(const char *group)
{
	if (!has_group(group))
		return false;
	(void)printf("Usage: corten %s COMMAND\n\nCommands:\n", group);
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const char *name = name_in_group(cli_commands[i], group);
		if (name != NULL)
			(void)printf("  %-10.*s  %s\n", (int)strcspn(name, ","), name,
				     cli_commands[i]->summary);
	}
	(void)printf("\nSee 'corten %s COMMAND --help'.\n", group);
	return true;
}

/* What people of other engines look for first. */
static bool is_yet_to_come(const char *word)
{
	static const char *const words[] = {
		"build",   "commit", "cp",  "diff",    "events", "export",
		"network", "pause",  "pod", "port",    "rename", "restart",
		"search",  "stats",  "top", "unpause", "update", "volume",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

static int unknown_command(char *const *words, size_t count)
{
	const char *nearest = NULL;
	size_t best = 3;

	if (count == 1 || (count == 2 && strcmp(words[1], "--help") == 0)) {
		if (show_group(words[0]))
			return 0;
	} else if (has_group(words[0])) {
		(void)fprintf(stderr,
			      "corten: '%s' is not a command of 'corten %s'\n"
			      "See 'corten %s --help'\n",
			      words[1], words[0], words[0]);
		return 1;
	}
	if (is_yet_to_come(words[0])) {
		(void)fprintf(stderr, "corten: '%s' is not built yet\nSee 'corten --help'\n",
			      words[0]);
		return 1;
	}
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		size_t distance = option_distance(words[0], cli_commands[i]->name, best);
		if ((cli_commands[i]->flags & COMMAND_HIDDEN) == 0 && distance < best) {
			best = distance;
			nearest = cli_commands[i]->name;
		}
	}
	(void)fprintf(stderr, "corten: '%s' is not a corten command%s%s%s\nSee 'corten --help'\n",
		      words[0], nearest != NULL ? " (did you mean '" : "",
		      nearest != NULL ? nearest : "", nearest != NULL ? "'?)" : "");
	return 1;
}

static int usage_error(const struct command *command, const struct err *err)
{
	cli_print_error(err);
	(void)fprintf(stderr, "See 'corten %s --help'.\n", command->name);
	return USAGE_STATUS;
}

static int check_count(const struct command *command, size_t count, struct err *err)
{
	if (count < command->min)
		return err_set(err, ERR_INVALID, 0,
			       "\"corten %s\" requires at least %zu argument%s: %s", command->name,
			       command->min, command->min == 1 ? "" : "s", command->operands);
	if (count > command->max)
		return err_set(err, ERR_INVALID, 0, "\"corten %s\" takes at most %zu argument%s",
			       command->name, command->max, command->max == 1 ? "" : "s");
	return 0;
}

static int open_engine(struct cli *cli, struct err *err)
{
	if (geteuid() != 0)
		return err_set(err, ERR_DENIED, 0,
			       "this needs root for now: run it with sudo (corten-runtime alone "
			       "works for ordinary users)");
	int rc = engine_config_load(ENGINE_CONFIG_DIR, cli->env, cli->arena, &cli->config, err);
	if (rc < 0)
		return rc;
	if (cli->globals.root != NULL)
		cli->config.root = cli->globals.root;
	cli->config.offline = cli->config.offline || cli->globals.offline;
	if (cli->globals.state != NULL)
		cli->config.state = cli->globals.state;
	return engine_open(&cli->config, &cli->engine, err);
}

static int run_command(struct cli *cli, char **words, size_t count)
{
	const struct command *command = cli->command;
	struct err err = {.kind = ERR_NONE};
	struct option_args args;
	BUF_AUTO(help, HELP_TEXT_MAX);
	void *values = arena_alloc(cli->arena, command->values_size + 1);

	if (values == NULL)
		return 1;
	if (command->defaults != NULL)
		memcpy(values, command->defaults, command->values_size);
	const struct option_set set = {command->options, command->option_count, values};
	int rc = option_parse(&set, 1, (command->flags & COMMAND_OPERAND_ENDS) != 0, words, count,
			      cli->arena, &args, &err);
	if (rc < 0)
		return usage_error(command, &err);
	if (args.help) {
		help_command(command, &help);
		return cli_print(&help, &err) < 0;
	}
	rc = check_count(command, args.count, &err);
	if (rc < 0)
		return usage_error(command, &err);
	if ((command->flags & COMMAND_ENGINE) != 0)
		rc = open_engine(cli, &err);
	if (rc == 0)
		rc = command->run(cli, values, &args, &err);
	if (rc < 0 && err.kind != ERR_NONE)
		cli_print_error(&err);
	engine_close(cli->engine);
	if (rc < 0)
		rc = command->failure != 0 ? command->failure : 1;
	return rc;
}

static bool shows_colour(char **env)
{
	for (; *env != NULL; env++) {
		if (strncmp(*env, "NO_COLOR=", 9) == 0 && (*env)[9] != '\0')
			return false;
		if (strcmp(*env, "TERM=dumb") == 0)
			return false;
	}
	return isatty(STDOUT_FILENO) == 1;
}

static int show_help(void)
{
	BUF_AUTO(out, HELP_TEXT_MAX);
	struct err err = {.kind = ERR_NONE};

	help_program(&out);
	return cli_print(&out, &err) < 0;
}

int cli_main(int argc, char **argv, char **env)
{
	ARENA_AUTO(arena, CLI_ARENA_MAX);
	struct cli cli = {.arena = &arena, .env = env, .colour = shows_colour(env)};
	struct err err = {.kind = ERR_NONE};
	struct option_args args;
	const struct option_set set = {cli_global_options, cli_global_option_count, &cli.globals};
	size_t used = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 1)
		return show_help();
	if (option_parse(&set, 1, true, argv + 1, (size_t)argc - 1, &arena, &args, &err) < 0) {
		cli_print_error(&err);
		(void)fprintf(stderr, "See 'corten --help'.\n");
		return USAGE_STATUS;
	}
	if (cli.globals.version) {
		(void)printf("corten version %s\n", CORTEN_VERSION);
		return 0;
	}
	if (args.help || args.count == 0)
		return show_help();
	cli.command = find(args.items, args.count, &used);
	if (cli.command == NULL)
		return unknown_command(args.items, args.count);
	return run_command(&cli, args.items + used, args.count - used);
}
