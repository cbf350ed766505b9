/*
 * inspect.h - what a program's first bytes say of it: ELF, script, and which interpreter.
 *
 * The bytes are hostile: reads are few, bounded, and by pread; offsets may point anywhere.
 *
 * Heap       None.
 */
#ifndef CORTEN_KERN_EXEC_INSPECT_H
#define CORTEN_KERN_EXEC_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* What the first bytes of a program say of it. */
enum exec_format {
	EXEC_FORMAT_UNKNOWN, /* neither ELF nor #! */
	EXEC_FORMAT_EMPTY,
	EXEC_FORMAT_ELF,
	EXEC_FORMAT_SCRIPT,
	EXEC_FORMAT_DAMAGED, /* an ELF header that makes no sense, a #! line without a name */
};

struct exec_program {
	enum exec_format format;
	char interpreter[256]; /* #! name or PT_INTERP; "" for none */
	bool carriage_return;  /* the #! line ends with "\r" */
	bool cut;              /* the interpreter's name did not fit */
	bool text;             /* UNKNOWN, and looks like text */
	uint16_t machine;      /* ELF e_machine */
	uint8_t bits;          /* 32 or 64 */
	bool big_endian;
};

/* Reads what fd is; never more than a few KiB, whatever the file says. */
int exec_inspect(int fd, struct exec_program *ret_program, struct err *err);

/* The ELF e_machine that this program was built for. */
uint16_t exec_host_machine(void);

/* "x86-64", "AArch64", ... of an ELF e_machine; NULL when unknown. */
const char *exec_machine_name(uint16_t machine);

#endif
