/* Completion for shells, made of the tables of commands and options; the metavariable tells what follows. */
#include <string.h>

#include "runtime/command/command.h"

struct completion_values {
	bool help;
};

static const struct option options[] = {OPTION_HELP(struct completion_values)};

static bool has_id(const struct command *command)
{
	return strncmp(command->operands, "ID", 2) == 0 && command != &command_run &&
	       command != &command_create;
}

static bool is_choice(const struct option *option)
{
	return option->value != NULL && strchr(option->value, '|') != NULL;
}

static void add_choices(const char *value, struct buf *out)
{
	for (; *value != '\0'; value++)
		buf_char(out, *value == '|' ? ' ' : *value);
}

static void bash_values(const struct option *table, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		if (!option_has_value(&table[i]))
			continue;
		buf_fmt(out, "\t\t--%s", table[i].name);
		if (table[i].letter != '\0')
			buf_fmt(out, "|-%c", table[i].letter);
		buf_str(out, ") _corten_runtime_reply ");
		if (is_choice(&table[i])) {
			buf_str(out, "words \"");
			add_choices(table[i].value, out);
			buf_char(out, '"');
		} else if (strcmp(table[i].value, "FILE") == 0 ||
			   strcmp(table[i].value, "SOCKET") == 0) {
			buf_str(out, "files");
		} else {
			buf_str(out, strcmp(table[i].value, "DIR") == 0 ? "dirs" : "none");
		}
		buf_str(out, "; return ;;\n");
	}
}

static void bash_names(const struct option *table, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++)
		buf_fmt(out, "--%s ", table[i].name);
}

static const char bash_head[] =
	"_corten_runtime_reply() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	"\tcase $1 in\n"
	"\tfiles) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	"\tdirs) COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
	"\tcontainers) COMPREPLY=($(compgen -W \"$(corten-runtime \"${roots[@]}\" list -q "
	"2>/dev/null)\" -- \"$cur\")) ;;\n"
	"\twords) COMPREPLY=($(compgen -W \"$2\" -- \"$cur\")) ;;\n"
	"\tesac\n"
	"}\n"
	"_corten_runtime() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= opts= "
	"operands=none i\n"
	"\tlocal -a roots=()\n"
	"\tCOMPREPLY=()\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t--root) roots=(--root \"${COMP_WORDS[i+1]}\"); ((i++)) ;;\n";

static void write_bash(struct buf *out)
{
	buf_str(out, bash_head);
	for (size_t i = 0; i < command_global_option_count; i++)
		if (option_has_value(&command_global_options[i]) &&
		    strcmp(command_global_options[i].name, "root") != 0)
			buf_fmt(out, "\t\t--%s) ((i++)) ;;\n", command_global_options[i].name);
	buf_str(out, "\t\t-*) ;;\n\t\t*) cmd=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n"
		     "\tcase $cmd in\n\t'')\n\t\tcase $prev in\n");
	bash_values(command_global_options, command_global_option_count, out);
	buf_str(out, "\t\tesac\n\t\t_corten_runtime_reply words \"");
	for (size_t i = 0; command_table[i] != NULL; i++)
		buf_fmt(out, "%s ", command_table[i]->name);
	bash_names(command_global_options, command_global_option_count, out);
	buf_str(out, "\"; return ;;\n");
	for (size_t i = 0; command_table[i] != NULL; i++) {
		const struct command *command = command_table[i];
		buf_fmt(out, "\t%s)\n\t\tcase $prev in\n", command->name);
		bash_values(command->options, command->option_count, out);
		buf_fmt(out, "\t\tesac\n\t\toperands=%s\n\t\topts=\"",
			has_id(command) ? "containers" : "none");
		bash_names(command->options, command->option_count, out);
		buf_str(out, "\" ;;\n");
	}
	buf_str(out, "\tesac\n"
		     "\tif [[ $cur == -* ]]; then _corten_runtime_reply words \"$opts\"\n"
		     "\telse _corten_runtime_reply \"$operands\"; fi\n"
		     "}\n"
		     "complete -o default -F _corten_runtime corten-runtime\n");
}

/* Inside single quotes only \ and ' mean anything to fish. */
static void fish_quoted(struct buf *out, const char *text)
{
	buf_char(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			buf_char(out, '\\');
		buf_char(out, *text);
	}
	buf_char(out, '\'');
}

static void fish_options(const struct option *table, size_t count, const char *condition,
			 struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		buf_fmt(out, "complete -c corten-runtime -n '%s' -l %s", condition, table[i].name);
		if (table[i].letter != '\0')
			buf_fmt(out, " -s %c", table[i].letter);
		if (is_choice(&table[i])) {
			buf_str(out, " -r -a '");
			add_choices(table[i].value, out);
			buf_char(out, '\'');
		} else if (option_has_value(&table[i])) {
			bool path = strcmp(table[i].value, "FILE") == 0 ||
				    strcmp(table[i].value, "SOCKET") == 0 ||
				    strcmp(table[i].value, "DIR") == 0;
			buf_str(out, path ? " -r -F" : " -r");
		}
		buf_str(out, " -d ");
		fish_quoted(out, table[i].help);
		buf_char(out, '\n');
	}
}

static void write_fish(struct buf *out)
{
	buf_str(out, "complete -c corten-runtime -f\n");
	fish_options(command_global_options, command_global_option_count, "__fish_use_subcommand",
		     out);
	for (size_t i = 0; command_table[i] != NULL; i++) {
		const struct command *command = command_table[i];
		BUF_AUTO(condition, 128);
		buf_fmt(out, "complete -c corten-runtime -n __fish_use_subcommand -a %s -d ",
			command->name);
		fish_quoted(out, command->summary);
		buf_char(out, '\n');
		buf_fmt(&condition, "__fish_seen_subcommand_from %s", command->name);
		fish_options(command->options, command->option_count, condition.data, out);
		if (has_id(command))
			buf_fmt(out,
				"complete -c corten-runtime -n '%s' -a '(corten-runtime list -q "
				"2>/dev/null)'\n",
				condition.data);
	}
}

static int completion_run(const struct command_globals *globals, void *values, int argc,
			  char **argv, struct err *err)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};
	const char *shell = NULL;
	BUF_AUTO(out, 1 << 20);

	(void)globals;
	(void)values;
	(void)argc;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(argv[0], shells[i]) == 0)
			shell = shells[i];
	if (shell == NULL)
		return err_set(err, ERR_INVALID, 0, "the shell is bash, zsh or fish, not '%s'",
			       argv[0]);
	/* zsh runs bash's functions; its own start-up of them is all that differs. */
	if (strcmp(shell, "zsh") == 0)
		buf_str(&out, "#compdef corten-runtime\nautoload -U +X bashcompinit && "
			      "bashcompinit\n");
	buf_fmt(&out,
		"# %s completion for corten-runtime; made by 'corten-runtime completion %s'\n",
		shell, shell);
	if (strcmp(shell, "fish") == 0)
		write_fish(&out);
	else
		write_bash(&out);
	return command_print(&out, "the completion", err);
}

const struct command command_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.summary = "show a shell's completion for this program",
	.options = options,
	.option_count = 1,
	.values_size = sizeof(struct completion_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = completion_run,
};
