#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "image/confine.h"
#include "kern/uapi.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "name the audit architecture of this processor"
#endif

#define NEW_NAMESPACES                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

static const unsigned int allowed[] = {
	/* reading and writing */
	SYS_read,
	SYS_write,
	SYS_pread64,
	SYS_pwrite64,
	SYS_lseek,
	SYS_close,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_getdents64,
	SYS_ftruncate,
	SYS_fcntl,
	SYS_dup,
	SYS_pipe2,
	SYS_fadvise64,
	/* making what a root filesystem is made of */
	SYS_openat,
	SYS_openat2,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_symlinkat,
	SYS_linkat,
	SYS_unlinkat,
	SYS_renameat,
	SYS_renameat2,
	SYS_readlinkat,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchown,
	SYS_fchownat,
	SYS_utimensat,
	SYS_fsetxattr,
	SYS_fgetxattr,
	SYS_flistxattr,
	/* memory, threads, time */
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_mprotect,
	SYS_madvise,
	SYS_brk,
	SYS_futex,
	SYS_set_robust_list,
	SYS_rt_sigprocmask,
	SYS_rt_sigaction,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_getpid,
	SYS_uname,
	SYS_gettid,
	SYS_clock_gettime,
	SYS_restart_syscall,
	SYS_getrandom,
	SYS_exit,
	SYS_exit_group,
#ifdef SYS_rseq
	SYS_rseq,
#endif
#ifdef SYS_open
	SYS_stat,
	SYS_lstat,
	SYS_rename,
#endif
};

/* What asking over a socket that is there takes beside. */
static const unsigned int allowed_socket[] = {
	SYS_sendto,
	SYS_recvmsg,
};

#define ALLOWED_COUNT (sizeof(allowed) / sizeof(allowed[0]))
#define SOCKET_COUNT  (sizeof(allowed_socket) / sizeof(allowed_socket[0]))
#define PROGRAM_MAX   (32 + 2 * (ALLOWED_COUNT + SOCKET_COUNT))

#define LOAD(field)                                             \
	(struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
				      (unsigned int)offsetof(struct seccomp_data, field))
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value)
#define UNLESS_EQUAL(value, count) \
	(struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)

/* clone() of a thread only: its flags hold CLONE_THREAD and no namespace. */
static size_t add_clone(struct sock_filter *to)
{
	size_t n = 0;

	to[n++] = UNLESS_EQUAL(SYS_clone, 6);
	to[n++] = LOAD(args[0]); /* the low half: both processors are little endian */
	to[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
					       (unsigned int)NEW_NAMESPACES, 2, 0);
	to[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
	to[n++] = RETURN(SECCOMP_RET_ALLOW);
	to[n++] = RETURN(SECCOMP_RET_ERRNO | EPERM);
	to[n++] = LOAD(nr);
	return n;
}

int confine_calls(enum confine_input input, struct err *err)
{
	struct sock_filter program[PROGRAM_MAX];
	size_t n = 0;

	program[n++] = LOAD(arch);
	program[n++] = UNLESS_EQUAL(NATIVE_ARCH, 1);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
	program[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	program[n++] = LOAD(nr);
	n += add_clone(program + n);
	/* Its flags are in memory, where no filter can look: the C library then takes clone(). */
	program[n++] = UNLESS_EQUAL(SYS_clone3, 1);
	program[n++] = RETURN(SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < ALLOWED_COUNT; i++) {
		program[n++] = UNLESS_EQUAL(allowed[i], 1);
		program[n++] = RETURN(SECCOMP_RET_ALLOW);
	}
	for (size_t i = 0; input == CONFINE_SOCKET && i < SOCKET_COUNT; i++) {
		program[n++] = UNLESS_EQUAL(allowed_socket[i], 1);
		program[n++] = RETURN(SECCOMP_RET_ALLOW);
	}
	program[n++] = RETURN(SECCOMP_RET_ERRNO | EPERM);
	const struct sock_fprog fprog = {.len = (unsigned short)n, .filter = program};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(err, "give up gaining rights");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog, 0, 0) < 0)
		return err_errno(err, "load the filter of system calls");
	return 0;
}
