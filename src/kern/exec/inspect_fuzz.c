#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/exec/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file's bytes as a program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exec_program program;
	struct err err = {0};

	auto_fd fd = (int)syscall(SYS_memfd_create, "program", 1U);
	if (fd < 0 || fd_write_all(fd, data, size) < 0)
		return 0;
	if (exec_inspect(fd, &program, &err) < 0)
		abort();
	if (strnlen(program.interpreter, sizeof(program.interpreter)) ==
	    sizeof(program.interpreter))
		abort();
	(void)exec_machine_name(program.machine);
	return 0;
}
