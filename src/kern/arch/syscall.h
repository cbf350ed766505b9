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

/*
 * clone(2) with CLONE_VM: the new thread calls entry, which never returns, on the stack that ends at
 * stack_end (a multiple of 16). Returns what clone does, to the caller alone.
 */
static inline long arch_clone_thread(long flags, void *stack_end, void (*entry)(void))
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register void (*r9)(void) __asm__("r9") = entry;
	long ret;

	__asm__ volatile(
		"syscall\n\ttest %%rax,%%rax\n\tjnz 1f\n\txor %%ebp,%%ebp\n\tcall *%%r9\n\thlt\n1:"
		: "=a"(ret)
		: "a"(56L), "D"(flags), "S"(stack_end), "d"(0L), "r"(r10), "r"(r8), "r"(r9)
		: "rcx", "r11", "memory", "cc");
	return ret;
}

static inline void arch_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
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

static inline long arch_clone_thread(long flags, void *stack_end, void (*entry)(void))
{
	register long x8 __asm__("x8") = 220;
	register long x0 __asm__("x0") = flags;
	register void *x1 __asm__("x1") = stack_end;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	register void (*x9)(void) __asm__("x9") = entry;

	__asm__ volatile("svc #0\n\tcbnz x0,1f\n\tmov x29,#0\n\tmov x30,#0\n\tblr x9\n1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9)
			 : "memory");
	return x0;
}

static inline void arch_pause(void)
{
	__asm__ volatile("yield" ::: "memory");
}

#define ARCH_START(entry)                                                  \
	__asm__(".text\n.global _start\n.type _start,%function\n_start:\n" \
		"\tmov x29,#0\n\tmov x30,#0\n\tmov x0,sp\n\tand sp,x0,#-16\n\tb " #entry "\n")

#else
#error "this processor has no raw system call yet: add it here"
#endif

#endif
