/* corten-runtime - the OCI runtime; all of it is in src/runtime/. */
#include "runtime/command/command.h"

extern char **environ;

int main(int argc, char **argv)
{
	return command_main(argc, argv, environ);
}
