#include <errno.h>
#include <string.h>

#include "cli/command.h"

/* Calls fn with each name of each visible command, aliases included. */
typedef void name_fn(const struct command *command, const char *name, size_t len, struct buf *out);

static void each_name(name_fn *fn, struct buf *out)
{
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const struct command *command = cli_commands[i];
		if ((command->flags & COMMAND_HIDDEN) != 0)
			continue;
		fn(command, command->name, strlen(command->name), out);
		for (const char *at = command->aliases; at != NULL;) {
			size_t len = strcspn(at, ",");
			fn(command, at, len, out);
			at = at[len] == ',' ? at + len + 1 : NULL;
		}
	}
}

static void add_first_word(const struct command *command, const char *name, size_t len,
			   struct buf *out)
{
	(void)command;
	if (memchr(name, ' ', len) == NULL)
		buf_fmt(out, "%.*s ", (int)len, name);
}

static void add_image_word(const struct command *command, const char *name, size_t len,
			   struct buf *out)
{
	(void)command;
	if (len > 6 && memcmp(name, "image ", 6) == 0)
		buf_fmt(out, "%.*s ", (int)(len - 6), name + 6);
}

static void add_system_word(const struct command *command, const char *name, size_t len,
			    struct buf *out)
{
	(void)command;
	if (len > 7 && memcmp(name, "system ", 7) == 0)
		buf_fmt(out, "%.*s ", (int)(len - 7), name + 7);
}

static void add_container_word(const struct command *command, const char *name, size_t len,
			       struct buf *out)
{
	if ((command->flags & COMMAND_CONTAINER) != 0 && memchr(name, ' ', len) == NULL)
		buf_fmt(out, "%.*s ", (int)len, name);
	else if (len > 10 && memcmp(name, "container ", 10) == 0)
		buf_fmt(out, "%.*s ", (int)(len - 10), name + 10);
}

static const char *bash_action(enum option_hint hint)
{
	switch (hint) {
	case HINT_FILE:
		return "files";
	case HINT_DIR:
		return "dirs";
	case HINT_CONTAINER:
		return "containers";
	case HINT_IMAGE:
		return "images";
	case HINT_WORDS:
	case HINT_NONE:
		return "none";
	}
	return "none";
}

/* What begins with a capital letter stands for something else and is not to be typed. */
static void add_words_of(const char *metavar, struct buf *out)
{
	while (*metavar != '\0') {
		size_t len = strcspn(metavar, "|");
		if (*metavar < 'A' || *metavar > 'Z')
			buf_fmt(out, "%.*s ", (int)len, metavar);
		metavar += len + (metavar[len] == '|');
	}
}

static void bash_value(const struct option *option, struct buf *out)
{
	if (option->kind == OPTION_FLAG)
		return;
	buf_fmt(out, "\t\t--%s", option->name);
	if (option->letter != '\0')
		buf_fmt(out, "|-%c", option->letter);
	if (option->hint == HINT_WORDS) {
		buf_str(out, ") _corten_reply words \"");
		add_words_of(option->metavar, out);
		buf_str(out, "\"; return ;;\n");
	} else {
		buf_fmt(out, ") _corten_reply %s; return ;;\n", bash_action(option->hint));
	}
}

static void bash_command(const struct command *command, const char *name, size_t len,
			 struct buf *out)
{
	buf_fmt(out, "\t'%.*s')\n\t\tcase $prev in\n", (int)len, name);
	for (size_t i = 0; i < command->option_count; i++)
		bash_value(&command->options[i], out);
	buf_fmt(out, "\t\tesac\n\t\toperands=%s\n\t\topts=\"--help ", bash_action(command->hint));
	for (size_t i = 0; i < command->option_count; i++)
		buf_fmt(out, "--%s ", command->options[i].name);
	buf_str(out, "\" ;;\n");
}

static const char bash_head[] =
	"# bash completion for corten; made by 'corten completion bash'\n"
	"_corten_reply() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	"\tcase $1 in\n"
	"\tfiles) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	"\tdirs) COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
	"\tcontainers|images) COMPREPLY=($(compgen -W \"$(corten completion $1 2>/dev/null)\" -- "
	"\"$cur\")) ;;\n"
	"\twords) COMPREPLY=($(compgen -W \"$2\" -- \"$cur\")) ;;\n"
	"\tesac\n"
	"}\n"
	"_corten() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= opts= "
	"operands=none i\n"
	"\tCOMPREPLY=()\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t--root|--state) ((i++)) ;;\n"
	"\t\t-*) ;;\n"
	"\t\timage|container|system)\n"
	"\t\t\tcmd=${COMP_WORDS[i]}\n"
	"\t\t\tif ((i + 1 < COMP_CWORD)); then cmd+=\" ${COMP_WORDS[i+1]}\"; fi\n"
	"\t\t\tbreak ;;\n"
	"\t\t*) cmd=${COMP_WORDS[i]}; break ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tcase $cmd in\n"
	"\tcontainer\\ ls|container\\ list|container\\ ps) cmd=ps ;;\n"
	"\tcontainer\\ *) cmd=${cmd#container } ;;\n"
	"\tesac\n"
	"\tcase $cmd in\n";

static void write_bash(struct buf *out)
{
	buf_str(out, bash_head);
	buf_str(out, "\t'') _corten_reply words \"");
	each_name(add_first_word, out);
	buf_str(out,
		"image container system --root --state --offline --version --help\"; return ;;\n"
		"\timage) _corten_reply words \"");
	each_name(add_image_word, out);
	buf_str(out, "\"; return ;;\n\tsystem) _corten_reply words \"");
	each_name(add_system_word, out);
	buf_str(out, "\"; return ;;\n\tcontainer) _corten_reply words \"");
	each_name(add_container_word, out);
	buf_str(out, "\"; return ;;\n");
	each_name(bash_command, out);
	buf_str(out, "\tesac\n"
		     "\tif [[ $cur == -* ]]; then _corten_reply words \"$opts\"\n"
		     "\telse _corten_reply \"$operands\"; fi\n"
		     "}\n"
		     "complete -o default -F _corten corten\n");
}

/* zsh runs bash's functions; its own start-up of them is all that differs. */
static void write_zsh(struct buf *out)
{
	buf_str(out, "#compdef corten\nautoload -U +X bashcompinit && bashcompinit\n");
	write_bash(out);
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

static void fish_condition(struct buf *out, const char *name, size_t len)
{
	const char *space = memchr(name, ' ', len);

	if (space == NULL)
		buf_fmt(out, "__fish_seen_subcommand_from %.*s", (int)len, name);
	else
		buf_fmt(out,
			"__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %.*s",
			(int)(space - name), name, (int)(len - (size_t)(space - name) - 1),
			space + 1);
}

static void fish_arguments(struct buf *out, enum option_hint hint, const char *metavar)
{
	if (hint == HINT_FILE || hint == HINT_DIR)
		buf_str(out, " -F");
	else if (hint == HINT_CONTAINER)
		buf_str(out, " -a '(corten completion containers)'");
	else if (hint == HINT_IMAGE)
		buf_str(out, " -a '(corten completion images)'");
	if (hint == HINT_WORDS) {
		buf_str(out, " -a '");
		add_words_of(metavar, out);
		buf_char(out, '\'');
	}
}

static void fish_command(const struct command *command, const char *name, size_t len,
			 struct buf *out)
{
	const char *space = memchr(name, ' ', len);

	if (space == NULL)
		buf_fmt(out, "complete -c corten -n __fish_use_subcommand -a '%.*s' -d ", (int)len,
			name);
	else
		buf_fmt(out,
			"complete -c corten -n '__fish_seen_subcommand_from %.*s' -a '%.*s' -d ",
			(int)(space - name), name, (int)(len - (size_t)(space - name) - 1),
			space + 1);
	fish_quoted(out, command->summary);
	buf_char(out, '\n');
	for (size_t i = 0; i < command->option_count; i++) {
		const struct option *option = &command->options[i];
		buf_str(out, "complete -c corten -n '");
		fish_condition(out, name, len);
		buf_fmt(out, "' -l %s", option->name);
		if (option->letter != '\0')
			buf_fmt(out, " -s %c", option->letter);
		if (option->kind != OPTION_FLAG)
			buf_str(out, " -r");
		fish_arguments(out, option->hint, option->metavar);
		buf_str(out, " -d ");
		fish_quoted(out, option->help);
		buf_char(out, '\n');
	}
	if (command->hint != HINT_NONE) {
		buf_str(out, "complete -c corten -n '");
		fish_condition(out, name, len);
		buf_char(out, '\'');
		fish_arguments(out, command->hint, "");
		buf_char(out, '\n');
	}
}

static void write_fish(struct buf *out)
{
	buf_str(out, "# fish completion for corten; made by 'corten completion fish'\n"
		     "complete -c corten -f\n"
		     "complete -c corten -n __fish_use_subcommand -a 'image container system'\n");
	each_name(fish_command, out);
}

int completion_write(const char *shell, struct buf *out, struct err *err)
{
	if (strcmp(shell, "bash") == 0)
		write_bash(out);
	else if (strcmp(shell, "zsh") == 0)
		write_zsh(out);
	else if (strcmp(shell, "fish") == 0)
		write_fish(out);
	else
		return err_set(err, ERR_INVALID, 0, "the shell is bash, zsh or fish, not '%s'",
			       shell);
	return 0;
}
