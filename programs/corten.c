/* corten - the command line; the engine is part of it. */
#include "cli/command.h"

extern char **environ;

int main(int argc, char **argv)
{
	return cli_main(argc, argv, environ);
}
