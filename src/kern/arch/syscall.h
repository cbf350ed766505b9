/*
 * syscall.h - raw system calls and the entry point for freestanding code, per processor.
 *
 * Returns what the kernel returns: a value, or -errno. No libc, no errno.
 */
#ifndef CORTEN_KERN_ARCH_SYSCALL_H
#define CORTEN_KERN_ARCH_SYSCALL_H

#if defined(__x86_64__)

static inline long arch_syscall(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

/* Calls entry(stack pointer at process start): argc, argv..., NULL, envp..., NULL. */
#define ARCH_START(entry)                                                  \
	__asm__(".text\n.global _start\n.type _start,@function\n_start:\n" \
		"\txor %ebp,%ebp\n\tmov %rsp,%rdi\n\tand $-16,%rsp\n\tcall " #entry "\n\thlt\n")

#elif defined(__aarch64__)

static inline long arch_syscall(long nr, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}

#define ARCH_START(entry)                                                  \
	__asm__(".text\n.global _start\n.type _start,%function\n_start:\n" \
		"\tmov x29,#0\n\tmov x30,#0\n\tmov x0,sp\n\tand sp,x0,#-16\n\tb " #entry "\n")

#else
#error "this processor has no raw system call yet: add it here"
#endif

#endif
