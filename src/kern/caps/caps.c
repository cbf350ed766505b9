#include "kern/caps/caps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define CAPS_MAX 64

static const char *const caps_names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};
#define CAPS_NAMES ((int)(sizeof(caps_names) / sizeof(caps_names[0])))

int caps_number(const char *name)
{
	for (int i = 0; i < CAPS_NAMES; i++)
		if (strcmp(name, caps_names[i]) == 0)
			return i;
	return -1;
}

const char *caps_name(int number)
{
	return number >= 0 && number < CAPS_NAMES ? caps_names[number] : NULL;
}

static uint64_t caps_bit(int number)
{
	return (uint64_t)1 << number;
}

int caps_last(void)
{
	int last = CAPS_NAMES - 1;

	while (last > 0 && prctl(PR_CAPBSET_READ, last, 0, 0, 0) < 0)
		last--;
	while (last + 1 < CAPS_MAX && prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
		last++;
	return last;
}

uint64_t caps_all(void)
{
	int last = caps_last();

	return last == CAPS_MAX - 1 ? UINT64_MAX : caps_bit(last + 1) - 1;
}

/* One bit after the other, where there is no /proc. */
static void caps_probe(struct caps_sets *sets)
{
	for (int i = 0, last = caps_last(); i <= last; i++) {
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			sets->bounding |= caps_bit(i);
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
			sets->ambient |= caps_bit(i);
	}
}

int caps_read_with(const struct proc_status *status, struct caps_sets *ret_sets, struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	struct caps_sets sets = {0};

	if (syscall(SYS_capget, &head, data) < 0)
		return err_errno(err, "read the capabilities");
	sets.effective = data[0].effective | (uint64_t)data[1].effective << 32;
	sets.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	sets.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	sets.bounding = status->caps_bounding;
	sets.ambient = status->caps_ambient;
	if (!status->known)
		caps_probe(&sets);
	*ret_sets = sets;
	return 0;
}

int caps_read(struct caps_sets *ret_sets, struct err *err)
{
	struct proc_status status;

	proc_status_read(&status);
	return caps_read_with(&status, ret_sets, err);
}

uint64_t caps_restrict(struct caps_sets *sets, const struct caps_sets *own)
{
	const struct caps_sets before = *sets;
	uint64_t held = own->bounding & own->permitted;

	sets->bounding &= own->bounding;
	sets->effective &= held;
	sets->permitted &= held;
	sets->inheritable &= held;
	sets->ambient &= held;
	return (before.bounding ^ sets->bounding) | (before.effective ^ sets->effective) |
	       (before.permitted ^ sets->permitted) | (before.inheritable ^ sets->inheritable) |
	       (before.ambient ^ sets->ambient);
}

static int caps_failed(struct err *err, const char *what, int number)
{
	const char *name = caps_name(number);

	if (name != NULL)
		return err_errno(err, "%s %s", what, name);
	return err_errno(err, "%s capability %d", what, number);
}

int caps_drop_bounding(uint64_t keep, struct err *err)
{
	for (int i = 0, last = caps_last(); i <= last; i++) {
		if (keep & caps_bit(i) || prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return caps_failed(err, "drop from the bounding set", i);
	}
	return 0;
}

int caps_set_user(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count, struct err *err)
{
	/* -1 means "unchanged" to the calls below: a process would stay root. */
	if (uid == (uid_t)-1 || gid == (gid_t)-1)
		return err_set(err, ERR_INVALID, EINVAL, "user %u:%u is not a valid id", uid, gid);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_errno(err, "keep capabilities over a change of user");
	/*
	 * Raw calls: the library's also try to reach threads, which a bare clone knows nothing of.
	 */
	if (groups != NULL && syscall(SYS_setgroups, group_count, groups) < 0)
		return err_errno(err, "set %zu supplementary groups%s", group_count,
				 errno == EPERM ? " (a user namespace may deny setgroups)" : "");
	if (syscall(SYS_setresgid, gid, gid, gid) < 0)
		return err_errno(err, "become group %u%s", gid,
				 errno == EINVAL ? " (no mapping in the user namespace)" : "");
	if (syscall(SYS_setresuid, uid, uid, uid) < 0)
		return err_errno(err, "become user %u%s", uid,
				 errno == EINVAL ? " (no mapping in the user namespace)" : "");
	return 0;
}

int caps_apply(const struct caps_sets *sets, struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)sets->effective,
		 .permitted = (uint32_t)sets->permitted,
		 .inheritable = (uint32_t)sets->inheritable},
		{.effective = (uint32_t)(sets->effective >> 32),
		 .permitted = (uint32_t)(sets->permitted >> 32),
		 .inheritable = (uint32_t)(sets->inheritable >> 32)},
	};
	uint64_t ambient = sets->ambient & sets->permitted & sets->inheritable;
	char names[256];

	if (sets->effective & ~sets->permitted)
		return err_set(
			err, ERR_INVALID, EINVAL,
			"effective capabilities that are not permitted: %s",
			caps_format(sets->effective & ~sets->permitted, names, sizeof(names)));
	if (syscall(SYS_capset, &head, data) < 0)
		return err_errno(err, "set the capabilities (permitted: %s)",
				 caps_format(sets->permitted, names, sizeof(names)));
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_errno(err, "clear the ambient capabilities");
	for (int i = 0; i < CAPS_MAX; i++)
		if (ambient & caps_bit(i) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return caps_failed(err, "raise ambient", i);
	return 0;
}

const char *caps_format(uint64_t set, char *buf, size_t size)
{
	size_t used = 0;

	if (size > 0)
		buf[0] = '\0';
	for (int i = 0; i < CAPS_MAX && used < size; i++) {
		const char *name = caps_name(i);
		if (!(set & caps_bit(i)))
			continue;
		const char *comma = used > 0 ? ", " : "";
		int len = name != NULL ? snprintf(buf + used, size - used, "%s%s", comma, name)
				       : snprintf(buf + used, size - used, "%s%d", comma, i);
		used += len > 0 ? (size_t)len : 0;
	}
	return buf;
}
