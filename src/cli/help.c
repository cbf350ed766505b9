#include <string.h>

#include "cli/command.h"

#define COLUMN 26

static void add_option(const struct option *option, struct buf *out)
{
	BUF_AUTO(left, 256);

	if (option->letter != '\0')
		buf_fmt(&left, "  -%c, --%s", option->letter, option->name);
	else
		buf_fmt(&left, "      --%s", option->name);
	if (option->metavar != NULL)
		buf_fmt(&left, " %s", option->metavar);
	if (left.len > COLUMN + 6)
		buf_fmt(out, "%s\n%*s%s\n", left.data, COLUMN + 8, "", option->help);
	else
		buf_fmt(out, "%-*s  %s\n", COLUMN + 6, left.data, option->help);
}

void help_program(struct buf *out)
{
	buf_str(out, "Usage: corten [OPTIONS] COMMAND [ARG...]\n\n"
		     "Runs containers; needs no daemon.\n\nCommands:\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const struct command *command = cli_commands[i];
		if ((command->flags & COMMAND_HIDDEN) == 0)
			buf_fmt(out, "  %-15s %s\n", command->name, command->summary);
	}
	buf_str(out, "\nOptions:\n");
	for (size_t i = 0; i < cli_global_option_count; i++)
		add_option(&cli_global_options[i], out);
	buf_str(out, "\nSee 'corten COMMAND --help'.\n");
}

void help_command(const struct command *command, struct buf *out)
{
	buf_fmt(out, "Usage: corten %s%s%s%s\n\n%s\n", command->name,
		command->option_count > 0 ? " [OPTIONS]" : "",
		command->operands[0] != '\0' ? " " : "", command->operands, command->summary);
	if (command->aliases != NULL) {
		buf_str(out, "\nAliases: ");
		for (const char *at = command->aliases; *at != '\0'; at++) {
			if (*at == ',')
				buf_str(out, ", ");
			else
				buf_char(out, *at);
		}
		buf_char(out, '\n');
	}
	if (command->option_count > 0)
		buf_str(out, "\nOptions:\n");
	for (size_t i = 0; i < command->option_count; i++)
		add_option(&command->options[i], out);
	if (command->text != NULL)
		buf_fmt(out, "\n%s\n", command->text);
}
