#include "kern/exec/inspect.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define INSPECT_HEAD_BYTES  256 /* BINPRM_BUF_SIZE: more of a #! line the kernel does not see */
#define INSPECT_PHDRS_MAX   128
#define INSPECT_PHDR32_SIZE 32
#define INSPECT_PHDR64_SIZE 56

static const struct {
	uint16_t machine;
	const char *name;
} machine_rows[] = {
	{EM_386, "x86"},         {EM_X86_64, "x86-64"}, {EM_ARM, "ARM"},
	{EM_AARCH64, "AArch64"}, {EM_PPC, "PowerPC"},   {EM_PPC64, "PowerPC 64"},
	{EM_S390, "S/390"},      {EM_MIPS, "MIPS"},     {EM_SPARCV9, "SPARC"},
	{EM_IA_64, "Itanium"},   {EM_RISCV, "RISC-V"},  {258, "LoongArch"},
};

const char *exec_machine_name(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(machine_rows) / sizeof(machine_rows[0]); i++)
		if (machine_rows[i].machine == machine)
			return machine_rows[i].name;
	return NULL;
}

uint16_t exec_host_machine(void)
{
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__aarch64__)
	return EM_AARCH64;
#else
#error "name this processor's ELF machine"
#endif
}

/* size bytes of a number in the file's byte order. */
static uint64_t inspect_number(const struct exec_program *program, const uint8_t *at, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[program->big_endian ? i : size - 1 - i];
	return value;
}

static void inspect_name(struct exec_program *program, const char *name, size_t len)
{
	if (len >= sizeof(program->interpreter)) {
		len = sizeof(program->interpreter) - 1;
		program->cut = true;
	}
	(void)memcpy(program->interpreter, name, len);
	program->interpreter[len] = '\0';
}

/* "#! /bin/sh -e": the name is what stands between blanks, as the kernel takes it. */
static void inspect_script(struct exec_program *program, const char *head, size_t len)
{
	const char *newline = memchr(head, '\n', len);
	size_t end = newline == NULL ? len : (size_t)(newline - head);
	size_t at = 2;

	while (at < end && (head[at] == ' ' || head[at] == '\t'))
		at++;
	size_t start = at;
	while (at < end && head[at] != ' ' && head[at] != '\t' && head[at] != '\0')
		at++;
	program->format = at > start ? EXEC_FORMAT_SCRIPT : EXEC_FORMAT_DAMAGED;
	program->carriage_return = at > start && head[at - 1] == '\r';
	program->cut = newline == NULL && at == INSPECT_HEAD_BYTES;
	inspect_name(program, head + start, at - start);
}

static int inspect_interpreter(int fd, struct exec_program *program, uint64_t offset, uint64_t size)
{
	char name[sizeof(program->interpreter)];

	if (size > sizeof(name))
		size = sizeof(name);
	if (offset > INT64_MAX)
		return -EINVAL;
	ssize_t len = pread(fd, name, (size_t)size, (off_t)offset);
	if (len <= 0)
		return -EINVAL;
	inspect_name(program, name, strnlen(name, (size_t)len));
	return 0;
}

/* Finds PT_INTERP; returns negative when the header makes no sense. */
static int inspect_elf(int fd, struct exec_program *program, const uint8_t *head, size_t len)
{
	bool wide = head[EI_CLASS] == ELFCLASS64;
	size_t need = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	size_t phdr_size = wide ? INSPECT_PHDR64_SIZE : INSPECT_PHDR32_SIZE;
	uint8_t phdr[INSPECT_PHDR64_SIZE];

	program->bits = wide ? 64 : 32;
	program->big_endian = head[EI_DATA] == ELFDATA2MSB;
	if (len < need || (!wide && head[EI_CLASS] != ELFCLASS32))
		return -EINVAL;
	program->machine = (uint16_t)inspect_number(program, head + 18, 2);
	uint64_t table = inspect_number(program, head + (wide ? 32 : 28), wide ? 8 : 4);
	uint64_t step = inspect_number(program, head + (wide ? 54 : 42), 2);
	uint64_t count = inspect_number(program, head + (wide ? 56 : 44), 2);
	if (step != phdr_size || table > INT64_MAX / 2)
		return -EINVAL;
	if (count > INSPECT_PHDRS_MAX)
		count = INSPECT_PHDRS_MAX;
	for (uint64_t i = 0; i < count; i++) {
		if (pread(fd, phdr, phdr_size, (off_t)(table + i * step)) != (ssize_t)phdr_size)
			return -EINVAL;
		if (inspect_number(program, phdr, 4) != PT_INTERP)
			continue;
		return inspect_interpreter(
			fd, program, inspect_number(program, phdr + (wide ? 8 : 4), wide ? 8 : 4),
			inspect_number(program, phdr + (wide ? 32 : 16), wide ? 8 : 4));
	}
	return 0;
}

/*
 * The kernel's and the shells' test alike: no NUL and no other control character up to the first
 * line's end.
 */
static bool inspect_is_text(const uint8_t *head, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (head[i] == 0 || head[i] == 0x7f ||
		    (head[i] < ' ' && strchr("\t\n\r\f\v\b\033", head[i]) == NULL))
			return false;
	}
	return true;
}

int exec_inspect(int fd, struct exec_program *ret_program, struct err *err)
{
	struct exec_program program = {.format = EXEC_FORMAT_UNKNOWN};
	uint8_t head[INSPECT_HEAD_BYTES] = {0};

	ssize_t len = pread(fd, head, sizeof(head), 0);
	if (len < 0)
		return err_errno(err, "read a program's first bytes");
	if (len == 0) {
		program.format = EXEC_FORMAT_EMPTY;
	} else if (len >= 2 && head[0] == '#' && head[1] == '!') {
		inspect_script(&program, (const char *)head, (size_t)len);
	} else if (len >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0) {
		program.format = EXEC_FORMAT_ELF;
		if (inspect_elf(fd, &program, head, (size_t)len) < 0)
			program.format = EXEC_FORMAT_DAMAGED;
	} else {
		program.text = inspect_is_text(head, (size_t)len);
	}
	*ret_program = program;
	return 0;
}
