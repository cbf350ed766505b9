#include "kern/exec/exec.h"

#include <elf.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/exec/inspect.h"
#include "kern/testing.h"

static char explained[1024];

/* An ELF header with one PT_INTERP of this name. */
static void make_elf(const char *path, uint16_t machine, const char *interpreter)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr program;
		char name[64];
	} elf;

	(void)memset(&elf, 0, sizeof(elf));
	(void)memcpy(elf.head.e_ident, ELFMAG, SELFMAG);
	elf.head.e_ident[EI_CLASS] = ELFCLASS64;
	elf.head.e_ident[EI_DATA] = ELFDATA2LSB;
	elf.head.e_ident[EI_VERSION] = EV_CURRENT;
	elf.head.e_type = ET_DYN;
	elf.head.e_machine = machine;
	elf.head.e_version = EV_CURRENT;
	elf.head.e_phoff = sizeof(elf.head);
	elf.head.e_ehsize = sizeof(elf.head);
	elf.head.e_phentsize = sizeof(elf.program);
	elf.head.e_phnum = 1;
	elf.program.p_type = PT_INTERP;
	elf.program.p_offset = offsetof(__typeof__(elf), name);
	elf.program.p_filesz = strlen(interpreter) + 1;
	(void)snprintf(elf.name, sizeof(elf.name), "%s", interpreter);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	if (fd < 0 || write(fd, &elf, sizeof(elf)) != sizeof(elf))
		TEST_FAIL("write '%s'", path);
	(void)close(fd);
}

static void make_script(const char *path, const char *text)
{
	testing_write(path, text);
	(void)chmod(path, 0755);
}

/* A small root at /, as a container has it: nothing of the host is there. */
static int make_root(void)
{
	if (!testing_private_mounts())
		return -1;
	(void)mkdir("/tmp/root", 0755);
	if (chdir("/tmp/root") < 0 || chroot(".") < 0)
		return -1;
	(void)mkdir("/bin", 0755);
	(void)mkdir("/sbin", 0755);
	(void)mkdir("/closed", 0700);
	(void)mkdir("/noexec", 0755);
	(void)mkdir("/bin/folder", 0755);
	(void)mount("tmpfs", "/noexec", "tmpfs", MS_NOEXEC, NULL);
	make_elf("/bin/program", exec_host_machine(), "/lib/ld-absent.so");
	make_elf("/noexec/program", exec_host_machine(), "/lib/ld-absent.so");
	make_elf("/bin/foreign", exec_host_machine() == EM_AARCH64 ? EM_X86_64 : EM_AARCH64, "/x");
	make_script("/bin/script", "#!/bin/absent -e\necho\n");
	make_script("/bin/windows", "#!/bin/program\r\necho\r\n");
	make_script("/bin/nested", "#! /bin/script\n");
	make_script("/bin/unreadable-interpreter", "#!/bin/plain\n");
	make_script("/bin/text", "echo hello\n");
	make_script("/bin/empty", "");
	make_script("/bin/bytes", "\1\2\3");
	make_script("/bin/elf-end", "\177ELF\2\1\1");
	make_script("/closed/program", "#!/bin/absent\n");
	testing_write("/bin/plain", "#!/bin/absent\n");
	testing_write("/sbin/script", "#!/bin/absent\n");
	CHECK_INT(symlink("/absent", "/bin/dangling"), 0);
	CHECK_INT(symlink("program", "/bin/link"), 0);
	return open("/", O_PATH | O_CLOEXEC);
}

/* Executes path for real and explains the errno. Returns the status. */
static int try_exec(int root, const char *path, const char *argv0)
{
	struct err err = {0};
	int status = 0;

	pid_t pid = fork();
	if (pid == 0) {
		char *argv[] = {(char[]){"x"}, NULL};
		(void)execv(path, argv);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	status = exec_explain(root, path, argv0, WEXITSTATUS(status), &err);
	(void)err_format(&err, explained, sizeof(explained));
	return status;
}

static void check_exec(int root, const char *path, int status, const char *words, const char *cause)
{
	int got = try_exec(root, path, path);

	if (got != status || strstr(explained, words) == NULL || strstr(explained, cause) == NULL)
		TEST_FAIL("%s: status %d, '%s'", path, got, explained);
}

CHILD_TEST(causes_are_named)
{
	static const char *const missing = "no such file or directory";
	static const char *const denied = "permission denied";
	static const char *const format = "exec format error";

	auto_fd root = make_root();
	if (root < 0)
		return;
	if (try_exec(root, "/bin/program", "") == 126)
		SKIP("the kernel is of another processor than this program (emulation)");
	check_exec(root, "/bin/absent", 127, missing, "");
	check_exec(root, "/bin/dangling", 127, missing, "a link whose target is missing");
	check_exec(root, "/bin/program", 127, missing, "its loader '/lib/ld-absent.so'");
	check_exec(root, "/bin/link", 127, missing, "its loader '/lib/ld-absent.so'");
	check_exec(root, "/bin/script", 127, missing, "its interpreter '/bin/absent'");
	check_exec(root, "/bin/nested", 127, missing,
		   "'/bin/script' is a script, and its interpreter '/bin/absent'");
	check_exec(root, "/bin/windows", 127, missing, "carriage return (Windows line ends)");
	check_exec(root, "/bin/windows", 127, missing, "'/bin/program?'");
	check_exec(root, "/bin/plain/x", 127, "not a directory", "");
	check_exec(root, "/bin/folder", 126, denied, "it is a directory");
	check_exec(root, "/bin/plain", 126, denied, "no execute permission (mode 0644)");
	check_exec(root, "/noexec/program", 126, denied, "noexec");
	check_exec(root, "/bin/unreadable-interpreter", 126, denied,
		   "interpreter '/bin/plain': it has no execute permission");
	check_exec(root, "/bin/text", 126, format, "text file without a #! line");
	check_exec(root, "/bin/empty", 126, format, "the file is empty");
	check_exec(root, "/bin/bytes", 126, format, "neither an ELF program nor a script");
	check_exec(root, "/bin/elf-end", 126, format, "damaged");
	check_exec(root, "/bin/foreign", 126, format,
		   exec_host_machine() == EM_X86_64
			   ? "built for AArch64 (64 bits), this machine is "
			     "x86-64"
			   : "built for x86-64 (64 bits)");
}

CHILD_TEST(causes_for_a_user)
{
	auto_fd root = make_root();
	if (root < 0)
		return;
	CHECK_INT(chmod("/bin/script", 0700), 0);
	REQUIRE(setresuid(1234, 1234, 1234) == 0);
	check_exec(root, "/closed/program", 126, "permission denied", "may not be searched");
	check_exec(root, "/bin/script", 126, "permission denied", "mode 0700 of 0:0");
	check_exec(root, "/bin/script", 126, "permission denied", "user 1234");
}

CHILD_TEST(bare_names_keep_their_words)
{
	struct err err = {0};

	auto_fd root = make_root();
	if (root < 0)
		return;
	CHECK_INT(exec_explain(root, "nothing", "nothing", ENOENT, &err), 127);
	CHECK_STR(err_format(&err, explained, sizeof(explained)),
		  "exec: 'nothing': executable file not found in $PATH");
	CHECK_INT(err.kind, ERR_NOT_FOUND);
	CHECK_INT(exec_explain(root, "/bin/program", "program", E2BIG, &err), 126);
	CHECK_INT(exec_explain(root, "/bin/program", "program", ENOMEM, &err), 126);
	CHECK_INT(err.sys, ENOMEM);
}

CHILD_TEST(finds_as_execvp)
{
	struct err err = {0};
	char path[64];

	auto_fd root = make_root();
	if (root < 0)
		return;
	CHECK_INT(exec_find(root, "program", "/absent:/sbin:/bin", "/", path, sizeof(path), &err),
		  0);
	CHECK_STR(path, "/bin/program");
	CHECK_INT(exec_find(root, "program", NULL, "/", path, sizeof(path), &err), 0);
	CHECK_STR(path, "/bin/program");
	/* One that may not be executed does not hide the next. */
	CHECK_INT(exec_find(root, "script", "/sbin:/bin", "/", path, sizeof(path), &err), 0);
	CHECK_STR(path, "/bin/script");
	CHECK_INT(exec_find(root, "folder", "/:/bin", "/", path, sizeof(path), &err), -ENOENT);
	CHECK_INT(exec_find(root, "plain", "/sbin:/bin", "/", path, sizeof(path), &err), -EACCES);
	CHECK(strstr(err.text, "exec: '/bin/plain': permission denied") != NULL);
	CHECK_INT(exec_find(root, "nothing", "/bin", "/", path, sizeof(path), &err), -ENOENT);
	CHECK(strstr(err.text, "executable file not found in $PATH") != NULL);
	CHECK_INT(exec_find(root, "", "/bin", "/", path, sizeof(path), &err), -ENOENT);
	/* The working folder: empty and relative entries, and names with a slash. */
	CHECK_INT(exec_find(root, "program", "/sbin:", "/bin", path, sizeof(path), &err), 0);
	CHECK_STR(path, "/bin/program");
	CHECK_INT(exec_find(root, "program", "bin", "/", path, sizeof(path), &err), 0);
	CHECK_STR(path, "/bin/program");
	CHECK_INT(exec_find(root, "./program", "/sbin", "/bin", path, sizeof(path), &err), 0);
	CHECK_STR(path, "/bin/./program");
	CHECK_INT(exec_find(root, "/bin/link", "", "/", path, sizeof(path), &err), 0);
	CHECK_STR(path, "/bin/link");
	CHECK_INT(exec_find(root, "/bin/absent", "", "/", path, sizeof(path), &err), -ENOENT);
	CHECK(strstr(err.text, "'/bin/absent': no such file or directory") != NULL);
	CHECK_INT(exec_find(root, "/bin/folder", "", "/", path, sizeof(path), &err), -EACCES);
	CHECK_INT(exec_find(root, "/bin/program", "", "/", path, 4, &err), -ENAMETOOLONG);
	CHECK_INT(exec_find(root, "program", "/bin", "/", path, 4, &err), -ENOENT);
}

/* A loop of interpreters ends, and a FIFO or a device does not block or get read. */
CHILD_TEST(hostile_files)
{
	struct err err = {0};

	auto_fd root = make_root();
	if (root < 0)
		return;
	make_script("/bin/a", "#!/bin/b\n");
	make_script("/bin/b", "#!/bin/a\n");
	CHECK_INT(exec_explain(root, "/bin/a", "a", ENOENT, &err), 127);
	CHECK_INT(exec_explain(root, "/bin/a", "a", EACCES, &err), 126);
	CHECK(mkfifo("/bin/fifo", 0755) == 0);
	CHECK_INT(exec_explain(root, "/bin/fifo", "fifo", ENOENT, &err), 127);
	CHECK_INT(exec_explain(root, "/bin/fifo", "fifo", ENOEXEC, &err), 126);
	CHECK_INT(exec_explain(root, "/bin/fifo", "fifo", EACCES, &err), 126);
	CHECK(strstr(err.text, "not a regular file") != NULL);
}

static void inspect(const void *data, size_t size, struct exec_program *ret_program)
{
	struct err err = {0};

	auto_fd fd = (int)syscall(SYS_memfd_create, "program", 1U);
	CHECK(fd >= 0 && fd_write_all(fd, data, size) == 0);
	CHECK_INT(exec_inspect(fd, ret_program, &err), 0);
}

TEST(scripts_are_read_as_the_kernel_does)
{
	struct exec_program program;
	char longer[600];

	inspect("#! \t/bin/sh -e\n", 15, &program);
	CHECK(program.format == EXEC_FORMAT_SCRIPT && !program.carriage_return && !program.cut);
	CHECK_STR(program.interpreter, "/bin/sh");
	inspect("#!/bin/sh\r\n", 11, &program);
	CHECK(program.carriage_return);
	CHECK_STR(program.interpreter, "/bin/sh\r");
	inspect("#!/bin/sh -e\r\n", 14, &program);
	CHECK(!program.carriage_return);
	inspect("#!/bin/sh", 9, &program);
	CHECK_STR(program.interpreter, "/bin/sh");
	inspect("#!", 2, &program);
	CHECK_INT(program.format, EXEC_FORMAT_DAMAGED);
	inspect("#!\n/bin/sh\n", 11, &program);
	CHECK_INT(program.format, EXEC_FORMAT_DAMAGED);
	(void)memset(longer, 'a', sizeof(longer));
	longer[0] = '#';
	longer[1] = '!';
	longer[2] = '/';
	inspect(longer, sizeof(longer), &program);
	CHECK(program.cut && strlen(program.interpreter) < sizeof(program.interpreter));
}

TEST(elf_of_another_byte_order)
{
	/* S/390: 64 bits, most significant byte first, no program header. */
	uint8_t elf[64] = {0x7f, 'E', 'L', 'F', 2, 2, 1};
	struct exec_program program;

	elf[19] = 22;
	elf[55] = 56;
	inspect(elf, sizeof(elf), &program);
	CHECK_INT(program.format, EXEC_FORMAT_ELF);
	CHECK(program.machine == EM_S390 && program.bits == 64 && program.big_endian);
	CHECK_STR(exec_machine_name(program.machine), "S/390");
	/* A table at the end of the address space, and one that is not there. */
	(void)memset(elf + 32, 0xff, 8);
	elf[57] = 1;
	inspect(elf, sizeof(elf), &program);
	CHECK_INT(program.format, EXEC_FORMAT_DAMAGED);
	(void)memset(elf + 32, 0, 8);
	elf[38] = 1;
	inspect(elf, sizeof(elf), &program);
	CHECK_INT(program.format, EXEC_FORMAT_DAMAGED);
	inspect(elf, 40, &program);
	CHECK_INT(program.format, EXEC_FORMAT_DAMAGED);
	CHECK(exec_machine_name(0xffff) == NULL);
}

TESTS(T(causes_are_named), T(causes_for_a_user), T(bare_names_keep_their_words), T(finds_as_execvp),
      T(hostile_files), T(scripts_are_read_as_the_kernel_does), T(elf_of_another_byte_order))
