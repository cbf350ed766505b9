#include "runtime/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/container.h"

/* What a new keyring allows (all to who possesses it; view, read and link to its owner), and search. */
#define KEYRING_MODE (0x3f130000U | 0x00080000U)

#define KEYRING_TRIES    20
#define KEYRING_RETRY_MS 50 /* longer than the kernel takes to drop our own reference */

static long keyring_call(int operation, long a, long b, long c)
{
	return syscall(SYS_keyctl, operation, a, b, c, 0);
}

/*
 * Anybody may have made a keyring of that name, and let others search it: it would be joined, and its maker see
 * what the container puts there.
 */
static bool keyring_is_own(long key)
{
	char text[sizeof("keyring;;;;_ses.") + CONTAINER_ID_MAX + 64];
	unsigned int uid;

	long len = keyring_call(KEYCTL_DESCRIBE, key, (long)text, sizeof(text));
	if (len <= 0 || (size_t)len > sizeof(text) || strncmp(text, "keyring;", 8) != 0)
		return false;
	uid = (unsigned int)strtoul(text + 8, NULL, 10);
	return uid == getuid();
}

/*
 * One of somebody else's is put out of the way, which the right to search it allows; it has its name until the
 * kernel has collected it.
 */
static long keyring_join_own(const char *name, struct err *err)
{
	const struct timespec pause = {.tv_nsec = KEYRING_RETRY_MS * 1000000L};

	for (int i = 0; i < KEYRING_TRIES; i++) {
		long key = keyring_call(KEYCTL_JOIN_SESSION_KEYRING, (long)name, 0, 0);
		if (key < 0)
			return err_errno(err,
					 "join the session keyring '%s' (--no-new-keyring keeps "
					 "the caller's)",
					 name);
		if (keyring_is_own(key))
			return key;
		(void)keyring_call(KEYCTL_INVALIDATE, key, 0, 0);
		(void)keyring_call(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0); /* lets go of it */
		(void)nanosleep(&pause, NULL);
	}
	return err_set(err, ERR_DENIED, EKEYREJECTED,
		       "join the session keyring '%s': others have made keyrings of that name "
		       "(--no-new-keyring keeps the caller's)",
		       name);
}

int keyring_join(const char *id, bool fresh, struct err *err)
{
	char name[sizeof("_ses.") + CONTAINER_ID_MAX];

	(void)snprintf(name, sizeof(name), "_ses.%s", id);
	long key = keyring_join_own(name, err);
	if (key < 0)
		return (int)key;
	if (fresh && keyring_call(KEYCTL_SETPERM, key, KEYRING_MODE, 0) < 0)
		return err_errno(err, "set the mode of the session keyring '%s'", name);
	return 0;
}
