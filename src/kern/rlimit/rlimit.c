#include "kern/rlimit/rlimit.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kern/caps/caps.h"

static const struct {
	const char *name;
	int number;
} rlimit_rows[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};
#define RLIMIT_ROWS (sizeof(rlimit_rows) / sizeof(rlimit_rows[0]))

/* The kernel's struct and call: the library's resource argument has a type of its own in glibc. */
struct rlimit_pair {
	uint64_t soft;
	uint64_t hard;
};

static int rlimit_call(pid_t pid, int number, const struct rlimit_pair *wanted,
		       struct rlimit_pair *ret_now)
{
	return (int)syscall(SYS_prlimit64, pid, number, wanted, ret_now);
}

int rlimit_number(const char *name)
{
	for (size_t i = 0; i < RLIMIT_ROWS; i++)
		if (strcmp(name, rlimit_rows[i].name) == 0)
			return rlimit_rows[i].number;
	return -1;
}

const char *rlimit_name(int number)
{
	for (size_t i = 0; i < RLIMIT_ROWS; i++)
		if (number == rlimit_rows[i].number)
			return rlimit_rows[i].name;
	return NULL;
}

int rlimit_set(pid_t pid, int number, uint64_t soft, uint64_t hard, struct err *err)
{
	const char *name = rlimit_name(number);
	struct rlimit_pair wanted = {.soft = soft, .hard = hard};
	struct rlimit_pair now = {0};

	if (name == NULL)
		return err_set(err, ERR_INVALID, EINVAL, "resource limit %d is unknown", number);
	if (soft > hard)
		return err_set(err, ERR_INVALID, EINVAL,
			       "%s: the soft limit %llu is over the hard limit %llu", name,
			       (unsigned long long)soft, (unsigned long long)hard);
	if (rlimit_call(pid, number, &wanted, NULL) == 0)
		return 0;
	int sys = errno;
	if (sys == EPERM && rlimit_call(pid, number, NULL, &now) == 0 && hard > now.hard)
		return err_set(
			err, ERR_DENIED, EPERM,
			"%s: raising the hard limit from %llu to %llu needs CAP_SYS_RESOURCE%s",
			name, (unsigned long long)now.hard, (unsigned long long)hard,
			number == RLIMIT_NOFILE ? " and the sysctl fs.nr_open to allow it" : "");
	errno = sys;
	return err_errno(err, "%s: set to %llu (hard %llu)", name, (unsigned long long)soft,
			 (unsigned long long)hard);
}

bool rlimit_clamp(int number, uint64_t *soft, uint64_t *hard)
{
	struct rlimit_pair now;
	struct caps_sets own;
	struct err ignored;
	bool lowered = false;

	if (caps_read(&own, &ignored) == 0 &&
	    (own.effective & ((uint64_t)1 << CAP_SYS_RESOURCE)) != 0)
		return false;
	if (rlimit_name(number) == NULL || rlimit_call(0, number, NULL, &now) < 0)
		return false;
	if (*hard > now.hard) {
		*hard = now.hard;
		lowered = true;
	}
	if (*soft > *hard) {
		*soft = *hard;
		lowered = true;
	}
	return lowered;
}
